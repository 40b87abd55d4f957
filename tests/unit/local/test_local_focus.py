"""Crops keep what matters: heads first, then the subject, clear of what covers the picture."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from providers.local.faces import Face, find_faces
from providers.local.focus import (
    METHOD_CLASSIC,
    METHOD_NEURAL,
    Importance,
    focal_crop,
    importance,
)
from providers.local.windows import Box, SafeZone
from studio.errors import InvalidRequest, WeightsMissing

FORMATS = [(1, 1), (4, 5), (9, 16), (16, 9), (3, 1), (2, 3)]


def head_of(image: Image.Image) -> Box:
    """The astronaut's whole head with hair, in pixels, measured on the enlarged picture."""
    scale = image.width / 512
    return Box(153 * scale, 15 * scale, 302 * scale, 178 * scale)


def spot(width: int, height: int, box: tuple[int, int, int, int]) -> Importance:
    """Everything that matters lies evenly in ``box`` of a picture of this size."""
    mass = np.zeros((height, width), np.float32)
    mass[box[1] : box[3], box[0] : box[2]] = 1
    return Importance(mass / mass.sum(), (), "test")


@pytest.fixture(scope="module")
def found(astronaut: Image.Image, weights: Path) -> Importance:
    return importance(astronaut, weights)


def test_the_face_is_found(found: Importance) -> None:
    assert len(found.faces) == 1
    face = found.faces[0]
    assert 0.33 < face.left < 0.4
    assert 0.1 < face.top < 0.2
    assert 0.5 < face.right < 0.58
    assert 0.3 < face.bottom < 0.4
    assert face.score > 0.8


@pytest.mark.parametrize("name", ["coffee.png", "rocket.jpg", "cat.png"])
def test_cups_rockets_and_cats_are_not_faces(name: str, weights: Path) -> None:
    assert find_faces(np.asarray(Image.open(weights / name).convert("RGB")), weights) == []


@pytest.mark.parametrize("shape", [(900, 512), (512, 900)])
def test_faces_are_found_where_they_are_in_any_shape(
    shape: tuple[int, int], astronaut: Image.Image, weights: Path
) -> None:
    page = Image.new("RGB", shape, (90, 90, 90))
    at = (shape[0] - 512, shape[1] - 512)
    page.paste(astronaut, at)
    face = find_faces(np.asarray(page), weights)[0]
    x = (face.left + face.right) / 2 * shape[0] - at[0]
    y = (face.top + face.bottom) / 2 * shape[1] - at[1]
    assert abs(x - 227) < 20
    assert abs(y - 122) < 25


def test_the_map_is_a_distribution_and_faces_carry_their_share(found: Importance) -> None:
    assert found.method == METHOD_NEURAL
    assert found.mass.min() >= 0
    assert abs(float(found.mass.sum()) - 1) < 1e-4
    rows, columns = found.mass.shape
    face = found.faces[0]
    inside = found.mass[
        int(face.top * rows) : int(np.ceil(face.bottom * rows)),
        int(face.left * columns) : int(np.ceil(face.right * columns)),
    ]
    assert 0.44 < inside.sum() < 0.95


@pytest.mark.parametrize(("width", "height"), FORMATS)
def test_no_format_crops_the_head(
    width: int, height: int, found: Importance, astronaut: Image.Image
) -> None:
    box, head = focal_crop(astronaut, found, width, height), head_of(astronaut)
    assert abs((box.right - box.left) / (box.bottom - box.top) - width / height) < 1e-6
    assert -1e-6 <= box.left < box.right <= astronaut.width + 1e-6
    assert -1e-6 <= box.top < box.bottom <= astronaut.height + 1e-6
    assert box.left <= head.left
    assert box.right >= head.right
    assert box.top <= head.top
    assert box.bottom >= head.bottom


@pytest.mark.parametrize("where", ["left", "right"])
def test_the_crop_follows_the_person(where: str, astronaut: Image.Image, weights: Path) -> None:
    page = Image.new("RGB", (1400, 512), (160, 160, 150))
    page.paste(astronaut, (0 if where == "left" else 888, 0))
    box = focal_crop(page, importance(page, weights), 1, 1)
    middle = (box.left + box.right) / 2
    assert middle < 500 if where == "left" else middle > 900


def test_the_main_head_wins_over_all_mass() -> None:
    mass = np.zeros((100, 300), np.float32)
    mass[:, 200:] = 1
    face = Face(0.1, 0.3, 0.2, 0.6, 0.9)
    image = Image.new("RGB", (300, 100))
    box = focal_crop(image, Importance(mass / mass.sum(), (face,), "test"), 1, 1)
    assert box.left <= 30
    assert box.right >= 60


