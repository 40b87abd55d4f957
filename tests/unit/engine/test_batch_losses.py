"""What is not used of what a batch's rows give is told before anything is bought."""

from __future__ import annotations

import contextlib
from pathlib import Path

import pytest

from engine.batch_losses import batch_losses
from engine.batch_plan import PlannedBatch, plan_batch, read_file
from engine.batch_start import start_batch
from engine.studio import Studio
from studio import imaging
from studio.settings import Settings
from tasks.batch import _losses, _quote_text
from tests.support.studios import OWNER
from tests.unit.engine.test_stills import moving


def planned(studio: Studio, folder: Path, *lines: str) -> PlannedBatch:
    (folder / "a.gif").write_bytes(moving("GIF", 3))
    (folder / "still.gif").write_bytes(moving("GIF", 1))
    head = "row,operation,image,factor,prompt,style,provider"
    data = "\n".join([head, *lines, ""]).encode()
    spec = read_file(studio, data, source="b.csv", owner=OWNER, folder=folder)
    return plan_batch(studio, spec)


def test_what_many_rows_lose_is_said_once_with_the_first_of_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[int] = []
    probe = imaging.probe

    def watched(data: bytes) -> imaging.Probe:
        looked.append(len(data))
        return probe(data)

    monkeypatch.setattr(imaging, "probe", watched)
    moved = [f"r{factor},upscale,a.gif,{factor}x,,,local" for factor in (2, 4)]
    styled = [f"s{number},generate,,,hill {number},woodcutt,local" for number in range(7)]
    own = Studio(Settings(_env_file=None, home=tmp_path / "home", owner=OWNER))
    with contextlib.closing(own) as studio:
        batch = planned(
            studio,
            tmp_path,
            *moved,
            "still,upscale,still.gif,2x,,,local",
            "known,generate,,,a fox,watercolor,local",
            *styled,
        )
        looked.clear()
        first, second = batch_losses(studio, batch)
        assert len(looked) == 2  # each file once, whatever the number of its rows
        running = start_batch(studio, batch, "run")
        quoted = running.quote()
        # The run's page and the form for approval both show this text.
        text = _quote_text(running, quoted, _losses(running, quoted))
        (alone,) = batch_losses(studio, batch, {"r2", "r4", "s0"})
    told = [line for line in text.splitlines() if line.startswith(("- image: ", "- style: "))]
    assert len(told) == 2
    words = "image: a.gif is an animation, and only the first of its 3 frames is used."
    assert str(first) == f"{words} (r2, r4)"
    assert second.words.startswith("style: there is no style 'woodcutt', and this machine")
    assert str(second).endswith("(s0, s1, s2, s3, s4 and 2 more rows)")
    assert (alone.rows, alone.first[0]) == (6, "s1")
