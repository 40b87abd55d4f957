"""Pictures, files and words on their way to and from a provider."""

from __future__ import annotations

import base64
import io
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from providers.pictures import data_uri, from_base64, mask_for, picture_output, readable
from providers.words import styled, without
from studio.catalog import style as style_of
from studio.errors import BadResponse, PictureRefused


def drawn(mode: str, size: tuple[int, int], colour: Any, kind: str = "PNG", **more: Any) -> bytes:
    out = io.BytesIO()
    Image.new(mode, size, colour).save(out, kind, **more)
    return out.getvalue()


def halves(mode: str, left: Any, right: Any, size: tuple[int, int] = (40, 20)) -> bytes:
    """A picture of two colours, side by side."""
    image = Image.new(mode, size, right)
    image.paste(left, (0, 0, size[0] // 2, size[1]))
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()


def opened(data: bytes | None) -> Image.Image:
    assert data is not None
    return Image.open(io.BytesIO(data))


@pytest.mark.parametrize(("kind", "type_"), [("PNG", "png"), ("JPEG", "jpeg"), ("WEBP", "webp")])
def test_what_is_read_already_is_sent_as_it_is(kind: str, type_: str) -> None:
    data = drawn("RGB", (8, 8), "red", kind)
    assert readable(data) == (data, f"image/{type_}")


@pytest.mark.parametrize(("kind", "accepted"), [("GIF", None), ("WEBP", ("image/png",))])
def test_anything_else_becomes_a_png(kind: str, accepted: tuple[str, ...] | None) -> None:
    data = drawn("RGB", (8, 6), "red", kind)
    sent, media_type = readable(data) if accepted is None else readable(data, accepted)
    assert media_type == "image/png"
    assert (opened(sent).format, opened(sent).size) == ("PNG", (8, 6))


def test_what_is_no_picture_is_refused() -> None:
    with pytest.raises(PictureRefused):
        readable(b"no picture")


PHOTO = drawn("RGB", (40, 20), "green")


def ends(mask: bytes | None) -> tuple[Any, Any]:
    """The grey of the left and the right end of a mask."""
    image = opened(mask).convert("L")
    return image.getpixel((1, 10)), image.getpixel((image.width - 2, 10))


def test_a_mask_is_white_where_to_change() -> None:
    mask = mask_for(PHOTO, halves("L", 255, 0))
    assert opened(mask).format == "PNG"
    assert opened(mask).size == (40, 20)
    assert ends(mask) == (255, 0)


def test_a_mask_with_transparency_counts_as_drawn_on_black() -> None:
    white = (255, 255, 255)
    assert ends(mask_for(PHOTO, halves("RGBA", (*white, 255), (*white, 0)))) == (255, 0)
    assert ends(mask_for(PHOTO, halves("LA", (255, 255), (255, 0)))) == (255, 0)
    half = ends(mask_for(PHOTO, halves("RGBA", (*white, 128), (0, 0, 0, 255))))
    assert half == (pytest.approx(128, abs=1), 0)


def test_a_mask_gets_the_size_of_the_picture() -> None:
    mask = mask_for(PHOTO, halves("L", 255, 0, (400, 400)))
    assert opened(mask).size == (40, 20)
    assert ends(mask) == (255, 0)


def test_a_picture_that_lies_on_its_side_has_a_mask_that_stands() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    lying = drawn("RGB", (40, 20), "green", "JPEG", exif=exif)
    assert opened(mask_for(lying, halves("L", 255, 0))).size == (20, 40)


def test_transparency_of_the_picture_is_a_mask() -> None:
    picture = halves("RGBA", (0, 128, 0, 0), (0, 128, 0, 255))
    assert ends(mask_for(picture, None)) == (255, 0)
    # A mask that was drawn comes first.
    assert ends(mask_for(picture, halves("L", 0, 255))) == (0, 255)


@pytest.mark.parametrize("mode", ["RGB", "L", "RGBA"])
def test_without_mask_and_transparency_there_is_none(mode: str) -> None:
    assert mask_for(drawn(mode, (8, 8), "white"), None) is None


@given(st.binary(min_size=1, max_size=200))
def test_files_come_back_from_base64_as_they_were(data: bytes) -> None:
    plain = base64.b64encode(data).decode()
    for text in (
        plain,
        plain.rstrip("="),
        base64.urlsafe_b64encode(data).decode(),
        base64.encodebytes(data).decode(),
        f" {plain}\r\n",
        f"data:image/png;base64,{plain}",
        data_uri(data, "image/png"),
    ):
        assert from_base64("tests", text) == data


@pytest.mark.parametrize(
    "bad",
    [None, 5, {}, b"YQ==", "", "=", "data:image/png;base64,", "data:text/plain,hello you", "a",
     "é===", "<html>", "YQ==YQ=="],
)  # fmt: skip
def test_what_is_no_base64_may_have_been_bought(bad: object) -> None:
    with pytest.raises(BadResponse, match="tests sent") as caught:
        from_base64("tests", bad)
    assert caught.value.bought is None
    assert caught.value.__cause__ is None  # it would hold the whole file


@pytest.mark.parametrize(("kind", "type_"), [("PNG", "png"), ("JPEG", "jpeg"), ("WEBP", "webp")])
def test_an_output_is_what_its_bytes_are(kind: str, type_: str) -> None:
    data = drawn("RGB", (30, 20), "red", kind)
    output = picture_output("tests", data, "story")
    assert (output.data, output.media_type, output.name) == (data, f"image/{type_}", "story")
    assert (output.width, output.height) == (30, 20)


@pytest.mark.parametrize(
    "bad", [b"", b"<html>", b"glTF\x02\0\0\0", drawn("RGB", (8, 8), "red")[:20]]
)
def test_what_is_no_picture_may_have_been_bought(bad: bytes) -> None:
    with pytest.raises(BadResponse, match="tests delivered something") as caught:
        picture_output("tests", bad)
    assert caught.value.bought is None


@pytest.mark.parametrize(
    ("prompt", "style", "said"),
    [
        ("a fox", "", "a fox"),
        ("a fox.", "", "a fox."),
        ("a fox. ", "line-art", f"a fox, {style_of('line-art').fragment}"),
        ("a fox!", "baroque-gold", "a fox!, baroque gold style"),
        ("a fox", "Line Art", f"a fox, {style_of('line-art').fragment}"),
        ("", "line-art", style_of("line-art").fragment),
        (" . ", "baroque", "baroque style"),
        ("", "", ""),
    ],
)
def test_a_style_is_said_in_words(prompt: str, style: str, said: str) -> None:
    assert styled(prompt, style) == said


@pytest.mark.parametrize(
    ("prompt", "negative", "said"),
    [
        ("a fox", "", "a fox"),
        ("a fox. ", "people, text", "a fox. Do not show: people, text"),
        ("", "people", "Do not show: people"),
    ],
)
def test_what_is_to_be_left_out_is_said_in_words(prompt: str, negative: str, said: str) -> None:
    assert without(prompt, negative) == said
