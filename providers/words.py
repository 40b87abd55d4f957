"""Prompts for models that lack a field for something: it is said in words."""

from __future__ import annotations

from typing import TypeVar

from studio.catalog import colour_name, known_style
from studio.operations import Generate, Operation

Asked = TypeVar("Asked", bound=Operation)


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


def coloured(prompt: str, palette: str) -> str:
    """Return the prompt with its colours by name and number; unchanged without any."""
    names = [f"{colour_name(each)} ({each})" for each in palette.split()]
    return _joined(prompt, ". ", f"Colour palette: {', '.join(names)}" if names else "")


def in_words(operation: Asked) -> Asked:
    """Return the operation for a model that only words tell of colours."""
    if not isinstance(operation, Generate) or not operation.palette:
        return operation
    prompt = coloured(operation.prompt, operation.palette)
    return operation.model_copy(update={"prompt": prompt, "palette": ""})


def _joined(prompt: str, between: str, words: str) -> str:
    begun = prompt.rstrip(" .")
    return f"{begun}{between}{words}" if begun and words else words or prompt
