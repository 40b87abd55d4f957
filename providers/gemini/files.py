"""Input pictures as Gemini is to get them: upright, in a format that it reads, inline."""

from __future__ import annotations

import base64
from typing import Any

from providers.contract import Request
from providers.gemini.models import NAME
from providers.pictures import readable
from studio import imaging, media
from studio.errors import PictureRefused, ProviderRejected
from studio.operations import input_fields

_FINE = 95
"""Quality of a JPEG that had to be turned upright."""


def attached(request: Request) -> tuple[str, ...]:
    """Return the fields whose pictures go along, in the order in which they are spoken of."""
    return tuple(name for name in input_fields(type(request.operation)) if name in request.files)


def inline(request: Request, field: str) -> dict[str, Any]:
    """Return a picture as a part of the request.

    Raises:
        ProviderRejected: it cannot be read; nothing was sent.
    """
    try:
        data, media_type = _upright(request.files[field])
    except PictureRefused as error:
        raise ProviderRejected(
            f"The input picture cannot be used: {error.message}",
            provider=NAME,
            field=field,
            given=error.given,
            allowed=error.allowed,
        ) from error
    return {"inlineData": {"mimeType": media_type, "data": base64.b64encode(data).decode()}}


def _upright(data: bytes) -> tuple[bytes, str]:
    """Return a picture that Gemini reads; its own bytes, unless they say "turn me".

    Whether such a note is heeded there is not told.
    """
    data, media_type = readable(data)
    if not imaging.probe(data, max_bytes=media.MAX_MADE_BYTES).turned:
        return data, media_type
    image = imaging.open_picture(data)
    if media_type == "image/jpeg":
        return imaging.encode(image, "jpeg", quality=_FINE), media_type
    return imaging.encode(image, "png"), "image/png"
