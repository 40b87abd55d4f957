"""Charts of what was spent: stacked bars, one for each day, as SVG and PNG.

An SVG is written by hand here and drawn by resvg, which the studio has anyway. The letters of the
PNG are those of the font inside Pillow (Aileron, CC0), so that it looks alike on every machine.
"""

from __future__ import annotations

import html
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from pathlib import Path
from typing import cast

import resvg_py
from PIL import ImageFont

from studio import credits as money

WIDTH, HEIGHT = 960, 480
_LEFT, _RIGHT, _TOP, _BOTTOM = 76, 24, 124, 48
_LEGEND, _LEGEND_LINE = 81, 19
_MOST_SERIES = 8
_MOST_TICKS = 6
_MOST_LABELS = 12
_GAP = 0.2
"""The part of a day's width that stays free between bars."""
_LONGEST_NAME = 24
"""Characters of a series' name: eight of them fit into two lines."""
_THIN = 3.0
"""Pixels: days narrower than so have no gap between them."""

_COLOURS = (
    "#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#f0e442", "#7f7f7f",
)  # fmt: skip
"""Okabe and Ito's palette, which colour-blind people tell apart, with grey for the rest."""

_FONT = "Aileron, Helvetica, Arial, sans-serif"
_INK, _FAINT, _LINE = "#1c1c1c", "#5f5f5f", "#dcdcdc"
_REST = "all others"


@dataclass(frozen=True, slots=True)
class Chart:
    """What is drawn.

    Attributes:
        title: in words.
        subtitle: smaller, below it.
        days: one bar each.
        series: what is stacked, by name: micro-credits for each day.
    """

    title: str
    subtitle: str
    days: Sequence[date]
    series: Mapping[str, Sequence[int]]


def svg(chart: Chart) -> str:
    """Return the chart as an SVG of 960 x 480 pixels.

    The largest seven series have colours of their own, the rest are one. Refunds may make a day's
    sum smaller, never less than nothing.
    """
    series = _largest(chart.series, len(chart.days))
    sums = [sum(values) for values in zip(*series.values(), strict=True)] or [0]
    step, most = _scale(max(sums))
    parts = [
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>',
        _text(24, 36, chart.title, 20),
        _text(24, 58, chart.subtitle, 13, colour=_FAINT),
        *_legend(series),
        *_grid(step, most),
        *_bars(series, len(chart.days), most),
        *_dates(chart.days),
    ]
    if not any(sums):
        words = "Nothing was spent."
        parts.append(_text(WIDTH / 2, HEIGHT / 2, words, 15, colour=_FAINT, anchor="middle"))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" '
        f'viewBox="0 0 {WIDTH} {HEIGHT}" role="img">\n'
        f"<title>{html.escape(chart.title)}</title>\n" + "\n".join(parts) + "\n</svg>\n"
    )


def png(chart: Chart, *, scale: float = 2) -> bytes:
    """Return the chart as a PNG of ``scale`` times 960 x 480 pixels."""
    with tempfile.TemporaryDirectory(prefix="studio-font-") as folder:
        # resvg takes fonts as files only.
        font = Path(folder) / "aileron.ttf"
        font.write_bytes(_letters(12).font_bytes)
        return bytes(
            resvg_py.svg_to_bytes(
                svg_string=svg(chart), zoom=scale, font_files=[str(font)], skip_system_fonts=True
            )
        )


def _largest(series: Mapping[str, Sequence[int]], days: int) -> dict[str, list[int]]:
    """Keep the largest series, the largest first, and add up the rest."""
    paid = [name for name in series if any(series[name])]
    order = sorted(paid, key=lambda name: (-sum(series[name]), name))
    many = len(order) > _MOST_SERIES
    kept = order[: _MOST_SERIES - 1] if many else order
    largest = {name: [max(0, value) for value in series[name]] for name in kept}
    if many:
        rest = [series[name] for name in order[_MOST_SERIES - 1 :]]
        largest[_REST] = [sum(max(0, each[day]) for each in rest) for day in range(days)]
    return largest


