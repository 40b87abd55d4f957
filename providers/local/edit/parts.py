"""What all edits share: the picture out of a request, the delivery into one, and refusals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias, TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from providers import pictures
from providers.contract import Delivery, Output, Request
from providers.offers import Offer
from studio import imaging
from studio.errors import ProviderRejected
from studio.operations import Operation

Wanted = TypeVar("Wanted", bound=Operation)

Floats: TypeAlias = NDArray[np.floating[Any]]
"""float32; shares are 0..1."""
Pixels: TypeAlias = NDArray[np.uint8]
"""RGB of 8 bit, shape (height, width, 3), unless it is said otherwise."""
Mask: TypeAlias = NDArray[np.bool_]

_GREY = (128, 128, 128)
_HALF = 128
"""From this grey on a mask means "change"."""


def expect(kind: type[Wanted], operation: Operation) -> Wanted:
    """Return the operation as what the offer was made for."""
    if not isinstance(operation, kind):
        raise TypeError(f"{operation.operation} came to an offer for {kind.__name__}")
    return operation


def picture(request: Request, field: str = "image") -> Image.Image:
    """Return an input picture, RGB or RGBA, upright."""
    return imaging.open_picture(request.files[field])


def split(image: Image.Image) -> tuple[Pixels, Pixels | None]:
    """Return RGB (hidden colours and all) and, where there is transparency, alpha."""
    rgb = np.array(image.convert("RGB"))
    if image.mode != "RGBA" or image.getchannel("A").getextrema() == (255, 255):
        return rgb, None
    return rgb, np.array(image.getchannel("A"))


def joined(rgb: Pixels, alpha: Pixels | None) -> Image.Image:
    """The other way round."""
    if alpha is None:
        return Image.fromarray(rgb)
    return Image.fromarray(np.dstack([rgb, alpha]))


def seen(image: Image.Image) -> Pixels:
    """Return RGB as a person sees it: what is transparent lies on grey."""
    if image.mode != "RGBA":
        return np.array(image.convert("RGB"))
    flat = Image.new("RGB", image.size, _GREY)
    flat.paste(image, mask=image.getchannel("A"))
    return np.array(flat)


def mask_of(request: Request) -> Mask:
    """Return where the picture is to change: the mask given, else the picture's transparency.

    Raises:
        ProviderRejected: there is neither, or they name nothing.
    """
    data = pictures.mask_for(request.files["image"], request.files.get("mask"))
    if data is None:
        raise refused(
            "There is no mask, and the picture has no transparency to take for one.",
            field="mask",
            given="(empty)",
            allowed="a picture that is white where to change, or a picture with transparency",
        )
    found = np.asarray(imaging.open_picture(data).convert("L")) >= _HALF
    if not found.any():
        raise refused(
            "The mask names nothing: no part of it is white.",
            field="mask",
            given="all black",
            allowed="white where to change, black where to keep",
        )
    return np.asarray(found, np.bool_)


def grown(mask: Mask, pixels: int) -> Mask:
    """Return the mask with a margin of so many pixels."""
    if pixels <= 0:
        return mask
    side = 2 * pixels + 1
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    return np.asarray(cv2.dilate(mask.astype(np.uint8), disc), np.bool_)


def refused(message: str, *, field: str, given: object, allowed: str) -> ProviderRejected:
    """Return the error for what this machine cannot do; nothing was bought."""
    return ProviderRejected(message, provider="local", field=field, given=given, allowed=allowed)


def delivery(
    offer: Offer,
    image: Image.Image,
    format_: imaging.Format,
    *,
    method: str,
    seed: int | None = None,
    facts: Mapping[str, Any] | None = None,
    not_done: Sequence[str] = (),
) -> Delivery:
    """Return a picture with what is to be said of it."""
    data = imaging.encode(image, format_)
    told = dict(facts or {})
    if not_done:
        told["not_done"] = list(dict.fromkeys(not_done))
    return Delivery(
        outputs=(Output(data, imaging.MEDIA_TYPES[format_], "", image.width, image.height),),
        model=offer.model,
        method=method,
        seed=seed,
        facts=told,
    )