def test_a_head_is_not_cut_in_two_for_a_little_mass() -> None:
    mass = np.full((100, 300), 1 / 30_000, np.float32)
    faces = (Face(0.1, 0.2, 0.2, 0.5, 0.9), Face(0.4, 0.3, 0.48, 0.5, 0.9))
    image = Image.new("RGB", (300, 100))
    box = focal_crop(image, Importance(mass, faces, "test"), 1, 1)
    second = Box(114, 17, 150, 54)  # with hair
    assert box.left <= 22
    assert box.right <= second.left + 3 or box.right >= second.right - 3


def test_the_window_goes_where_the_mass_is_and_centres_it() -> None:
    image = Image.new("RGB", (300, 100))
    box = focal_crop(image, spot(300, 100, (220, 40, 240, 60)), 1, 1)
    assert abs((box.left + box.right) / 2 - 230) < 2
    at_the_edge = focal_crop(image, spot(300, 100, (290, 40, 300, 60)), 1, 1)
    assert abs(at_the_edge.right - 300) < 1e-6


def test_a_safe_zone_moves_the_subject_into_the_clear() -> None:
    image = Image.new("RGB", (200, 200))
    subject = spot(200, 200, (90, 130, 110, 170))
    plain = focal_crop(image, subject, 1, 1)
    assert plain == Box(0, 0, 200, 200)
    safe = SafeZone(bottom=0.35)
    box = focal_crop(image, subject, 1, 1, safe)
    side = box.bottom - box.top
    assert box.top + side * (1 - safe.bottom) >= 168 or side < 200
    hidden_before = 170 - (200 * 0.65)
    hidden_after = 170 - (box.top + side * 0.65)
    assert hidden_after < hidden_before - 15


def test_faces_are_kept_out_of_the_safe_zone(found: Importance, astronaut: Image.Image) -> None:
    page_box = focal_crop(astronaut, found, 1, 1, SafeZone(right=0.45))
    width = page_box.right - page_box.left
    face_right = found.faces[0].right * 512
    assert face_right <= page_box.left + width * 0.55 + 2


def test_without_weights_what_stands_out_is_kept_and_the_method_says_so() -> None:
    image = Image.new("RGB", (600, 200), (120, 130, 120))
    ImageDraw.Draw(image).ellipse((470, 70, 530, 130), fill=(250, 240, 60), outline=(0, 0, 0))
    found = importance(image)
    assert found.method == METHOD_CLASSIC
    assert found.faces == ()
    box = focal_crop(image, found, 1, 1)
    assert box.left <= 470
    assert box.right >= 530


def test_transparent_parts_do_not_matter(astronaut: Image.Image, weights: Path) -> None:
    page = Image.new("RGBA", (800, 200), (0, 0, 0, 0))
    page.paste((200, 60, 40, 255), (650, 50, 750, 150))
    for cache in (None, weights):
        box = focal_crop(page, importance(page, cache), 1, 1)
        assert box.left <= 650
        assert box.right >= 750


@pytest.mark.parametrize("size", [(1, 1), (1, 500), (500, 1), (3, 2)])
def test_tiny_pictures(size: tuple[int, int], weights: Path) -> None:
    image = Image.new("RGB", size, (10, 200, 10))
    for cache in (None, weights):
        box = focal_crop(image, importance(image, cache), 16, 9, SafeZone(top=0.1))
        assert 0 <= box.left < box.right <= size[0] + 1e-6
        assert 0 <= box.top < box.bottom <= size[1] + 1e-6


@pytest.mark.parametrize(
    ("size", "safe", "field"),
    [
        ((0, 5), SafeZone(), "format"),
        ((5, -1), SafeZone(), "format"),
        ((5, 5), SafeZone(top=0.6, bottom=0.4), "safe"),
        ((5, 5), SafeZone(left=-0.1), "safe"),
    ],
)
def test_impossible_formats_are_refused(size: tuple[int, int], safe: SafeZone, field: str) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        focal_crop(Image.new("RGB", (9, 9)), spot(9, 9, (0, 0, 9, 9)), *size, safe)
    assert refusal.value.field == field


def test_the_same_result_every_time(
    astronaut: Image.Image, found: Importance, weights: Path
) -> None:
    again = importance(astronaut, weights)
    assert again.mass.tobytes() == found.mass.tobytes()
    assert again.faces == found.faces


def test_missing_weights_are_not_silently_replaced(astronaut: Image.Image, tmp_path: Path) -> None:
    with pytest.raises(WeightsMissing, match="studio setup"):
        importance(astronaut, tmp_path)
