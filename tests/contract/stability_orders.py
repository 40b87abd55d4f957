"""Stability AI: orders, and to the letter what must arrive for them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.contract.stability_kit import CUT_OUT, MASK, PHOTO, TALL

_IMAGE = "/v2beta/stable-image/"
_WORDS = {"prompt": "a fox", "negative_prompt": "a cat", "seed": 5, "output_format": "webp"}
_SAID = {"prompt": "a fox", "negative_prompt": "a cat", "seed": "5", "output_format": "webp"}
_WEBP = "image/webp"


@dataclass(frozen=True)
class Sent:
    """An order, and what must have arrived for it.

    Attributes:
        amount: tenths of a credit.
        texts: the text parts, all of them.
        enclosed: the picture parts, by their names there, and the bytes that each must have;
            ``None`` for a mask, which is made.
    """

    offer: str
    path: str
    amount: int
    fields: Mapping[str, Any]
    texts: Mapping[str, str]
    files: Mapping[str, bytes] = field(default_factory=dict)
    enclosed: Mapping[str, bytes | None] = field(default_factory=dict)
    media_type: str = _WEBP
    size: tuple[int, int] = (256, 192)
    seed: int | None = 5
    name: str = "sent as it must be"


def _sd3(model: str, amount: int, guidance: float) -> Sent:
    return Sent(
        f"stability/{model}",
        _IMAGE + "generate/sd3",
        amount,
        {**_WORDS, "width": 1_080, "height": 1_350, "guidance": guidance, "style": "Neon Punk"},
        {
            **_SAID,
            "model": model,
            "mode": "text-to-image",
            "aspect_ratio": "4:5",
            "cfg_scale": f"{guidance:g}",
            "style_preset": "neon-punk",
        },
        size=(916, 1_145),
    )


def _sd3_edit(model: str, amount: int, strength: float) -> Sent:
    return Sent(
        f"stability/{model}/edit",
        _IMAGE + "generate/sd3",
        amount,
        {**_WORDS, "strength": strength},
        {**_SAID, "model": model, "mode": "image-to-image", "strength": f"{strength:g}"},
        {"image": PHOTO},
        {"image": PHOTO},
    )


def _search(offer: str, theirs: str) -> Sent:
    return Sent(
        f"stability/{offer}",
        f"{_IMAGE}edit/{offer}",
        50,
        {**_WORDS, "search": "the boat", "grow_mask": 0, "style": "origami"},
        {**_SAID, theirs: "the boat", "grow_mask": "0", "style_preset": "origami"},
        {"image": PHOTO},
        {"image": PHOTO},
    )


def _follow(offer: str) -> Sent:
    return Sent(
        f"stability/{offer}",
        f"{_IMAGE}control/{offer}",
        50,
        {**_WORDS, "strength": 0, "style": "3d-model"},
        {**_SAID, "control_strength": "0", "style_preset": "3d-model"},
        {"image": PHOTO},
        {"image": PHOTO},
    )


SENT = (
    Sent(
        "stability/core",
        _IMAGE + "generate/core",
        30,
        {**_WORDS, "width": 1_920, "height": 1_080, "style": "line-art"},
        {**_SAID, "aspect_ratio": "16:9", "style_preset": "line-art"},
        size=(1_672, 941),
    ),
    Sent(
        "stability/ultra",
        _IMAGE + "generate/ultra",
        80,
        {**_WORDS, "width": 1_344, "height": 768, "quality": "premium"},
        {**_SAID, "aspect_ratio": "16:9"},
        size=(1_344, 768),
    ),
    Sent(
        "stability/ultra",
        _IMAGE + "generate/ultra",
        80,
        {**_WORDS, "width": 640, "height": 1_600},
        {**_SAID, "aspect_ratio": "9:21", "strength": "0.5"},
        {"reference": TALL},
        {"image": TALL},
        size=(670, 1_564),
        name="started from a reference",
    ),
    _sd3("sd3.5-large", 65, 10),
    _sd3("sd3.5-large-turbo", 40, 1),
    _sd3("sd3.5-medium", 35, 4.5),
    _sd3("sd3.5-flash", 25, 1.5),
    _sd3_edit("sd3.5-large", 65, 0),
    _sd3_edit("sd3.5-large-turbo", 40, 1),
    _sd3_edit("sd3.5-medium", 35, 0.25),
    _sd3_edit("sd3.5-flash", 25, 0.7),
    Sent(
        "stability/erase",
        _IMAGE + "edit/erase",
        50,
        {"seed": 0, "grow_mask": 0},
        {"seed": "4294967294", "grow_mask": "0", "output_format": "png"},
        {"image": PHOTO, "mask": MASK},
        {"image": PHOTO, "mask": None},
        "image/png",
        seed=4_294_967_294,
        name="erased, and a seed of 0 that is one",
    ),
    Sent(
        "stability/inpaint",
        _IMAGE + "edit/inpaint",
        50,
        {**_WORDS, "grow_mask": 100, "style": "a woodcut"},
        {**_SAID, "prompt": "a fox, a woodcut style", "grow_mask": "100"},
        {"image": PHOTO, "mask": MASK},
        {"image": PHOTO, "mask": None},
        name="painted in, with a style that it has no preset for",
    ),
    Sent(
        "stability/inpaint",
        _IMAGE + "edit/inpaint",
        50,
        _WORDS,
        {**_SAID, "grow_mask": "5"},
        {"image": CUT_OUT},
        {"image": CUT_OUT, "mask": None},
        name="painted where the picture is transparent",
    ),
    Sent(
        "stability/outpaint",
        _IMAGE + "edit/outpaint",
        40,
        {"left": 10, "right": 0, "up": 5, "prompt": "sea", "creativity": 0, "seed": 5},
        {
            "left": "10",
            "right": "0",
            "up": "5",
            "down": "0",
            "prompt": "sea",
            "creativity": "0",
            "seed": "5",
            "output_format": "png",
        },
        {"image": PHOTO},
        {"image": PHOTO},
        "image/png",
        (266, 197),
    ),
    Sent(
        "stability/outpaint",
        _IMAGE + "edit/outpaint",
        40,
        {"right": 2_000, "style": "unheard-of", "seed": 5, "output_format": "jpeg"},
        {
            "left": "0",
            "right": "2000",
            "up": "0",
            "down": "0",
            "prompt": "unheard of style",
            "creativity": "0.5",
            "seed": "5",
            "output_format": "jpeg",
        },
        {"image": PHOTO},
        {"image": PHOTO},
        "image/jpeg",
        (2_256, 192),
        name="a style alone becomes the prompt",
    ),
    _search("search-and-replace", "search_prompt"),
    _search("search-and-recolor", "select_prompt"),
    Sent(
        "stability/remove-background",
        _IMAGE + "edit/remove-background",
        50,
        {},
        {},
        {"image": PHOTO},
        {"image": PHOTO},
        "image/png",
        seed=4_242_424_242,
    ),
    Sent(
        "stability/replace-background-and-relight",
        _IMAGE + "edit/replace-background-and-relight",
        80,
        {
            "background_prompt": "a beach",
            "foreground_prompt": "a cup",
            "negative_prompt": "a cat",
            "preserve_subject": 0,
            "background_depth": 1,
            "keep_background": True,
            "light_direction": "above",
            "light_strength": 0,
            "seed": 5,
            "output_format": "webp",
        },
        {
            "background_prompt": "a beach",
            "foreground_prompt": "a cup",
            "negative_prompt": "a cat",
            "preserve_original_subject": "0",
            "original_background_depth": "1",
            "keep_original_background": "true",
            "light_source_direction": "above",
            "light_source_strength": "0",
            "seed": "5",
            "output_format": "webp",
        },
        {"image": PHOTO, "background": TALL, "light": CUT_OUT},
        {"subject_image": PHOTO, "background_reference": TALL, "light_reference": CUT_OUT},
    ),
    Sent(
        "stability/replace-background-and-relight",
        _IMAGE + "edit/replace-background-and-relight",
        80,
        {"background_prompt": "", "seed": 5, "light_strength": 0.9},
        {
            "preserve_original_subject": "0.6",
            "original_background_depth": "0.5",
            "keep_original_background": "false",
            "seed": "5",
            "output_format": "png",
        },
        {"image": PHOTO, "background": TALL},
        {"subject_image": PHOTO, "background_reference": TALL},
        "image/png",
        name="without light no strength of it",
    ),
    Sent(
        "stability/upscale-fast",
        _IMAGE + "upscale/fast",
        20,
        {"factor": "2x", "output_format": "jpeg"},
        {"output_format": "jpeg"},
        {"image": PHOTO},
        {"image": PHOTO},
        "image/jpeg",
        (1_024, 768),
        seed=4_242_424_242,
        name="four times, of which the studio makes two",
    ),
    Sent(
        "stability/upscale-conservative",
        _IMAGE + "upscale/conservative",
        400,
        {**_WORDS, "creativity": 0.2},
        {**_SAID, "creativity": "0.2"},
        {"image": PHOTO},
        {"image": PHOTO},
        size=(2_309, 1_732),
    ),
    Sent(
        "stability/upscale-creative",
        _IMAGE + "upscale/creative",
        600,
        {**_WORDS, "creativity": 0.5, "style": "cinematic"},
        {**_SAID, "creativity": "0.5", "style_preset": "cinematic"},
        {"image": PHOTO},
        {"image": PHOTO},
        size=(2_309, 1_732),
    ),
    _follow("sketch"),
    _follow("structure"),
    Sent(
        "stability/style-guide",
        _IMAGE + "control/style",
        50,
        {**_WORDS, "fidelity": 0, "width": 1_365, "height": 768},
        {**_SAID, "fidelity": "0", "aspect_ratio": "16:9"},
        {"image": PHOTO},
        {"image": PHOTO},
        size=(1_365, 768),
    ),
    Sent(
        "stability/style-transfer",
        _IMAGE + "control/style-transfer",
        80,
        {
            "negative_prompt": "a cat",
            "style_strength": 0,
            "composition_fidelity": 0,
            "change_strength": 0.1,
            "seed": 5,
        },
        {
            "negative_prompt": "a cat",
            "style_strength": "0",
            "composition_fidelity": "0",
            "change_strength": "0.1",
            "seed": "5",
            "output_format": "png",
        },
        {"image": PHOTO, "style_image": TALL},
        {"init_image": PHOTO, "style_image": TALL},
        "image/png",
        (1_182, 887),
    ),
    Sent(
        "stability/stable-fast-3d",
        "/v2beta/3d/stable-fast-3d",
        100,
        {
            "texture": "2048",
            "foreground_ratio": 0.1,
            "remesh": "quad",
            "count_of": "vertex",
            "count": 20_000,
            "seed": 5,
        },
        {
            "texture_resolution": "2048",
            "foreground_ratio": "0.1",
            "remesh": "quad",
            "vertex_count": "20000",
        },
        {"image": PHOTO},
        {"image": PHOTO},
        "model/gltf-binary",
        (0, 0),
        None,
    ),
    Sent(
        "stability/stable-fast-3d",
        "/v2beta/3d/stable-fast-3d",
        100,
        {},
        {"texture_resolution": "1024", "remesh": "none"},
        {"image": PHOTO},
        {"image": PHOTO},
        "model/gltf-binary",
        (0, 0),
        None,
        name="with everything left to the model",
    ),
    Sent(
        "stability/stable-point-aware-3d",
        "/v2beta/3d/stable-point-aware-3d",
        40,
        {
            "texture": "512",
            "foreground_ratio": 1.5,
            "remesh": "triangle",
            "count_of": "face",
            "count": 100,
            "seed": 5,
        },
        {
            "texture_resolution": "512",
            "foreground_ratio": "1.5",
            "remesh": "triangle",
            "target_type": "face",
            "target_count": "100",
            "seed": "5",
        },
        {"image": PHOTO},
        {"image": PHOTO},
        "model/gltf-binary",
        (0, 0),
    ),
    Sent(
        "stability/stable-point-aware-3d",
        "/v2beta/3d/stable-point-aware-3d",
        40,
        {"seed": 5},
        {
            "texture_resolution": "1024",
            "remesh": "none",
            "target_type": "none",
            "seed": "5",
        },
        {"image": PHOTO},
        {"image": PHOTO},
        "model/gltf-binary",
        (0, 0),
        name="with everything left to the model",
    ),
)
