"""Money: whole micro-credits, and nothing else.

1 credit is 1,000,000 micro-credits and sells at US$0.01. Every amount in the program and in the
database is an ``int`` of micro-credits; credits with decimals exist only as text, on the way in
(``parse``) and on the way out (``show``). Neither direction rounds.
"""

from __future__ import annotations

import re

from studio.errors import InvalidRequest

MICRO = 1_000_000
"""Micro-credits in one credit."""

MOST = 1_000_000_000 * MICRO
"""The largest amount: 10^9 credits, US$10,000,000.

10^15 is below 2^53, so an amount stays exact in every JSON reader, also in a browser; and it is
so far below the end of a BIGINT (9.2 * 10^18) that no sum of two amounts can overflow it.
"""

_DECIMALS = 6
_DOLLAR_DECIMALS = 8
"""100 credits to the dollar, 10^6 micro-credits to the credit: a dollar is 10^8 micro-credits."""
_TEXT = re.compile(r"(-?)([0-9]+)(?:\.([0-9]+))?", re.ASCII)
_LONGEST_TEXT = 40


def parse(text: str, *, field: str = "credits", least: int = 0) -> int:
    """Return the micro-credits that ``text`` says in credits: ``"12.5"`` is 12,500,000.

    Args:
        text: digits, with a point and up to six decimals if need be; spaces around it are
            dropped. No exponent, no thousands separator, no plus sign.
        field: what the amount is called where it was typed, for the refusal.
        least: the smallest amount accepted, in micro-credits; below 0 lets negatives in.

    Raises:
        InvalidRequest: the text is no such number, too small, too large or too fine.
    """
    match = _match(text)
    if match is None:
        raise InvalidRequest(
            "This is not an amount of credits.",
            field=field,
            given=repr(text),
            allowed="a number such as 12 or 12.5, with a point and at most 6 decimals",
        )
    sign, whole, decimals = match.group(1), match.group(2), match.group(3) or ""
    if len(decimals) > _DECIMALS:
        raise InvalidRequest(
            "A credit has six decimals; a finer amount would have to be rounded.",
            field=field,
            given=text,
            allowed="at most 6 decimals",
        )
    amount = int(whole) * MICRO + int(decimals.ljust(_DECIMALS, "0"))
    return check(-amount if sign else amount, field=field, least=least)


def show(amount: int) -> str:
    """Return micro-credits as credits, exactly: 12,500,000 is ``"12.5"``, 0 is ``"0"``.

    ``parse(show(amount), least=-MOST)`` is ``amount`` again.
    """
    return _decimal(amount, _DECIMALS)


def dollars(amount: int) -> str:
    """Return what micro-credits sell for in US dollars, exactly: 12,500,000 is ``"0.125"``."""
    return _decimal(amount, _DOLLAR_DECIMALS)


def check(amount: int, *, field: str = "amount", least: int = 0) -> int:
    """Return ``amount`` if it is a lawful number of micro-credits.

    Raises:
        InvalidRequest: it is no ``int`` (a ``bool`` and a ``float`` are none), less than
            ``least`` or more than ``MOST``.
    """
    # type() and not isinstance: True is an int, and an amount of True is a programming mistake.
    if type(amount) is int and least <= amount <= MOST:
        return amount
    if type(amount) is not int:
        raise InvalidRequest(
            "An amount is a whole number of micro-credits.",
            field=field,
            given=f"{type(amount).__name__} {amount!r}",
            allowed="an integer",
        )
    raise InvalidRequest(
        "The amount is too small." if amount < least else "The amount is too large.",
        field=field,
        given=f"{show(amount)} credits" if abs(amount) < MOST * MICRO else "a number beyond reason",
        allowed=f"{show(least)} to {show(MOST)} credits",
    )


def _match(text: object) -> re.Match[str] | None:
    """Match what may be no text at all; a text of a megabyte is not an amount either."""
    if not isinstance(text, str) or len(text) > _LONGEST_TEXT:
        return None
    return _TEXT.fullmatch(text.strip())


def _decimal(amount: int, decimals: int) -> str:
    """Return ``amount`` / 10^``decimals`` in digits, without zeros at the end."""
    whole, rest = divmod(abs(amount), 10**decimals)
    text = f"{whole}.{rest:0{decimals}d}".rstrip("0").rstrip(".")
    return f"-{text}" if amount < 0 else text