def _scale(most: int) -> tuple[int, int]:
    """Return a round step of the axis and its upper end, in micro-credits."""
    if most <= 0:
        return money.MICRO, money.MICRO
    step = 1
    while -(-most // step) > _MOST_TICKS:
        # 1, 2, 5, 10, 20, 50, …
        step = step * 5 // 2 if str(step)[0] == "2" else step * 2
    return step, -(-most // step) * step


def _legend(series: Iterable[str]) -> list[str]:
    """Return a mark and a name for each series, in up to two lines."""
    parts, x, y = [], float(_LEFT), _LEGEND
    for number, name in enumerate(series):
        words = name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 3]}..."
        width = 16 + _length(words, 12)
        if x + width > WIDTH - _RIGHT:
            x, y = float(_LEFT), y + _LEGEND_LINE
        parts.append(
            f'<rect x="{x:.1f}" y="{y - 10}" width="11" height="11" rx="2" '
            f'fill="{_COLOURS[number]}"/>'
        )
        parts.append(_text(x + 16, y, words, 12))
        x += width + 16
    return parts


def _grid(step: int, most: int) -> list[str]:
    parts = [_text(_LEFT - 8, _TOP - 14, "credits", 11, colour=_FAINT, anchor="end")]
    for number in range(most // step + 1):
        y = _height(number * step, most)
        parts.append(
            f'<line x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}" '
            f'stroke="{_LINE}" stroke-width="1"/>'
        )
        parts.append(
            _text(_LEFT - 8, y + 4, _amount(number * step), 11, colour=_FAINT, anchor="end")
        )
    return parts


def _amount(micro_credits: int) -> str:
    """Return an amount with a mark at each thousand."""
    whole, point, rest = money.show(micro_credits).partition(".")
    return f"{int(whole):,}{point}{rest}"


def _bars(series: Mapping[str, Sequence[int]], days: int, most: int) -> list[str]:
    width = (WIDTH - _LEFT - _RIGHT) / max(1, days)
    gap = width * _GAP if width >= _THIN else 0
    parts = []
    for day in range(days):
        below = 0
        for number, (name, values) in enumerate(series.items()):
            if not values[day]:
                continue
            top, bottom = _height(below + values[day], most), _height(below, most)
            parts.append(
                f'<rect x="{_LEFT + day * width + gap / 2:.2f}" y="{top:.2f}" '
                f'width="{width - gap:.2f}" height="{bottom - top:.2f}" '
                f'fill="{_COLOURS[number]}">'
                f"<title>{html.escape(name)}: {_amount(values[day])} credits</title></rect>"
            )
            below += values[day]
    return parts


def _dates(days: Sequence[date]) -> list[str]:
    width = (WIDTH - _LEFT - _RIGHT) / max(1, len(days))
    every = -(-len(days) // _MOST_LABELS) or 1
    return [
        _text(
            _LEFT + (number + 0.5) * width, HEIGHT - _BOTTOM + 20, f"{day:%b} {day.day}", 11,
            colour=_FAINT, anchor="middle",
        )
        for number, day in enumerate(days)
        if number % every == 0
    ]  # fmt: skip


def _height(value: int, most: int) -> float:
    return HEIGHT - _BOTTOM - (HEIGHT - _BOTTOM - _TOP) * value / most


def _text(
    x: float, y: float, words: str, size: int, *, colour: str = _INK, anchor: str = "start"
) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" font-family="{_FONT}" font-size="{size}" '
        f'fill="{colour}" text-anchor="{anchor}">{html.escape(words)}</text>'
    )


@cache
def _letters(size: int) -> ImageFont.FreeTypeFont:
    # Without FreeType, Pillow would have another kind of font; its wheels have it.
    return cast(ImageFont.FreeTypeFont, ImageFont.load_default(size))


def _length(words: str, size: int) -> float:
    return _letters(size).getlength(words)
