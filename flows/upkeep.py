"""Upkeep: frees the holds of dead runs, checks the books, sends what waits."""

from __future__ import annotations

from typing import Any

from prefect import State, flow
from prefect.states import Completed, Failed

from tasks import notify
from tasks.upkeep import audit_books, preflight_free, reap


@flow(
    name="upkeep",
    description="Give back the holds of dead runs, check the books, send waiting messages.",
)
async def upkeep() -> State[Any]:
    """Give back the holds of dead runs, check the books, send waiting messages."""
    await preflight_free()
    freed = await reap()
    faults = await audit_books()
    sent = await notify()
    words = f"{freed} holds freed, {sent} messages sent, {len(faults)} faults in the books"
    return (Failed if faults else Completed)(message=words)
