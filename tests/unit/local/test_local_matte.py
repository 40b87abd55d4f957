"""The subject stays, the background goes, and nothing of it can be recovered."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from providers.local import matte
from studio.errors import WeightsMissing


@pytest.fixture(scope="module")
def cup(coffee: Image.Image, weights: Path) -> Image.Image:
    return matte.cut_out(coffee, weights)


def test_the_cup_stays_and_the_table_goes(cup: Image.Image) -> None:
    assert (cup.mode, cup.size) == ("RGBA", (600, 400))
    alpha = np.asarray(cup)[..., 3]
    assert alpha[40:360, 200:380].mean() > 250  # cup and saucer
    for corner in (alpha[:60, :60], alpha[:60, -60:], alpha[-60:, :60], alpha[-60:, -60:]):
        assert corner.max() == 0
    undecided = np.mean((alpha > 12) & (alpha < 243))
    assert undecided < 0.04


def test_transparent_pixels_tell_nothing(cup: Image.Image) -> None:
    values = np.asarray(cup)
    assert values[values[..., 3] == 0].max() == 0


def test_the_colours_of_the_subject_stay(cup: Image.Image, coffee: Image.Image) -> None:
    values, original = np.asarray(cup, int), np.asarray(coffee, int)
    solid = values[..., 3] == 255
    assert solid.mean() > 0.3
    assert np.abs(values[solid][:, :3] - original[solid]).max() <= 1


def test_a_portrait_keeps_its_head_and_loses_its_flag(
    astronaut: Image.Image, weights: Path
) -> None:
    alpha = np.asarray(matte.cut_out(astronaut, weights))[..., 3]
    assert alpha[60:140, 195:260].min() > 240  # face
    assert alpha[:150, :100].mean() < 2  # flag
    assert alpha[:250, 400:].mean() < 5  # model of the shuttle


def test_edges_are_where_the_picture_has_them(weights: Path) -> None:
    """A star with a true matte, five times finer than what the network sees, and noise."""
    y, x = np.mgrid[:1500, :1500]
    reach = 430 + 70 * np.cos(9 * np.arctan2(y - 750, x - 750)) - np.hypot(x - 750, y - 750)
    truth = np.clip(reach / 2 + 0.5, 0, 1)
    star = np.array([190, 70, 50]) + 30 * np.sin(x / 40)[..., None]
    sky = np.array([60, 110, 150]) + 20 * np.cos(y / 60)[..., None]
    noise = np.random.default_rng(5).normal(0, 4, (1500, 1500, 3))
    picture = truth[..., None] * star + (1 - truth[..., None]) * sky + noise
    result = matte.cut_out(Image.fromarray(picture.clip(0, 255).astype(np.uint8)), weights)
    error = np.abs(np.asarray(result)[..., 3] / 255 - truth)
    # Measured 0.004; without the guided filter, or a network's pixel beside it, 0.047.
    assert error[np.abs(reach) < 20].mean() < 0.01
    assert error.mean() < 0.001


def test_colours_of_the_background_are_taken_out_of_the_edge(weights: Path) -> None:
    """A grey disc with a soft edge on green: its half-transparent pixels shall not be green."""
    y, x = np.mgrid[:400, :400]
    soft = np.clip((130 - np.hypot(x - 200, y - 200)) / 12 + 0.5, 0, 1)[..., None]
    shading = 150 + 60 * (x + y - 400)[..., None] / 400
    picture = soft * shading * np.ones(3) + (1 - soft) * np.array([20, 200, 40])
    values = np.asarray(matte.cut_out(Image.fromarray(picture.astype(np.uint8)), weights), int)
    edge = (values[..., 3] > 90) & (values[..., 3] < 250)
    assert edge.sum() > 100
    before = picture[edge]
    after = values[edge]
    assert np.mean(before[:, 1] - before[:, 0]) > 15
    assert abs(np.mean(after[:, 1] - after[:, 0])) < 0.5 * np.mean(before[:, 1] - before[:, 0])


def test_old_transparency_is_kept(coffee: Image.Image, cup: Image.Image, weights: Path) -> None:
    half = coffee.convert("RGBA")
    half.paste((0, 0, 0, 0), (0, 0, 300, 400))
    alpha = np.asarray(matte.cut_out(half, weights))[..., 3]
    assert alpha[:, :300].max() == 0
    opaque = coffee.convert("RGBA")
    assert matte.cut_out(opaque, weights).tobytes() == cup.tobytes()


def test_the_same_picture_gives_the_same_bytes_also_in_threads(
    coffee: Image.Image, cup: Image.Image, weights: Path
) -> None:
    with ThreadPoolExecutor(3) as pool:
        results = list(pool.map(lambda _: matte.cut_out(coffee, weights).tobytes(), range(3)))
    assert set(results) == {cup.tobytes()}
    assert len(matte._sessions) == 1


@pytest.mark.parametrize("size", [(1, 1), (3, 700), (700, 2), (17, 31)])
def test_odd_shapes(size: tuple[int, int], weights: Path) -> None:
    result = matte.cut_out(Image.new("RGB", size, (200, 30, 30)), weights)
    assert (result.mode, result.size) == ("RGBA", size)


def test_large_pictures_are_finished_in_strips_without_seams(
    coffee: Image.Image, cup: Image.Image, weights: Path
) -> None:
    large = matte.cut_out(coffee.resize((1800, 1200), Image.Resampling.BICUBIC), weights)
    assert large.height > 2 * matte._STRIP_ROWS
    alpha = np.asarray(large, int)[..., 3]
    small = np.asarray(large.getchannel("A").resize(cup.size, Image.Resampling.BOX), int)
    assert np.abs(small - np.asarray(cup, int)[..., 3]).mean() < 4
    steps = np.abs(np.diff(alpha, axis=0)).mean(axis=1)
    seam = steps[matte._STRIP_ROWS - 1]
    around = steps[matte._STRIP_ROWS - 12 : matte._STRIP_ROWS + 12]
    assert seam <= around.max() * 1.01
    assert seam < 3 * np.median(around) + 0.1


def test_without_weights_the_command_is_named(coffee: Image.Image, tmp_path: Path) -> None:
    with pytest.raises(WeightsMissing, match="studio setup"):
        matte.cut_out(coffee, tmp_path)
