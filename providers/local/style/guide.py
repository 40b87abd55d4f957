"""Style guide: an illustration of the prompt, repainted in the style of a picture."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from providers.contract import Delivery, Request
from providers.local import illustrate
from providers.local.style.parts import delivered, expect, opaque, opened
from providers.local.style.transfer import METHOD, transferred
from providers.offers import Offer
from studio.operations import StyleGuide

_FORMS = 0.55
"""How much of the illustration's own forms comes back at full fidelity: strokes shall be seen."""


def style_guide(offer: Offer, request: Request, _weights: Path) -> Delivery:
    """Compose the prompt and repaint it in the style of ``image``; the size is exact."""
    wanted = expect(StyleGuide, request.operation)
    sample = np.asarray(opaque(opened(request, "image")))
    made = illustrate.compose(
        wanted.prompt,
        width=wanted.width,
        height=wanted.height,
        seed=wanted.seed,
        negative_prompt=wanted.negative_prompt,
    )
    pixels = transferred(
        np.asarray(made.image),
        sample,
        style=wanted.fidelity,
        composition=1 - (1 - _FORMS) * wanted.fidelity,
        change=1,
    )
    return delivered(
        offer,
        Image.fromarray(pixels),
        wanted.output_format,
        f"illustration composed on this machine (scene: {made.scene}), then {METHOD}",
        seed=wanted.seed,
        kind="illustration",
        scene=made.scene,
        palette=made.palette,
        subjects=list(made.subjects),
        not_drawn=list(made.ignored),
    )
