"""Statements: what a wallet had, what moved it in a period, and what it has at its end.

The opening balance is the sum of all entries before the period. The closing balance is reckoned
from the other side: the wallet's present amounts less all entries after the period. The period's
own entries must lead from one to the other; what is missing is the statement's ``difference``, and
anything but nothing means that the books were tampered with (``billing.ledger.audit`` says where).
What a grant that is over has left is in the balance until its lapse is in the books.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import BigInteger, Connection, Select, case, cast, func, select, true

from billing.ledger.wallets import balance
from billing.reports.period import Period
from billing.tables import ledger_entries, ledger_transactions, wallets

_BEFORE, _WITHIN, _AFTER = range(3)

_ORDER = ("top_up", "adjust", "refund", "capture", "lapse", "hold", "release", "expire")
"""What changes the balance comes first; the rest only moves it between available and held."""

_INNER = {"claim", "give_back"}
"""What earmarks within what is held: people are not told of it."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What a wallet has at a moment, in micro-credits."""

    available: int = 0
    held: int = 0

    @property
    def total(self) -> int:
        """All that is not spent."""
        return self.available + self.held


@dataclass(frozen=True, slots=True)
class Line:
    """All transactions of one kind in the period, as changes in micro-credits.

    Attributes:
        kind: as in the ledger.
        count: how many there were that moved anything.
        spent: what was spent with them.
    """

    kind: str
    count: int
    available: int
    held: int
    spent: int

    @property
    def total(self) -> int:
        """The change of the balance, what is held included."""
        return self.available + self.held


@dataclass(frozen=True, slots=True)
class Statement:
    """A wallet's statement for a period; see the module for what proves it."""

    owner: str
    period: Period
    opening: Standing
    lines: tuple[Line, ...]
    closing: Standing

    @property
    def difference(self) -> Standing:
        """Closing balance less opening balance less all movements: nothing, if all is in order."""
        return Standing(
            self.closing.available
            - self.opening.available
            - sum(line.available for line in self.lines),
            self.closing.held - self.opening.held - sum(line.held for line in self.lines),
        )

    @property
    def agrees(self) -> bool:
        """Whether the movements lead from the one balance to the other."""
        return self.difference == Standing()

    @property
    def spent(self) -> int:
        """What was spent in the period, in micro-credits."""
        return sum(line.spent for line in self.lines)

    @property
    def told(self) -> tuple[Line, ...]:
        """The lines for people; those left out move nothing between the columns that are shown."""
        return tuple(
            line
            for line in self.lines
            if line.kind not in _INNER or line.available or line.held or line.spent
        )


def statement(connection: Connection, owner: str, period: Period) -> Statement:
    """Return the statement of a wallet. It reads the whole of its journal, in one query.

    Raises:
        AccountRefused: there is no wallet.
    """
    balance(connection, owner)
    rows = connection.execute(_query(owner, period)).all()
    present = Standing(rows[0].available, rows[0].held)
    before = _fold([row for row in rows if row.phase == _BEFORE])
    within = _fold([row for row in rows if row.phase == _WITHIN])
    after = _fold([row for row in rows if row.phase == _AFTER])
    return Statement(
        owner=owner,
        period=period,
        opening=Standing(*_sums(before)),
        lines=tuple(sorted(within, key=_place)),
        closing=Standing(
            present.available - _sums(after)[0],
            present.held - _sums(after)[1],
        ),
    )


def _query(owner: str, period: Period) -> Select[Any]:
    """Sum up the journal by phase, kind and account, beside the wallet: all of one moment."""
    made, entry = ledger_transactions.c, ledger_entries.c
    phase = case((made.at < period.start, _BEFORE), (made.at < period.end, _WITHIN), else_=_AFTER)
    each = (
        select(phase.label("phase"), made.kind, entry.account, entry.amount)
        .join(ledger_entries, entry.transaction_id == made.id)
        .join(wallets, wallets.c.id == made.wallet_id)
        .where(wallets.c.owner == owner)
        .subquery("each")
    )
    sums = (
        select(
            each.c.phase,
            each.c.kind,
            each.c.account,
            func.count().label("count"),
            cast(func.sum(each.c.amount), BigInteger).label("amount"),
        )
        .group_by(each.c.phase, each.c.kind, each.c.account)
        .subquery("sums")
    )
    return (
        select(_available().label("available"), wallets.c.held, sums)
        .select_from(wallets)
        .outerjoin(sums, true())
        .where(wallets.c.owner == owner)
    )


def _available() -> Any:
    wallet = wallets.c
    return wallet.granted - wallet.captured - wallet.held - wallet.expired


def _fold(rows: list[Any]) -> list[Line]:
    """Make a line of all the accounts that transactions of one kind moved."""
    kinds: dict[str, dict[str, int]] = {}
    counts: dict[str, int] = {}
    for row in rows:
        kinds.setdefault(row.kind, {})[row.account] = row.amount
        # Transactions of one kind have one account in common, the one with most entries.
        counts[row.kind] = max(counts.get(row.kind, 0), row.count)
    return [
        Line(
            kind,
            counts[kind],
            moved.get("available", 0),
            moved.get("held", 0) + moved.get("claimed", 0),
            moved.get("spent", 0),
        )
        for kind, moved in kinds.items()
    ]


def _sums(lines: list[Line]) -> tuple[int, int]:
    return sum(line.available for line in lines), sum(line.held for line in lines)


def _place(line: Line) -> tuple[int, str]:
    return (_ORDER.index(line.kind) if line.kind in _ORDER else len(_ORDER), line.kind)
