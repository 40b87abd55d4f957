"""What the local provider does for each of its offers: bytes in, bytes out.

Each function runs in a thread of the provider and says honestly how the result was made.
"""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar

import numpy as np
from PIL import Image

from providers.contract import Delivery, Output, Request
from providers.local import illustrate, matte
from providers.local.style import named
from providers.local.upscale import MAX_FACTOR, upscale
from providers.offers import Offer
from studio import imaging
from studio.catalog import known_style
from studio.operations import Generate, Operation, RemoveBackground, Upscale

Wanted = TypeVar("Wanted", bound=Operation)


def illustrate_prompt(offer: Offer, request: Request, _weights: Path) -> Delivery:
    """Compose an illustration from the prompt."""
    wanted = expect(Generate, request.operation)
    chosen = known_style(wanted.style)
    made = illustrate.compose(
        wanted.prompt,
        width=wanted.width,
        height=wanted.height,
        seed=wanted.seed,
        style=chosen.local.drawn if chosen else wanted.style,
        negative_prompt=wanted.negative_prompt,
        colours=wanted.palette.split(),
    )
    image = made.image
    if chosen:
        image = Image.fromarray(named.painted(np.asarray(image), chosen))
    how = f", {named.told(chosen)}" if chosen else ""
    return Delivery(
        outputs=(_output(image, wanted.output_format),),
        model=offer.model,
        method=f"illustration composed on this machine (scene: {made.scene}){how}",
        seed=wanted.seed,
        facts={
            "kind": "illustration",
            "scene": made.scene,
            "palette": made.palette,
            "subjects": list(made.subjects),
            "not_drawn": list(made.ignored),
        },
    )


def remove_background(offer: Offer, request: Request, weights_folder: Path) -> Delivery:
    """Cut the subject out."""
    expect(RemoveBackground, request.operation)
    image = matte.cut_out(picture(request), weights_folder)
    return Delivery(
        outputs=(_output(image, "png"),),
        model=offer.model,
        method="matte by U2-Netp, guided filter at the edges, foreground colours cleaned",
    )


def upscale_span(offer: Offer, request: Request, weights_folder: Path) -> Delivery:
    """Enlarge with the SPAN network."""
    return _upscale(offer, request, weights_folder)


def upscale_lanczos(offer: Offer, request: Request, _weights: Path) -> Delivery:
    """Enlarge by resampling."""
    return _upscale(offer, request, None)


def _upscale(offer: Offer, request: Request, weights_folder: Path | None) -> Delivery:
    wanted = expect(Upscale, request.operation)
    before = picture(request)
    target = wanted.target(before.width, before.height)
    factor = min(max(target[0] / before.width, target[1] / before.height), MAX_FACTOR)
    image, method = upscale(before, factor, weights_folder)
    if image.size != target:
        image = image.resize(target, Image.Resampling.LANCZOS)
    return Delivery(
        outputs=(_output(image, wanted.output_format),), model=offer.model, method=method
    )


def expect(kind: type[Wanted], operation: Operation) -> Wanted:
    """Return the operation as what an offer's work is for."""
    if not isinstance(operation, kind):
        raise TypeError(f"{operation.operation} came to an offer for {kind.__name__}")
    return operation


def picture(request: Request) -> Image.Image:
    """Return the input picture, decoded."""
    return imaging.open_picture(request.files["image"])


def _output(image: Image.Image, format_: imaging.Format) -> Output:
    data = imaging.encode(image, format_)
    return Output(data, imaging.MEDIA_TYPES[format_], "", image.width, image.height)
