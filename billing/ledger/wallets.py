"""Wallets: opening, suspending, reading, and the lock that everything else is done under."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import (
    BigInteger,
    Connection,
    RowMapping,
    Select,
    Text,
    bindparam,
    cast,
    func,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from billing.ledger.journal import execute_each
from billing.ledger.lookup import answer_each
from billing.ledger.words import Balance, StateRequest, Wallet, WalletRequest
from billing.tables import HAS_LEFT, LEFT, grants, wallets
from studio import clock
from studio.database import UtcDateTime
from studio.errors import AccountRefused, AccountSuspended, StudioError
from studio.ids import new_id

_FIND = (
    select(wallets)
    .where(wallets.c.owner.in_(bindparam("owners", expanding=True)))
    .order_by(wallets.c.id)
)

# NO KEY: rows elsewhere that refer to the wallet may be inserted meanwhile.
_LOCK = _FIND.with_for_update(key_share=True)


def lock_wallets(connection: Connection, owners: Iterable[str]) -> dict[str, Wallet]:
    """Lock these owners' wallets until the transaction ends, and return those that exist.

    The wallet is the mutex for its holds and claims: every handler takes it first, in the order
    of wallet ids, so two groups cannot wait for each other. A transaction that calls several
    handlers for several owners calls this once before them, with all the owners. On SQLite the
    one writer has the lock already.
    """
    return _fetch(connection, _LOCK, owners)


def require(found: dict[str, Wallet], owner: str) -> Wallet:
    """Return the owner's wallet.

    Raises:
        AccountRefused: there is none. A wallet is never made by using it.
    """
    wallet = found.get(owner)
    if wallet is None:
        raise AccountRefused(
            f"There is no wallet for {owner!r}. Open one with `studio account top-up`.",
            owner=owner,
            reason="missing",
        )
    return wallet


def require_active(found: dict[str, Wallet], owner: str) -> Wallet:
    """Return the owner's wallet if it may take on anything new.

    Raises:
        AccountRefused: there is none.
        AccountSuspended: it is suspended.
    """
    wallet = require(found, owner)
    if wallet.state != "active":
        raise AccountSuspended(
            f"The wallet of {owner!r} is suspended: nothing new can be held or bought with it.",
            owner=owner,
            reason="suspended",
        )
    return wallet


def open_wallets(
    connection: Connection, requests: Sequence[WalletRequest]
) -> list[Wallet | StudioError]:
    """Make the wallets that are missing, empty and active, and return all of them.

    In a transaction with other handlers this one comes first (the lock order again).
    """
    # Sorted: two groups that open the same wallets must not insert them crosswise.
    owners = sorted({request.owner for request in requests})
    now = clock.now()
    rows: list[dict[str, Any]] = [
        {
            "id": new_id("wallet"),
            "owner": owner,
            "state": "active",
            "granted": 0,
            "held": 0,
            "captured": 0,
            "expired": 0,
            "created_at": now,
        }
        for owner in owners
    ]
    if rows:
        make = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
        connection.execute(make(wallets).on_conflict_do_nothing(index_elements=["owner"]), rows)
    # Not locked: a wallet that was there already has its place in the lock order, after this.
    found = _fetch(connection, _FIND, owners)
    return [found[request.owner] for request in requests]


_SET_STATE = (
    update(wallets)
    .where(wallets.c.id == bindparam("wallet", type_=Text))
    .values(state=bindparam("new_state", type_=Text))
)


def set_state(
    connection: Connection, requests: Sequence[StateRequest]
) -> list[Wallet | StudioError]:
    """Suspend wallets or make them active; the last request for a wallet counts.

    Answers with:
        AccountRefused: there is no wallet.
    """
    found = lock_wallets(connection, [request.owner for request in requests])
    last = {request.owner: request.state for request in requests if request.owner in found}
    execute_each(
        connection,
        _SET_STATE,
        [{"wallet": found[owner].id, "new_state": state} for owner, state in last.items()],
    )
    after = lock_wallets(connection, last)
    return answer_each(requests, lambda request: require(after, request.owner))


_DUE = (
    select(func.coalesce(func.sum(LEFT), 0))
    .where(
        grants.c.wallet_id == wallets.c.id,
        grants.c.expires_at <= bindparam("now", type_=UtcDateTime),
        HAS_LEFT,
    )
    .scalar_subquery()
)

_BALANCE = select(wallets, cast(_DUE, BigInteger).label("due")).where(
    wallets.c.owner == bindparam("owner", type_=Text)
)


def balance(connection: Connection, owner: str) -> Balance:
    """Return what the owner was granted, has spent, has held and may still hold.

    What is over by now counts as expired, also if the books have not noted it yet.

    Raises:
        AccountRefused: there is no wallet.
    """
    row = connection.execute(_BALANCE, {"owner": owner, "now": clock.now()}).mappings().first()
    wallet = require({} if row is None else {owner: _wallet(row)}, owner)
    due = 0 if row is None else row["due"]
    return Balance(
        wallet.granted,
        wallet.captured,
        wallet.held,
        wallet.available - due,
        wallet.expired + due,
    )


def _fetch(
    connection: Connection, statement: Select[Any], owners: Iterable[str]
) -> dict[str, Wallet]:
    wanted = sorted(set(owners))
    if not wanted:
        return {}
    rows = connection.execute(statement, {"owners": wanted}).mappings()
    return {row["owner"]: _wallet(row) for row in rows}


def _wallet(row: RowMapping) -> Wallet:
    return Wallet(
        id=row["id"],
        owner=row["owner"],
        state=row["state"],
        granted=row["granted"],
        held=row["held"],
        captured=row["captured"],
        expired=row["expired"],
    )
