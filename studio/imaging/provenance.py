"""How a picture came to be, said in its own file: IPTC's digital source type, as XMP.

Platforms show it as "AI info" or "Made with AI", and rules on such labels ask for it in a form that
machines read. The terms are IPTC's (cv.iptc.org/newscodes/digitalsourcetype, read 2026-11-29); the
property is ``Iptc4xmpExt:DigitalSourceType`` of the IPTC Photo Metadata Standard 2023.2.
"""

from __future__ import annotations

import re
import struct
import zlib
from typing import Final, Literal

from studio.errors import PictureRefused
from studio.imaging.containers import survey
from studio.imaging.kinds import sniff

SourceType = Literal[
    "",
    "trainedAlgorithmicMedia",
    "compositeWithTrainedAlgorithmicMedia",
    "algorithmicMedia",
    "algorithmicallyEnhanced",
]
"""Made by a trained model; changed by one; drawn by a program without one; enlarged or cleaned by a
program. Empty: nothing is said."""

PREFIX: Final = "http://cv.iptc.org/newscodes/digitalsourcetype/"

_TERMS: Final[dict[str, SourceType]] = {
    "trainedAlgorithmicMedia": "trainedAlgorithmicMedia",
    "compositeWithTrainedAlgorithmicMedia": "compositeWithTrainedAlgorithmicMedia",
    "algorithmicMedia": "algorithmicMedia",
    "algorithmicallyEnhanced": "algorithmicallyEnhanced",
    # What others write of the same, by the vocabulary's own "replaced by" and narrower terms.
    "compositeSynthetic": "compositeWithTrainedAlgorithmicMedia",
}
_FOUND = re.compile(rb"digitalsourcetype/([A-Za-z]{1,60})[\"<\s]")

XMP_KEYWORD: Final = "XML:com.adobe.xmp"
"""Of the PNG text that holds XMP (XMP specification, part 3, 1.1.5)."""

_JPEG_XMP = b"http://ns.adobe.com/xap/1.0/\x00"
_PNG_BEHIND_HEADER = 33
_VP8X_ALPHA, _VP8X_XMP = 0x10, 0x04
_RIFF_HEADER = 12
_CREDENTIALS = frozenset({"caBX", "APP11", "C2PA"})
"""Where PNG, JPEG and WebP keep Content Credentials."""
_MARKED: Final = ("image/png", "image/jpeg", "image/webp")


def packet(source: SourceType) -> bytes:
    """Return the XMP that says ``source`` and nothing else; nothing for nothing."""
    if not source:
        return b""
    return (
        '<x:xmpmeta xmlns:x="adobe:ns:meta/">'
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">'
        '<rdf:Description rdf:about="" '
        'xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/" '
        f'Iptc4xmpExt:DigitalSourceType="{PREFIX}{source}"/>'
        "</rdf:RDF></x:xmpmeta>"
    ).encode()


def source_of(data: bytes) -> SourceType:
    """Return what a picture's file says of its source; broken metadata say nothing."""
    media_type = sniff(data)
    if media_type not in _MARKED:
        return ""
    try:
        return term_in(survey(data, media_type).xmp)
    except PictureRefused:
        return ""


def term_in(said: bytes) -> SourceType:
    """Return which of the terms is in some metadata, as XML or JSON; empty where none is."""
    found = _FOUND.search(said)
    return _TERMS.get(found[1].decode(), "") if found else ""


def marked(data: bytes, source: SourceType) -> bytes:
    """Return the same file, each of its pixels as it is, which says ``source`` as well.

    A file that has XMP already is returned as it is, as is one with Content Credentials, whose
    signature holds for every byte (C2PA 2.1, 9.2), and one that is no PNG, JPEG or WebP.

    Args:
        data: a sound file.
        source: what to say.
    """
    media_type = sniff(data)
    if not source or media_type not in _MARKED or _says(data, media_type):
        return data
    if media_type == "image/png":
        return _png(data, packet(source))
    if media_type == "image/jpeg":
        return _jpeg(data, packet(source))
    return _webp(data, packet(source))


def _says(data: bytes, media_type: str) -> bool:
    found = survey(data, media_type)
    # A second packet would leave it to the reader which of the two is true.
    return bool(found.xmp) or not found.extras.isdisjoint(_CREDENTIALS)


def _png(data: bytes, xmp: bytes) -> bytes:
    body = b"iTXt" + XMP_KEYWORD.encode() + b"\x00\x00\x00\x00\x00" + xmp
    chunk = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
    return data[:_PNG_BEHIND_HEADER] + chunk + data[_PNG_BEHIND_HEADER:]


def _jpeg(data: bytes, xmp: bytes) -> bytes:
    place = 2
    # JFIF has to be first, and EXIF right behind it (their specifications); others may follow.
    for name in (b"JFIF\x00", b"Exif\x00"):
        if data[place] == 0xFF and data.startswith(name, place + 4):  # noqa: PLR2004 - a marker
            place += 2 + int.from_bytes(data[place + 2 : place + 4], "big")
    body = _JPEG_XMP + xmp
    return data[:place] + b"\xff\xe1" + struct.pack(">H", len(body) + 2) + body + data[place:]


def _webp(data: bytes, xmp: bytes) -> bytes:
    """Add the chunk at the end, where RFC 9649 wants it, and the header that announces it."""
    found = survey(data, "image/webp")
    chunks = data[_RIFF_HEADER : 8 + int.from_bytes(data[4:8], "little")]
    if chunks.startswith(b"VP8X"):
        chunks = chunks[:8] + bytes([chunks[8] | _VP8X_XMP]) + chunks[9:]
    else:
        flags = _VP8X_XMP | (_VP8X_ALPHA if _has_alpha(chunks) else 0)
        size = (found.width - 1).to_bytes(3, "little") + (found.height - 1).to_bytes(3, "little")
        chunks = b"VP8X" + struct.pack("<I", 10) + bytes([flags, 0, 0, 0]) + size + chunks
    chunks += b"\x00" * (len(chunks) & 1)
    chunks += b"XMP " + struct.pack("<I", len(xmp)) + xmp + b"\x00" * (len(xmp) & 1)
    return b"RIFF" + struct.pack("<I", 4 + len(chunks)) + b"WEBP" + chunks


def _has_alpha(chunks: bytes) -> bool:
    """Whether a simple file has transparency: only a lossless one may, and says so in a bit."""
    return chunks.startswith(b"VP8L") and bool(chunks[12] & 0x10)
