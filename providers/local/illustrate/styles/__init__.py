"""Styles: classic image processing that really changes the picture. No style network here."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from PIL import Image

from providers.local.illustrate.palettes import Palette
from providers.local.illustrate.stage import Stage
from providers.local.illustrate.styles import (
    brush,
    dry,
    glow,
    ink,
    lens,
    paint,
    pieces,
    press,
    solid,
    tiles,
)
from providers.local.illustrate.styles.tools import Pixels

STYLES: dict[str, Callable[[Pixels, Stage], Pixels]] = {
    "line-art": ink.line_art,
    "comic-book": ink.comic_book,
    "neon-punk": ink.neon_punk,
    "watercolor": paint.watercolor,
    "digital-art": paint.digital_art,
    "enhance": paint.enhance,
    "cinematic": paint.cinematic,
    "analog-film": paint.analog_film,
    "pixel-art": pieces.pixel_art,
    "low-poly": pieces.low_poly,
    "poster": pieces.poster,
    "origami": pieces.origami,
    "pencil-sketch": dry.pencil_sketch,
    "charcoal": dry.charcoal,
    "pastel": dry.pastel,
    "ink-wash": dry.ink_wash,
    "chalkboard": dry.chalkboard,
    "oil-painting": brush.oil_painting,
    "impressionist": brush.impressionist,
    "pointillist": brush.pointillist,
    "gouache": brush.gouache,
    "storybook": brush.storybook,
    "woodcut": press.woodcut,
    "linocut": press.linocut,
    "risograph": press.risograph,
    "pop-art": press.pop_art,
    "blueprint": press.blueprint,
    "flat-design": press.flat_design,
    "minimalist": press.minimalist,
    "art-deco": press.art_deco,
    "art-nouveau": press.art_nouveau,
    "ukiyo-e": press.ukiyo_e,
    "stained-glass": tiles.stained_glass,
    "mosaic": tiles.mosaic,
    "isometric": tiles.isometric,
    "tile-texture": tiles.tile_texture,
    "bauhaus": tiles.bauhaus,
    "cross-stitch": tiles.cross_stitch,
    "cubist": tiles.shards,
    "claymation": solid.clay,
    "modeling-compound": solid.modeling_compound,
    "3d-model": solid.model_3d,
    "paper-cut": solid.paper_cut,
    "photographic": lens.photographic,
    "noir": lens.noir,
    "golden-hour": lens.golden_hour,
    "macro": lens.macro,
    "editorial-photo": lens.editorial,
    "product-photo": lens.product,
    "vintage-photo": lens.vintage_photo,
    "anime": glow.anime,
    "fantasy-art": glow.fantasy_art,
    "cyberpunk": glow.cyberpunk,
    "vaporwave": glow.vaporwave,
    "glitch-art": glow.glitch_art,
    "surrealist": glow.surrealist,
    "steampunk": glow.steampunk,
    "sticker": glow.sticker,
}
"""All styles by name. Names are those of cloud presets where the look is close."""

_MOST_PIXELS = 4_200_000
"""Larger pictures are drawn at this size and enlarged: their planes would need gigabytes."""


def choose(style: str, said: str) -> tuple[str, str]:
    """(the style to apply, the unknown style to report).

    ``style`` comes before one ``said`` in the prompt.
    """
    name = "-".join(style.casefold().replace("_", " ").replace("-", " ").split())
    name = {"watercolour": "watercolor", "none": ""}.get(name, name)
    if name in STYLES:
        return name, ""
    return said, " ".join(style.split())[:80] if name else ""


def apply(name: str, pixels: Pixels, st: Stage) -> Pixels:
    """Apply one of ``STYLES``."""
    if st.w * st.h <= _MOST_PIXELS:
        return STYLES[name](pixels, st)
    scale = (_MOST_PIXELS / (st.w * st.h)) ** 0.5
    w, h = int(st.w * scale), int(st.h * scale)
    small = Stage(w, h, st.rng, st.pal)
    small.light = (st.light[0] * scale, st.light[1] * scale)
    less = Image.fromarray(pixels).resize((w, h), Image.Resampling.LANCZOS)
    drawn = Image.fromarray(STYLES[name](np.asarray(less), small))
    return np.asarray(drawn.resize((st.w, st.h), Image.Resampling.BICUBIC))


def apply_to(name: str, pixels: Pixels, palette: Palette, seed: int) -> Pixels:
    """Apply one of ``STYLES`` to a picture that was not composed here.

    Args:
        name: of the style.
        pixels: (rows, columns, 3).
        palette: the light that styles with colours of their own take them from.
        seed: of the style's own chance.
    """
    h, w = pixels.shape[:2]
    stage = Stage(w, h, np.random.Generator(np.random.PCG64(seed)), palette)
    stage.light = (w * 0.3, h * 0.2)
    return apply(name, pixels, stage)
