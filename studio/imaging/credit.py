"""Who made a picture, and how: the two things of its metadata that are worth keeping.

Places, times, cameras and comments stay behind; the names of artist and holder of the copyright are
there to be passed on, and so is the label that tells a picture of AI.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

from PIL import Image

from studio.errors import PictureRefused
from studio.imaging.containers import survey
from studio.imaging.exif import ARTIST, COPYRIGHT, texts
from studio.imaging.kinds import FORMATS, sniff
from studio.imaging.provenance import SourceType, source_of

_LONGEST = 200
"""Characters kept of each."""


@dataclass(frozen=True)
class Credit:
    """Names from a picture's EXIF and its source from XMP; empty where there are none."""

    artist: str = ""
    copyright: str = ""
    source: SourceType = ""

    def exif(self) -> bytes:
        """Return an EXIF block with these names alone; nothing if there are none."""
        block = Image.Exif()
        for tag, name in ((ARTIST, self.artist), (COPYRIGHT, self.copyright)):
            if name:
                # Bytes, because Pillow would make question marks of what is not ASCII.
                block[tag] = name.encode()
        return block.tobytes() if len(block) else b""


NOBODY = Credit()
"""No names, and no source."""


def credit_of(data: bytes) -> Credit:
    """Return the names in a picture's metadata; broken metadata names nobody."""
    media_type = sniff(data)
    if media_type not in FORMATS:
        return NOBODY
    try:
        found = texts(survey(data, media_type).exif, ARTIST, COPYRIGHT)
    except PictureRefused:
        return NOBODY
    artist, holder = found.get(ARTIST, ""), found.get(COPYRIGHT, "")
    return Credit(_name(artist), _name(holder), source_of(data))


def _name(value: str) -> str:
    """Return a name as one line."""
    with suppress(UnicodeError):
        value = value.encode("latin-1").decode()  # EXIF says ASCII, writers mean UTF-8
    kept = "".join(letter if letter.isprintable() else " " for letter in value)
    return " ".join(kept.split())[:_LONGEST]
