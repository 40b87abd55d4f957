"""One task for each studio operation."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from prefect import Task, get_run_logger, task
from prefect.client.schemas.objects import State
from prefect.states import Completed

from engine.execute import Order
from engine.file_links import file_link
from engine.jobs import Job
from engine.studio import open_studio
from studio import credits as money
from studio.errors import StudioError
from studio.operations import OPERATIONS, Operation
from studio.settings import Settings
from tasks.states import failed_job, refused


def _task_for(operation: type[Operation]) -> Task[[Order], State[Any]]:
    """Return the task of an operation, named and described for it."""

    def carry_out(order: Order) -> State[Any]:
        return _carry_out(order)

    carry_out.__doc__ = operation.summary
    name = str(operation.model_fields["operation"].default).replace("_", "-")
    # No retries: the engine alone knows which failures surely bought nothing, and tries again.
    return task(
        name=name,
        description=operation.summary,
        task_run_name=f"{name} {{order.label}}",
        persist_result=False,
    )(carry_out)


def _carry_out(order: Order) -> State[Any]:
    """Carry the order out and end in a state that says in words what came of it."""
    studio = open_studio()
    try:
        job = studio.loop.run(studio.executor.execute(order))
    except StudioError as error:
        return refused(error)
    if job.state != "settled":
        return failed_job(job)
    words = _words(job, studio.settings)
    get_run_logger().info(words)
    return Completed(message=words, data=job)


def _words(job: Job, config: Settings) -> str:
    title = OPERATIONS[str(job.operation["operation"])].title
    links = " ".join(file_link(config, asset) for asset in job.asset_ids())
    return f"{title}: {job.label} by {job.offer} for {money.show(job.credits)} credits {links}"


OPERATION_TASKS: Mapping[str, Task[[Order], State[Any]]] = MappingProxyType(
    {name: _task_for(operation) for name, operation in OPERATIONS.items()}
)
"""The task for each operation."""
