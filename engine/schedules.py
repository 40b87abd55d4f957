"""Schedules as the studio keeps them: their policies, and what became of each occurrence.

When a schedule fires is Prefect's. Here is what Prefect has no place for, and a copy of the
parameters, which its pages may lose. Each function works within its caller's transaction.

An occurrence is a schedule and the moment for which it was due. It belongs to the first run that
takes it, and to no other: however many servers, restarts and copies of runs there are.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite

from engine.announcements import schedule_missed
from engine.outbox import post_once
from engine.schedule_policy import OPEN, Occurrence, Policy, Turn, take_turn
from engine.tables import schedule_occurrences, schedules
from studio.clock import now

KEPT = timedelta(days=400)
"""For which what became of an occurrence is known."""
_MOST_NOTED = 100
"""Occurrences that are written down one by one when many were missed; the newest."""
_ROWS = schedule_occurrences


@dataclass(frozen=True, slots=True)
class Kept:
    """A schedule as the studio keeps it.

    Attributes:
        key: its slug at Prefect; the same for as long as it has its name.
        owner: who pays.
        name: the owner's name for it.
        zone: the IANA time zone of its days and hours.
        parameters: of its flow.
        policy: of its occurrences.
        seen_at: up to when its moments were looked at.
    """

    key: str
    owner: str
    name: str
    zone: str
    parameters: Mapping[str, Any]
    policy: Policy
    seen_at: datetime


def keep_schedule(connection: Connection, kept: Kept) -> None:
    """Keep a schedule, instead of one of the same key."""
    forget_schedule(connection, kept.key)
    adopt_schedule(connection, kept)


def adopt_schedule(connection: Connection, kept: Kept) -> None:
    """Keep a schedule unless one of that key is kept, whoever does so at the same time."""
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    policy = kept.policy
    new = dialect.insert(schedules).values(
        key=kept.key,
        owner=kept.owner,
        name=kept.name,
        zone=kept.zone,
        parameters=dict(kept.parameters),
        overlap=policy.overlap,
        missed=policy.missed,
        bound=policy.bound,
        grace=int(policy.grace.total_seconds()),
        seen_at=kept.seen_at,
    )
    connection.execute(new.on_conflict_do_nothing())


def kept_schedule(connection: Connection, key: str, *, lock: bool = False) -> Kept | None:
    """Return a schedule that is kept.

    Args:
        lock: whether others that ask so wait until this transaction ends.
    """
    query = select(schedules).where(schedules.c.key == key)
    row = connection.execute(query.with_for_update() if lock else query).mappings().first()
    if row is None:
        return None
    grace = timedelta(seconds=row["grace"])
    policy = Policy(row["overlap"], row["missed"], row["bound"], grace)
    plain = {name: row[name] for name in ("key", "owner", "name", "zone", "parameters", "seen_at")}
    return Kept(**plain, policy=policy)


def forget_schedule(connection: Connection, key: str) -> None:
    """Forget a schedule. Its occurrences stay known: none of them runs again under its name."""
    connection.execute(delete(schedules).where(schedules.c.key == key))


def follow_schedule(
    connection: Connection, key: str, zone: str, parameters: Mapping[str, Any]
) -> None:
    """Keep what somebody changed at Prefect."""
    changed = update(schedules).where(schedules.c.key == key)
    connection.execute(changed.values(zone=zone, parameters=dict(parameters)))


def look_away(connection: Connection, key: str, until: datetime) -> None:
    """Note that nothing is missed up to a moment: the schedule was paused, or changed."""
    changed = update(schedules).where(schedules.c.key == key, schedules.c.seen_at < until)
    connection.execute(changed.values(seen_at=until))


def settle_missed(
    connection: Connection,
    key: str,
    dues: Sequence[datetime],
    until: datetime,
    reason: str,
    *,
    tell: bool = True,
) -> tuple[datetime, ...]:
    """Decide about the moments of a schedule that have passed, once for each; tell its owner.

    Args:
        dues: all of its moments after ``seen_at`` and not after ``until``.
        until: up to when they were looked for.
        reason: why they were missed, for people.
        tell: whether its owner is told.

    Returns:
        Those that are made up for.
    """
    kept = kept_schedule(connection, key, lock=True)
    if kept is None or kept.seen_at >= until:
        return ()
    fresh = [due for due in dues if due > kept.seen_at]
    look_away(connection, key, until)
    known = _known(connection, key, fresh)
    missed = [due for due in fresh if due not in known]
    owed = kept.policy.make_up(missed)
    for due in missed[-_MOST_NOTED:]:
        _write(connection, key, Occurrence(due, "owed" if due in owed else "missed"))
    if missed and tell:
        _tell(connection, kept, missed, owed, reason)
    return owed


def _known(connection: Connection, key: str, dues: Sequence[datetime]) -> set[datetime]:
    if not dues:
        return set()
    query = select(_ROWS.c.due).where(_ROWS.c.schedule == key, _ROWS.c.due >= min(dues))
    return set(connection.execute(query).scalars())


def _tell(
    connection: Connection,
    kept: Kept,
    missed: Sequence[datetime],
    owed: Sequence[datetime],
    reason: str,
) -> None:
    words = reason
    if len(missed) > 1:
        words += f"; so were {len(missed) - 1} more since {min(missed):%Y-%m-%d %H:%M} UTC"
    runs = f"{len(owed)} of them are run now" if len(missed) > 1 else "it is run now"
    words += f"; {runs}" if owed else "; it is left out"
    message = schedule_missed(kept.owner, schedule=kept.name, due=max(missed), reason=words)
    post_once(connection, [message])


def claim(
    connection: Connection,
    key: str,
    due: datetime,
    run: str,
    over: Collection[str],
    *,
    tell: bool = True,
) -> Turn:
    """Let a run take an occurrence, if it may.

    Args:
        key: of a schedule that is kept.
        run: Prefect's.
        over: runs of occurrences that have ended.
        tell: whether its owner is told if it is left out.
    """
    kept = kept_schedule(connection, key, lock=True)
    policy = kept.policy if kept else Policy()
    ended = update(_ROWS).where(
        _ROWS.c.schedule == key, _ROWS.c.run.in_(over), _ROWS.c.run != run, _ROWS.c.state.in_(OPEN)
    )
    connection.execute(ended.values(state="ended"))
    mine = _occurrence(connection, key, due)
    if mine is not None and mine.run not in ("", run):
        return Turn("skip", f"run {mine.run} is, or was, the one for this moment")
    if mine is not None and mine.state in ("missed", "skipped"):
        return Turn("skip", "it did not begin in time, or others were under way")
    others = [each for each in open_occurrences(connection, key) if each.due != due]
    turn = take_turn(policy, due, others, owed=mine is not None)
    state = {"go": "running", "wait": "waiting", "skip": "skipped"}[turn.verdict]
    _write(connection, key, Occurrence(due, state, run, mine.batch if mine else ""))
    for each in turn.cancel:
        if not each.run:
            _write(connection, key, Occurrence(each.due, "skipped"))
    if turn.verdict == "skip" and kept is not None and tell:
        message = schedule_missed(kept.owner, schedule=kept.name, due=due, reason=turn.why)
        post_once(connection, [message])
    return turn


def open_occurrences(connection: Connection, key: str) -> list[Occurrence]:
    """Return the occurrences of a schedule that are not known to be over, by their moments."""
    query = select(_ROWS).where(_ROWS.c.schedule == key, _ROWS.c.state.in_(OPEN))
    return [_of(row) for row in connection.execute(query.order_by(_ROWS.c.due))]


def note_batch(connection: Connection, key: str, due: datetime, batch: str) -> None:
    """Note which batch the run of an occurrence does."""
    mine = update(_ROWS).where(_ROWS.c.schedule == key, _ROWS.c.due == due)
    connection.execute(mine.values(batch=batch))


def prune_occurrences(connection: Connection) -> None:
    """Forget what became of occurrences more than 400 days ago."""
    connection.execute(delete(_ROWS).where(_ROWS.c.due < now() - KEPT))


def _occurrence(connection: Connection, key: str, due: datetime) -> Occurrence | None:
    query = select(_ROWS).where(_ROWS.c.schedule == key, _ROWS.c.due == due)
    row = connection.execute(query).first()
    return _of(row) if row else None


def _of(row: Any) -> Occurrence:
    return Occurrence(row.due, row.state, row.run, row.batch)


def _write(connection: Connection, key: str, it: Occurrence) -> None:
    same = (_ROWS.c.schedule == key, _ROWS.c.due == it.due)
    values = {"state": it.state, "run": it.run, "batch": it.batch}
    if _occurrence(connection, key, it.due) is not None:
        connection.execute(update(_ROWS).where(*same).values(values))
        return
    connection.execute(insert(_ROWS).values(schedule=key, due=it.due, **values))
