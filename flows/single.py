"""What the flows of single operations share: pre-flight, the operation's task, settle, notify."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from pathlib import Path
from typing import Any

from prefect import Flow, State, flow, get_run_logger
from prefect.client.schemas.objects import FlowRun
from prefect.futures import PrefectFuture
from prefect.runtime import flow_run as this_run
from prefect.states import Completed, Failed

from engine.execute import Order
from engine.jobs import Job
from engine.single import release_run, stages
from engine.studio import open_settings, open_studio
from flows.forms import ACCOUNT, ORDER, caller_of, form
from studio.errors import StudioError
from studio.operations import Operation, parse_operation
from tasks import OPERATION_TASKS, notify, preflight, settle
from tasks.states import refused

_NAME_LENGTH = 60

Body = Callable[..., Coroutine[Any, Any, State[Any]]]
"""What a flow of one operation does: keywords for its fields in, a state out."""


def operation_flow(operation: type[Operation], name: str) -> Callable[[Body], Flow[..., Any]]:
    """Make a function the flow of ``operation``: its form, its run's name, its way out.

    Args:
        operation: what the flow does.
        name: the flow's name.
    """

    def decorate(body: Body) -> Flow[..., Any]:
        return flow(
            name=name,
            description=operation.summary,
            flow_run_name=run_name,
            on_crashed=[release],
            on_cancellation=[release],
        )(form(operation)(body))

    return decorate


async def run_operation(operation: type[Operation], values: Mapping[str, Any]) -> State[Any]:
    """Do one operation: check, quote and hold; buy; settle; tell.

    Args:
        operation: which.
        values: its fields, ``flows.forms.ORDER``, and who pays and asks (``flows.forms.ACCOUNT``).
    """
    name = str(operation.model_fields["operation"].default)
    fields = {key: value for key, value in values.items() if key not in {*ORDER, *ACCOUNT}}
    try:
        owner = str(values["owner"]) or open_settings().owner
        caller = caller_of(values, owner)
        request = parse_operation({**fields, "operation": name})
    except StudioError as error:
        return refused(error)
    token, version_of = (str(values.get(name, "")) for name in ORDER)
    orders = await preflight(request, owner, token, caller, version_of)
    if isinstance(orders, State):
        return Failed(message=orders.message)
    outcomes: list[tuple[Job | None, str]] = []
    try:
        for stage in stages(orders):
            futures = [OPERATION_TASKS[_name(order)].submit(order) for order in stage]
            for future in futures:
                # One by one: what has ended counts, whatever becomes of the next.
                outcomes.append(await asyncio.to_thread(_outcome, future))  # noqa: PERF401
            if len(_done(outcomes)) < len(outcomes):
                break
    finally:
        await settle(orders, [job for job, _ in outcomes if job is not None])
    await notify()
    done = _done(outcomes)
    if len(done) < len(orders):
        return Failed(message=_what_failed(orders, outcomes))
    words = "; ".join(done)
    get_run_logger().info(words)
    return Completed(message=words)


_Outcome = tuple[Job | None, str]


def _name(order: Order) -> str:
    return order.plan.operation.operation


def _done(outcomes: Sequence[_Outcome]) -> list[str]:
    """Return the words of what was made and paid."""
    return [words for job, words in outcomes if job is not None and job.state == "settled"]


def _what_failed(orders: Sequence[Order], outcomes: Sequence[_Outcome]) -> str:
    """Say what failed, and how many of several were made all the same; reasons once each."""
    failed = [words for job, words in outcomes if job is None or job.state != "settled"]
    reasons = "; ".join(dict.fromkeys(failed))
    before = sum(not order.prompt_from for order in orders) if len(stages(orders)) > 1 else 0
    if len(outcomes) <= before:
        return f"The prompt was not enhanced, so that no picture was bought. {reasons}"
    pictures, made = len(orders) - before, len(_done(outcomes)) - before
    return reasons if pictures == 1 else f"{made} of {pictures} made. {reasons}"


def _outcome(future: PrefectFuture[Any]) -> tuple[Job | None, str]:
    """Wait for a task; return its job, if it had one, and the words of its last state."""
    future.wait()
    result = future.result(raise_on_failure=False)
    state = future.state
    return (result if isinstance(result, Job) else None), str(state.message or state.name)


def run_name() -> str:
    """Name a run for what it makes."""
    values = this_run.parameters
    what = values.get("prompt") or Path(values.get("image") or "").name
    title = str(this_run.flow_name).replace("-", " ")
    return f"{title}: {what}"[:_NAME_LENGTH].rstrip(": ")


def release(flow: Flow[..., Any], flow_run: FlowRun, state: State[Any]) -> None:  # noqa: ARG001 - Prefect passes them by these names
    """Give back the hold of a run that was cancelled or crashed, without waiting for the reaper."""
    owner = str(flow_run.parameters.get("owner") or open_settings().owner)
    release_run(open_studio(), owner, str(flow_run.id))
