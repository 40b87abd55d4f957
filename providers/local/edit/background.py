"""Replace the background and relight: another plate behind the subject, and its light on it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from PIL import Image, ImageOps

from providers.contract import Delivery, Request
from providers.local import illustrate, matte
from providers.local.edit.parts import (
    Floats,
    Pixels,
    delivery,
    expect,
    joined,
    picture,
    refused,
    seen,
    split,
)
from providers.local.edit.relight import DIRECTIONS, Lamp, lamp_of, lit, toned
from providers.offers import Offer
from studio import imaging
from studio.operations import ReplaceBackground

_PLATE_SIDE = 1_536
"""Longest side at which a background is composed; larger ones are enlarged from there."""
_SHORTEST_PLATE = 64
_NO_SUBJECT = 0.004
"""A matte with less than this part of the picture holds nothing to keep."""
_OWN_LIGHT = 0.35
"""Strength of the new background's light where no other light is asked for."""
_BLURS = (0.0, 0.8, 1.3, 2.0, 3.2, 5.0, 8.0)
"""Radii of blur tried, per 1000 pixels of the longer side."""
_SHADOW = 0.28
_STRIP = 512


@dataclass(frozen=True)
class _Plate:
    """The new background, as large as the picture."""

    image: Image.Image
    how: str
    ignored: tuple[str, ...] = ()


def replace_background(offer: Offer, request: Request, weights: Path) -> Delivery:
    """Put the subject before another background, or only light it anew.

    ``preserve_subject`` says how little its tones follow the background (1: not at all);
    ``background_depth`` how far the new background is blurred as the old one was.

    Raises:
        ProviderRejected: no subject is seen.
    """
    wanted = expect(ReplaceBackground, request.operation)
    image = picture(request)
    cut = matte.cut_out(image, weights)
    alpha = np.asarray(cut.getchannel("A"), np.float32) / 255
    if float(alpha.mean()) < _NO_SUBJECT:
        raise refused(
            "No subject stands out from its background here, so there is nothing to keep. "
            "stability, which needs a key, may see one.",
            field="image",
            given=f"{image.width}x{image.height} without a clear subject",
            allowed="a picture of something before a background",
        )
    plate = _plate(wanted, request, image.size)
    lamp, strength, light = _light(wanted, request, plate.image)
    if wanted.keep_background:
        made, how = _only_lit(image, alpha, lamp, strength), "only the light was changed"
    else:
        made = _composed(wanted, (image, cut, alpha), plate.image, (lamp, strength))
        how = f"cut out by U²-Netp, put before {plate.how}"
    return delivery(
        offer,
        made,
        wanted.output_format,
        method=f"{how}; relit on this machine ({light}, inflated normals)",
        seed=wanted.seed,
        facts={"background": plate.how, "light": light},
        not_done=_not_done(wanted, plate),
    )


def _not_done(wanted: ReplaceBackground, plate: _Plate) -> list[str]:
    left = [f"background_prompt: {word}" for word in plate.ignored]
    if wanted.background and wanted.background_prompt:
        left.append("background_prompt: the picture that was given is the background")
    if wanted.background and wanted.negative_prompt:
        left.append("negative_prompt: nothing is composed where a picture is given")
    return left


def _plate(wanted: ReplaceBackground, request: Request, size: tuple[int, int]) -> _Plate:
    """Return the picture given, cut to the shape, or an illustration of the words."""
    if wanted.background:
        given = Image.fromarray(seen(picture(request, "background")))
        fitted = ImageOps.fit(given, size, Image.Resampling.LANCZOS)
        return _Plate(fitted, "the picture that was given")
    scale = min(1.0, _PLATE_SIDE / max(size))
    width, height = (max(_SHORTEST_PLATE, round(side * scale)) for side in size)
    made = illustrate.compose(
        wanted.background_prompt,
        width=width,
        height=height,
        seed=wanted.seed,
        negative_prompt=wanted.negative_prompt,
    )
    image = made.image
    if image.size != size:
        image = image.resize(size, Image.Resampling.BICUBIC)
    return _Plate(image, f"an illustration (scene: {made.scene})", made.ignored)


def _light(
    wanted: ReplaceBackground, request: Request, plate: Image.Image
) -> tuple[Lamp, float, str]:
    """Return the lamp, its strength, and where it comes from in words."""
    source = picture(request, "light") if wanted.light else plate
    lamp = lamp_of(source)
    named = "light of the given picture" if wanted.light else "light of the background"
    if wanted.light_direction == "none" and not wanted.light:
        return lamp, _OWN_LIGHT * (1 - wanted.preserve_subject), named
    if wanted.light_direction != "none":
        x, y = DIRECTIONS[wanted.light_direction]
        lamp = Lamp(x, y, lamp.key, lamp.ambient)
        named += f", from {wanted.light_direction}"
    return lamp, wanted.light_strength, named


