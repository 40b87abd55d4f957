"""The hold of a batch taken up, and somebody's word asked for where its account wants one."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from sqlalchemy import Connection, update

from batches import BatchSpec, clear_ends
from batches.tables import batches
from billing.ledger import Hold
from engine.announcements import approval_needed
from engine.batch_approval import Approval, approval_of, ask_approval, must_ask
from engine.outbox import post
from studio.database import Database
from studio.errors import NotFound


def take_hold(
    connection: Connection, spec: BatchSpec, held: Hold, *, run: str, user: str, lasts: timedelta
) -> Approval | None:
    """Note what a run of a batch is paid out of; return whose word it needs first, if it does.

    Args:
        run: the flow run.
        user: who started it.
        lasts: how long it waits for a word.
    """
    connection.execute(update(batches).where(batches.c.id == spec.id).values(hold=held.id))
    if not must_ask(connection, spec.owner, held.amount):
        # Not before: a start that is refused must not take away what the last one came to.
        clear_ends(connection, spec.id)
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
