"""Charts: well-formed, to scale, legible by contrast with their ground, and alike everywhere."""

from __future__ import annotations

import io
from datetime import date, timedelta
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from billing.reports.chart import HEIGHT, WIDTH, Chart, _scale, png, svg

_SVG = "{http://www.w3.org/2000/svg}"


def chart(days: int, **series: list[int]) -> Chart:
    first = date(2026, 11, 1)
    return Chart("Spent <per> day", "x & y", [first + timedelta(n) for n in range(days)], series)


def bars(made: Chart) -> list[ET.Element]:
    root = ET.fromstring(svg(made))  # noqa: S314 - our own
    return [each for each in root.iter(f"{_SVG}rect") if each.find(f"{_SVG}title") is not None]


def words(made: Chart) -> list[str]:
    root = ET.fromstring(svg(made))  # noqa: S314 - our own
    return [str(each.text) for each in root.iter(f"{_SVG}text")]


def test_bars_are_stacked_to_scale() -> None:
    found = bars(chart(2, cut=[3_000_000, 1_000_000], draw=[6_000_000, 0]))
    heights = [float(each.attrib["height"]) for each in found]
    assert len(found) == 3
    assert heights[0] == pytest.approx(2 * heights[1], abs=0.1)
    bottom = float(found[1].attrib["y"]) + heights[1]
    assert bottom == pytest.approx(float(found[0].attrib["y"]), abs=0.1)
    assert str(found[0][0].text) == "draw: 6 credits"


def test_it_says_what_it_shows() -> None:
    told = words(chart(2, cut=[3_000_000, 1_000_000]))
    for each in ("Spent <per> day", "x & y", "cut", "credits", "Nov 1", "Nov 2", "0", "3"):
        assert each in told


def test_many_series_are_seven_and_the_rest() -> None:
    many = {f"s{number:02}": [number + 1] for number in range(20)}
    told = words(chart(1, **many))
    assert "all others" in told
    assert "s19" in told
    assert "s12" not in told
    assert len(bars(chart(1, **many))) == 8


def test_nothing_spent_is_said() -> None:
    assert "Nothing was spent." in words(chart(3))
    assert "Nothing was spent." in words(chart(3, cut=[0, 0, 0]))


def test_a_year_has_few_dates_and_every_bar() -> None:
    year = chart(365, cut=[1_000_000] * 365)
    assert len(bars(year)) == 365
    assert sum(word.startswith("Nov ") for word in words(year)) <= 3


@given(st.integers(1, 10**15))
def test_the_axis_has_few_round_steps_and_holds_the_highest(most: int) -> None:
    step, end = _scale(most)
    assert end >= most > end - step
    assert end // step <= 6
    assert str(step).rstrip("0") in {"1", "2", "5"}


def test_long_names_stay_within_the_picture() -> None:
    names = {f"operation_of_a_long_name_{number}": [10**6] for number in range(8)}
    root = ET.fromstring(svg(chart(1, **names)))  # noqa: S314 - our own
    marks = [each for each in root.iter(f"{_SVG}rect") if each.attrib["width"] == "11"]
    assert len(marks) == 8
    assert all(float(each.attrib["x"]) < WIDTH - 150 for each in marks)
    assert len({each.attrib["y"] for each in marks}) == 2


def test_the_png_has_letters_and_colours() -> None:
    made = chart(2, cut=[3_000_000, 1_000_000])
    with Image.open(io.BytesIO(png(made, scale=1))) as opened:
        picture = opened.convert("RGB")
    assert picture.size == (WIDTH, HEIGHT)
    title = picture.crop((20, 15, 400, 45)).convert("L")
    dark = sum(title.histogram()[:100])
    assert dark > 300, "the title was not drawn"
    assert (0, 114, 178) in {colour for _, colour in picture.getcolors(100_000) or []}
