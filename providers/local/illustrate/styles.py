"""Styles by classic means: none yet."""
from __future__ import annotations
import numpy as np
from numpy.typing import NDArray
from providers.local.illustrate.stage import Stage
STYLES: dict[str, str] = {}
def choose(style: str, said: str) -> tuple[str, str]:
    return "", style
def apply(name: str, pixels: NDArray[np.uint8], st: Stage) -> NDArray[np.uint8]:
    return pixels
