"""What is under a platform's own signs is said, and drawn into a copy."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from providers.local.faces import Face
from providers.local.safety import preview, warnings
from providers.local.social import Rendered, Target
from providers.local.windows import Box, SafeZone

SAFE = SafeZone(top=0.2, bottom=0.1, left=0.1, right=0.1)
SIZE = (200, 100)
MIDDLE = (0.25, 0.5)


LEFT_HALF, WHOLE = Box(0, 0, 100, 100), Box(0, 0, 1, 1)


def rendered(shown: Box = LEFT_HALF, placed: Box = WHOLE) -> Rendered:
    """The left half of a picture of 200 x 100, twice as large."""
    image = Image.new("RGB", (200, 200), (0, 100, 0))
    return Rendered(Target(200, 200, SAFE), image, shown, 2.0, placed)


def face(left: float, top: float, side: float = 0.1) -> Face:
    return Face(left, top, left + side / 2, top + side, 0.9)


def test_nothing_is_said_where_all_is_well() -> None:
    assert warnings(rendered(), SIZE, (), MIDDLE) == []
    assert warnings(rendered(), SIZE, [face(0.2, 0.4), face(0.05, 0.21)], MIDDLE) == []


@pytest.mark.parametrize(
    "place",
    [
        (0.2, 0.05),  # under the signs above
        (0.2, 0.14),  # half under them
        (0.2, 0.86),
        (0.0, 0.5),
        (0.44, 0.5),
        (0.8, 0.5),  # not in the export at all
    ],
)
def test_a_face_outside_is_said(place: tuple[float, float]) -> None:
    (words,) = warnings(rendered(), SIZE, [face(*place)], MIDDLE)
    assert words.startswith("the face is outside the safe zone")
    (words,) = warnings(rendered(), SIZE, [face(0.2, 0.4), face(*place), face(0.2, 0.6)], MIDDLE)
    assert words.startswith("1 of 3 faces")


@pytest.mark.parametrize("middle", [(0.25, 0.1), (0.25, 0.95), (0.02, 0.5), (0.6, 0.5)])
def test_a_middle_outside_is_said(middle: tuple[float, float]) -> None:
    (words,) = warnings(rendered(), SIZE, (), middle)
    assert words == "the subject's middle is outside the safe zone"


def test_of_a_padded_picture_the_place_counts() -> None:
    inside = rendered(Box(0, 0, 200, 100), Box(0.1, 0.3, 0.9, 0.7))
    assert warnings(inside, SIZE, [face(0.0, 0.0)], (0.0, 0.0)) == []
    above = rendered(Box(0, 0, 200, 100), Box(0.1, 0.0, 0.9, 0.4))
    assert len(warnings(above, SIZE, [face(0.0, 0.0)], (0.0, 0.0))) == 2


def test_the_preview_veils_what_may_be_covered_and_leaves_the_export_alone() -> None:
    export = rendered()
    before = export.image.tobytes()
    drawn = np.asarray(preview(export, SIZE, [face(0.2, 0.4)], MIDDLE), int)
    assert export.image.tobytes() == before
    assert drawn.shape == (200, 200, 3)
    veiled = (drawn[..., 0] > 60) & (drawn[..., 1] < 90)
    assert veiled[:38].all()
    assert veiled[183:].all()
    assert veiled[:, :18].all()
    assert veiled[:, 183:].all()
    assert not veiled[44:80, 24:70].any()
    assert tuple(drawn[40, 60]) == (255, 255, 255)  # the zone's frame
    assert tuple(drawn[80, 88]) == (255, 214, 10)  # the face's
    assert tuple(drawn[100, 106]) == (255, 214, 10)  # an arm of the cross


def test_a_preview_of_a_tiny_or_transparent_format_can_be_drawn() -> None:
    for image in (Image.new("RGB", (1, 1)), Image.new("RGBA", (30, 3), (1, 2, 3, 0))):
        one = Rendered(Target(*image.size, SAFE), image, Box(0, 0, 10, 10), 1.0)
        assert preview(one, (10, 10), [face(0.4, 0.4)], (0.5, 0.5)).size == image.size
