"""The ledger: wallets, holds, claims and the journal they are projections of.

Handlers take a connection and many requests and answer each, in their order, with a result or an
error; they belong inside a transaction of ``Database.write``, the caller's own or a group
commit's. ``Ledger`` is for callers that have none. A refusal is an answer; an exception that a
handler *raises* means that the whole transaction must be rolled back.
"""

from billing.ledger.audit import Discrepancy, audit
from billing.ledger.claims import claim, claim_of
from billing.ledger.endings import expire, release
from billing.ledger.facade import Ledger, apply
from billing.ledger.grants import top_up
from billing.ledger.holds import LONGEST_HOLD, extend, hold, hold_of, holds_of
from billing.ledger.journal import LedgerDisagrees
from billing.ledger.settlement import capture, give_back
from billing.ledger.wallets import balance, lock_wallets, open_wallets, set_state
from billing.ledger.words import (
    Balance,
    CaptureRequest,
    Claim,
    ClaimRequest,
    ExtendRequest,
    GiveBackRequest,
    Hold,
    HoldRequest,
    Receipt,
    ReleaseRequest,
    Request,
    StateRequest,
    TopUpRequest,
    Wallet,
    WalletRequest,
)

__all__ = [
    "LONGEST_HOLD",
    "Balance",
    "CaptureRequest",
    "Claim",
    "ClaimRequest",
    "Discrepancy",
    "ExtendRequest",
    "GiveBackRequest",
    "Hold",
    "HoldRequest",
    "Ledger",
    "LedgerDisagrees",
    "Receipt",
    "ReleaseRequest",
    "Request",
    "StateRequest",
    "TopUpRequest",
    "Wallet",
    "WalletRequest",
    "apply",
    "audit",
    "balance",
    "capture",
    "claim",
    "claim_of",
    "expire",
    "extend",
    "give_back",
    "hold",
    "hold_of",
    "holds_of",
    "lock_wallets",
    "open_wallets",
    "release",
    "set_state",
    "top_up",
]
