"""A fuller prompt from a few words, by rules: no language model, and it says so.

Where a scene is told it takes a light and a point of view that go with it; what the words say
themselves is never contradicted or replaced.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

from providers.contract import Delivery, Output, Request
from providers.local.illustrate.prompt import understand
from providers.offers import Offer
from providers.words import styled
from studio.operations import EnhancePrompt

_OUTSIDE = (
    ("warm light of the golden hour", "long soft shadows"),
    ("clear morning light", "a thin mist in the distance"),
    ("bright overcast light", "soft even shadows"),
    ("low evening sun from the side", "glowing edges"),
)
_INSIDE = (
    ("soft light from a large window", "gentle shadows"),
    ("warm lamp light", "a quiet dark background"),
    ("even studio light", "a clean background"),
)
_NIGHT = (
    ("moonlight and a few warm lamps", "deep blue shadows"),
    ("city lights reflected on wet ground", "a dark sky"),
)
_INDOORS = frozenset({"table", "room", "studio", "party", "kitchen", "office", "library"})
_NEAR = (
    "seen at eye level with the subject a third from the left",
    "a close view with a softly blurred background",
    "seen from slightly above, with room around the subject",
)
_FAR = (
    "a wide view with a clear foreground, middle and distance",
    "seen from slightly below, with room above",
    "seen at eye level with the subject a third from the left",
)
_FINISH = ("rich natural colours", "fine detail in the focus", "a calm, balanced composition")
_SAYS_LIGHT = frozenset(
    {
        "light",
        "sun",
        "sunset",
        "sunrise",
        "dawn",
        "dusk",
        "night",
        "moon",
        "moonlight",
        "lamp",
        "neon",
        "golden",
        "evening",
        "morning",
        "dark",
        "noon",
        "backlit",
        "shadow",
        "shadows",
        "lit",
    }
)
_SAYS_VIEW = frozenset(
    {
        "view",
        "close",
        "closeup",
        "close-up",
        "wide",
        "aerial",
        "above",
        "below",
        "portrait",
        "macro",
        "eye-level",
        "angle",
        "panorama",
        "overhead",
    }
)


def enhance(offer: Offer, request: Request, _weights: Path) -> Delivery:
    """Write the fuller prompt."""
    wanted = request.operation
    if not isinstance(wanted, EnhancePrompt):
        raise TypeError(f"{wanted.operation} came to an offer for enhance_prompt")
    prompt, added = write(wanted.prompt, wanted.style)
    data = json.dumps({"prompt": prompt, "added": added}, ensure_ascii=False).encode()
    return Delivery(
        outputs=(Output(data, "application/json"),),
        model=offer.model,
        method="rules on this machine, not a language model",
        facts={"added": added},
    )


def write(prompt: str, style: str = "") -> tuple[str, list[str]]:
    """Return the fuller prompt, and what was added; the same words give the same prompt."""
    words = set(prompt.lower().replace(",", " ").replace(".", " ").split())
    digest = hashlib.sha256(f"{prompt}\0{style}".encode()).digest()
    brief = understand(prompt)
    inside = brief.scene in _INDOORS
    lights = _NIGHT if "night" in brief.palettes else _INSIDE if inside else _OUTSIDE
    views = _NEAR if inside else _FAR
    added: list[str] = []
    if not words & _SAYS_LIGHT:
        added += lights[digest[0] % len(lights)]
    if not words & _SAYS_VIEW:
        added.append(views[digest[1] % len(views)])
    added.append(_FINISH[digest[2] % len(_FINISH)])
    whole = ", ".join([prompt.strip().rstrip(".,"), *added])
    return styled(whole, style), added
