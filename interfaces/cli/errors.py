"""Errors that only the command line has."""

from __future__ import annotations

from collections.abc import Sequence

from interfaces.cli.exits import Exit
from interfaces.cli.prefect_runs import FlowOutcome
from studio.errors import StudioError


class FlowFailed(StudioError):
    """A flow run did not complete; its own words say why.

    Attributes:
        exit: the code that fits the flow's end.
    """

    code = "flow_failed"

    def __init__(self, outcome: FlowOutcome, files: Sequence[str] = ()) -> None:
        kept = f" Kept: {', '.join(files)}" if files else ""
        super().__init__(
            outcome.message + kept, run=outcome.run, link=outcome.link, files=list(files)
        )
        self.exit: Exit = outcome.exit if not outcome.completed else Exit.FAILED
