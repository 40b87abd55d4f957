"""Request bodies: one small function for each model and operation.

A body is the flat input object of the model and holds only fields that its schema names: schemas
forbid others. What a model has no field for is said in the prompt (``providers.words``), drawn
into a mask (``masks``), or listed as ``unable`` in ``offers.toml``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from providers.offers import Offer
from providers.wavespeed.files import expect
from providers.words import styled, without
from studio.imaging import MAX_BYTES
from studio.operations import (
    EditImage,
    EnhancePrompt,
    FaceSwap,
    Generate,
    ImageToVideo,
    Inpaint,
    Operation,
    TagImage,
    TalkingAvatar,
    Upscale,
)

Body = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Order:
    """What a body is made of.

    Attributes:
        urls: where the uploaded files are, by the operation's field.
        size: pixels of the first picture; zeros if there is none.
    """

    offer: Offer
    operation: Operation
    urls: Mapping[str, str]
    size: tuple[int, int] = (0, 0)

    def nearest(self, width: int, height: int) -> tuple[str, int, int]:
        """Return what the model makes that is nearest to a size."""
        if self.offer.sizes is None:
            raise TypeError(f"{self.offer.id} has no sizes")
        return self.offer.sizes.nearest(width, height)

    def ratio(self, width: int, height: int) -> str:
        """Return the name of the nearest ratio."""
        return self.nearest(width, height)[0]

    def sides(self, width: int, height: int) -> str:
        """Return the nearest size as WaveSpeed writes it, with an asterisk."""
        _, wide, high = self.nearest(width, height)
        return f"{wide}*{high}"


def body_of(order: Order) -> Body:
    """Return the body for an order; every offer has one."""
    return _BODIES[order.offer.operation, order.offer.route](order)


def asked_of(body: Body) -> str:
    """Return the size, ratio or resolution that a body asks for; empty if it asks for none."""
    for name in ("size", "aspect_ratio", "target_resolution", "resolution"):
        if name in body:
            return str(body[name])
    return ""


def seed_of(body: Body) -> int | None:
    """Return the seed that a body sends."""
    seed = body.get("seed")
    return seed if isinstance(seed, int) else None


# --- Ideogram V3: no size, no seed, no negative prompt ------------------------------------------

_IDEOGRAM_STYLES = {"auto": "Auto", "general": "General", "realistic": "Realistic"} | {
    "design": "Design"
}


def _ideogram_words(prompt: str, style: str, negative_prompt: str) -> Body:
    """Return prompt and style; a style that Ideogram does not name goes into the prompt."""
    named = _IDEOGRAM_STYLES.get(style.strip().lower())
    words = without(prompt if named else styled(prompt, style), negative_prompt)
    return {"prompt": words, "style": named} if named else {"prompt": words}


def _references(order: Order, *fields: str) -> list[str]:
    return [order.urls[field] for field in fields if field in order.urls]


def _ideogram_generate(order: Order) -> Body:
    asked = expect(Generate, order.operation)
    body = _ideogram_words(asked.prompt, asked.style, asked.negative_prompt)
    body["aspect_ratio"] = order.ratio(asked.width, asked.height)
    references = _references(order, "reference", "reference_2", "reference_3")
    return body | ({"reference_images": references} if references else {})


def _ideogram_edit(order: Order) -> Body:
    asked = expect(EditImage, order.operation)
    body = _ideogram_words(asked.prompt, "", asked.negative_prompt)
    # Left out, it would be 1:1, whatever the picture is.
    body |= {"image": order.urls["image"], "aspect_ratio": order.ratio(*order.size)}
    references = _references(order, "reference", "reference_2")
    return body | ({"reference_images": references} if references else {})


def _ideogram_inpaint(order: Order) -> Body:
    asked = expect(Inpaint, order.operation)
    return _ideogram_words(asked.prompt, asked.style, asked.negative_prompt) | {
        "image": order.urls["image"],
        "mask_image": order.urls["mask"],
        "aspect_ratio": order.ratio(*order.size),
    }


# --- Qwen Image: sizes with an asterisk, no negative prompt -------------------------------------


def _seed(seed: int) -> Body:
    """Return the seed; without one the model takes its own."""
    return {"seed": seed} if seed >= 0 else {}


def _qwen_generate(order: Order) -> Body:
    asked = expect(Generate, order.operation)
    return {
        "prompt": without(styled(asked.prompt, asked.style), asked.negative_prompt),
        "size": order.sides(asked.width, asked.height),
        "output_format": asked.output_format,
        **_seed(asked.seed),
    }


def _qwen_edited(order: Order) -> Body:
    """Return what both of Qwen's editors take."""
    asked = expect(EditImage, order.operation)
    return {
        "prompt": without(asked.prompt, asked.negative_prompt),
        # Left out, it would be a square, whatever the picture is.
        "size": order.sides(*order.size),
        "output_format": asked.output_format,
        **_seed(asked.seed),
    }


def _qwen_edit(order: Order) -> Body:
    return {"image": order.urls["image"], **_qwen_edited(order)}


def _qwen_edit_plus(order: Order) -> Body:
    images = _references(order, "image", "reference", "reference_2")
    return {"images": images, **_qwen_edited(order)}


# --- WAN 2.5 ------------------------------------------------------------------------------------


def _negative(words: str) -> Body:
    return {"negative_prompt": words} if words else {}


