"""Light a cut-out subject anew: inflated normals, a lamp, a rim, and tones nearer to the rest.

There is no depth here. The subject is taken for a pillow with the outline of its matte, its own
light and shade for fine relief; good enough for where a lamp's light falls, not for cast shadows.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from PIL import Image

from providers.local.edit import colours
from providers.local.edit.parts import Floats, Pixels

DIRECTIONS = {
    "left": (-1.0, 0.0),
    "right": (1.0, 0.0),
    "above": (0.0, -1.0),
    "below": (0.0, 1.0),
}
"""Where a lamp stands: x to the right, y down."""

_SIDE = 512
"""Longest side at which the lamp's effect is worked out."""
_STRIP = 512
_ELEVATION = 0.5
"""How far in front of the picture the lamp stands, beside 1 for its distance aside."""
_BRIGHTEST = 0.1
"""The part of a picture that its light is read from."""
_TONE_LIGHT, _TONE_COLOUR = 0.35, 0.5
"""How far the subject's lightness and colour go to the surroundings', at full adaptation."""


@dataclass(frozen=True)
class Lamp:
    """Light as a picture shows it.

    Attributes:
        x: towards the lamp, -1 left to 1 right.
        y: -1 above to 1 below.
        key: colour of the light, RGB with a mean of 1.
        ambient: colour of the rest, the same.
    """

    x: float
    y: float
    key: tuple[float, float, float]
    ambient: tuple[float, float, float]


def lamp_of(image: Image.Image) -> Lamp:
    """Return the light of a picture: where its brightest part is, and what colours it has."""
    small = np.array(image.convert("RGB").resize((64, 64), Image.Resampling.BOX), np.float32)
    small /= 255
    luma = small @ np.array([0.2126, 0.7152, 0.0722], np.float32)
    bright = luma >= np.quantile(luma, 1 - _BRIGHTEST)
    rows, columns = np.nonzero(bright)
    x, y = float(columns.mean()) / 31.5 - 1, float(rows.mean()) / 31.5 - 1
    return Lamp(x, y, _tint(small[bright].mean(axis=0)), _tint(small.mean(axis=(0, 1))))


def _tint(rgb: Floats) -> tuple[float, float, float]:
    """Return a colour with a mean of 1, nothing of it extreme."""
    ratio = np.clip((rgb + 0.05) / float(rgb.mean() + 0.05), 0.45, 1.9)
    return float(ratio[0]), float(ratio[1]), float(ratio[2])


def lit(rgb: Pixels, alpha: Floats, lamp: Lamp, strength: float, *, flat: float = 0.0) -> Pixels:
    """Return the picture under the lamp.

    Args:
        rgb: the picture.
        alpha: what of it is the subject, 0..1.
        lamp: the light.
        strength: 0 leaves it as it is, 1 is a strong lamp in the dark.
        flat: how much of the lamp falls on what is not the subject: a wide fall-off only.
    """
    if strength <= 0:
        return rgb
    height, width = alpha.shape
    scale = min(1.0, _SIDE / max(height, width))
    size = (max(2, round(width * scale)), max(2, round(height * scale)))
    small = cv2.resize(rgb, size, interpolation=cv2.INTER_AREA).astype(np.float32) / 255
    shape = np.asarray(cv2.resize(alpha, size, interpolation=cv2.INTER_AREA), np.float32)
    gain = _gain(small, shape, lamp, strength)
    if flat > 0:
        aside = _fall_off(size, lamp, strength * flat)
        gain = aside + (gain - aside) * shape[..., None]
    result = np.empty_like(rgb)
    whole = [cv2.resize(gain[..., i], (width, height)) for i in range(3)]
    for top in range(0, height, _STRIP):
        rows = slice(top, top + _STRIP)
        values = rgb[rows].astype(np.float32) / 255
        power = np.dstack([plane[rows] for plane in whole])
        # Below 1 light is taken away evenly; above, it fills what is left up to white.
        brighter = 1 - (1 - values) ** np.maximum(power, 1)
        result[rows] = np.rint(np.clip(brighter * np.minimum(power, 1), 0, 1) * 255)
    return result


