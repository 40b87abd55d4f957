"""The ledger for callers that have no transaction of their own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import Connection

from billing.ledger.adjustments import adjust
from billing.ledger.audit import Discrepancy, audit
from billing.ledger.claims import claim
from billing.ledger.endings import expire, release
from billing.ledger.grants import top_up
from billing.ledger.holds import extend, hold, hold_of
from billing.ledger.lapses import lapse
from billing.ledger.refunds import refund
from billing.ledger.settlement import capture, give_back
from billing.ledger.wallets import balance, lock_wallets, open_wallets, set_state
from billing.ledger.words import (
    AdjustRequest,
    Balance,
    CaptureRequest,
    Claim,
    ClaimRequest,
    ExtendRequest,
    GiveBackRequest,
    Grant,
    Hold,
    HoldRequest,
    Receipt,
    RefundRequest,
    ReleaseRequest,
    Request,
    StateRequest,
    TopUpKind,
    TopUpRequest,
    Wallet,
    WalletRequest,
    WalletState,
)
from studio import clock
from studio.database import Database, GroupCommit

Result = TypeVar("Result")

_ORDER: tuple[tuple[type[Request[Any]], Callable[[Connection, Sequence[Any]], list[Any]]], ...] = (
    (WalletRequest, open_wallets),
    (StateRequest, set_state),
    (TopUpRequest, top_up),
    (CaptureRequest, capture),
    (GiveBackRequest, give_back),
    (ReleaseRequest, release),
    (AdjustRequest, adjust),
    (RefundRequest, refund),
    (ExtendRequest, extend),
    (HoldRequest, hold),
    (ClaimRequest, claim),
)
"""Within a group, what brings credits back goes before what takes them.

Adjustments may take as well: they come before the holds, so that a correction is not outrun.
"""


def apply(connection: Connection, requests: Sequence[Request[Any]]) -> list[Any]:
    """Carry out requests of any kind in one transaction; answers come in the requests' order.

    Requests of one kind are carried out in their order; between kinds the order is: wallets
    opened, suspended or activated, top-ups, captures, claims given back, releases, adjustments,
    refunds, extensions, holds, claims. All wallets are locked first, so two groups cannot wait for
    each other.
    """
    by_kind: dict[type[Request[Any]], list[int]] = {}
    for position, request in enumerate(requests):
        by_kind.setdefault(type(request), []).append(position)
    answers: list[Any] = [None] * len(requests)
    several = len(by_kind) > 1
    for kind, handler in _ORDER:
        positions = by_kind.pop(kind, [])
        if positions:
            answered = handler(connection, [requests[position] for position in positions])
            for position, answer in zip(positions, answered, strict=True):
                answers[position] = answer
        # A single handler locks what it needs, in the same order; several must not do it in turn.
        if several and kind is WalletRequest:
            lock_wallets(connection, [request.owner for request in requests])
    if by_kind:
        raise TypeError(f"the ledger knows no {next(iter(by_kind)).__name__}")
    return answers


class Ledger:
    """Groups the requests of all threads of this process into few durable transactions.

    Every method raises what its handler answers with, and ``StudioUnavailable`` when the database
    does not answer. Amounts are micro-credits.

    Args:
        database: where the ledger's tables are.
        group: a group commit to share; without it the ledger has its own.
    """

    def __init__(self, database: Database, *, group: GroupCommit | None = None) -> None:
        self._database = database
        self._group = group or GroupCommit(database)
        self._owns_group = group is None

    def submit(self, request: Request[Result]) -> Future[Result]:
        """Queue a request; the future holds its answer once that is durable."""
        return self._group.submit(apply, request)

    def open_wallet(self, owner: str) -> Wallet:
        """See ``open_wallets``."""
        return self.submit(WalletRequest(owner)).result()

    def set_state(self, owner: str, state: WalletState) -> Wallet:
        """See ``set_state``."""
        return self.submit(StateRequest(owner, state)).result()

    def top_up(
        self,
        owner: str,
        amount: int,
        *,
        key: str,
        author: str,
        reason: str,
        expires_at: datetime | None = None,
        kind: TopUpKind = "top_up",
    ) -> Receipt:
        """See ``top_up``."""
        request = TopUpRequest(owner, key, amount, author, reason, expires_at, kind)
        return self.submit(request).result()

    def adjust(
        self,
        owner: str,
        amount: int,
        *,
        key: str,
        author: str,
        reason: str,
        expires_at: datetime | None = None,
    ) -> Receipt:
        """See ``adjust``."""
        request = AdjustRequest(owner, key, amount, author, reason, expires_at)
        return self.submit(request).result()

    def refund(
        self, owner: str, claim_id: str, amount: int, *, key: str, author: str, reason: str
    ) -> Receipt:
        """See ``refund``."""
        return self.submit(RefundRequest(owner, claim_id, key, amount, author, reason)).result()

    def hold(
        self, owner: str, amount: int, *, key: str, expires_at: datetime, purpose: str
    ) -> Hold:
        """See ``hold``."""
        return self.submit(HoldRequest(owner, key, amount, expires_at, purpose)).result()

    def claim(self, owner: str, hold_id: str, amount: int, *, key: str) -> Claim:
        """See ``claim``."""
        return self.submit(ClaimRequest(owner, hold_id, key, amount)).result()

    def capture(self, owner: str, claim_id: str, amount: int) -> Claim:
        """See ``capture``."""
        return self.submit(CaptureRequest(owner, claim_id, amount)).result()

    def give_back(self, owner: str, claim_id: str) -> Claim:
        """See ``give_back``."""
        return self.submit(GiveBackRequest(owner, claim_id)).result()

    def release(self, owner: str, hold_id: str) -> Hold:
        """See ``release``."""
        return self.submit(ReleaseRequest(owner, hold_id)).result()

    def extend(self, owner: str, hold_id: str, expires_at: datetime) -> Hold:
        """See ``extend``."""
        return self.submit(ExtendRequest(owner, hold_id, expires_at)).result()

    def expire(self, *, limit: int = 500) -> list[Hold]:
        """See ``expire``; ``limit`` is per transaction, and there are as many as it takes."""
        ended: list[Hold] = []
        now = clock.now()
        while True:
            some = self._database.write(lambda connection: expire(connection, now, limit))
            ended += some
            if len(some) < limit:
                return ended

    def lapse(self, *, limit: int = 500) -> list[Grant]:
        """See ``lapse``; ``limit`` is per transaction, and there are as many as it takes."""
        lapsed: list[Grant] = []
        now = clock.now()
        while True:
            some = self._database.write(lambda connection: lapse(connection, now, limit))
            lapsed += some
            if len(some) < limit:
                return lapsed

    def balance(self, owner: str) -> Balance:
        """See ``balance``."""
        with self._database.read() as connection:
            return balance(connection, owner)

    def hold_of(self, owner: str, hold_id: str) -> Hold:
        """See ``hold_of``."""
        with self._database.read() as connection:
            return hold_of(connection, owner, hold_id)

    def audit(self) -> list[Discrepancy]:
        """See ``audit``."""
        with self._database.read() as connection:
            return audit(connection)

    def close(self) -> None:
        """Commit what is queued. A shared group commit is left to its owner."""
        if self._owns_group:
            self._group.close()
