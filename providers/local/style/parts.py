"""What the kinds of work in this room share."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

from PIL import Image

from providers.contract import Delivery, Output, Request
from providers.offers import Offer
from studio import imaging
from studio.operations import Operation

Wanted = TypeVar("Wanted", bound=Operation)


def expect(kind: type[Wanted], operation: Operation) -> Wanted:
    """Return the operation, which must be of this kind."""
    if not isinstance(operation, kind):
        raise TypeError(f"{operation.operation} came to an offer for {kind.__name__}")
    return operation


def opened(request: Request, field: str) -> Image.Image:
    """Return an input picture, RGB or RGBA.

    Raises:
        PictureRefused: it cannot be read.
    """
    return imaging.open_picture(request.files[field])


def opaque(picture: Image.Image) -> Image.Image:
    """Return RGB; what is transparent becomes white, as paper is."""
    return imaging.flatten(picture)


def delivered(
    offer: Offer,
    image: Image.Image,
    file_type: imaging.Format,
    method: str,
    *,
    seed: int | None = None,
    not_done: Sequence[str] = (),
    **facts: Any,
) -> Delivery:
    """Return what was made, with the facts; what could not be done is told only if there is any."""
    data = imaging.encode(image, file_type)
    if not_done:
        facts["not_done"] = list(not_done)
    return Delivery(
        outputs=(Output(data, imaging.MEDIA_TYPES[file_type], "", image.width, image.height),),
        model=offer.model,
        method=method,
        seed=seed,
        facts=facts,
    )
