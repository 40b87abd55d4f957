"""Holds: setting credits aside, keeping them aside for longer, looking them up."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from sqlalchemy import Connection, RowMapping, Text, bindparam, update

from billing.ledger.allocations import allocate, weigh
from billing.ledger.journal import Posting, execute_each, once, post
from billing.ledger.lookup import answer_each, find_by_id, find_by_key, with_owner
from billing.ledger.memory import Memory
from billing.ledger.wallets import lock_wallets, require, require_active
from billing.ledger.words import ExtendRequest, Hold, HoldRequest, Wallet, fingerprint
from billing.tables import holds, wallets
from studio import clock
from studio import credits as money
from studio.database import UtcDateTime
from studio.database.bulk import insert_rows, microseconds
from studio.errors import (
    HoldRefused,
    InvalidRequest,
    NotEnoughCredits,
    NotFound,
    StudioError,
)
from studio.ids import new_id

LONGEST_HOLD = timedelta(days=31)
"""How far ahead an expiry may lie: a mistyped year must not lock credits away for good."""


class Judge(Protocol):
    """Who else has a say in a new hold, under the wallet's lock; a repeated request asks nobody."""

    def check(self, request: HoldRequest) -> None:
        """Refuse the request, by an error of the studio, or let it pass."""

    def take(self, request: HoldRequest, made: Hold) -> None:
        """Note that the hold is placed: the next request of this group comes after it."""


def hold(
    connection: Connection, requests: Sequence[HoldRequest], judge: Judge | None = None
) -> list[Hold | StudioError]:
    """Set credits aside, each request in its turn: one that does not fit leaves room for the next.

    The expiry is no part of what is compared when a key comes again: whoever repeats a request
    after a crash computes another moment. The first hold keeps its expiry.

    Answers with:
        AccountRefused: no wallet, or a suspended one.
        Conflict: the key was used for another amount or purpose.
        InvalidRequest: the expiry is past, or more than 31 days ahead.
        NotEnoughCredits: with ``needed``, ``available`` and ``held`` in its details.
        StudioError: whatever ``judge`` refuses with.
    """
    found = lock_wallets(connection, [request.owner for request in requests])
    now = clock.now()
    memory = _remember(connection, found, requests)
    wanted = [(request.owner, request.amount) for request in requests]
    turn, found = weigh(connection, found, wanted, now)
    taken = dict.fromkeys(found, 0)
    placed: list[tuple[Wallet, Hold, str]] = []

    def place(request: HoldRequest) -> Hold:
        wallet = require(found, request.owner)
        mark = fingerprint(request.amount, request.purpose)
        earlier = memory.recall((wallet.id, request.key), mark)
        if earlier is not None:
            return earlier
        require_active(found, request.owner)
        check_expiry(request.expires_at, now)
        if judge is not None:
            judge.check(request)
        _check_room(wallet, taken[wallet.owner], request.amount)
        taken[wallet.owner] += request.amount
        made = _make(request, now)
        placed.append((wallet, made, mark))
        if judge is not None:
            judge.take(request, made)
        memory.add((wallet.id, request.key), mark, made)
        return made

    answers = answer_each(requests, place)
    if placed:
        insert_rows(connection, holds, [_row(*each) for each in placed])
        post(connection, [_posting(*each) for each in placed], now)
        allocate(
            connection, turn, [(wallet.id, made.id, made.amount) for wallet, made, _ in placed]
        )
    return answers


_EXTEND = (
    update(holds)
    .where(
        holds.c.id == bindparam("hold", type_=Text),
        holds.c.state == "open",
        holds.c.expires_at > bindparam("now", type_=UtcDateTime),
    )
    .values(expires_at=bindparam("until", type_=UtcDateTime))
)


def extend(connection: Connection, requests: Sequence[ExtendRequest]) -> list[Hold | StudioError]:
    """Let holds live longer. An expiry never moves back: late and repeated requests do no harm.

    Answers with:
        AccountRefused: no wallet, or a suspended one.
        NotFound: the owner has no such hold.
        HoldRefused: it has ended or expired; what was free may be spent elsewhere by now.
        InvalidRequest: the expiry is past, or more than 31 days ahead.
    """
    found = lock_wallets(connection, [request.owner for request in requests])
    now = clock.now()
    rows = find_by_id(connection, holds, [request.hold_id for request in requests])
    until: dict[str, datetime] = {}

    def stretch(request: ExtendRequest) -> str:
        require_active(found, request.owner)
        row = own_hold(rows, request.owner, request.hold_id)
        check_usable(row, now)
        check_expiry(request.expires_at, now)
        until[row["id"]] = max(until.get(row["id"], row["expires_at"]), request.expires_at)
        return request.hold_id

    answers = answer_each(requests, stretch)
    execute_each(
        connection,
        _EXTEND,
        [{"hold": identity, "until": moment, "now": now} for identity, moment in until.items()],
    )
    after = find_by_id(connection, holds, until)
    return [
        answer if isinstance(answer, StudioError) else from_row(after[answer]) for answer in answers
    ]


