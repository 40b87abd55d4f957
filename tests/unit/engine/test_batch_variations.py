"""Rows with variations: each is a row of its own, bought once, and what is missing is said."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import pytest

from batches import BatchSpec, ManifestRow, load_batch, save_batch
from engine.batch import BatchRun
from engine.batch_files import manifest_rows
from engine.batch_plan import plan_batch, read_file
from engine.batch_start import start_batch
from engine.single import hold_key
from studio.errors import BatchInvalid, ProviderRejected
from tests.support.providers import PRICES
from tests.support.studios import OWNER, balance_of, execute
from tests.unit.engine.conftest import House

PRICE = PRICES["painter"]
ROWS = """\
row,operation,prompt,image,variations,seed
fox,generate,a fox,,3,7
big,upscale,,@fox:2,,
"""


def read(house: House, text: str = ROWS) -> BatchSpec:
    return read_file(
        house.studio, text.encode(), source="rows.csv", owner=OWNER, folder=Path("/nowhere")
    )


def start(
    house: House, text: str = ROWS, number: int = 1, *, closes: datetime | None = None
) -> BatchRun:
    planned = plan_batch(house.studio, read(house, text))
    running = start_batch(house.studio, planned, f"run-{number}", closes=closes)
    running.hold_for(running.quote(), hold_key(f"run-{number}", 1))
    return running


def carry_out(house: House, running: BatchRun) -> list[ManifestRow]:
    for wave in running.waves():
        for order in running.orders(wave):
            running.take(order, execute(house.studio, order))
    running.finish()
    return manifest_rows(running.view)


def test_a_row_becomes_rows_with_seeds_behind_each_other(house: House) -> None:
    spec = read(house)
    assert [(row.name, row.line, row.part) for row in spec.rows] == [
        ("fox-1", 2, 1),
        ("fox-2", 2, 2),
        ("fox-3", 2, 3),
        ("big", 3, 0),
    ]
    assert [row.operation.seed for row in spec.rows[:3]] == [7, 8, 9]  # type: ignore[attr-defined]
    assert spec.rows[3].after == {"fox-2"}


def test_all_are_quoted_held_made_and_in_the_manifest(house: House) -> None:
    running = start(house)
    quoted = running.quote().quote
    assert quoted is not None
    assert [line.key for line in quoted.lines] == ["fox-1", "fox-2", "fox-3", "big"]
    rows = carry_out(house, running)
    assert [(row.row, row.status) for row in rows] == [
        (name, "done") for name in ("fox-1", "fox-2", "fox-3", "big")
    ]
    assert len({row.sha256 for row in rows}) == 4
    second = next(row for row in rows if row.row == "fox-2")
    big = running.view.job_of(running.spec.rows[3])
    assert big is not None
    assert big.pictures[0]["asset"] == second.asset
    assert balance_of(house.studio).captured == quoted.total


def test_a_part_that_fails_is_said_and_a_resume_buys_it_alone(house: House) -> None:
    text = ROWS.rpartition("big")[0]
    house.sure.script.append(ProviderRejected("no", provider="sure"))
    house.dear.script.append(ProviderRejected("no", provider="dear"))
    rows = carry_out(house, start(house, text))
    assert [row.status for row in rows] == ["failed", "done", "done"]
    assert balance_of(house.studio).captured == 2 * PRICE
    calls = len(house.sure.calls)
    again = start(house, text, 2)
    quoted = again.quote().quote
    assert quoted is not None
    assert [line.key for line in quoted.lines] == ["fox-1"]
    assert [row.status for row in carry_out(house, again)] == ["done"] * 3
    assert len(house.sure.calls) == calls + 1
    assert balance_of(house.studio).captured == 3 * PRICE


def test_more_variations_later_buy_only_the_new_ones(house: House) -> None:
    text = "row,operation,prompt,variations\nfox,generate,a fox,{}\n"
    two, four = read(house, text.format(2)), read(house, text.format(4))
    assert [row.key for row in two.rows] == [row.key for row in four.rows[:2]]
    assert len({row.key for row in four.rows}) == 4


def test_a_batch_with_variations_is_kept_and_loaded_whole(house: House) -> None:
    spec = read(house)
    house.studio.database.write(lambda connection: save_batch(connection, spec))
    with house.studio.database.read() as connection:
        assert load_batch(connection, OWNER, spec.id) == spec


@pytest.mark.parametrize(
    ("text", "line", "field", "rule"),
    [
        ("fox,generate,a,,2,\nfox-2,generate,b,,,", 2, "row", "line 3 has the name fox-2"),
        (f"{'x' * 59},generate,a,,2,", 2, "row", "60 characters at most"),
        ("fox,generate,a,,11,", 2, "variations", "at most 10"),
        ("fox,generate,a,,2,\nbig,upscale,,@fox:3,,", 3, "image", "allowed: @fox:1 to @fox:2"),
        ("fox,generate,a,,2,\nbig,upscale,,@fox-3,,", 3, "image", "there is no row fox-3"),
    ],
)
def test_what_is_wrong_is_said_before_anything_is_held(
    house: House, text: str, line: int, field: str, rule: str
) -> None:
    with pytest.raises(BatchInvalid) as caught:
        read(house, f"row,operation,prompt,image,variations,seed\n{text}\n")
    (problem,) = caught.value.details["problems"]
    assert (problem["line"], problem["field"]) == (line, field)
    assert rule in problem["rule"]


def test_so_many_rows_and_no_more(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("batches.rows.MOST_ROWS", 20)
    lines = "".join(f"generate,a {number},10\n" for number in range(3))
    with pytest.raises(BatchInvalid) as caught:
        read(house, f"operation,prompt,variations\n{lines}")
    (problem,) = caught.value.details["problems"]
    assert "20 rows at most" in problem["rule"]


def test_one_of_them_may_be_named_by_its_own_name(house: House) -> None:
    by_number, by_name = (read(house, ROWS.replace("@fox:2", it)) for it in ("@fox:2", "@fox-2"))
    assert by_number.rows[3].key == by_name.rows[3].key
