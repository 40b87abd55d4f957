"""Identifiers: sortable by the time they were made, unique without asking a database."""

from __future__ import annotations

import secrets
import time
from datetime import UTC, datetime

from studio.errors import NotFound

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
"""Crockford's base 32: no i, l, o or u, so that an id read aloud stays the same id."""

_TIME_CHARACTERS = 10
_RANDOM_CHARACTERS = 16


def new_id(prefix: str) -> str:
    """Return ``prefix_`` and 26 characters: 48 bits of milliseconds, then 80 random bits.

    The layout is that of a ULID, in lower case, so ids sort by their time of making.
    """
    milliseconds = time.time_ns() // 1_000_000
    return f"{prefix}_{_base32(milliseconds, _TIME_CHARACTERS)}" + _base32(
        secrets.randbits(5 * _RANDOM_CHARACTERS), _RANDOM_CHARACTERS
    )


def made_at(identifier: str) -> datetime:
    """Return when an id was made, to the millisecond.

    Raises:
        NotFound: it is none of ours.
    """
    body = identifier.partition("_")[2][:_TIME_CHARACTERS].lower()
    if len(body) < _TIME_CHARACTERS or not set(body) <= set(_ALPHABET):
        raise NotFound("That is no id.", given=identifier)
    number = 0
    for character in body:
        number = number * 32 + _ALPHABET.index(character)
    try:
        return datetime.fromtimestamp(number / 1_000, UTC)
    except (ValueError, OverflowError, OSError):
        raise NotFound("That is no id.", given=identifier) from None


def _base32(number: int, length: int) -> str:
    """Return ``number`` in base 32, padded with zeros to ``length`` characters."""
    characters = []
    for _ in range(length):
        number, digit = divmod(number, 32)
        characters.append(_ALPHABET[digit])
    return "".join(reversed(characters))
