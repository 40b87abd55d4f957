"""Work that has come to no asset, listed as assets are: by status, filtered, in pages, bounded."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest
from sqlalchemy import ColumnElement, Connection, event, insert, update

from engine.jobs import Job
from engine.tables import jobs
from engine.unfinished import (
    count_unfinished,
    find_unfinished,
    status_of,
    unfinished_counts,
)
from library import Filters, find_page
from library.collecting import create_collection
from studio.database import Database, as_row
from studio.errors import InvalidRequest
from studio.operations import Generate
from tests.support.jobs import a_job

NOON = datetime(2026, 11, 29, 12, 0, tzinfo=UTC)
OWNER, EVE = "ann", "eve"


def job(number: int, state: str, **values: Any) -> Job:
    prompt = values.pop("prompt", "a red fox")
    given: dict[str, Any] = {
        "id": f"job_{number:026d}",
        "owner": OWNER,
        "key": f"key {number}",
        "state": state,
        "created_at": NOON + timedelta(seconds=number),
    }
    return replace(a_job(Generate(prompt=prompt), "cloud/flux"), **given | values)


def keep(database: Database, *some: Job) -> None:
    rows = [as_row(each) for each in some]
    database.write(lambda connection: connection.execute(insert(jobs), rows))


def listed(database: Database, status: str, **values: Any) -> list[int]:
    with database.read() as connection:
        page = find_unfinished(connection, OWNER, Filters(status=status, **values))
        told = count_unfinished(connection, OWNER, Filters(status=status, **values))
    assert (page.following, page.whole) == ("", True)
    assert (told.number, told.exact) == (len(page.found), True)
    assert all(status_of(each) == status for each in page.found)
    return [int(each.id[4:]) for each in page.found]


def test_each_status_shows_its_work_the_newest_first(database: Database) -> None:
    states = ("prepared", "submitted", "generated", "settled", "failed", "unknown")
    keep(database, *(job(number, state) for number, state in enumerate(states * 2)))
    keep(database, *(job(number + 50, state, owner=EVE) for number, state in enumerate(states)))
    assert listed(database, "pending") == [6, 0]
    assert listed(database, "processing") == [8, 7, 2, 1]
    assert listed(database, "failed") == [10, 4]
    assert listed(database, "unknown") == [11, 5]
    with database.read() as connection:
        assert unfinished_counts(connection, OWNER) == {
            "pending": 2,
            "processing": 4,
            "failed": 2,
            "unknown": 2,
        }
        assert unfinished_counts(connection, "nobody") == {}
        assert find_page(connection, OWNER, Filters(status="failed")).found == ()


def test_a_failure_that_was_tried_again_is_told_by_its_last_attempt(database: Database) -> None:
    keep(
        database,
        job(1, "failed", key="a"),
        job(2, "settled", key="a", attempt=2),
        job(3, "failed", key="b"),
        job(4, "failed", key="b", attempt=2),
        job(5, "failed", key="a", owner=EVE),
        job(6, "failed", key="c"),
        job(7, "settled", key="c", attempt=2, owner=EVE),
    )
    assert listed(database, "failed") == [6, 4]


def test_what_is_known_of_work_filters_it(database: Database) -> None:
    keep(
        database,
        job(1, "failed", template="poster"),
        job(2, "failed", offer="local/painter"),
        job(3, "failed", prompt="an owl", label="night"),
    )
    assert listed(database, "failed", words="red fox") == [2, 1]
    assert listed(database, "failed", words="fox -painter") == [1]
    assert listed(database, "failed", words="night") == [3]
    assert listed(database, "failed", words=f"job_{3:026d}") == [3]
    assert listed(database, "failed", words="?!") == []
    assert listed(database, "failed", provider="local", model="painter") == [2]
    assert listed(database, "failed", operation="generate", module="create") == [3, 2, 1]
    assert listed(database, "failed", operation="upscale") == []
    assert listed(database, "failed", template="poster") == [1]
    assert listed(database, "failed", since=NOON + timedelta(seconds=2)) == [3, 2]
    assert listed(database, "failed", until=NOON + timedelta(seconds=2)) == [1]


@pytest.mark.parametrize(
    "values",
    [{"tag": "x"}, {"kind": "image"}, {"favourite": True}, {"trashed": True}, {"least_bytes": 1}],
)
def test_what_only_an_asset_has_is_no_filter_for_work(
    sqlite_database: Database, values: dict[str, Any]
) -> None:
    with sqlite_database.read() as connection, pytest.raises(InvalidRequest) as error:
        find_unfinished(connection, OWNER, Filters(status="failed", **values))
    assert error.value.field == next(iter(values))


def test_there_is_no_other_status_order_or_place(sqlite_database: Database) -> None:
    with pytest.raises(InvalidRequest, match="processing"):
        Filters(status="done")
    failed = Filters(status="failed")
    with sqlite_database.read() as connection:
        for wrong in ({"sort": "largest"}, {"after": "newest.1"}, {"limit": 0}):
            with pytest.raises(InvalidRequest):
                find_unfinished(connection, OWNER, failed, **wrong)
    with pytest.raises(InvalidRequest) as error:
        sqlite_database.write(lambda c: create_collection(c, OWNER, "x", filters=failed))
    assert error.value.field == "status"


def gone_on(shown: ColumnElement[bool], connection: Connection) -> None:
    connection.execute(update(jobs).where(shown).values(state="unknown"))


def test_pages_go_on_behind_a_place_and_end_at_a_bound(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    keep(database, *(job(n, "failed", prompt="fox" if n % 14 == 0 else "owl") for n in range(40)))
    monkeypatch.setattr("engine.unfinished._PASSED", 10)
    found: list[int] = []
    after, broken_off = "", 0
    for _ in range(20):
        with database.read() as connection:
            asked = Filters(status="failed", words="fox")
            page = find_unfinished(connection, OWNER, asked, limit=1, after=after)
        found += [int(each.id[4:]) for each in page.found]
        assert page.whole == (len(page.found) == 1 or not page.following)
        after, broken_off = page.following, broken_off + (not page.whole)
        shown = jobs.c.id == f"job_{found[-1] if found else 39:026d}"
        database.write(partial(gone_on, shown))
        if not after:
            break
    assert found == [28, 14, 0]
    assert broken_off


def test_sqlite_goes_by_the_index_of_the_unfinished(sqlite_database: Database) -> None:
    statements: list[str] = []

    def note(_c: Any, cursor: Any, statement: str, given: Any, *_: Any) -> None:
        if "later" in statement or "LIMIT" in statement:
            plan = cursor.connection.execute(f"EXPLAIN QUERY PLAN {statement}", given)
            statements.extend(row[3] for row in plan)

    with sqlite_database.read() as connection:
        event.listen(connection, "before_cursor_execute", note)
        find_unfinished(connection, OWNER, Filters(status="failed"))
    assert statements[0] == "SEARCH jobs USING INDEX ix_jobs_unfinished (owner=? AND state=?)"
    assert not [each for each in statements if "TEMP B-TREE" in each]
