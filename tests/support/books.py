"""Shorthand for tests of the ledger: a clock that stands still, and requests with few words."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from billing import ledger
from billing.audit import audit
from billing.ledger import (
    AdjustRequest,
    Balance,
    CaptureRequest,
    Claim,
    ClaimRequest,
    Discrepancy,
    ExtendRequest,
    GiveBackRequest,
    Grant,
    Hold,
    HoldRequest,
    Receipt,
    RefundRequest,
    ReleaseRequest,
    StateRequest,
    TopUpKind,
    TopUpRequest,
    Wallet,
    WalletRequest,
)
from studio.database import Database

START = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)


@dataclass
class StandingClock:
    """``studio.clock.now`` for tests: moves when it is told to."""

    moment: datetime = START

    def __call__(self) -> datetime:
        return self.moment

    def advance(self, step: timedelta) -> None:
        self.moment += step


@dataclass
class Books:
    """The ledger's handlers on one database, for one owner unless another is named."""

    database: Database
    clock: StandingClock
    owner: str = "ada"
    _keys: int = field(default=0)

    def run(
        self, handler: Callable[[Any, Sequence[Any]], Sequence[Any]], *requests: object
    ) -> list[Any]:
        """Hand the requests to ``handler`` in one transaction; refusals are among the answers."""
        return list(self.database.write(lambda connection: handler(connection, requests)))

    def one(self, handler: Callable[[Any, Sequence[Any]], Sequence[Any]], request: object) -> Any:
        """Hand over one request, and raise what it is refused with."""
        (answer,) = self.run(handler, request)
        if isinstance(answer, Exception):
            raise answer
        return answer

    def open(self, owner: str | None = None, *, grant: int = 0) -> Wallet:
        wallet: Wallet = self.one(ledger.open_wallets, WalletRequest(owner or self.owner))
        if grant:
            self.top_up(grant, owner=owner)
        return wallet

    def top_up(
        self,
        amount: int,
        *,
        key: str | None = None,
        owner: str | None = None,
        reason: str = "a test",
        lasts: timedelta | None = None,
        kind: TopUpKind = "top_up",
    ) -> Receipt:
        ends = None if lasts is None else self.clock() + lasts
        request = TopUpRequest(
            owner or self.owner, key or self._key(), amount, "tester", reason, ends, kind
        )
        receipt: Receipt = self.one(ledger.top_up, request)
        return receipt

    def adjust(
        self, amount: int, *, key: str | None = None, lasts: timedelta | None = None
    ) -> Receipt:
        ends = None if lasts is None else self.clock() + lasts
        request = AdjustRequest(self.owner, key or self._key(), amount, "op", "a mistake", ends)
        receipt: Receipt = self.one(ledger.adjust, request)
        return receipt

    def refund(self, claim: Claim, amount: int, *, key: str | None = None) -> Receipt:
        request = RefundRequest(
            self.owner, claim.id, key or self._key(), amount, "op", "it was bad"
        )
        receipt: Receipt = self.one(ledger.refund, request)
        return receipt

    def hold(
        self,
        amount: int,
        *,
        key: str | None = None,
        owner: str | None = None,
        lasts: timedelta = HOUR,
        purpose: str = "a run",
    ) -> Hold:
        request = HoldRequest(
            owner or self.owner, key or self._key(), amount, self.clock() + lasts, purpose
        )
        hold: Hold = self.one(ledger.hold, request)
        return hold

    def claim(
        self, hold: Hold, amount: int, *, key: str | None = None, owner: str | None = None
    ) -> Claim:
        request = ClaimRequest(owner or self.owner, hold.id, key or self._key(), amount)
        claim: Claim = self.one(ledger.claim, request)
        return claim

    def capture(self, claim: Claim, amount: int, *, owner: str | None = None) -> Claim:
        ended: Claim = self.one(
            ledger.capture, CaptureRequest(owner or self.owner, claim.id, amount)
        )
        return ended

    def give_back(self, claim: Claim, *, owner: str | None = None) -> Claim:
        ended: Claim = self.one(ledger.give_back, GiveBackRequest(owner or self.owner, claim.id))
        return ended

    def release(self, hold: Hold, *, owner: str | None = None) -> Hold:
        ended: Hold = self.one(ledger.release, ReleaseRequest(owner or self.owner, hold.id))
        return ended

    def extend(self, hold: Hold, lasts: timedelta, *, owner: str | None = None) -> Hold:
        request = ExtendRequest(owner or self.owner, hold.id, self.clock() + lasts)
        extended: Hold = self.one(ledger.extend, request)
        return extended

    def expire(self, limit: int = 500) -> list[Hold]:
        return self.database.write(
            lambda connection: ledger.expire(connection, self.clock(), limit)
        )

    def lapse(self, limit: int = 500) -> list[Grant]:
        return self.database.write(lambda connection: ledger.lapse(connection, self.clock(), limit))

    def paid(self, hold: Hold) -> list[tuple[str, int]]:
        """Return the keys of the grants that pay for the hold, each with its part."""
        with self.database.read() as connection:
            keys = {grant.id: grant.key for grant in ledger.grants_of(connection, hold.owner)}
            parts = ledger.allocations_of(connection, hold.owner, hold.id)
        return [(keys[part.grant_id], part.amount) for part in parts]

    def grant(self, key: str, owner: str | None = None) -> Grant:
        with self.database.read() as connection:
            found = ledger.grants_of(connection, owner or self.owner)
        (grant,) = [grant for grant in found if grant.key == key]
        return grant

    def suspend(self, owner: str | None = None) -> Wallet:
        wallet: Wallet = self.one(ledger.set_state, StateRequest(owner or self.owner, "suspended"))
        return wallet

    def balance(self, owner: str | None = None) -> Balance:
        with self.database.read() as connection:
            return ledger.balance(connection, owner or self.owner)

    def see(self, hold: Hold) -> Hold:
        with self.database.read() as connection:
            return ledger.hold_of(connection, hold.owner, hold.id)

    def audit(self) -> list[Discrepancy]:
        with self.database.read() as connection:
            return audit(connection)

    def _key(self) -> str:
        self._keys += 1
        return f"key-{self._keys}"
