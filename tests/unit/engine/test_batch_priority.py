"""A batch's priority reaches every order of its rows, and is the batch's in later rounds, too."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from batches import find_batch
from engine.batch import BatchRun
from engine.batch_again import plan_again, start_again
from engine.batch_plan import PlannedBatch, plan_batch, read_file
from engine.batch_start import start_batch
from engine.preflight import Caller
from engine.studio import Studio
from studio.errors import StudioError
from tests.support.studios import OWNER, make_studio

_ROWS = b"operation,prompt\ngenerate,a fox\ngenerate,a hare\n"


@pytest.fixture
def studio(tmp_path: Path, database_url: str) -> Iterator[Studio]:
    made = make_studio(tmp_path, database_url)
    yield made
    made.close()


@pytest.fixture
def planned(studio: Studio, tmp_path: Path) -> PlannedBatch:
    spec = read_file(studio, _ROWS, source="b.csv", owner=OWNER, folder=tmp_path)
    return plan_batch(studio, spec)


def _priorities(running: BatchRun) -> list[str]:
    (wave,) = running.waves()
    return [order.priority for order in running.orders(wave)]


def _kept(studio: Studio, planned: PlannedBatch) -> str:
    with studio.database.read() as connection:
        return find_batch(connection, OWNER, planned.spec.id).priority


def _cut_off(running: BatchRun) -> None:
    """End a round before any of its rows began, as a closing window does."""
    running.began = True
    running.rest()


def test_a_batch_that_names_none_is_normal(studio: Studio, planned: PlannedBatch) -> None:
    running = start_batch(studio, planned, "run")
    assert _priorities(running) == ["normal", "normal"]
    assert _kept(studio, planned) == "normal"


def test_it_stays_until_another_is_named(studio: Studio, planned: PlannedBatch) -> None:
    running = start_batch(studio, planned, "run-1", priority="low")
    assert _priorities(running) == ["low", "low"]
    _cut_off(running)
    again = start_batch(studio, planned, "run-2")
    assert _priorities(again) == ["low", "low"]
    _cut_off(again)
    _cut_off(start_batch(studio, planned, "run-3", priority="high"))
    assert _kept(studio, planned) == "high"


def test_rows_that_are_done_again_have_it(studio: Studio, planned: PlannedBatch) -> None:
    running = start_batch(studio, planned, "run-1", priority="high")
    for row in running.spec.rows:
        running.end(row, "failed", StudioError("The provider did not want it."))
    running.note_endings()
    _cut_off(running)
    for part, number in (("failed", 2), ("rest", 3)):
        again = plan_again(studio, OWNER, planned.spec.id, part)  # type: ignore[arg-type]  # of a loop
        once_more = start_again(studio, again, f"run-{number}", Caller())
        assert _priorities(once_more) == ["high", "high"]
        once_more.abandon()
    again = plan_again(studio, OWNER, planned.spec.id, "failed")
    once_more = start_again(studio, again, "run-4", Caller(), "low")
    assert _priorities(once_more) == ["low", "low"]


def test_a_start_that_is_refused_leaves_it(studio: Studio, planned: PlannedBatch) -> None:
    _cut_off(start_batch(studio, planned, "run-1", priority="high"))
    start_batch(studio, planned, "run-2", priority="low").abandon()
    assert _kept(studio, planned) == "high"
