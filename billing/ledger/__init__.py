"""The ledger: wallets, holds, claims and the journal they are projections of.

Handlers take a connection and many requests and answer each, in their order, with a result or an
error; they belong inside a transaction of ``Database.write``, the caller's own or a group
commit's. ``Ledger`` is for callers that have none. A refusal is an answer; an exception that a
handler *raises* means that the whole transaction must be rolled back.
"""

from billing.ledger.adjustments import adjust
from billing.ledger.allocations import allocations_of
from billing.ledger.audit import Discrepancy, audit
from billing.ledger.claims import claim, claim_of, claim_with_key
from billing.ledger.endings import expire, release
from billing.ledger.facade import Ledger, apply
from billing.ledger.grants import LONGEST_GRANT, grants_of, top_up
from billing.ledger.holds import LONGEST_HOLD, extend, hold, hold_of, holds_of
from billing.ledger.journal import LedgerDisagrees
from billing.ledger.lapses import lapse
from billing.ledger.refunds import REFUND_LASTS, refund, refunded_of
from billing.ledger.settlement import capture, give_back
from billing.ledger.wallets import balance, lock_wallets, open_wallets, set_state
from billing.ledger.words import (
    AdjustRequest,
    Allocation,
    Balance,
    CaptureRequest,
    Claim,
    ClaimRequest,
    ExtendRequest,
    GiveBackRequest,
    Grant,
    GrantKind,
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
)

__all__ = [
    "LONGEST_GRANT",
    "LONGEST_HOLD",
    "REFUND_LASTS",
    "AdjustRequest",
    "Allocation",
    "Balance",
    "CaptureRequest",
    "Claim",
    "ClaimRequest",
    "Discrepancy",
    "ExtendRequest",
    "GiveBackRequest",
    "Grant",
    "GrantKind",
    "Hold",
    "HoldRequest",
    "Ledger",
    "LedgerDisagrees",
    "Receipt",
    "RefundRequest",
    "ReleaseRequest",
    "Request",
    "StateRequest",
    "TopUpKind",
    "TopUpRequest",
    "Wallet",
    "WalletRequest",
    "adjust",
    "allocations_of",
    "apply",
    "audit",
    "balance",
    "capture",
    "claim",
    "claim_of",
    "claim_with_key",
    "expire",
    "extend",
    "give_back",
    "grants_of",
    "hold",
    "hold_of",
    "holds_of",
    "lapse",
    "lock_wallets",
    "open_wallets",
    "refund",
    "refunded_of",
    "release",
    "set_state",
    "top_up",
]
