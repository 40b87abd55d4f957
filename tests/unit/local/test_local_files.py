"""Compressing and converting: a limit is met or refused, and nothing is called what it is not."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from providers.contract import Delivery, Request
from providers.local import files
from providers.local.provider import local_offers
from studio import imaging
from studio.errors import ProviderRejected
from studio.operations import Compress, Convert
from tests.unit.local.test_local_export import photo, written

OFFERS = {offer.id: offer for offer in local_offers()}
NOWHERE = Path("nowhere")
KINDS = ("png", "jpeg", "webp")


def compressed(data: bytes, **values: Any) -> Delivery:
    request = Request(Compress(image="x", **values), {"image": data})
    return files.compress(OFFERS["local/compress"], request, NOWHERE)


def converted(data: bytes, **values: Any) -> Delivery:
    request = Request(Convert(image="x", **values), {"image": data})
    return files.convert(OFFERS["local/convert"], request, NOWHERE)


def only(delivery: Delivery) -> bytes:
    (output,) = delivery.outputs
    image = Image.open(BytesIO(output.data))
    assert (output.width, output.height) == image.size
    assert imaging.sniff(output.data) == output.media_type
    return output.data


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("kilobytes", [60, 170])
def test_a_limit_is_met_at_the_size_that_the_picture_has(kind: str, kilobytes: int) -> None:
    delivery = compressed(
        written(photo()), output_format=kind, max_kilobytes=kilobytes, min_quality=10
    )
    data = only(delivery)
    assert len(data) <= kilobytes * 1_000
    assert Image.open(BytesIO(data)).size == (640, 480)
    assert delivery.facts["bytes"] == len(data)
    assert delivery.facts["quality"] >= 10


@pytest.mark.parametrize("kind", KINDS)
def test_a_limit_that_cannot_be_met_is_refused(kind: str) -> None:
    with pytest.raises(ProviderRejected) as refusal:
        compressed(written(photo()), output_format=kind, max_kilobytes=2, min_quality=80)
    assert refusal.value.bought is False
    assert (refusal.value.field, refusal.value.given) == ("max_kilobytes", "2")
    assert "at least" in str(refusal.value.allowed)


@pytest.mark.parametrize("kind", KINDS)
def test_pixels_are_taken_away_only_where_that_is_allowed(kind: str) -> None:
    delivery = compressed(
        written(photo()), output_format=kind, max_kilobytes=12, min_quality=80, keep_size=False
    )
    data = only(delivery)
    width, height = Image.open(BytesIO(data)).size
    assert 6_000 < len(data) <= 12_000
    assert 60 < width < 640
    assert width / height == pytest.approx(640 / 480, abs=0.03)


def test_keep_keeps_the_kind() -> None:
    for kind in KINDS:
        assert compressed(written(photo(), kind.upper())).outputs[0].media_type == f"image/{kind}"
    assert compressed(written(photo(), "GIF")).outputs[0].media_type == "image/png"


def test_without_a_limit_the_lowest_quality_allowed_is_taken() -> None:
    data = written(photo(), "JPEG", quality=95)
    low, high = (compressed(data, min_quality=quality) for quality in (40, 80))
    assert len(only(low)) < len(only(high)) < len(data)
    assert (low.facts["quality"], high.facts["quality"]) == (40, 80)
    assert low.facts["saved_percent"] == pytest.approx(
        100 - 100 * len(only(low)) / len(data), abs=1
    )


def test_png_loses_nothing_while_it_fits() -> None:
    delivery = compressed(written(photo(), "PNG", compress_level=1))
    assert delivery.facts["quality"] == 100
    assert np.array_equal(np.asarray(Image.open(BytesIO(only(delivery)))), np.asarray(photo()))
    assert delivery.facts["saved_percent"] > 0


def test_a_file_that_is_small_and_clean_is_not_made_worse() -> None:
    data = written(photo(), "JPEG", quality=50, optimize=True, progressive=True)
    for values in ({}, {"max_kilobytes": 1_000}):
        delivery = compressed(data, min_quality=75, **values)
        assert only(delivery) == data
        assert delivery.facts["saved_percent"] == 0
        assert delivery.method.startswith("left as it was")


def test_what_fits_is_not_written_again_to_lose_something() -> None:
    data = written(photo(), "JPEG", quality=95)
    assert only(compressed(data, max_kilobytes=1_000, min_quality=40)) == data


def dirty_files() -> dict[str, bytes]:
    """Small files with something in them that must not leave the studio."""
    exif = Image.Exif()
    exif[0x010F] = "who where when"
    text = PngImagePlugin.PngInfo()
    text.add_text("secret", "who where when")
    small = {"quality": 20, "optimize": True}
    jpeg = written(photo(), "JPEG", **small)
    icc = b"who where when profile"
    return {
        "exif": written(photo(), "JPEG", exif=exif, **small),
        "comment": written(photo(), "JPEG", comment=b"who where when", **small),
        "profile": written(photo(), "JPEG", icc_profile=icc, **small),
        "other segment": jpeg[:2] + b"\xff\xeb\x00\x10who where when" + jpeg[2:],
        "behind the end": jpeg + b"who where when",
        "png text": written(photo(), "PNG", pnginfo=text, optimize=True),
        "webp exif": written(photo(), "WEBP", exif=exif, quality=20),
        "webp xmp": written(photo(), "WEBP", xmp=b"who where when", quality=20),
    }


@pytest.mark.parametrize("name", list(dirty_files()))
@pytest.mark.parametrize("limit", [0, 1_000])
def test_metadata_never_come_along_however_small_the_file_is(name: str, limit: int) -> None:
    data = dirty_files()[name]
    assert b"who where when" in data
    assert b"who where when" not in only(compressed(data, max_kilobytes=limit))


def test_a_lying_picture_is_turned_even_if_its_file_is_small() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    data = written(photo(), "JPEG", exif=exif, quality=20)
    assert Image.open(BytesIO(only(compressed(data)))).size == (480, 640)


def test_of_an_animation_one_frame_remains() -> None:
    frames = [Image.new("RGB", (60, 60), colour) for colour in ("red", "blue")]
    data = written(frames[0], "WEBP", save_all=True, append_images=frames[1:], quality=5)
    for limit in (0, 1_000):
        image = Image.open(BytesIO(only(compressed(data, max_kilobytes=limit))))
        assert getattr(image, "n_frames", 1) == 1


@pytest.mark.parametrize("kind", KINDS)
def test_the_longest_side_is_kept_to(kind: str) -> None:
    for do in (compressed, converted):
        data = only(do(written(photo()), output_format=kind, max_side=160))
        assert Image.open(BytesIO(data)).size == (160, 120)
        data = only(do(written(photo()), output_format=kind, max_side=8_000))
        assert Image.open(BytesIO(data)).size == (640, 480)


def half_clear() -> Image.Image:
    image = Image.new("RGBA", (64, 64), (0, 0, 0, 0))
    image.paste((10, 200, 30, 255), (32, 0, 64, 64))
    return image


@pytest.mark.parametrize(
    ("kind", "background", "left", "told"),
    [
        ("jpeg", "", (255, 255, 255, 255), "laid on the background"),
        ("jpeg", "#ff8000", (255, 128, 0, 255), "laid on the background"),
        ("png", "#ff8000", (255, 128, 0, 255), "laid on the background"),
        ("webp", "#ff8000", (255, 128, 0, 255), "laid on the background"),
        ("png", "", (0, 0, 0, 0), "kept"),
        ("webp", "", (0, 0, 0, 0), "kept"),
    ],
)
def test_transparency_is_kept_or_laid_on_the_background(
    kind: str, background: str, left: tuple[int, ...], told: str
) -> None:
    delivery = converted(written(half_clear()), output_format=kind, background=background)
    pixel = Image.open(BytesIO(only(delivery))).convert("RGBA").getpixel((8, 32))
    assert pixel[3] == left[3]  # type: ignore[index]
    if left[3]:
        assert np.abs(np.array(pixel) - left).max() < 6
    assert delivery.facts["transparency"] == told


def test_palette_grey_and_sixteen_bit_pictures_keep_their_colours() -> None:
    palette = photo().quantize(64)
    grey = photo().convert("LA")
    deep = Image.fromarray(np.full((40, 40), 40_000, np.uint16))
    for image, want in (
        (palette, palette.convert("RGB")),
        (grey, grey.convert("RGB")),
        (deep, Image.new("RGB", (40, 40), (156, 156, 156))),
    ):
        for kind in KINDS:
            made = Image.open(BytesIO(only(converted(written(image), output_format=kind))))
            error = np.abs(np.asarray(made.convert("RGB"), int) - np.asarray(want, int)).mean()
            assert error < 4, (image.mode, kind)


def test_lossless_webp_loses_nothing_and_quality_counts() -> None:
    whole = converted(written(photo()), output_format="webp", lossless=True)
    assert np.array_equal(np.asarray(Image.open(BytesIO(only(whole)))), np.asarray(photo()))
    assert whole.facts["quality"] == 100
    for kind in ("jpeg", "webp"):
        low, high = (
            only(converted(written(photo()), output_format=kind, quality=q)) for q in (30, 90)
        )
        assert len(low) < len(high) / 2


def test_conversion_turns_cleans_credits_and_tells() -> None:
    exif = Image.Exif()
    exif[0x0112], exif[0x8298], exif[0x010F] = 6, "(c) Ada", "Spy"
    data = written(photo(), "JPEG", exif=exif)
    delivery = converted(data, output_format="webp")
    made = only(delivery)
    assert Image.open(BytesIO(made)).size == (480, 640)
    assert imaging.credit_of(made) == imaging.Credit(copyright="(c) Ada")
    assert b"Spy" not in made
    assert delivery.facts["from"] == "image/jpeg"
    assert (delivery.facts["bytes_before"], delivery.facts["bytes"]) == (len(data), len(made))


def test_what_a_kind_cannot_hold_is_refused() -> None:
    with pytest.raises(ProviderRejected) as refusal:
        converted(written(Image.new("RGB", (16_400, 4))), output_format="webp")
    assert refusal.value.field == "output_format"
    assert "max_side" in str(refusal.value.allowed)
