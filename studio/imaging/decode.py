"""Bytes from outside become a picture in memory, or a clear refusal.

Accepted are PNG, JPEG, WebP and the first frame of GIF: what browsers show and cameras, phones'
share menus and providers produce. Not TIFF, PSD, EPS, SVG, …: each is a family of codecs (or a
program) of which few are safe to run on strangers' bytes, and no provider takes them.

The kind is told by the bytes alone; file names and declared types are never believed. Only the
decoder of that kind is started.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO

from PIL import Image

from studio.errors import PictureRefused
from studio.imaging.colour import normalise

MAX_BYTES = 40 * 1024 * 1024
"""Largest file that is decoded, in bytes; a 50-megapixel JPEG of a phone has about 25 MB."""

MAX_PIXELS = 64_000_000
"""Largest picture, in pixels (8000 x 8000): the studio's own 4x upscale of 4 megapixels fits.

Decoded as RGBA that is 256 MB, below the size at which Pillow starts to warn (89 million)."""

FORMATS = {"image/png": "PNG", "image/jpeg": "JPEG", "image/webp": "WEBP", "image/gif": "GIF"}
"""Accepted media types, with Pillow's name of the one decoder that may be started for each."""

_ALLOWED = "PNG, JPEG, WebP or GIF"

_SIGNATURES: tuple[tuple[int, bytes, str], ...] = (
    (0, b"\x89PNG\r\n\x1a\n", "image/png"),
    (0, b"\xff\xd8\xff", "image/jpeg"),
    (0, b"GIF87a", "image/gif"),
    (0, b"GIF89a", "image/gif"),
    (8, b"WEBP", "image/webp"),
    (8, b"WAVE", "audio/wav"),
    (8, b"AVI ", "video/x-msvideo"),
    (4, b"ftypavif", "image/avif"),
    (4, b"ftypheic", "image/heic"),
    (4, b"ftypheix", "image/heic"),
    (4, b"ftypmif1", "image/heic"),
    (4, b"ftypqt  ", "video/quicktime"),
    (4, b"ftypM4A ", "audio/mp4"),
    (4, b"ftyp", "video/mp4"),
    (0, b"\x1a\x45\xdf\xa3", "video/webm"),
    (0, b"glTF", "model/gltf-binary"),
    (0, b"OggS", "audio/ogg"),
    (0, b"ID3", "audio/mpeg"),
    (0, b"\xff\xfb", "audio/mpeg"),
    (0, b"\xff\xf3", "audio/mpeg"),
    (0, b"\xff\xf2", "audio/mpeg"),
    (0, b"fLaC", "audio/flac"),
    (0, b"II*\x00", "image/tiff"),
    (0, b"MM\x00*", "image/tiff"),
    (0, b"BM", "image/bmp"),
    (0, b"8BPS", "image/vnd.adobe.photoshop"),
    (0, b"%PDF", "application/pdf"),
    (0, b"PK\x03\x04", "application/zip"),
)
"""Where (offset), what (bytes), which media type; the first that fits counts."""

_RIFF_TYPES = frozenset({"image/webp", "audio/wav", "video/x-msvideo"})
"""These have their mark inside a RIFF file, which must also begin as one."""

_ORIENTATION = 0x0112
"""EXIF tag; its values 1..8 are defined in CIPA DC-008, and 5..8 swap width and height."""
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_SWAPPING = (5, 6, 7, 8)


@dataclass(frozen=True)
class Probe:
    """What a picture's header says.

    Attributes:
        media_type: as ``sniff`` tells it.
        width: in pixels, as shown (EXIF orientation applied).
        height: in pixels, as shown.
    """

    media_type: str
    width: int
    height: int


def sniff(data: bytes) -> str | None:
    """Return the media type that the first bytes show, or ``None`` for an unknown kind.

    Knows also what the studio stores but does not decode (mp4, webm, glb, mp3, …) and common
    kinds that it refuses, so that a refusal can name them.
    """
    for offset, mark, media_type in _SIGNATURES:
        if data[offset : offset + len(mark)] != mark:
            continue
        if media_type in _RIFF_TYPES and data[:4] != b"RIFF":
            continue
        return media_type
    return None


