"""Requests for pictures: one small function for each inference provider and task.

What is sent is what Hugging Face's own client sends: its names of parameters for a task, in the
places and under the names that the inference provider wants. A parameter of which it is not
confirmed that a provider minds it is listed as ``unable`` in ``offers.toml``, or said in words.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from providers.huggingface.files import Picture
from providers.huggingface.routes import (
    FAL,
    HF_INFERENCE,
    NSCALE,
    REPLICATE,
    TOGETHER,
    WAVESPEED,
    Route,
)
from providers.offers import Offer
from providers.words import styled, without
from studio.operations import EditImage, Generate, Operation, RemoveBackground

Wanted = TypeVar("Wanted", bound=Operation)
Body = dict[str, Any]

QUEUE = "_subdomain=queue"
"""The query that leads to fal's queue; polls need it as well."""

_TRUE_NEGATIVES = frozenset({"stabilityai/stable-diffusion-3-medium-diffusers"})
"""Models with a negative prompt of their own; the others are told in words. FLUX has none, and of
Qwen-Image it is not confirmed that its providers mind one."""


@dataclass(frozen=True, slots=True)
class Order:
    """What a request is made of.

    Attributes:
        id: what the inference provider calls the model.
        picture: the input picture, where there is one.
    """

    offer: Offer
    route: Route
    id: str
    operation: Operation
    picture: Picture | None = None

    @property
    def image(self) -> str:
        """The input picture as a URI."""
        if self.picture is None:
            raise TypeError(f"{self.offer.id} was ordered without a picture")
        return self.picture.uri

    @property
    def size(self) -> tuple[int, int]:
        """The sides to ask for."""
        if self.offer.sizes is None:
            raise TypeError(f"{self.offer.id} has no sizes")
        target = self.operation.target(0, 0)
        if target is None and self.picture is not None:
            target = self.picture.width, self.picture.height
        _, width, height = self.offer.sizes.nearest(*(target or (1_024, 1_024)))
        return width, height


@dataclass(frozen=True, slots=True)
class Call:
    """A request.

    Attributes:
        path: behind the router's address, with its query.
        body: JSON values.
        headers: more of them.
        seed: the one that is sent; ``None`` where none is.
        asked: the size that is asked for, such as ``1024x768``; empty where none is.
    """

    path: str
    body: Body
    headers: Mapping[str, str] = field(default_factory=dict)
    seed: int | None = None
    asked: str = ""


def call_of(order: Order) -> Call:
    """Return the request for an order; every offer has one."""
    return _CALLS[order.route.provider, order.operation.operation](order)


def _expect(cls: type[Wanted], operation: Operation) -> Wanted:
    if not isinstance(operation, cls):
        raise TypeError(f"{operation.operation} came where {cls.__name__} was expected")
    return operation


# --- Pictures from words ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Drawing:
    """A picture from words in Hugging Face's terms; what is left to the model is not there."""

    prompt: str
    size: tuple[int, int]
    more: Body

    @property
    def sides(self) -> Body:
        return {"width": self.size[0], "height": self.size[1]}

    def asked(self, path: str, body: Body, **headers: str) -> Call:
        seed = self.more.get("seed")
        width, height = self.size
        return Call(path, body, _headers(**headers), seed, f"{width}x{height}")


def _drawing(order: Order) -> _Drawing:
    asked = _expect(Generate, order.operation)
    words, more = styled(asked.prompt, asked.style), Body()
    if asked.negative_prompt and order.route.model in _TRUE_NEGATIVES:
        more["negative_prompt"] = asked.negative_prompt
    else:
        words = without(words, asked.negative_prompt)
    if asked.steps:  # 0 leaves them to the model
        more["num_inference_steps"] = asked.steps
    if asked.guidance:
        more["guidance_scale"] = asked.guidance
    if asked.seed >= 0:
        more["seed"] = asked.seed
    return _Drawing(words, order.size, more)


def _headers(**more: str) -> Mapping[str, str]:
    # What Hugging Face's client sends for pictures; few inference providers mind it.
    return {"Accept": "image/png", **more}


def _hf_inference_draws(order: Order) -> Call:
    drawing = _drawing(order)
    parameters = {**drawing.sides, **drawing.more}
    body = {"inputs": drawing.prompt, "parameters": parameters}
    return drawing.asked(f"/{HF_INFERENCE}/models/{order.route.model}", body)


def _fal_draws(order: Order) -> Call:
    drawing = _drawing(order)
    body = {"prompt": drawing.prompt, "image_size": drawing.sides, **drawing.more}
    query = f"?{QUEUE}" if order.route.queue else ""
    return drawing.asked(f"/{FAL}/{order.id}{query}", body)


