"""The outbox: told once what happened, tried again while nobody listens, then given up."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import pairwise

import pytest
from pydantic import SecretStr
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

import engine.outbox
from engine.notifications import NotSent, send_waiting
from engine.outbox import Message, Waiting, deliver, post
from engine.tables import outbox
from studio.clock import now
from studio.database import Database
from studio.settings import Settings


class _Clock:
    def __init__(self) -> None:
        self.moment = now()

    def __call__(self) -> datetime:
        return self.moment


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> _Clock:
    clock = _Clock()
    monkeypatch.setattr(engine.outbox, "now", clock)
    return clock


def _post(database: Database, *subjects: str) -> None:
    payload = {"label": "fox", "credits": 4_000_000}
    messages = [Message("ada", "picture.ready", subject, payload) for subject in subjects]
    database.write(lambda connection: post(connection, messages))


def _states(database: Database) -> dict[str, tuple[str, int, str]]:
    with database.read() as connection:
        rows = connection.execute(select(outbox)).all()
    return {row.subject: (row.state, row.attempts, row.error) for row in rows}


def test_each_message_goes_once(database: Database, clock: _Clock) -> None:
    _post(database, "a", "b", "c")
    sent: list[str] = []

    def send(waiting: Waiting) -> None:
        sent.append(waiting.message.subject)

    assert deliver(database, send, limit=2) == 2
    assert deliver(database, send) == 1
    clock.moment += timedelta(days=1)
    assert deliver(database, send) == 0
    assert sorted(sent) == ["a", "b", "c"]


def test_a_thing_is_told_once(database: Database) -> None:
    _post(database, "a")
    with pytest.raises(IntegrityError):
        _post(database, "b", "a")
    assert _states(database).keys() == {"a"}


def test_one_that_fails_is_tried_eight_times_and_holds_nobody_up(
    database: Database, clock: _Clock
) -> None:
    _post(database, "bad", "good")
    tries: list[datetime] = []

    def send(waiting: Waiting) -> None:
        if waiting.message.subject == "bad":
            tries.append(clock.moment)
            raise ConnectionError("no " + "x" * 500)

    start = clock.moment
    assert deliver(database, send) == 1
    for _ in range(400):
        clock.moment += timedelta(seconds=30)
        deliver(database, send)
    assert len(tries) == 8
    assert timedelta(minutes=50) < tries[-1] - start < timedelta(hours=2)
    waits = [after - before for before, after in pairwise(tries)]
    assert waits == sorted(waits)
    state, attempts, error = _states(database)["bad"]
    assert (state, attempts) == ("given_up", 8)
    assert error.startswith("ConnectionError: no x")
    assert len(error) < 200
    assert _states(database)["good"] == ("sent", 1, "")


def test_a_leased_message_is_left_alone_until_the_lease_ends(
    database: Database, clock: _Clock
) -> None:
    _post(database, "a")
    inner: list[int] = []

    def dies(_: Waiting) -> None:
        inner.append(deliver(database, lambda _: None))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        deliver(database, dies)
    assert inner == [0]
    assert deliver(database, lambda _: None) == 0
    clock.moment += timedelta(minutes=2)
    assert deliver(database, lambda _: None) == 1


def _settings(*urls: str) -> Settings:
    return Settings(_env_file=None, notify_urls=tuple(map(SecretStr, urls)))


def test_without_a_channel_there_is_nobody_to_tell(database: Database) -> None:
    _post(database, "a", "b")
    assert send_waiting(database, _settings()) == 0
    assert {state for state, _, _ in _states(database).values()} == {"sent"}


# Apprise's plugin for mail imports it, whatever the channel.
@pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")
def test_a_channel_that_is_not_understood_leaks_no_secret(database: Database) -> None:
    _post(database, "a")
    with pytest.raises(NotSent) as refused:
        send_waiting(database, _settings("nonsense://token-that-is-secret"))
    assert "secret" not in str(refused.value)
    assert _states(database)["a"][0] == "waiting"
