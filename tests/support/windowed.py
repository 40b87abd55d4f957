"""The real flow of batches in a window that a test opens and closes, instead of a clock on a wall.

The flow is given a file as its window. The window is open until that file is there; from the first
look on it is closed for some seconds.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from flows.batch import batch
from tests.support import sharded

__all__ = ["batch", "sharded"]

CLOSED = timedelta(seconds=8)
"""For which it is closed."""


@dataclass(frozen=True)
class Shutter:
    """A window, as far as the flow knows one.

    Attributes:
        file: closes it by being there; has the moment at which it opens again from then on.
    """

    file: Path

    def __str__(self) -> str:
        """Return what it is called."""
        return "of a test"

    def opens(self, moment: datetime) -> datetime:
        """Return when it is open: at ``moment``, or once the seconds are over."""
        if not self.file.exists():
            return moment
        if not self.file.read_text():
            self.file.write_text((moment + CLOSED).isoformat())
        return max(moment, datetime.fromisoformat(self.file.read_text()))

    def closes(self, moment: datetime) -> datetime:
        """Return a moment that no test sees: it closes the batch by itself."""
        return moment.astimezone(UTC) + timedelta(days=1)


sys.modules["flows.batch"].read_window = lambda text: Shutter(Path(text))  # type: ignore[attr-defined]  # in this process alone
