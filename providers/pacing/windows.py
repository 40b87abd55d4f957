"""The arithmetic of windows: when may the next call start?

A window of ``count`` in ``seconds`` is kept strictly if every start comes at least ``seconds``
after the one ``count`` before it. So it is enough to know the last ``count`` starts. They are kept
as pairs of a moment and how many starts there were; a window of many starts is kept in cells of a
hundredth of its length, each with the moment of its latest start, which errs on the safe side.

Moments are microseconds since 1970.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from providers.pacing.limits import Window

SECOND = 1_000_000
LONGEST_PATIENCE = 3_600
"""Seconds that anybody may wait for a start, and so the farthest that a start can lie ahead."""

_CELLS = 100
_STRAY_CLOCK = 60
"""Seconds by which other machines' clocks may differ before their starts are not believed."""


@dataclass(slots=True)
class Starts:
    """The last starts that ``window`` counts, in order; those to come are among them.

    Attributes:
        window: what counts them.
        entries: pairs of a moment and a number of starts.
        changed: whether a start was added.
    """

    window: Window
    entries: list[list[int]] = field(default_factory=list)
    changed: bool = False

    @property
    def length(self) -> int:
        """The interval with its margin, in microseconds."""
        return round((self.window.seconds + self.window.margin) * SECOND)

    def believe(self, now: int) -> None:
        """Take starts that nobody can have reserved for starts of this moment.

        When the clock was set back, the starts from before lie in its future.
        """
        farthest = now + (LONGEST_PATIENCE + _STRAY_CLOCK) * SECOND
        for entry in self.entries:
            if entry[0] > farthest:
                entry[0] = now

    def earliest(self, wanted: int) -> int:
        """Return the first moment from ``wanted`` on at which one more may start.

        Nobody starts before who reserved earlier: the order of reservations is that of starts.
        """
        if not self.entries:
            return wanted
        earliest, left = max(wanted, self.entries[-1][0]), self.window.count
        for moment, number in reversed(self.entries):
            left -= number
            if left <= 0:
                return max(earliest, moment + self.length)
        return earliest

    def add(self, start: int, now: int) -> None:
        """Count a start, and forget those that can matter to no later one."""
        self.changed = True
        last = self.entries[-1] if self.entries else None
        if last is not None and self._cell(last[0]) == self._cell(start):
            last[0], last[1] = start, last[1] + 1
        else:
            self.entries.append([start, 1])
        self._forget(now)

    def _cell(self, moment: int) -> int:
        if self.window.count <= _CELLS:
            return moment
        return moment // max(1, self.length // _CELLS)

    def _forget(self, now: int) -> None:
        known = sum(number for _, number in self.entries)
        # Twice the length: for a machine whose clock is behind, they may be not yet over.
        over = now - 2 * self.length
        kept = 0
        while kept < len(self.entries) - 1:
            moment, number = self.entries[kept]
            if known - number < self.window.count and moment > over:
                break
            known -= number
            kept += 1
        del self.entries[:kept]