def _gain(rgb: Floats, alpha: Floats, lamp: Lamp, strength: float) -> Floats:
    """Return how much light each spot of the subject gets, per channel; 1 is as before."""
    across, down, up = _normals(rgb, alpha)
    length = float(np.hypot(np.hypot(lamp.x, lamp.y), _ELEVATION))
    x, y, z = lamp.x / length, lamp.y / length, _ELEVATION / length
    facing = np.clip(across * x + down * y + up * z, 0, 1)
    aside = np.clip(across * x + down * y, 0, 1)
    rim = (1 - up) ** 1.5 * aside * float(np.hypot(lamp.x, lamp.y) > 0)
    key, ambient = np.array(lamp.key, np.float32), np.array(lamp.ambient, np.float32)
    lamped = facing[..., None] * key * (0.75 / max(z, 0.2)) + rim[..., None] * key * 1.6
    gain = 0.3 * ambient + 0.95 * lamped
    return np.asarray(1 + strength * (gain - 1), np.float32)


def _normals(rgb: Floats, alpha: Floats) -> tuple[Floats, Floats, Floats]:
    """Return the normals of the inflated subject: x, y, z planes."""
    inside = (alpha > 0.5).astype(np.uint8)  # noqa: PLR2004 - rather subject than not
    distance = np.asarray(cv2.distanceTransform(inside, cv2.DIST_L2, 5), np.float32)
    reach = max(4.0, 0.5 * float(distance.max()))
    round_ = np.sqrt(np.clip(1 - (1 - np.minimum(distance / reach, 1)) ** 2, 0, 1)) * reach
    soft = cv2.GaussianBlur(np.asarray(round_, np.float32), (0, 0), max(1.5, reach / 7))
    luma = rgb @ np.array([0.2126, 0.7152, 0.0722], np.float32)
    detail = cv2.GaussianBlur(luma, (0, 0), 1.2) - cv2.GaussianBlur(luma, (0, 0), 7)
    relief = np.asarray(soft + 5.0 * detail, np.float32)
    across = -cv2.Sobel(relief, cv2.CV_32F, 1, 0, ksize=3) / 8
    down = -cv2.Sobel(relief, cv2.CV_32F, 0, 1, ksize=3) / 8
    length = np.sqrt(across**2 + down**2 + 1)
    return across / length, down / length, 1 / length


def _fall_off(size: tuple[int, int], lamp: Lamp, strength: float) -> Floats:
    """Return light that is stronger on the lamp's side of the picture."""
    x = np.linspace(-1, 1, size[0], dtype=np.float32)[None, :]
    y = np.linspace(-1, 1, size[1], dtype=np.float32)[:, None]
    level = 1 + 0.75 * (x * lamp.x + y * lamp.y)
    gain = level[..., None] * np.array(lamp.key, np.float32)
    return np.asarray(1 + strength * (gain - 1), np.float32)


def toned(rgb: Pixels, alpha: Floats, plate: Pixels, amount: float) -> Pixels:
    """Return the subject with its mean lightness and colour nearer to those of the plate.

    Args:
        rgb: the subject's colours.
        alpha: where it is, 0..1.
        plate: the surroundings.
        amount: 0..1; 0 leaves every byte.
    """
    if amount <= 0:
        return rgb
    size = (128, 128)
    weight = np.asarray(cv2.resize(alpha, size, interpolation=cv2.INTER_AREA), np.float32)
    own = colours.lab(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA) / np.float32(255))
    around = colours.lab(cv2.resize(plate, size, interpolation=cv2.INTER_AREA) / np.float32(255))
    mean = (own * weight[..., None]).sum(axis=(0, 1)) / max(float(weight.sum()), 1e-6)
    apart = np.clip(around.mean(axis=(0, 1)) - mean, -36, 36)
    shift = apart * amount * np.array([_TONE_LIGHT, _TONE_COLOUR, _TONE_COLOUR], np.float32)
    result = np.empty_like(rgb)
    for top in range(0, rgb.shape[0], _STRIP):
        rows = slice(top, top + _STRIP)
        values = colours.lab(rgb[rows].astype(np.float32) / 255)
        # Black and white stay what they are: the shift is largest in the middle.
        values += shift * (0.35 + 2.6 * (values[..., :1] / 100) * (1 - values[..., :1] / 100))
        result[rows] = np.rint(np.clip(cv2.cvtColor(values, cv2.COLOR_LAB2RGB), 0, 1) * 255)
    return result
