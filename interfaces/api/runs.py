"""Runs as the API needs them: started, looked at, cancelled; ``prefect_runs`` has them done."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, Protocol

Status = Literal[
    "queued", "running", "waiting", "cancelling", "done", "failed", "cancelled", "crashed"
]
"""How a run is: ``waiting`` for somebody's word; the last four are its ends."""

ENDED: frozenset[Status] = frozenset({"done", "failed", "cancelled", "crashed"})

LARGEST_PAGE = 200


@dataclass(frozen=True, slots=True)
class Run:
    """A run.

    Attributes:
        id: Prefect's id, a UUID.
        flow: the flow's name.
        name: says what is made, for people.
        message: of its state; begins with an error's code where it was refused.
        owner: whose wallet pays.
        parameters: it was started with.
        page: its page in Prefect's UI.
    """

    id: str
    flow: str
    name: str
    status: Status
    message: str
    owner: str
    parameters: Mapping[str, Any]
    created_at: datetime | None
    started_at: datetime | None
    ended_at: datetime | None
    page: str = field(default="")

    @property
    def ended(self) -> bool:
        """Whether nothing more happens to it by itself."""
        return self.status in ENDED


class Runs(Protocol):
    """Who carries runs out."""

    def start(self, flow: str, parameters: Mapping[str, Any], *, key: str) -> str:
        """Start a flow; the same key is the same run. Returns the run's id.

        Args:
            flow: an operation's name, ``batch``, ``batch-again`` or ``import-files``.

        Raises:
            SetupIncomplete: its deployment was never registered.
            StudioUnavailable: Prefect does not answer.
        """

    def find(self, owner: str, run: str) -> Run:
        """Return a run.

        Raises:
            NotFound: there is no such run, or it is somebody else's.
            StudioUnavailable: Prefect does not answer.
        """

    def recent(self, owner: str, limit: int, offset: int) -> Sequence[Run]:
        """Return a page of the runs that were started here for an owner, the newest first."""

    def cancel(self, owner: str, run: str) -> Run:
        """Ask for a run's end; what has ended stays as it is.

        Raises:
            NotFound: as ``find``.
            StudioUnavailable: Prefect does not answer.
        """
