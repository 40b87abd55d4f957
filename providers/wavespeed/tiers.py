"""Tiers: what WaveSpeed allows an account, as data."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from importlib.resources import files

from pydantic import TypeAdapter

from providers.pacing import AccountLimits
from studio.errors import SetupIncomplete

_TIERS = TypeAdapter(dict[str, AccountLimits])


def tiers() -> Mapping[str, AccountLimits]:
    """Return the limits of each tier."""
    text = (files("providers.wavespeed") / "tiers.toml").read_text(encoding="utf-8")
    return _TIERS.validate_python(tomllib.loads(text))


def limits_of(tier: str) -> AccountLimits:
    """Return the limits of a tier.

    Raises:
        SetupIncomplete: there is no such tier.
    """
    known = tiers()
    if tier not in known:
        raise SetupIncomplete(
            "WaveSpeed has no such tier.",
            field="STUDIO_WAVESPEED_TIER",
            given=tier,
            allowed=", ".join(known),
        )
    return known[tier]
