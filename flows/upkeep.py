"""Upkeep: frees the holds of dead runs, begins periods, checks the books, sends what waits."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Coroutine
from functools import cache
from typing import Any, TypeVar

from prefect import Flow, State, Task, flow
from prefect.states import Completed, Failed

import flows
from engine.resume import Resumed
from tasks import notify
from tasks.schedules import watch_schedules
from tasks.silent import end_silent_runs
from tasks.upkeep import (
    audit_books,
    empty_trash,
    end_cancelled_batches,
    preflight_free,
    reap,
    renew,
    resume,
)

Result = TypeVar("Result")


@flow(
    name="upkeep",
    description="Go on with what dead runs left behind, end runs that give no sign, give back "
    "holds whose time is over, begin the periods of plans, empty the trash, look after schedules, "
    "check the books, send waiting messages.",
)
async def upkeep() -> State[Any]:
    """Go on with what dead runs left behind, free their holds, check the books, send messages."""
    await preflight_free()
    failed: list[str] = []
    resumed = await _try(resume, Resumed(), failed)
    silent = await _try(end_silent_runs, 0, failed, names_of_flows())
    await _try(end_cancelled_batches, 0, failed)
    renewed = await _try(renew, 0, failed)
    freed = await _try(reap, 0, failed)
    emptied = await _try(empty_trash, 0, failed)
    made_up = await _try(watch_schedules, 0, failed)
    faults = await _try(audit_books, [], failed)
    sent = await _try(notify, 0, failed)
    words = (
        f"{resumed.settled} jobs finished, {silent} silent runs ended, {renewed} periods begun, "
        f"{freed} holds freed, {made_up} missed batches begun, {emptied} assets purged, "
        f"{sent} messages sent, {len(faults)} faults in the books"
    )
    if failed:
        words = f"could not do: {', '.join(failed)}; {words}"
    return (Failed if faults or failed else Completed)(message=words)


@cache
def names_of_flows() -> tuple[str, ...]:
    """Return what the studio's flows are called: a Prefect server may have others as well."""
    modules = [
        importlib.import_module(f"flows.{each.name}")
        for each in pkgutil.iter_modules(flows.__path__)
    ]
    found = {
        value.name
        for module in modules
        for value in vars(module).values()
        if isinstance(value, Flow)
    }
    return tuple(sorted(found))


async def _try(
    step: Task[..., Coroutine[Any, Any, Result]], otherwise: Result, failed: list[str], *given: Any
) -> Result:
    """Take a step; one that fails does not keep the next from their turn, and is told of."""
    # Prefect's types know of no state that is awaited.
    call: Any = step
    state: State[Result] = await call(*given, return_state=True)
    if state.is_completed():
        return await state.aresult()
    failed.append(step.name)
    return otherwise
