"""Sizes: the nearest that a model makes, for every size that may be asked for."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from providers import Sizes

SIDE = st.integers(64, 2_048)


@st.composite
def limits(draw: st.DrawFn, largest_least: int = 1_024) -> Sizes:
    multiple = draw(st.sampled_from([1, 2, 8, 16, 32, 64]))
    least = draw(st.integers(1, largest_least))
    smallest = math.ceil(least / multiple) * multiple
    most = draw(st.integers(smallest, 4_096))
    pixels = draw(st.sampled_from([0, 1]) | st.integers(smallest**2, 5_000_000 + smallest**2))
    return Sizes(
        min_side=least,
        max_side=most,
        max_pixels=max(pixels, smallest**2) if pixels else 0,
        multiple=multiple,
    )


@settings(max_examples=600)
@given(limits(), SIDE, SIDE)
def test_every_limit_is_kept_whatever_is_asked(sizes: Sizes, width: int, height: int) -> None:
    name, wide, high = sizes.nearest(width, height)
    assert name == ""
    for side in (wide, high):
        assert sizes.min_side <= side <= sizes.max_side
        assert side % sizes.multiple == 0
    if sizes.max_pixels:
        assert wide * high <= sizes.max_pixels


@settings(max_examples=600)
@given(st.data(), SIDE, SIDE, st.sampled_from([1, 2, 8, 16, 32, 64]))
def test_what_fits_is_rounded_up_and_never_enlarged(
    data: st.DataObject, width: int, height: int, multiple: int
) -> None:
    wanted = [math.ceil(side / multiple) * multiple for side in (width, height)]
    sizes = Sizes(
        min_side=data.draw(st.integers(1, min(width, height))),
        max_side=data.draw(st.integers(max(wanted), 4_096)),
        max_pixels=data.draw(st.just(0) | st.integers(math.prod(wanted), 10_000_000)),
        multiple=multiple,
    )
    assert list(sizes.nearest(width, height)[1:]) == wanted
    assert sizes.enlargement(width, height) <= 1


@settings(max_examples=600)
@given(limits(largest_least=64), SIDE, SIDE)
def test_the_ratio_is_kept_as_far_as_the_limits_let_it(
    sizes: Sizes, width: int, height: int
) -> None:
    _, wide, high = sizes.nearest(width, height)
    smallest = math.ceil(sizes.min_side / sizes.multiple) * sizes.multiple
    if min(wide, high) == smallest:  # there the ratio is what has to give
        return
    # One side is up to a multiple longer than it should be, the other up to one shorter.
    side, step = min(wide, high), sizes.multiple
    most = side / (side - step) * (1 + step / side) * (1 + 1e-9)
    assert 1 / most <= (wide / high) / (width / height) <= most


@settings(max_examples=600)
@given(limits(), SIDE, SIDE)
def test_no_pixels_are_given_away(sizes: Sizes, width: int, height: int) -> None:
    """What must be enlarged is as large as the limits let it: no side could be a step longer."""
    _, wide, high = sizes.nearest(width, height)
    if sizes.enlargement(width, height) <= 1:
        return
    step = sizes.multiple
    room = sizes.max_pixels or math.inf
    longer_fits = max(wide, high) + step <= sizes.max_side
    assert not (longer_fits and (wide + step) * (high + step) <= room)


@given(limits(), SIDE, SIDE)
def test_the_enlargement_is_what_it_takes_to_cover(sizes: Sizes, width: int, height: int) -> None:
    _, wide, high = sizes.nearest(width, height)
    times = sizes.enlargement(width, height)
    assert wide * times >= width * (1 - 1e-9)
    assert high * times >= height * (1 - 1e-9)
    assert math.isclose(wide * times, width) or math.isclose(high * times, height)


def test_every_size_of_the_studio_once() -> None:
    """A grid over all of them, at limits such as a model of the field has."""
    sizes = Sizes(min_side=256, max_side=1_440, multiple=32, max_pixels=1_048_576)
    for width in range(64, 2_049, 31):
        for height in range(64, 2_049, 31):
            _, wide, high = sizes.nearest(width, height)
            assert 256 <= min(wide, high) <= max(wide, high) <= 1_440
            assert wide * high <= 1_048_576
            assert wide % 32 == high % 32 == 0


@pytest.mark.parametrize(
    ("asked", "made"),
    [
        ((1_024, 1_024), (1_024, 1_024)),
        ((1_000, 1_000), (1_024, 1_024)),
        ((64, 64), (256, 256)),
        ((2_048, 2_048), (1_024, 1_024)),
        ((2_048, 1_152), (1_344, 768)),
        ((2_048, 64), (1_440, 256)),
        ((100, 200), (256, 512)),
    ],
)
def test_examples(asked: tuple[int, int], made: tuple[int, int]) -> None:
    sizes = Sizes(min_side=256, max_side=1_440, multiple=32, max_pixels=1_048_576)
    assert sizes.nearest(*asked) == ("", *made)
    assert sizes.nearest(*reversed(asked)) == ("", *reversed(made))


def test_the_longer_side_gives_where_the_shorter_one_cannot() -> None:
    sizes = Sizes(min_side=512, max_side=2_048, max_pixels=512 * 1_024)
    assert sizes.nearest(2_048, 64) == ("", 1_024, 512)
    assert sizes.nearest(64, 2_048) == ("", 512, 1_024)


RATIOS = {"1:1": (1_024, 1_024), "16:9": (1_344, 768), "9:16": (768, 1_344), "21:9": (1_536, 640)}


@given(SIDE, SIDE)
def test_no_other_ratio_is_nearer(width: int, height: int) -> None:
    name, wide, high = Sizes(ratios=RATIOS).nearest(width, height)
    assert RATIOS[name] == (wide, high)

    def cut_off(sides: tuple[int, int]) -> float:
        """The part of a picture that covering what was asked leaves over."""
        part = (sides[0] / sides[1]) / (width / height)
        return 1 - min(part, 1 / part)

    assert cut_off((wide, high)) <= min(map(cut_off, RATIOS.values())) + 1e-9


@pytest.mark.parametrize(
    "bad",
    [
        {"min_side": 100, "max_side": 99},
        {"min_side": 65, "max_side": 127, "multiple": 64},
        {"min_side": 512, "max_pixels": 262_143},
        {"ratios": {"1:0": (1, 0)}},
        {"ratios": {"-1:1": (-5, 5)}},
        {"multiple": 0},
        {"largest": 5},
    ],
)
def test_sizes_that_nothing_has_are_refused(bad: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        Sizes.model_validate(bad)
