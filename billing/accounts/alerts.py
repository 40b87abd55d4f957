"""What an account's people want to be told of, or asked about, before money moves."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection

from billing.accounts.account import Account, change_account, keep_account
from billing.accounts.events import note
from billing.ledger import lock_wallets
from billing.ledger.wallets import require
from studio import clock


def set_low_balance(
    connection: Connection, owner: str, below: int | None, *, author: str
) -> Account:
    """Have people told when less than ``below`` micro-credits are left; nobody, if ``None``.

    Raises:
        AccountRefused: there is no wallet.
    """
    values: dict[str, Any] = {"low_balance": below, "low_told": 0}
    return _change(connection, owner, values, "low_balance_set", {"below": below}, author)


def set_approval(
    connection: Connection, owner: str, above: int | None, *, by_another: bool, author: str
) -> Account:
    """Have batches of more than ``above`` micro-credits wait for approval; none, if ``None``.

    Args:
        by_another: whoever started a batch may not approve it.

    Raises:
        AccountRefused: there is no wallet.
    """
    values: dict[str, Any] = {"approval_above": above, "approval_by_another": int(by_another)}
    return _change(connection, owner, values, "approval_set", values, author)


def _change(  # noqa: PLR0917 - of this module alone
    connection: Connection,
    owner: str,
    values: dict[str, Any],
    kind: str,
    details: dict[str, Any],
    author: str,
) -> Account:
    require(lock_wallets(connection, [owner]), owner)
    keep_account(connection, owner, clock.now())
    changed = change_account(connection, owner, **values)
    note(connection, owner, kind, author=author, **details)
    return changed
