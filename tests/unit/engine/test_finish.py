"""Finishing: exactly the size and file type that were asked for, by a rule that is told."""

from __future__ import annotations

import io
import random
from typing import Any

import pytest
from PIL import Image

from engine.finish import cover, finish
from providers import Input
from studio import imaging
from studio.errors import PictureRefused
from studio.operations import (
    Generate,
    Operation,
    Outpaint,
    RemoveBackground,
    SocialExport,
    Upscale,
)


def drawn(width: int, height: int, format_: str = "PNG") -> bytes:
    """A white picture with a black square in its very middle."""
    image = Image.new("RGB", (width, height), "white")
    side = min(width, height) // 4
    left, top = (width - side) // 2, (height - side) // 2
    image.paste("black", (left, top, left + side, top + side))
    out = io.BytesIO()
    image.save(out, format_)
    return out.getvalue()


def of(operation: Operation, data: bytes, *sizes: tuple[int, int]) -> tuple[imaging.Probe, Any]:
    inputs = [Input("image", width=width, height=height) for width, height in sizes]
    made = finish(data, operation, inputs)
    return imaging.probe(made.data), made.facts


def test_every_size_can_be_cut_from_every_other() -> None:
    chance = random.Random(7)
    for _ in range(2_000):
        width, height, wide, high = (chance.randint(1, 80) for _ in range(4))
        image, _ = cover(Image.new("RGB", (width, height)), (wide, high))
        assert image.size == (wide, high)


@pytest.mark.parametrize("size", [(1_080, 1_920), (1_128, 191), (820, 312), (64, 64), (2_048, 64)])
@pytest.mark.parametrize("format_", ["png", "jpeg", "webp"])
def test_any_size_and_type_come_out_exactly(size: tuple[int, int], format_: str) -> None:
    wanted = Generate(prompt="x", width=size[0], height=size[1], output_format=format_)
    probe, facts = of(wanted, drawn(1_024, 1_024))
    assert (probe.width, probe.height) == size
    assert probe.media_type == f"image/{format_}"
    assert facts["delivered"] == "1024x1024 image/png"
    assert facts["finished"]


def test_what_is_right_already_stays_as_it_is_byte_by_byte() -> None:
    data = drawn(512, 256)
    made = finish(data, Generate(prompt="x", width=512, height=256), [])
    assert made.data == data
    assert made.facts == {}


def test_it_is_cut_evenly_and_never_squeezed() -> None:
    image, words = cover(imaging.open_picture(drawn(400, 200)), (100, 100))
    assert image.size == (100, 100)
    dark = image.convert("L").point(lambda value: 255 if value < 128 else 0).getbbox()
    assert dark is not None
    left, top, right, bottom = dark
    assert abs((left + right) / 2 - 50) <= 1, "cut more at one side"
    assert abs((right - left) - (bottom - top)) <= 1, "squeezed"
    assert words == ["reduced to 50%", "50.0% cut off at the edges"]


def test_an_upscale_is_brought_to_its_factor() -> None:
    probe, _ = of(Upscale(image="a", factor="2x"), drawn(1_200, 800), (300, 200))
    assert (probe.width, probe.height) == (600, 400)


def test_an_outpainting_has_its_margins() -> None:
    probe, _ = of(Outpaint(image="a", left=10, down=30), drawn(1_000, 1_000), (300, 200))
    assert (probe.width, probe.height) == (310, 230)


@pytest.mark.parametrize(
    "operation", [RemoveBackground(image="a"), SocialExport(image="a", formats=["twitter_post"])]
)
def test_without_a_size_to_reach_the_size_stays(operation: Operation) -> None:
    probe, _ = of(operation, drawn(301, 207), (99, 99))
    assert (probe.width, probe.height) == (301, 207)


def test_transparency_survives_in_png_and_is_laid_on_white_in_jpeg() -> None:
    clear = io.BytesIO()
    Image.new("RGBA", (64, 64), (0, 0, 0, 0)).save(clear, "PNG")
    png = finish(clear.getvalue(), Generate(prompt="x", width=128, height=128), [])
    assert imaging.open_picture(png.data).getpixel((5, 5))[3] == 0  # type: ignore[index]
    wanted = Generate(prompt="x", width=64, height=64, output_format="jpeg")
    jpeg = finish(clear.getvalue(), wanted, [])
    assert imaging.open_picture(jpeg.data).getpixel((5, 5)) == (255, 255, 255)


def test_no_picture_is_refused() -> None:
    with pytest.raises(PictureRefused):
        finish(b"<html>", Generate(prompt="x"), [])
