"""Switches: what an operator has stopped, as variables of Prefect's say.

They are set in Prefect's pages and heeded within seconds by every process, on every machine,
whatever door the work came in by. A server that is away changes nothing: what was read last on this
machine holds, and where nothing ever was, nothing is stopped, since the studio also works without a
server.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from studio.errors import SpendingPaused, StudioUnavailable
from studio.orchestrator import Orchestrator
from studio.settings import Settings

_log = logging.getLogger(__name__)

SECONDS: Final = 1.0
"""For one variable; then the server counts as away."""

_EVERY: Final = 5.0
"""Seconds for which what was read is taken for what is."""

VARIABLES: Final[Mapping[str, str]] = {
    "studio_pause_spending": "`true`: nothing new is bought. Runs are refused at pre-flight, rows "
    "of batches wait; what a provider has already been asked for is collected and filed.",
    "studio_stopped_providers": 'A list of providers, such as `["stability"]`: none of them is '
    "asked for anything new; `auto` goes to another one.",
    "studio_auto_tag": "`false`: pictures that arrive are not tagged by themselves, whoever "
    "wishes it.",
}
"""Every switch: the variable's name, and what it does."""


@dataclass(frozen=True, slots=True)
class Positions:
    """How the switches stand.

    Attributes:
        spending_paused: whether nothing new is bought.
        stopped: providers that are not asked.
        auto_tag: whether what arrives is tagged.
    """

    spending_paused: bool = False
    stopped: tuple[str, ...] = ()
    auto_tag: bool = True


class Switches:
    """Reads the switches, at most every five seconds.

    Args:
        config: says where the server and the home folder are; ``None`` stands for no switches.
        clock: monotonic seconds.
    """

    def __init__(
        self, config: Settings | None, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._server = Orchestrator(config, SECONDS) if config else None
        self._kept = config.folder / "switches.json" if config else None
        self._clock = clock
        self._lock = threading.Lock()
        self._positions = _recalled(self._kept)
        self._next = 0.0

    def positions(self) -> Positions:
        """Return how they stand, as of some seconds ago; it takes three seconds at most."""
        if self._server is None:
            return self._positions
        with self._lock:
            if self._clock() >= self._next:
                try:
                    self._positions = self._read(self._server)
                    self._keep()
                except StudioUnavailable as error:
                    _log.debug("the switches stay as they were: %s", error)
                self._next = self._clock() + _EVERY
            return self._positions

    def spending_paused(self) -> bool:
        """Whether nothing new is bought."""
        return self.positions().spending_paused

    def stops(self, provider: str) -> str:
        """Say that a provider was stopped; empty when it may be asked."""
        return "was stopped by the operator" if provider in self.positions().stopped else ""

    def check_spending(self) -> None:
        """Let pass what is bought.

        Raises:
            SpendingPaused: nothing new is.
        """
        if self.spending_paused():
            raise SpendingPaused(
                "The operator has paused all spending; nothing was bought. It goes on when the "
                "variable studio_pause_spending is switched off in Prefect.",
                field="studio_pause_spending",
                given=True,
                allowed="false, or no such variable",
            )

    def _read(self, server: Orchestrator) -> Positions:
        before = self._positions
        paused = server.variable("studio_pause_spending")
        stopped = server.variable("studio_stopped_providers")
        tagging = server.variable("studio_auto_tag")
        return Positions(
            _flag("studio_pause_spending", paused, default=False, wrong=True),
            _names(stopped, before.stopped),
            _flag("studio_auto_tag", tagging, default=True, wrong=False),
        )

    def _keep(self) -> None:
        """Keep them for a process that starts while the server is away."""
        if self._kept is None or self._positions == _recalled(self._kept):
            return
        partly = self._kept.with_suffix(f".{os.getpid()}")
        with contextlib.suppress(OSError):
            partly.parent.mkdir(parents=True, exist_ok=True)
            partly.write_text(json.dumps(asdict(self._positions)), encoding="utf-8")
            partly.replace(self._kept)


def _recalled(kept: Path | None) -> Positions:
    if kept is None:
        return Positions()
    try:
        found = json.loads(kept.read_text(encoding="utf-8"))
        return Positions(
            bool(found["spending_paused"]), tuple(found["stopped"]), bool(found["auto_tag"])
        )
    except (OSError, ValueError, KeyError, TypeError):
        return Positions()


def _flag(name: str, value: Any, *, default: bool, wrong: bool) -> bool:
    """Return what a variable says; one that says neither is taken for the careful of the two."""
    if value is None:
        return default
    if isinstance(value, bool):
        return value
    text = str(value).strip().lower()
    if text in {"true", "on", "yes", "1"}:
        return True
    if text in {"false", "off", "no", "0", ""}:
        return False
    _log.warning("variable %s is neither true nor false; it counts as %s", name, wrong)
    return wrong


def _names(value: Any, before: tuple[str, ...]) -> tuple[str, ...]:
    if value is None:
        return ()
    if isinstance(value, str):
        return tuple(value.replace(",", " ").split())
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        return tuple(value)
    _log.warning("variable studio_stopped_providers is no list of names; it stays as it was")
    return before
