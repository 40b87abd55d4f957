"""What is done about a batch whose run was ended from outside."""

from __future__ import annotations

from typing import Any

from prefect import Flow, State
from prefect.client.schemas.objects import FlowRun

from engine.batch_ending import end_cancelled, left_batches
from engine.studio import open_studio
from flows.single import release


def cancelled(flow: Flow[..., Any], flow_run: FlowRun, state: State[Any]) -> None:
    """Bring the batch of a cancelled run to its end, which its process could not do any more.

    Where nobody knows yet that the process is gone, as on another machine, upkeep does it later.
    """
    studio = open_studio()
    for left in left_batches(studio, str(flow_run.id)):
        end_cancelled(studio, left)
    release(flow, flow_run, state)
