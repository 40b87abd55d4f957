"""A batch comes out of the database as it went in; nobody else finds it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime

import pytest
from sqlalchemy import func, insert, select, update
from sqlalchemy.exc import IntegrityError

from batches import (
    BatchSpec,
    clear_ends,
    end_rows,
    find_batch,
    list_batches,
    load_batch,
    row_ends,
    save_batch,
)
from batches.tables import STATES, batch_rows, batches
from studio import clock
from studio.database import Database
from studio.errors import InvalidRequest, NotFound
from tests.unit.batches.batch_files import HEAD, read

FILE = HEAD + (
    'fox,generate,"ein Bär\r\n ""groß"" 🦊\u2028",,,,\n'
    "twin,generate,NA,,,,7\n"
    "same,generate,NA,,,,7\n"
    "posts,social_export,,@fox,twitter_post|instagram_story,,\n"
    ",upscale,,@posts:2,,,\n"
)


@pytest.fixture
def batch(database: Database) -> BatchSpec:
    spec = read(FILE)
    assert database.write(lambda connection: save_batch(connection, spec))
    return spec


def test_a_loaded_batch_equals_the_saved_one_in_every_respect(
    database: Database, batch: BatchSpec
) -> None:
    with database.read() as connection:
        loaded = load_batch(connection, "ada", batch.id)
    assert loaded == batch
    assert repr(loaded) == repr(batch)
    for one, other in zip(loaded.rows, batch.rows, strict=True):
        assert one.operation.model_fields_set == other.operation.model_fields_set
        assert one.operation.canonical() == other.operation.canonical()


def test_saving_again_changes_nothing(database: Database, batch: BatchSpec) -> None:
    with database.read() as connection:
        before = connection.execute(select(batches)).all()
    other_lines = replace(
        batch, source="other.csv", rows=tuple(replace(it, line=it.line + 1) for it in batch.rows)
    )
    assert not database.write(lambda connection: save_batch(connection, other_lines))
    with database.read() as connection:
        assert connection.execute(select(batches)).all() == before
        assert load_batch(connection, "ada", batch.id) == batch


def test_of_many_that_save_at_once_one_does(database: Database) -> None:
    spec = read(FILE)
    with ThreadPoolExecutor(8) as pool:
        new = list(pool.map(lambda _: database.write(lambda it: save_batch(it, spec)), range(16)))
    assert new.count(True) == 1
    with database.read() as connection:
        count = connection.execute(select(func.count()).select_from(batch_rows)).scalar_one()
    assert count == len(spec.rows)


def test_a_batch_starts_new_and_unpaid(database: Database, batch: BatchSpec) -> None:
    with database.read() as connection:
        record = find_batch(connection, "ada", batch.id)
    assert (record.rows, record.round, record.worker, record.hold) == (5, 0, "", "")
    assert (record.state, record.quote, record.finished_at) == ("new", None, None)
    assert (record.source, record.name, record.owner) == ("f.csv", "", "ada")
    assert abs((clock.now() - record.created_at).total_seconds()) < 60


def test_a_batch_of_somebody_else_is_not_found(database: Database, batch: BatchSpec) -> None:
    with database.read() as connection:
        for owner, identifier in (("bob", batch.id), ("ada", "bat_" + "0" * 20)):
            with pytest.raises(NotFound) as caught:
                load_batch(connection, owner, identifier)
            assert (caught.value.field, caught.value.given) == ("batch", identifier)
            with pytest.raises(NotFound):
                find_batch(connection, owner, identifier)
        assert list_batches(connection, "bob") == []


def test_the_newest_batches_come_first(database: Database) -> None:
    specs = [read(FILE, name=str(number)) for number in range(4)]
    for day, spec in enumerate(specs, 1):
        database.write(lambda connection, spec=spec: save_batch(connection, spec))  # type: ignore[misc]
        moment = datetime(2026, 8, day, tzinfo=UTC)
        change = update(batches).where(batches.c.id == spec.id).values(created_at=moment)
        database.write(lambda connection, change=change: connection.execute(change))  # type: ignore[misc]
    with database.read() as connection:
        assert [it.name for it in list_batches(connection, "ada")] == ["3", "2", "1", "0"]
        assert [it.name for it in list_batches(connection, "ada", 2)] == ["3", "2"]
        for limit in (0, 501):
            with pytest.raises(InvalidRequest):
                list_batches(connection, "ada", limit)


SKIPPED = {"state": "skipped_budget", "code": "not_enough_credits", "message": "No credits left."}
CANCELLED = {"state": "cancelled", "code": "cancelled", "message": "Row fox failed."}


def test_rows_that_ended_without_a_job_say_so_until_the_next_round(
    database: Database, batch: BatchSpec
) -> None:
    other = read(FILE, name="other")
    database.write(lambda connection: save_batch(connection, other))
    ends = {"7": CANCELLED, "fox": SKIPPED}
    database.write(lambda connection: end_rows(connection, batch.id, {"7": SKIPPED}))
    database.write(lambda connection: end_rows(connection, batch.id, ends))
    database.write(lambda connection: end_rows(connection, batch.id, {}))
    database.write(lambda connection: end_rows(connection, other.id, {"posts": SKIPPED}))
    with database.read() as connection:
        assert list(row_ends(connection, batch.id).items()) == [("fox", SKIPPED), ("7", CANCELLED)]
        assert load_batch(connection, "ada", batch.id) == batch
    database.write(lambda connection: clear_ends(connection, batch.id))
    with database.read() as connection:
        assert row_ends(connection, batch.id) == {}
        assert row_ends(connection, other.id) == {"posts": SKIPPED}


def test_an_end_says_state_code_and_message(database: Database, batch: BatchSpec) -> None:
    with pytest.raises(ValueError, match="row 'fox' has the keys"):
        database.write(lambda it: end_rows(it, batch.id, {"fox": {"state": "cancelled"}}))


def test_the_end_of_a_row_that_is_not_there_is_a_mistake(
    database: Database, batch: BatchSpec
) -> None:
    with pytest.raises(NotFound) as caught:
        database.write(lambda it: end_rows(it, batch.id, {"fox": SKIPPED, "wolf": SKIPPED}))
    assert caught.value.given == "wolf"
    with database.read() as connection:
        assert row_ends(connection, batch.id) == {}


@pytest.mark.parametrize("change", [{"state": "finished"}, {"rows": 0}, {"round": -1}])
def test_the_database_refuses_what_makes_no_sense(
    database: Database, batch: BatchSpec, change: dict[str, object]
) -> None:
    with pytest.raises(IntegrityError):
        database.write(lambda connection: connection.execute(update(batches).values(**change)))
    for state in STATES:
        database.write(lambda it, state=state: it.execute(update(batches).values(state=state)))  # type: ignore[misc]


def test_a_name_is_there_once_in_a_batch(database: Database, batch: BatchSpec) -> None:
    with database.read() as connection:
        row = connection.execute(select(batch_rows).limit(1)).mappings().one()
    with pytest.raises(IntegrityError):
        database.write(lambda it: it.execute(insert(batch_rows).values({**row, "line": 99})))
