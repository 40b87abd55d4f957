"""Edit by prompt: what the words ask for, if every one of them is known here."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from providers.contract import Delivery, Request
from providers.local import focus, matte
from providers.local.edit import colours, corrections, wishes
from providers.local.edit.find import find
from providers.local.edit.parts import delivery, expect, joined, picture, refused, split
from providers.local.edit.recolour import recoloured
from providers.offers import Offer
from studio.errors import ProviderRejected
from studio.operations import EditImage

_USUAL_STRENGTH = 0.7
"""The operation's default, which leaves corrections at their usual strength."""
_FLATTEST = 20
"""Largest ratio that a picture is cropped to."""

_Part = Callable[[Image.Image, float, str, Path], Image.Image]


def edit_by_prompt(offer: Offer, request: Request, weights: Path) -> Delivery:
    """Do the corrections that the prompt names, in its order.

    Raises:
        ProviderRejected: a word of the prompt is not known here; nothing was changed.
    """
    wanted = expect(EditImage, request.operation)
    read = wishes.read(wanted.prompt)
    _check(wanted, read)
    image = picture(request)
    scale = wanted.strength / _USUAL_STRENGTH
    for step in read.steps:
        image = _done(image, step, scale, weights)
    done = [f"{step.name} {step.value}".strip().replace("|", " ") for step in read.steps]
    unscaled = [
        f"strength: {step.name} has none"
        for step in read.steps
        if step.name in corrections.UNSCALED and wanted.strength != _USUAL_STRENGTH
    ]
    return delivery(
        offer,
        image,
        wanted.output_format,
        method=f"plain corrections on this machine: {', '.join(done)}",
        seed=wanted.seed,
        facts={"corrections": done},
        not_done=unscaled,
    )


def _check(wanted: EditImage, read: wishes.Wishes) -> None:
    """Refuse a prompt that is not understood as a whole: half of an edit is none."""
    if read.unknown or not read.steps:
        what = ", ".join(read.unknown) or wanted.prompt
        raise refused(
            f"This machine makes plain corrections only and does not know: {what}. gemini, "
            "stability, wavespeed and huggingface, which need a key, edit by any words.",
            field="prompt",
            given=wanted.prompt,
            allowed=wishes.KNOWN,
        )
    if len(read.steps) > wishes.MOST_STEPS:
        raise refused(
            "There are too many corrections in one prompt.",
            field="prompt",
            given=f"{len(read.steps)} corrections",
            allowed=f"at most {wishes.MOST_STEPS}",
        )
    if wanted.output_format == "jpeg" and any(step.name == "cut_out" for step in read.steps):
        raise refused(
            "JPEG has no transparency, so no background can be removed in it.",
            field="output_format",
            given="jpeg",
            allowed="png or webp",
        )


def _done(image: Image.Image, step: wishes.Step, scale: float, weights: Path) -> Image.Image:
    amount = step.amount if step.name in corrections.UNSCALED else step.amount * scale
    if not amount:
        return image
    if step.name in PARTS:
        return PARTS[step.name](image, amount, step.value, weights)
    return corrections.CORRECTIONS[step.name](image, amount, step.value)


def _cut_out(image: Image.Image, _: float, __: str, weights: Path) -> Image.Image:
    return matte.cut_out(image, weights)


def _backdrop(image: Image.Image, _: float, words: str, weights: Path) -> Image.Image:
    """A plain colour behind the subject."""
    colour, _others = colours.read(words)
    if colour is None:
        raise AssertionError(f"{words} was read as a colour before")
    cut = matte.cut_out(image, weights)
    alpha = np.asarray(cut.getchannel("A"), np.float32) / 255
    back = np.empty((cut.height, cut.width, 3), np.uint8)
    back[:] = corrections.rgb_of(colour)
    return Image.fromarray(corrections.over(np.array(cut.convert("RGB")), alpha, back))


def _blur_background(image: Image.Image, amount: float, _: str, weights: Path) -> Image.Image:
    """Blur what is not the subject; nothing of the subject bleeds into it."""
    cut = matte.cut_out(image.convert("RGB"), weights)
    share = np.asarray(cut.getchannel("A"), np.float32) / 255
    rgb, alpha = split(image)
    sigma = max(0.5, amount * max(image.size) / 90)
    behind = (1 - share)[..., None]
    soft = cv2.GaussianBlur(rgb * behind, (0, 0), sigma)
    soft /= np.maximum(cv2.GaussianBlur(1 - share, (0, 0), sigma), 1e-3)[..., None]
    back = np.clip(np.rint(soft), 0, 255).astype(np.uint8)
    return joined(corrections.over(rgb, share, back), alpha)


def _crop(image: Image.Image, _: float, value: str, weights: Path) -> Image.Image:
    """The part that matters most, in the shape asked for."""
    width, height = (int(part) for part in value.split("|"))
    if not (min(width, height) and max(width, height) <= _FLATTEST * min(width, height)):
        raise refused(
            "A picture cannot be cropped to that shape.",
            field="prompt",
            given=f"{width}:{height}",
            allowed=f"1:{_FLATTEST} to {_FLATTEST}:1",
        )
    box = focus.focal_crop(image, focus.importance(image, weights), width, height)
    left, top = round(box.left), round(box.top)
    size = min(image.width / width, image.height / height)
    across, down = max(1, round(width * size)), max(1, round(height * size))
    left, top = min(left, image.width - across), min(top, image.height - down)
    return image.crop((left, top, left + across, top + down))


def _recolour(image: Image.Image, _: float, value: str, weights: Path) -> Image.Image:
    thing, words = value.split("|")
    colour, _others = colours.read(words)
    if colour is None:
        raise AssertionError(f"{words} was read as a colour before")
    try:
        found = find(image, thing, weights, grow=2)
    except ProviderRejected as error:
        raise refused(
            error.message, field="prompt", given=thing, allowed=error.allowed or ""
        ) from error
    rgb, alpha = split(image)
    return joined(recoloured(rgb, found.share, colour), alpha)


PARTS: Mapping[str, _Part] = {
    "cut_out": _cut_out,
    "backdrop": _backdrop,
    "blur_background": _blur_background,
    "crop": _crop,
    "recolour": _recolour,
}
"""What needs to know what is where."""
