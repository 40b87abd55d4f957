"""Watched folders: what is complete is taken, once, and put away; nothing else is touched."""

from __future__ import annotations

import os
import threading
from datetime import timedelta
from pathlib import Path

import fsspec
import pytest

from batches import LARGEST_FILE
from engine.batch_source import open_source
from engine.incoming import Folder, Incoming, find_incoming, note_end, note_run, take, under_way
from studio.clock import now
from studio.database import Database
from studio.errors import InvalidRequest, NotFound
from tests.support.studios import OWNER
from tests.unit.engine.conftest import House

_REST = timedelta(seconds=30)


def _drop(folder: Path, name: str, text: str = "row\n", age: int = 60) -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    moment = (now() - timedelta(seconds=age)).timestamp()
    os.utime(path, (moment, moment))
    return path


def _names(folder: Folder, pattern: str = "*.csv", busy: tuple[str, ...] = ()) -> list[str]:
    return [found.name for found in folder.look(pattern, _REST, frozenset(busy))]


@pytest.mark.parametrize(
    "url", ["", "inbox", "ftp://example.com/inbox", "https://example.com/", "nonsense://x"]
)
def test_what_is_no_folder_is_refused(url: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        Folder(url)
    assert refused.value.field == "folder"


def test_only_what_is_complete_is_seen_the_oldest_first(tmp_path: Path) -> None:
    _drop(tmp_path, "new.csv", age=5)
    _drop(tmp_path, "b.csv", age=100)
    _drop(tmp_path, "a.csv", age=50)
    _drop(tmp_path, "empty.csv", "")
    _drop(tmp_path, "taken.csv")
    _drop(tmp_path, "words.txt")
    for half in (".hidden.csv", "~lock.csv", "c.csv.part", "d.tmp"):
        _drop(tmp_path, half)
    (tmp_path / "folder.csv").mkdir()
    folder = Folder(str(tmp_path))
    assert _names(folder, busy=("taken.csv",)) == ["b.csv", "a.csv"]
    assert _names(folder, "*", ("taken.csv",))[0] == "b.csv"
    with pytest.raises(NotFound):
        _names(Folder(str(tmp_path / "gone")))


def test_one_look_takes_no_more_than_so_many_files_and_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(25):
        _drop(tmp_path, f"{number:02}.csv", "12345", age=100 - number)
    folder = Folder(str(tmp_path))
    assert _names(folder) == [f"{number:02}.csv" for number in range(20)]
    monkeypatch.setattr("engine.incoming._MOST_BYTES", 12)
    assert _names(folder) == ["00.csv", "01.csv"]
    monkeypatch.setattr("engine.incoming._MOST_LISTED", 24)
    with pytest.raises(InvalidRequest) as refused:
        _names(folder)
    assert "25" in str(refused.value.given)


def test_what_changes_while_it_is_read_is_left_for_the_next_look(tmp_path: Path) -> None:
    path = _drop(tmp_path, "a.csv")
    folder = Folder(str(tmp_path))
    (found,) = folder.look("*.csv", _REST, frozenset())
    assert folder.read(found) == b"row\n"
    path.write_text("row\nmore\n", encoding="utf-8")
    assert folder.read(found) is None
    path.unlink()
    assert folder.read(found) is None
    with path.open("wb") as file:
        file.truncate(LARGEST_FILE + 1)
    with pytest.raises(InvalidRequest) as refused:
        folder.read(found.__class__("a.csv", LARGEST_FILE + 1, found.written))
    assert "at most" in str(refused.value)


def _take(database: Database, folder: Folder, name: str = "a.csv", digest: str = "00") -> Incoming:
    found = folder.find(name)
    assert found is not None
    it = database.write(lambda c: take(c, OWNER, folder.url, found, digest))
    assert it is not None
    return it


def test_of_many_that_look_at_once_one_takes_it(database: Database, tmp_path: Path) -> None:
    _drop(tmp_path, "a.csv")
    folder = Folder(str(tmp_path))
    found = folder.find("a.csv")
    assert found is not None
    taken: list[Incoming | None] = []
    together = threading.Barrier(6)

    def look() -> None:
        together.wait()
        taken.append(database.write(lambda c: take(c, OWNER, folder.url, found, "00")))

    threads = [threading.Thread(target=look) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (it,) = [each for each in taken if each is not None]
    with database.read() as connection:
        assert under_way(connection, OWNER, folder.url) == [it]
        with pytest.raises(NotFound):
            find_incoming(connection, "another", it.id)
    database.write(lambda c: note_run(c, it, "a run"))
    database.write(lambda c: note_end(c, it, "done"))
    with database.read() as connection:
        assert under_way(connection, OWNER, folder.url) == []
        assert find_incoming(connection, OWNER, it.id).run == "a run"
    assert database.write(lambda c: take(c, OWNER, folder.url, found, "00")) is None


def test_it_is_put_away_and_never_over_another(sqlite_database: Database, tmp_path: Path) -> None:
    folder = Folder(str(tmp_path))
    _drop(tmp_path, "a.csv", "one\n")
    first = _take(sqlite_database, folder)
    assert folder.put_away(first, "done")
    _drop(tmp_path, "a.csv", "two\n", age=50)
    second = _take(sqlite_database, folder)
    assert folder.put_away(second, "done")
    assert (tmp_path / "done" / "a.csv").read_text(encoding="utf-8") == "one\n"
    assert (tmp_path / "done" / f"a-{second.id}.csv").read_text(encoding="utf-8") == "two\n"
    # Somebody put a newer one in its place: that one has its own turn.
    _drop(tmp_path, "a.csv", "three\n", age=40)
    assert not folder.put_away(second, "done")
    assert _names(folder) == ["a.csv"]


def test_a_bucket_is_watched_as_a_folder_is(sqlite_database: Database) -> None:
    files = fsspec.filesystem("memory")
    files.pipe("/inbox-of-a-test/a.csv", b"row\n")
    folder = Folder("memory://inbox-of-a-test")
    assert folder.local is None
    assert folder.look("*.csv", _REST, frozenset()) == []
    (found,) = folder.look("*.csv", timedelta(), frozenset())
    assert folder.read(found) == b"row\n"
    assert folder.put_away(_take(sqlite_database, folder), "failed")
    assert files.cat("/inbox-of-a-test/failed/a.csv") == b"row\n"
    assert folder.look("*.csv", timedelta(), frozenset()) == []


def test_its_batch_reads_what_was_taken_and_not_what_is_there_now(
    house: House, tmp_path: Path
) -> None:
    path = _drop(tmp_path, "a.csv", "taken\n")
    folder = Folder(str(tmp_path))
    it = _take(house.studio.database, folder, digest=house.studio.store.put(b"taken\n"))
    path.write_text("another\n", encoding="utf-8")
    source = open_source(house.studio, it.id, OWNER)
    assert (source.data, source.name, source.folder) == (b"taken\n", "a.csv", tmp_path)
    with pytest.raises(NotFound):
        open_source(house.studio, "inc_nonsense", OWNER)
