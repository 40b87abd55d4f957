"""The models that the WaveSpeed emulator knows: their input schemas and their prices.

Read from the contract alone. Schemas forbid what they do not name. Prices are in millionths of a
US dollar; those that the contract does not know are the emulator's own and marked so.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Body = Mapping[str, Any]
Price = Callable[[Body, float], int]
"""What a request costs, given how long its recording is in seconds."""

LARGEST_SEED = 2_147_483_647


@dataclass(frozen=True)
class Text:
    """Words."""

    required: bool = False

    def fault(self, value: Any) -> str:
        if not isinstance(value, str):
            return "must be a string"
        return "must not be empty" if self.required and not value.strip() else ""


@dataclass(frozen=True)
class Media:
    """The address of a file."""

    required: bool = False

    def fault(self, value: Any) -> str:
        if not isinstance(value, str):
            return "must be a string"
        return "" if re.match(r"https?://\S+$|data:\w+/", value) else "must be a URL"


@dataclass(frozen=True)
class MediaList:
    """Addresses of files: so many."""

    least: int
    most: int
    required: bool = False

    def fault(self, value: Any) -> str:
        if not isinstance(value, list):
            return "must be an array"
        if not self.least <= len(value) <= self.most:
            return f"must have {self.least} to {self.most} items"
        return next((fault for each in value if (fault := Media().fault(each))), "")


@dataclass(frozen=True)
class Choice:
    """One of some words."""

    words: tuple[str, ...]
    required: bool = False

    def fault(self, value: Any) -> str:
        return "" if value in self.words else f"must be one of {', '.join(self.words)}"


@dataclass(frozen=True)
class Whole:
    """A whole number within limits."""

    least: int
    most: int
    required: bool = False

    def fault(self, value: Any) -> str:
        if isinstance(value, bool) or not isinstance(value, int):
            return "must be an integer"
        return "" if self.least <= value <= self.most else f"must be {self.least} to {self.most}"


@dataclass(frozen=True)
class Flag:
    """Yes or no."""

    required: bool = False

    def fault(self, value: Any) -> str:
        return "" if isinstance(value, bool) else "must be a boolean"


@dataclass(frozen=True)
class Size:
    """Width and height with an asterisk between them."""

    least: int
    most: int
    required: bool = False

    def fault(self, value: Any) -> str:
        found = re.fullmatch(r"(\d{1,5})\*(\d{1,5})", value) if isinstance(value, str) else None
        if found is None:
            return "must be written as width*height"
        if all(self.least <= int(side) <= self.most for side in found.groups()):
            return ""
        return f"must have sides of {self.least} to {self.most}"


Field = Text | Media | MediaList | Choice | Whole | Flag | Size


Fields = Mapping[str, Field]


@dataclass(frozen=True)
class Model:
    """A model.

    Attributes:
        makes: picture, video or text.
        sides: the least and the most pixels of each side of an input picture.
        longest: seconds of a recording, 0 for any.
        largest: bytes of a recording, 0 for any.
    """

    fields: Fields
    price: Price
    makes: str = "picture"
    sides: tuple[int, int] = (1, 20_000)
    longest: float = 0
    largest: int = 0

    def fault(self, body: Any) -> str:
        """Say what is wrong with a request; empty if nothing is."""
        if not isinstance(body, dict):
            return "the body must be an object"
        for name in body:
            if name not in self.fields:
                return f"additional property '{name}' is not allowed"
        for name, rule in self.fields.items():
            if name not in body:
                if rule.required:
                    return f"property '{name}' is required"
                continue
            fault = rule.fault(body[name])
            if fault:
                return f"property '{name}' {fault}"
        return ""


def _flat(millionths: int) -> Price:
    return lambda body, seconds: millionths


_BASE64: Fields = {"enable_base64_output": Flag()}
_SYNC: Fields = {"enable_sync_mode": Flag()}
_SEED: Fields = {"seed": Whole(-1, LARGEST_SEED)}
_FORMAT: Fields = {"output_format": Choice(("jpeg", "png", "webp"))}
RATIOS = {
    "1:1": (1024, 1024),
    "16:9": (1312, 736),
    "9:16": (736, 1312),
    "4:3": (1152, 864),
    "3:4": (864, 1152),
}

_IDEOGRAM: Fields = {
    "prompt": Text(required=True),
    "image": Media(),
    "mask_image": Media(),
    "style": Choice(("Auto", "General", "Realistic", "Design")),
    "aspect_ratio": Choice(tuple(RATIOS)),
    "reference_images": MediaList(1, 3),
    **_BASE64,
}
_QWEN: Fields = {"size": Size(256, 1536), **_SEED, **_FORMAT, **_SYNC, **_BASE64}
_WORDS: Fields = {"prompt": Text(required=True), "negative_prompt": Text()}
_EXPANSION: Fields = {"enable_prompt_expansion": Flag()}
_UPSCALER: Fields = {
    "image": Media(required=True),
    "target_resolution": Choice(("2k", "4k", "8k")),
    **_FORMAT,
    **_BASE64,
    **_SYNC,
}
_SWAP: Fields = {
    "image": Media(required=True),
    "face_image": Media(required=True),
    **_FORMAT,
    **_BASE64,
    **_SYNC,
}
_MASKED: Fields = {"image": Media(required=True), "mask_image": Media()}


def _wan_video(body: Body, _seconds: float) -> int:
    per_second = {"480p": 50_000, "720p": 100_000, "1080p": 150_000}
    return per_second[body.get("resolution", "720p")] * int(body.get("duration", 5))


def _infinitetalk(body: Body, seconds: float) -> int:
    begun = math.ceil(max(5.0, seconds) / 5)
    return begun * {"480p": 150_000, "720p": 300_000}[body.get("resolution", "480p")]


MODELS: Mapping[str, Model] = {
    "ideogram-ai/ideogram-v3-turbo": Model(_IDEOGRAM, _flat(30_000)),
    "ideogram-ai/ideogram-v3-balanced": Model(_IDEOGRAM, _flat(60_000)),
    "ideogram-ai/ideogram-v3-quality": Model(_IDEOGRAM, _flat(90_000)),
    "wavespeed-ai/qwen-image/text-to-image": Model(
        {"prompt": Text(required=True), **_QWEN}, _flat(20_000)
    ),
    "wavespeed-ai/qwen-image/edit": Model(
        {"image": Media(required=True), "prompt": Text(required=True), **_QWEN}, _flat(20_000)
    ),
    "wavespeed-ai/qwen-image/edit-plus": Model(
        {"images": MediaList(1, 3, required=True), "prompt": Text(required=True), **_QWEN},
        _flat(20_000),
    ),
    "alibaba/wan-2.5/text-to-image": Model(
        {**_WORDS, "size": Size(768, 1440), **_EXPANSION, **_SEED}, _flat(30_000)
    ),
    "alibaba/wan-2.5/image-edit": Model(
        {"images": MediaList(1, 2, required=True), **_WORDS, **_SEED},
        _flat(30_000),
        sides=(384, 5000),
    ),
    "alibaba/wan-2.5/image-to-video": Model(
        {
            "image": Media(required=True),
            **_WORDS,
            "audio": Media(),
            "resolution": Choice(("480p", "720p", "1080p")),
            "duration": Whole(3, 10),
            **_EXPANSION,
            **_SEED,
        },
        _wan_video,
        makes="video",
        largest=15_000_000,
    ),
    "wavespeed-ai/infinitetalk": Model(
        {
            "image": Media(required=True),
            "audio": Media(required=True),
            "mask_image": Media(),
            "prompt": Text(),
            "resolution": Choice(("480p", "720p")),
            **_SEED,
        },
        _infinitetalk,
        makes="video",
        longest=600,
    ),
    "wavespeed-ai/image-upscaler": Model(_UPSCALER, _flat(10_000)),
    "wavespeed-ai/ultimate-image-upscaler": Model(_UPSCALER, _flat(60_000)),
    "wavespeed-ai/image-face-swap": Model({**_SWAP, "target_index": Whole(0, 10)}, _flat(10_000)),
    "wavespeed-ai/image-face-swap-pro": Model(_SWAP, _flat(25_000)),
    # The contract has no price for these: the figures are the emulator's own.
    "wavespeed-ai/image-eraser": Model(_MASKED, _flat(25_000)),
    "bria/eraser": Model(_MASKED, _flat(40_000)),
    "bria/expand": Model(_MASKED, _flat(40_000)),
    "wavespeed-ai/image-captioner": Model(
        {
            "image": Media(required=True),
            "detail_level": Choice(("low", "medium", "high")),
            "focus": Text(),
            **_SYNC,
        },
        _flat(2_000),
        makes="text",
    ),
    "wavespeed-ai/molmo2/prompt-optimizer": Model(
        {
            "text": Text(required=True),
            "image": Media(),
            "mode": Choice(("image", "video")),
            "style": Choice(
                ("default", "artistic", "photographic", "technical", "anime", "realistic")
            ),
        },
        _flat(2_000),
        makes="text",
    ),
}