def hold_of(connection: Connection, owner: str, hold_id: str) -> Hold:
    """Return the owner's hold.

    Raises:
        NotFound: there is none with that id, or it is somebody else's.
    """
    return from_row(own_hold(find_by_id(connection, holds, [hold_id]), owner, hold_id))


def holds_of(connection: Connection, owner: str, *, limit: int = 100) -> list[Hold]:
    """Return the owner's holds that have not ended, those that expire first before the others."""
    statement = (
        with_owner(holds)
        .where(wallets.c.owner == owner, holds.c.state != "closed")
        .order_by(holds.c.expires_at, holds.c.id)
        .limit(limit)
    )
    return [from_row(row) for row in connection.execute(statement).mappings()]


def own_hold(rows: dict[str, RowMapping], owner: str, hold_id: str) -> RowMapping:
    """Return the hold's row if it is the owner's.

    Raises:
        NotFound: it is not there, or somebody else's; the answer does not tell which.
    """
    row = rows.get(hold_id)
    if row is None or row["owner"] != owner:
        raise NotFound("There is no such hold.", field="hold_id", given=hold_id)
    return row


def check_usable(row: RowMapping, now: datetime) -> None:
    """Refuse a hold that has ended or expired.

    Raises:
        HoldRefused: with ``reason`` in its details.
    """
    if row["state"] != "open":
        raise HoldRefused(
            f"The hold has ended (it is {row['state']}). Place a new one.",
            hold_id=row["id"],
            reason=row["state"],
        )
    if row["expires_at"] <= now:
        raise HoldRefused(
            f"The hold expired at {row['expires_at']:%Y-%m-%d %H:%M:%S} UTC. Place a new one.",
            hold_id=row["id"],
            reason="expired",
        )


def check_expiry(expires_at: datetime, now: datetime) -> None:
    """Refuse an expiry that is past or too far ahead.

    Raises:
        InvalidRequest: it is.
    """
    if now < expires_at <= now + LONGEST_HOLD:
        return
    raise InvalidRequest(
        "A hold cannot expire then.",
        field="expires_at",
        given=expires_at.isoformat(),
        allowed=f"after now and within {LONGEST_HOLD.days} days",
    )


def from_row(row: RowMapping) -> Hold:
    """Return the hold of a row that has its owner with it."""
    return Hold(
        id=row["id"],
        owner=row["owner"],
        key=row["key"],
        purpose=row["purpose"],
        amount=row["amount"],
        claimed=row["claimed"],
        captured=row["captured"],
        released=row["released"],
        state=row["state"],
        expires_at=row["expires_at"],
        created_at=row["created_at"],
    )


def _check_room(wallet: Wallet, taken: int, amount: int) -> None:
    """Refuse what the wallet cannot cover after this group has ``taken`` from it already."""
    available = wallet.available - taken
    if amount <= available:
        return
    held = wallet.held + taken
    raise NotEnoughCredits(
        f"This needs {money.show(amount)} credits; {money.show(available)} are available and "
        f"{money.show(held)} are held by runs under way. Add credits with "
        "`studio account top-up`, or wait until a run gives back what it does not need.",
        needed=amount,
        available=available,
        held=held,
    )


def _remember(
    connection: Connection, found: dict[str, Wallet], requests: Sequence[HoldRequest]
) -> Memory[Hold]:
    memory: Memory[Hold] = Memory("hold")
    places = [(found[each.owner].id, each.key) for each in requests if each.owner in found]
    for place, row in find_by_key(connection, holds, places).items():
        memory.add(place, row["fingerprint"], from_row(row))
    return memory


def _make(request: HoldRequest, now: datetime) -> Hold:
    return Hold(
        id=new_id("hold"),
        owner=request.owner,
        key=request.key,
        purpose=request.purpose,
        amount=request.amount,
        claimed=0,
        captured=0,
        released=0,
        state="open",
        expires_at=request.expires_at.astimezone(UTC),
        created_at=now,
    )


def _row(wallet: Wallet, made: Hold, mark: str) -> tuple[Any, ...]:
    return (
        made.id,
        wallet.id,
        made.key,
        mark,
        made.purpose,
        made.amount,
        made.claimed,
        made.captured,
        made.released,
        made.state,
        microseconds(made.expires_at),
        microseconds(made.created_at),
    )


def _posting(wallet: Wallet, made: Hold, mark: str) -> Posting:
    return Posting(
        id=once("hold", made.id),
        wallet_id=wallet.id,
        kind="hold",
        key=made.key,
        fingerprint=mark,
        entries={"available": -made.amount, "held": made.amount},
        hold_id=made.id,
    )
