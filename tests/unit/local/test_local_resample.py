"""Parts of a picture at other sizes: as good as Lanczos, whatever the size."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from providers.local.resample import Source
from providers.local.windows import Box

LANCZOS = Image.Resampling.LANCZOS
ENLARGED = (0.3, 0.55, 0.8, 0.95)
REDUCED = (1.0, 1.02, 1.2, 1.5, 1.8, 2.0, 2.24, 2.26, 2.5, 3.0, 4.0, 4.6, 5.9, 6.1, 8.0)


def psnr(one: Image.Image, two: Image.Image) -> float:
    difference = np.asarray(one, float) - np.asarray(two, float)
    return float(10 * np.log10(255**2 / max(np.mean(difference**2), 1e-6)))


@pytest.mark.parametrize("reduction", ENLARGED + REDUCED)
def test_photographs_come_out_like_lanczos(
    reduction: float, astronaut: Image.Image, coffee: Image.Image
) -> None:
    for image in (astronaut, coffee):
        size = (round(image.width / reduction), round(image.height / reduction))
        part = Source(image).part(Box(0, 0, *image.size), size)
        assert part.size == size
        assert psnr(part, image.resize(size, LANCZOS)) > 38


@pytest.mark.parametrize("reduction", [0.6, 1.4, 2.1, 3.0, 5.0])
def test_a_part_is_the_right_part(reduction: float, astronaut: Image.Image) -> None:
    image = astronaut.resize((1537, 1481), LANCZOS)
    box = Box(201.4, 77.7, 1201.2, 1000.9)
    size = (round(1000 / reduction), round(923.5 / reduction))
    part = Source(image).part(box, size)
    assert psnr(part, image.resize(size, LANCZOS, box=box)) > 34  # edges lie up to a pixel off
    moved = Box(box.left + 8, box.top, box.right + 8, box.bottom)
    assert psnr(part, image.resize(size, LANCZOS, box=moved)) < 30


@pytest.mark.parametrize("size", [(1, 1), (7, 3), (1, 40), (40, 1), (500, 2)])
def test_tiny_and_thin_parts(size: tuple[int, int], coffee: Image.Image) -> None:
    source = Source(coffee)
    for box in (Box(0, 0, *coffee.size), Box(10.3, 10.3, 14.9, 12.2), Box(599, 399, 600, 400)):
        part = source.part(box, size)
        assert part.size == size
        assert psnr(part, coffee.resize(size, LANCZOS, box=box)) > 26


def test_where_half_a_pixel_would_be_seen_it_counts(coffee: Image.Image) -> None:
    box = Box(290.6, 190.3, 300.2, 197.5)
    part = Source(coffee).part(box, (400, 300))
    assert psnr(part, coffee.resize((400, 300), LANCZOS, box=box)) > 60


def test_an_even_colour_stays_what_it_is_to_the_edge() -> None:
    image = Image.new("RGB", (801, 533), (250, 3, 129))
    for size in ((900, 600), (640, 420), (300, 200), (99, 66)):
        part = Source(image).part(Box(0, 0, 801, 533), size)
        assert part.getcolors() == [(size[0] * size[1], (250, 3, 129))]


def test_transparent_colours_do_not_shine_through() -> None:
    image = Image.new("RGBA", (400, 400), (255, 0, 0, 0))
    image.paste((0, 0, 255, 255), (0, 0, 200, 400))
    part = np.asarray(Source(image).part(Box(0, 0, 400, 400), (77, 77)))
    assert part[..., 0][part[..., 3] > 0].max() == 0


def test_the_picture_is_not_changed(coffee: Image.Image) -> None:
    before = coffee.tobytes()
    Source(coffee).part(Box(0, 0, *coffee.size), (100, 66))
    assert coffee.tobytes() == before