def _replicate_draws(order: Order) -> Call:
    drawing = _drawing(order)
    path, version = _replicate_path(order.id)
    inputs = {"prompt": drawing.prompt, **drawing.sides, **drawing.more}
    return drawing.asked(path, {"input": inputs, **version}, Prefer="wait")


def _replicate_path(identifier: str) -> tuple[str, Body]:
    """Return where a prediction is begun, and the version where the id names one."""
    _, colon, version = identifier.partition(":")
    if colon:
        return f"/{REPLICATE}/v1/predictions", {"version": version}
    return f"/{REPLICATE}/v1/models/{identifier}/predictions", {}


def _together_draws(order: Order) -> Call:
    drawing = _drawing(order)
    more = {
        "steps" if name == "num_inference_steps" else name: value
        for name, value in drawing.more.items()
    }
    body = {"model": order.id, "prompt": drawing.prompt, **_BASE64, **drawing.sides, **more}
    return drawing.asked(f"/{TOGETHER}/v1/images/generations", body)


_BASE64 = {"response_format": "base64"}


def _nscale_draws(order: Order) -> Call:
    """Only four fields are confirmed: a seed is not sent, so none is told."""
    drawing = _drawing(order)
    width, height = drawing.size
    size = f"{width}x{height}"
    body = {
        "model": order.id,
        "prompt": drawing.prompt,
        "response_format": "b64_json",
        "size": size,
    }
    return Call(f"/{NSCALE}/v1/images/generations", body, _headers(), None, size)


def _wavespeed_draws(order: Order) -> Call:
    """WaveSpeed's schemas forbid what they do not name; sizes are written with an asterisk."""
    drawing = _drawing(order)
    width, height = drawing.size
    body = {"prompt": drawing.prompt, "size": f"{width}*{height}", **drawing.more}
    return drawing.asked(f"/{WAVESPEED}/api/v3/{order.id}", body)


# --- Editing by words: Hugging Face's image-to-image has no seed, so none is sent ---------------


def _instruction(order: Order) -> str:
    asked = _expect(EditImage, order.operation)
    return without(asked.prompt, asked.negative_prompt)


def _fal_edits(order: Order) -> Call:
    width, height = order.size
    body = {
        "image_url": order.image,
        "image_urls": [order.image],  # what a fal model calls it differs: both are sent
        "prompt": _instruction(order),
        "image_size": {"width": width, "height": height},
    }
    path = f"/{FAL}/{order.id}?{QUEUE}"
    return Call(path, body, _headers(), None, f"{width}x{height}")


def _replicate_edits(order: Order) -> Call:
    path, version = _replicate_path(order.id)
    inputs = {
        "prompt": _instruction(order),
        "image": order.image,  # its models differ likewise
        "images": [order.image],
        "input_image": order.image,
        "input_images": [order.image],
    }
    return Call(path, {"input": inputs, **version}, _headers(Prefer="wait"))


def _together_edits(order: Order) -> Call:
    model = order.id.lower()
    kontext = "flux.1" in model and "kontext" in model  # the rule of Hugging Face's client
    images = {"image_url": order.image} if kontext else {"reference_images": [order.image]}
    width, height = order.size
    body = {
        "model": order.id,
        "prompt": _instruction(order),
        **_BASE64,
        "width": width,
        "height": height,
        **images,
    }
    path = f"/{TOGETHER}/v1/images/generations"
    return Call(path, body, _headers(), None, f"{width}x{height}")


def _wavespeed_edits(order: Order) -> Call:
    body = {"image": order.image, "prompt": _instruction(order)}
    return Call(f"/{WAVESPEED}/api/v3/{order.id}", body, _headers())


# --- Background ---------------------------------------------------------------------------------


def _fal_cuts_out(order: Order) -> Call:
    _expect(RemoveBackground, order.operation)
    body = {"image_url": order.image, "sync_mode": True}
    return Call(f"/{FAL}/{order.id}?{QUEUE}", body)


_CALLS: Mapping[tuple[str, str], Callable[[Order], Call]] = {
    (HF_INFERENCE, "generate"): _hf_inference_draws,
    (FAL, "generate"): _fal_draws,
    (REPLICATE, "generate"): _replicate_draws,
    (TOGETHER, "generate"): _together_draws,
    (NSCALE, "generate"): _nscale_draws,
    (WAVESPEED, "generate"): _wavespeed_draws,
    (FAL, "edit"): _fal_edits,
    (REPLICATE, "edit"): _replicate_edits,
    (TOGETHER, "edit"): _together_edits,
    (WAVESPEED, "edit"): _wavespeed_edits,
    (FAL, "remove_background"): _fal_cuts_out,
}
