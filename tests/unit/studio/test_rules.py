"""What is allowed is said in people's words."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import BaseModel

from studio.errors import InvalidRequest
from studio.operations import OPERATIONS, parse_operation
from studio.rules import PATTERNS
from studio.settings import Settings


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"prompt": ""}, "Create image: prompt must not be empty."),
        ({"prompt": "a fox", "width": "wide"}, "Create image: width must be a whole number."),
        ({"prompt": "a fox", "width": 5}, "Create image: width must be at least 64."),
        ({"prompt": "a fox", "width": 64.5}, "Create image: width must be a whole number."),
        ({"prompt": "x" * 10_001}, "Create image: prompt must have at most 10000 characters."),
        ({"prompt": 7}, "Create image: prompt must be text."),
        ({}, "Create image: prompt is required."),
        ({"prompt": "a fox", "widht": 5}, "Create image: widht is not a field of this operation."),
        (
            {"prompt": "a fox", "persona": "Our Brand!"},
            "Create image: persona must be 1 to 40 of a-z, 0-9, _ and -, or empty.",
        ),
        (
            {"prompt": "a fox", "output_format": "bmp"},
            "Create image: output_format must be 'png', 'jpeg' or 'webp'.",
        ),
    ],
)
def test_a_refusal_says_what_is_allowed(values: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        parse_operation({"operation": "generate", **values})
    assert caught.value.message == message


@pytest.mark.parametrize(
    ("values", "field", "given", "message"),
    [
        (
            {"operation": "face_swap", "image": "a.png", "face": "b.png"},
            "consent",
            "",
            "Swap face: consent must be true: the person whose face is used has agreed.",
        ),
        (
            {"operation": "convert", "image": "a.png", "output_format": "jpeg", "lossless": True},
            "lossless",
            "True",
            "Convert picture: JPEG cannot be lossless; choose webp or png.",
        ),
        (
            {"operation": "upscale", "image": "a.png", "budget": "3"},
            "prompt",
            "",
            "Upscale image: prompt and budget count only with mode auto; leave them out.",
        ),
    ],
)
def test_a_rule_about_several_fields_is_told_of_one_of_them(
    values: dict[str, Any], field: str, given: str, message: str
) -> None:
    with pytest.raises(InvalidRequest) as caught:
        parse_operation(values)
    assert (caught.value.field, caught.value.given) == (field, given)
    assert caught.value.message == message


def test_every_pattern_has_words() -> None:
    models: list[type[BaseModel]] = [Settings, *OPERATIONS.values()]
    assert {found for model in models for found in _patterns(model)} <= set(PATTERNS)


def _patterns(model: type[BaseModel]) -> Iterator[str]:
    for field in model.model_fields.values():
        for rule in field.metadata:
            if pattern := getattr(rule, "pattern", None):
                yield pattern
