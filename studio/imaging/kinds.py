"""Of what kind a file is, told by its first bytes alone: names and declared types are not believed.

Accepted as pictures are PNG, JPEG, WebP and the first frame of GIF: what browsers show and cameras,
phones' share menus and providers produce. Not TIFF, AVIF, HEIC, PSD, EPS, SVG, …: each is a family
of codecs (or a program) of which few are safe to run on strangers' bytes, and no provider takes
them.
"""

from __future__ import annotations

FORMATS = {"image/png": "PNG", "image/jpeg": "JPEG", "image/webp": "WEBP", "image/gif": "GIF"}
"""Accepted media types, with Pillow's name of the one decoder that may be started for each."""

ALLOWED = "PNG, JPEG, WebP or GIF"
"""The same for people."""

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
