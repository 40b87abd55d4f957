"""Waiting by Prefect's own means: a run gives its process back, and is started again at a moment.

The run itself is planned anew, as one that awaits a retry is: its place in the list, its id and the
moment for which it was planned first stay.
"""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Any
from uuid import UUID

from prefect import get_run_logger
from prefect.client.orchestration import get_client
from prefect.client.schemas.objects import State
from prefect.exceptions import Abort, Pause
from prefect.runtime import deployment, flow_run
from prefect.states import Scheduled

from studio.clock import now
from studio.windows import Window

STATES = ("AwaitingWindow", "AwaitingTurn")
"""What a run is called that waits so."""

_LOOK_SECONDS = 15
"""For which a run without a deployment sleeps before it looks at the clock again."""


async def opened(window: Window) -> None:
    """Return when a window is open: at once, or as ``wait_until`` does."""
    opens = window.opens(now())
    if opens > now():
        words = f"The window {window} is closed: it waits until {opens:%Y-%m-%d %H:%M} UTC."
        await wait_until(opens, "AwaitingWindow", words)


async def wait_until(moment: datetime, state: str, words: str) -> None:
    """Wait until a moment.

    A run of a deployment ends here, and is started again from its beginning then; what it holds
    must have been given back. One that is run by hand has nobody who would, and waits in place.

    Args:
        moment: aware.
        state: one of ``STATES``.
        words: why, for people.

    Raises:
        Pause: the run is planned for then.
        Abort: Prefect did not plan it: somebody is cancelling it.
    """
    get_run_logger().info("%s", words)
    if not deployment.id:
        # A clock that is set, or a machine that slept, is noticed so.
        while (left := (moment - now()).total_seconds()) > 0:  # noqa: ASYNC110
            await asyncio.sleep(min(left, _LOOK_SECONDS))
        return
    planned: State[Any] = Scheduled(scheduled_time=moment, name=state, message=words)
    async with get_client() as client:
        said = await client.set_flow_run_state(UUID(str(flow_run.id)), planned)
    if said.state is None or said.state.name != state:
        raise Abort(f"It could not be planned for {moment.isoformat()}: {said.status}.")
    raise Pause(state=said.state)
