"""Usage: each delivery counts once, whoever counts at the same time; told by period and owner."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime

import pytest

from library import Statistics, Use, count_uses, statistics, uses_of
from studio import clock
from studio.database import Database
from studio.errors import InvalidRequest
from tests.unit.library.kit import EVE, OWNER, asset, file, identifier


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest) -> Database:
    found = request.getfixturevalue(f"{request.param}_database")
    assert isinstance(found, Database)
    file(found, asset(1), asset(2), asset(3, owner=EVE))
    return found


@pytest.fixture
def today(monkeypatch: pytest.MonkeyPatch) -> list[datetime]:
    """The moment that the clock shows; a test may change it."""
    moment = [datetime(2026, 11, 30, 23, 59, tzinfo=UTC)]
    monkeypatch.setattr(clock, "now", lambda: moment[0])
    return moment


def used(database: Database, number: int, *kinds: str, owner: str = OWNER) -> None:
    uses = [Use(owner, identifier(number), kind) for kind in kinds]  # type: ignore[arg-type]
    database.write(lambda connection: count_uses(connection, uses))


def told(database: Database, owner: str = OWNER, top: int = 10) -> Statistics:
    with database.read() as connection:
        return statistics(connection, owner, date(2026, 11, 30), date(2026, 12, 1), top=top)


def test_deliveries_are_told_by_day_by_asset_and_together(
    database: Database, today: list[datetime]
) -> None:
    used(database, 1, "view", "view", "download")
    used(database, 2, "share", "view", "view", "view")
    used(database, 3, "view", owner=EVE)
    today[0] = datetime(2026, 12, 1, 0, 1, tzinfo=UTC)
    used(database, 1, "view")
    found = told(database)
    assert found.uses == {"view": 5, "download": 1, "share": 1}
    assert found.assets == 2
    assert [(each.day, each.uses) for each in found.days] == [(date(2026, 11, 30), found.uses)]
    assert [(each.asset, each.uses["view"]) for each in found.top] == [
        (identifier(2), 3),
        (identifier(1), 2),
    ]
    assert [each.asset for each in told(database, top=1).top] == [identifier(2)]
    assert told(database, top=0).top == ()
    assert told(database, EVE).uses == {"view": 1, "download": 0, "share": 0}
    with database.read() as connection:
        assert uses_of(connection, OWNER, identifier(1))["view"] == 3
        assert uses_of(connection, EVE, identifier(1))["view"] == 0
        with pytest.raises(InvalidRequest):
            statistics(connection, OWNER, date(2026, 1, 1), date(2026, 2, 1), top=101)


def test_none_is_lost_when_many_count_at_once(database: Database) -> None:
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda _: used(database, 1, "download"), range(40)))
    with database.read() as connection:
        assert uses_of(connection, OWNER, identifier(1))["download"] == 40
