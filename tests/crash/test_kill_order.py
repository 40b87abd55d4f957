"""What puts a library in order and is killed anywhere is done as a whole or not at all."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from engine.studio import Studio
from engine.tidying import check_library
from library import Filters, find_page
from library.card_tables import bulk_actions, cards
from library.collecting import collections_of
from library.tables import leaving_files
from tests.crash.forking import Ended, forking
from tests.crash.order_program import LABEL, do
from tests.support.paid_server import tiny_png
from tests.support.studios import OWNER, make_studio
from tests.unit.library.conftest import OTHER

_MOST_POINTS = 200
_FILES = 3

BEFORE = {
    "trash": ("favourite", "tag"),
    "restore": ("tag", "trash"),
    "tag": (),
    "untag": ("tag",),
    "undo": ("tag", "favourite", "untag"),
    "collect": ("shelves",),
    "move": ("shelves", "collect", "collect one"),
    "undo a move": ("shelves", "collect", "collect one", "move"),
    "empty": ("tag", "trash"),
}
"""What was done to all assets before each work."""

State = tuple[int, ...]


@pytest.fixture(scope="module")
def ended() -> Iterator[Ended]:
    with forking("tests.crash.order_program") as program:
        yield program


def prepared(home: Path, name: str) -> list[str]:
    """Make a library in the state that a work begins with, its last change a few days ago."""
    studio = make_studio(home, trash_days=1)
    try:
        ids = []
        for number in range(_FILES):
            path = home / f"{number}.png"
            path.write_bytes(tiny_png(str(number)))
            ids.append(studio.inputs.find("image", str(path), OWNER).asset)
        # Somebody else has the first file as well: it has to stay.
        studio.inputs.find("image", str(home / "0.png"), OTHER)
        for each in BEFORE[name]:
            do(studio, each, ids)
        pass_days(studio)
    finally:
        studio.close()
    return ids


def pass_days(studio: Studio) -> None:
    moment = datetime.now(UTC) - timedelta(days=3)
    for path in (studio.settings.folder / "blobs").rglob("*"):
        if path.is_file():
            os.utime(path, (moment.timestamp(), moment.timestamp()))
    old = cards.update().where(cards.c.deleted_at.is_not(None)).values(deleted_at=moment)
    due = leaving_files.update().values(due=datetime.now(UTC))
    studio.database.write(lambda connection: connection.execute(old))
    studio.database.write(lambda connection: connection.execute(due))


def state(studio: Studio) -> State:
    """Return how much there is of each, after making sure that everything agrees."""
    found = check_library(studio)
    assert (found.missing, found.faults) == ((), ())
    asked = (
        Filters(),
        Filters(trashed=True),
        Filters(tag=LABEL),
        Filters(words=LABEL),
        Filters(favourite=True),
    )
    with studio.database.read() as connection:
        kept = [Filters(collection=each.id) for each, _ in collections_of(connection, OWNER)]
        pages = [find_page(connection, OWNER, each).found for each in (*asked, *kept)]
        theirs = find_page(connection, OTHER).found
        undone = connection.execute(
            bulk_actions.select().where(bulk_actions.c.undone_at.is_not(None))
        ).all()
    for each in (*(it for page in pages for it in page), *theirs):
        assert len(studio.store.get(each.asset.sha256)) == each.asset.bytes
        assert studio.store.get(each.asset.thumbnail)
    assert len(theirs) == 1
    return (*map(len, pages), len(undone))


def state_at(home: Path) -> State:
    studio = make_studio(home, trash_days=1)
    try:
        return state(studio)
    finally:
        studio.close()


@pytest.mark.parametrize("name", BEFORE)
def test_killed_at_every_point_it_is_done_or_not(ended: Ended, tmp_path: Path, name: str) -> None:
    first = tmp_path / "first"
    ids = prepared(first, name)
    before = state_at(first)
    whole = tmp_path / "whole"
    shutil.copytree(first, whole)
    assert ended(whole, name, ids, 0) == 0
    after = state_at(whole)
    assert before != after
    seen = set()
    for kill in range(1, _MOST_POINTS):
        home = tmp_path / f"home-{kill}"
        shutil.copytree(first, home)
        code = ended(home, name, ids, kill)
        assert code in {0, -signal.SIGKILL}
        left = state_at(home)
        seen.add(left)
        if left == before:
            again(home, name, ids)
        assert state_at(home) == after
        if name == "empty":
            all_is_cleared_away(home)
        shutil.rmtree(home)
        if code == 0:
            break
    assert code == 0, "it came by more points than were tried"
    assert seen == {before, after}
    assert kill > 10


def again(home: Path, name: str, ids: list[str]) -> None:
    studio = make_studio(home, trash_days=1)
    try:
        do(studio, name, ids)
    finally:
        studio.close()


def all_is_cleared_away(home: Path) -> None:
    """Whatever it was killed at: upkeep goes on, and of the files only what is needed is left."""
    studio = make_studio(home, trash_days=1)
    try:
        for _ in range(2):
            do(studio, "empty", [])
            pass_days(studio)
        do(studio, "empty", [])
        assert not studio.database.write(lambda c: c.execute(leaving_files.select()).all())
        found = check_library(studio)
        assert found.orphans == ()
        assert found.right
        assert found.files == 2  # somebody else's, and its small picture
    finally:
        studio.close()
