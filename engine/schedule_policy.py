"""What is done about occurrences of a schedule that overlap, or that nobody carried out in time.

Pure rules: what is known of the occurrences comes in, what is to be done comes out.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, get_args

from studio.errors import InvalidRequest

Overlap = Literal["skip", "queue", "cancel"]
Missed = Literal["skip", "once", "all"]

OVERLAPS: tuple[Overlap, ...] = get_args(Overlap)
MISSES: tuple[Missed, ...] = get_args(Missed)

MOST_BOUND = 100
LONGEST_GRACE = timedelta(days=7)
_GRACE = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Policy:
    """How a schedule deals with its own occurrences.

    Attributes:
        overlap: when one is due while another is under way: ``skip`` leaves it out, ``queue`` lets
            it wait for its turn, ``cancel`` lets no further row of the older one begin.
        missed: of those that did not begin in time, ``skip`` runs none, ``once`` the newest, and
            ``all`` the newest ``bound``.
        bound: occurrences that are made up for, and that wait, at most: 1 to 100.
        grace: how late one may begin and still be in time: up to 7 days.

    Raises:
        InvalidRequest: one of them is out of range.
    """

    overlap: Overlap = "queue"
    missed: Missed = "once"
    bound: int = 10
    grace: timedelta = _GRACE

    def __post_init__(self) -> None:
        """Refuse what is no policy."""
        grace = timedelta(minutes=1) <= self.grace <= LONGEST_GRACE
        for field, given, right, allowed in (
            ("overlap", self.overlap, self.overlap in OVERLAPS, ", ".join(OVERLAPS)),
            ("missed", self.missed, self.missed in MISSES, ", ".join(MISSES)),
            ("bound", self.bound, 1 <= self.bound <= MOST_BOUND, f"1 to {MOST_BOUND}"),
            ("grace", self.grace, grace, "1 minute to 7 days"),
        ):
            if not right:
                raise InvalidRequest("No such policy.", field=field, given=given, allowed=allowed)

    def make_up(self, missed: Sequence[datetime]) -> tuple[datetime, ...]:
        """Return which of the moments that were missed are run after all, the oldest first."""
        kept = {"skip": 0, "once": 1, "all": self.bound}[self.missed]
        return tuple(sorted(missed)[-kept:]) if kept else ()


@dataclass(frozen=True, slots=True)
class Occurrence:
    """A moment of a schedule, and what became of it.

    Attributes:
        due: when it was to begin.
        state: ``owed`` (missed, and to be made up for), ``waiting`` (for its turn), ``running``;
            or over: ``ended``, ``skipped`` (others were under way) and ``missed``.
        run: Prefect's run that carries it out; empty if there is none yet.
        batch: what that run does; empty until it knows.
    """

    due: datetime
    state: str
    run: str = ""
    batch: str = ""


OPEN = ("owed", "waiting", "running")
"""States of occurrences that are not over."""


@dataclass(frozen=True, slots=True)
class Turn:
    """What an occurrence that is about to begin does.

    Attributes:
        verdict: ``go``, ``wait`` or ``skip``.
        why: in words; empty for ``go``.
        cancel: the occurrences that have to make room.
    """

    verdict: Literal["go", "wait", "skip"]
    why: str = ""
    cancel: tuple[Occurrence, ...] = ()


def take_turn(policy: Policy, due: datetime, others: Sequence[Occurrence], *, owed: bool) -> Turn:
    """Decide about an occurrence that is about to begin.

    Of those that wait, the one that was due first goes first, so that never two of a schedule run
    at once.

    Args:
        policy: the schedule's.
        due: of the occurrence.
        others: of the same schedule that are not over.
        owed: whether it is made up for, or waits already: such a one has its place in the queue.
    """
    before = [each for each in others if each.state == "running" or each.due < due]
    if not before:
        return Turn("go")
    newest = max(each.due for each in before)
    words = f"the run that was due at {newest:%Y-%m-%d %H:%M} UTC is under way"
    if policy.overlap == "cancel":
        if newest > due:
            return Turn("skip", f"{words}, and takes its place")
        return Turn("wait", f"{words} and is being cancelled", tuple(before))
    if not owed:
        if policy.overlap == "skip":
            return Turn("skip", words)
        if sum(each.state != "running" for each in before) >= policy.bound:
            return Turn("skip", f"{policy.bound} runs before it wait already")
    return Turn("wait", words)
