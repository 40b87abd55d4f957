"""Tickets: what has to be known to collect work after a restart, in one short text.

It reads ``kind:place?facts``. The place is a path at fal's queue, a prediction's id at Replicate or
WaveSpeed, or the URL of a file that is made already; the facts are those that a delivery tells.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal, cast, get_args
from urllib.parse import parse_qs, quote, unquote, urlencode

from providers.contract import Ticket
from providers.huggingface.routes import NAME
from studio.errors import BadResponse

Kind = Literal["fal", "replicate", "wavespeed", "file"]

LONGEST = 500
"""Characters of a ticket."""

_LARGEST_SEED = 2**63 - 1
_ID = re.compile(r"[A-Za-z0-9_-]{1,128}", re.ASCII)
_PATH = re.compile(r"(?:/[\w.-]{1,128}){1,12}", re.ASCII)
_LONGEST_PATH = 300


def is_id(text: object) -> bool:
    """Say whether ``text`` may stand in a path as an id."""
    return isinstance(text, str) and _ID.fullmatch(text) is not None


def is_path(text: object) -> bool:
    """Say whether ``text`` is a plain path, to which our token may go at the router."""
    return (
        isinstance(text, str)
        and len(text) <= _LONGEST_PATH
        and _PATH.fullmatch(text) is not None
        and not any(part.strip(".") == "" for part in text.split("/")[1:])
    )


@dataclass(frozen=True, slots=True)
class Remote:
    """Work that an inference provider has, or has done.

    Attributes:
        kind: how it is collected.
        place: where it is.
        model: what the inference provider calls the model.
        request: the provider's name for the request; empty where the place says it.
        seed: that was sent; ``None`` where none was.
        asked: the size that was asked for; empty where none was.
        unflagged: whether nobody said that the picture is fit to be shown.
    """

    kind: Kind
    place: str
    model: str = ""
    request: str = ""
    seed: int | None = None
    asked: str = ""
    unflagged: bool = False

    def ticket(self) -> Ticket | None:
        """Return the ticket; ``None`` if it would be too long."""
        facts = {
            "m": self.model,
            "s": "" if self.seed is None else str(self.seed),
            "a": self.asked,
            "u": "1" if self.unflagged else "",
            "r": self.request,
        }
        told = {name: value for name, value in facts.items() if value}
        for spare in ("", "r", "m", "a"):  # what is left out first is missed least
            told.pop(spare, None)
            text = self._text(told)
            if len(text) <= LONGEST:
                return Ticket(text)
        return None

    def _text(self, facts: dict[str, str]) -> str:
        place = quote(self.place, safe="/:")
        return f"{self.kind}:{place}?{urlencode(facts, safe='/:')}"

    @classmethod
    def read(cls, ticket: Ticket) -> Remote:
        """Return what a ticket says.

        Raises:
            BadResponse: it is none of ours; what it stood for cannot be followed.
        """
        kind, _, rest = ticket.remote_id.partition(":")
        place, _, query = rest.partition("?")
        place = unquote(place)
        told = {name: values[0] for name, values in parse_qs(query).items()}
        seed = told.get("s", "")
        plain = is_path(place) if kind == "fal" else kind == "file" or is_id(place)
        if kind not in get_args(Kind) or not plain or not (seed == "" or seed.isdecimal()):
            raise BadResponse(
                "This is no ticket of Hugging Face's; what it stands for cannot be followed.",
                provider=NAME,
                field="remote_id",
                given=ticket.remote_id,
            )
        return cls(
            cast("Kind", kind),
            place,
            told.get("m", ""),
            told.get("r", ""),
            min(int(seed), _LARGEST_SEED) if seed else None,
            told.get("a", ""),
            "u" in told,
        )
