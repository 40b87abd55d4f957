"""Deliveries: every channel has attempts of its own; what is given up can be sent again."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from itertools import pairwise

import pytest
from sqlalchemy import Connection, select

import engine.deliveries
from engine.channels import Channel
from engine.deliveries import Parcel, dead_letters, deliver, retry, route
from engine.digests import Digest, parse_digest
from engine.outbox import Message, post
from engine.tables import deliveries, outbox
from studio.clock import now
from studio.database import Database


class _Clock:
    def __init__(self) -> None:
        self.moment = now()

    def __call__(self) -> datetime:
        return self.moment


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> _Clock:
    clock = _Clock()
    monkeypatch.setattr(engine.deliveries, "now", clock)
    return clock


def _channel(name: str, digest: str = "immediately", **values: str) -> Channel:
    fields = {"owner": "ada", "user": "", **values}
    return Channel(name, fields["owner"], fields["user"], name, "", (), parse_digest(digest))


def _post(database: Database, *subjects: str, channels: Sequence[Channel], user: str = "") -> None:
    payload = {"label": "fox", "credits": 4_000_000, "user": user}
    messages = [Message("ada", "picture.ready", subject, payload) for subject in subjects]
    database.write(lambda connection: post(connection, messages))
    route(database, lambda _connection, _owners: channels)


def _states(database: Database) -> dict[tuple[str, str], tuple[str, int, str]]:
    with database.read() as connection:
        query = select(deliveries, outbox.c.subject).join(
            outbox, outbox.c.id == deliveries.c.message
        )
        rows = connection.execute(query).all()
    return {(row.subject, row.channel): (row.state, row.attempts, row.error) for row in rows}


class _Ear:
    """Hears parcels; those of the channels in ``down`` fail."""

    def __init__(self, *down: str, room: int = 50) -> None:
        self.down = set(down)
        self.heard: list[tuple[str, tuple[str, ...]]] = []
        self.tries: list[str] = []
        self.room = room

    def __call__(self, parcel: Parcel) -> int:
        self.tries.append(parcel.channel)
        if parcel.channel in self.down:
            raise ConnectionError("no " + "x" * 500)
        some = parcel.waiting[: self.room]
        self.heard.append((parcel.channel, tuple(sorted(each.message.subject for each in some))))
        return len(some)


def test_each_message_goes_once_to_each_channel(database: Database, clock: _Clock) -> None:
    _post(database, "a", "b", channels=[_channel("x"), _channel("y")])
    ear = _Ear()
    assert deliver(database, ear, limit=3) == 3
    assert deliver(database, ear) == 1
    clock.moment += timedelta(days=1)
    assert deliver(database, ear) == 0
    assert sorted(ear.heard) == [(c, (s,)) for c in "xy" for s in "ab"]


def test_a_channel_that_is_down_repeats_nothing_elsewhere(
    database: Database, clock: _Clock
) -> None:
    _post(database, "a", channels=[_channel("down"), _channel("up")])
    ear = _Ear("down")
    for _ in range(5):
        deliver(database, ear)
        clock.moment += timedelta(hours=1)
    assert ear.heard == [("up", ("a",))]
    ear.down.clear()
    deliver(database, ear)
    assert ear.heard == [("up", ("a",)), ("down", ("a",))]


def test_one_that_fails_is_tried_eight_times_then_given_up_then_retried(
    database: Database, clock: _Clock
) -> None:
    _post(database, "a", channels=[_channel("down")])
    ear, start = _Ear("down"), clock.moment
    tries = []
    for _ in range(400):
        before = len(ear.tries)
        deliver(database, ear)
        tries += [clock.moment] * (len(ear.tries) - before)
        clock.moment += timedelta(seconds=30)
    assert len(tries) == 8
    assert timedelta(minutes=50) < tries[-1] - start < timedelta(hours=2)
    waits = [after - before for before, after in pairwise(tries)]
    assert waits == sorted(waits)
    with database.read() as connection:
        (dead,) = dead_letters(connection, "ada")
        assert dead_letters(connection, "eve") == []
    assert (dead.channel, dead.attempts) == ("down", 8)
    assert dead.error.startswith("ConnectionError: no x")
    assert len(dead.error) < 200

    assert database.write(lambda connection: retry(connection, "eve")) == 0
    assert database.write(lambda connection: retry(connection, "ada", "msg_other")) == 0
    assert database.write(lambda connection: retry(connection, "ada", dead.waiting.id)) == 1
    ear.down.clear()
    assert deliver(database, ear) == 1
    assert _states(database) == {("a", "down"): ("sent", 1, "")}


def test_a_channel_that_is_down_is_left_alone_after_three_failures(
    database: Database, clock: _Clock
) -> None:
    _post(database, *"abcdef", channels=[_channel("down"), _channel("up")])
    ear = _Ear("down")
    assert deliver(database, ear) == 6
    assert ear.tries.count("down") == 3
    untried = [key for key, value in _states(database).items() if value[:2] == ("waiting", 0)]
    assert len(untried) == 3


def test_two_who_send_at_once_send_each_message_once(database: Database) -> None:
    _post(database, *"abcdefgh", channels=[_channel("x"), _channel("hour", "hourly")])
    ear = _Ear()
    with ThreadPoolExecutor(3) as pool:
        counts = list(pool.map(lambda _: deliver(database, ear), range(3)))
    assert sum(counts) == 8
    assert sorted(ear.heard) == [("x", (subject,)) for subject in "abcdefgh"]


def test_a_killed_sender_leaves_a_lease_and_the_message_goes_again(
    database: Database, clock: _Clock
) -> None:
    _post(database, "a", channels=[_channel("x")])
    ear, inner = _Ear(), []

    def dies(parcel: Parcel) -> int:
        ear(parcel)
        inner.append(deliver(database, ear))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        deliver(database, dies)
    assert inner == [0]
    assert deliver(database, ear) == 0
    clock.moment += timedelta(minutes=2)
    assert deliver(database, ear) == 1
    assert ear.heard == [("x", ("a",))] * 2


def test_a_digest_joins_what_happened_and_goes_when_it_is_due(
    database: Database, clock: _Clock
) -> None:
    clock.moment = clock.moment.replace(minute=10)
    _post(database, "a", "b", channels=[_channel("hour", "hourly")])
    clock.moment += timedelta(minutes=20)
    _post(database, "c", channels=[_channel("hour", "hourly"), _channel("x")])
    ear = _Ear(room=2)
    assert deliver(database, ear) == 1
    clock.moment += timedelta(minutes=30)
    ear.heard.clear()
    assert deliver(database, ear) == 3
    assert ear.heard == [("hour", ("a", "b")), ("hour", ("c",))]
    assert {attempts for _, attempts, _ in _states(database).values()} == {1}


def test_a_message_that_joins_a_failing_digest_has_all_of_its_attempts(
    database: Database, clock: _Clock
) -> None:
    clock.moment = clock.moment.replace(minute=10)
    _post(database, "old", channels=[_channel("hour", "hourly")])
    ear = _Ear("hour")
    for _ in range(7):
        clock.moment += timedelta(hours=1, minutes=10)
        deliver(database, ear)
    _post(database, "new", channels=[_channel("hour", "hourly")])
    clock.moment += timedelta(hours=2)
    deliver(database, ear)
    states = _states(database)
    assert states["old", "hour"][:2] == ("given_up", 8)
    assert states["new", "hour"][:2] == ("waiting", 1)


def test_a_channel_is_told_its_owners_and_its_users_things(database: Database) -> None:
    channels = [
        _channel("all"),
        _channel("eves", owner="eve"),
        _channel("bobs", user="bob"),
        _channel("cats", user="cat"),
    ]
    _post(database, "bobs", channels=channels, user="bob")
    _post(database, "nobodys", channels=channels)
    assert _states(database).keys() == {
        ("bobs", "all"),
        ("bobs", "bobs"),
        ("nobodys", "all"),
        ("nobodys", "bobs"),
        ("nobodys", "cats"),
    }


def test_without_a_channel_there_is_nobody_to_tell(database: Database) -> None:
    _post(database, "a", "b", channels=[])
    assert _states(database) == {}
    later = _Ear()
    route(database, lambda _connection, _owners: [_channel("x")])
    assert deliver(database, later) == 0


def test_messages_are_routed_with_all_of_their_deliveries_or_not_at_all(
    database: Database,
) -> None:
    def fails(_connection: Connection, _owners: Sequence[str]) -> list[Channel]:
        raise RuntimeError("the power goes out")

    messages = [Message("ada", "picture.ready", "a", {})]
    database.write(lambda connection: post(connection, messages))
    with pytest.raises(RuntimeError):
        route(database, fails)
    assert route(database, lambda _connection, _owners: [_channel("x")]) == 1


@pytest.mark.parametrize(
    ("digest", "moment", "due"),
    [
        ("immediately", "2026-03-01T10:20:30+00:00", "2026-03-01T10:20:30+00:00"),
        ("hourly", "2026-03-01T10:20:30+00:00", "2026-03-01T11:00:00+00:00"),
        ("hourly", "2026-03-01T11:00:00+00:00", "2026-03-01T12:00:00+00:00"),
        ("daily 08:00", "2026-03-01T07:59:59+00:00", "2026-03-01T08:00:00+00:00"),
        ("daily 08:00", "2026-03-01T08:00:00+00:00", "2026-03-02T08:00:00+00:00"),
        ("daily 08:00 Europe/Berlin", "2026-03-28T08:00:00+00:00", "2026-03-29T06:00:00+00:00"),
        ("daily 02:30 Europe/Berlin", "2026-03-28T22:00:00+00:00", "2026-03-29T01:30:00+00:00"),
        ("daily 02:30 Europe/Berlin", "2026-10-24T22:30:00+00:00", "2026-10-25T00:30:00+00:00"),
        ("daily 02:30 Europe/Berlin", "2026-10-25T00:30:00+00:00", "2026-10-26T01:30:00+00:00"),
    ],
)
def test_when_a_digest_is_due(digest: str, moment: str, due: str) -> None:
    parsed: Digest = parse_digest(digest)
    assert parsed.due(datetime.fromisoformat(moment)) == datetime.fromisoformat(due)
