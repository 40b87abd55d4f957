"""Hostile and unusual picture files, made by hand."""

from __future__ import annotations

import struct
import zlib
from io import BytesIO

import numpy as np
from PIL import Image

PNG_START = b"\x89PNG\r\n\x1a\n"


def written(image: Image.Image, kind: str, **options: object) -> bytes:
    """Return the picture as a file of Pillow's."""
    buffer = BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def noise(width: int = 64, height: int = 48) -> Image.Image:
    """Return a picture in RGB that compresses badly."""
    values = np.random.default_rng(7).integers(0, 256, (height, width, 3), np.uint8)
    return Image.fromarray(values)


def chunk(name: bytes, body: bytes) -> bytes:
    """Return a chunk of a PNG."""
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def png(width: int, height: int, *extras: bytes, pixels: bytes = b"") -> bytes:
    """Return a PNG in grey, 8 bit, with further chunks after its header."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    rows = pixels or zlib.compress(bytes(min((width + 1) * height, 1_000_000)), 9)
    return PNG_START + header + b"".join(extras) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def segment(code: int, body: bytes) -> bytes:
    """Return a segment of a JPEG."""
    return struct.pack(">BBH", 0xFF, code, len(body) + 2) + body


def with_segments(jpeg: bytes, *segments: bytes) -> bytes:
    """Return a JPEG with further segments at its beginning."""
    return jpeg[:2] + b"".join(segments) + jpeg[2:]


def webp_header(width: int, height: int, *, frames: int = 0) -> bytes:
    """Return a WebP that tells a size and has no pixels to show for it."""
    flags = bytes([0x02 if frames else 0, 0, 0, 0])
    canvas = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    body = b"WEBPVP8X" + struct.pack("<I", 10) + flags + canvas
    body += (b"ANMF" + struct.pack("<I", 16) + bytes(16)) * frames
    return b"RIFF" + struct.pack("<I", len(body)) + body


def gif(frames: int, *, width: int = 4, height: int = 4, comments: int = 0) -> bytes:
    """Return a GIF of black frames."""
    head = b"GIF89a" + struct.pack("<HHBBB", width, height, 0x80, 0, 0) + bytes(6)
    one = written(Image.new("P", (width, height)), "GIF")
    start = one.index(b"\x2c")
    frame = one[start : one.rindex(b"\x3b")]
    return head + b"\x21\xfe\x01x\x00" * comments + frame * frames + b"\x3b"


def exif_bomb(megabytes: int) -> bytes:
    """Return an EXIF block in which thousands of entries each point at all of its megabytes."""
    size, count = megabytes * 1_000_000, 2_000
    entries = b"".join(
        struct.pack("<HHII", 0x9000 + number, 7, size, 8 + 2 + 12 * count)
        for number in range(count)
    )
    return b"II*\x00" + struct.pack("<IH", 8, count) + entries + bytes(size + 4)
