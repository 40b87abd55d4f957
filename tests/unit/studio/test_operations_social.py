"""What may be asked of the Social Optimizer, and what is refused in words."""

from __future__ import annotations

from typing import Any

import pytest

from batches.references import output_names
from studio.errors import InvalidRequest
from studio.operations import Compress, Convert, SocialExport, parse_operation

BASE = {"operation": "social_export", "image": "x", "formats": ["twitter_post", "twitter_card"]}


def refusal(values: dict[str, Any]) -> str:
    with pytest.raises(InvalidRequest) as refused:
        parse_operation(values)
    return str(refused.value)


def test_what_was_asked_before_means_the_same() -> None:
    export = parse_operation(BASE)
    assert isinstance(export, SocialExport)
    assert (export.fit, export.padding, export.focus, export.safe_zones) == (
        "crop",
        "blurred",
        None,
        False,
    )
    assert export.outputs == output_names(export) == ("twitter_post", "twitter_card")


def test_previews_come_behind_the_exports() -> None:
    export = parse_operation({**BASE, "safe_zones": True})
    names = ("twitter_post", "twitter_card", "twitter_post_safe", "twitter_card_safe")
    assert output_names(export) == names


def test_the_focal_point_may_be_in_a_corner() -> None:
    export = parse_operation({**BASE, "focus_x": 0, "focus_y": 1})
    assert isinstance(export, SocialExport)
    assert export.focus == (0, 1)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"focus_x": 0.5}, "together"),
        ({"focus_y": 0.5}, "together"),
        ({"focus_x": -0.5, "focus_y": 0.5}, "from 0 to 1, or -1"),
        ({"focus_x": 0.5, "focus_y": 1.1}, "at most 1"),
        ({"focus_x": 0.5, "focus_y": 0.5, "fit": "pad"}, "pad has no focal point"),
        ({"focus_x": 0.5, "focus_y": 0.5, "fit": "center"}, "center has no focal point"),
        ({"fit": "stretch"}, "fit"),
        ({"padding": "stripes"}, "padding"),
        ({"color": "red"}, "color"),
        ({"color": "#12345"}, "color"),
        ({"color": "#12345g"}, "color"),
        ({"color": "", "fit": "pad", "padding": "color"}, "needs a color"),
    ],
)
def test_impossible_exports_are_refused(values: dict[str, Any], words: str) -> None:
    assert words in refusal({**BASE, **values})


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"operation": "compress", "image": "x", "max_kilobytes": -1}, "max_kilobytes"),
        ({"operation": "compress", "image": "x", "min_quality": 0}, "min_quality"),
        ({"operation": "compress", "image": "x", "output_format": "bmp"}, "output_format"),
        ({"operation": "convert", "image": "x"}, "output_format is required"),
        ({"operation": "convert", "image": "x", "output_format": "gif"}, "output_format"),
        (
            {"operation": "convert", "image": "x", "output_format": "jpeg", "lossless": True},
            "JPEG cannot be lossless",
        ),
        (
            {"operation": "convert", "image": "x", "output_format": "png", "background": "blue"},
            "background",
        ),
    ],
)
def test_impossible_files_are_refused(values: dict[str, Any], words: str) -> None:
    assert words in refusal(values)


def test_examples_are_right() -> None:
    for cls in (SocialExport, Compress, Convert):
        cls.model_validate(cls.example)
