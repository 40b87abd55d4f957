"""What changed from one price book to another."""

from __future__ import annotations

from dataclasses import dataclass

from billing.pricebook import PriceBook, PriceLine

_TENTHS = 1_000
"""A percentage in tenths: a part of 1 is 1,000 of them."""


@dataclass(frozen=True, slots=True)
class PriceChange:
    """An offer whose price, cost or unit is another one now."""

    old: PriceLine
    new: PriceLine

    @property
    def price_change(self) -> str:
        """How much the price went up or down, such as ``+12.5 %``; see ``percent``."""
        return percent(self.new.price - self.old.price, self.old.price)

    @property
    def cost_change(self) -> str:
        """The same of what the provider charges."""
        return percent(self.new.provider_cost - self.old.provider_cost, self.old.provider_cost)


@dataclass(frozen=True, slots=True)
class PriceDiff:
    """The difference of two price books, each list in the order of the offers' ids."""

    old: PriceBook
    new: PriceBook
    added: tuple[PriceLine, ...]
    removed: tuple[PriceLine, ...]
    changed: tuple[PriceChange, ...]
    same: int
    """Offers that cost what they cost before."""


def diff(old: PriceBook, new: PriceBook) -> PriceDiff:
    """Compare two books. A source in other words is no change."""
    before = {line.offer: line for line in old.lines}
    after = {line.offer: line for line in new.lines}
    both = sorted(before.keys() & after.keys())
    changed = tuple(
        PriceChange(before[offer], after[offer])
        for offer in both
        if _figures(before[offer]) != _figures(after[offer])
    )
    return PriceDiff(
        old,
        new,
        added=tuple(after[offer] for offer in sorted(after.keys() - before.keys())),
        removed=tuple(before[offer] for offer in sorted(before.keys() - after.keys())),
        changed=changed,
        same=len(both) - len(changed),
    )


def _figures(line: PriceLine) -> tuple[int, int, str]:
    return line.price, line.provider_cost, line.unit


def percent(part: int, whole: int) -> str:
    """Return ``part`` of ``whole`` as a signed percentage with one decimal, rounded half up.

    It is empty where there is no such percentage: of nothing.
    """
    if not whole:
        return ""
    tenths = (2 * abs(part) * _TENTHS + abs(whole)) // (2 * abs(whole))
    sign = "" if not tenths else "-" if (part < 0) != (whole < 0) else "+"
    return f"{sign}{tenths // 10}.{tenths % 10} %"
