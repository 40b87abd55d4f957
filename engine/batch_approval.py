"""Approval: above its account's limit, a batch waits for somebody's word before anything is bought.

Its credits are held first, so that what is approved can be paid. The word is a row of the
database, whoever gives it and wherever: in Prefect's form or on the command line.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import Connection, insert, select, update

from batches import find_batch
from batches.tables import batch_approvals
from billing.accounts.account import account_of
from billing.accounts.events import note
from billing.accounts.members import require_member
from billing.ledger import ExtendRequest, Hold, extend
from studio import credits as money
from studio.clock import now
from studio.errors import AccountRefused, ApprovalRefused, Conflict, StudioError

Verdict = Literal["approved", "rejected"]


@dataclass(frozen=True, slots=True)
class Approval:
    """Somebody's word about a batch, asked for or given.

    Attributes:
        hold: the hold that waits for it.
        batch: which batch.
        run: the flow run that waits.
        amount: micro-credits that are held.
        asked_by: who started the run.
        asked_at: when.
        until: when it lapses if nobody has decided; not after the hold ends.
        decision: ``waiting``, ``approved``, ``rejected``, or ``lapsed`` (nobody decided in time,
            or the run ended before).
        by: who decided.
        reason: why, in their words.
        decided_at: when.
    """

    hold: str
    batch: str
    run: str
    amount: int
    asked_by: str
    asked_at: datetime
    until: datetime
    decision: str
    by: str
    reason: str
    decided_at: datetime | None

    @property
    def waiting(self) -> bool:
        """Whether nobody has decided yet."""
        return self.decision == "waiting"

    def as_dict(self) -> dict[str, Any]:
        """Return the word as JSON values."""
        return {
            "decision": self.decision,
            "credits": money.show(self.amount),
            "asked_by": self.asked_by,
            "asked_at": self.asked_at.isoformat(),
            "until": self.until.isoformat(),
            "by": self.by,
            "reason": self.reason,
            "decided_at": self.decided_at.isoformat() if self.decided_at else None,
        }

    def refusal(self) -> ApprovalRefused:
        """Return the error of a run that may not buy, in words for who started it."""
        what = f"Batch {self.batch} for {money.show(self.amount)} credits"
        free = "Nothing was bought, and its credits are free again."
        if self.decision == "rejected":
            why = f": {self.reason}" if self.reason else ""
            words = f"{what} was rejected by {self.by}{why}. {free} Run it again to ask once more."
        else:
            words = (
                f"Nobody approved {what[0].lower()}{what[1:]} by {self.until:%Y-%m-%d %H:%M} UTC. "
                f"{free} Run it again, and have an admin of the workspace say "
                f"`studio batch approve {self.batch}` in time."
            )
        return ApprovalRefused(words, batch=self.batch, decision=self.decision)


def must_ask(connection: Connection, owner: str, amount: int) -> bool:
    """Whether a batch of so many micro-credits needs somebody's word first."""
    above = account_of(connection, owner).approval_above
    return above is not None and amount > above


def ask_approval(
    connection: Connection, batch: str, held: Hold, *, run: str, user: str, lasts: timedelta
) -> Approval:
    """Write down that a batch waits for somebody's word.

    Args:
        batch: which.
        held: what pays for it.
        run: the flow run that waits.
        user: who started it.
        lasts: how long it waits; it never outlasts the hold.
    """
    moment = now()
    until = min(moment + lasts, held.expires_at)
    asked = Approval(held.id, batch, run, held.amount, user, moment, until, "waiting", "", "", None)
    values = {name: getattr(asked, name) for name in Approval.__dataclass_fields__}
    connection.execute(insert(batch_approvals).values(values))
    return asked


def approval_of(connection: Connection, batch: str, hold: str = "") -> Approval | None:
    """Return the last word about a batch, or that about a hold of it; ``None`` without any."""
    query = select(batch_approvals).where(batch_approvals.c.batch == batch)
    if hold:
        query = query.where(batch_approvals.c.hold == hold)
    query = query.order_by(batch_approvals.c.asked_at.desc(), batch_approvals.c.hold).limit(1)
    row = connection.execute(query).mappings().first()
    return Approval(**row) if row else None


def decide(
    connection: Connection,
    owner: str,
    batch: str,
    verdict: Verdict,
    *,
    by: str,
    reason: str = "",
    lasts: timedelta,
) -> Approval:
    """Approve or reject a batch that waits; who, why and when is kept with it.

    Args:
        by: who decides: an admin of the workspace, or, where it has no members, the user of its
            own name.
        reason: why.
        lasts: how long the hold of an approved batch lasts from now.

    Raises:
        AccountRefused: who decides is no admin, or asked for it themselves where the account wants
            another's word.
        NotFound: the owner has no such batch.
        Conflict: it does not wait, or not any more.
        HoldRefused: its hold has ended.
        InvalidRequest: the reason is no text that can be kept.
    """
    require_member(connection, by, owner, "manage")
    find_batch(connection, owner, batch)
    # The lock comes first: of two who decide at once, the second has to see the first.
    lock = (batch_approvals.c.batch == batch, batch_approvals.c.decision == "waiting")
    connection.execute(update(batch_approvals).where(*lock).values(by=""))
    asked = approval_of(connection, batch)
    moment = now()
    if asked is None or not asked.waiting or asked.until <= moment:
        raise _not_waiting(batch, asked)
    if asked.asked_by == by and account_of(connection, owner).approval_by_another:
        raise AccountRefused(
            f"{by!r} started this run, and {owner!r} wants the word of somebody else.",
            field="by",
            given=by,
            allowed="another admin of the workspace",
            owner=owner,
            reason="own_request",
        )
    if verdict == "approved":
        (answer,) = extend(
            connection, [ExtendRequest(owner, asked.hold, max(asked.until, moment + lasts))]
        )
        if isinstance(answer, StudioError):
            raise answer
    note(connection, owner, f"batch_{verdict}", author=by, reason=reason, batch=batch)
    return _end(connection, asked, verdict, by, reason)


def lapse(connection: Connection, batch: str) -> None:
    """Note that a run of a batch ended, or waited too long, before anybody decided."""
    asked = approval_of(connection, batch)
    if asked is not None and asked.waiting:
        _end(connection, asked, "lapsed", "", "")


def _end(connection: Connection, asked: Approval, decision: str, by: str, reason: str) -> Approval:
    changed = update(batch_approvals).where(
        batch_approvals.c.hold == asked.hold, batch_approvals.c.decision == "waiting"
    )
    values = {"decision": decision, "by": by, "reason": reason, "decided_at": now()}
    connection.execute(changed.values(values))
    ended = approval_of(connection, asked.batch, asked.hold)
    if ended is None:
        raise AssertionError("what was asked for is never removed")
    return ended


def _not_waiting(batch: str, asked: Approval | None) -> Conflict:
    words = f"Batch {batch} does not wait for approval."
    if asked is not None and asked.decision in ("approved", "rejected"):
        words = f"Batch {batch} was {asked.decision} by {asked.by} already."
    elif asked is not None:
        words += f" Its last request lapsed at {asked.until:%Y-%m-%d %H:%M} UTC: run it again."
    return Conflict(words, field="batch", given=batch)
