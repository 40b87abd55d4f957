"""Corrections of a picture's tones, sharpness, place and edge, each by a known recipe."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from providers.local.edit import colours
from providers.local.edit.parts import Pixels, joined, refused, split

Correction = Callable[[Image.Image, float, str], Image.Image]
"""A picture, how much (1 is usual, negative the contrary), what else: another picture."""

_LUMA = np.array([0.2126, 0.7152, 0.0722], np.float32)
_SEPIA = np.array([[0.393, 0.769, 0.189], [0.349, 0.686, 0.168], [0.272, 0.534, 0.131]], np.float32)
"""The usual matrix of sepia, for RGB."""
_PLAIN = {"white": (255, 255, 255), "black": (0, 0, 0)}
_STRIP = 512
_RIGHT_ANGLE = 90
_MOST_BORDER = 0.25
"""Widest border, as a part of the shorter side."""


def by_table(image: Image.Image, tables: NDArray[np.floating]) -> Image.Image:
    """Return the picture with each channel looked up in its table of 256 values, 0..1."""
    rgb, alpha = split(image)
    table = np.rint(np.clip(tables, 0, 1) * 255).astype(np.uint8)
    looked_up = np.dstack([table[channel][rgb[..., channel]] for channel in range(3)])
    return joined(looked_up, alpha)


def _levels() -> NDArray[np.float64]:
    return np.linspace(0, 1, 256)


def brightness(image: Image.Image, amount: float, _: str) -> Image.Image:
    """Brighten or darken by a curve: black stays black and white stays white."""
    gamma = 2.0 ** (-0.55 * amount)
    return by_table(image, np.tile(_levels() ** gamma, (3, 1)))


def contrast(image: Image.Image, amount: float, _: str) -> Image.Image:
    """Steepen or flatten the tones around the picture's own middle."""
    grey = np.asarray(image.convert("L").resize((64, 64), Image.Resampling.BOX), np.float64)
    middle = float(np.clip(grey.mean() / 255, 0.25, 0.75))
    slope = 1 + 0.35 * amount if amount > 0 else 1 / (1 - 0.45 * amount)
    straight = middle + (_levels() - middle) * slope
    if amount > 0:  # shoulders instead of clipping
        straight = 0.5 * straight + 0.5 * (1 / (1 + np.exp(-4 * slope * (_levels() - middle))))
    return by_table(image, np.tile(straight, (3, 1)))


def warmth(image: Image.Image, amount: float, _: str) -> Image.Image:
    """Shift between blue and amber; lightness stays about the same."""
    shift = 0.11 * amount
    gains = np.array([1 + shift, 1 + 0.12 * shift, 1 - 1.1 * shift])
    gammas = 1 / np.clip(gains, 0.4, 1.8)
    return by_table(image, np.stack([_levels() ** gamma for gamma in gammas]))


def saturation(image: Image.Image, amount: float, _: str) -> Image.Image:
    """Move colours away from their grey, or towards it."""
    factor = max(0.0, 1 + 0.45 * amount)
    matrix = factor * np.eye(3) + (1 - factor) * np.tile(_LUMA, (3, 1))
    return _mixed(image, matrix, 1.0)


def monochrome(image: Image.Image, amount: float, _: str) -> Image.Image:
    """Black and white by luma (Rec. 709)."""
    return _mixed(image, np.tile(_LUMA, (3, 1)), amount)


def sepia(image: Image.Image, amount: float, _: str) -> Image.Image:
    """Brown tones of old prints."""
    return _mixed(image, _SEPIA, amount)


def _mixed(image: Image.Image, matrix: NDArray[np.floating], amount: float) -> Image.Image:
    share = min(max(amount, 0.0), 1.0)
    rgb, alpha = split(image)
    whole = share * matrix + (1 - share) * np.eye(3)
    return joined(np.asarray(cv2.transform(rgb, whole.astype(np.float32)), np.uint8), alpha)


def invert(image: Image.Image, amount: float, _: str) -> Image.Image:
    """The negative."""
    share = min(max(amount, 0.0), 1.0)
    return by_table(image, np.tile(_levels() + share * (1 - 2 * _levels()), (3, 1)))


