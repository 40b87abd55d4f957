"""``studio batch sheet``: a batch's pictures on one page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from batches import BatchSpec
from engine.batch_plan import plan_batch, read_file
from engine.batch_start import start_batch
from interfaces.cli.opening import opened_studio
from studio import imaging
from tests.unit.cli.conftest import Command

_ROWS = b"""operation,prompt,provider,width,height
generate,a fox,local,64,64
generate,an owl,local,1024,512
"""


def batch(folder: Path, *, carry_out: bool, ended: bool = True) -> BatchSpec:
    with opened_studio() as studio:
        spec = read_file(studio, _ROWS, source="b.csv", owner="demo", folder=folder)
        running = start_batch(studio, plan_batch(studio, spec), "run")
        running.hold_for(running.quote(), "run/1")
        for order in running.orders(running.waves()[0]) if carry_out else ():
            running.take(order, studio.loop.run(studio.executor.execute(order)))
        if ended:
            running.finish()
    return spec


@pytest.fixture
def funded(studio_command: Command) -> Command:
    studio_command("account", "top-up", "1000")
    return studio_command


def test_the_pictures_come_on_one_page_that_is_not_replaced_unasked(
    funded: Command, tmp_path: Path
) -> None:
    spec = batch(tmp_path, carry_out=True)
    to = tmp_path / "page.png"
    told = funded("batch", "sheet", spec.id, "--to", str(to), "--json")
    assert told.document["file"] == str(to)
    with Image.open(to) as page:
        assert page.format == "PNG"
        assert page.width > 2 * 320  # two pictures side by side
    to.write_bytes(b"another file")
    assert funded("batch", "sheet", spec.id, "--to", str(to)).code == 2
    assert to.read_bytes() == b"another file"
    assert funded("batch", "sheet", spec.id, "--to", str(to), "--force").code == 0
    wrong = funded("batch", "sheet", spec.id, "--to", str(tmp_path / "page.jpg"), "--json")
    assert (wrong.code, wrong.document["error"]["field"]) == (2, "to")


def test_a_batch_that_runs_shows_what_there_is(funded: Command, tmp_path: Path) -> None:
    spec = batch(tmp_path, carry_out=True, ended=False)
    to = tmp_path / "page.png"
    assert funded("batch", "sheet", spec.id, "--to", str(to)).code == 0
    assert to.is_file()


def test_of_a_batch_without_a_picture_no_page_is_written(funded: Command, tmp_path: Path) -> None:
    spec = batch(tmp_path, carry_out=False)
    to = tmp_path / "page.png"
    told = funded("batch", "sheet", spec.id, "--to", str(to))
    assert (told.code, told.out.strip()) == (0, "There is no picture yet.")
    assert not to.exists()


def test_pictures_are_small_before_the_next_is_opened(
    funded: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hundred of their full size would be gigabytes."""
    seen: list[tuple[int, int]] = []

    def laid_out(items: Any, *_: object, **__: object) -> Image.Image:
        seen.extend(picture.size for picture, _caption in items)
        return Image.new("RGB", (8, 8))

    monkeypatch.setattr(imaging, "contact_sheet", laid_out)
    spec = batch(tmp_path, carry_out=True)
    funded("batch", "sheet", spec.id, "--to", str(tmp_path / "page.png"))
    assert len(seen) == 2
    assert all(max(size) <= 320 for size in seen)
