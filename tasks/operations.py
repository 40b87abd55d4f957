"""One task for each studio operation."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from prefect import Task, get_run_logger, task
from prefect.client.schemas.objects import State
from prefect.states import Completed

from engine.execute import Order
from engine.jobs import Job
from engine.studio import open_studio
from studio import credits as money
from studio.errors import StudioError
from studio.operations import OPERATIONS
from tasks.states import failed_job, refused


# No retries: the engine alone knows which failures surely bought nothing, and tries again itself.
@task(name="generate", task_run_name="generate {order.label}", persist_result=False)
def generate(order: Order) -> State[Any]:
    """Make a picture from words."""
    return _carry_out(order)


@task(
    name="remove-background", task_run_name="remove-background {order.label}", persist_result=False
)
def remove_background(order: Order) -> State[Any]:
    """Cut the subject out of a picture."""
    return _carry_out(order)


@task(name="upscale", task_run_name="upscale {order.label}", persist_result=False)
def upscale(order: Order) -> State[Any]:
    """Enlarge a picture."""
    return _carry_out(order)


@task(name="social-export", task_run_name="social-export {order.label}", persist_result=False)
def social_export(order: Order) -> State[Any]:
    """Fit a picture to social formats."""
    return _carry_out(order)


OPERATION_TASKS: Mapping[str, Task[[Order], State[Any]]] = MappingProxyType(
    {
        "generate": generate,
        "remove_background": remove_background,
        "upscale": upscale,
        "social_export": social_export,
    }
)
"""The task for each operation; a test compares it with ``studio.operations.OPERATIONS``."""


def _carry_out(order: Order) -> State[Any]:
    """Carry the order out and end in a state that says in words what came of it."""
    studio = open_studio()
    try:
        job = studio.loop.run(studio.executor.execute(order))
    except StudioError as error:
        return refused(error)
    if job.state != "settled":
        return failed_job(job)
    words = _words(job, studio.settings.files_url)
    get_run_logger().info(words)
    return Completed(message=words, data=job)


def _words(job: Job, files_url: str) -> str:
    title = OPERATIONS[str(job.operation["operation"])].title
    links = " ".join(f"{files_url}/assets/{asset}" for asset in job.asset_ids())
    return f"{title}: {job.label} by {job.offer} for {money.show(job.credits)} credits {links}"
