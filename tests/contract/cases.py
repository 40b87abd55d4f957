"""What the contract suite is made of: cases, which are tests and lines of a table in the docs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

Kind = Literal["success", "error", "blocked", "network"]


@dataclass(frozen=True)
class Case:
    """One thing that an adapter must get right against its emulator.

    Attributes:
        offer: the id of the offer that is tried.
        operation: its operation.
        kind: success, a documented error, a blocked or empty answer, or trouble on the network.
        name: what happens, in a few words.
        check: does it and asserts; it is given the emulator and the provider.
    """

    offer: str
    operation: str
    kind: Kind
    name: str
    check: Callable[[Any, Any], None]

    def __str__(self) -> str:
        return f"{self.offer}-{self.kind}-{self.name}".replace(" ", "_")
