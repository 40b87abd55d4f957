"""Upkeep: frees the holds of dead runs, begins periods, checks the books, sends what waits."""

from __future__ import annotations

from typing import Any

from prefect import State, flow
from prefect.states import Completed, Failed

from tasks import notify
from tasks.schedules import watch_schedules
from tasks.upkeep import (
    audit_books,
    empty_trash,
    end_cancelled_batches,
    preflight_free,
    reap,
    renew,
    resume,
)


@flow(
    name="upkeep",
    description="Go on with what dead runs left behind, give back their holds, begin the periods "
    "of plans, empty the trash, look after schedules, check the books, send waiting messages.",
)
async def upkeep() -> State[Any]:
    """Go on with what dead runs left behind, free their holds, check the books, send messages."""
    await preflight_free()
    resumed = await resume()
    await end_cancelled_batches()
    renewed = await renew()
    freed = await reap()
    emptied = await empty_trash()
    made_up = await watch_schedules()
    faults = await audit_books()
    sent = await notify()
    words = (
        f"{resumed.settled} jobs finished, {renewed} periods begun, {freed} holds freed, "
        f"{made_up} missed batches begun, {emptied} assets purged, {sent} messages sent, "
        f"{len(faults)} faults in the books"
    )
    return (Failed if faults else Completed)(message=words)
