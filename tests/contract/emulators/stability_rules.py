"""Stability AI's end points as its specification has them: fields, prices, what comes back.

Read from the contract, not from the adapter. Amounts are tenths of a credit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

from tests.contract.emulators.base import Part
from tests.contract.emulators.stability_checks import (
    AR,
    FORMAT,
    OPTIONAL,
    RATIO,
    SEED,
    SHARE,
    SMALL,
    STD,
    STYLE,
    Check,
    Choice,
    Mask,
    Number,
    Picture,
    Text,
)

Parts = Mapping[str, Part]
Rule = Callable[[Parts], str]

SD3 = {"sd3.5-large": 65, "sd3.5-large-turbo": 40, "sd3.5-medium": 35, "sd3.5-flash": 25}


@dataclass(frozen=True)
class Rules:
    """What an end point takes.

    Attributes:
        price: tenths of a credit.
        rule: what is judged across fields; says what is wrong, or nothing.
        mask: whether the picture's transparency stands in for a mask that is not there.
    """

    price: int
    checks: Mapping[str, Check]
    required: tuple[str, ...]
    rule: Rule = lambda _: ""
    kind: Literal["picture", "id", "model"] = "picture"
    mask: bool = False


_WORDS: dict[str, Check] = {
    "prompt": Text(),
    "negative_prompt": OPTIONAL,
    "seed": SEED,
    "output_format": FORMAT,
}
_STYLED = {**_WORDS, "style_preset": STYLE}
_MARGIN = Number(0, 2_000, whole=True)


def text(parts: Parts, name: str, default: str = "") -> str:
    return parts[name].text if name in parts else default


def _ultra(parts: Parts) -> str:
    if "image" in parts and "strength" not in parts:
        return "strength: is required when image is given"
    if "strength" in parts and "image" not in parts:
        return "strength: is not allowed without image"
    return ""


def _sd3(parts: Parts) -> str:
    if text(parts, "mode", "text-to-image") == "text-to-image":
        wrong = [name for name in ("image", "strength") if name in parts]
        return f"{wrong[0]}: is not allowed in text-to-image" if wrong else ""
    if "aspect_ratio" in parts:
        return "aspect_ratio: is not allowed in image-to-image"
    missing = [name for name in ("image", "strength") if name not in parts]
    return f"{missing[0]}: is required in image-to-image" if missing else ""


def _outpaint(parts: Parts) -> str:
    if any(int(text(parts, name, "0")) for name in ("left", "right", "up", "down")):
        return ""
    return "left: at least one of left, right, up, down must be non-zero"


def _relight(parts: Parts) -> str:
    if "background_reference" not in parts and not text(parts, "background_prompt"):
        return "background_prompt: one of background_prompt, background_reference is required"
    lit = "light_reference" in parts or "light_source_direction" in parts
    if "light_source_strength" in parts and not lit:
        return "light_source_strength: needs light_reference or light_source_direction"
    return ""


_IMAGE = "/v2beta/stable-image/"
_CONTROL = Rules(50, {**_STYLED, "image": AR, "control_strength": SHARE}, ("prompt", "image"))
_MESH: dict[str, Check] = {
    "image": SMALL,
    "texture_resolution": Choice(("512", "1024", "2048")),
    "remesh": Choice(("none", "triangle", "quad")),
}

END_POINTS: Mapping[str, Rules] = {
    _IMAGE + "generate/core": Rules(30, {**_STYLED, "aspect_ratio": RATIO}, ("prompt",)),
    _IMAGE + "generate/ultra": Rules(
        80,
        {
            **_STYLED,
            "aspect_ratio": RATIO,
            "image": Picture(longest=16_384, most=0),
            "strength": SHARE,
        },
        ("prompt",),
        _ultra,
    ),
    _IMAGE + "generate/sd3": Rules(
        65,
        {
            **_STYLED,
            "mode": Choice(("text-to-image", "image-to-image")),
            "model": Choice(tuple(SD3)),
            "image": STD,
            "strength": SHARE,
            "aspect_ratio": RATIO,
            "cfg_scale": Number(1, 10),
        },
        ("prompt",),
        _sd3,
    ),
    _IMAGE + "edit/erase": Rules(
        50,
        {
            "image": STD,
            "mask": Mask(),
            "grow_mask": Number(0, 20),
            "seed": SEED,
            "output_format": FORMAT,
        },
        ("image",),
        mask=True,
    ),
    _IMAGE + "edit/inpaint": Rules(
        50,
        {**_STYLED, "image": STD, "mask": Mask(), "grow_mask": Number(0, 100)},
        ("image", "prompt"),
        mask=True,
    ),
    _IMAGE + "edit/outpaint": Rules(
        40,
        {
            "image": AR,
            "left": _MARGIN,
            "right": _MARGIN,
            "up": _MARGIN,
            "down": _MARGIN,
            "creativity": SHARE,
            "prompt": OPTIONAL,
            "seed": SEED,
            "output_format": FORMAT,
            "style_preset": STYLE,
        },
        ("image",),
        _outpaint,
    ),
    _IMAGE + "edit/search-and-replace": Rules(
        50,
        {**_STYLED, "image": AR, "search_prompt": Text(), "grow_mask": Number(0, 20)},
        ("image", "prompt", "search_prompt"),
    ),
    _IMAGE + "edit/search-and-recolor": Rules(
        50,
        {**_STYLED, "image": AR, "select_prompt": Text(), "grow_mask": Number(0, 20)},
        ("image", "prompt", "select_prompt"),
    ),
    _IMAGE + "edit/remove-background": Rules(
        50, {"image": SMALL, "output_format": Choice(("png", "webp"))}, ("image",)
    ),
    _IMAGE + "edit/replace-background-and-relight": Rules(
        80,
        {
            "subject_image": AR,
            "background_reference": STD,
            "background_prompt": OPTIONAL,
            "foreground_prompt": OPTIONAL,
            "negative_prompt": OPTIONAL,
            "preserve_original_subject": SHARE,
            "original_background_depth": SHARE,
            "keep_original_background": Choice(("true", "false")),
            "light_source_direction": Choice(("left", "right", "above", "below")),
            "light_reference": STD,
            "light_source_strength": SHARE,
            "seed": SEED,
            "output_format": FORMAT,
        },
        ("subject_image",),
        _relight,
        "id",
    ),
    _IMAGE + "upscale/fast": Rules(
        20,
        {
            "image": Picture(side=32, longest=1_536, least=1_024, most=1_048_576),
            "output_format": FORMAT,
        },
        ("image",),
    ),
    _IMAGE + "upscale/conservative": Rules(
        400, {**_WORDS, "image": AR, "creativity": Number(0.2, 0.5)}, ("image", "prompt")
    ),
    _IMAGE + "upscale/creative": Rules(
        600,
        {**_STYLED, "image": Picture(most=1_048_576), "creativity": Number(0.1, 0.5)},
        ("image", "prompt"),
        kind="id",
    ),
    _IMAGE + "control/sketch": _CONTROL,
    _IMAGE + "control/structure": _CONTROL,
    _IMAGE + "control/style": Rules(
        50,
        {**_STYLED, "image": AR, "aspect_ratio": RATIO, "fidelity": SHARE},
        ("prompt", "image"),
    ),
    _IMAGE + "control/style-transfer": Rules(
        80,
        {
            "init_image": Picture(longest=16_383, most=9_437_184, flat=2.5),
            "style_image": Picture(longest=16_383, most=9_437_184),
            "prompt": OPTIONAL,
            "negative_prompt": OPTIONAL,
            "seed": SEED,
            "style_strength": SHARE,
            "composition_fidelity": SHARE,
            "change_strength": Number(0.1, 1),
            "output_format": FORMAT,
        },
        ("init_image", "style_image"),
    ),
    "/v2beta/3d/stable-fast-3d": Rules(
        100,
        {
            **_MESH,
            "foreground_ratio": Number(0.1, 1),
            "vertex_count": Number(-1, 20_000, whole=True),
        },
        ("image",),
        kind="model",
    ),
    "/v2beta/3d/stable-point-aware-3d": Rules(
        40,
        {
            **_MESH,
            "foreground_ratio": Number(1, 2),
            "target_type": Choice(("none", "vertex", "face")),
            "target_count": Number(100, 20_000, whole=True),
            "guidance_scale": Number(1, 10),
            "seed": SEED,
        },
        ("image",),
        kind="model",
    ),
}


def price(path: str, parts: Parts) -> int:
    """Return what a call costs, in tenths of a credit."""
    if path.endswith("/sd3"):
        return SD3[text(parts, "model", "sd3.5-large")]
    return END_POINTS[path].price
