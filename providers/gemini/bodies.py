"""Requests: the JSON that ``generateContent`` takes, in its camelCase.

Sent is what the Developer API is known to take and no more: an unknown name is a 400. Not sent are
``temperature`` and its kin (called deprecated for these models), file types of the result (not open
here), and safety settings (Google's own are left as they are).
"""

from __future__ import annotations

import json
from typing import Any

from providers.contract import Request
from providers.gemini.files import attached, inline
from providers.gemini.models import NAME, Tier, tier_of
from providers.gemini.prompts import words_for
from providers.gemini.texts import schema_for
from providers.offers import Offer, first_size
from studio.errors import TooLarge

LARGEST_REQUEST = 20_000_000
"""Bytes of a whole request, pictures in base64: "20 MB" is documented, taken for the smaller MB."""

_SEEDS = 2**31
"""Its seed is taken to be a signed 32-bit number, which is the careful reading of "integer"; the
studio's may be twice as large and is folded into it. That the same seed gives the same picture is
not promised there anyway."""


def body_for(offer: Offer, request: Request) -> dict[str, Any]:
    """Return the request for an operation. Pictures are read on the way, which takes a while.

    Raises:
        ProviderRejected: something in it cannot be sent; nothing was.
    """
    pictures = attached(request)
    parts: list[dict[str, Any]] = [{"text": words_for(request.operation, pictures)}]
    parts += [inline(request, field) for field in pictures]
    made = _text_config if offer.kind == "text" else _picture_config
    return {
        "contents": [{"role": "user", "parts": parts}],
        "generationConfig": _common(offer) | made(offer, request),
    }


def encoded(body: dict[str, Any]) -> bytes:
    """Return the bytes of a request.

    Raises:
        TooLarge: it is more than Gemini takes; nothing was sent.
    """
    data = json.dumps(body, ensure_ascii=False, separators=(",", ":")).encode()
    if len(data) > LARGEST_REQUEST:
        raise TooLarge(
            "The request is larger than Gemini takes: pictures go along in base64, which makes "
            "them a third larger. Use smaller pictures or JPEG.",
            provider=NAME,
            given=f"{len(data)} bytes in all",
            allowed=f"at most {LARGEST_REQUEST} bytes",
        )
    return data


def choices(body: dict[str, Any]) -> dict[str, Any]:
    """Return what was chosen in a request, without words and pictures: worth keeping."""
    config = body["generationConfig"]
    return {
        **config.get("imageConfig", {}),
        **{name: config[name] for name in ("seed", "maxOutputTokens") if name in config},
        **config.get("thinkingConfig", {}),
    }


def _common(offer: Offer) -> dict[str, Any]:
    tier = tier_of(offer)
    config: dict[str, Any] = {"candidateCount": 1, "maxOutputTokens": tier.most_tokens}
    if tier.thinking:
        config["thinkingConfig"] = {"thinkingLevel": tier.thinking, "includeThoughts": False}
    return config


def _picture_config(offer: Offer, request: Request) -> dict[str, Any]:
    # With TEXT it can say why it makes no picture.
    config: dict[str, Any] = {"responseModalities": ["TEXT", "IMAGE"]}
    image = _image_config(offer, tier_of(offer), request)
    if image:
        config["imageConfig"] = image
    seed = getattr(request.operation, "seed", -1)
    return config | ({"seed": seed % _SEEDS} if seed >= 0 else {})


def _image_config(offer: Offer, tier: Tier, request: Request) -> dict[str, str]:
    """Return the ratio and the size. Left out, the ratio would follow the last input picture."""
    config: dict[str, str] = {}
    first = first_size(request.inputs)
    wide, high = request.operation.target(*first) or first
    if wide and high and offer.sizes is not None:
        config["aspectRatio"] = offer.sizes.nearest(wide, high)[0]
    if tier.size:
        config["imageSize"] = tier.size
    return config


def _text_config(_: Offer, request: Request) -> dict[str, Any]:
    return {
        "responseMimeType": "application/json",
        "responseSchema": schema_for(request.operation),
    }
