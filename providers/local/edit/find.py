"""Find a thing in a picture by its name, as far as that goes without a network that knows names.

What is known here:

- the subject and its background, by the U²-Netp matte;
- a person, by the same, but only where a face is seen;
- the sky: what is smooth and bright or blue and reaches the upper edge;
- plants: what is green as leaves are;
- anything whose colour is said ("the red car"): by its colour alone, and that is said.

Seeds found so are grown to whole regions by GrabCut (Rother, Kolmogorov, Blake 2004) at 420
pixels and then fitted to the edges of the full picture by a guided filter.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

from providers.local import matte
from providers.local.edit import colours
from providers.local.edit.guided import fitted
from providers.local.edit.parts import Floats, Mask, Pixels, refused, seen
from providers.local.faces import find_faces
from providers.local.illustrate.words import singulars, tokens

KNOWN = (
    "the subject, the background, the person (where a face is seen), the sky, the plants, "
    "or anything with its colour: the red car"
)
"""What a search may say."""

_SIDE = 420
"""Longest side at which GrabCut works: 0.7 CPU s, against 12 at 1024 (LOCAL.md, section 3)."""
_ROUNDS = 3
_LEAST = 0.003
"""Part of the picture that a find must have; less is noise."""
_HUE = 26.0
"""Degrees that a hue may differ from the one named."""
_ONE_HUE = 9.0
"""Degrees that the hues of one thing mostly lie within."""
_SUBJECTS_SHARE = 0.25
"""A thing by its colour is looked for in the subject alone if so much of the colour is there."""
_GREY_CHROMA = 14.0
"""Below this chroma a colour is called grey, black or white."""

_SUBJECT = {
    "subject", "foreground", "object", "thing", "figure", "product", "item", "motif", "main",
}  # fmt: skip
_PERSON = {
    "person", "man", "woman", "girl", "boy", "child", "lady", "guy", "human", "someone", "people",
    "model", "astronaut", "portrait",
}  # fmt: skip
_BACKGROUND = {"background", "backdrop", "surroundings", "backgrounds"}
_SKY = {"sky", "skies", "heaven"}
_PLANTS = {
    "plant", "grass", "leaf", "tree", "foliage", "bush", "lawn", "meadow", "vegetation", "shrub",
    "hedge", "forest", "greenery",
}  # fmt: skip
_NOTHING = {"the", "a", "an", "of", "this", "that", "in", "all", "whole", "entire", "my", "its"}


@dataclass(frozen=True)
class Found:
    """A thing in a picture.

    Attributes:
        share: how much of each pixel belongs to it, 0..1, as large as the picture.
        what: what was looked for, in words.
        how: by what it was found.
        unsure: what could not be verified, in words; empty where nothing.
    """

    share: Floats
    what: str
    how: str
    unsure: str = ""


def find(image: Image.Image, phrase: str, weights: Path, *, grow: int = 0) -> Found:
    """Return where the thing that ``phrase`` names is.

    Args:
        image: RGB or RGBA.
        phrase: English, such as "the sky" or "the red car".
        weights: the cache directory of ``weights.fetch``.
        grow: pixels by which it may reach further than was found, up to the next edge.

    Raises:
        ProviderRejected: the words say nothing that can be found here, or nothing was found.
        WeightsMissing: the network is not in the cache.
    """
    rgb = seen(image)
    found = _looked_for(image, rgb, phrase, weights)
    share = found.share
    if grow > 0:
        disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * grow + 1, 2 * grow + 1))
        wide = np.asarray(cv2.dilate(share, disc), np.float32)
        share = np.maximum(share, np.minimum(wide, fitted(rgb, wide)))
    if image.mode == "RGBA":
        share = share * (np.asarray(image.getchannel("A"), np.float32) / 255)
    if float(share.mean()) < _LEAST:
        raise _not_found(phrase, "Nothing like it is in the picture")
    return Found(np.asarray(share, np.float32), found.what, found.how, found.unsure)


def _looked_for(image: Image.Image, rgb: Pixels, phrase: str, weights: Path) -> Found:
    """Choose the way to look for it by its words."""
    words = [word for word in tokens(phrase) if word.isalnum() and word not in _NOTHING]
    nouns = {form for word in words for form in (word, *singulars(word))}
    colour, others = colours.read(phrase)
    kinds: tuple[tuple[set[str], Callable[[], Found]], ...] = (
        (_BACKGROUND, lambda: _background(image, weights)),
        (_SKY, lambda: _sky(rgb, phrase)),
        (_PERSON, lambda: _person(image, rgb, phrase, weights)),
        (_SUBJECT, lambda: _subject(image, weights)),
    )
    if colour is None or nouns & _BACKGROUND or nouns & _SKY:
        for known, look in kinds:
            if nouns & known:
                return look()
    if colour is not None:
        things = [word for word in others if word not in _NOTHING]
        return _by_colour(rgb, colour, " ".join(things), phrase, weights)
    if nouns & _PLANTS:
        return _plants(rgb, phrase)
    raise _not_found(phrase, "No network here knows things by that name")


def _not_found(phrase: str, why: str) -> Exception:
    return refused(
        f"{why}. stability, which needs a key, finds things by any name.",
        field="search",
        given=phrase,
        allowed=KNOWN,
    )


def _matte(image: Image.Image, weights: Path) -> Floats:
    alpha = matte.cut_out(image.convert("RGB"), weights).getchannel("A")
    return np.asarray(alpha, np.float32) / 255


def _subject(image: Image.Image, weights: Path) -> Found:
    return Found(_matte(image, weights), "the subject", "U²-Netp matte")


def _background(image: Image.Image, weights: Path) -> Found:
    return Found(1 - _matte(image, weights), "the background", "U²-Netp matte, reversed")


def _person(image: Image.Image, rgb: Pixels, phrase: str, weights: Path) -> Found:
    """A face says that the subject is a person; without one nothing here could tell."""
    if not find_faces(_small(rgb, 1024), weights):
        raise _not_found(
            phrase,
            "No face is seen, and nothing else here tells a person. If the person is what the "
            'picture is about, search for "the subject"',
        )
    return Found(_matte(image, weights), "the person", "a face was seen; U²-Netp matte")


def _small(rgb: Pixels, side: int) -> Pixels:
    scale = min(1.0, side / max(rgb.shape[:2]))
    size = (max(1, round(rgb.shape[1] * scale)), max(1, round(rgb.shape[0] * scale)))
    return np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA), np.uint8)


def _lab(rgb: Pixels) -> Floats:
    return colours.lab(rgb.astype(np.float32) / 255)


def _sky(rgb: Pixels, phrase: str) -> Found:
    """Smooth, bright or blue, and connected with the upper edge."""
    small = _small(rgb, _SIDE)
    values = _lab(cv2.GaussianBlur(small, (0, 0), 1.2))
    light, a, b = values[..., 0], values[..., 1], values[..., 2]
    grey = light.astype(np.float32)
    rough = cv2.blur(np.abs(cv2.Laplacian(grey, cv2.CV_32F, ksize=3)), (7, 7))
    # Blue by day and night, bright grey by cloud, warm and smooth at dusk.
    blue = (b < -4) & (a < 16)  # noqa: PLR2004 - L*a*b*
    pale = light > 72  # noqa: PLR2004 - of 100
    smooth = rough < 3.2  # noqa: PLR2004 - of L*, set by eye on two photographs
    candidate = smooth & (blue | pale)
    _, labels = cv2.connectedComponents(candidate.astype(np.uint8))
    top = labels[: max(2, small.shape[0] // 50)]
    sizes = np.bincount(top[top > 0].ravel(), minlength=int(labels.max()) + 1)
    reaching = np.flatnonzero(sizes > 0.08 * small.shape[1])
    seeds = np.isin(labels, reaching[reaching > 0])
    if seeds.mean() < 10 * _LEAST:
        raise _not_found(phrase, "No sky is seen: nothing smooth, bright or blue at the upper edge")
    core = np.asarray(cv2.erode(seeds.astype(np.uint8), np.ones((3, 3), np.uint8)), np.bool_)
    maybe = _wide(seeds, 9) & ((rough < 9) | seeds)  # noqa: PLR2004 - branches before it
    return Found(_cut(rgb, small, core, maybe), "the sky", "colour, smoothness and place; GrabCut")


def _plants(rgb: Pixels, phrase: str) -> Found:
    """Green as leaves are: more green than red and blue, towards yellow."""
    small = _small(rgb, _SIDE)
    values = _lab(cv2.GaussianBlur(small, (0, 0), 1.0))
    a, b = values[..., 1], values[..., 2]
    green = (a < -2) & (b > 3) & (b > -0.6 * a)  # noqa: PLR2004 - L*a*b*
    dense = cv2.blur(green.astype(np.float32), (9, 9))
    seeds = green & (dense > 0.6)  # noqa: PLR2004 - mostly
    if seeds.mean() < _LEAST:
        raise _not_found(phrase, "Nothing green as plants are is seen")
    maybe = np.asarray(dense > 0.25, np.bool_)  # noqa: PLR2004 - some
    return Found(_cut(rgb, small, seeds, maybe), "the plants", "the green of leaves; GrabCut")


def _by_colour(
    rgb: Pixels, colour: colours.Colour, thing: str, phrase: str, weights: Path
) -> Found:
    """The largest things of that colour; of the subject alone where it has much of it."""
    small = _small(rgb, _SIDE)
    values = _lab(cv2.GaussianBlur(small, (0, 0), 1.0))
    likeness = _likeness(values, colour)
    seeds = np.asarray(likeness > 0.55, np.bool_)  # noqa: PLR2004 - rather than not
    inside = _matte(Image.fromarray(small), weights) > 0.5  # noqa: PLR2004 - rather than not
    how = f"its colour ({colour.words})"
    within: Floats = np.ones(seeds.shape, np.float32)
    if thing and (seeds & inside).mean() > max(_LEAST, _SUBJECTS_SHARE * seeds.mean()):
        seeds = np.asarray(seeds & inside, np.bool_)
        within = _wide(np.asarray(inside, np.bool_), 2).astype(np.float32)
        how += " in the subject"
    within = within * _same_hue(values, seeds, colour)
    loose = _likeness(values, colour, shadows=True) * within
    seeds = _large_parts(np.asarray(likeness * within > 0.55, np.bool_))  # noqa: PLR2004 - above
    if seeds.mean() < _LEAST:
        raise _not_found(phrase, f"Nothing {colour.words} is seen")
    maybe = _wide(seeds, 5) & (loose > 0.12)  # noqa: PLR2004 - perhaps
    sure = seeds & (likeness * within > 0.8)  # noqa: PLR2004 - surely
    share = _cut(rgb, small, np.asarray(sure, np.bool_), np.asarray(maybe | seeds, np.bool_))
    unsure = f"what is {colour.words} was taken for {thing}: only the colour was looked for"
    return Found(share, phrase, f"{how}; GrabCut", unsure if thing else "")


def _likeness(values: Floats, colour: colours.Colour, *, shadows: bool = False) -> Floats:
    """Return how well each pixel is called by the colour's name, 0..1.

    Args:
        values: L*a*b*.
        colour: what is looked for.
        shadows: whether what is dark may have less chroma, in proportion to its light.
    """
    light = values[..., 0]
    chroma = np.hypot(values[..., 1], values[..., 2])
    near = np.clip(1 - np.abs(light - colour.lightness) / 55, 0, 1)
    if colour.chroma < _GREY_CHROMA:
        grey = np.clip(1.6 - chroma / _GREY_CHROMA, 0, 1)
        return np.asarray(grey * np.clip(1.5 * near - 0.25, 0, 1), np.float32)
    angle = np.degrees(np.arctan2(values[..., 2], values[..., 1]))
    apart = np.abs((angle - colour.hue + 180) % 360 - 180)
    hue = np.clip(1.8 - apart / _HUE, 0, 1)
    dark = np.clip(light / max(colour.lightness, 20), 0.3, 1)
    dim = dark if shadows else np.ones_like(dark)
    vivid = np.clip(chroma / (0.45 * min(colour.chroma, 70) * dim) - 0.35, 0, 1)
    return np.asarray(hue * vivid * np.clip(2 * near, 0, 1), np.float32)


def _same_hue(values: Floats, seeds: Mask, colour: colours.Colour) -> Floats:
    """Return how near each pixel's hue is to what most of ``seeds`` have.

    A name spans many hues (red cup, reddish table); a thing has one.
    """
    if colour.chroma < _GREY_CHROMA or not seeds.any():
        return np.ones(seeds.shape, np.float32)
    chroma = np.hypot(values[..., 1], values[..., 2])[seeds]
    vivid = chroma >= np.median(chroma)
    a, b = (float(np.median(values[..., channel][seeds][vivid])) for channel in (1, 2))
    angle = np.degrees(np.arctan2(values[..., 2], values[..., 1]))
    apart = np.abs((angle - np.degrees(np.arctan2(b, a)) + 180) % 360 - 180)
    return np.asarray(np.clip(2.2 - apart / _ONE_HUE, 0, 1), np.float32)


def _large_parts(mask: Mask) -> Mask:
    """Return the parts that are not small beside the largest one."""
    opened = cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_CLOSE, np.ones((5, 5), np.uint8))
    count, labels, stats, _ = cv2.connectedComponentsWithStats(opened)
    if count == 1:
        return np.zeros_like(mask)
    areas = stats[1:, cv2.CC_STAT_AREA]
    large = 1 + np.flatnonzero(areas >= max(0.12 * areas.max(), 12))
    return np.asarray(np.isin(labels, large) & mask, np.bool_)


def _wide(mask: Mask, radius: int) -> Mask:
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    return np.asarray(cv2.dilate(mask.astype(np.uint8), disc), np.bool_)


def _cut(rgb: Pixels, small: Pixels, sure: Mask, maybe: Mask) -> Floats:
    """Return the region that grows from ``sure`` within ``maybe``, at full size."""
    plan = np.full(sure.shape, cv2.GC_BGD, np.uint8)
    plan[maybe] = cv2.GC_PR_FGD
    plan[sure] = cv2.GC_FGD
    if sure.any() and (plan == cv2.GC_BGD).any() and (plan == cv2.GC_PR_FGD).any():
        cv2.setRNGSeed(0)  # of this thread: GrabCut's first clusters are drawn at random
        models = np.zeros((1, 65)), np.zeros((1, 65))
        cv2.grabCut(small, plan, None, *models, _ROUNDS, cv2.GC_INIT_WITH_MASK)
    region = ((plan == cv2.GC_FGD) | (plan == cv2.GC_PR_FGD)).astype(np.float32)
    whole = cv2.resize(region, (rgb.shape[1], rgb.shape[0]), interpolation=cv2.INTER_LINEAR)
    return fitted(rgb, np.asarray(whole, np.float32))
