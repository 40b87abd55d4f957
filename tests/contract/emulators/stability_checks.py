"""How Stability AI judges the fields of a form: kinds, ranges, lengths, pixels."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tests.contract.emulators.base import Part, read_picture

FORMATS = {"PNG", "JPEG", "WEBP"}
RATIOS = ("21:9", "16:9", "3:2", "5:4", "1:1", "4:5", "2:3", "9:16", "9:21")
STYLES = (
    *("enhance", "anime", "photographic", "digital-art", "comic-book", "fantasy-art", "line-art"),
    *("analog-film", "neon-punk", "isometric", "low-poly", "origami", "modeling-compound"),
    *("cinematic", "3d-model", "pixel-art", "tile-texture"),
)
LARGEST_SEED = 4_294_967_294


@dataclass(frozen=True)
class Text:
    """Words: so many characters."""

    least: int = 1
    most: int = 10_000

    def fault(self, part: Part) -> str:
        try:
            length = len(part.text)
        except UnicodeDecodeError:
            return "must be a string"
        if length < self.least:
            return "required"
        return "" if length <= self.most else f"must be at most {self.most} characters"


@dataclass(frozen=True)
class Choice:
    """One of some words."""

    words: Sequence[str]

    def fault(self, part: Part) -> str:
        expected = " | ".join(f"'{word}'" for word in self.words)
        if part.data.decode("utf-8", "replace") in self.words:
            return ""
        return f"invalid enum value. Expected {expected}"


@dataclass(frozen=True)
class Number:
    """A number within limits."""

    least: float
    most: float
    whole: bool = False

    def fault(self, part: Part) -> str:
        try:
            value = int(part.text) if self.whole else float(part.text)
        except ValueError:
            return "must be an integer" if self.whole else "must be a number"
        if not math.isfinite(value) or not self.least <= value <= self.most:
            return f"must be between {self.least:g} and {self.most:g}"
        return ""


@dataclass(frozen=True)
class Picture:
    """A JPEG, PNG or WebP within limits of its pixels."""

    side: int = 64
    longest: int = 0
    least: int = 4_096
    most: int = 9_437_184
    flat: float = 0

    def fault(self, part: Part) -> str:
        try:
            image = read_picture(part.data)
        except ValueError:
            return "must be an image"
        if image.format not in FORMATS:
            return "must be a JPEG, PNG or WebP"
        return self._fault_of_size(*image.size)

    def _fault_of_size(self, width: int, height: int) -> str:
        if min(width, height) < self.side:
            return f"each side must be at least {self.side} pixels"
        if self.longest and max(width, height) > self.longest:
            return f"each side must be at most {self.longest} pixels"
        if width * height < self.least or (self.most and width * height > self.most):
            return f"must have between {self.least} and {self.most} pixels"
        if self.flat and max(width, height) > self.flat * min(width, height):
            return "aspect ratio must be between 1:2.5 and 2.5:1"
        return ""


@dataclass(frozen=True)
class Mask:
    """A picture of any size: white to edit, black to keep."""

    def fault(self, part: Part) -> str:
        try:
            image = read_picture(part.data)
        except ValueError:
            return "must be an image"
        return "" if image.format in FORMATS else "must be a JPEG, PNG or WebP"


Check = Text | Choice | Number | Picture | Mask

STD = Picture()
AR = Picture(flat=2.5)
SMALL = Picture(most=4_194_304)
SHARE = Number(0, 1)
SEED = Number(0, LARGEST_SEED, whole=True)
STYLE = Choice(STYLES)
FORMAT = Choice(("png", "jpeg", "webp"))
RATIO = Choice(RATIOS)
OPTIONAL = Text(least=0)


def faults(
    checks: Mapping[str, Check], required: Sequence[str], parts: Mapping[str, Part]
) -> list[str]:
    """Return what is wrong with a form, field by field."""
    missing = [f"{name}: required" for name in required if name not in parts]
    wrong = [
        f"{name}: {fault}"
        for name, part in parts.items()
        if name in checks and (fault := checks[name].fault(part))
    ]
    return missing + wrong
