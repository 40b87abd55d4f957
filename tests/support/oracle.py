"""The ledger in plain Python: what it must answer, worked out another way.

Nothing here moves an amount from one counter to another. Grants, holds and claims are remembered,
and every figure is added up from them when it is asked for, at the moment for which it is asked: a
hold remembers of each single micro-credit which grant it came out of, and nothing ever lapses.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from billing.ledger import (
    AdjustRequest,
    CaptureRequest,
    Claim,
    ClaimRequest,
    ExtendRequest,
    GiveBackRequest,
    Hold,
    HoldRequest,
    Receipt,
    RefundRequest,
    ReleaseRequest,
    Request,
    StateRequest,
    TopUpRequest,
    Wallet,
    WalletRequest,
)
from studio.errors import StudioError

Told = tuple[Any, ...]
"""An answer without what cannot be foreseen: the ids."""


class Refused(Exception):
    def __init__(self, *told: Any) -> None:
        super().__init__(*told)
        self.told = told


@dataclass
class ModelClaim:
    hold: ModelHold
    key: str
    amount: int
    state: str = "active"
    captured: int = 0
    id: str = ""

    def tell(self) -> Told:
        return ("Claim", self.hold.owner, self.key, self.amount, self.captured, self.state)


@dataclass
class ModelHold:
    owner: str
    key: str
    amount: int
    purpose: str
    expires_at: datetime
    coins: list[ModelGrant]
    ended: bool = False
    claims: list[ModelClaim] = field(default_factory=list)
    id: str = ""

    @property
    def claimed(self) -> int:
        return sum(claim.amount for claim in self.claims if claim.state == "active")

    @property
    def captured(self) -> int:
        return sum(claim.captured for claim in self.claims)

    @property
    def free(self) -> int:
        return 0 if self.ended else self.amount - self.claimed - self.captured

    @property
    def kept(self) -> list[ModelGrant]:
        """The grants of the credits that did not return; what was taken last returns first."""
        return self.coins[: self.free + self.claimed + self.captured]

    @property
    def state(self) -> str:
        if not self.ended:
            return "open"
        return "closing" if any(claim.state == "active" for claim in self.claims) else "closed"

    def tell(self) -> Told:
        released = self.amount - self.claimed - self.captured - self.free
        parts = (self.amount, self.claimed, self.captured, released)
        return ("Hold", self.owner, self.key, *parts, self.state, self.expires_at)


@dataclass
class ModelGrant:
    owner: str
    key: str
    amount: int
    reason: str
    kind: str
    expires_at: datetime | None
    created_at: datetime
    id: str = ""

    @property
    def turn(self) -> tuple[bool, float, datetime, str, str]:
        """What decides which grant is spent first."""
        ends = 0.0 if self.expires_at is None else self.expires_at.timestamp()
        return (self.expires_at is None, ends, self.created_at, self.kind, self.key)

    def over(self, now: datetime) -> bool:
        return self.expires_at is not None and self.expires_at <= now

    def tell(self) -> Told:
        return ("Receipt", self.owner, self.amount)


@dataclass
class ModelWithdrawal:
    owner: str
    amount: int
    reason: str
    coins: list[ModelGrant]

    def tell(self) -> Told:
        return ("Receipt", self.owner, -self.amount)


@dataclass
class ModelRefund:
    claim: ModelClaim
    reason: str
    grant: ModelGrant


@dataclass
class ModelWallet:
    owner: str
    active: bool = True
    grants: dict[tuple[str, str], ModelGrant] = field(default_factory=dict)
    withdrawals: dict[str, ModelWithdrawal] = field(default_factory=dict)
    refunds: dict[str, ModelRefund] = field(default_factory=dict)
    holds: dict[str, ModelHold] = field(default_factory=dict)
    claims: dict[str, ModelClaim] = field(default_factory=dict)

    @property
    def granted(self) -> int:
        given = sum(grant.amount for grant in self.grants.values())
        return given - sum(each.amount for each in self.withdrawals.values())

    @property
    def captured(self) -> int:
        return sum(hold.captured for hold in self.holds.values())

    @property
    def held(self) -> int:
        return sum(hold.free + hold.claimed for hold in self.holds.values())

    def withdrawn(self, grant: ModelGrant) -> int:
        return sum(coin is grant for each in self.withdrawals.values() for coin in each.coins)

    def left(self, grant: ModelGrant) -> int:
        used = sum(coin is grant for hold in self.holds.values() for coin in hold.kept)
        return grant.amount - used - self.withdrawn(grant)

    def purse(self, now: datetime) -> list[ModelGrant]:
        """Every credit that may be held, by its grant, in the order in which they are spent."""
        live = [grant for grant in self.grants.values() if not grant.over(now)]
        return [
            grant
            for grant in sorted(live, key=lambda grant: grant.turn)
            for _ in range(self.left(grant))
        ]

    def available(self, now: datetime) -> int:
        return len(self.purse(now))

    def expired(self, now: datetime) -> int:
        return sum(self.left(grant) for grant in self.grants.values() if grant.over(now))

    def tell(self) -> Told:
        amounts = (self.granted, self.held, self.captured)
        return ("Wallet", self.owner, "active" if self.active else "suspended", *amounts)


Thing = ModelWallet | ModelGrant | ModelWithdrawal | ModelHold | ModelClaim


class Oracle:
    """Answers groups of requests as the ledger must."""

    def __init__(self) -> None:
        self.wallets: dict[str, ModelWallet] = {}
        self.holds: list[ModelHold] = []
        self.claims: list[ModelClaim] = []
        self._answer: dict[type, Callable[[Any, datetime], Thing]] = {
            WalletRequest: self._open,
            StateRequest: self._state,
            TopUpRequest: self._top_up,
            CaptureRequest: self._end,
            GiveBackRequest: self._end,
            ReleaseRequest: self._release,
            AdjustRequest: self._adjust,
            RefundRequest: self._refund,
            ExtendRequest: self._extend,
            HoldRequest: self._hold,
            ClaimRequest: self._claim,
        }

    def group(
        self, requests: Sequence[Request[Any]], now: datetime
    ) -> list[tuple[Told, Thing | None]]:
        """Answer the requests kind by kind; each kind's answers are told when it is through."""
        answers: dict[int, tuple[Told, Thing | None]] = {}
        for kind, work in self._answer.items():
            found: dict[int, Thing] = {}
            for position, request in sorted(enumerate(requests), key=_takes):
                if type(request) is kind:
                    try:
                        found[position] = work(request, now)
                    except Refused as refusal:
                        answers[position] = (refusal.told, None)
            answers |= {position: (thing.tell(), thing) for position, thing in found.items()}
        return [answers[position] for position in range(len(requests))]

    def expire(self, now: datetime, limit: int) -> list[ModelHold]:
        due = [hold for hold in self.holds if not hold.ended and hold.expires_at <= now]
        due.sort(key=lambda hold: hold.expires_at)
        for hold in due[:limit]:
            hold.ended = True
        return due[:limit]

    def _wallet(self, owner: str) -> ModelWallet:
        if owner not in self.wallets:
            raise Refused("AccountRefused", "missing")
        return self.wallets[owner]

    def _active(self, owner: str) -> ModelWallet:
        wallet = self._wallet(owner)
        if not wallet.active:
            raise Refused("AccountSuspended", "suspended")
        return wallet

    def _open(self, request: WalletRequest, _now: datetime) -> ModelWallet:
        return self.wallets.setdefault(request.owner, ModelWallet(request.owner))

    def _state(self, request: StateRequest, _now: datetime) -> ModelWallet:
        wallet = self._wallet(request.owner)
        wallet.active = request.state == "active"
        return wallet

    def _top_up(self, request: TopUpRequest, now: datetime) -> ModelGrant:
        wallet = self._wallet(request.owner)
        place = ("top_up", request.key)
        if place in wallet.grants:
            grant = wallet.grants[place]
            parts = (grant.amount, grant.reason, grant.kind, grant.expires_at)
            if parts != (request.amount, request.reason, request.kind, request.expires_at):
                raise Refused("Conflict")
            return grant
        self._active(request.owner)
        if request.expires_at is not None and request.expires_at <= now:
            raise Refused("InvalidRequest")
        grant = ModelGrant(
            *(request.owner, request.key, request.amount, request.reason, request.kind),
            *(request.expires_at, now),
        )
        wallet.grants[place] = grant
        return grant

    def _adjust(self, request: AdjustRequest, now: datetime) -> ModelGrant | ModelWithdrawal:
        wallet = self._wallet(request.owner)
        place = ("adjust", request.key)
        if request.key in wallet.withdrawals:
            taken = wallet.withdrawals[request.key]
            if (-taken.amount, taken.reason) != (request.amount, request.reason):
                raise Refused("Conflict")
            return taken
        if place in wallet.grants:
            grant = wallet.grants[place]
            parts = (grant.amount, grant.reason, grant.expires_at)
            if parts != (request.amount, request.reason, request.expires_at):
                raise Refused("Conflict")
            return grant
        if request.amount < 0:
            purse = wallet.purse(now)
            if -request.amount > len(purse):
                raise Refused("NotEnoughCredits", -request.amount, len(purse), wallet.held)
            coins = purse[: -request.amount]
            taken = ModelWithdrawal(request.owner, len(coins), request.reason, coins)
            wallet.withdrawals[request.key] = taken
            return taken
        if request.expires_at is not None and request.expires_at <= now:
            raise Refused("InvalidRequest")
        grant = ModelGrant(
            *(request.owner, request.key, request.amount, request.reason, "adjustment"),
            *(request.expires_at, now),
        )
        wallet.grants[place] = grant
        return grant

    def _refund(self, request: RefundRequest, now: datetime) -> ModelGrant:
        wallet = self._wallet(request.owner)
        if request.key in wallet.refunds:
            before = wallet.refunds[request.key]
            parts = (before.claim.id, before.grant.amount, before.reason)
            if parts != (request.claim_id, request.amount, request.reason):
                raise Refused("Conflict")
            return before.grant
        claim = self._find_claim(request.owner, request.claim_id)
        if claim.state != "captured":
            raise Refused("Conflict")
        refunded = sum(each.grant.amount for each in wallet.refunds.values() if each.claim is claim)
        if refunded + request.amount > claim.captured:
            raise Refused("InvalidRequest")
        ends = [coin.expires_at for coin in claim.hold.kept]
        last = None if None in ends else max(end for end in ends if end is not None)
        if last is not None and last <= now:
            last = now + timedelta(days=31)
        grant = ModelGrant(
            *(request.owner, request.key, request.amount, request.reason, "refund", last, now)
        )
        wallet.grants["refund", request.key] = grant
        wallet.refunds[request.key] = ModelRefund(claim, request.reason, grant)
        return grant

    def _hold(self, request: HoldRequest, now: datetime) -> ModelHold:
        wallet = self._wallet(request.owner)
        if request.key in wallet.holds:
            hold = wallet.holds[request.key]
            if (hold.amount, hold.purpose) != (request.amount, request.purpose):
                raise Refused("Conflict")
            return hold
        self._active(request.owner)
        if request.expires_at <= now:
            raise Refused("InvalidRequest")
        purse = wallet.purse(now)
        if request.amount > len(purse):
            raise Refused("NotEnoughCredits", request.amount, len(purse), wallet.held)
        coins = purse[: request.amount]
        hold = ModelHold(
            request.owner, request.key, request.amount, request.purpose, request.expires_at, coins
        )
        wallet.holds[request.key] = hold
        self.holds.append(hold)
        return hold

    def _claim(self, request: ClaimRequest, now: datetime) -> ModelClaim:
        wallet = self._wallet(request.owner)
        if request.key in wallet.claims:
            claim = wallet.claims[request.key]
            if (claim.hold.id, claim.amount) != (request.hold_id, request.amount):
                raise Refused("Conflict")
            return claim
        self._active(request.owner)
        hold = self._find(self.holds, request.owner, request.hold_id)
        if hold is None:
            raise Refused("HoldRefused", "missing")
        if hold.ended:
            raise Refused("HoldRefused", hold.state)
        if hold.expires_at <= now:
            raise Refused("HoldRefused", "expired")
        if request.amount > hold.free:
            raise Refused("HoldRefused", "too_small")
        claim = ModelClaim(hold, request.key, request.amount)
        hold.claims.append(claim)
        wallet.claims[request.key] = claim
        self.claims.append(claim)
        return claim

    def _end(self, request: CaptureRequest | GiveBackRequest, _now: datetime) -> ModelClaim:
        self._wallet(request.owner)
        claim = self._find_claim(request.owner, request.claim_id)
        captures = isinstance(request, CaptureRequest)
        spent = request.amount if isinstance(request, CaptureRequest) else 0
        state = "captured" if captures else "returned"
        if claim.state != "active":
            if (claim.state, claim.captured) != (state, spent):
                raise Refused("Conflict")
            return claim
        if spent > claim.amount:
            raise Refused("HoldRefused", "more_than_claimed")
        claim.state, claim.captured = state, spent
        return claim

    def _release(self, request: ReleaseRequest, _now: datetime) -> ModelHold:
        self._wallet(request.owner)
        hold = self._find(self.holds, request.owner, request.hold_id)
        if hold is None:
            raise Refused("NotFound")
        hold.ended = True
        return hold

    def _extend(self, request: ExtendRequest, now: datetime) -> ModelHold:
        self._active(request.owner)
        hold = self._find(self.holds, request.owner, request.hold_id)
        if hold is None:
            raise Refused("NotFound")
        if hold.ended:
            raise Refused("HoldRefused", hold.state)
        if hold.expires_at <= now:
            raise Refused("HoldRefused", "expired")
        if request.expires_at <= now:
            raise Refused("InvalidRequest")
        hold.expires_at = max(hold.expires_at, request.expires_at)
        return hold

    def _find_claim(self, owner: str, claim_id: str) -> ModelClaim:
        for claim in self.claims:
            if claim.id == claim_id and claim.hold.owner == owner:
                return claim
        raise Refused("NotFound")

    @staticmethod
    def _find(holds: Sequence[ModelHold], owner: str, hold_id: str) -> ModelHold | None:
        for hold in holds:
            if hold.id == hold_id and hold.owner == owner:
                return hold
        return None


def _takes(place: tuple[int, Request[Any]]) -> bool:
    """Tell the adjustments that take: within a group they come after those that add."""
    return isinstance(place[1], AdjustRequest) and place[1].amount < 0


def tell(answer: object) -> Told:
    """Reduce an answer of the ledger to what the oracle can know."""
    match answer:
        case Wallet():
            amounts = (answer.granted, answer.held, answer.captured)
            return ("Wallet", answer.owner, answer.state, *amounts)
        case Receipt():
            return ("Receipt", answer.owner, answer.amount)
        case Hold():
            parts = (answer.amount, answer.claimed, answer.captured, answer.released)
            return ("Hold", answer.owner, answer.key, *parts, answer.state, answer.expires_at)
        case Claim():
            end = (answer.captured, answer.state)
            return ("Claim", answer.owner, answer.key, answer.amount, *end)
        case StudioError():
            details = answer.details
            name = type(answer).__name__
            if name == "NotEnoughCredits":
                return (name, details["needed"], details["available"], details["held"])
            return (name, details["reason"]) if "reason" in details else (name,)
    raise AssertionError(f"not an answer: {answer!r}")
