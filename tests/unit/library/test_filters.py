"""Filters of the library: applied by the database, alike on SQLite and Postgres."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest

from interfaces.cli.days import moment
from library import Filters, list_assets
from studio.database import Database
from studio.errors import InvalidRequest
from tests.unit.library.conftest import NOON, OWNER, asset, file


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
