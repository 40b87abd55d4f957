"""Who made a picture: the one thing of its metadata that is worth keeping.

Places, times, cameras and comments stay behind; the names of artist and holder of the copyright are
there to be passed on.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from io import BytesIO

from PIL import Image

from studio.imaging.decode import FORMATS

_ARTIST, _COPYRIGHT = 0x013B, 0x8298
"""Tags of EXIF (CIPA DC-008, 4.6.4)."""

_LONGEST = 200
"""Characters kept of each."""


@dataclass(frozen=True)
class Credit:
    """Names from a picture's EXIF; empty where there are none."""

    artist: str = ""
    copyright: str = ""

    def exif(self) -> bytes:
        """Return an EXIF block with these names alone; nothing if there are none."""
        block = Image.Exif()
        for tag, name in ((_ARTIST, self.artist), (_COPYRIGHT, self.copyright)):
            if name:
                # Bytes, because Pillow would make question marks of what is not ASCII.
                block[tag] = name.encode()
        return block.tobytes() if len(block) else b""


NOBODY = Credit()
"""No names."""


def credit_of(data: bytes) -> Credit:
    """Return the names in a picture's metadata; broken metadata names nobody."""
    try:
        with Image.open(BytesIO(data), formats=tuple(FORMATS.values())) as image:
            exif = image.getexif()
            return Credit(_name(exif.get(_ARTIST)), _name(exif.get(_COPYRIGHT)))
    except Exception:  # noqa: BLE001 - cameras write much broken EXIF, and it is no reason to fail
        return NOBODY


def _name(value: object) -> str:
    """Return a name as one line; what is no text is none."""
    if not isinstance(value, str):
        return ""
    with suppress(UnicodeError):
        value = value.encode("latin-1").decode()  # EXIF says ASCII, writers mean UTF-8
    kept = "".join(letter if letter.isprintable() else " " for letter in value)
    return " ".join(kept.split())[:_LONGEST]
