"""Compressing and converting: the same picture as another file.

What the decoder gives is upright, 8-bit sRGB and free of metadata; artist and copyright are passed
on. A limit is met or the work fails: nothing is called a success that is not.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageColor

from providers.contract import Delivery, Output, Request
from providers.local.work import expect, picture
from providers.offers import Offer
from studio import imaging
from studio.errors import InvalidRequest, ProviderRejected
from studio.operations import Compress, Convert

_KILOBYTE = 1_000
_LEAST_SIDE = 16
"""Pixels of the longer side below which nothing is to be seen."""
_STEPS = 12
"""Sizes tried at most; each is at most 0.9 of the one before."""
_SHRINK, _SHRINK_LEAST = 0.9, 0.5
_CMYK = 4
"""Channels of a JPEG that few programs show right."""


def compress(offer: Offer, request: Request, _weights: Path) -> Delivery:
    """Make the file small; see ``studio.operations.Compress``.

    Raises:
        ProviderRejected: the limit cannot be met.
    """
    made = shrunk(request)
    return _compressed(offer, request.files["image"], made)


@dataclass(frozen=True, slots=True)
class Shrunk:
    """A picture's file made small.

    Attributes:
        file: its bytes, and the quality that they have.
        kind: of file.
        image: what is in it.
    """

    file: imaging.Fitted
    kind: imaging.Format
    image: Image.Image


def shrunk(request: Request) -> Shrunk:
    """Make the file of a ``Compress`` small, and nothing else; raises as ``compress``."""
    wanted = expect(Compress, request.operation)
    data = request.files["image"]
    kind = _kind(wanted.output_format, data)
    image = _at_most(picture(request), wanted.max_side)
    credit, limit = imaging.credit_of(data), wanted.max_kilobytes * _KILOBYTE
    whole = imaging.Fitted(data, 100)
    if not _is_clean(data, kind, image.size) or (limit and len(data) > limit):
        file, image = _small(image, kind, wanted, credit)
    elif limit and kind != "png":
        file = whole  # it fits, and to write it again would only lose
    else:
        again = imaging.shrink(image, kind, least=wanted.min_quality, credit=credit)
        file = min(whole, again, key=lambda each: len(each.data))
    return Shrunk(file, kind, image)


def convert(offer: Offer, request: Request, _weights: Path) -> Delivery:
    """Write another kind of file; see ``studio.operations.Convert``.

    Raises:
        ProviderRejected: the kind cannot hold so many pixels.
    """
    wanted = expect(Convert, request.operation)
    data = request.files["image"]
    image = _at_most(picture(request), wanted.max_side)
    had_alpha = image.mode == "RGBA"
    if had_alpha and (wanted.background or wanted.output_format == "jpeg"):
        red, green, blue = ImageColor.getrgb(wanted.background or "#ffffff")[:3]
        image = imaging.flatten(image, (red, green, blue))
    try:
        made = imaging.encode(
            image,
            wanted.output_format,
            quality=wanted.quality,
            lossless=wanted.lossless,
            credit=imaging.credit_of(data),
        )
    except InvalidRequest as error:
        raise ProviderRejected(
            error.message,
            provider="local",
            field="output_format",
            given=wanted.output_format,
            allowed=f"{error.allowed}, or a max_side",
        ) from error
    lossless = wanted.output_format == "png" or wanted.lossless
    facts = {
        "from": imaging.sniff(data),
        "bytes_before": len(data),
        "bytes": len(made),
        "quality": 100 if lossless else wanted.quality,
        "transparency": _transparency(had_alpha, image),
    }
    return Delivery(
        outputs=(_output(made, wanted.output_format, image),),
        model=offer.model,
        method=f"written anew as {wanted.output_format}",
        facts=facts,
    )


def _small(
    image: Image.Image, kind: imaging.Format, wanted: Compress, credit: imaging.Credit
) -> tuple[imaging.Fitted, Image.Image]:
    """Return the file, and the picture that is in it: with fewer pixels if that is allowed."""
    limit, whole = wanted.max_kilobytes * _KILOBYTE, image
    allowed = ""
    for _ in range(_STEPS):
        try:
            file = imaging.shrink(
                image, kind, max_bytes=limit, least=wanted.min_quality, credit=credit
            )
        except InvalidRequest as error:
            allowed = allowed or str(error.allowed)
            image = _fewer(whole, image, error, limit)
            if wanted.keep_size or max(image.size) < _LEAST_SIDE:
                break
        else:
            return file, image
    raise ProviderRejected(
        f"The picture cannot be brought to {wanted.max_kilobytes} kilobytes as {kind}.",
        provider="local",
        field="max_kilobytes",
        given=wanted.max_kilobytes,
        allowed=allowed,
    )


def _fewer(
    whole: Image.Image, image: Image.Image, error: InvalidRequest, limit: int
) -> Image.Image:
    """Return the picture at the size at which it should fit: bytes go with the area."""
    step = min(max(math.sqrt(limit / error.details["smallest"]), _SHRINK_LEAST), _SHRINK)
    return _at_most(whole, max(1, round(max(image.size) * step)))


def _kind(wanted: str, data: bytes) -> imaging.Format:
    """Return the file type to write; what the studio does not write becomes PNG."""
    names: dict[str, imaging.Format] = {"jpeg": "jpeg", "webp": "webp", "png": "png"}
    if wanted == "keep":
        wanted = (imaging.sniff(data) or "").removeprefix("image/")
    return names.get(wanted, "png")


def _is_clean(data: bytes, kind: imaging.Format, size: tuple[int, int]) -> bool:
    """Whether the file could be handed out as it is: same kind and size, and no metadata."""
    found = imaging.probe(data)
    return (
        found.media_type == imaging.MEDIA_TYPES[kind]
        and (found.width, found.height) == size
        and not (found.extras or found.turned)
        and found.frames == 1
        and found.channels != _CMYK
    )


def _at_most(image: Image.Image, side: int) -> Image.Image:
    """Return the picture with at most so many pixels a side; 0 leaves it."""
    if not side or max(image.size) <= side:
        return image
    scale = side / max(image.size)
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    return image.resize(size, Image.Resampling.LANCZOS)


def _compressed(offer: Offer, before: bytes, made: Shrunk) -> Delivery:
    file, kind = made.file, made.kind
    facts = {
        "bytes_before": len(before),
        "bytes": len(file.data),
        "saved_percent": round(100 * (1 - len(file.data) / len(before)), 1),
    }
    if file.data is before:
        method = "left as it was: it is small and clean already"
    else:
        facts["quality"] = file.quality
        method = f"{kind} of quality {file.quality}, packed as small as it goes"
    output = _output(file.data, kind, made.image)
    return Delivery(outputs=(output,), model=offer.model, method=method, facts=facts)


def _transparency(before: bool, image: Image.Image) -> str:  # noqa: FBT001 - two things, in order
    if not before:
        return "none"
    return "kept" if image.mode == "RGBA" else "laid on the background"


def _output(data: bytes, kind: imaging.Format, image: Image.Image) -> Output:
    return Output(data, imaging.MEDIA_TYPES[kind], "", image.width, image.height)
