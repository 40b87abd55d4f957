"""Saved searches, pictures that look alike, and files that are the same."""

from __future__ import annotations

from io import BytesIO

import numpy as np
import pytest
from PIL import Image, ImageEnhance

from studio.operations import Generate
from tests.support.shelves import Shelf, brought, encoded, made, painters


def _scene(seed: int) -> Image.Image:
    """Return a picture with large shapes in it, of another look for each seed."""
    coarse = np.random.default_rng(seed).integers(0, 256, (6, 6, 3), np.uint8)
    return Image.fromarray(coarse).resize((480, 320), Image.Resampling.BICUBIC)


class Likes:
    """A scene, smaller, brighter and compressed ones of it, other scenes, and two the same."""

    def __init__(self, shelf: Shelf, ids: dict[str, str], twins: tuple[str, str]) -> None:
        self.shelf = shelf
        self.ids = ids
        self.twins = twins


@pytest.fixture(scope="module")
def likes(empty: Shelf, tmp_path_factory: pytest.TempPathFactory) -> Likes:
    scene = _scene(1)
    files = {
        "scene.png": encoded(scene),
        "small.png": encoded(scene.resize((120, 80))),
        "bright.png": encoded(ImageEnhance.Brightness(scene).enhance(1.1)),
        "rough.jpg": _rough(scene),
        **{f"other-{seed}.png": encoded(_scene(seed)) for seed in range(2, 8)},
    }
    with painters(empty.home, north=1) as studio:
        ids = brought(studio, tmp_path_factory.mktemp("files") / "in", files)
        work = Generate(prompt="red wall", width=64, height=64, seed=1, provider="north")
        twins = made(studio, work, "one"), made(studio, work, "two")
    return Likes(empty, ids, twins)


def _rough(scene: Image.Image) -> bytes:
    out = BytesIO()
    scene.save(out, "JPEG", quality=40)
    return out.getvalue()


def test_what_looks_like_a_picture_is_found_the_nearest_first_and_nothing_else(
    likes: Likes,
) -> None:
    copies = {likes.ids[name] for name in ("small.png", "bright.png", "rough.jpg")}
    told = likes.shelf.do("similar", likes.ids["scene.png"])["similar"]
    assert {each["asset"] for each in told} == copies
    distances = [each["distance"] for each in told]
    assert distances == sorted(distances)
    assert all(0 <= each <= 7 for each in distances)
    back = likes.shelf.do("similar", likes.ids["small.png"])["similar"]
    assert likes.ids["scene.png"] in {each["asset"] for each in back}
    assert likes.shelf.do("similar", likes.ids["other-2.png"])["similar"] == []
    assert len(likes.shelf.do("similar", likes.ids["scene.png"], "--limit", "1")["similar"]) == 1
    near = likes.shelf.do("similar", likes.ids["scene.png"], "--distance", "0")["similar"]
    assert [each["distance"] for each in near] == [each for each in distances if each == 0]
    far = ("similar", likes.ids["scene.png"], "--distance", "8")
    assert likes.shelf.refused(*far) == (2, "distance")


def test_the_same_file_is_told_once_with_all_that_have_it(likes: Likes) -> None:
    (told,) = likes.shelf.do("duplicates")["duplicates"]
    assert told["assets"] == list(likes.twins)
    assert told["sha256"] == likes.shelf.do("show", likes.twins[0])["sha256"]
    shown = likes.shelf.say("duplicates").out
    assert all(each in shown.replace("\n", "") for each in likes.twins)
    likes.shelf.do("trash", likes.twins[1])
    assert likes.shelf.do("duplicates")["duplicates"] == []
    likes.shelf.do("restore", likes.twins[1])
    assert likes.shelf.do("duplicates")["duplicates"] == [told]


def test_a_search_is_kept_with_its_filters_and_its_order_and_made_again(likes: Likes) -> None:
    shelf = likes.shelf
    words = ("--operation", "import", "--least-width", "200", "--sort", "largest")
    shelf.do("saved", "save", "Wide ones", "other", *words)
    wanted = shelf.ids("search", "other", *words)
    assert set(wanted) == {asset for name, asset in likes.ids.items() if "other" in name}
    assert shelf.ids("search", "--saved", "Wide ones") == wanted
    (kept,) = shelf.do("saved", "list")["saved"]
    assert (kept["name"], kept["sort"]) == ("Wide ones", "largest")
    assert kept["filters"] == {"operation": "import", "words": "other", "least_width": 200}
    # It finds what is there when it is made, not what was there when it was kept.
    shelf.do("trash", wanted[0])
    assert shelf.ids("search", "--saved", "Wide ones") == wanted[1:]
    shelf.do("undo")
    shelf.do("saved", "save", "Wide ones", "--shape", "square")
    assert shelf.ids("search", "--saved", "Wide ones") == list(likes.twins)[::-1]
    assert len(shelf.do("saved", "list")["saved"]) == 1
    shelf.do("saved", "remove", "Wide ones")
    assert shelf.do("saved", "list")["saved"] == []
    assert shelf.refused("search", "--saved", "Wide ones")[0] == 2
    assert shelf.refused("saved", "save", "Odd", "--rating", "9") == (2, "rating")
