"""Routes: which inference provider does an offer's work, with which model, and in which way.

An offer's ``route`` is ``provider:org/model``, or ``provider+queue:org/model`` where the work is
handed in to fal's queue. The model is the hub's id; what the inference provider calls it is asked
for when it is needed (``mapping``), because that changes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from providers.offers import Offer

NAME = "huggingface"

HF_INFERENCE, FAL, REPLICATE = "hf-inference", "fal-ai", "replicate"
TOGETHER, NSCALE, WAVESPEED = "together", "nscale", "wavespeed"

TASKS: Mapping[str, str] = {
    "generate": "text-to-image",
    "edit": "image-to-image",
    "remove_background": "image-segmentation",
}
"""The hub's names of what is asked; work of chat models has none, the chat router knows them."""

_QUEUE = "+queue"


@dataclass(frozen=True, slots=True)
class Route:
    """Where an offer's work goes.

    Attributes:
        provider: the inference provider, as in the router's paths.
        model: the hub's id, ``org/name``.
        queue: whether it goes through fal's queue.
    """

    provider: str
    model: str
    queue: bool = False


def route_of(offer: Offer) -> Route:
    """Return the route of an offer.

    Raises:
        ValueError: the offer names none.
    """
    provider, colon, model = offer.route.partition(":")
    if not (provider and colon and model):
        raise ValueError(f"the route of {offer.id} is not provider:org/model")
    return Route(provider.removesuffix(_QUEUE), model, provider.endswith(_QUEUE))
