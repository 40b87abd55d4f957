"""What Hugging Face's inference providers take: models, their fields and what is wrong with a body.

Read from the wire contract by itself; nothing here comes from the adapter.
"""

from __future__ import annotations

import base64
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.contract.emulators.base import read_picture

BFL = "black-forest-labs"
VERSION = "b" * 64
DATA_URI = re.compile(r"data:(image/(?:png|jpeg|webp));base64,([A-Za-z0-9+/]+={0,2})")
LARGEST_BODY = 24 * 1024 * 1024
"""Bytes of a request; the router's true limit is not known."""

MILLION = 1_000_000


@dataclass(frozen=True)
class Served:
    """A model at an inference provider.

    Attributes:
        id: what the provider calls it.
        price: nano-dollars for a unit.
        per_megapixel: whether begun megapixels are the units, else pictures.
        most_steps: of denoising.
    """

    id: str
    task: str = "text-to-image"
    price: int = 25 * MILLION
    per_megapixel: bool = False
    most_steps: int = 50

    def cost(self, width: int, height: int) -> int:
        units = math.ceil(width * height / MILLION) if self.per_megapixel else 1
        return units * self.price


EDIT, CUT = "image-to-image", "image-segmentation"

MODELS: Mapping[str, Mapping[str, Served]] = {
    f"{BFL}/FLUX.1-schnell": {
        "fal-ai": Served(
            "fal-ai/flux/schnell", price=3 * MILLION, per_megapixel=True, most_steps=12
        ),
        "together": Served(f"{BFL}/FLUX.1-schnell", price=3 * MILLION, most_steps=4),
        "nscale": Served(f"{BFL}/FLUX.1-schnell", price=MILLION),
        "hf-inference": Served(f"{BFL}/FLUX.1-schnell", price=2 * MILLION, most_steps=4),
    },
    f"{BFL}/FLUX.1-dev": {
        "fal-ai": Served("fal-ai/flux/dev", per_megapixel=True),
        "replicate": Served(f"{BFL}/flux-dev"),
        "together": Served(f"{BFL}/FLUX.1-dev", price=15 * MILLION),
        "wavespeed": Served("wavespeed-ai/flux-dev", price=12 * MILLION),
    },
    f"{BFL}/FLUX.1-Krea-dev": {
        "fal-ai": Served("fal-ai/flux/krea", per_megapixel=True),
        "replicate": Served(f"{BFL}/flux-krea-dev"),
    },
    "Qwen/Qwen-Image": {
        "fal-ai": Served("fal-ai/qwen-image", price=20 * MILLION, per_megapixel=True),
        "wavespeed": Served("wavespeed-ai/qwen-image/text-to-image", price=20 * MILLION),
    },
    "stabilityai/stable-diffusion-3-medium-diffusers": {
        "hf-inference": Served("stabilityai/stable-diffusion-3-medium-diffusers"),
    },
    f"{BFL}/FLUX.2-klein-9B": {
        "fal-ai": Served("fal-ai/flux-2/klein/9b/edit", EDIT, 11 * MILLION, per_megapixel=True),
        "replicate": Served(f"{BFL}/flux-2-klein-9b", EDIT),
    },
    f"{BFL}/FLUX.1-Kontext-dev": {
        "fal-ai": Served("fal-ai/flux-kontext/dev", EDIT, per_megapixel=True),
        "replicate": Served(f"{BFL}/flux-kontext-dev:{VERSION}", EDIT),
        "together": Served(f"{BFL}/FLUX.1-kontext-dev", EDIT),
    },
    f"{BFL}/FLUX.2-dev": {
        "together": Served(f"{BFL}/FLUX.2-dev", EDIT),
        "wavespeed": Served("wavespeed-ai/flux-2-dev/edit", EDIT),
    },
    "briaai/RMBG-2.0": {"fal-ai": Served("fal-ai/bria/background/remove", CUT, 18 * MILLION)},
    "Falconsai/nsfw_image_detection": {
        "hf-inference": Served("Falconsai/nsfw_image_detection", "image-classification", MILLION),
    },
}

CHAT: Mapping[str, Mapping[str, bool]] = {
    "Qwen/Qwen3-VL-235B-A22B-Instruct": {"novita": True, "deepinfra": True},
    "google/gemma-4-31B-it": {"novita": True, "featherless-ai": False, "deepinfra": True},
}
"""Chat models that see, and which of their providers keep to a schema."""


