"""Runs without Prefect, for tests of the API: the same path, carried out within this process."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from engine.preflight import Caller
from engine.single import hold_credits, hold_key, left_to_buy, orders_of, plan_one, release_hold
from engine.studio import Studio
from interfaces.api.runs import Run
from studio import credits as money
from studio.clock import now
from studio.errors import NotFound, StudioError
from studio.operations import parse_operation

OTHERS = frozenset({"batch", "batch-again", "import-files"})
"""Flows that are no operation's: they stay queued here."""


class EngineRuns:
    """Carries out single operations by the engine; batches stay queued.

    Args:
        studio: whose engine it is.
        waits: whether runs stay queued until ``finish``.

    Attributes:
        started: the flows that were started, with their parameters, in their order.
    """

    def __init__(self, studio: Studio, *, waits: bool = False) -> None:
        self._studio = studio
        self.waits = waits
        self.started: list[tuple[str, Mapping[str, Any]]] = []
        self._runs: dict[str, Run] = {}
        self._lock = threading.Lock()

    def start(self, flow: str, parameters: Mapping[str, Any], *, key: str) -> str:
        """Start a flow; the same key is the same run."""
        run = str(uuid.uuid5(uuid.NAMESPACE_OID, key))
        with self._lock:
            if run in self._runs:
                return run
            self.started.append((flow, parameters))
            owner = str(parameters["owner"])
            self._runs[run] = Run(
                run, flow, flow, "queued", "", owner, parameters, now(), None, None, ""
            )
        if not self.waits and flow not in OTHERS:
            self.finish(run)
        return run

    def finish(self, run: str) -> None:
        """Carry a run out."""
        known = self._runs[run]
        try:
            words = self._carry_out(known)
        except StudioError as error:
            self.end(run, "failed", f"{error.code}: {error}")
        else:
            self.end(run, "done", words)

    def end(self, run: str, status: Any, message: str = "") -> None:
        """Set a run's state."""
        ended = now() if status not in {"queued", "running", "waiting"} else None
        self._runs[run] = replace(
            self._runs[run], status=status, message=message, started_at=now(), ended_at=ended
        )

    def _carry_out(self, run: Run) -> str:
        values = dict(run.parameters)
        values.pop("quote")
        version_of = str(values.pop("version_of", ""))
        most = values.pop("max_credits")
        caller = Caller(
            str(values.pop("user")), values.pop("project"), money.parse(most) if most else None
        )
        owner = values.pop("owner")
        operation = parse_operation({**values, "operation": run.flow})
        planned = plan_one(
            self._studio,
            operation,
            owner,
            run.id,
            token=run.parameters["quote"],
            user=caller.user,
            version_of=version_of,
        )
        amount, uses = left_to_buy(self._studio, planned, owner, run.id)
        key = hold_key(run.id, 1)
        held = hold_credits(self._studio, owner, key, amount, "a run", caller=caller, uses=uses)
        try:
            orders = orders_of(planned, owner=owner, key=run.id, hold_id=held.id, run=run.id)
            for order in orders:
                job = self._studio.loop.run(self._studio.executor.execute(order))
                if job.state != "settled":
                    raise StudioError(str((job.error or {}).get("message", job.state)))
        finally:
            release_hold(self._studio, owner, held.id)
        return f"{len(orders)} made"

    def find(self, owner: str, run: str) -> Run:
        """Return a run of an owner."""
        known = self._runs.get(run)
        if known is None or known.owner != owner:
            raise NotFound("There is no such run.", field="run", given=run)
        return known

    def recent(self, owner: str, limit: int, offset: int) -> Sequence[Run]:
        """Return a page of an owner's runs, the newest first."""
        mine = [each for each in reversed(self._runs.values()) if each.owner == owner]
        return mine[offset : offset + limit]

    def cancel(self, owner: str, run: str) -> Run:
        """End a run that has not ended."""
        if not self.find(owner, run).ended:
            self.end(run, "cancelled", "cancelled")
        return self.find(owner, run)