def sharpen(image: Image.Image, amount: float, _: str) -> Image.Image:
    """Unsharp mask whose radius follows the picture's size."""
    rgb, alpha = split(image)
    sigma = max(0.7, max(image.size) / 1_400)
    soft = np.asarray(cv2.GaussianBlur(rgb, (0, 0), sigma), np.uint8)
    share = 0.9 * amount
    return joined(np.asarray(cv2.addWeighted(rgb, 1 + share, soft, -share, 0), np.uint8), alpha)


def blur(image: Image.Image, amount: float, _: str) -> Image.Image:
    """A Gaussian blur, wider in larger pictures."""
    rgb, alpha = split(image)
    sigma = max(0.3, amount * max(image.size) / 250)
    return joined(np.asarray(cv2.GaussianBlur(rgb, (0, 0), sigma), np.uint8), alpha)


def denoise(image: Image.Image, amount: float, _: str) -> Image.Image:
    """Smooth noise away, edges kept: non-local means (Buades 2005), colours more than light."""
    rgb, alpha = split(image)
    strength = 5.0 * amount
    smooth = cv2.fastNlMeansDenoisingColored(rgb, None, strength, 2 * strength, 5, 13)
    return joined(np.asarray(smooth, np.uint8), alpha)


def clarity(image: Image.Image, amount: float, _: str) -> Image.Image:
    """Local contrast of the lightness (CLAHE, Zuiderveld 1994), or less of it."""
    rgb, alpha = split(image)
    lab = cv2.cvtColor(rgb, cv2.COLOR_RGB2LAB)
    light = np.ascontiguousarray(lab[..., 0])
    if amount > 0:
        changed = cv2.createCLAHE(2.2, (8, 8)).apply(light)
        lab[..., 0] = cv2.addWeighted(light, 1 - min(0.6 * amount, 1), changed,
                                      min(0.6 * amount, 1), 0)  # fmt: skip
    else:
        smooth = cv2.bilateralFilter(light, 0, 24, max(2.0, max(image.size) / 250))
        share = min(-0.7 * amount, 1)
        lab[..., 0] = cv2.addWeighted(light, 1 - share, smooth, share, 0)
    return joined(np.asarray(cv2.cvtColor(lab, cv2.COLOR_LAB2RGB), np.uint8), alpha)


def enhance(image: Image.Image, amount: float, _: str) -> Image.Image:
    """Stretch the tones to the full range, with a little clarity and colour."""
    rgb, _alpha = split(image)
    small = cv2.resize(rgb, (128, 128), interpolation=cv2.INTER_AREA)
    low, high = (float(v) / 255 for v in np.percentile(small @ _LUMA, (0.5, 99.5)))
    span = max(high - low, 0.2)
    stretched = (_levels() - low) / span
    table = _levels() + min(amount, 1.5) * 0.8 * (stretched - _levels())
    made = by_table(image, np.tile(table, (3, 1)))
    return saturation(clarity(made, 0.5 * amount, ""), 0.3 * amount, "")


def rotate(image: Image.Image, _: float, degrees: str) -> Image.Image:
    """Rotate clockwise. Other than right angles cut off the corners that would be empty."""
    angle = float(degrees) % 360
    quarter, rest = divmod(angle, _RIGHT_ANGLE)
    turned = image.rotate(-_RIGHT_ANGLE * quarter, expand=True)
    if not rest:
        return turned
    tilted = turned.rotate(-rest, Image.Resampling.BICUBIC, expand=True)
    width, height = _inner(turned.width, turned.height, np.radians(rest))
    left, top = (tilted.width - width) // 2, (tilted.height - height) // 2
    return tilted.crop((left, top, left + width, top + height))


def _inner(width: int, height: int, angle: float) -> tuple[int, int]:
    """Return the largest box of any shape that a tilted picture fills."""
    long, short = max(width, height), min(width, height)
    sine, cosine = abs(np.sin(angle)), abs(np.cos(angle))
    if short <= 2 * sine * cosine * long or abs(sine - cosine) < 1e-10:  # noqa: PLR2004 - 45 degrees
        half = 0.5 * short
        across, down = (half / sine, half / cosine) if width >= height else (
            half / cosine, half / sine)  # fmt: skip
    else:
        both = cosine * cosine - sine * sine
        across = (width * cosine - height * sine) / both
        down = (height * cosine - width * sine) / both
    return max(1, int(across) - 2), max(1, int(down) - 2)


