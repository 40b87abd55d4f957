"""Tickets: what has to be known to collect work after a restart, in one short text.

It begins with WaveSpeed's own id of the prediction, for whoever looks it up there; what the
delivery is to tell of the request, and WaveSpeed does not repeat, follows as a query.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import parse_qs, urlencode

from providers.contract import Ticket
from studio.errors import BadResponse

_ID = re.compile(r"[A-Za-z0-9_-]{1,128}", re.ASCII)


def is_id(text: object) -> bool:
    """Say whether ``text`` may stand in a path as the id of a prediction."""
    return isinstance(text, str) and _ID.fullmatch(text) is not None


@dataclass(frozen=True, slots=True)
class Remote:
    """Work that WaveSpeed has.

    Attributes:
        id: of the prediction.
        seed: that was sent; ``None`` for models without one.
        asked: the size, ratio or resolution that was asked for; empty where there is none.
        most_tags: how many tags are wanted; 0 where none are.
    """

    id: str
    seed: int | None = None
    asked: str = ""
    most_tags: int = 0

    def ticket(self) -> Ticket:
        """Return the ticket."""
        more: dict[str, str | int] = {}
        if self.seed is not None:
            more["seed"] = self.seed
        if self.asked:
            more["asked"] = self.asked
        if self.most_tags:
            more["tags"] = self.most_tags
        return Ticket(f"{self.id}?{urlencode(more)}" if more else self.id)

    @classmethod
    def read(cls, ticket: Ticket) -> Remote:
        """Return what a ticket says.

        Raises:
            BadResponse: it is none of ours; what it stood for cannot be followed.
        """
        identifier, _, query = ticket.remote_id.partition("?")
        if not is_id(identifier):
            raise BadResponse(
                "The id of the prediction is none that WaveSpeed gives.",
                provider="wavespeed",
                field="remote_id",
                given=identifier,
            )
        told = {name: values[0] for name, values in parse_qs(query).items()}
        return cls(
            identifier,
            int(told["seed"]) if "seed" in told else None,
            told.get("asked", ""),
            int(told.get("tags", 0)),
        )
