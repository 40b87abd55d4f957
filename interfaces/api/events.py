"""A run's progress as server-sent events: sent when something changed, until the run has ended.

An event's id is a fingerprint of what it tells. Who comes back with ``Last-Event-ID`` is sent what
stands now if it is something else, so that nothing is missed and nothing kept for those who left.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import threading
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import Annotated, Any

from fastapi import APIRouter, Header, Request
from starlette.responses import Response, StreamingResponse

from engine.batch_progress import progress_of
from engine.studio import Studio
from interfaces.api.identity import Identity, Reader, StudioHere
from interfaces.api.key_first import KeyFirst
from interfaces.api.run_answers import run_answer, runs_of
from interfaces.api.runs import Runs
from interfaces.api.runs_routes import RunId
from interfaces.api.schema import refuses
from studio.errors import StudioError, TooManyRequests

router = APIRouter(route_class=KeyFirst, tags=["runs"], prefix="/runs")

MOST_STREAMS = 100
"""Streams of one process."""
MOST_OF_A_KEY = 5
LONGEST_SECONDS = 600
"""After so long a stream ends, and its client comes back: a key is asked for again."""
BEAT_SECONDS = 15
_LOOK_SECONDS = 1.0
_SHARE = 10
"""A look that takes long is followed by a pause of so many times as long."""

_ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "Events `progress`, then `end`.",
        "content": {"text/event-stream": {"schema": {"type": "string"}}},
    },
    204: {"description": "The run has ended, and `Last-Event-ID` says that this is known."},
    **refuses(404),
}


class Streams:
    """Counts the streams that are open, of the process and of each key."""

    def __init__(self, most: int = MOST_STREAMS, of_a_key: int = MOST_OF_A_KEY) -> None:
        self._most = most
        self._of_a_key = of_a_key
        self._open: Counter[str] = Counter()
        self._lock = threading.Lock()

    @contextmanager
    def one(self, key: str) -> Iterator[None]:
        """Have one more stream open.

        Raises:
            TooManyRequests: there are as many as there may be.
        """
        with self._lock:
            if self._open.total() >= self._most or self._open[key] >= self._of_a_key:
                raise TooManyRequests(
                    f"A key may have {self._of_a_key} streams open, and all together "
                    f"{self._most}. Ask for the run itself meanwhile.",
                    retry_after=BEAT_SECONDS,
                )
            self._open[key] += 1
        try:
            yield
        finally:
            with self._lock:
                self._open[key] -= 1
                if not self._open[key]:
                    del self._open[key]


@router.get(
    "/{run}/events",
    operation_id="follow_run",
    summary="Follow a run",
    response_class=Response,
    responses=_ANSWERS,
)
async def events(
    request: Request,
    who: Reader,
    studio: StudioHere,
    run: RunId,
    last: Annotated[str, Header(alias="Last-Event-ID", max_length=100)] = "",
) -> Response:
    """Follow a run by server-sent events until it has ended, for ten minutes at a time."""
    runs = runs_of(request)
    first = await asyncio.to_thread(_look, studio, runs, who, run)
    if first.ended and first.id == last:
        return Response(status_code=HTTPStatus.NO_CONTENT)
    stream = request.app.state.streams.one(who.key)
    stream.__enter__()
    return _Stream(
        _events(request, lambda: _look(studio, runs, who, run), last),
        media_type="text/event-stream",
        # Proxies that collect an answer before they pass it on would defeat it.
        headers={"X-Accel-Buffering": "no"},
        closing=lambda: stream.__exit__(None, None, None),
    )


class _Stream(StreamingResponse):
    """An answer that gives its place back, however it ends."""

    def __init__(self, content: Any, *, closing: Any, **arguments: Any) -> None:
        super().__init__(content, **arguments)
        self._closing = closing

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._closing()


class _Seen:
    """What a look at a run found."""

    def __init__(self, document: dict[str, Any], *, ended: bool) -> None:
        self.ended = ended
        self.text = json.dumps(document, separators=(",", ":"), sort_keys=True)
        self.id = hashlib.sha256(self.text.encode()).hexdigest()[:16]

    def event(self) -> str:
        """Return it as an event."""
        kind = "end" if self.ended else "progress"
        return f"id: {self.id}\nevent: {kind}\ndata: {self.text}\n\n"


def _look(studio: Studio, runs: Runs, who: Identity, run: str) -> _Seen:
    known = runs.find(who.owner, run)
    answer = run_answer(studio, known)
    document: dict[str, Any] = {
        "run": answer.id,
        "status": answer.status,
        "message": answer.message,
        "error": answer.error.model_dump() if answer.error else None,
        "jobs": [{"job": job.job, "state": job.state} for job in answer.jobs],
        "assets": [asset.id for asset in answer.assets],
        "spent": answer.spent.model_dump(),
    }
    if answer.batch:
        with studio.database.read() as connection:
            progress = progress_of(connection, who.owner, answer.batch)
        document |= {"batch": answer.batch, "counts": dict(progress.counts)}
    return _Seen(document, ended=known.ended)


async def _events(request: Request, look: Any, last: str) -> AsyncIterator[str]:
    yield "retry: 2000\n\n"
    until = time.monotonic() + LONGEST_SECONDS
    beat = time.monotonic() + BEAT_SECONDS
    while time.monotonic() < until and not await request.is_disconnected():
        begun = time.monotonic()
        try:
            seen = await asyncio.to_thread(look)
        except StudioError:
            # The database or Prefect does not answer: the client comes back, and so may they.
            return
        if seen.id != last:
            last = seen.id
            yield seen.event()
        if seen.ended:
            return
        took = time.monotonic() - begun
        await asyncio.sleep(max(_LOOK_SECONDS, took * _SHARE))
        if time.monotonic() >= beat:
            beat = time.monotonic() + BEAT_SECONDS
            yield ": beat\n\n"
