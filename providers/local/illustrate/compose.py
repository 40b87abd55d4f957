"""The illustration composer: a prompt in, a picture out. It draws; it does not dream.

Not a diffusion model: it knows a few hundred nouns, eighteen scenes and some twenty lights, and
says in
``Illustration.ignored`` which words of the prompt it could not draw.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from providers.local.illustrate import finish, place, styles
from providers.local.illustrate.colour import hexed
from providers.local.illustrate.palettes import Palette, palettes
from providers.local.illustrate.prompt import Brief, understand
from providers.local.illustrate.scenes import SCENES
from providers.local.illustrate.stage import Stage
from studio.errors import InvalidRequest

MIN_SIDE = 64
MAX_SIDE = 4096
EDITION = 2
"""Part of every seed.

Raised when the drawing changes, so that nobody expects old bytes from new code.
"""


@dataclass(frozen=True)
class Illustration:
    """A picture and what went into it.

    Attributes:
        image: RGB, exactly as large as asked for.
        scene: a key of ``SCENES``. palette: one palette name, or two joined by ``+``.
        subjects: names of the subjects drawn, in the order of the prompt.
        ignored: words of the prompt (and an unknown style) that had no effect.
    """

    image: Image.Image
    scene: str
    palette: str
    subjects: tuple[str, ...]
    ignored: tuple[str, ...]


def compose(
    prompt: str,
    *,
    width: int,
    height: int,
    seed: int,
    style: str = "",
    negative_prompt: str = "",
    colours: Sequence[str] = (),
) -> Illustration:
    """Draw an illustration of ``prompt``.

    Args:
        prompt: English; words in other languages are reported in ``ignored``.
        width, height: 64..4096 pixels each.
        seed: any integer; another seed gives another arrangement.
        style: one of ``STYLES``; an unknown one is reported in ``ignored``.
        negative_prompt: subjects, scenes and weather that must not appear.
        colours: as ``#rrggbb``, the most important first: the same scene is lit in them.

    The same arguments give the same bytes. Raises InvalidRequest if a side is out of range.
    """
    for name, side in (("width", width), ("height", height)):
        if not MIN_SIDE <= side <= MAX_SIDE:
            raise InvalidRequest(
                "The picture's size is out of range.",
                field=name,
                given=side,
                allowed=f"{MIN_SIDE}..{MAX_SIDE}",
            )
    brief = understand(prompt, negative_prompt)
    chosen, unknown = styles.choose(style, brief.style)
    # The style is no part of it: another style shows the same scene.
    rng = _rng(prompt, width, height, seed, negative_prompt)
    label, palette = light_for(brief, rng)
    palette = palette.worn([hexed(each) for each in colours])
    stage = _paint(brief, palette, width, height, rng)
    pixels = finish.develop(stage)
    if chosen:
        pixels = styles.apply(chosen, pixels, stage)
    ignored = (*brief.ignored, *((f"style: {unknown}",) if unknown else ()))
    return Illustration(
        Image.fromarray(pixels), brief.scene, label, tuple(w.name for w in brief.wanted), ignored
    )


def _rng(*arguments: object) -> np.random.Generator:
    """A generator seeded by a hash of all arguments; JSON keeps them apart unambiguously."""
    text = json.dumps([EDITION, *arguments], ensure_ascii=True)
    return np.random.Generator(
        np.random.PCG64(int.from_bytes(hashlib.sha256(text.encode()).digest()[:16], "big"))
    )


def light_for(brief: Brief, rng: np.random.Generator) -> tuple[str, Palette]:
    """The light: as said, else one that the scene often wears.

    Tinted if a colour was named for the whole.
    """
    names = brief.palettes or [
        SCENES[brief.scene].palettes[int(rng.random() ** 1.5 * len(SCENES[brief.scene].palettes))]
    ]
    palette = palettes()[names[0]]
    for name in names[1:]:
        palette = palette.blend(palettes()[name])
    if brief.tint is not None:
        palette = palette.tint(brief.tint)
    return "+".join(names), palette


def _paint(
    brief: Brief, palette: Palette, width: int, height: int, rng: np.random.Generator
) -> Stage:
    """Plate, subjects, foreground, weather."""
    stage = Stage(width, height, rng, palette, lead=bool(brief.wanted))
    SCENES[brief.scene].paint(stage)
    items = place.arrange(stage, brief) if brief.wanted else []
    for item in items:
        place.draw(stage, item)
    for paint in stage.front:
        paint(stage)
    finish.weather(stage, brief.weather)
    return stage