class Wrong(Exception):
    """A body that is not right: the field and words."""

    def __init__(self, name: str, words: str, kind: str = "value_error") -> None:
        super().__init__(words)
        self.name = name
        self.kind = kind


def text(value: object, name: str) -> str:
    if not isinstance(value, str) or not value.strip():
        raise Wrong(name, "Input should be a non-empty string", "string_type")
    return value


def whole(value: object, name: str, least: int, most: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise Wrong(name, "Input should be a valid integer", "int_type")
    if not least <= value <= most:
        raise Wrong(name, f"Input should be from {least} to {most}", "out_of_range")
    return value


def number(value: object, name: str, least: float, most: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= most:
        raise Wrong(name, f"Input should be a number from {least} to {most}", "out_of_range")
    return value


def image(value: object, name: str) -> tuple[int, int]:
    """Return the size of a picture given as a data URI whose media type is true."""
    found = DATA_URI.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise Wrong(name, "Input should be a data URI of an image", "image_load_error")
    data = base64.b64decode(found[2])
    try:
        picture = read_picture(data)
    except ValueError:
        raise Wrong(name, "Could not load the image", "image_load_error") from None
    if picture.get_format_mimetype() != found[1]:  # type: ignore[attr-defined]
        raise Wrong(name, f"Is {picture.format}, not {found[1]}", "image_load_error")
    if picture.getexif().get(0x0112, 1) != 1:
        raise Wrong(name, "Would come out turned: EXIF is not minded here", "image_load_error")
    return picture.size


def only(body: Mapping[str, Any], allowed: set[str], required: set[str]) -> None:
    for name in body:
        if name not in allowed:
            raise Wrong(name, "Extra inputs are not permitted", "extra_forbidden")
    for name in required:
        if name not in body:
            raise Wrong(name, "Field required", "missing")


@dataclass
class Asked:
    """A body that is right: what picture is wanted of it."""

    prompt: str = ""
    size: tuple[int, int] = (1024, 1024)
    seed: int | None = None
    cutout: bool = False
    facts: dict[str, Any] = field(default_factory=dict)


_SEED = (0, 2**32 - 1)


def _sampling(body: Mapping[str, Any], served: Served, steps: str, guidance: str) -> None:
    if steps in body:
        whole(body[steps], steps, 1, served.most_steps)
    if guidance in body:
        number(body[guidance], guidance, 1, 20)
    if "seed" in body:
        whole(body["seed"], "seed", *_SEED)


def hf_inference(body: Mapping[str, Any], served: Served) -> Asked:
    only(body, {"inputs", "parameters"}, {"inputs"})
    parameters = body.get("parameters", {})
    if not isinstance(parameters, dict):
        raise Wrong("parameters", "must be an object")
    names = {"width", "height", "num_inference_steps", "guidance_scale", "seed", "scheduler"}
    only(parameters, names | {"negative_prompt"}, set())
    if "negative_prompt" in parameters:
        if "FLUX" in served.id:
            raise Wrong("negative_prompt", "FLUX pipelines have no negative_prompt")
        text(parameters["negative_prompt"], "negative_prompt")
    _sampling(parameters, served, "num_inference_steps", "guidance_scale")
    size = _multiple(parameters, 16, 64, 2048)
    return Asked(text(body["inputs"], "inputs"), size, parameters.get("seed"))


def _multiple(
    body: Mapping[str, Any], of: int, least: int, most: int, default: int = 1024
) -> tuple[int, int]:
    width = whole(body.get("width", default), "width", least, most)
    height = whole(body.get("height", default), "height", least, most)
    if width % of or height % of:
        raise Wrong("width" if width % of else "height", f"must be a multiple of {of}")
    return width, height


def fal(body: Mapping[str, Any], served: Served) -> Asked:
    if served.task == CUT:
        only(body, {"image_url", "sync_mode"}, {"image_url"})
        size = image(body["image_url"], "image_url")
        return Asked("cut out", size, cutout=True, facts={"inline": body.get("sync_mode") is True})
    names = {"prompt", "image_size", "num_inference_steps", "guidance_scale", "seed", "loras"}
    edit = served.task == EDIT
    if edit:
        names |= {"image_url", "image_urls"}
        only(body, names, {"prompt", "image_url", "image_urls"})
        first = image(body["image_url"], "image_url")
        if body["image_urls"] != [body["image_url"]]:
            raise Wrong("image_urls", "must repeat image_url")
    else:
        only(body, names, {"prompt"})
        first = (1024, 768)
    _sampling(body, served, "num_inference_steps", "guidance_scale")
    sides = body.get("image_size")
    if sides is not None:
        if not isinstance(sides, dict) or set(sides) != {"width", "height"}:
            raise Wrong("image_size", "must have width and height")
        first = (
            whole(sides["width"], "width", 64, 14_142),
            whole(sides["height"], "height", 64, 14_142),
        )
    width, height = (max(16, side // 16 * 16) for side in first)  # rounded without a word
    return Asked(text(body["prompt"], "prompt"), (width, height), body.get("seed"))


def replicate(body: Mapping[str, Any], served: Served) -> Asked:
    """Check a prediction; its models ignore what they do not know, sizes among it."""
    only(body, {"input", "version"}, {"input"})
    inputs = body["input"]
    if not isinstance(inputs, dict):
        raise Wrong("input", "must be an object")
    for name, value in inputs.items():
        if value is None:
            raise Wrong(name, "must not be null")
    if "num_inference_steps" in inputs:
        whole(inputs["num_inference_steps"], "num_inference_steps", 1, served.most_steps)
    if "seed" in inputs:
        whole(inputs["seed"], "seed", *_SEED)
    size = (1024, 1024)
    if served.task == EDIT:
        only(inputs, {*inputs}, {"image", "images", "input_image", "input_images"})
        size = image(inputs["image"], "image")
        same = inputs["image"]
        if inputs["images"] != [same] or inputs["input_images"] != [same]:
            raise Wrong("images", "must repeat image")
        if inputs["input_image"] != same:
            raise Wrong("input_image", "must repeat image")
    return Asked(text(inputs.get("prompt"), "prompt"), size, inputs.get("seed"))


def together(body: Mapping[str, Any], served: Served) -> Asked:
    names = {"model", "prompt", "response_format", "width", "height", "steps", "seed"}
    edit = served.task == EDIT
    if edit:
        images = "image_url" if "kontext" in served.id.lower() else "reference_images"
        only(body, names | {images}, {"model", "prompt", "response_format", images})
        value = body[images]
        if images == "reference_images" and not (isinstance(value, list) and len(value) == 1):
            raise Wrong(images, "must be a list")
        image(value[0] if isinstance(value, list) else value, images)
    else:
        only(body, names, {"model", "prompt", "response_format"})
    if body["response_format"] != "base64":
        raise Wrong("response_format", "must be base64 or url")
    _sampling(body, served, "steps", "-")
    size = _multiple(body, 16, 64, 1792)
    return Asked(text(body["prompt"], "prompt"), size, body.get("seed"))


def nscale(body: Mapping[str, Any], served: Served) -> Asked:
    del served
    names = {"model", "prompt", "response_format", "size"}
    only(body, names, names - {"size"})
    if body["response_format"] != "b64_json":
        raise Wrong("response_format", "must be b64_json")
    found = re.fullmatch(r"(\d{2,4})x(\d{2,4})", str(body.get("size", "1024x1024")))
    if found is None:
        raise Wrong("size", "must be WxH")
    size = _multiple({"width": int(found[1]), "height": int(found[2])}, 16, 64, 2048)
    return Asked(text(body["prompt"], "prompt"), size)


def wavespeed(body: Mapping[str, Any], served: Served) -> Asked:
    """Check against schemas, which forbid what they do not name."""
    if served.task == EDIT:
        only(body, {"prompt", "image", "seed"}, {"prompt", "image"})
        size = image(body["image"], "image")
    else:
        only(body, {"prompt", "size", "seed", "output_format"}, {"prompt"})
        found = re.fullmatch(r"(\d{3,4})\*(\d{3,4})", str(body.get("size", "1024*1024")))
        if found is None:
            raise Wrong("size", "must be W*H")
        size = _multiple({"width": int(found[1]), "height": int(found[2])}, 1, 256, 1536)
    if "seed" in body:
        whole(body["seed"], "seed", -1, 2**31 - 1)
    return Asked(text(body["prompt"], "prompt"), size, body.get("seed"))


CHECKS: Mapping[str, Callable[[Mapping[str, Any], Served], Asked]] = {
    "hf-inference": hf_inference,
    "fal-ai": fal,
    "replicate": replicate,
    "together": together,
    "nscale": nscale,
    "wavespeed": wavespeed,
}
