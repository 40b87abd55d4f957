"""An import that is killed anywhere leaves whole groups, and goes on when it is run again."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.importing import bring_in
from engine.studio import Studio
from library import list_assets
from tests.crash.forking import Ended, forking
from tests.crash.import_program import GROUP
from tests.support.paid_server import tiny_png
from tests.support.studios import OWNER, make_studio

FILES = 5
_MOST_POINTS = 200


@pytest.fixture(scope="module")
def ended() -> Iterator[Ended]:
    with forking("tests.crash.import_program") as program:
        yield program


def whole_assets(studio: Studio) -> int:
    """Return how many assets there are, after making sure that the bytes of each are kept."""
    with studio.database.read() as connection:
        found = list_assets(connection, OWNER)
    for each in found:
        assert len(studio.store.get(each.sha256)) == each.bytes
        assert studio.store.get(each.thumbnail)
    assert len({each.sha256 for each in found}) == len(found)
    return len(found)


def test_killed_at_every_point_it_leaves_whole_groups_and_goes_on(
    ended: Ended, tmp_path: Path
) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    for number in range(FILES):
        (folder / f"{number}.png").write_bytes(tiny_png(str(number)))
    seen = set()
    for kill in range(1, _MOST_POINTS):
        home = tmp_path / f"home-{kill}"
        code = ended(home, folder, kill)
        assert code in {0, -signal.SIGKILL}
        studio = make_studio(home)
        try:
            there = whole_assets(studio)
            assert there % GROUP == 0 or there == FILES
            seen.add(there)
            done = bring_in(studio, OWNER, [str(folder)])
            assert (done.new, done.known, done.refused) == (FILES - there, there, [])
            assert whole_assets(studio) == FILES
        finally:
            studio.close()
        if code == 0:
            break
    assert code == 0, "it came by more points than were tried"
    assert seen == {0, 2, 4, 5}
    assert kill > 4 * FILES
