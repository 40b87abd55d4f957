"""Previews: few kilobytes, right shapes, transparency visible as a checkerboard."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from studio.errors import InvalidRequest
from studio.imaging import checkerboard, contact_sheet, fitted, open_picture, sniff, thumbnail


def plain(width: int, height: int, colour: str = "red") -> Image.Image:
    return Image.new("RGB", (width, height), colour)


def test_thumbnail_is_small_and_keeps_the_shape() -> None:
    grain = np.random.default_rng(1).normal(0, 6, (900, 1600, 3))
    y = np.linspace(0, 200, 900)[:, None, None]
    image = Image.fromarray(np.clip(y + grain, 0, 255).astype(np.uint8))
    data = thumbnail(image)
    assert sniff(data) == "image/webp"
    assert len(data) < 10_000
    assert open_picture(data).size == (256, 144)
    assert data == thumbnail(image)
    assert sniff(thumbnail(image, 64, "jpeg")) == "image/jpeg"


def test_small_pictures_are_not_enlarged() -> None:
    assert open_picture(thumbnail(plain(20, 10))).size == (20, 10)


def test_extreme_shapes_keep_a_pixel() -> None:
    assert open_picture(thumbnail(plain(5000, 1))).size == (256, 1)


def test_transparency_shows_a_checkerboard() -> None:
    shown = fitted(Image.new("RGBA", (400, 400), (255, 0, 0, 0)), 200, 200)
    assert shown.mode == "RGB"
    assert shown.getcolors() == checkerboard((200, 200), 12).getcolors()
    assert len(shown.getcolors() or []) == 2
    assert fitted(plain(400, 400), 200, 200).getcolors() == [(40_000, (255, 0, 0))]


def test_checkerboard_alternates() -> None:
    board = np.asarray(checkerboard((40, 40), 10), int)[..., 0]
    assert board[5, 5] == board[15, 15] != board[5, 15] == board[15, 5]


def test_contact_sheet_lays_out_rows_and_columns() -> None:
    items = [
        (plain(100, 100, colour), colour) for colour in ("red", "green", "blue", "black", "navy")
    ]
    sheet = contact_sheet(items, columns=3, cell=100)
    margin = 14
    assert sheet.mode == "RGB"
    assert sheet.width == 2 * margin + 3 * 100 + 2 * 10
    values = np.asarray(sheet)
    for colour, expected in (("red", (255, 0, 0)), ("green", (0, 128, 0)), ("navy", (0, 0, 128))):
        assert (values == expected).all(axis=2).sum() == 10_000, colour


def test_captions_are_printed_and_shortened() -> None:
    without = contact_sheet([(plain(100, 100), "")], cell=100)
    short = contact_sheet([(plain(100, 100), "Lion")], cell=100)
    endless = contact_sheet([(plain(100, 100), "word " * 200)], cell=100)
    assert short.height > without.height
    assert endless.height - short.height == short.height - without.height - 7  # one more line
    inked: NDArray[np.bool_] = np.any(np.asarray(endless.convert("L")) < 128, axis=0)
    assert not np.any(inked[:14])
    assert not np.any(inked[-14:])


def test_letters_that_the_font_lacks_do_not_print_boxes() -> None:
    accented = contact_sheet(
        [(plain(100, 100), "Café \N{EN DASH} 2 \N{MULTIPLICATION SIGN} 3")], cell=100
    )
    folded = contact_sheet([(plain(100, 100), "Cafe - 2 x 3")], cell=100)
    assert accented.tobytes() == folded.tobytes()


def test_title_takes_room_above() -> None:
    items = [(plain(100, 100), "a")]
    assert (
        contact_sheet(items, cell=100, title="Batch").height > contact_sheet(items, cell=100).height
    )


@pytest.mark.parametrize(
    ("count", "options", "field"),
    [
        (0, {}, "items"),
        (4, {"max_items": 3}, "items"),
        (1, {"columns": 0}, "columns"),
        (1, {"columns": 13}, "columns"),
        (1, {"cell": 8}, "cell"),
    ],
)
def test_impossible_sheets_are_refused(count: int, options: dict[str, int], field: str) -> None:
    with pytest.raises(InvalidRequest) as refusal:
        contact_sheet([(plain(10, 10), "")] * count, **options)  # type: ignore[arg-type]
    assert refusal.value.field == field
