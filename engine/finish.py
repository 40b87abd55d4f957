"""Finishing: from what a model made to the size and file type that were asked for.

Hardly any model makes any size. The rule: the picture is scaled (Lanczos) until it just covers the
size asked for, and what sticks out is cut off evenly at both sides. Offers are chosen so that this
is little (``providers.sizes``, ``providers.routing``). What was done is kept with the asset.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from PIL import Image

from providers import Input
from studio import imaging, media
from studio.operations import Operation


@dataclass(frozen=True, slots=True)
class Finished:
    """A finished file, and what is to be said of it."""

    data: bytes
    facts: dict[str, Any]


def finish(data: bytes, operation: Operation, inputs: Sequence[Input]) -> Finished:
    """Return the picture as it was asked for; its own bytes where it is that already.

    Raises:
        PictureRefused: the bytes are no picture that the studio accepts.
    """
    found = imaging.probe(data, max_bytes=media.MAX_MADE_BYTES)
    first = next(((each.width, each.height) for each in inputs if each.width), (0, 0))
    target = operation.target(*first) or (found.width, found.height)
    format_ = _format(operation, found.media_type)
    media_type = imaging.MEDIA_TYPES[format_]
    if (found.width, found.height) == target and found.media_type == media_type:
        return Finished(data, {})
    image = imaging.open_picture(data, max_bytes=media.MAX_MADE_BYTES)
    image, words = cover(image, target)
    if found.media_type != media_type:
        words.append(f"written as {media_type}")
    finished = imaging.encode(image, format_)
    delivered = f"{found.width}x{found.height} {found.media_type}"
    return Finished(finished, {"delivered": delivered, "finished": ", ".join(words)})


def _format(operation: Operation, media_type: str) -> imaging.Format:
    """Return the file type that was asked for, or else that of what came."""
    wanted: imaging.Format | None = getattr(operation, "output_format", None)
    if wanted:
        return wanted
    return imaging.format_of(media_type) if media_type in imaging.MEDIA_TYPES.values() else "png"


def cover(image: Image.Image, target: tuple[int, int]) -> tuple[Image.Image, list[str]]:
    """Scale ``image`` until it covers ``target`` and cut off the rest; say what was done."""
    width, height = target
    if image.size == target:
        return image, []
    scale = max(width / image.width, height / image.height)
    # Not below nothing, which floats may come to.
    cut = (
        max(0.0, (image.width - width / scale) / 2),
        max(0.0, (image.height - height / scale) / 2),
    )
    box = (cut[0], cut[1], image.width - cut[0], image.height - cut[1])
    lost = 1 - (box[2] - box[0]) * (box[3] - box[1]) / (image.width * image.height)
    words = [f"{'enlarged' if scale > 1 else 'reduced'} to {scale:.0%}"] if scale != 1 else []
    if lost > 0.001:  # noqa: PLR2004 - less than a pixel in a thousand is not worth a word
        words.append(f"{lost:.1%} cut off at the edges")
    return image.resize(target, Image.Resampling.LANCZOS, box=box), words
