"""A machine that tags what arrived is killed anywhere: nothing is bought twice, nothing is lost."""

from __future__ import annotations

import asyncio
import shutil
import signal
from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from billing.ledger import expire
from engine.autotag import switch, tag_arrivals
from engine.importing import bring_in
from engine.resume import find_jobs, resume_orphans
from engine.studio import Studio
from engine.tidying import check_library
from library.suggesting import suggestions
from studio import clock
from tests.crash.forking import Ended, Points, forking
from tests.crash.tagging_program import SENT, opened
from tests.support.paid_server import tiny_png
from tests.support.studios import OWNER, balance_of, fund
from tests.unit.engine.test_tagging import PRICE

_MOST_POINTS = 200
_FILES = 2
_LATER = timedelta(hours=3)
"""When the holds of a killed process are over."""


@pytest.fixture(scope="module")
def ended() -> Iterator[Ended]:
    with forking("tests.crash.tagging_program") as program:
        yield program


def prepared(home: Path) -> list[str]:
    """Make a library in which pictures wait to be tagged, by a machine that is paid for it."""
    studio = opened(home, Points(0))
    try:
        fund(studio, 10 * PRICE)
        switch(studio, OWNER, "instant", OWNER)
        for number in range(_FILES):
            (home / f"{number}.png").write_bytes(tiny_png(str(number)))
        found = bring_in(studio, OWNER, [str(home / f"{each}.png") for each in range(_FILES)])
        return found.assets
    finally:
        studio.close()


def carried_on(home: Path, ids: list[str]) -> Counter[str]:
    """Do what upkeep and the next turn do; return in which states the pictures' jobs are."""
    studio = opened(home, Points(0))
    try:
        asyncio.run(resume_orphans(studio))
        tag_arrivals(studio, "run-2")
        studio.database.write(lambda connection: expire(connection, clock.now() + _LATER))
        return states(studio, home, ids)
    finally:
        studio.close()


def states(studio: Studio, home: Path, ids: list[str]) -> Counter[str]:
    asked = Counter((home / SENT).read_text().split())
    assert max(asked.values()) == 1, "somebody paid for the same picture twice"
    with studio.database.read() as connection:
        jobs = find_jobs(connection, OWNER, ["settled", "unknown", "failed", "prepared"])
        told = [suggestions(connection, OWNER, each) for each in ids]
    found = Counter(job.state for job in jobs)
    assert sum(bool(each.tags) for each in told) == found["settled"] <= len(asked)
    books = balance_of(studio)
    assert (books.captured, books.held) == (found["settled"] * PRICE, found["unknown"] * PRICE)
    checked = check_library(studio)
    assert (checked.missing, checked.faults) == ((), ())
    return found


def test_killed_at_every_point_it_tells_once_of_each_picture(ended: Ended, tmp_path: Path) -> None:
    first = tmp_path / "first"
    ids = prepared(first)
    seen: Counter[str] = Counter()
    for kill in range(1, _MOST_POINTS):
        home = tmp_path / f"home-{kill}"
        shutil.copytree(first, home)
        code = ended(home, kill)
        assert code in {0, -signal.SIGKILL}
        found = carried_on(home, ids)
        # Whoever is killed while it asks cannot know: that one picture waits for a person's word.
        assert found in (
            Counter(settled=_FILES),
            Counter(settled=_FILES - 1, unknown=1),
        ), f"killed at point {kill}"
        seen["unknown"] += found["unknown"]
        shutil.rmtree(home)
        if code == 0:
            break
    assert code == 0, "it came by more points than were tried"
    assert seen["unknown"]
    assert kill > 10
