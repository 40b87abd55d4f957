"""Arrivals: what came into libraries is tagged, where its owner wishes it."""

from __future__ import annotations

from typing import Any

from prefect import State, flow
from prefect.states import Completed, Failed

from tasks.arrivals import tag_all
from tasks.upkeep import preflight_free


@flow(
    name="tag-arrivals",
    description="Tag the pictures that arrived, in the libraries whose owners wish it; each passes "
    "the gate.",
)
async def tag_arrivals() -> State[Any]:
    """Tag the pictures that arrived, in the libraries whose owners wish it."""
    await preflight_free()
    done = await tag_all()
    words = f"{done.done} pictures tagged, {done.failed} failed"
    if done.refused:
        words += "; ended early for " + "; ".join(f"{o}: {w}" for o, w in done.refused.items())
    return (Failed if done.failed or done.refused else Completed)(message=words)
