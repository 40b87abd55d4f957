"""Presets of the upscaler: the size that they name, exactly, and never a smaller picture."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from providers import Request
from providers.local.provider import local_offers
from providers.local.work import upscale_lanczos
from studio import imaging
from studio.operations import Upscale

(LANCZOS,) = [offer for offer in local_offers() if offer.id == "local/lanczos"]


def made(preset: str, width: int, height: int) -> tuple[int, int]:
    data = imaging.encode(Image.linear_gradient("L").convert("RGB").resize((width, height)), "png")
    wanted = Upscale(image="a", preset=preset)
    delivery = upscale_lanczos(LANCZOS, Request(wanted, {"image": data}), Path())
    return imaging.open_picture(delivery.outputs[0].data).size


@pytest.mark.parametrize(
    ("preset", "size", "target"),
    [
        ("social", (300, 200), (1_080, 720)),
        ("social", (200, 301), (718, 1_080)),
        ("web", (1_000, 1_000), (2_048, 2_048)),
        ("web", (400, 100), (2_048, 512)),  # more than four times
        ("print", (2_000, 1_500), (3_072, 2_304)),
    ],
)
def test_the_longer_side_has_the_presets_pixels(
    preset: str, size: tuple[int, int], target: tuple[int, int]
) -> None:
    assert Upscale(image="a", preset=preset).target(*size) == target
    assert made(preset, *size) == target


def test_a_picture_that_is_large_enough_is_refused() -> None:
    wanted = Upscale(image="a", preset="social")
    assert wanted.problem(1_079, 500) == ""
    assert "has 1080" in wanted.problem(1_080, 500)
    assert Upscale(image="a").problem(4_000, 4_000) == ""
