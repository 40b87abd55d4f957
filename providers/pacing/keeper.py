"""A process's own part in the queues: its leases are renewed, and who waits hears of its turn.

A slot that is freed in this process is given on in the same transaction, and who gets it hears of
it at once. What other processes free, this one sees by looking: every 20 ms at first, then less
and less often down to four times a second, and only while somebody here waits.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future, InvalidStateError
from dataclasses import dataclass, field

from providers.pacing.limits import AccountLimits
from providers.pacing.view import View, look
from providers.pacing.words import Renew, Served, Sweep, Unit
from studio import clock
from studio.database import Database
from studio.errors import StudioUnavailable

_log = logging.getLogger(__name__)

_FIRST_LOOK = 0.02
_LAST_LOOK = 0.25
_GROWTH = 1.5
_ASK_FOR_DEATHS = 0.5
"""Seconds between two questions whether the others are alive."""
_BEATS = 4
"""Renewals in the time of a lease: three may fail before it runs out."""
_RENEWED_TOGETHER = 500
_CLOSE_SECONDS = 30


@dataclass(frozen=True, slots=True)
class Place:
    """A slot or a place in the queue that this process has.

    Attributes:
        turn: answered with ``True`` when the slot is there, with ``False`` when the place was lost.
    """

    account: str
    limits: AccountLimits
    turn: Future[bool] = field(default_factory=Future)

    def tell(self, *, granted: bool) -> bool:
        """Answer who waits; ``False`` where somebody has, or where they no longer listen."""
        try:
            self.turn.set_result(granted)
        except InvalidStateError:
            return False
        return True

    @property
    def held(self) -> bool:
        """Whether this is known to be a slot, and no longer a place in the queue."""
        return self.turn.done() and not self.turn.cancelled() and self.turn.result()


class Keeper:
    """Looks after the places of a process, in a thread of its own.

    Args:
        database: where it looks.
        serve: serves a unit and waits for the answer.
        worker: the id of this process.
        lease: seconds after which a place that was not renewed is free.
        dead: whether the worker with an id is surely gone.
        learn: is handed what the looking shows.
    """

    def __init__(
        self,
        database: Database,
        serve: Callable[[Unit], Served],
        *,
        worker: str,
        lease: float,
        dead: Callable[[str], bool] | None,
        learn: Callable[[View], None],
    ) -> None:
        self._database = database
        self._serve = serve
        self._worker = worker
        self._lease = lease
        self._dead = dead
        self._learn = learn
        self._places: dict[str, Place] = {}
        self._waiting: dict[str, None] = {}
        """By when they came."""
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._closed = False
        self._thread: threading.Thread | None = None
        self._pause = _FIRST_LOOK
        self._next_beat = 0.0
        self._next_question = 0.0

    def add(self, identifier: str, place: Place) -> None:
        """Look after a place from now on.

        Raises:
            RuntimeError: the keeper was closed.
        """
        with self._lock:
            if self._closed:
                raise RuntimeError("the pacer is closed")
            self._places[identifier] = place
            if self._thread is None:
                self._next_beat = time.monotonic() + self._lease / _BEATS
                self._thread = threading.Thread(target=self._run, name="studio-pacing", daemon=True)
                self._thread.start()

    def wait_for(self, identifier: str, place: Place) -> None:
        """Look out for the turn of a place that is in the queue, if it has not come yet."""
        with self._lock:
            if place.turn.done():
                return
            self._waiting[identifier] = None
            self._pause = _FIRST_LOOK
        self._wake.set()

    def remove(self, identifier: str) -> None:
        """Look after a place no longer."""
        with self._lock:
            self._places.pop(identifier, None)
            self._waiting.pop(identifier, None)

    def hear(self, granted: Iterable[str]) -> None:
        """Tell those who wait here and whose turn has come."""
        with self._lock:
            # Under the lock, and also those who do not wait yet: their turn may come before they
            # have read that they must.
            for each in granted:
                if each in self._places:
                    self._places[each].tell(granted=True)
                    self._pause = _FIRST_LOOK
                self._waiting.pop(each, None)

    def pass_on(self, account: str) -> str:
        """Give a slot of an account to the first who waits here, and return who; empty: nobody."""
        with self._lock:
            for each in list(self._waiting):
                place = self._places[each]
                if place.account == account:
                    del self._waiting[each]
                    if place.tell(granted=True):
                        return each
        return ""

    def close(self) -> None:
        """End the thread; nothing is renewed any more."""
        with self._lock:
            self._closed = True
            thread = self._thread
        self._wake.set()
        if thread is not None:
            thread.join(_CLOSE_SECONDS)

    def _run(self) -> None:
        while not self._closed:
            self._wake.wait(self._time_to_next())
            self._wake.clear()
            # Whatever the database says, the thread goes on: leases allow for some silence.
            try:
                if time.monotonic() >= self._next_beat:
                    self._next_beat = time.monotonic() + self._lease / _BEATS
                    self._beat()
                if self._waiting:
                    self._look()
            except StudioUnavailable as error:
                _log.warning("pacing: %s", error)
            except Exception:  # noqa: BLE001 - as said
                if not self._closed:
                    _log.exception("pacing: an unforeseen failure")

    def _time_to_next(self) -> float:
        beat = max(self._next_beat - time.monotonic(), 0.0)
        with self._lock:
            if not self._waiting:
                return beat
            pause, self._pause = self._pause, min(self._pause * _GROWTH, _LAST_LOOK)
        return min(pause, beat)

    def _beat(self) -> None:
        """Renew all leases; who waits at a place that is gone must queue anew."""
        with self._lock:
            # One that was just added may not be written yet: it would be taken for lost.
            places = [
                (each, place)
                for each, place in self._places.items()
                if each in self._waiting or place.held
            ]
        for account, limits in {place.account: place.limits for _, place in places}.items():
            ids = [identifier for identifier, place in places if place.account == account]
            for first in range(0, len(ids), _RENEWED_TOGETHER):
                part = tuple(ids[first : first + _RENEWED_TOGETHER])
                answer = self._serve(Renew(account, part, self._lease, limits))
                self._lose(answer.lost)

    def _lose(self, lost: Iterable[str]) -> None:
        # Only those in the queue: one just freed is gone, and one that works goes on.
        with self._lock:
            mine = [each for each in lost if each in self._waiting]
            for each in mine:
                del self._waiting[each]
            places = [self._places[each] for each in mine]
        for place in places:
            place.tell(granted=False)

    def _look(self) -> None:
        with self._lock:
            limits = {
                self._places[each].account: self._places[each].limits for each in self._waiting
            }
        if not limits:
            return
        with self._database.read() as connection:
            view = look(connection, self._worker, limits, clock.now())
        self._learn(view)
        self.hear(view.granted)
        dead = self._find_dead(view)
        for account in sorted(view.to_sweep | dead.keys()):
            self._serve(Sweep(account, tuple(sorted(dead.get(account, ()))), limits[account]))

    def _find_dead(self, view: View) -> dict[str, set[str]]:
        """Ask, now and then, which of the others that are at an account are gone."""
        if self._dead is None or time.monotonic() < self._next_question:
            return {}
        self._next_question = time.monotonic() + _ASK_FOR_DEATHS
        others = set().union(*view.workers.values()) - {self._worker}
        gone = {each for each in others if self._dead(each)}
        found = {account: workers & gone for account, workers in view.workers.items()}
        return {account: workers for account, workers in found.items() if workers}
