"""What a run of a batch tells while it goes on: an artifact, lines in the log, Prefect's events.

All of it comes from the row ledger, and at a bounded rate: Prefect's server keeps each line, each
version of an artifact's page and each event.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from typing import Any, Literal
from uuid import UUID

from prefect import get_run_logger
from prefect.artifacts import acreate_progress_artifact, aupdate_progress_artifact
from prefect.events import emit_event
from prefect.runtime import flow_run

from engine.batch import BatchRun
from engine.batch_progress import Progress, progress_of
from studio import credits as money
from studio.errors import StudioUnavailable
from tasks.artifacts import page_of, progress_card

_EVERY = 5.0
"""Seconds between two looks at the row ledger."""
_SHARE = 10
"""Looking takes one part in ten of the time at most: a batch of 50,000 rows takes long to count."""
_EVENTS_EVERY = 30.0
"""Seconds between two events that only tell how far it is."""

Moment = Literal["started", "approval_needed", "progress", "finished", "incomplete", "cancelled"]
"""Of what an event tells; its name is ``studio.batch.`` and this."""


class RunProgress:
    """How far a run is: one artifact, and a line in the log at each tenth of the way.

    Prefect's pages draw the log anew by themselves, artifacts only when their tab is opened.

    Attributes:
        running: the batch.
    """

    def __init__(self, running: BatchRun) -> None:
        self.running = running
        self._spent_before = running.view.spent
        self._artifact: UUID | None = None
        self._card = ""
        self._tenth = 0
        self._next = 0.0
        self._next_event = 0.0

    @property
    def spent(self) -> int:
        """Micro-credits that this run came to; what runs before it paid for is not in it."""
        return self.running.view.spent - self._spent_before

    def asked(self) -> None:
        """Tell that the batch waits for somebody's word, if it does."""
        if self.running.approval is not None:
            tell("approval_needed", self.running)

    async def begin(self) -> None:
        """Tell that rows may be bought now, and show where the batch stands."""
        if self.running.cancelled is None:
            tell("started", self.running)
        await self.show()

    async def show(self, *, now: bool = False) -> None:
        """Show how far it is, if that is news.

        Args:
            now: whether also when it was looked at only just.
        """
        began = time.monotonic()
        if began < self._next and not now:
            return
        try:
            progress = await asyncio.to_thread(self._look)
        except StudioUnavailable:
            # The rows, which are next, say so themselves.
            return
        self._next = time.monotonic() + max(_EVERY, _SHARE * (time.monotonic() - began))
        # A Prefect server that is away misses a picture of the batch; its rows go on.
        with contextlib.suppress(Exception):
            await self._draw(progress)
        self._log(progress)
        if began >= self._next_event and progress.ended and not now:
            self._next_event = began + _EVENTS_EVERY
            tell("progress", self.running, progress)

    async def end(self) -> None:
        """Tell that the run has ended; how far it came is shown before it is settled."""
        view = self.running.view
        moment: Moment = "finished" if view.complete else "incomplete"
        with contextlib.suppress(StudioUnavailable):
            progress = await asyncio.to_thread(self._look)
            tell("cancelled" if self.running.cancelled else moment, self.running, progress)

    def _look(self) -> Progress:
        running = self.running
        running.note_endings()
        with running.studio.database.read() as connection:
            return progress_of(connection, running.spec.owner, running.spec.id)

    async def _draw(self, progress: Progress) -> None:
        card = progress_card(progress)
        if card == self._card:
            return
        share = 100 * progress.ended / max(1, progress.total)
        if self._artifact is None:
            self._artifact = await acreate_progress_artifact(share, description=card)
        else:
            await aupdate_progress_artifact(self._artifact, share, description=card)
        self._card = card

    def _log(self, progress: Progress) -> None:
        tenth = 10 * progress.ended // max(1, progress.total)
        if tenth <= self._tenth:
            return
        self._tenth = tenth
        words = f"{progress.ended} of {progress.total} rows have ended, "
        words += f"{money.show(progress.spent)} credits spent"
        if progress.per_second:
            words += f", {progress.per_second:.1f} rows/s"
        if progress.expected_end:
            words += f", expected to end at {progress.expected_end:%H:%M} UTC"
        if self._artifact:
            words += f" {page_of(self._artifact)}"
        get_run_logger().info(words)
        for each in progress.causes:
            get_run_logger().warning("%s rows: %s: %s", each.rows, each.code, each.message)


def tell(moment: Moment, running: BatchRun, progress: Progress | None = None) -> None:
    """Emit an event of Prefect's, for automations and whoever listens; it is never waited for.

    Args:
        progress: how far the batch is.
    """
    spec = running.spec
    payload: dict[str, Any] = {"batch": spec.id, "owner": spec.owner, "rows": len(spec.rows)}
    if progress is not None:
        payload |= progress.as_dict()
    related = []
    if flow_run.id:
        run = f"prefect.flow-run.{flow_run.id}"
        related.append({"prefect.resource.id": run, "prefect.resource.role": "flow-run"})
    # Whatever becomes of the event, the batch goes on.
    with contextlib.suppress(Exception):
        emit_event(
            f"studio.batch.{moment}",
            resource={
                "prefect.resource.id": f"studio.batch.{spec.id}",
                "prefect.resource.name": spec.name or spec.source,
            },
            related=related,
            payload=payload,
        )
