"""Errors that only the command line has."""

from __future__ import annotations

from interfaces.cli.exits import Exit
from interfaces.cli.prefect_runs import FlowOutcome
from studio.errors import StudioError


class FlowFailed(StudioError):
    """A flow run did not complete; its own words say why.

    Attributes:
        exit: the code that fits the flow's end.
    """

    code = "flow_failed"

    def __init__(self, outcome: FlowOutcome) -> None:
        super().__init__(outcome.message, run=outcome.run, link=outcome.link)
        self.exit: Exit = outcome.exit if not outcome.completed else Exit.FAILED
