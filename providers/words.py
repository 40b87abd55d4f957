"""Prompts for models that lack a field for something: it is said in words."""

from __future__ import annotations


def styled(prompt: str, style: str) -> str:
    """Return the prompt with a style in words; unchanged without one."""
    return f"{prompt.rstrip(' .')}, {style.replace('-', ' ')} style" if style else prompt


def without(prompt: str, negative_prompt: str) -> str:
    """Return the prompt with what is to be left out; unchanged if there is nothing."""
    if not negative_prompt:
        return prompt
    return f"{prompt.rstrip(' .')}. Do not show: {negative_prompt}"