def flip(image: Image.Image, _: float, way: str) -> Image.Image:
    """Mirror left and right, or top and bottom."""
    return image.transpose(
        Image.Transpose.FLIP_TOP_BOTTOM if way == "vertical" else Image.Transpose.FLIP_LEFT_RIGHT
    )


def vignette(image: Image.Image, amount: float, _: str) -> Image.Image:
    """Darken towards the corners."""
    rgb, alpha = split(image)
    height, width = rgb.shape[:2]
    x = np.linspace(-1, 1, width, dtype=np.float32)[None, :] ** 2
    y = np.linspace(-1, 1, height, dtype=np.float32)[:, None] ** 2
    made = np.empty_like(rgb)
    depth = np.float32(min(max(0.55 * amount, 0.0), 0.95))
    for top in range(0, height, _STRIP):
        rows = slice(top, top + _STRIP)
        far = np.clip((x + y[rows]) / 2, 0, 1)
        made[rows] = np.rint(rgb[rows] * (1 - depth * far * far * (3 - 2 * far))[..., None])
    return joined(made, alpha)


def border(image: Image.Image, amount: float, value: str) -> Image.Image:
    """Put a plain frame around: colour, width in pixels, colour said after it."""
    before, pixels, after = value.split("|")
    words = " ".join(
        word for word in f"{before} {after}".split() if word not in {"add", "a", "an", "with", "in",
        "put", "thin", "thick", "wide", "the", "give", "it", "draw", "of", "around", "make"}
    )  # fmt: skip
    colour, others = colours.read(words)
    if others or (words and colour is None):
        raise refused(
            "The colour of the border is not known here.",
            field="prompt",
            given=words,
            allowed=f"a colour by name or as #rrggbb: {', '.join(sorted(colours.names()))}",
        )
    width = float(pixels) if pixels else 0.04 * min(image.size) * amount
    width *= 0.5 if "thin" in before else 2 if {"thick", "wide"} & set(before.split()) else 1
    side = round(min(max(width, 1), _MOST_BORDER * min(image.size)))
    fill = rgb_of(colour) if colour else (255, 255, 255)
    mode = "RGBA" if image.mode == "RGBA" else "RGB"
    size = (image.width + 2 * side, image.height + 2 * side)
    framed = Image.new(mode, size, (*fill, 255) if mode == "RGBA" else fill)
    framed.paste(image, (side, side))
    return framed


def rgb_of(colour: colours.Colour) -> tuple[int, int, int]:
    """Return a colour in 8 bit; plain white and black are quite so, not as paint is."""
    if colour.words in _PLAIN:
        return _PLAIN[colour.words]
    lab = np.array([[[colour.lightness, colour.a, colour.b]]], np.float32)
    values = np.clip(cv2.cvtColor(lab, cv2.COLOR_LAB2RGB)[0, 0], 0, 1) * 255
    red, green, blue = (round(float(value)) for value in values)
    return red, green, blue


def over(front: Pixels, share: NDArray[np.floating], back: Pixels) -> Pixels:
    """Lay one picture over another by ``share``, 0..1, strip by strip."""
    made = np.empty_like(front)
    for top in range(0, front.shape[0], _STRIP):
        rows = slice(top, top + _STRIP)
        under = back[rows].astype(np.float32)
        made[rows] = np.rint(under + (front[rows] - under) * share[rows][..., None])
    return made


CORRECTIONS: Mapping[str, Correction] = {
    each.__name__: each
    for each in (
        brightness, contrast, warmth, saturation, monochrome, sepia, invert, sharpen, blur,
        denoise, clarity, enhance, rotate, flip, vignette, border,
    )
}  # fmt: skip
"""By the names that ``wishes`` gives."""

UNSCALED = frozenset({"rotate", "flip", "crop", "cut_out", "backdrop", "recolour", "border"})
"""What has no strength: a half rotation is another one."""
