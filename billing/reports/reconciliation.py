"""Our purchases beside a provider's bill: what agrees, what differs, what is missing on one side.

Lines are matched by the provider's id. A line without one is matched by its time, with the nearest
purchase of the same amount.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from billing.reports.bill import BillLine

NEAR = timedelta(minutes=10)
"""How far apart the two sides' clocks and ways of telling the time may be."""


@dataclass(frozen=True, slots=True)
class Purchase:
    """What we believe to have bought, or may have bought.

    Attributes:
        job: its id here.
        ids: by which the provider may know it.
        cost: what it charges by our books, in micro-credits; 0 where nothing was bought.
        at: when it was asked for.
        model: our name of the offer.
        unknown: whether nobody knows if it was bought.
    """

    job: str
    ids: tuple[str, ...]
    cost: int
    at: datetime
    model: str
    unknown: bool = False


@dataclass(frozen=True, slots=True)
class Match:
    """A purchase and what the provider charged for it, perhaps in several lines."""

    purchase: Purchase
    lines: tuple[BillLine, ...]

    @property
    def theirs(self) -> int:
        """What the provider charged, in micro-credits."""
        return sum(line.cost for line in self.lines)

    @property
    def difference(self) -> int:
        """Theirs less ours, in micro-credits."""
        return self.theirs - self.purchase.cost


@dataclass(frozen=True, slots=True)
class Reconciliation:
    """The outcome.

    Attributes:
        matched: both sides say the same.
        different: both sides know it, and not the same amount.
        found: the bill has what nobody here knew to be bought: ``studio jobs resolve JOB bought``.
        missing_there: bought by our books, not on the bill.
        missing_here: on the bill, not in our books.
    """

    matched: tuple[Match, ...]
    different: tuple[Match, ...]
    found: tuple[Match, ...]
    missing_there: tuple[Purchase, ...]
    missing_here: tuple[BillLine, ...]

    @property
    def agrees(self) -> bool:
        """Whether the two sides say the same."""
        return not (self.different or self.found or self.missing_there or self.missing_here)

    @property
    def ours(self) -> int:
        """What our books say that the provider charged, in micro-credits."""
        both = (*self.matched, *self.different)
        return sum(each.purchase.cost for each in both) + sum(
            each.cost for each in self.missing_there
        )

    @property
    def theirs(self) -> int:
        """What the bill comes to, in micro-credits."""
        both = (*self.matched, *self.different, *self.found)
        return sum(each.theirs for each in both) + sum(each.cost for each in self.missing_here)


def reconcile(purchases: Iterable[Purchase], bill: Sequence[BillLine]) -> Reconciliation:
    """Compare. A purchase that cost nothing need not be on the bill.

    Every line and every purchase of the two sides is in exactly one list of the answer, but for
    those purchases; so the sums of the lists are the sums of the sides.
    """
    ours = list(purchases)
    groups, rest = _by_id(ours, bill)
    left = [each for each in ours if each.job not in groups]
    missing_here = _by_time(left, rest, groups)
    matches = [Match(each, tuple(groups[each.job])) for each in ours if each.job in groups]
    known = [match for match in matches if not match.purchase.unknown]
    return Reconciliation(
        matched=tuple(match for match in known if not match.difference),
        different=tuple(match for match in known if match.difference),
        found=tuple(match for match in matches if match.purchase.unknown),
        missing_there=tuple(
            each for each in ours if each.job not in groups and each.cost and not each.unknown
        ),
        missing_here=tuple(missing_here),
    )


def _by_id(
    ours: Sequence[Purchase], bill: Sequence[BillLine]
) -> tuple[dict[str, list[BillLine]], list[BillLine]]:
    """Return the lines of each job whose id they have, and the others."""
    job_of: dict[str, str] = {}
    for each in ours:
        for identifier in each.ids:
            job_of.setdefault(identifier, each.job)
    groups: dict[str, list[BillLine]] = defaultdict(list)
    rest: list[BillLine] = []
    for line in bill:
        job = job_of.get(line.id) if line.id else None
        (groups[job] if job else rest).append(line)
    return dict(groups), rest


def _by_time(
    left: Sequence[Purchase], lines: Sequence[BillLine], groups: dict[str, list[BillLine]]
) -> list[BillLine]:
    """Give lines without an id to the nearest purchase of the same amount; return the others."""
    free: Mapping[int, list[Purchase]] = defaultdict(list)
    for each in sorted(left, key=lambda it: it.at):
        free[each.cost].append(each)
    missing: list[BillLine] = []
    for line in lines:
        near = None if line.id or line.at is None else _nearest(free[line.cost], line.at)
        if near is None:
            missing.append(line)
            continue
        groups[free[line.cost].pop(near).job] = [line]
    return missing


def _nearest(purchases: Sequence[Purchase], at: datetime) -> int | None:
    """Return the place of the purchase nearest to a moment, if one is near enough."""
    place = bisect_left(purchases, at, key=lambda it: it.at)
    near = [number for number in (place - 1, place) if 0 <= number < len(purchases)]
    best = min(near, key=lambda number: abs(purchases[number].at - at), default=None)
    return best if best is not None and abs(purchases[best].at - at) <= NEAR else None
