"""The arithmetic of windows against an oracle that remembers every start there ever was."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from providers.pacing import AccountLimits, Window
from providers.pacing.windows import SECOND, Starts

START = 1_800_000_000 * SECOND

steps = st.lists(
    st.tuples(st.integers(0, 3 * SECOND), st.integers(0, SECOND)), min_size=1, max_size=60
)
windows = st.builds(
    Window,
    count=st.integers(1, 8),
    seconds=st.sampled_from([0.1, 1, 7]),
    margin=st.sampled_from([0.001, 0.5]),
)


def soonest(window: Window, before: list[int], wanted: int) -> int:
    """The oracle: not before the last one, and a window after the one ``count`` before."""
    length = round((window.seconds + window.margin) * SECOND)
    bounds = [wanted, *before[-1:]]
    if len(before) >= window.count:
        bounds.append(before[-window.count] + length)
    return max(bounds)


@given(window=windows, steps=steps)
def test_starts_are_as_early_as_the_window_allows(
    window: Window, steps: list[tuple[int, int]]
) -> None:
    now, before, entries = START, list[int](), list[list[int]]()
    for pause, lead in steps:
        now += pause
        starts = Starts(window, json.loads(json.dumps(entries)))
        starts.believe(now)
        start = starts.earliest(now + lead)
        assert start == soonest(window, before, now + lead)
        starts.add(start, now)
        before.append(start)
        entries = starts.entries
        assert len(entries) <= window.count
    for first, last in zip(before, before[window.count :], strict=False):
        assert last - first >= window.seconds * SECOND


@settings(deadline=None, max_examples=40)
@given(
    count=st.integers(101, 300),
    pauses=st.lists(st.integers(0, 40_000), min_size=1, max_size=25),
    crowd=st.integers(1, 40),
)
def test_wide_windows_are_kept_too_and_stay_small(
    count: int, pauses: list[int], crowd: int
) -> None:
    window = Window(count=count, seconds=1, margin=0.2)
    starts, now, before = Starts(window), START, list[int]()
    cell = starts.length // 100
    for pause in pauses:
        now += pause
        for _ in range(crowd):
            start = starts.earliest(now)
            exact = soonest(window, before, now)
            assert start >= exact
            # What the cells cost is one of them for each window that is waited for.
            assert start <= exact + 2 * cell
            starts.add(start, now)
            before.append(start)
    for first, last in zip(before, before[count:], strict=False):
        assert last - first >= starts.length
    assert len(starts.entries) <= 2 * 101
    assert len(json.dumps(starts.entries)) < 8_000


def test_a_start_from_a_clock_since_set_back_counts_as_now() -> None:
    window = Window(count=1, seconds=10, margin=0.5)
    starts = Starts(window, [[START + 7_200 * SECOND, 1]])
    starts.believe(START)
    assert starts.earliest(START) == START + round(10.5 * SECOND)


def test_two_windows_of_one_length_are_a_mistake() -> None:
    with pytest.raises(ValidationError, match="the same length"):
        AccountLimits(images=(Window(count=1, seconds=60), Window(count=2, seconds=60)))


@pytest.mark.parametrize(
    "fields", [{"count": 0}, {"seconds": 0}, {"margin": 0}, {"count": 1.5}, {"every": 1}]
)
def test_a_window_that_is_none_is_refused(fields: dict[str, float]) -> None:
    with pytest.raises(ValidationError):
        Window.model_validate({"count": 1, "seconds": 1, **fields})


def test_limits_are_those_of_the_kind() -> None:
    limits = AccountLimits(images=(Window(count=10, seconds=60),), concurrent=3)
    assert limits.windows("images")[0].count == 10
    assert limits.windows("videos") == ()
    assert limits.any
    assert not AccountLimits().any
