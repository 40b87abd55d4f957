"""Prompts for models that lack a field for something: it is said in words."""

from __future__ import annotations

from studio.catalog import known_style


def styled(prompt: str, style: str) -> str:
    """Return the prompt with a style in words; unchanged without one.

    A style of the catalogue has words of its own; of any other its name is said.
    """
    found = known_style(style)
    words = found.fragment if found else f"{style.replace('-', ' ')} style" if style else ""
    return _joined(prompt, ", ", words)


def without(prompt: str, negative_prompt: str) -> str:
    """Return the prompt with what is to be left out; unchanged if there is nothing."""
    words = f"Do not show: {negative_prompt}" if negative_prompt else ""
    return _joined(prompt, ". ", words)


def _joined(prompt: str, between: str, words: str) -> str:
    begun = prompt.rstrip(" .")
    return f"{begun}{between}{words}" if begun and words else words or prompt
