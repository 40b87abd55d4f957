"""Policies of schedules: overlap and catching up, in whatever order runs come and end."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.schedule_policy import MISSES, OVERLAPS, Missed, Occurrence, Overlap, Policy, take_turn
from studio.errors import InvalidRequest

_START = datetime(2026, 11, 29, tzinfo=UTC)


def _due(number: int) -> datetime:
    return _START + timedelta(hours=number)


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("overlap", {"overlap": "both"}),
        ("missed", {"missed": "some"}),
        ("bound", {"bound": 0}),
        ("bound", {"bound": 101}),
        ("grace", {"grace": timedelta()}),
        ("grace", {"grace": timedelta(days=8)}),
    ],
)
def test_what_is_no_policy_is_refused(field: str, values: dict[str, object]) -> None:
    with pytest.raises(InvalidRequest) as refused:
        Policy(**values)  # type: ignore[arg-type]
    assert refused.value.field == field


@given(
    missed=st.lists(st.integers(0, 500), unique=True),
    policy=st.sampled_from(MISSES),
    bound=st.integers(1, 100),
)
def test_the_newest_are_made_up_for_and_never_more_than_the_bound(
    missed: list[int], policy: Missed, bound: int
) -> None:
    dues = [_due(each) for each in missed]
    made_up = Policy(missed=policy, bound=bound).make_up(dues)
    most = {"skip": 0, "once": 1, "all": bound}[policy]
    assert list(made_up) == sorted(dues)[max(0, len(dues) - most) :]
    assert len(made_up) == min(most, len(dues))


@settings(max_examples=200, deadline=None)
@given(overlap=st.sampled_from(OVERLAPS), data=st.data())
def test_two_never_run_at_once_and_each_comes_to_an_end(
    overlap: Overlap, data: st.DataObject
) -> None:
    """Runs come, ask for their turn again and again, and end, in whatever order."""
    policy = Policy(overlap=overlap, bound=data.draw(st.integers(1, 3)))
    states: dict[datetime, str] = {}
    to_come = [_due(number) for number in range(data.draw(st.integers(1, 8)))]
    ran: list[datetime] = []

    def ask(due: datetime) -> None:
        others = [
            Occurrence(each, state, "a run")
            for each, state in states.items()
            if state in ("waiting", "running", "cancelling") and each != due
        ]
        others = [
            Occurrence(it.due, "running", it.run) if it.state == "cancelling" else it
            for it in others
        ]
        turn = take_turn(policy, due, others, owed=due in states)
        assert not turn.cancel or overlap == "cancel"
        for each in turn.cancel:
            states[each.due] = "cancelling" if states[each.due] == "running" else "ended"
        states[due] = {"go": "running", "wait": "waiting", "skip": "skipped"}[turn.verdict]
        if turn.verdict == "go":
            ran.append(due)

    while to_come or any(
        state in ("waiting", "running", "cancelling") for state in states.values()
    ):
        waiting = [due for due, state in states.items() if state == "waiting"]
        running = [due for due, state in states.items() if state in ("running", "cancelling")]
        assert len(running) <= 1
        choices = [("come", due) for due in to_come[:1]]
        choices += [("ask", due) for due in waiting] + [("end", due) for due in running]
        what, due = data.draw(st.sampled_from(choices))
        if what == "come":
            ask(to_come.pop(0))
        elif what == "end":
            states[due] = "ended"
        elif not running or data.draw(st.booleans()):
            ask(due)
    assert len(ran) == len(set(ran))
    if overlap != "cancel":
        assert ran == sorted(ran)
    else:
        assert states[_due(len(states) - 1)] == "ended", "the newest always has its turn"


def test_each_policy_does_what_its_name_says() -> None:
    older = Occurrence(_due(1), "running", "older", "bat_1")
    cases: tuple[tuple[Overlap, str, tuple[Occurrence, ...]], ...] = (
        ("skip", "skip", ()),
        ("queue", "wait", ()),
        ("cancel", "wait", (older,)),
    )
    for overlap, verdict, cancelled in cases:
        turn = take_turn(Policy(overlap=overlap), _due(2), [older], owed=False)
        assert (turn.verdict, turn.cancel) == (verdict, cancelled)
        assert "2026-11-29 01:00 UTC is under way" in turn.why


def test_what_is_owed_waits_even_where_others_would_be_left_out() -> None:
    running = Occurrence(_due(0), "running", "first")
    assert take_turn(Policy(overlap="skip"), _due(1), [running], owed=True).verdict == "wait"


def test_a_queue_has_an_end() -> None:
    waiting = [Occurrence(_due(n), "waiting", f"run {n}") for n in range(3)]
    policy = Policy(overlap="queue", bound=3)
    assert take_turn(policy, _due(9), waiting, owed=False).verdict == "skip"
    assert take_turn(policy, _due(9), waiting[1:], owed=False).verdict == "wait"


def test_an_older_one_that_comes_late_gives_way_to_the_newer_where_the_older_are_cancelled() -> (
    None
):
    newer = Occurrence(_due(2), "running", "newer")
    assert take_turn(Policy(overlap="cancel"), _due(1), [newer], owed=False).verdict == "skip"
