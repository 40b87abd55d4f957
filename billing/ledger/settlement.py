"""How a claim ends: captured (something was bought) or given back (surely nothing was)."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Connection, RowMapping, Text, bindparam, select, update

from billing.ledger.allocations import put_back
from billing.ledger.claims import from_row
from billing.ledger.endings import close_finished
from billing.ledger.journal import Account, Kind, Posting, execute_each, once, post
from billing.ledger.lookup import answer_each
from billing.ledger.wallets import lock_wallets, require
from billing.ledger.words import (
    CaptureRequest,
    Claim,
    ClaimState,
    GiveBackRequest,
    fingerprint,
)
from billing.tables import claims, holds, wallets
from studio import clock
from studio import credits as money
from studio.database import UtcDateTime
from studio.errors import Conflict, HoldRefused, NotFound, StudioError

_FIND = (
    select(claims, wallets.c.owner, holds.c.state.label("hold_state"))
    .join(wallets, wallets.c.id == claims.c.wallet_id)
    .join(holds, holds.c.id == claims.c.hold_id)
    .where(claims.c.id.in_(bindparam("ids", expanding=True)))
)

_END = (
    update(claims)
    .where(
        claims.c.id == bindparam("claim", type_=Text),
        claims.c.state == "active",
        claims.c.amount >= bindparam("spent", type_=BigInteger),
    )
    .values(
        state=bindparam("new_state", type_=Text),
        captured=bindparam("spent", type_=BigInteger),
        ended_at=bindparam("now", type_=UtcDateTime),
    )
)


def capture(
    connection: Connection, requests: Sequence[CaptureRequest]
) -> list[Claim | StudioError]:
    """Spend (part of) claims. What is left of each goes back to its hold.

    If the hold is on its way to its end, what is left goes back to the wallet. A suspended wallet
    and an expired hold do not matter here: the thing was bought.

    Answers with:
        AccountRefused: no wallet.
        NotFound: the owner has no such claim.
        HoldRefused: more than was claimed.
        Conflict: the claim was given back, or captured with another amount.
    """
    return _end(connection, requests, "captured")


def give_back(
    connection: Connection, requests: Sequence[GiveBackRequest]
) -> list[Claim | StudioError]:
    """End claims with which surely nothing was bought; all of it goes where ``capture`` says.

    Answers with:
        AccountRefused: no wallet.
        NotFound: the owner has no such claim.
        Conflict: the claim was captured.
    """
    return _end(connection, requests, "returned")


def _end(
    connection: Connection,
    requests: Sequence[CaptureRequest | GiveBackRequest],
    state: ClaimState,
) -> list[Claim | StudioError]:
    found = lock_wallets(connection, [request.owner for request in requests])
    now = clock.now()
    rows = _find(connection, [request.claim_id for request in requests])
    ended: dict[str, Claim] = {}

    def finish(request: CaptureRequest | GiveBackRequest) -> Claim:
        require(found, request.owner)
        row = rows.get(request.claim_id)
        if row is None or row["owner"] != request.owner:
            raise NotFound("There is no such claim.", field="claim_id", given=request.claim_id)
        spent = request.amount if isinstance(request, CaptureRequest) else 0
        present = ended.get(request.claim_id) or from_row(row)
        if present.state != "active":
            return _replay(present, state, spent)
        _check_covered(present, spent)
        after = dataclasses.replace(present, state=state, captured=spent, ended_at=now)
        ended[after.id] = after
        return after

    answers = answer_each(requests, finish)
    _write(connection, list(ended.values()), rows, now)
    return answers


def _find(connection: Connection, ids: Sequence[str]) -> dict[str, RowMapping]:
    """Return the claims with their owners and the states of their holds."""
    wanted = sorted(set(ids))
    if not wanted:
        return {}
    rows = connection.execute(_FIND, {"ids": wanted}).mappings()
    return {row["id"]: row for row in rows}


def _replay(ended: Claim, state: ClaimState, spent: int) -> Claim:
    """Return the claim as it ended, if this request asks for the same end."""
    if ended.state == state and ended.captured == spent:
        return dataclasses.replace(ended, replayed=True)
    how = (
        "was given back"
        if ended.state == "returned"
        else f"was captured with {money.show(ended.captured)} credits"
    )
    raise Conflict(
        f"The claim {how}; it cannot end twice.",
        claim_id=ended.id,
        state=ended.state,
        captured=ended.captured,
    )


def _check_covered(present: Claim, spent: int) -> None:
    if spent <= present.amount:
        return
    raise HoldRefused(
        f"{money.show(spent)} credits cannot be captured: the claim is for "
        f"{money.show(present.amount)}.",
        claim_id=present.id,
        reason="more_than_claimed",
        needed=spent,
        claimed=present.amount,
    )


def _write(
    connection: Connection, ended: Sequence[Claim], rows: dict[str, RowMapping], now: datetime
) -> None:
    if not ended:
        return
    changes: list[dict[str, Any]] = [
        {"claim": each.id, "new_state": each.state, "spent": each.captured, "now": now}
        for each in ended
    ]
    execute_each(connection, _END, changes)
    post(connection, [_posting(each, rows[each.id]) for each in ended], now)
    returned: dict[str, int] = {}
    for each in ended:
        if rows[each.id]["hold_state"] == "closing":
            rest = each.amount - each.captured
            returned[each.hold_id] = returned.get(each.hold_id, 0) + rest
    put_back(connection, returned, now)
    close_finished(connection, returned)


def _posting(ended: Claim, row: RowMapping) -> Posting:
    """What was not spent is free again, or the wallet's again if the hold wants to end."""
    rest: Account = "held" if row["hold_state"] == "open" else "available"
    kind: Kind = "capture" if ended.state == "captured" else "give_back"
    return Posting(
        id=once(kind, ended.id),
        wallet_id=row["wallet_id"],
        kind=kind,
        key=ended.id,
        fingerprint=fingerprint(ended.captured),
        entries={
            "claimed": -ended.amount,
            "spent": ended.captured,
            rest: ended.amount - ended.captured,
        },
        hold_id=ended.hold_id,
        claim_id=ended.id,
    )
