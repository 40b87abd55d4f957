"""The picture formats of the social platforms, from ``social_formats.csv``.

Sizes and safe zones were taken from the original Image Studio's catalog in 2026-08.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from importlib.resources import files

from studio.errors import InvalidRequest


@dataclass(frozen=True, slots=True)
class SocialFormat:
    """One size that a platform shows.

    Attributes:
        id: ``platform_name``, as people write it in forms and CSV files.
        width: pixels.
        height: pixels.
        safe_zone: fractions (top, bottom, left, right) of the picture that the platform may cover.
        max_bytes: the largest file that the platform takes.
    """

    id: str
    platform: str
    name: str
    width: int
    height: int
    safe_zone: tuple[float, float, float, float]
    max_bytes: int


def _read() -> dict[str, SocialFormat]:
    text = (files(__package__) / "social_formats.csv").read_text(encoding="utf-8")
    return {row["id"]: _parse(row) for row in csv.DictReader(text.splitlines())}


def _parse(row: dict[str, str]) -> SocialFormat:
    edges = ("safe_top", "safe_bottom", "safe_left", "safe_right")
    top, bottom, left, right = (float(row[edge]) for edge in edges)
    return SocialFormat(
        id=row["id"],
        platform=row["platform"],
        name=row["name"],
        width=int(row["width"]),
        height=int(row["height"]),
        safe_zone=(top, bottom, left, right),
        max_bytes=int(row["max_megabytes"]) * 1_000_000,
    )


SOCIAL_FORMATS: dict[str, SocialFormat] = _read()
"""Every format by its id, in the order of the file."""


def social_format(identifier: str) -> SocialFormat:
    """Return the format called ``identifier``.

    Raises:
        InvalidRequest: there is no such format.
    """
    try:
        return SOCIAL_FORMATS[identifier]
    except KeyError:
        raise InvalidRequest(
            "There is no such social format.",
            field="formats",
            given=identifier,
            allowed=", ".join(SOCIAL_FORMATS),
        ) from None
