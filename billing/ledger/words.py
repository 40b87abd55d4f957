"""What callers hand to the ledger, and what they get back. Amounts are micro-credits.

A request is checked when it is made, so a handler never sees an unlawful amount or text. Each
request names the owner: an id that was mistyped or guessed cannot reach another one's wallet.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from datetime import datetime
from typing import Generic, Literal, TypeVar

from studio import credits as money
from studio.errors import InvalidRequest

LONGEST_OWNER = 80
LONGEST_KEY = 200
LONGEST_TEXT = 500

WalletState = Literal["active", "suspended"]
HoldState = Literal["open", "closing", "closed"]
ClaimState = Literal["active", "captured", "returned"]
GrantKind = Literal["top_up", "period", "adjustment", "refund"]
TopUpKind = Literal["top_up", "period"]
"""What was bought or given once, and what a plan gives for each of its periods."""

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Balance:
    """A wallet's amounts; ``available`` is what may still be held.

    ``granted = captured + held + available + expired``. What a grant has left is expired from the
    moment of its expiry, also while the books have not caught up.
    """

    granted: int
    captured: int
    held: int
    available: int
    expired: int = 0


@dataclass(frozen=True, slots=True)
class Wallet:
    """One owner's credits, by the books. Never ``captured + held + expired > granted``.

    The books note an expiry with the next hold or when the reaper comes; ``balance`` knows of it
    at once.
    """

    id: str
    owner: str
    state: WalletState
    granted: int
    held: int
    captured: int
    expired: int = 0

    @property
    def available(self) -> int:
        """What may still be held, once the grants that are over have lapsed."""
        return self.granted - self.captured - self.held - self.expired


@dataclass(frozen=True, slots=True)
class Grant:
    """Credits that came into a wallet at once, and what became of them.

    ``amount = left + allocated + withdrawn + expired`` at every moment. ``allocated`` is what
    holds keep aside of it and what was spent of it.
    """

    id: str
    owner: str
    kind: GrantKind
    key: str
    amount: int
    allocated: int
    withdrawn: int
    expired: int
    expires_at: datetime | None
    created_at: datetime

    @property
    def left(self) -> int:
        """What holds may still be paid from, if its time is not over."""
        return self.amount - self.allocated - self.withdrawn - self.expired


@dataclass(frozen=True, slots=True)
class Allocation:
    """The part of a hold that a grant pays. Once the hold is closed: that was spent of it."""

    hold_id: str
    position: int
    grant_id: str
    amount: int


@dataclass(frozen=True, slots=True)
class Hold:
    """Credits set aside for a run or a batch.

    ``amount = free + claimed + captured + released`` at every moment. ``replayed`` tells that an
    earlier request with the same key made it; the amounts and the state are today's.
    """

    id: str
    owner: str
    key: str
    purpose: str
    amount: int
    claimed: int
    captured: int
    released: int
    state: HoldState
    expires_at: datetime
    created_at: datetime
    replayed: bool = field(default=False, compare=False)

    @property
    def free(self) -> int:
        """What claims may still take."""
        return self.amount - self.claimed - self.captured - self.released


@dataclass(frozen=True, slots=True)
class Claim:
    """Permission to buy one thing for at most ``amount``, taken out of a hold.

    ``replayed`` tells that an earlier request with the same key made it, perhaps one that went
    on to buy: whoever is about to call a provider goes on only if it is ``False`` or if the job's
    own record says that nothing was sent.
    """

    id: str
    owner: str
    hold_id: str
    key: str
    amount: int
    captured: int
    state: ClaimState
    created_at: datetime
    ended_at: datetime | None = None
    operation: str = ""
    replayed: bool = field(default=False, compare=False)


@dataclass(frozen=True, slots=True)
class Receipt:
    """A top-up, an adjustment or a refund that is in the books, and the grant that it made.

    An adjustment that took credits has an amount below 0 and made no grant.
    """

    transaction_id: str
    owner: str
    amount: int
    at: datetime
    grant_id: str | None = None
    replayed: bool = field(default=False, compare=False)


@dataclass(frozen=True, slots=True)
class Request(Generic[Result]):
    """Something asked of the ledger in the name of ``owner``; ``Result`` is its answer."""

    owner: str

    def __post_init__(self) -> None:
        check_text(self.owner, "owner", LONGEST_OWNER)


@dataclass(frozen=True, slots=True)
class WalletRequest(Request[Wallet]):
    """Open a wallet for the owner, or find the one that is there."""


@dataclass(frozen=True, slots=True)
class StateRequest(Request[Wallet]):
    """Suspend a wallet or make it active again. What is held or claimed stays so."""

    state: WalletState

    def __post_init__(self) -> None:
        check_text(self.owner, "owner", LONGEST_OWNER)
        if self.state not in ("active", "suspended"):
            raise InvalidRequest(
                "A wallet has no such state.",
                field="state",
                given=repr(self.state),
                allowed="active or suspended",
            )


@dataclass(frozen=True, slots=True)
class TopUpRequest(Request[Receipt]):
    """Grant ``amount`` to the wallet. ``author`` and ``reason`` are kept with it for ever.

    What is left of it at ``expires_at`` lapses; without it, never. Keys are unique among top-ups
    of both kinds.
    """

    key: str
    amount: int
    author: str
    reason: str
    expires_at: datetime | None = None
    kind: TopUpKind = "top_up"

    def __post_init__(self) -> None:
        _check_signed(self)
        money.check(self.amount, least=1)
        if self.expires_at is not None:
            check_moment(self.expires_at, "expires_at")
        if self.kind not in ("top_up", "period"):
            raise InvalidRequest(
                "Credits are not granted in this way.",
                field="kind",
                given=repr(self.kind),
                allowed="top_up or period",
            )


@dataclass(frozen=True, slots=True)
class AdjustRequest(Request[Receipt]):
    """Correct the wallet by ``amount``: add it, or take it if it is below 0.

    What is added may expire; what is taken has to be available.
    """

    key: str
    amount: int
    author: str
    reason: str
    expires_at: datetime | None = None

    def __post_init__(self) -> None:
        _check_signed(self)
        money.check(self.amount, least=-money.MOST)
        if self.amount == 0:
            raise InvalidRequest(
                "An adjustment of nothing changes nothing.",
                field="amount",
                given="0 credits",
                allowed="more or less than 0",
            )
        if self.expires_at is not None:
            check_moment(self.expires_at, "expires_at")
            if self.amount < 0:
                raise InvalidRequest(
                    "What is taken cannot expire.",
                    field="expires_at",
                    given=self.expires_at.isoformat(),
                    allowed="only with an amount above 0",
                )


@dataclass(frozen=True, slots=True)
class RefundRequest(Request[Receipt]):
    """Give ``amount`` back of what was captured with the claim."""

    claim_id: str
    key: str
    amount: int
    author: str
    reason: str

    def __post_init__(self) -> None:
        _check_signed(self)
        check_text(self.claim_id, "claim_id", LONGEST_KEY)
        money.check(self.amount, least=1)


@dataclass(frozen=True, slots=True)
class HoldRequest(Request[Hold]):
    """Set ``amount`` aside until ``expires_at``. The key is the caller's, unique per wallet."""

    key: str
    amount: int
    expires_at: datetime
    purpose: str

    def __post_init__(self) -> None:
        check_text(self.owner, "owner", LONGEST_OWNER)
        check_text(self.key, "key", LONGEST_KEY)
        check_text(self.purpose, "purpose", LONGEST_TEXT)
        money.check(self.amount)
        check_moment(self.expires_at, "expires_at")


