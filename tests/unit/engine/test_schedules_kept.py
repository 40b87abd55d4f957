"""Occurrences: decided about once, taken by one run, told once; whoever asks at the same time."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

from engine.schedule_policy import Occurrence, Policy, Turn
from engine.schedules import (
    KEPT,
    Kept,
    adopt_schedule,
    claim,
    follow_schedule,
    forget_schedule,
    keep_schedule,
    kept_schedule,
    look_away,
    note_batch,
    open_occurrences,
    prune_occurrences,
    settle_missed,
)
from engine.tables import outbox, schedule_occurrences
from studio.clock import now
from studio.database import Database

KEY = "ada.nightly"
_START = datetime(2026, 11, 1, tzinfo=UTC)


def _due(number: int) -> datetime:
    return _START + timedelta(hours=number)


def _keep(database: Database, **policy: Any) -> Kept:
    kept = Kept(KEY, "ada", "nightly", "Europe/Berlin", {"csv": "/x.csv"}, Policy(**policy), _START)
    database.write(lambda connection: keep_schedule(connection, kept))
    return kept


def _settle(database: Database, numbers: Sequence[int], until: int) -> tuple[datetime, ...]:
    dues = [_due(number) for number in numbers]
    return database.write(lambda c: settle_missed(c, KEY, dues, _due(until), "it was down"))


def _claim(database: Database, number: int, run: str, over: Sequence[str] = ()) -> Turn:
    return database.write(lambda c: claim(c, KEY, _due(number), run, over))


def _states(database: Database) -> dict[datetime, str]:
    with database.read() as connection:
        query = select(schedule_occurrences.c.due, schedule_occurrences.c.state)
        return {row.due: row.state for row in connection.execute(query)}


def _told(database: Database) -> list[dict[str, Any]]:
    with database.read() as connection:
        query = select(outbox.c.payload).where(outbox.c.event == "schedule.missed")
        return list(connection.execute(query).scalars())


def test_it_is_kept_as_it_was_given_and_follows_what_is_changed(database: Database) -> None:
    kept = _keep(database, overlap="cancel", missed="all", bound=7, grace=timedelta(hours=2))
    other = Kept(KEY, "ada", "nightly", "UTC", {}, Policy(), now())
    database.write(lambda c: adopt_schedule(c, other))
    with database.read() as connection:
        assert kept_schedule(connection, KEY) == kept
    database.write(lambda c: follow_schedule(c, KEY, "UTC", {"csv": "/y.csv"}))
    with database.read() as connection:
        found = kept_schedule(connection, KEY)
    assert found is not None
    assert (found.zone, found.parameters, found.policy) == ("UTC", {"csv": "/y.csv"}, kept.policy)
    database.write(lambda c: forget_schedule(c, KEY))
    with database.read() as connection:
        assert kept_schedule(connection, KEY) is None


@pytest.mark.parametrize(("policy", "owed"), [("skip", []), ("once", [5]), ("all", [3, 4, 5])])
def test_what_was_missed_is_decided_about_once_and_told_once(
    database: Database, policy: Any, owed: list[int]
) -> None:
    _keep(database, missed=policy, bound=3)
    _claim(database, 1, "in time", ())
    found = _settle(database, [1, 2, 3, 4, 5], 6)
    assert list(found) == [_due(number) for number in owed]
    assert _settle(database, [1, 2, 3, 4, 5], 6) == ()
    states = _states(database)
    assert states.pop(_due(1)) == "running"
    assert [due for due, state in states.items() if state == "owed"] == list(found)
    [told] = _told(database)
    assert told["schedule"] == "nightly"
    assert told["due"] == _due(5).isoformat()
    assert "3 more" in told["reason"]
    ends = "are run now" if owed else "is left out"
    assert ends in told["reason"]


def test_an_occurrence_is_taken_by_one_run_and_by_a_retry_of_it(database: Database) -> None:
    _keep(database)
    assert _claim(database, 1, "first").verdict == "go"
    assert _claim(database, 1, "copy").verdict == "skip"
    assert _claim(database, 1, "first").verdict == "go"
    # Its run has ended: it does not come again, but it may be tried again by itself.
    assert _claim(database, 1, "copy", ["first"]).verdict == "skip"
    assert _claim(database, 1, "first").verdict == "go"
    assert _told(database) == []


def test_many_that_ask_at_once_are_one(database: Database) -> None:
    _keep(database)
    turns: list[Turn] = []
    together = threading.Barrier(6)

    def ask(number: int) -> None:
        together.wait()
        turns.append(_claim(database, 1, f"run {number}"))

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(turn.verdict for turn in turns) == ["go"] + ["skip"] * 5


def test_what_was_missed_does_not_run_late(database: Database) -> None:
    _keep(database, missed="skip")
    _settle(database, [1], 2)
    assert _claim(database, 1, "late").verdict == "skip"


def test_what_is_owed_waits_for_what_runs_and_then_has_its_turn(database: Database) -> None:
    _keep(database, missed="all", overlap="skip")
    _settle(database, [1, 2], 3)
    assert _claim(database, 2, "second").verdict == "wait"
    assert _claim(database, 1, "first").verdict == "go"
    # One that is due in time is left out, and its owner told why.
    assert _claim(database, 9, "third").verdict == "skip"
    assert "under way" in _told(database)[-1]["reason"]
    assert _claim(database, 2, "second", ["first"]).verdict == "go"


def test_the_older_make_room_where_that_is_wished(database: Database) -> None:
    _keep(database, missed="all", overlap="cancel")
    _claim(database, 1, "older")
    database.write(lambda c: note_batch(c, KEY, _due(1), "bat_1"))
    _settle(database, [2], 3)
    turn = _claim(database, 9, "newer")
    assert turn.verdict == "wait"
    older = Occurrence(_due(1), "running", "older", "bat_1")
    assert turn.cancel == (older, Occurrence(_due(2), "owed"))
    # What has no run yet never gets one.
    assert _states(database)[_due(2)] == "skipped"
    assert _claim(database, 9, "newer", ["older"]).verdict == "go"


def test_what_was_due_while_it_was_paused_is_not_missed(database: Database) -> None:
    _keep(database)
    database.write(lambda c: look_away(c, KEY, _due(5)))
    database.write(lambda c: look_away(c, KEY, _due(2)))
    assert _settle(database, [1, 2, 3, 4, 5, 6], 7) == (_due(6),)
    assert list(_states(database)) == [_due(6)]


def test_one_that_nobody_keeps_has_the_usual_policy(database: Database) -> None:
    assert _claim(database, 1, "first").verdict == "go"
    assert _claim(database, 2, "second").verdict == "wait"
    assert _settle(database, [3], 4) == ()


def test_what_is_long_ago_is_forgotten(database: Database) -> None:
    _keep(database)
    old = now() - KEPT - timedelta(days=1)
    database.write(lambda c: claim(c, KEY, old, "old", ()))
    database.write(lambda c: claim(c, KEY, now(), "new", ["old"]))
    database.write(prune_occurrences)
    with database.read() as connection:
        assert [each.run for each in open_occurrences(connection, KEY)] == ["new"]
