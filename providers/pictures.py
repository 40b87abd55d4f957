"""Pictures on their way to and from a provider."""

from __future__ import annotations

import base64

from PIL import Image

from providers.contract import Output
from studio import imaging, media
from studio.errors import BadResponse, PictureRefused

COMMON = ("image/png", "image/jpeg", "image/webp")
"""What every provider reads."""

_FROM_URLS = str.maketrans("-_", "+/")
"""From the alphabet of base64 that is safe in URLs to the usual one (RFC 4648, 5)."""


def readable(data: bytes, accepted: tuple[str, ...] = COMMON) -> tuple[bytes, str]:
    """Return a picture in a format that the provider reads, and its media type.

    What it reads already is sent as it is, with what a camera noted in it; anything else (a GIF,
    say) becomes a PNG.
    """
    media_type = imaging.sniff(data) or ""
    if media_type in accepted:
        return data, media_type
    return imaging.encode(imaging.open_picture(data), "png"), "image/png"


def mask_for(picture: bytes, mask: bytes | None) -> bytes | None:
    """Return a mask as a PNG in grey, as large as the picture; see ``drawn_mask``."""
    grey = drawn_mask(picture, mask)
    return None if grey is None else imaging.encode(grey.convert("RGB"), "png")


def drawn_mask(picture: bytes, mask: bytes | None) -> Image.Image | None:
    """Return a mask in grey (mode L), as large as the picture: white where to change.

    A mask with transparency counts as drawn on black; one of another size is resized
    (bilinear). Without a mask the picture's own transparency is one (transparent = change);
    ``None`` when it has none either.

    Raises:
        PictureRefused: one of them is no picture that the studio accepts.
    """
    image = imaging.open_picture(picture)
    if mask is not None:
        drawn = imaging.open_picture(mask)
        if drawn.mode == "RGBA":
            black = Image.new("RGBA", drawn.size, (0, 0, 0, 255))
            drawn = Image.alpha_composite(black, drawn)
        grey = drawn.convert("L")
    elif image.mode == "RGBA":
        grey = Image.eval(image.getchannel("A"), lambda value: 255 - value)
    else:
        return None
    if grey.size != image.size:
        grey = grey.resize(image.size, Image.Resampling.BILINEAR)
    return grey


def data_uri(data: bytes, media_type: str) -> str:
    """Return a file as a ``data:`` URI."""
    return f"data:{media_type};base64,{base64.b64encode(data).decode()}"


def from_base64(provider: str, text: object) -> bytes:
    """Return the bytes of a base64 text, with or without ``data:…,`` before it.

    What is paid for is not lost for line breaks, missing padding or the alphabet for URLs.

    Raises:
        BadResponse: it is no base64.
    """
    if not isinstance(text, str):
        raise BadResponse(f"{provider} sent no base64 where a file should be.", provider=provider)
    if text.startswith("data:"):
        head, _, text = text.partition(",")
        text = text if head.endswith(";base64") else ""
    plain = "".join(text.split()).translate(_FROM_URLS)
    try:
        data = base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except ValueError:
        raise BadResponse(f"{provider} sent a file that is no base64.", provider=provider) from None
    if not data:
        raise BadResponse(f"{provider} sent an empty file.", provider=provider)
    return data


def picture_output(provider: str, data: bytes, name: str = "") -> Output:
    """Return an output for a picture, named for what its bytes are and not for what a header says.

    All of it is decoded: a picture that breaks off in its middle is found out here.

    Raises:
        BadResponse: it is no picture that the studio can use.
    """
    image = delivered_picture(provider, data)
    return Output(data, imaging.sniff(data) or "", name, image.width, image.height)


def delivered_picture(provider: str, data: bytes) -> Image.Image:
    """Return a delivered picture, decoded.

    Raises:
        BadResponse: it is no picture that the studio can use.
    """
    try:
        return imaging.open_picture(data, max_bytes=media.MAX_MADE_BYTES)
    except PictureRefused as error:
        raise BadResponse(
            f"{provider} delivered something that is no usable picture: {error.message}",
            provider=provider,
        ) from error