def probe(data: bytes, *, max_pixels: int = MAX_PIXELS, max_bytes: int = MAX_BYTES) -> Probe:
    """Return kind and size from the header alone; the pixels are not decoded.

    A picture may still turn out to be broken: only ``open_picture`` knows.

    Raises:
        PictureRefused: not an accepted kind, an unreadable header, too many bytes or pixels.
    """
    media_type = _accepted(data, max_bytes)
    with _refusing(media_type), _header(data, media_type, max_pixels) as image:
        width, height = image.size
        if _orientation(image) in _SWAPPING:
            width, height = height, width
        return Probe(media_type, width, height)


def open_picture(
    data: bytes, *, max_pixels: int = MAX_PIXELS, max_bytes: int = MAX_BYTES
) -> Image.Image:
    """Decode a picture completely.

    Args:
        data: the whole file.
        max_pixels: refuse more pixels than this, before any memory is taken for them.
        max_bytes: refuse longer files than this.

    Returns:
        RGB, or RGBA where something is really transparent; 8 bits a channel, sRGB, upright,
        without metadata. Of an animation the first frame.

    Raises:
        PictureRefused: not an accepted kind, too large, truncated or otherwise broken.
    """
    media_type = _accepted(data, max_bytes)
    with _refusing(media_type), _header(data, media_type, max_pixels) as image:
        image.load()
        turn = _TURNS.get(_orientation(image))
        return normalise(image if turn is None else image.transpose(turn))


def _orientation(image: Image.Image) -> int:
    """Return the EXIF orientation, 1 where there is none or nobody can read it."""
    try:
        return int(image.getexif().get(_ORIENTATION, 1))
    except Exception:  # noqa: BLE001 - cameras write much broken EXIF; the pixels are still good
        return 1


def _accepted(data: bytes, max_bytes: int) -> str:
    """Return the media type, or refuse by length or kind."""
    if not data:
        raise PictureRefused("The file is empty.", field="picture", given="0 bytes")
    if len(data) > max_bytes:
        raise PictureRefused(
            "The file is too long.",
            field="picture",
            given=f"{len(data)} bytes",
            allowed=f"at most {max_bytes} bytes",
        )
    media_type = sniff(data)
    if media_type not in FORMATS:
        raise PictureRefused(
            "The file is not a picture of an accepted kind.",
            field="picture",
            given=media_type or "unknown bytes",
            allowed=_ALLOWED,
        )
    return media_type


@contextmanager
def _header(data: bytes, media_type: str, max_pixels: int) -> Iterator[Image.Image]:
    """Open the picture lazily, with the one decoder, and refuse it if it is too large."""
    with Image.open(BytesIO(data), formats=(FORMATS[media_type],)) as image:
        _check_size(image, max_pixels)
        yield image


def _check_size(image: Image.Image, max_pixels: int) -> None:
    """Refuse a picture with more pixels than allowed, or with none."""
    width, height = image.size
    if width < 1 or height < 1 or width * height > max_pixels:
        raise PictureRefused(
            "The picture has too many pixels." if width and height else "The picture is empty.",
            field="picture",
            given=f"{width} x {height} pixels",
            allowed=f"at most {max_pixels} pixels",
        )


@contextmanager
def _refusing(media_type: str) -> Iterator[None]:
    """Turn whatever a decoder throws at broken or hostile bytes into a refusal.

    Decoders raise OSError (truncated, unidentified), SyntaxError (broken PNG chunks), ValueError
    (oversized text chunks), and now and then something rarer; all of it means the same here.
    """
    try:
        yield
    except PictureRefused:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as bomb:
        # Pillow warns from 89 million pixels and raises from twice that. The warning only arrives
        # here where warnings are errors; elsewhere the cap refuses the same picture a line later.
        raise PictureRefused(
            "The picture has too many pixels.",
            field="picture",
            given=media_type,
            allowed=f"at most {MAX_PIXELS} pixels",
        ) from bomb
    except MemoryError:
        raise  # our shortage, not the picture's fault
    except Exception as broken:
        raise PictureRefused(
            "The picture is truncated or damaged.",
            field="picture",
            given=f"{media_type}: {broken}",
            allowed=f"a complete {_ALLOWED} file",
        ) from broken
