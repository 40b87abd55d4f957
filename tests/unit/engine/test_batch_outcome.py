"""What a batch leaves: errors that can be run again, and a ZIP that takes no memory."""

from __future__ import annotations

import io
import tracemalloc
import zipfile
from pathlib import Path

from batches import Given, ManifestRow, manifest_csv, named, totals
from engine.batch_files import deliver, errors_file, folder_of, manifest_rows
from engine.batch_plan import plan_batch, read_file
from engine.batch_start import start_batch
from engine.batch_view import view_batch
from engine.batch_zip import write_zip
from studio.errors import OutcomeUnknown, ProviderRejected
from tests.support.studios import OWNER
from tests.unit.engine.conftest import House
from tests.unit.engine.test_batch_variations import carry_out, start

ROWS = """\
row,operation,prompt,image,seed
fox,generate,a fox,,7
big,upscale,,@fox,
owl,generate,=an owl,,8
tall,upscale,,@owl,
"""


def fail(house: House, error: type[ProviderRejected | OutcomeUnknown]) -> None:
    house.sure.script.append(error("no", provider="sure"))
    house.dear.script.append(error("no", provider="dear"))


def test_rows_that_failed_are_in_a_file_that_does_them_and_no_other(house: House) -> None:
    fail(house, ProviderRejected)
    running = start(house, ROWS)
    rows = carry_out(house, running)
    assert [row.status for row in rows] == ["failed", "failed", "done", "done"]
    folder = folder_of(house.studio, running.spec)
    deliver(house.studio, running.view, folder)
    data = (folder / "errors.csv").read_bytes()
    assert data == errors_file(running.view)
    again = start(house, data.decode("utf-8-sig"), 2)
    assert [row.name for row in again.spec.rows] == ["fox", "big"]
    assert [row.status for row in carry_out(house, again)] == ["done", "done"]
    # The row that stands by itself was the same work: the whole batch has one row left to do.
    whole = start(house, ROWS, 3)
    assert [row.name for wave in whole.waves() for row in wave] == []
    assert [row.status for row in carry_out(house, whole)] == ["done"] * 4
    deliver(house.studio, whole.view, folder)
    assert not (folder / "errors.csv").exists()
    assert (folder / "manifest.jsonl").read_text(encoding="utf-8").count("\n") == 4


def test_what_may_have_been_bought_is_not_in_the_errors_file(house: House) -> None:
    house.sure.script.append(OutcomeUnknown("cut off", provider="sure"))
    running = start(house, ROWS.partition("owl")[0])
    assert [row.status for row in carry_out(house, running)] == ["unknown", "failed"]
    text = errors_file(running.view).decode("utf-8-sig")
    assert [line.partition(",")[0] for line in text.splitlines()] == ["row", "big"]


def test_rows_that_were_left_out_are_in_the_manifest_and_in_the_totals(house: House) -> None:
    text = ROWS.replace("big,upscale,,@fox,", "big,upscale,,@nobody,")
    spec = read_file(
        house.studio,
        text.encode(),
        source="rows.csv",
        owner=OWNER,
        folder=Path("/nowhere"),
        given=Given(skip_invalid=True),
    )
    planned = plan_batch(house.studio, spec, skip_invalid=True)
    running = start_batch(house.studio, planned, "run-1")
    running.hold_for(running.quote(), "run-1/1")
    rows = carry_out(house, running)
    assert {row.row: row.status for row in rows} == {
        "fox": "done", "big": "invalid", "owl": "done", "tall": "done",
    }  # fmt: skip
    with house.studio.database.read() as connection:
        view = view_batch(connection, OWNER, spec.id)
    assert manifest_rows(view) == rows
    (big,) = [row for row in rows if row.status == "invalid"]
    assert (big.line, big.error_code, big.credits) == (3, "batch_invalid", 0)
    assert "nobody" in big.error
    assert view.counts() == {"done": 3, "invalid": 1}
    assert not view.complete
    assert totals(rows)["rows"] == sum(view.counts().values()) == 4
    # Mended, it is another batch; as it was, without the faulty row, nothing is left out any more.
    sound = "\n".join(line for line in text.splitlines() if not line.startswith("big"))
    assert carry_out(house, start(house, sound, 2))[-1].status == "done"


def test_a_zip_has_every_file_by_its_name_and_the_same_bytes_each_time(house: House) -> None:
    running = start(house, ROWS)
    rows = named(carry_out(house, running), "{operation}/{row}")
    first, second = io.BytesIO(), io.BytesIO()
    assert write_zip(house.studio, rows, first) == 4
    write_zip(house.studio, rows, second)
    assert first.getvalue() == second.getvalue()
    with zipfile.ZipFile(first) as packed:
        assert packed.testzip() is None
        assert packed.namelist() == [*(row.file for row in rows), "manifest.csv", "manifest.jsonl"]
        for row in rows:
            assert packed.read(row.file) == house.studio.store.get(row.sha256)
        assert rows[0].file in packed.read("manifest.csv").decode()


def test_a_zip_of_many_files_takes_the_memory_of_one(house: House, tmp_path: Path) -> None:
    data = bytes(2_000_000)
    sha256 = house.studio.store.put(data)
    rows = [
        ManifestRow(line, f"r{line}", "generate", "done", file=f"{line}.png", sha256=sha256)
        for line in range(30)
    ]
    with (tmp_path / "all.zip").open("wb") as file:
        tracemalloc.start()
        write_zip(house.studio, rows, file)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    assert (tmp_path / "all.zip").stat().st_size > 30 * len(data)
    assert peak < 4 * len(data)


def test_a_manifest_of_a_batch_is_the_input_of_another(house: House) -> None:
    data = manifest_csv(carry_out(house, start(house, ROWS)))
    given = Given(operation="upscale", defaults={"factor": "4x"})
    spec = read_file(
        house.studio, data, source="manifest.csv", owner=OWNER, folder=Path("/"), given=given
    )
    planned = plan_batch(house.studio, spec)
    assert [row.name for row in planned.spec.rows] == ["fox", "big", "owl", "tall"]
    assert all(len(each.pictures) == 1 for each in planned.rows.values())
