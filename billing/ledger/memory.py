"""Idempotency: the same key with the same parameters is the same request."""

from __future__ import annotations

import dataclasses
from typing import Generic, TypeVar

from billing.ledger.words import Claim, Hold, Receipt
from studio.errors import Conflict

ResultT = TypeVar("ResultT", Hold, Claim, Receipt)

Place = tuple[str, str]
"""A wallet's id and the caller's key: what a key is unique in."""


class Memory(Generic[ResultT]):
    """What was asked before under each key: by rows in the database, or in this very group.

    Refusals are not remembered: after a top-up the same request may succeed.
    """

    def __init__(self, what: str) -> None:
        self._what = what
        self._known: dict[Place, tuple[str, ResultT]] = {}

    def add(self, place: Place, mark: str, result: ResultT) -> None:
        """Remember ``result`` for the request with the fingerprint ``mark``."""
        self._known[place] = (mark, result)

    def recall(self, place: Place, mark: str) -> ResultT | None:
        """Return the earlier result, marked as replayed; ``None`` if the key is new.

        Raises:
            Conflict: the key was used with other parameters.
        """
        if place not in self._known:
            return None
        known_mark, result = self._known[place]
        if known_mark != mark:
            raise Conflict(
                f"This key was used for another {self._what}; the first one stands.",
                field="key",
                given=place[1],
                allowed="the same parameters again, or a new key",
            )
        return dataclasses.replace(result, replayed=True)
