"""Emptying the trash and removing files: what something needs stays, what nothing needs goes."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from PIL import Image
from sqlalchemy import select

from engine.single import hold_credits
from engine.studio import Studio
from engine.tidying import check_library, empty_trash, remove_orphans
from library import Parent, add_assets, find_asset, stored_bytes
from library.card_tables import cards
from library.tables import assets
from library.trash import trash
from studio import clock
from studio.errors import LimitReached, NotFound
from studio.storage import BlobStore
from tests.support.studios import OWNER, fund, make_studio
from tests.unit.library.conftest import asset, identity


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


def kept(studio: Studio) -> set[str]:
    return {each.digest for each in studio.store.list()}


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
    assert studio.store.remove(sha(studio, red), before=clock.now()) > 0
    late = cards.update().values(favourite_at=clock.now())
    studio.database.write(lambda connection: connection.execute(late))
    found = check_library(studio)
    assert found.missing == (red,)
    assert found.faults == (f"favourite  of {OWNER} is counted as 0, and there are 1",)
    assert not found.right


def test_a_removal_that_was_killed_is_undone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = BlobStore(tmp_path.as_uri())
    digest = store.put(b"x")
    path = tmp_path / digest[:2] / digest
    path.rename(path.with_name(f".gone-{digest}"))
    assert list(store.list()) == []
    assert not store.has(digest)
    monkeypatch.setattr("studio.storage._KILLED_SECONDS", -1)
    list(store.list())
    assert store.get(digest) == b"x"


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
        # What was begun goes on.
        assert hold_credits(studio, OWNER, "before", 1, "x").id == held.id
        assert identity(1) == big.id
    finally:
        studio.close()
