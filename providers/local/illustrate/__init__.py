"""Illustrations from a prompt, drawn locally: see :mod:`providers.local.illustrate.compose`."""

from __future__ import annotations

from providers.local.illustrate.compose import Illustration, compose
from providers.local.illustrate.palettes import palettes
from providers.local.illustrate.scenes import SCENES
from providers.local.illustrate.styles import STYLES

__all__ = ["SCENES", "STYLES", "Illustration", "compose", "palettes"]
