"""``studio account adjust`` and ``refund``: what an operator puts right in a wallet."""

from __future__ import annotations

import getpass
from typing import Annotated

from cyclopts import Parameter

from billing.ledger import Claim, Receipt, claim_of, claim_with_key
from interfaces.cli.account import balance_document, balance_facts
from interfaces.cli.days import end_of
from interfaces.cli.exits import Exit
from interfaces.cli.opening import opened_database, opened_ledger
from interfaces.cli.output import amount, in_credits, show_facts
from interfaces.cli.session import Here, Session
from studio import credits as money
from studio.errors import InvalidRequest, NotFound
from studio.ids import new_id

_QUIET = Parameter(show_default=False)


def adjust(
    credits_: Annotated[str, Parameter(name="CREDITS", allow_leading_hyphen=True)],
    /,
    *,
    reason: str,
    expires: Annotated[str, _QUIET] = "",
    author: Annotated[str, _QUIET] = "",
    key: Annotated[str, _QUIET] = "",
    session: Here,
) -> int:
    """Correct the wallet: add credits, or take back what is available.

    Args:
        credits_: How many, such as 25; less than 0 takes them, such as -2.5.
        reason: Why; kept in the books.
        expires: The last day in UTC on which added credits can be used, such as 2026-12-31.
        author: Who; kept in the books. You, if not given.
        key: The same key corrects only once, however often it is sent.
    """
    micro = money.parse(credits_, least=-money.MOST)
    with opened_ledger(session.config) as ledger:
        receipt = ledger.adjust(
            session.owner,
            micro,
            key=key or new_id("adjustment"),
            author=author or getpass.getuser(),
            reason=reason,
            expires_at=end_of(expires),
        )
    return _tell(session, receipt, "taken" if receipt.amount < 0 else "added")


def refund(
    job: Annotated[str, Parameter(name="JOB")],
    credits_: Annotated[str, Parameter(name="CREDITS")] = "",
    /,
    *,
    reason: str,
    author: Annotated[str, _QUIET] = "",
    key: Annotated[str, _QUIET] = "",
    session: Here,
) -> int:
    """Give credits back that were spent on a job. What was bought stays in the library.

    Args:
        job: The job, or the claim it was bought with.
        credits_: How many, such as 2.5; all that were spent on it, if not given.
        reason: Why; kept in the books.
        author: Who; kept in the books. You, if not given.
        key: The same key refunds only once, however often it is sent.
    """
    claim = _claim(session, job)
    micro = money.parse(credits_, least=1) if credits_ else claim.captured
    if not micro:
        raise InvalidRequest(
            "Nothing was spent on the job, so nothing can be refunded.", field="job", given=job
        )
    with opened_ledger(session.config) as ledger:
        receipt = ledger.refund(
            session.owner,
            claim.id,
            micro,
            key=key or new_id("refund"),
            author=author or getpass.getuser(),
            reason=reason,
        )
    return _tell(session, receipt, "refunded")


def _claim(session: Session, job: str) -> Claim:
    with opened_database(session.config) as database, database.read() as connection:
        claim = claim_with_key(connection, session.owner, job) or claim_of(
            connection, session.owner, job
        )
    if claim is None:
        raise NotFound("Nothing was bought with this job.", field="job", given=job)
    return claim


def _tell(session: Session, receipt: Receipt, words: str) -> int:
    with opened_ledger(session.config) as ledger:
        balance = ledger.balance(session.owner)
    document = {
        "transaction": receipt.transaction_id,
        "grant": receipt.grant_id,
        "at": receipt.at.isoformat(),
        "replayed": receipt.replayed,
        **amount("changed", 0 if receipt.replayed else receipt.amount),
        **balance_document(session.owner, balance),
    }
    if receipt.replayed:
        words = f"{words} before under this key"
    session.out.result(
        document,
        lambda to: show_facts(
            to, [(words, in_credits(abs(receipt.amount))), *balance_facts(session.owner, balance)]
        ),
    )
    return Exit.DONE
