"""Writing to the books: the only place where an amount moves.

A posting is a transaction and its entries. The new amounts of wallets, holds and grants are
computed here, from those same entries, so that a balance cannot say anything else than the journal.
Each UPDATE is conditional and must hit every row it names: the second guard behind the wallet lock,
with the CHECK constraints as the third.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import BigInteger, Connection, Executable, Text, bindparam, or_, update

from billing.tables import grants, holds, ledger_entries, ledger_transactions, wallets
from studio import credits as money
from studio.database import UtcDateTime
from studio.database.bulk import insert_rows, microseconds

Account = Literal["issued", "available", "held", "claimed", "spent", "expired"]
Kind = Literal[
    "top_up",
    "adjust",
    "refund",
    "hold",
    "claim",
    "capture",
    "give_back",
    "release",
    "expire",
    "lapse",
]


class LedgerDisagrees(RuntimeError):
    """A conditional update missed a row that was there and fitting a moment ago.

    Somebody writes to the ledger's tables without taking the wallet's lock. It is raised, not
    answered: the caller's whole transaction has to be rolled back.
    """


@dataclass(frozen=True, slots=True)
class Posting:
    """One ledger transaction: signed amounts per account that add up to nothing.

    ``id`` is made of the kind and of the hold's or claim's id where there is one (``once``): what
    can happen only once has one possible id, and the primary key refuses a second.
    """

    id: str

    wallet_id: str
    kind: Kind
    key: str
    fingerprint: str
    entries: Mapping[Account, int]
    grant_id: str | None = None
    hold_id: str | None = None
    claim_id: str | None = None
    author: str | None = None
    reason: str | None = None


def once(kind: Kind, subject_id: str) -> str:
    """Return the id of the one transaction of this kind that a hold or a claim can have."""
    return f"{kind}:{subject_id}"


def _amount(name: str) -> Any:
    return bindparam(name, type_=BigInteger)


_MOVE_WALLET = (
    update(wallets)
    .where(
        wallets.c.id == bindparam("wallet", type_=Text),
        wallets.c.granted + _amount("more_granted") <= money.MOST,
        wallets.c.granted
        + _amount("more_granted")
        - (wallets.c.held + _amount("more_held"))
        - (wallets.c.captured + _amount("more_captured"))
        - (wallets.c.expired + _amount("more_expired"))
        >= 0,
        wallets.c.held + _amount("more_held") >= 0,
        # Only an active wallet lets anything go out of what is available into a hold.
        or_(
            wallets.c.state == "active",
            _amount("more_held") + _amount("more_captured") <= 0,
        ),
    )
    .values(
        granted=wallets.c.granted + _amount("more_granted"),
        held=wallets.c.held + _amount("more_held"),
        captured=wallets.c.captured + _amount("more_captured"),
        expired=wallets.c.expired + _amount("more_expired"),
    )
)

_MOVE_HOLD = (
    update(holds)
    .where(
        holds.c.id == bindparam("hold", type_=Text),
        holds.c.claimed + _amount("more_claimed") >= 0,
        holds.c.claimed
        + _amount("more_claimed")
        + (holds.c.captured + _amount("more_captured"))
        + (holds.c.released + _amount("more_released"))
        <= holds.c.amount,
    )
    .values(
        claimed=holds.c.claimed + _amount("more_claimed"),
        captured=holds.c.captured + _amount("more_captured"),
        released=holds.c.released + _amount("more_released"),
    )
)


_MOVE_GRANT = (
    update(grants)
    .where(
        grants.c.id == bindparam("grant", type_=Text),
        grants.c.expires_at <= bindparam("at", type_=UtcDateTime),
        grants.c.allocated + grants.c.withdrawn + grants.c.expired + _amount("more_expired")
        <= grants.c.amount,
    )
    .values(expired=grants.c.expired + _amount("more_expired"))
)


def post(connection: Connection, postings: Sequence[Posting], at: datetime) -> None:
    """Write the postings and move the amounts of wallets, holds and grants with them.

    The holds, claims and grants that they name must be in their tables already. Which grants a
    hold is paid from is no matter of accounts: ``billing.ledger.allocations`` sees to it.

    Raises:
        LedgerDisagrees: the amounts moved are not there; roll back.
        ValueError: the entries of a posting do not add up to nothing.
    """
    record(connection, postings, at)
    _move_wallets(connection, postings)
    _move_holds(connection, postings)
    _move_grants(connection, postings, at)


def record(connection: Connection, postings: Sequence[Posting], at: datetime) -> None:
    """Write transactions and entries alone; for a caller that moves the amounts itself."""
    transactions: list[tuple[Any, ...]] = []
    entries: list[tuple[Any, ...]] = []
    moment = microseconds(at)
    for posting in postings:
        if sum(posting.entries.values()) != 0:
            raise ValueError(f"a posting that does not add up: {posting}")
        transactions.append(
            (
                posting.id,
                posting.wallet_id,
                posting.kind,
                posting.key,
                posting.fingerprint,
                posting.grant_id,
                posting.hold_id,
                posting.claim_id,
                posting.author,
                posting.reason,
                moment,
            )
        )
        entries.extend(
            (posting.id, account, posting.wallet_id, amount)
            for account, amount in posting.entries.items()
            if amount
        )
    insert_rows(connection, ledger_transactions, transactions)
    insert_rows(connection, ledger_entries, entries)


def execute_each(
    connection: Connection, statement: Executable, rows: Sequence[Mapping[str, Any]]
) -> None:
    """Run ``statement`` for every row, in one round; each run must change exactly one row.

    Raises:
        LedgerDisagrees: it changed fewer.
    """
    if not rows:
        return
    changed = connection.execute(statement, rows).rowcount
    if changed != len(rows):
        raise LedgerDisagrees(
            f"{len(rows)} rows had to change and {changed} did: the ledger's tables were "
            "written to without the wallet's lock"
        )


def _move_wallets(connection: Connection, postings: Sequence[Posting]) -> None:
    moved: dict[str, list[int]] = {}
    for posting in postings:
        entry = posting.entries.get
        total = moved.setdefault(posting.wallet_id, [0, 0, 0, 0])
        total[0] -= entry("issued", 0)
        total[1] += entry("held", 0) + entry("claimed", 0)
        total[2] += entry("spent", 0)
        total[3] += entry("expired", 0)
    execute_each(
        connection,
        _MOVE_WALLET,
        [
            {
                "wallet": wallet,
                "more_granted": issued,
                "more_held": held,
                "more_captured": spent,
                "more_expired": expired,
            }
            for wallet, (issued, held, spent, expired) in moved.items()
            if issued or held or spent or expired
        ],
    )


def _move_holds(connection: Connection, postings: Sequence[Posting]) -> None:
    moved: dict[str, list[int]] = {}
    for posting in postings:
        # The posting that makes a hold is in its amount already.
        if posting.hold_id is None or posting.kind == "hold":
            continue
        entry = posting.entries.get
        total = moved.setdefault(posting.hold_id, [0, 0, 0])
        total[0] += entry("claimed", 0)
        total[1] += entry("spent", 0)
        total[2] += entry("available", 0)
    execute_each(
        connection,
        _MOVE_HOLD,
        [
            {"hold": hold, "more_claimed": claimed, "more_captured": spent, "more_released": back}
            for hold, (claimed, spent, back) in moved.items()
            if claimed or spent or back
        ],
    )


def _move_grants(connection: Connection, postings: Sequence[Posting], at: datetime) -> None:
    # The posting that makes a grant is in its amount already.
    execute_each(
        connection,
        _MOVE_GRANT,
        [
            {"grant": each.grant_id, "more_expired": each.entries["expired"], "at": at}
            for each in postings
            if each.kind == "lapse"
        ],
    )
