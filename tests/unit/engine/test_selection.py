"""Selections of the library: what is meant is what is found, and never a part of it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from PIL import Image

from batches import given_of
from engine.batch_plan import read_file
from engine.selection import Selection, as_batch, select_assets
from engine.studio import Studio
from library import find_card
from library.collecting import create_collection
from library.ordering import collect, favourite
from library.tags import tag
from library.trash import trash
from studio.errors import AccountRefused, InvalidRequest, NotFound
from tests.support.studios import OWNER, opened_studio


@pytest.fixture
def studio(tmp_path: Path) -> Iterator[Studio]:
    with opened_studio(tmp_path / "home") as opened:
        yield opened


def brought(studio: Studio, folder: Path, name: str, owner: str = OWNER) -> str:
    path = folder / f"{name}.png"
    size = (8 + len(name), 8 + sum(map(ord, name)) % 90)
    Image.new("RGB", size, "azure").save(path)
    return studio.inputs.find("image", str(path), owner).asset


def test_every_way_of_choosing_finds_what_it_says(studio: Studio, tmp_path: Path) -> None:
    fox, owl, hare = (brought(studio, tmp_path, name) for name in ("fox", "owl", "hare"))
    made = studio.database.write(lambda each: create_collection(each, OWNER, "Autumn"))
    studio.database.write(lambda each: collect(each, OWNER, [fox, owl], made.id))
    studio.database.write(lambda each: tag(each, OWNER, [owl, hare], "unsorted"))
    studio.database.write(lambda each: favourite(each, OWNER, [hare]))

    def found(**values: object) -> list[str]:
        wanted = Selection(**values)  # type: ignore[arg-type]
        return [each.id for each in select_assets(studio, OWNER, wanted)]

    assert found(collection=made.id) == found(collection="autumn") == [fox, owl]
    assert found(tag="unsorted") == [owl, hare]
    assert found(favourites=True) == [hare]
    assert found(words="fox") == [fox]
    assert found(collection="Autumn", tag="unsorted", kind="image") == [owl]
    studio.database.write(lambda each: trash(each, OWNER, [owl]))
    assert found(tag="unsorted") == [hare]


@pytest.mark.parametrize(
    ("wanted", "kind", "field"),
    [
        (Selection(), InvalidRequest, "words, collection, tag, favourites"),
        (Selection(words="  "), InvalidRequest, "words, collection, tag, favourites"),
        (Selection(kind="image"), InvalidRequest, "words, collection, tag, favourites"),
        (Selection(words="fox", kind="painting"), InvalidRequest, "kind"),
        (Selection(words="x" * 501), InvalidRequest, "words"),
        (Selection(words="a\0b"), InvalidRequest, "words"),
        (Selection(words="wolf"), NotFound, "words, collection, tag, favourites"),
        (Selection(collection="Winter"), NotFound, "collection"),
        (Selection(collection="col_none"), NotFound, "collection"),
        (Selection(words="animal", most=1), InvalidRequest, "most"),
    ],
)
def test_what_cannot_be_meant_is_refused_by_its_field(
    studio: Studio, tmp_path: Path, wanted: Selection, kind: type[Exception], field: str
) -> None:
    for name in ("fox animal", "owl animal"):
        brought(studio, tmp_path, name)
    with pytest.raises(kind) as caught:
        select_assets(studio, OWNER, wanted)
    assert caught.value.field == field  # type: ignore[attr-defined]
    assert caught.value.allowed  # type: ignore[attr-defined]


def test_a_name_that_two_collections_have_is_asked_back(studio: Studio) -> None:
    first = studio.database.write(lambda each: create_collection(each, OWNER, "Autumn"))
    studio.database.write(lambda each: create_collection(each, OWNER, "Autumn", parent=first.id))
    with pytest.raises(NotFound, match="Several collections"):
        select_assets(studio, OWNER, Selection(collection="Autumn"))


def test_strangers_find_nothing(studio: Studio, tmp_path: Path) -> None:
    brought(studio, tmp_path, "fox")
    with pytest.raises(AccountRefused):
        select_assets(studio, OWNER, Selection(words="fox"), user="mallory")
    with pytest.raises((AccountRefused, NotFound)):
        select_assets(studio, "eve", Selection(words="fox"))


def test_the_batch_of_a_selection_is_the_same_each_time(studio: Studio, tmp_path: Path) -> None:
    """Then what was done before is known, and free."""
    fox, owl = (brought(studio, tmp_path, name) for name in ("fox animal", "owl animal"))
    wanted = Selection(words="animal")
    specs = []
    for _ in range(2):
        source = as_batch(select_assets(studio, OWNER, wanted), wanted)
        assert source.folder is None  # no file of this machine can be named by it
        specs.append(
            read_file(
                studio,
                source.data,
                source=source.name,
                owner=OWNER,
                folder=source.folder,
                given=given_of("remove_background"),
            )
        )
    assert specs[0].id == specs[1].id
    assert [(row.name, row.operation.operation) for row in specs[0].rows] == [
        (fox, "remove_background"),
        (owl, "remove_background"),
    ]
    with studio.database.read() as connection:
        assert find_card(connection, OWNER, fox).asset.id == fox
