"""A batch looked at from the command line: nothing told twice, nothing before it has begun."""

from __future__ import annotations

import io
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.console import Console

from batches import save_batch
from engine.batch_plan import plan_batch, read_file
from engine.batch_start import start_batch
from engine.single import hold_key
from engine.studio import Studio
from interfaces.cli.progress import Ended, Lines, Watch, progress_words, rounds_of
from studio.errors import BatchCancelled
from tests.support.studios import OWNER, execute, opened_studio

_ROWS = "row,operation,prompt\nfox,generate,a fox\nowl,generate,an owl\nhen,generate,a hen\n"


@pytest.fixture
def studio(tmp_path: Path) -> Iterator[Studio]:
    with opened_studio(tmp_path / "home") as opened:
        yield opened


def test_a_watch_tells_each_end_once(studio: Studio) -> None:
    spec = read_file(studio, _ROWS.encode(), source="b.csv", owner=OWNER, folder=Path("/nowhere"))
    watch = Watch(studio.database, OWNER, spec.id, "b.csv", rounds_of(studio.database, OWNER, "x"))
    assert watch.look() is None
    studio.database.write(lambda connection: save_batch(connection, spec))
    assert watch.look() is None
    running = start_batch(studio, plan_batch(studio, spec), "run-1")
    running.hold_for(running.quote(), hold_key("run-1", 1))
    fox, owl, hen = running.orders(running.waves()[0])
    first = watch.look()
    assert first is not None
    assert (first.progress.ended, first.ended) == (0, ())
    running.take(fox, execute(studio, fox))
    late = Watch(studio.database, OWNER, spec.id, "b.csv")
    second = watch.look()
    assert second is not None
    assert [each.name for each in second.ended] == ["fox"]
    assert second.ended[0].file == "0002-fox.png"
    again = watch.look()
    assert again is not None
    assert again.ended == ()
    running.take(owl, execute(studio, owl))
    running.take(hen, BatchCancelled("enough"))
    running.finish()
    last = watch.look(last=True)
    assert last is not None
    assert [(each.name, each.status) for each in last.ended] == [
        ("owl", "done"),
        ("hen", "cancelled"),
    ]
    whole = late.look(last=True)
    assert whole is not None
    assert whole.progress.counts == {"done": 2, "cancelled": 1}
    assert rounds_of(studio.database, OWNER, spec.id) == 1
    out = io.StringIO()
    lines = Lines(Console(file=out, width=200))
    lines.show(last)
    assert out.getvalue().splitlines()[0].startswith("owl: done")
    assert "2 done, 1 cancelled" in out.getvalue()
    assert progress_words(last.progress).startswith("2 done, 1 cancelled; ")
    assert Ended("hen", "cancelled", 0, "") in last.ended
