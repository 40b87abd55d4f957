"""Statements: what a wallet had, what moved it in a period, and what it has at its end.

The opening balance is the sum of all entries before the period. The closing balance is reckoned
from the other side: the wallet's present amounts less all entries after the period. The period's
own entries must lead from one to the other; what is missing is the statement's ``difference``, and
anything but nothing means that the books were tampered with (``billing.ledger.audit`` says where).
What a grant that is over has left is in the balance until its lapse is in the books.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Connection,
    Row,
    Select,
    case,
    cast,
    func,
    literal,
    select,
    true,
    union_all,
)

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
    present = Standing(rows[0].left, rows[0].now_held)
    before, after = _sums(rows, _BEFORE), _sums(rows, _AFTER)
    lines = [
        Line(row.kind, row.number, row.available, row.held, row.spent)
        for row in rows
        if row.phase == _WITHIN
    ]
    return Statement(
        owner=owner,
        period=period,
        opening=before,
        lines=tuple(sorted(lines, key=_place)),
        closing=Standing(present.available - after.available, present.held - after.held),
    )


def _query(owner: str, period: Period) -> Select[Any]:
    """Sum up the journal before, within and after the period, beside the wallet.

    One statement sees one moment, on every database. Only what is within is grouped by kind: to
    group a whole journal, SQLite would sort it.
    """
    wallet, at = wallets.c, ledger_transactions.c.at
    mine = select(wallet.id).where(wallet.owner == owner).scalar_subquery()
    journal = ledger_transactions.c.wallet_id == mine
    sums = union_all(
        _summed(_BEFORE, journal, at < period.start),
        _by_kind(journal, at >= period.start, at < period.end),
        _summed(_AFTER, journal, at >= period.end),
    ).subquery("sums")
    left = wallet.granted - wallet.captured - wallet.held - wallet.expired
    return (
        select(left.label("left"), wallet.held.label("now_held"), sums)
        .select_from(wallets)
        .join(sums, true())
        .where(wallet.owner == owner)
    )


def _summed(phase: int, *which: ColumnElement[bool]) -> Select[Any]:
    """Sum up all transactions in one row; their number is not asked for."""
    return _select(literal(phase), literal(""), literal(0)).where(*which)


def _by_kind(*which: ColumnElement[bool]) -> Select[Any]:
    made = ledger_transactions.c
    number = func.count(made.id.distinct())
    return _select(literal(_WITHIN), made.kind, number).where(*which).group_by(made.kind)


def _select(
    phase: ColumnElement[int], kind: ColumnElement[str], number: ColumnElement[int]
) -> Select[Any]:
    return select(
        phase.label("phase"),
        kind.label("kind"),
        number.label("number"),
        _moved("available").label("available"),
        _moved("held", "claimed").label("held"),
        _moved("spent").label("spent"),
    ).join(ledger_entries, ledger_entries.c.transaction_id == ledger_transactions.c.id)


def _moved(*accounts: str) -> ColumnElement[int]:
    entry = ledger_entries.c
    amounts = case((entry.account.in_(accounts), entry.amount), else_=0)
    return cast(func.coalesce(func.sum(amounts), 0), BigInteger)


def _sums(rows: Sequence[Row[Any]], phase: int) -> Standing:
    row = next(row for row in rows if row.phase == phase)
    return Standing(row.available, row.held)


def _place(line: Line) -> tuple[int, str]:
    return (_ORDER.index(line.kind) if line.kind in _ORDER else len(_ORDER), line.kind)
