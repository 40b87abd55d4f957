"""A style that nobody knows: models are told of it in words, and this machine leaves it out."""

from __future__ import annotations

from functools import lru_cache

from providers import Offer
from studio.catalog import style
from studio.errors import InvalidRequest
from studio.operations import Operation

_LOCAL = "local"
_NAMED = 5
"""Styles that are named instead of one that there is not."""
_KEPT = 1_000
"""Styles whose words are kept."""


def unknown_style(operation: Operation, offer: Offer) -> tuple[str, ...]:
    """Say that a style is left out, because it is none of the catalogue's and no words are read.

    Args:
        operation: what is asked.
        offer: who is asked first.

    Returns:
        A sentence; nothing where the style is known, is empty, or is told to a model in words.
    """
    given = str(getattr(operation, "style", "")).strip()
    if not given or offer.provider != _LOCAL:
        return ()
    return _unknown(given)


@lru_cache(_KEPT)
def _unknown(given: str) -> tuple[str, ...]:
    """Say so of one style; all rows of a large file may name the same."""
    try:
        style(given)
    except InvalidRequest as error:
        known = ", ".join(str(error.allowed).split(", ")[:_NAMED])
        words = " ".join(given.split())
        told = f"style: there is no style {words!r}, and this machine leaves it out"
        return (f"{told}; allowed: {known} and others of the catalogue.",)
    return ()
