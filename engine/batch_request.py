"""The hold of a batch taken up, and somebody's word asked for where its account wants one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from sqlalchemy import Connection, update

from batches import BatchSpec, clear_ends
from batches.tables import batches
from billing.ledger import Hold
from billing.quotes import QuoteLine
from engine.announcements import approval_needed
from engine.batch_approval import Approval, approval_of, ask_approval, must_ask
from engine.batch_plan import PROMPT_LINE, BatchQuote, PlannedBatch
from engine.outbox import post
from engine.preflight import Caller
from engine.single import hold_credits
from engine.studio import Studio
from studio import credits as money
from studio.database import Database
from studio.errors import BudgetReached, HoldRefused, NotEnoughCredits, NotFound, StudioError
from studio.operations import EnhancePrompt

_MOST_TRIES = 8
"""Holds asked for, each smaller than the one before: others may spend meanwhile."""


@dataclass(frozen=True, slots=True)
class Paid:
    """What a hold pays for.

    Attributes:
        parts: micro-credits that each line of the quote may take of it, by its key.
        unpaid: rows that it does not carry, and why.
    """

    hold: Hold
    parts: dict[str, int]
    unpaid: dict[str, StudioError]


def hold_for_rows(
    studio: Studio,
    planned: PlannedBatch,
    quoted: BatchQuote,
    key: str,
    caller: Caller,
    *,
    partly: bool,
) -> Paid:
    """Set aside what rows come to.

    Args:
        key: names the hold.
        partly: whether to hold for the first rows alone, where not all are carried.

    Raises:
        GateRefused: nothing may be bought, or, with ``partly``, not even the first row.
    """
    spec = planned.spec
    lines = quoted.quote.lines if quoted.quote else ()
    asked, tries = tuple(lines), _MOST_TRIES if partly else 1
    while True:
        tries -= 1
        try:
            held = hold_credits(
                studio,
                spec.owner,
                key,
                sum(line.amount for line in asked),
                f"batch {spec.id} of {len(spec.rows)} rows",
                caller=caller,
                uses=_uses(planned, asked),
                rows=sum(not line.key.endswith(PROMPT_LINE) for line in asked),
            )
        except (NotEnoughCredits, BudgetReached) as refusal:
            asked = _first_rows(asked, _room(refusal)) if tries else ()
            if not asked:
                raise
            continue
        parts = {line.key: line.amount for line in asked}
        return Paid(held, parts, _unpaid(lines, len(asked)))


def _room(refusal: StudioError) -> int:
    """Return the micro-credits that a refused hold could have had."""
    told = refusal.details
    if isinstance(refusal, BudgetReached):
        return int(told["limit"]) - int(told["used"])
    return int(told["available"])


def _first_rows(lines: Sequence[QuoteLine], room: int) -> tuple[QuoteLine, ...]:
    """Return the lines of the first rows that fit; one that does not ends it, for fairness' sake.

    Rows take what earlier rows made, so that a row may only be left out with all after it.
    """
    total = whole = 0
    for place, line in enumerate(lines, start=1):
        total += line.amount
        if total > room:
            break
        # A prompt's line stands before its row's, and is of no use without it.
        if not line.key.endswith(PROMPT_LINE):
            whole = place
    return tuple(lines[:whole])


def _unpaid(lines: Sequence[QuoteLine], taken: int) -> dict[str, StudioError]:
    return {
        line.key: HoldRefused(
            f"{line.key} costs {money.show(line.amount)} credits, and what could be held was spent "
            "on the rows above it. Add credits and go on with `studio batch resume`.",
            reason="not_carried",
            needed=line.amount,
        )
        for line in lines[taken:]
        if not line.key.endswith(PROMPT_LINE)
    }


def _uses(planned: PlannedBatch, lines: Iterable[QuoteLine]) -> Counter[str]:
    """Return how often each operation is to be bought."""
    return Counter(
        EnhancePrompt.model_fields["operation"].default
        if line.key.endswith(PROMPT_LINE)
        else planned.rows[line.key].plan.operation.operation
        for line in lines
    )


def take_hold(
    connection: Connection,
    spec: BatchSpec,
    held: Hold,
    *,
    run: str,
    user: str,
    lasts: timedelta,
    only: frozenset[str] | None = None,
) -> Approval | None:
    """Note what a run of a batch is paid out of; return whose word it needs first, if it does.

    Args:
        run: the flow run.
        user: who started it.
        lasts: how long it waits for a word.
        only: the rows that it is about; ``None`` for all.
    """
    connection.execute(update(batches).where(batches.c.id == spec.id).values(hold=held.id))
    if not must_ask(connection, spec.owner, held.amount):
        # Not before: a start that is refused must not take away what the last one came to.
        clear_ends(connection, spec.id, only)
        return None
    asked = ask_approval(connection, spec.id, held, run=run, user=user, lasts=lasts)
    # The hold and not the run names it: a run that is started again asks again.
    message = approval_needed(
        spec.owner,
        batch=spec.id,
        name=spec.name or spec.source,
        rows=len(spec.rows),
        total=held.amount,
        until=asked.until,
        run=run,
    )
    post(connection, [replace(message, subject=f"{spec.id}/{held.id}")])
    return asked


def word_about(database: Database, batch: str, hold: str) -> Approval:
    """Return what was decided about a batch for which was held, or that nobody has yet.

    Raises:
        NotFound: nobody's word was asked for.
    """
    with database.read() as connection:
        found = approval_of(connection, batch, hold)
    if found is None:
        raise NotFound("Nobody was asked.", field="batch", given=batch)
    return found
