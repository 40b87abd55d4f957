"""How far a batch is, counted by the database: the same as row by row, with speed and causes."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import event, update

from batches import find_batch
from batches.tables import batches
from engine.batch import BatchRun
from engine.batch_progress import Progress, ended_since, progress_of
from engine.batch_view import view_batch
from engine.jobs import Job
from engine.tables import jobs
from studio.clock import now
from studio.errors import BatchCancelled, NotFound, OutcomeUnknown, ProviderRejected, StudioError
from tests.support.providers import PRICES
from tests.support.studios import OWNER, execute
from tests.unit.engine.conftest import House
from tests.unit.engine.test_batch_variations import start

PRICE = PRICES["painter"]
ROWS = """\
row,operation,prompt,image,seed
fox,generate,a fox,,7
twin,generate,a fox,,7
owl,generate,an owl,,8
hen,generate,a hen,,9
cat,generate,a cat,,1
big,upscale,,@owl,
"""


def look(house: House, running: BatchRun) -> Progress:
    with house.studio.database.read() as connection:
        return progress_of(connection, OWNER, running.spec.id)


def same_as_row_by_row(house: House, running: BatchRun) -> Progress:
    found = look(house, running)
    with house.studio.database.read() as connection:
        view = view_batch(connection, OWNER, running.spec.id)
    assert dict(found.counts) == dict(view.counts())
    return found


def carry_out(house: House, running: BatchRun, *names: str) -> None:
    for wave in running.waves():
        for order in running.orders([row for row in wave if not names or row.name in names]):
            result: Job | StudioError
            try:
                result = execute(house.studio, order)
            except StudioError as error:
                result = error
            running.take(order, result)


def test_every_status_is_counted_as_row_by_row(house: House) -> None:
    running = start(house, ROWS)
    begun = same_as_row_by_row(house, running)
    assert (begun.total, begun.ended, begun.state) == (6, 0, "running")
    assert begun.held == running.quote().total
    assert begun.expected_end is None
    carry_out(house, running, "fox")
    found = same_as_row_by_row(house, running)
    assert dict(found.counts) == {"done": 2, "waiting": 4}
    assert found.spent == PRICE
    assert found.per_second > 0
    assert found.expected_end is not None
    assert found.expected_end > now()
    sure, dear = house.sure.script, house.dear.script
    sure.append(ProviderRejected("no such bird", provider="sure"))
    dear.append(ProviderRejected("no such bird", provider="dear"))
    carry_out(house, running, "owl")
    sure.append(OutcomeUnknown("who knows", provider="sure"))
    carry_out(house, running, "hen")
    running.cancelled = BatchCancelled("enough")
    carry_out(house, running, "cat", "big")
    running.finish()
    ended = same_as_row_by_row(house, running)
    assert dict(ended.counts) == {"done": 2, "failed": 1, "unknown": 1, "cancelled": 2}
    assert (ended.state, ended.per_second, ended.not_done) == ("incomplete", 0, 4)
    causes = {each.code: (each.rows, each.message) for each in ended.causes}
    assert causes["provider_rejected"] == (1, "no such bird")
    assert causes["outcome_unknown"][0] == 1
    assert causes["batch_cancelled"] == (2, "enough")


def test_what_failed_before_this_run_waits_until_it_was_tried_again(house: House) -> None:
    text = ROWS.partition("owl")[0]
    for provider in (house.sure, house.dear):
        provider.script.append(ProviderRejected("no", provider=provider.name))
    first = start(house, text)
    carry_out(house, first)
    first.finish()
    assert dict(look(house, first).counts) == {"failed": 2}
    again = start(house, text, 2)
    found = look(house, again)
    assert dict(found.counts) == {"waiting": 2}
    assert found.causes == ()
    assert (found.round, found.run) == (2, "run-2")
    carry_out(house, again)
    assert dict(look(house, again).counts) == {"done": 2}


def test_endings_are_seen_before_the_batch_ends(house: House) -> None:
    running = start(house, ROWS)
    running.end(running.spec.rows[2], "failed", NotFound("it is gone"))
    assert look(house, running).ended == 0
    running.note_endings()
    found = look(house, running)
    assert dict(found.counts) == {"failed": 1, "waiting": 5}
    assert [(each.code, each.rows) for each in found.causes] == [("not_found", 1)]


def test_the_speed_is_that_of_the_last_half_minute(house: House) -> None:
    running = start(house, ROWS)
    carry_out(house, running, "fox", "owl", "hen")
    long_ago = now() - timedelta(minutes=5)
    with house.studio.database.engine.begin() as connection:
        connection.execute(update(batches).values(started_at=long_ago))
        connection.execute(update(jobs).where(jobs.c.label == "fox").values(updated_at=long_ago))
    assert look(house, running).per_second == pytest.approx(2 / 30)


def test_what_ended_is_told_once_for_the_same_work(house: House) -> None:
    running = start(house, ROWS)
    before = now()
    carry_out(house, running)
    with house.studio.database.read() as connection:
        record = find_batch(connection, OWNER, running.spec.id)
        found = ended_since(connection, record, before)
        assert ended_since(connection, record, now() + timedelta(hours=1)) == []
    assert [each.name for each in found] == ["fox", "owl", "hen", "cat", "big"]
    assert all(each.job.state == "settled" for each in found)


def test_a_look_takes_as_many_statements_for_many_rows_as_for_few(house: House) -> None:
    counts = []
    for number, rows in enumerate((2, 60)):
        lines = [f"generate,picture {number} {row}" for row in range(rows)]
        running = start(house, "\n".join(["operation,prompt", *lines]), number + 1)
        statements: list[str] = []

        @event.listens_for(house.studio.database.engine, "before_cursor_execute")
        def note(*told: object, into: list[str] = statements) -> None:
            into.append(str(told[2]))

        assert look(house, running).total == rows
        event.remove(house.studio.database.engine, "before_cursor_execute", note)
        counts.append(len(statements))
    assert counts[0] == counts[1] <= 10


def test_anothers_batch_is_not_there(house: House) -> None:
    running = start(house, ROWS)
    with house.studio.database.read() as connection, pytest.raises(NotFound):
        progress_of(connection, "eve", running.spec.id)
