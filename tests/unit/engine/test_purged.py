"""The ledger of jobs forgets the words of what is purged, and keeps what the books need."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, select, update

from billing.reports.period import parse_period
from engine.jobs import Job
from engine.reconciling import purchases
from engine.single import hold_credits, orders_of, plan_one, release_hold
from engine.studio import Studio
from engine.tables import jobs
from engine.tidying import empty_trash_of
from engine.usage import usage
from library import add_assets, find_asset
from library.trash import trash
from studio.clock import now
from studio.operations import Generate, Operation
from tests.support.providers import InstantProvider, book
from tests.support.studios import OWNER, balance_of, opened_studio

WORDS = "a portrait of Hildegard"


@pytest.fixture
def sure() -> InstantProvider:
    return InstantProvider("sure", repeatable=False)


@pytest.fixture
def studio(tmp_path: Path, sure: InstantProvider, database_url: str) -> Iterator[Studio]:
    known, prices = {"sure": sure}, book(sure=1)
    with opened_studio(
        tmp_path / "h", database_url=database_url, providers=known, prices=prices
    ) as opened:
        yield opened


def make(studio: Studio, operation: Operation, key: str) -> Job:
    planned = plan_one(studio, operation, OWNER, key)
    held = hold_credits(studio, OWNER, f"{key}/{now().timestamp()}", planned.quote.total, "a test")
    (order,) = orders_of(planned, owner=OWNER, key=key, hold_id=held.id, run=key)
    job = studio.loop.run(studio.executor.execute(order))
    release_hold(studio, OWNER, held.id)
    assert job.state == "settled"
    return job


def rows(studio: Studio) -> list[dict[str, Any]]:
    with studio.database.read() as connection:
        found = connection.execute(select(jobs).order_by(jobs.c.id)).mappings()
        return [dict(row) for row in found]


def purge(studio: Studio, *assets: str) -> None:
    studio.database.write(lambda connection: trash(connection, OWNER, assets))
    assert empty_trash_of(studio, OWNER).assets == len(assets)


def test_the_words_go_and_the_books_stay(studio: Studio, sure: InstantProvider) -> None:
    job = make(studio, Generate(prompt=WORDS, width=64, height=64), "run-1")
    other = make(studio, Generate(prompt="a hill", width=64, height=64), "run-2")

    def books() -> tuple[Any, ...]:
        with studio.database.read() as connection:
            period = parse_period(f"{now() - timedelta(days=1):%Y-%m-%d}..{now():%Y-%m-%d}", now())
            told = usage(connection, period, by=["operation", "offer", "day"], owner=OWNER)
            bought = list(purchases(connection, "sure", period))
        return told, bought, balance_of(studio)

    had, before = books(), rows(studio)
    assert WORDS in str(before[0])
    purge(studio, *job.asset_ids())

    gone, kept = rows(studio)
    assert kept == before[1]
    for word in ("Hildegard", "hildegard"):
        assert word not in str(gone)
    assert gone["operation"] == {"operation": "generate"}
    same = {"id", "key", "attempt", "state", "offer", "price", "cost", "charged", "expense",
            "claim", "remote_id", "run", "created_at", "updated_at"}  # fmt: skip
    assert {name: gone[name] for name in same} == {name: before[0][name] for name in same}
    assert books() == had
    assert Job(**gone).asset_ids() == job.asset_ids()

    # Asked for again under its key, it is not bought again.
    again = make(studio, Generate(prompt=WORDS, width=64, height=64), "run-1")
    assert (again.id, len(sure.calls)) == (job.id, 2)
    assert balance_of(studio) == had[2]
    assert other.operation["prompt"] == "a hill"


def test_earlier_attempts_at_the_same_work_are_emptied_as_well(studio: Studio) -> None:
    job = make(studio, Generate(prompt=WORDS, width=64, height=64), "run-1")
    broken = {"code": "bad_response", "message": "It broke.", "request_id": "r-1"}
    (row,) = rows(studio)
    failed = {**row, "id": "job_" + "0" * 26, "attempt": 2, "state": "failed", "charged": 0}
    failed |= {"delivery": None, "error": broken}
    studio.database.write(lambda c: c.execute(insert(jobs).values(**failed)))
    theirs = {**failed, "id": "job_" + "1" * 26, "owner": "eve"}
    studio.database.write(lambda c: c.execute(insert(jobs).values(**theirs)))
    purge(studio, *job.asset_ids())
    found = {each["id"]: each for each in rows(studio)}
    assert WORDS not in str(found[failed["id"]])
    assert found[failed["id"]]["error"] == broken
    assert WORDS in str(found[theirs["id"]])


def test_a_job_is_emptied_when_the_last_of_its_assets_is_purged(studio: Studio) -> None:
    job = make(studio, Generate(prompt=WORDS, width=64, height=64), "run-1")
    (first,) = job.asset_ids()
    with studio.database.read() as connection:
        one = find_asset(connection, OWNER, first)
    another = replace(one, id=job.asset_id(1), position=1)
    studio.database.write(lambda connection: add_assets(connection, [another]))
    before = rows(studio)
    purge(studio, first)
    assert rows(studio) == before
    purge(studio, another.id)
    (row,) = rows(studio)
    assert (row["pictures"], row["notes"], row["label"]) == ([], {}, "deleted")
    assert WORDS not in str(row)


def test_what_was_told_of_a_picture_goes_with_the_text_that_told_it(studio: Studio) -> None:
    job = make(studio, Generate(prompt="a hill", width=64, height=64), "run-1")
    (row,) = rows(studio)
    facts = {"request_id": "r-1", "likely": {"Hildegard": 0.9}}
    told = {**row["delivery"], "facts": facts, "told": {"caption": WORDS}}
    changed = update(jobs).values(delivery=told)
    studio.database.write(lambda connection: connection.execute(changed))
    purge(studio, *job.asset_ids())
    (row,) = rows(studio)
    assert "Hildegard" not in str(row)
    assert row["delivery"]["facts"] == {"request_id": "r-1"}, "by it the bill is compared"
    same = set(told) - {"facts", "told"}
    assert {name: row["delivery"][name] for name in same} == {name: told[name] for name in same}
