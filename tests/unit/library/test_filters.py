"""Filters of the library: applied by the database, alike on SQLite and Postgres."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from interfaces.cli.days import moment
from library import Asset, Filters, add_assets, list_assets
from library.tables import assets
from studio.database import Database
from studio.errors import InvalidRequest

OWNER = "ann"
NOON = datetime(2026, 11, 29, 12, 0, tzinfo=UTC)


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest) -> Database:
    found = request.getfixturevalue(f"{request.param}_database")
    assert isinstance(found, Database)
    return found


def asset(number: int, owner: str = OWNER, **values: Any) -> Asset:
    given: dict[str, Any] = {
        "id": f"ast_{number:026d}",
        "owner": owner,
        "name": "a.png",
        "sha256": "0" * 64,
        "thumbnail": "0" * 64,
        "media_type": "image/png",
        "bytes": 1,
        "width": 1,
        "height": 1,
        "operation": "generate",
        "request": {},
        "provider": "local",
        "model": "paint",
        "method": "",
        "reason": "",
        "seed": None,
        "credits": 0,
        "facts": {},
        "job": f"job_{number}",
        "position": 0,
        "run": "",
        "created_at": NOON,
    }
    return Asset(**given | values)


def file(database: Database, *new: Asset) -> None:
    database.write(lambda connection: add_assets(connection, new))


def numbers(database: Database, **values: Any) -> list[int]:
    page = {name: values.pop(name) for name in ("limit", "before") if name in values}
    with database.read() as connection:
        found = list_assets(connection, OWNER, filters=Filters(**values), **page)
    return [int(each.id[4:]) for each in found]


def test_each_filter_and_all_together(database: Database) -> None:
    file(
        database,
        asset(1),
        asset(2, operation="upscale", model="a_b"),
        asset(3, operation="upscale", model="axb", provider="cloud"),
        asset(4, media_type="video/mp4", provider="cloud"),
        asset(5, media_type="application/json", operation="tag"),
        asset(6, media_type="model/gltf-binary"),
        asset(7, owner="eve", operation="upscale"),
    )
    assert numbers(database) == [6, 5, 4, 3, 2, 1]
    assert numbers(database, operation="upscale") == [3, 2]
    assert numbers(database, provider="cloud") == [4, 3]
    assert numbers(database, kind="video") == [4]
    assert numbers(database, kind="text") == [5]
    assert numbers(database, kind="model") == [6]
    assert numbers(database, kind="audio") == []
    assert numbers(database, kind="image", operation="upscale", provider="cloud") == [3]


@pytest.mark.parametrize(("model", "found"), [("a_b", [2]), ("%", []), ("a%", []), ("' OR 1", [])])
def test_signs_of_patterns_stand_for_themselves(
    database: Database, model: str, found: list[int]
) -> None:
    file(database, asset(1, model="axb"), asset(2, model="a_b"))
    assert numbers(database, model=model) == found


def test_a_time_is_compared_with_its_offset(database: Database) -> None:
    file(database, asset(1, created_at=NOON - timedelta(minutes=1)), asset(2))
    noon_in_paris = NOON.astimezone(timezone(timedelta(hours=1)))
    assert numbers(database, since=noon_in_paris) == [2]
    assert numbers(database, until=noon_in_paris) == [1]


def test_pages_of_equal_times_are_whole_though_assets_go(database: Database) -> None:
    odd = {"operation": "upscale"}
    file(database, *(asset(number, **odd if number % 2 else {}) for number in range(12)))
    first = numbers(database, limit=2, operation="upscale")
    assert first == [11, 9]
    gone = assets.c.id.in_([asset(11).id, asset(9).id])
    database.write(
        lambda connection: connection.execute(assets.update().where(gone).values(owner="x"))
    )
    rest = numbers(database, before=asset(9).id, limit=500, operation="upscale")
    assert rest == [7, 5, 3, 1]


def test_what_does_not_fit_is_passed_over_within_the_index(sqlite_database: Database) -> None:
    conditions = Filters(kind="video", operation="x", provider="y", model="z", since=NOON)
    query = (
        assets.select()
        .with_only_columns(assets.c.id)
        .where(assets.c.owner == OWNER, *conditions.conditions())
        .order_by(assets.c.id.desc())
        .limit(50)
    )
    bound = str(query.compile(sqlite_database.engine, compile_kwargs={"literal_binds": True}))
    with sqlite_database.read() as connection:
        plan = [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {bound}")]
    assert plan == ["SEARCH assets USING COVERING INDEX ix_assets_owner_id (owner=?)"]


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"kind": "picture"}, "kind"),
        ({"model": "x" * 201}, "model"),
        ({"provider": "\0"}, "provider"),
        ({"since": NOON.replace(tzinfo=None)}, "since"),
    ],
)
def test_what_is_no_filter_is_refused(values: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        Filters(**values)
    assert refused.value.field == field


@pytest.mark.parametrize(
    ("text", "end", "found"),
    [
        ("", False, None),
        ("2026-11-29", False, datetime(2026, 11, 29, tzinfo=UTC)),
        ("2026-11-29", True, datetime(2026, 11, 30, tzinfo=UTC)),
        ("2026-11-29T13:00:00+01:00", True, NOON),
        ("2026-11-29T12:00", False, NOON),
    ],
)
def test_moments_as_they_are_typed(text: str, end: bool, found: datetime | None) -> None:  # noqa: FBT001
    assert moment("since", text, end=end) == found


@pytest.mark.parametrize(
    "text", ["yesterday", "2026-13-01", "9999-12-31", "0001-01-01T00:00+14:00"]
)
def test_what_is_no_moment_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequest):
        moment("until", text, end=True)
