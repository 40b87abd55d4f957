"""What the command line writes into files is counted as downloaded, once it is whole."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from engine.batch_plan import plan_batch, read_file
from engine.batch_start import start_batch
from engine.importing import bring_in
from interfaces.cli.exits import Exit
from interfaces.cli.opening import opened_database, opened_studio
from library import uses_of
from studio.errors import StudioUnavailable
from studio.settings import settings
from studio.storage import BlobStore
from tests.support.paid_server import tiny_png
from tests.unit.cli.conftest import Command


@pytest.fixture
def pictures(studio_command: Command, tmp_path: Path) -> list[str]:
    """The ids of two pictures that were brought in."""
    assert studio_command("account", "top-up", "5").code == 0
    for name in ("fox", "owl"):
        (tmp_path / f"{name}.png").write_bytes(tiny_png(name))
    with opened_studio() as studio:
        sources = [str(tmp_path / "fox.png"), str(tmp_path / "owl.png")]
        return bring_in(studio, "demo", sources).assets


def taken(assets: Sequence[str]) -> list[int]:
    with opened_database(settings()) as database, database.read() as connection:
        return [uses_of(connection, "demo", each)["download"] for each in assets]


def test_a_zip_of_pictures_counts_each_of_them_once(
    studio_command: Command, pictures: list[str], tmp_path: Path
) -> None:
    to = str(tmp_path / "named.zip")
    assert studio_command("library", "download", *pictures, "--to", to).code == 0
    assert taken(pictures) == [1, 1]
    searched = ("library", "download", "--words", "fox", "--to", str(tmp_path / "found.zip"))
    assert studio_command(*searched).code == 0
    assert taken(pictures) == [2, 1]
    assert studio_command("library", "download", pictures[0], "--to", to).code != 0  # it is there
    assert taken(pictures) == [2, 1]


def test_a_zip_that_was_not_whole_is_not_there_and_not_counted(
    studio_command: Command,
    pictures: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    get, read = BlobStore.get, []

    def breaks(self: BlobStore, digest: str) -> bytes:
        read.append(digest)
        if len(read) > 1:
            raise StudioUnavailable("The disk is gone.")
        return get(self, digest)

    to = tmp_path / "out.zip"
    with monkeypatch.context() as patch:
        patch.setattr(BlobStore, "get", breaks)
        told = studio_command("library", "download", *pictures, "--to", str(to), "--json")
    assert (told.code != Exit.DONE, len(read)) == (True, 2)
    assert not to.exists()
    assert taken(pictures) == [0, 0]


def test_the_zip_of_a_batch_counts_its_pictures(studio_command: Command, tmp_path: Path) -> None:
    assert studio_command("account", "top-up", "5").code == 0
    (tmp_path / "fox.png").write_bytes(tiny_png("fox"))
    sheet = b"operation,image,output_format,provider\nconvert,fox.png,webp,local\n"
    with opened_studio() as studio:
        spec = read_file(studio, sheet, source="b.csv", owner="demo", folder=tmp_path)
        running = start_batch(studio, plan_batch(studio, spec), "run")
        running.hold_for(running.quote(), "run/1")
        made: list[str] = []
        for wave in running.waves():
            for order in running.orders(wave):
                job = studio.loop.run(studio.executor.execute(order))
                running.take(order, job)
                made += job.asset_ids()
        running.finish()
    assert taken(made) == [0]
    shown = studio_command("library", "show", made[0])
    assert f"{spec.id}, row {spec.rows[0].name}" in shown.out
    document = studio_command("library", "show", made[0], "--json").document
    assert (document["batch"], document["row"]) == (spec.id, spec.rows[0].name)
    assert document["job"].startswith("job_")
    to = str(tmp_path / "batch.zip")
    told = studio_command("batch", "zip", spec.id, "--to", to, "--json")
    assert (told.code, told.document["files"]) == (0, 1)
    assert taken(made) == [1]
    assert studio_command("batch", "zip", spec.id, "--to", to).code != 0  # it is there
    assert taken(made) == [1]