def _wan_generate(order: Order) -> Body:
    asked = expect(Generate, order.operation)
    return {
        "prompt": styled(asked.prompt, asked.style),
        **_negative(asked.negative_prompt),
        "size": order.sides(asked.width, asked.height),
        "enable_prompt_expansion": False,
        **_seed(asked.seed),
    }


def _wan_edit(order: Order) -> Body:
    asked = expect(EditImage, order.operation)
    return {
        "images": _references(order, "image", "reference"),
        "prompt": asked.prompt,
        **_negative(asked.negative_prompt),
        **_seed(asked.seed),
    }


def _wan_video(order: Order) -> Body:
    asked = expect(ImageToVideo, order.operation)
    return {
        "image": order.urls["image"],
        "prompt": asked.prompt,
        **_negative(asked.negative_prompt),
        **({"audio": order.urls["audio"]} if "audio" in order.urls else {}),
        "resolution": asked.resolution,
        "duration": asked.duration,
        "enable_prompt_expansion": asked.expand_prompt,
        **_seed(asked.seed),
    }


def _infinitetalk(order: Order) -> Body:
    asked = expect(TalkingAvatar, order.operation)
    return {
        "image": order.urls["image"],
        "audio": order.urls["audio"],
        **({"mask_image": order.urls["mask"]} if "mask" in order.urls else {}),
        **({"prompt": asked.prompt} if asked.prompt else {}),
        "resolution": asked.resolution,
        **_seed(asked.seed),
    }


# --- Everything else ----------------------------------------------------------------------------


def _masked(order: Order) -> Body:
    """Return the body of erasers and of the expander: only these two fields are confirmed."""
    return {"image": order.urls["image"], "mask_image": order.urls["mask"]}


_LONGER_SIDES = {"2k": 1_920, "4k": 3_840, "8k": 7_680}
"""Pixels that each resolution surely has on the longer side.

What the names mean exactly is not confirmed (2k may as well be 2048): the smaller reading is taken,
so that what is chosen covers the target in either."""

_BYTES_OF_A_PIXEL = 4


def _upscale(order: Order) -> Body:
    asked = expect(Upscale, order.operation)
    width, height = asked.target(*order.size)
    longer, shorter = max(width, height), min(width, height)
    name = next((each for each, side in _LONGER_SIDES.items() if side >= longer), "8k")
    # A PNG of this size may be larger than any file that the studio reads; a JPEG is not.
    pixels = _LONGER_SIDES[name] ** 2 * shorter // longer
    large = asked.output_format == "png" and pixels * _BYTES_OF_A_PIXEL > MAX_BYTES
    return {
        "image": order.urls["image"],
        "target_resolution": name,
        "output_format": "jpeg" if large else asked.output_format,
    }


def _face_swap(order: Order) -> Body:
    asked = expect(FaceSwap, order.operation)
    return {**_face_swap_pro(order), "target_index": asked.face_number}


def _face_swap_pro(order: Order) -> Body:
    asked = expect(FaceSwap, order.operation)
    return {
        "image": order.urls["image"],
        "face_image": order.urls["face"],
        "output_format": asked.output_format,
    }


def _caption(order: Order) -> Body:
    expect(TagImage, order.operation)
    # The tags are taken from the caption's words, so there had better be many of them.
    return {"image": order.urls["image"], "detail_level": "high"}


_OPTIMIZER_STYLES = frozenset({"artistic", "photographic", "technical", "anime", "realistic"})


def _optimize_prompt(order: Order) -> Body:
    asked = expect(EnhancePrompt, order.operation)
    style = asked.style.strip().lower()
    if style in _OPTIMIZER_STYLES:
        return {"text": asked.prompt, "mode": "image", "style": style}
    return {"text": styled(asked.prompt, asked.style), "mode": "image"}


_IDEOGRAM = tuple(f"ideogram-ai/ideogram-v3-{speed}" for speed in ("turbo", "balanced", "quality"))

_BODIES: Mapping[tuple[str, str], Callable[[Order], Body]] = {
    **{("generate", route): _ideogram_generate for route in _IDEOGRAM},
    **{("edit", route): _ideogram_edit for route in _IDEOGRAM},
    **{("inpaint", route): _ideogram_inpaint for route in _IDEOGRAM},
    ("generate", "wavespeed-ai/qwen-image/text-to-image"): _qwen_generate,
    ("edit", "wavespeed-ai/qwen-image/edit"): _qwen_edit,
    ("edit", "wavespeed-ai/qwen-image/edit-plus"): _qwen_edit_plus,
    ("generate", "alibaba/wan-2.5/text-to-image"): _wan_generate,
    ("edit", "alibaba/wan-2.5/image-edit"): _wan_edit,
    ("image_to_video", "alibaba/wan-2.5/image-to-video"): _wan_video,
    ("talking_avatar", "wavespeed-ai/infinitetalk"): _infinitetalk,
    ("erase", "wavespeed-ai/image-eraser"): _masked,
    ("erase", "bria/eraser"): _masked,
    ("outpaint", "bria/expand"): _masked,
    ("upscale", "wavespeed-ai/image-upscaler"): _upscale,
    ("upscale", "wavespeed-ai/ultimate-image-upscaler"): _upscale,
    ("face_swap", "wavespeed-ai/image-face-swap"): _face_swap,
    ("face_swap", "wavespeed-ai/image-face-swap-pro"): _face_swap_pro,
    ("tag", "wavespeed-ai/image-captioner"): _caption,
    ("enhance_prompt", "wavespeed-ai/molmo2/prompt-optimizer"): _optimize_prompt,
}
