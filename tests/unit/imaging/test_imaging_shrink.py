"""Small files: as good as the limit lets them be, and never over it."""

from __future__ import annotations

from io import BytesIO

import numpy as np
import pytest
from PIL import Image

from studio.errors import InvalidRequest
from studio.imaging import Format, encode, open_picture, shrink
from tests.unit.imaging.test_imaging_encode import photo

LOSSY: list[Format] = ["jpeg", "webp"]


def pixels(data: bytes) -> np.ndarray:
    return np.asarray(open_picture(data), int)


@pytest.mark.parametrize("kind", LOSSY)
def test_without_a_limit_the_least_quality_is_taken_and_packed_better(kind: Format) -> None:
    small = shrink(photo(320, 240), kind, least=60)
    assert small.quality == 60
    assert len(small.data) < len(encode(photo(320, 240), kind, quality=60))


@pytest.mark.parametrize("kind", LOSSY)
def test_with_a_limit_the_best_quality_that_fits_is_taken(kind: Format) -> None:
    image = photo(320, 240)
    low, high = (len(shrink(image, kind, least=quality).data) for quality in (40, 90))
    limit = (low + high) // 2
    fitted = shrink(image, kind, max_bytes=limit, least=40)
    assert 40 < fitted.quality < 90
    assert 0.8 * limit < len(fitted.data) <= limit
    assert len(shrink(image, kind, least=fitted.quality + 1).data) > limit


@pytest.mark.parametrize("kind", LOSSY)
def test_much_room_is_not_wasted_beyond_what_can_be_seen(kind: Format) -> None:
    assert shrink(photo(), kind, max_bytes=10**7, least=40).quality == 95
    assert shrink(photo(), kind, max_bytes=10**7, least=98).quality == 98


@pytest.mark.parametrize("kind", ["png", "jpeg", "webp"])
def test_what_cannot_be_is_refused_with_how_far_it_goes(kind: Format) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        shrink(photo(), kind, max_bytes=300, least=50)
    smallest = refusal.value.details["smallest"]
    assert str(smallest) in str(refusal.value.allowed)
    assert len(shrink(photo(), kind, max_bytes=smallest, least=50).data) == smallest


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
@pytest.mark.parametrize("colours", [1, 2, 17, 256])
def test_png_with_few_colours_becomes_a_palette_and_loses_nothing(mode: str, colours: int) -> None:
    rng = np.random.default_rng(colours)
    palette = rng.integers(0, 256, (colours, len(mode)), np.uint8)
    if mode == "RGBA":
        palette[0, 3] = 40
    image = Image.fromarray(palette[rng.integers(0, colours, (60, 80))])
    fitted = shrink(image, "png")
    assert fitted.quality == 100
    assert np.array_equal(pixels(fitted.data), np.asarray(image))
    assert len(fitted.data) < len(encode(image, "png"))
    with Image.open(BytesIO(fitted.data)) as again:
        assert again.mode == "P"


@pytest.mark.parametrize(("levels", "mode"), [(256, "L"), (4, "P")])
def test_png_of_grey_has_one_channel_and_loses_nothing(levels: int, mode: str) -> None:
    step = 256 // levels
    grey = photo().convert("L").point(lambda value: value // step * step)
    fitted = shrink(grey.convert("RGB"), "png")
    with Image.open(BytesIO(fitted.data)) as again:
        assert again.mode == mode
        assert np.array_equal(np.asarray(again.convert("L")), np.asarray(grey))


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_png_gets_fewer_colours_only_where_the_limit_asks_for_it(mode: str) -> None:
    image = photo(200, 150).convert(mode)
    if mode == "RGBA":
        image.putalpha(Image.linear_gradient("L").resize(image.size))
    whole = shrink(image, "png", least=50)
    assert whole.quality == 100
    assert np.array_equal(pixels(whole.data), np.asarray(image))
    sizes = []
    for limit in (len(whole.data), len(whole.data) - 1, len(whole.data) // 4):
        fitted = shrink(image, "png", max_bytes=limit, least=50)
        assert len(fitted.data) <= limit
        assert open_picture(fitted.data).mode == mode
        sizes.append(fitted.quality)
    assert sizes[0] == 100
    assert 100 > sizes[1] >= sizes[2] >= 50
    with pytest.raises(InvalidRequest):
        shrink(image, "png", max_bytes=len(whole.data) // 4, least=95)
    error = np.abs(
        pixels(shrink(image, "png", max_bytes=limit * 2, least=50).data)[..., :3]
        - np.asarray(image, int)[..., :3]
    ).mean()
    assert error < 16


def test_jpeg_is_progressive_and_laid_on_white() -> None:
    clear = Image.new("RGBA", (16, 16), (200, 0, 0, 0))
    with Image.open(BytesIO(shrink(clear, "jpeg").data)) as again:
        assert again.info.get("progressive")
        assert again.getpixel((8, 8)) == (255, 255, 255)
