"""Input pictures as the inference providers get them: upright, not too large, as ``data:`` URIs.

How large a request may be is not confirmed for any of them, and the models work on one or two
megapixels. What is larger is reduced before it is sent.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from PIL import Image

from providers.huggingface.routes import NAME
from providers.pictures import data_uri, readable
from studio import imaging
from studio.errors import ProviderRejected, StudioError

_FINE = 92
"""JPEG quality of what is reduced: it is looked at by a model that has to repeat it."""


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture to send.

    Attributes:
        uri: the file as a ``data:`` URI with its true media type.
        width: pixels, as sent.
        height: pixels, as sent.
    """

    uri: str
    width: int
    height: int


def prepared(field: str, data: bytes, most_pixels: int = 0) -> Picture:
    """Return a picture ready to be sent. It takes a while.

    Args:
        field: of the operation, for errors.
        data: any picture that the studio reads.
        most_pixels: larger ones are reduced to it; 0 leaves them as they are.

    Raises:
        ProviderRejected: it cannot be read; nothing was sent.
    """
    try:
        return _prepared(data, most_pixels)
    except StudioError as error:
        raise ProviderRejected(
            f"An input file cannot be used: {error.message} Nothing was sent.",
            provider=NAME,
            field=field,
            given=error.given,
            allowed=error.allowed,
        ) from error


def _prepared(data: bytes, most_pixels: int) -> Picture:
    data, media_type = readable(data)
    found = imaging.probe(data)
    width, height = found.width, found.height
    large = bool(most_pixels) and width * height > most_pixels
    if large or found.turned:
        image = imaging.open_picture(data)  # which also turns it upright
        if large:
            scale = math.sqrt(most_pixels / (image.width * image.height))
            size = max(1, int(image.width * scale)), max(1, int(image.height * scale))
            image = image.resize(size, Image.Resampling.LANCZOS)
        jpeg = media_type == "image/jpeg"
        data = imaging.encode(image, "jpeg" if jpeg else "png", quality=_FINE)
        media_type = "image/jpeg" if jpeg else "image/png"
        width, height = image.size
    return Picture(data_uri(data, media_type), width, height)
