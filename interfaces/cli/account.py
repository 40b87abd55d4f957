"""``studio account``: what is in a wallet, what moved it, and adding to it."""

from __future__ import annotations

import getpass
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter
from rich.text import Text

from billing.ledger import Balance
from billing.ledger import balance as balance_of
from billing.ledger.history import Movement, movements
from interfaces.cli import account_plan, account_team
from interfaces.cli.days import end_of
from interfaces.cli.exits import Exit
from interfaces.cli.groups import HELP, group
from interfaces.cli.opening import opened_database, opened_ledger
from interfaces.cli.output import Fact, amount, in_credits, plain, show_facts, table
from interfaces.cli.session import Here
from studio import credits as money
from studio.ids import new_id

if TYPE_CHECKING:
    from rich.console import Console

app = group("account", "See to a wallet.")
account_plan.add_to(app)
account_team.add_to(app)

# Named by their places: what they need is loaded when they are asked for.
for _place, _name, _says in (
    (
        "statements",
        "statement",
        "Show what the wallet had, what moved it, and what it has after a period.",
    ),
    (
        "statements",
        "export",
        "Write every entry of the wallet's books to a file, the oldest first.",
    ),
    ("account_keys", "key", "List the keys of the HTTP API, make one, or revoke one."),
    ("corrections", "adjust", "Correct the wallet: add credits, or take back what is available."),
    ("corrections", "refund", "Give credits back that were spent on a job."),
):
    app.command(f"interfaces.cli.{_place}:{_name}", name=_name, help=_says, **HELP)

_QUIET = Parameter(show_default=False)


@app.command
def show(*, session: Here) -> int:
    """Show what is in the wallet."""
    with opened_database(session.config) as database, database.read() as connection:
        session.require(connection, "look")
        balance = balance_of(connection, session.owner)
    session.out.result(
        balance_document(session.owner, balance),
        lambda to: show_facts(to, balance_facts(session.owner, balance)),
    )
    return Exit.DONE


@app.command(name="open")
def open_(*, session: Here) -> int:
    """Open the wallet, if it is not there."""
    with opened_ledger(session.config) as ledger:
        wallet = ledger.open_wallet(session.owner)
        balance = ledger.balance(session.owner)
    session.out.result(
        {**balance_document(wallet.owner, balance), "state": wallet.state},
        lambda to: show_facts(to, balance_facts(wallet.owner, balance)),
    )
    return Exit.DONE


@app.command
def top_up(
    credits_: Annotated[str, Parameter(name="CREDITS")],
    /,
    *,
    reason: str = "topped up by hand",
    expires: Annotated[str, _QUIET] = "",
    author: Annotated[str, _QUIET] = "",
    key: Annotated[str, _QUIET] = "",
    session: Here,
) -> int:
    """Add credits to the wallet, which is opened if need be.

    Args:
        credits_: How many, such as 25 or 2.5.
        reason: Why; kept in the books.
        expires: The last day in UTC on which they can be used, such as 2026-12-31.
        author: Who; kept in the books. You, if not given.
        key: The same key adds only once, however often it is sent.
    """
    micro = money.parse(credits_, least=1)
    with opened_ledger(session.config) as ledger:
        ledger.open_wallet(session.owner)
        receipt = ledger.top_up(
            session.owner,
            micro,
            key=key or new_id("topup"),
            author=author or getpass.getuser(),
            reason=reason,
            expires_at=end_of(expires),
        )
        balance = ledger.balance(session.owner)
    document = {
        "transaction": receipt.transaction_id,
        "at": receipt.at.isoformat(),
        "replayed": receipt.replayed,
        **amount("added", 0 if receipt.replayed else receipt.amount),
        **balance_document(session.owner, balance),
    }
    words = "added before under this key" if receipt.replayed else "added"
    session.out.result(
        document,
        lambda to: show_facts(
            to, [(words, in_credits(receipt.amount)), *balance_facts(session.owner, balance)]
        ),
    )
    return Exit.DONE


@app.command
def history(*, limit: int = 20, session: Here) -> int:
    """List what moved credits, the newest first.

    Args:
        limit: How many, 1 to 500.
    """
    with opened_database(session.config) as database, database.read() as connection:
        session.require(connection, "look")
        found = movements(connection, session.owner, limit)
    session.out.result(
        {"owner": session.owner, "entries": [_movement_document(each) for each in found]},
        lambda to: _show_history(to, found),
    )
    return Exit.DONE


def _movement_document(movement: Movement) -> dict[str, Any]:
    return {
        "id": movement.id,
        "at": movement.at.isoformat(),
        "kind": movement.kind,
        "key": movement.key,
        **amount("available", movement.available),
        **amount("held", movement.held),
        **amount("spent", movement.spent),
        "why": movement.why,
    }


def _show_history(to: Console, found: list[Movement]) -> None:
    rows = table(
        "when", "what", "available", "held", "spent", "why", right=("available", "held", "spent")
    )
    for each in found:
        if not (each.available or each.held or each.spent):
            continue  # a claim only earmarks what is held already
        rows.add_row(
            f"{each.at:%m-%d %H:%M:%S}",
            each.kind.replace("_", " "),
            *(_change(value) for value in (each.available, each.held, each.spent)),
            plain(each.why),
        )
    to.print(rows if found else Text("Nothing yet.", style="dim"))


def _change(micro_credits: int) -> str:
    sign = "+" if micro_credits > 0 else ""
    return f"{sign}{money.show(micro_credits)}" if micro_credits else ""


def balance_document(owner: str, balance: Balance) -> dict[str, Any]:
    """Return a balance as JSON values."""
    return {
        "owner": owner,
        **amount("granted", balance.granted),
        **amount("captured", balance.captured),
        **amount("held", balance.held),
        **amount("expired", balance.expired),
        **amount("available", balance.available),
    }


def balance_facts(owner: str, balance: Balance) -> list[Fact]:
    """Return a balance for people."""
    gone = [("expired", in_credits(balance.expired))] if balance.expired else []
    return [
        ("wallet", owner),
        ("granted", in_credits(balance.granted)),
        ("spent", in_credits(balance.captured)),
        ("held", in_credits(balance.held)),
        *gone,
        ("available", Text(in_credits(balance.available), style="bold")),
    ]
