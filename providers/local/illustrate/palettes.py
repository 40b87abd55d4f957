"""Palettes: the light of a picture. The numbers live in ``palettes.toml``, which explains them."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

from providers.local.illustrate.colour import Colour, hexed, lit, mix, tinted, to_lab

_FILE = Path(__file__).with_name("palettes.toml")


@dataclass(frozen=True)
class Palette:
    """One light; see ``palettes.toml`` for the meaning of each colour."""

    name: str
    sky: tuple[Colour, ...]
    sun: Colour
    key: Colour
    haze: Colour
    shade: Colour
    water: tuple[Colour, ...]
    accent: tuple[Colour, ...]
    local: float
    height: float
    night: bool

    def surface(self, albedo: Colour, depth: float = 0.0) -> Colour:
        """The colour of a thing of ``albedo`` at ``depth`` (0 near ..

        1 at the horizon) in this light.
        """
        lighted = mix(mix(self.shade, self.haze, 0.12), lit(albedo, self.key), self.local)
        return mix(lighted, self.haze, depth)

    def tint(self, colour: Colour, strength: float = 0.75) -> Palette:
        """The same light through a coloured glass: hues move, lightness stays."""

        def bend(c: Colour) -> Colour:
            return tinted(c, colour, strength)

        return replace(
            self,
            name=self.name,
            sky=tuple(bend(c) for c in self.sky),
            haze=bend(self.haze),
            shade=bend(self.shade),
            water=tuple(bend(c) for c in self.water),
            accent=(
                colour,
                mix(colour, (1.0, 1.0, 1.0), 0.55),
                mix(colour, (0.05, 0.04, 0.1), 0.45),
            ),
            key=tinted(self.key, colour, strength * 0.25),
        )

    def worn(self, colours: Sequence[Colour], strength: float = 0.85) -> Palette:
        """The same light in a brand's colours: each hue becomes that of the nearest of them.

        Lightness stays, so that a night is dark whatever the brand. A grey brand colour takes the
        hue away. The accents are the brand colours themselves.
        """
        if not colours:
            return self

        def bend(c: Colour) -> Colour:
            return tinted(c, min(colours, key=lambda each: _apart(each, c)), strength)

        return replace(
            self,
            name=self.name,
            sky=tuple(bend(c) for c in self.sky),
            haze=bend(self.haze),
            shade=bend(self.shade),
            water=tuple(bend(c) for c in self.water),
            accent=tuple(colours[i % len(colours)] for i in range(len(self.accent))),
            key=tinted(self.key, colours[0], strength * 0.3),
        )

    def blend(self, other: Palette, share: float = 0.42) -> Palette:
        """This light with ``share`` of another in it.

        The luminary is the darker one's (a starry autumn).
        """

        def both(a: tuple[Colour, ...], b: tuple[Colour, ...]) -> tuple[Colour, ...]:
            return tuple(mix(p, q, share) for p, q in zip(a, b, strict=True))

        return replace(
            self,
            name=self.name,
            sky=both(self.sky, other.sky),
            water=both(self.water, other.water),
            accent=both(self.accent, other.accent),
            sun=mix(self.sun, other.sun, share),
            key=mix(self.key, other.key, share),
            haze=mix(self.haze, other.haze, share),
            shade=mix(self.shade, other.shade, share),
            local=self.local + (other.local - self.local) * share,
            height=min(self.height, other.height),
            night=self.night or other.night,
        )


def _apart(one: Colour, other: Colour) -> float:
    """How far two colours are apart in OKLab, squared."""
    return sum((p - q) ** 2 for p, q in zip(to_lab(one), to_lab(other), strict=True))


@cache
def palettes() -> dict[str, Palette]:
    """All palettes by name."""
    rows = tomllib.loads(_FILE.read_text("utf-8"))
    return {name: _read(name, row) for name, row in rows.items()}


def _read(name: str, row: dict[str, object]) -> Palette:
    def many(key: str) -> tuple[Colour, ...]:
        value = row[key]
        if not isinstance(value, list):
            raise TypeError(f"{name}.{key} is no list of colours")
        return tuple(hexed(str(v)) for v in value)

    def one(key: str) -> Colour:
        return hexed(str(row[key]))

    return Palette(
        name=name,
        sky=many("sky"),
        sun=one("sun"),
        key=one("key"),
        haze=one("haze"),
        shade=one("shade"),
        water=many("water"),
        accent=many("accent"),
        local=float(str(row["local"])),
        height=float(str(row["height"])),
        night=bool(row["night"]),
    )