def _only_lit(image: Image.Image, alpha: Floats, lamp: Lamp, strength: float) -> Image.Image:
    rgb, transparency = split(image)
    return joined(lit(rgb, alpha, lamp, strength, flat=0.8), transparency)


def _composed(
    wanted: ReplaceBackground,
    subject: tuple[Image.Image, Image.Image, Floats],
    plate: Image.Image,
    light: tuple[Lamp, float],
) -> Image.Image:
    """Lay the relit subject over the plate."""
    image, cut, alpha = subject
    behind = np.array(plate.convert("RGB"))
    sigma = _blur_like(seen(image), alpha, behind) * wanted.background_depth
    if sigma > 0:
        behind = np.asarray(cv2.GaussianBlur(behind, (0, 0), sigma), np.uint8)
    front = np.array(cut.convert("RGB"))
    front = toned(front, alpha, behind, 1 - wanted.preserve_subject)
    front = lit(front, alpha, *light)
    behind = _shaded(behind, alpha, light[0])
    result = np.empty_like(behind)
    for top in range(0, behind.shape[0], _STRIP):
        rows = slice(top, top + _STRIP)
        back = behind[rows].astype(np.float32)
        result[rows] = np.rint(back + (front[rows] - back) * alpha[rows][..., None])
    return imaging.without_metadata(Image.fromarray(result))


def _sharpness(rgb: Pixels, weight: Floats) -> float:
    """Return the mean of the fine detail where ``weight`` is, at 512 pixels."""
    scale = min(1.0, 512 / max(weight.shape))
    size = (max(2, round(weight.shape[1] * scale)), max(2, round(weight.shape[0] * scale)))
    grey = cv2.cvtColor(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA), cv2.COLOR_RGB2GRAY)
    detail = np.abs(cv2.Laplacian(grey.astype(np.float32), cv2.CV_32F, ksize=3))
    share = cv2.erode(cv2.resize(weight, size, interpolation=cv2.INTER_AREA), np.ones((9, 9)))
    return float((detail * share).sum() / max(float(share.sum()), 1e-6))


def _blur_like(rgb: Pixels, alpha: Floats, plate: Pixels) -> float:
    """Return the blur, in pixels, that makes the plate as soft as the old background was."""
    aim = _sharpness(rgb, 1 - alpha)
    even = np.ones_like(alpha)
    longer = float(max(alpha.shape))
    for radius in _BLURS:
        sigma = radius * longer / 1000
        # Tried on the plate as it is looked at: reduced, with the blur reduced as much.
        scale = min(1.0, 512 / longer)
        size = (max(2, round(alpha.shape[1] * scale)), max(2, round(alpha.shape[0] * scale)))
        small = cv2.resize(plate, size, interpolation=cv2.INTER_AREA)
        if sigma > 0:
            small = cv2.GaussianBlur(small, (0, 0), max(sigma * scale, 0.2))
        shape = np.asarray(cv2.resize(even, size), np.float32)
        if _sharpness(np.asarray(small, np.uint8), shape) <= aim:
            return sigma
    return _BLURS[-1] * longer / 1000


def _shaded(plate: Pixels, alpha: Floats, lamp: Lamp) -> Pixels:
    """Return the plate with the subject's soft shadow, away from the lamp."""
    height, width = alpha.shape
    scale = min(1.0, 256 / max(height, width))
    size = (max(2, round(width * scale)), max(2, round(height * scale)))
    small = np.asarray(cv2.resize(alpha, size, interpolation=cv2.INTER_AREA), np.float32)
    longer = max(size)
    move = np.array(
        [[1, 0, -lamp.x * longer * 0.02], [0, 1, longer * 0.012 - lamp.y * longer * 0.012]]
    )
    moved = cv2.warpAffine(small, move, size, borderMode=cv2.BORDER_REPLICATE)
    soft = cv2.GaussianBlur(moved, (0, 0), max(1.0, longer * 0.025))
    dim = np.asarray(1 - _SHADOW * cv2.resize(soft, (width, height)), np.float32)
    result = np.empty_like(plate)
    for top in range(0, height, _STRIP):
        rows = slice(top, top + _STRIP)
        result[rows] = np.rint(plate[rows] * dim[rows][..., None])
    return result