@dataclass(frozen=True, slots=True)
class ClaimRequest(Request[Claim]):
    """Take ``amount`` out of the hold's free part, for one purchase named by ``key``.

    ``operation`` is what is bought; limits per operation count by it.
    """

    hold_id: str
    key: str
    amount: int
    operation: str = ""

    def __post_init__(self) -> None:
        check_text(self.owner, "owner", LONGEST_OWNER)
        check_text(self.hold_id, "hold_id", LONGEST_KEY)
        check_text(self.key, "key", LONGEST_KEY)
        if self.operation:
            check_text(self.operation, "operation", LONGEST_OWNER)
        money.check(self.amount)


@dataclass(frozen=True, slots=True)
class CaptureRequest(Request[Claim]):
    """End the claim: ``amount`` of it was spent."""

    claim_id: str
    amount: int

    def __post_init__(self) -> None:
        check_text(self.owner, "owner", LONGEST_OWNER)
        check_text(self.claim_id, "claim_id", LONGEST_KEY)
        money.check(self.amount)


@dataclass(frozen=True, slots=True)
class GiveBackRequest(Request[Claim]):
    """End the claim: surely nothing was bought with it."""

    claim_id: str

    def __post_init__(self) -> None:
        check_text(self.owner, "owner", LONGEST_OWNER)
        check_text(self.claim_id, "claim_id", LONGEST_KEY)


@dataclass(frozen=True, slots=True)
class ReleaseRequest(Request[Hold]):
    """End the hold: what is free returns to the wallet, claims under way keep their part."""

    hold_id: str

    def __post_init__(self) -> None:
        check_text(self.owner, "owner", LONGEST_OWNER)
        check_text(self.hold_id, "hold_id", LONGEST_KEY)


@dataclass(frozen=True, slots=True)
class ExtendRequest(Request[Hold]):
    """Let the hold live until ``expires_at``, or longer if it does already."""

    hold_id: str
    expires_at: datetime

    def __post_init__(self) -> None:
        check_text(self.owner, "owner", LONGEST_OWNER)
        check_text(self.hold_id, "hold_id", LONGEST_KEY)
        check_moment(self.expires_at, "expires_at")


def _check_signed(request: TopUpRequest | AdjustRequest | RefundRequest) -> None:
    check_text(request.owner, "owner", LONGEST_OWNER)
    check_text(request.key, "key", LONGEST_KEY)
    check_text(request.author, "author", LONGEST_OWNER)
    check_text(request.reason, "reason", LONGEST_TEXT)


def check_text(text: object, field_name: str, longest: int) -> None:
    """Refuse what no column takes: empty, too long, NUL, line ends, lone surrogates.

    Raises:
        InvalidRequest: the text is none of ours.
    """
    if isinstance(text, str) and 0 < len(text) <= longest and text.isprintable():
        return
    raise InvalidRequest(
        f"The {field_name} cannot be used.",
        field=field_name,
        given=repr(text),
        allowed=f"1 to {longest} printable characters",
    )


def check_moment(moment: object, field_name: str) -> None:
    """Refuse a moment that does not say in which time zone it is.

    Raises:
        InvalidRequest: it is naive, or no moment at all.
    """
    if isinstance(moment, datetime) and moment.tzinfo is not None:
        return
    raise InvalidRequest(
        "The moment has no time zone.",
        field=field_name,
        given=repr(moment),
        allowed="an aware datetime",
    )


def fingerprint(*parameters: str | int) -> str:
    """Return a digest by which two requests with one key are known to ask for the same."""
    # No parameter contains a line end (check_text), so the joint cannot be forged.
    text = "\n".join(map(str, parameters))
    return hashlib.sha256(text.encode()).hexdigest()
