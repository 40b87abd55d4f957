"""Larger, with plausible detail, no seams, honest about the method."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from providers.local import upscale as module
from providers.local.upscale import METHOD_CLASSIC, METHOD_SPAN, upscale
from studio.errors import InvalidRequest, WeightsMissing


def error(one: Image.Image, two: Image.Image) -> float:
    """Root mean square difference, in levels."""
    difference = np.asarray(one, float) - np.asarray(two, float)
    return float(np.sqrt((difference**2).mean()))


@pytest.fixture(scope="module")
def reduced(astronaut: Image.Image) -> Image.Image:
    """The upper part of the portrait, wider than one tile."""
    return astronaut.reduce(2).crop((0, 0, 256, 100))


def test_span_is_nearer_to_the_truth_than_lanczos(astronaut: Image.Image, weights: Path) -> None:
    truth = astronaut.crop((100, 0, 356, 256))
    small = truth.resize((64, 64), Image.Resampling.BICUBIC)
    large, method = upscale(small, 4, weights)
    assert (method, large.mode, large.size) == (METHOD_SPAN, "RGB", (256, 256))
    lanczos = small.resize((256, 256), Image.Resampling.LANCZOS)
    assert error(large, truth) < 0.93 * error(lanczos, truth)


def test_tiles_leave_no_seams(weights: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fur across the edge of a tile, against the same computed with far more overlap."""
    fur = Image.open(weights / "cat.png").convert("RGB").crop((100, 60, 356, 160))
    tiled = np.asarray(upscale(fur, 4, weights)[0], int)
    monkeypatch.setattr(module, "_OVERLAP", 32)
    whole = np.asarray(upscale(fur, 4, weights)[0], int)
    seam = slice(module._TILE * 4 - 8, module._TILE * 4 + 8)
    difference = np.abs(tiled - whole)[:, seam]
    assert difference.max() <= 2
    assert difference.mean() < 0.06


def test_without_weights_the_classic_method_is_used_and_named(reduced: Image.Image) -> None:
    large, method = upscale(reduced, 3)
    assert (method, large.size) == (METHOD_CLASSIC, (768, 300))
    assert "no weights" in method
    assert error(large.resize(reduced.size, Image.Resampling.BOX), reduced) < 6


@pytest.mark.parametrize("factor", [1.5, 2, 3])
def test_smaller_factors_are_reduced_from_four(
    reduced: Image.Image, weights: Path, factor: float
) -> None:
    small = reduced.crop((0, 0, 40, 30))
    large, method = upscale(small, factor, weights)
    assert large.size == (round(40 * factor), round(30 * factor))
    assert method.startswith(METHOD_SPAN)
    assert f"x{factor:g}" in method
    lanczos = small.resize(large.size, Image.Resampling.LANCZOS)
    assert error(large, lanczos) < 12


@pytest.mark.parametrize("neural", [True, False])
def test_transparency_is_enlarged_without_dark_fringes(weights: Path, *, neural: bool) -> None:
    image = Image.new("RGBA", (40, 40), (0, 0, 0, 0))
    image.paste((240, 200, 40, 255), (10, 10, 30, 30))
    large, _ = upscale(image, 4, weights if neural else None)
    assert (large.mode, large.size) == ("RGBA", (160, 160))
    values = np.asarray(large, int)
    assert values[80, 80, 3] == 255
    assert values[4, 4, 3] == 0
    visible = values[values[..., 3] > 16]
    assert np.abs(visible[:, :3] - [240, 200, 40]).max() <= 8


@pytest.mark.parametrize("size", [(1, 1), (1, 300), (193, 2)])
@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_odd_shapes(size: tuple[int, int], mode: str, weights: Path) -> None:
    colour = (90, 120, 150, 255)[: len(mode)]
    large, _ = upscale(Image.new(mode, size, colour), 4, weights)
    assert (large.mode, large.size) == (mode, (size[0] * 4, size[1] * 4))
    assert np.abs(np.asarray(large, int) - np.array(colour)).max() <= 6


@pytest.mark.parametrize("factor", [1, 0, -2, 4.1, 100, float("nan")])
def test_factors_out_of_range_are_refused(factor: float) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        upscale(Image.new("RGB", (8, 8)), factor)
    assert refusal.value.field == "factor"


def test_results_that_are_too_large_are_refused_before_any_work(weights: Path) -> None:
    with pytest.raises(InvalidRequest, match="too large"):
        upscale(Image.new("RGB", (2001, 2000)), 4, weights)


def test_missing_weights_are_not_silently_replaced(tmp_path: Path) -> None:
    with pytest.raises(WeightsMissing, match="studio setup"):
        upscale(Image.new("RGB", (8, 8)), 4, tmp_path)


def test_the_same_bytes_every_time_also_in_threads(reduced: Image.Image, weights: Path) -> None:
    """Would fail if the network read memory that Python has already given back."""
    small = reduced.crop((60, 0, 156, 96))
    with ThreadPoolExecutor(2) as pool:
        results = list(pool.map(lambda _: upscale(small, 4, weights)[0].tobytes(), range(6)))
    assert len(set(results)) == 1
