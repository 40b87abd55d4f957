"""What is handed out: small, without metadata, the same bytes every time."""

from __future__ import annotations

from dataclasses import astuple
from io import BytesIO

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from studio.errors import InvalidRequest
from studio.imaging import Format, encode, encode_within, format_of, open_picture, sniff


def photo(width: int = 160, height: int = 120) -> Image.Image:
    """Gradients with noise: compresses like a photograph."""
    y, x = np.mgrid[:height, :width]
    base = np.stack([x * 255 / width, y * 255 / height, (x + y) * 255 / (width + height)], axis=2)
    grain = np.random.default_rng(3).normal(0, 8, base.shape)
    return Image.fromarray(np.clip(base + grain, 0, 255).astype(np.uint8))


@pytest.mark.parametrize("kind", ["png", "jpeg", "webp"])
def test_formats_are_what_they_are_called_and_deterministic(kind: Format) -> None:
    data = encode(photo(), kind)
    assert sniff(data) == f"image/{kind}"
    assert data == encode(photo(), kind)
    error = np.abs(np.asarray(open_picture(data), int) - np.asarray(photo(), int)).mean()
    assert error == 0 if kind == "png" else error < 12


@pytest.mark.parametrize("kind", ["png", "jpeg", "webp"])
def test_no_metadata_leaves_the_studio(kind: Format) -> None:
    image = photo()
    text = PngImagePlugin.PngInfo()
    text.add_text("secret", "who where when")
    buffer = BytesIO()
    exif = Image.Exif()
    exif[0x010E] = "who where when"
    image.save(buffer, "PNG", pnginfo=text, exif=exif, dpi=(300, 300), icc_profile=b"who profile")
    loaded = Image.open(BytesIO(buffer.getvalue()))
    loaded.load()
    assert loaded.info
    data = encode(loaded, kind)
    assert b"who" not in data
    with Image.open(BytesIO(data)) as again:
        assert not again.getexif()
        assert not {"icc_profile", "exif", "dpi", "comment", "secret"} & set(again.info)


def test_jpeg_lays_transparency_on_white() -> None:
    image = Image.new("RGBA", (16, 16), (200, 0, 0, 0))
    with Image.open(BytesIO(encode(image, "jpeg"))) as again:
        assert again.getpixel((8, 8)) == (255, 255, 255)


@pytest.mark.parametrize("kind", ["png", "webp"])
def test_transparency_survives(kind: Format) -> None:
    image = photo().convert("RGBA")
    image.putalpha(Image.linear_gradient("L").resize(image.size))
    again = open_picture(encode(image, kind))
    assert again.mode == "RGBA"
    assert np.array_equal(np.asarray(again)[..., 3], np.asarray(image)[..., 3])


def test_jpeg_is_plain_with_subsampled_colour() -> None:
    with Image.open(BytesIO(encode(photo(), "jpeg"))) as again:
        assert "progressive" not in again.info
        assert [layer[1:3] for layer in again.layer] == [(2, 2), (1, 1), (1, 1)]  # type: ignore[attr-defined]


def test_unusual_modes_are_converted() -> None:
    palette = Image.new("P", (4, 4), 0)
    palette.putpalette([1, 2, 3])
    assert open_picture(encode(palette, "png")).getpixel((0, 0)) == (1, 2, 3)
    assert open_picture(encode(Image.new("LA", (4, 4), (9, 0)), "webp")).mode == "RGBA"


def test_unknown_format_and_impossible_size_are_refused() -> None:
    with pytest.raises(InvalidRequest) as refusal:
        encode(photo(), "bmp")  # type: ignore[arg-type]
    assert (refusal.value.field, refusal.value.given) == ("format", "bmp")
    with pytest.raises(InvalidRequest, match="too large for webp"):
        encode(Image.new("RGB", (16_384, 1)), "webp")


@pytest.mark.parametrize("kind", ["jpeg", "webp"])
def test_encode_within_uses_the_room_it_has(kind: Format) -> None:
    image = photo(320, 240)
    usual, least = len(encode(image, kind)), len(encode(image, kind, quality=30))
    room = (usual + least) // 2
    data, quality = astuple(encode_within(image, kind, room))
    assert least < len(data) <= room
    assert len(data) > 0.85 * room
    assert data == encode(image, kind, quality=quality)
    assert len(encode(image, kind, quality=quality + 1)) > room


@pytest.mark.parametrize("kind", ["png", "jpeg", "webp"])
def test_encode_within_changes_nothing_that_fits(kind: Format) -> None:
    fitted = encode_within(photo(), kind, 10_000_000)
    assert fitted.data == encode(photo(), kind)
    assert fitted.quality == (100 if kind == "png" else 85)


@pytest.mark.parametrize("kind", ["png", "jpeg", "webp"])
def test_encode_within_refuses_the_impossible_and_says_how_far_it_goes(kind: Format) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        encode_within(photo(), kind, 100)
    assert (refusal.value.field, refusal.value.given) == ("max_bytes", "100")
    least = int(str(refusal.value.allowed).split()[2])
    assert len(encode_within(photo(), kind, least).data) == least


def test_format_of() -> None:
    assert format_of("image/webp") == "webp"
    with pytest.raises(InvalidRequest):
        format_of("image/gif")
