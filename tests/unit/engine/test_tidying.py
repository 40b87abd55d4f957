"""Emptying the trash and removing files: what something needs stays, what nothing needs goes."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from sqlalchemy import select

from engine.incoming import Found, take
from engine.single import hold_credits
from engine.studio import Studio
from engine.tidying import Tidied, check_library, empty_trash, remove_orphans
from library import Parent, add_assets, find_asset, stored_bytes
from library.card_tables import cards
from library.tables import assets, leaving_files
from library.trash import trash
from studio import clock
from studio.errors import LimitReached, NotFound
from studio.storage import BlobStore
from tests.support.studios import OWNER, fund, make_studio
from tests.unit.library.conftest import NOON, asset, identity


@pytest.fixture
def studio(tmp_path: Path) -> Iterator[Studio]:
    found = make_studio(tmp_path / "home", trash_days=1)
    yield found
    found.close()


def brought(studio: Studio, folder: Path, colour: str, owner: str = OWNER) -> str:
    path = folder / f"{colour}.png"
    Image.new("RGB", (8, 8), colour).save(path)
    return studio.inputs.find("image", str(path), owner).asset


def grow_old(studio: Studio, days: int = 3) -> None:
    """Make files and what is in the trash as old as that."""
    moment = datetime.now(UTC) - timedelta(days=days)
    for path in Path(studio.settings.folder / "blobs").rglob("*"):
        if path.is_file():
            os.utime(path, (moment.timestamp(), moment.timestamp()))
    old = cards.update().where(cards.c.deleted_at.is_not(None)).values(deleted_at=moment)
    studio.database.write(lambda connection: connection.execute(old))


def pass_days(studio: Studio) -> None:
    """Make it a few days later for what is set aside."""
    grow_old(studio)
    due = leaving_files.update().values(due=datetime.now(UTC))
    studio.database.write(lambda connection: connection.execute(due))


def kept(studio: Studio) -> set[str]:
    return {each.digest for each in studio.store.list() if not each.aside}


def sha(studio: Studio, identifier: str) -> str:
    with studio.database.read() as connection:
        query = select(assets.c.sha256).where(assets.c.id == identifier)
        return str(connection.execute(query).scalar_one())


def test_only_what_nothing_needs_goes(studio: Studio, tmp_path: Path) -> None:
    red, blue, green = (brought(studio, tmp_path, each) for each in ("red", "blue", "green"))
    theirs = brought(studio, tmp_path, "blue", "eve")
    made = replace(
        asset(7, OWNER),
        sha256=sha(studio, green),
        thumbnail="1" * 64,
        parents=(Parent("image", green),),
    )
    studio.database.write(lambda connection: add_assets(connection, [made]))
    files = {name: sha(studio, name) for name in (red, blue, green)}
    studio.database.write(lambda connection: trash(connection, OWNER, [red, blue, green]))
    assert empty_trash(studio).assets == 0  # not yet: a day has to pass
    grow_old(studio)
    done = empty_trash(studio)
    assert done.assets == 2  # green is what another was made from
    assert kept(studio) >= {files[blue], files[green]}
    assert files[red] not in kept(studio)
    with studio.database.read() as connection:
        for gone in (red, blue):
            with pytest.raises(NotFound):
                find_asset(connection, OWNER, gone)
        assert find_asset(connection, "eve", theirs).sha256 == files[blue]
        assert find_asset(connection, OWNER, green).id == green
    found = check_library(studio)
    assert (found.missing, found.faults, found.orphans) == ((), (), ())
    again = brought(studio, tmp_path, "red")
    assert again != red
    assert sha(studio, again) in kept(studio)
    assert check_library(studio).right


def test_what_is_stored_again_meanwhile_stays(studio: Studio, tmp_path: Path) -> None:
    red = brought(studio, tmp_path, "red")
    studio.database.write(lambda connection: trash(connection, OWNER, [red]))
    grow_old(studio)
    brought(studio, tmp_path, "blue")
    data = studio.store.get(sha(studio, red))
    studio.store.put(data)  # a job at this very moment, whose asset is not filed yet
    assert empty_trash(studio).assets == 1
    assert sha(studio, red) in kept(studio)


def test_what_comes_in_again_with_others_stays(studio: Studio, tmp_path: Path) -> None:
    """An import keeps many files at once: also those that were there count as stored just now."""
    red = brought(studio, tmp_path, "red")
    studio.database.write(lambda connection: trash(connection, OWNER, [red]))
    grow_old(studio)
    data = studio.store.get(sha(studio, red))
    studio.store.put_all([data, b"another one"])
    assert empty_trash(studio).assets == 1
    assert sha(studio, red) in kept(studio)


def test_orphans_are_told_and_go_when_they_are_old(studio: Studio, tmp_path: Path) -> None:
    red = brought(studio, tmp_path, "red")
    young = studio.store.put(b"nobody's")
    assert check_library(studio).orphans == (young,)
    assert remove_orphans(studio).files == 0
    grow_old(studio)
    assert remove_orphans(studio).files == 1
    assert young not in kept(studio)
    assert sha(studio, red) in kept(studio)


def test_the_checker_tells_what_is_missing_and_miscounted(studio: Studio, tmp_path: Path) -> None:
    red = brought(studio, tmp_path, "red")
    grow_old(studio)
    digest = sha(studio, red)
    (studio.settings.folder / "blobs" / digest[:2] / digest).unlink()
    late = cards.update().values(favourite_at=clock.now())
    studio.database.write(lambda connection: connection.execute(late))
    found = check_library(studio)
    assert found.missing == (red,)
    assert found.faults == (f"favourite  of {OWNER} is counted as 0, and there are 1",)
    assert not found.right


def test_a_file_is_gone_a_day_after_it_was_cleared_away(studio: Studio, tmp_path: Path) -> None:
    red = brought(studio, tmp_path, "red")
    digest = sha(studio, red)
    studio.database.write(lambda connection: trash(connection, OWNER, [red]))
    grow_old(studio)
    assert empty_trash(studio).files == 2  # the picture and its small one
    assert digest not in kept(studio)
    assert empty_trash(studio) == Tidied(0, 0, 0)  # it is not due yet
    pass_days(studio)
    assert empty_trash(studio) == Tidied(0, 0, 0)
    assert not studio.store.has(digest)
    with pytest.raises(NotFound):
        studio.store.get(digest)
    assert not studio.database.write(lambda c: c.execute(select(leaving_files)).all())


def test_what_is_read_or_needed_meanwhile_comes_back(studio: Studio, tmp_path: Path) -> None:
    red, blue = (brought(studio, tmp_path, each) for each in ("red", "blue"))
    one, other = sha(studio, red), sha(studio, blue)
    studio.database.write(lambda connection: trash(connection, OWNER, [red, blue]))
    grow_old(studio)
    assert empty_trash(studio).files == 4
    assert check_library(studio).right
    assert len(studio.store.get(one)) == studio.store.size(one)
    assert one in kept(studio)
    late = replace(asset(9, OWNER), sha256=other, thumbnail=one)
    studio.database.write(lambda connection: add_assets(connection, [late]))
    assert check_library(studio).right  # it is still there, aside
    pass_days(studio)
    empty_trash(studio)
    assert kept(studio) >= {one, other}
    assert check_library(studio).right


def test_files_of_before_that_nobody_noted_down_go_as_well(studio: Studio) -> None:
    digest = studio.store.put(b"nobody's")
    path = studio.settings.folder / "blobs" / digest[:2] / digest
    path.rename(path.with_name(f".gone-{digest}"))
    pass_days(studio)
    remove_orphans(studio)
    assert not studio.store.has(digest)


def test_what_batches_were_brought_in_by_is_needed(studio: Studio) -> None:
    digest = studio.store.put(b"prompt\na fox\n")
    found = Found("night.csv", 13, NOON)
    studio.database.write(lambda c: take(c, OWNER, "folder", found, digest))
    grow_old(studio)
    assert remove_orphans(studio).files == 0
    assert digest in kept(studio)


@pytest.mark.parametrize("arrives", range(12))
def test_the_same_bytes_may_arrive_at_any_moment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arrives: int
) -> None:
    """Whoever stores a file while it is cleared away finds it afterwards, and a day later."""
    store = BlobStore(tmp_path.as_uri())
    data = b"the same bytes"
    digest = store.put(data)
    old = clock.now() - timedelta(days=3)
    os.utime(tmp_path / digest[:2] / digest, (old.timestamp(), old.timestamp()))
    passed, free = 0, False

    def around(function: Callable[..., Any]) -> Callable[..., Any]:
        def watched(*given: Any, **named: Any) -> Any:
            nonlocal passed, free
            if not free:
                passed += 1
                if passed == arrives + 1:
                    free = True
                    store.put(data)
                    free = False
            return function(*given, **named)

        return watched

    with monkeypatch.context() as patch:
        for name in ("stat", "rename", "replace", "unlink"):
            patch.setattr(Path, name, around(getattr(Path, name)))
        patch.setattr("studio.storage.os.utime", around(os.utime))
        store.clear(digest, before=clock.now() - timedelta(days=1))
        store.clear(digest, before=clock.now() - timedelta(days=1))
    if passed <= arrives:
        store.put(data)
    for _ in range(2):
        store.clear(digest, before=clock.now() - timedelta(days=1))
        assert store.has(digest)
        assert store.get(digest) == data


def test_a_full_library_buys_nothing(tmp_path: Path) -> None:
    studio = make_studio(tmp_path / "home", storage_quota_mb=1)
    try:
        fund(studio, 1_000_000)
        held = hold_credits(studio, OWNER, "before", 1, "x")
        big = asset(1, OWNER, bytes=1_000_000)
        studio.database.write(lambda connection: add_assets(connection, [big]))
        with studio.database.read() as connection:
            assert stored_bytes(connection, OWNER) == 1_000_000
        with pytest.raises(LimitReached) as refused:
            hold_credits(studio, OWNER, "after", 1, "x")
        assert refused.value.details["limit_on"] == "storage"
        assert "studio library empty-trash" in refused.value.message
        # What was begun goes on.
        assert hold_credits(studio, OWNER, "before", 1, "x").id == held.id
        assert identity(1) == big.id
    finally:
        studio.close()
