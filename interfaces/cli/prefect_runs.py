"""Running a flow from the command line, on the studio's own Prefect server.

Prefect is imported here and nowhere else, after its profile is in the environment.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import logging
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from deployments.server import is_healthy, running_server, server_environment
from interfaces.cli.exits import Exit, exit_for_code
from interfaces.cli.output import Output
from studio.operations import Operation
from studio.settings import Settings

if TYPE_CHECKING:
    from prefect import Flow


@dataclass(frozen=True, slots=True)
class FlowOutcome:
    """How a flow run ended.

    Attributes:
        run: its id.
        completed: whether its state is Completed.
        message: its state's words.
        link: its page in Prefect's UI.
    """

    run: str
    completed: bool
    message: str
    link: str

    @property
    def exit(self) -> Exit:
        """The exit code that its end comes to; a refusal begins with the error's code."""
        return Exit.DONE if self.completed else exit_for_code(self.message.partition(":")[0])


@contextlib.contextmanager
def prefect_server(config: Settings, out: Output) -> Iterator[None]:
    """Have a Prefect server for the time being, and Prefect's own log kept quiet.

    The log goes to the server in full; on the terminal only warnings are shown.
    """
    address = server_environment(config)["PREFECT_API_URL"]
    if not is_healthy(address):
        out.note("Starting a Prefect server of our own (the first time takes some 15 s) ...")
    with running_server(config):
        os.environ.setdefault("PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL", "WARNING")
        yield


def _log_above_progress(out: Output) -> None:
    """Let Prefect's warnings go through our console, which knows where the progress is drawn."""
    handlers = importlib.import_module("prefect.logging.handlers")
    loggers = [logging.getLogger(), *logging.Logger.manager.loggerDict.values()]
    for logger in loggers:
        for handler in getattr(logger, "handlers", ()):
            if isinstance(handler, handlers.PrefectConsoleHandler):
                handler.console = out.errors


def flow_of(operation: type[Operation]) -> Flow[..., Any]:
    """Return the flow of an operation; Prefect is imported for it."""
    flows: Mapping[str, Flow[..., Any]]
    flows = importlib.import_module("flows.operations").OPERATION_FLOWS
    return flows[operation.model_fields["operation"].default]


def batch_flow() -> Flow[..., Any]:
    """Return the flow of batches; Prefect is imported for it."""
    flow: Flow[..., Any] = importlib.import_module("flows.batch").batch
    return flow


def again_flow() -> Flow[..., Any]:
    """Return the flow that does rows of a batch again; Prefect is imported for it."""
    flow: Flow[..., Any] = importlib.import_module("flows.batch_again").batch_again
    return flow


def import_flow() -> Flow[..., Any]:
    """Return the flow of imports; Prefect is imported for it."""
    flow: Flow[..., Any] = importlib.import_module("flows.imports").import_files
    return flow


def run_flow(flow: Flow[..., Any], parameters: Mapping[str, Any], out: Output) -> FlowOutcome:
    """Run a flow in this process; to be called within ``prefect_server``."""
    _log_above_progress(out)
    urls = importlib.import_module("prefect.utilities.urls")
    run_it: Any = flow
    state = asyncio.run(run_it(**parameters, return_state=True))
    run = str(state.state_details.flow_run_id)
    return FlowOutcome(
        run=run,
        completed=state.is_completed(),
        message=str(state.message or state.name),
        link=str(urls.url_for("flow-run", obj_id=run) or ""),
    )
