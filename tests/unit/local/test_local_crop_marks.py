"""Crops keep what people marked; the whole set of photographs is in benchmarks/smart_crop.py."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmarks.marks import judge, window
from benchmarks.photographs import Mark, Photograph, packages
from benchmarks.smart_crop import RATIOS
from providers.local.extent import crest, extent
from providers.local.faces import Face
from providers.local.focus import Importance, focal_crop, importance
from providers.local.windows import Box

ALL = [each for package in packages() for each in package.photographs]
HERE = [each for each in ALL if each.package == "scikit-image"]
"""Those that `studio setup` fetches anyway."""


@pytest.mark.parametrize("photograph", HERE, ids=lambda each: each.id)
def test_what_is_marked_stays_inside(photograph: Photograph, weights: Path) -> None:
    image = Image.open(weights / photograph.member).convert("RGB")
    map_ = importance(image, weights)
    for ratio in RATIOS.values():
        inner = window(image.size, ratio)
        box = focal_crop(image, map_, *inner)
        left, top = round(box.left), round(box.top)
        crop = Mark(left, top, left + inner[0], top + inner[1])
        assert judge(photograph, image.size, crop).inside, (ratio, crop)


def test_the_data_file_is_complete_and_names_no_registry() -> None:
    assert len(ALL) >= 40
    assert len({each.id for each in ALL}) == len(ALL)
    assert sum(bool(each.heads) for each in ALL) >= 20
    for package in packages():
        assert package.licence
        assert package.registry in {"npm", "pypi", "studio"}
        if package.registry != "studio":
            assert re.fullmatch(r"[0-9a-f]{64}", package.sha256)
            assert package.version in package.file
    for each in ALL:
        assert re.fullmatch(r"[0-9a-f]{64}", each.sha256)
        for mark in (*each.heads, each.subject):
            assert 0 <= mark.left < mark.right
            assert 0 <= mark.top < mark.bottom
    text = Path("benchmarks/smart_crop.toml").read_text(encoding="utf-8")
    assert "://" not in text


def marked(subject: tuple[int, ...], *heads: tuple[int, ...]) -> Photograph:
    return Photograph("a", "b", "c", 1, "0", tuple(Mark(*h) for h in heads), Mark(*subject))


def test_a_head_is_in_cut_or_out() -> None:
    photograph = marked((20, 0, 100, 100), (50, 10, 70, 30))
    judged = [
        judge(photograph, (300, 100), Mark(left, 0, left + 100, 100)) for left in (0, 40, 60, 150)
    ]
    # In the second crop the head is whole, but a quarter of the subject is lost.
    assert [each.inside for each in judged] == [True, False, False, False]
    assert [each.kept for each in judged] == [1, 1, 0, 0]
    assert [each.cut for each in judged] == [0, 0, 1, 0]


def test_as_many_heads_are_asked_for_as_a_window_can_hold() -> None:
    photograph = marked((0, 0, 300, 100), (10, 0, 30, 20), (90, 0, 110, 20), (130, 0, 150, 20))
    two = judge(photograph, (300, 100), Mark(60, 0, 160, 100))
    one = judge(photograph, (300, 100), Mark(0, 0, 100, 100))
    assert (two.inside, two.kept, two.possible) == (True, 2, 2)
    assert (one.inside, one.kept, one.cut) == (False, 1, 1)


def test_of_what_is_too_large_the_best_that_a_window_can_hold_is_asked_for() -> None:
    photograph = marked((50, 0, 250, 100))
    assert judge(photograph, (300, 100), Mark(100, 0, 200, 100)).inside
    half = judge(photograph, (300, 100), Mark(0, 0, 100, 100))
    assert not half.inside
    assert half.subject == 0.5
    larger = replace(photograph, heads=(Mark(60, 0, 180, 50),))
    assert judge(larger, (300, 100), Mark(70, 0, 170, 100)).inside
    assert not judge(larger, (300, 100), Mark(120, 0, 220, 100)).inside


def test_the_extent_is_that_of_all_parts_that_count_and_the_upper_end_of_the_largest() -> None:
    matte = np.zeros((100, 100), np.float32)
    matte[40:80, 30:60] = 1
    matte[20:40, 44:46] = 0.3  # a spire, of which the network is not sure
    matte[50:70, 80:90] = 0.9
    matte[5, 5] = 0.9  # a speck
    found = extent(matte)
    assert found is not None
    assert found.whole == Box(0.3, 0.2, 0.9, 0.8)
    # As wide as the spire, which says where the top is; as high as what is more than a rim.
    assert found.upper == Box(0.44, 0.4, 0.46, 0.5)


def test_a_fading_rim_is_no_upper_end() -> None:
    """A window that kept the rim would lose as much of the head below."""
    matte = np.zeros((100, 100), np.float32)
    matte[30:, 20:80] = 1
    matte[25:30, 48:52] = 0.3
    found = extent(matte)
    assert found is not None
    assert (found.whole.top, found.upper.top) == (0.25, 0.3)


def test_the_head_of_a_lone_face_ends_where_the_subject_does() -> None:
    matte = np.zeros((100, 100), np.float32)
    matte[20:, 30:70] = 1
    face = Box(0.4, 0.4, 0.6, 0.6)
    assert crest(matte, face) == 0.2
    matte[10:20, 40:43] = 1  # a feather, thinner than a head
    assert crest(matte, face) == 0.2
    matte[2:20, 30:70] = 1  # a tall hat, or somebody behind: higher than a head is
    assert crest(matte, face) is None
    matte[:] = 1
    assert crest(matte, face) is None


def test_a_known_hat_is_kept_with_its_face_and_a_group_is_not_asked() -> None:
    mass = np.zeros((100, 100), np.float32)
    mass[50:70, 40:60] = 1 / 400
    face = Face(0.4, 0.5, 0.6, 0.7, 0.9)
    known = Importance(mass, (face,), "test", crest=0.22)
    image = Image.new("RGB", (100, 100))
    assert focal_crop(image, known, 2, 1).top <= 22
    assert focal_crop(image, replace(known, crest=None), 2, 1).top > 25


def test_a_face_is_kept_from_its_hairline_where_the_head_does_not_fit() -> None:
    mass = np.zeros((100, 100), np.float32)
    mass[60:80, 40:60] = 1 / 400
    face = Face(0.35, 0.4, 0.65, 0.7, 0.9)
    box = focal_crop(Image.new("RGB", (100, 100)), Importance(mass, (face,), "test"), 100, 37)
    assert 33 <= box.top <= 35
    assert box.bottom >= 71


def test_there_is_no_extent_where_the_matte_is_sure_of_nothing() -> None:
    assert extent(np.full((10, 10), 0.4, np.float32)) is None
    assert extent(np.ones((10, 10), np.float32)) is not None


def test_the_upper_end_of_what_does_not_fit_is_kept() -> None:
    matte = np.zeros((100, 100), np.float32)
    matte[10:95, 40:60] = 1
    matte[50:95, 10:90] = 1  # most of it is below
    map_ = Importance(matte / matte.sum(), (), "test", extent(matte))
    image = Image.new("RGB", (100, 100))
    assert focal_crop(image, map_, 2, 1).top <= 10
    assert focal_crop(image, replace(map_, subject=None), 2, 1).top > 40


def test_nothing_but_the_subject_is_shown_where_it_does_not_fit() -> None:
    """Hair is guessed to reach half a face above the face; the matte knows where it ends."""
    matte = np.zeros((100, 100), np.float32)
    matte[30:, 20:80] = 1
    face = Face(0.45, 0.32, 0.55, 0.46, 0.95)
    mass = np.zeros((100, 100), np.float32)
    mass[32:46, 45:55] = 1
    map_ = Importance(mass / mass.sum(), (face,), "test", extent(matte))
    image = Image.new("RGB", (100, 100))
    assert focal_crop(image, map_, 5, 2).top >= 29
    assert focal_crop(image, replace(map_, subject=None), 5, 2).top < 25


def test_three_faces_are_kept_rather_than_two_with_all_of_their_hair() -> None:
    mass = np.full((100, 300), 1 / 30_000, np.float32)
    faces = tuple(Face(x, 0.3, x + 0.1, 0.5, 0.9) for x in (0.1, 0.23, 0.36))
    image = Image.new("RGB", (300, 100))
    box = focal_crop(image, Importance(mass, faces, "test"), 11, 10)
    assert box.left <= 30
    assert box.right >= 138
