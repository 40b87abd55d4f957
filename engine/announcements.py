"""Messages about batches and schedules: what happened, with all that the words need."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from engine.batch_view import DONE, BatchView
from engine.on_behalf import user_of_hold
from engine.outbox import Message
from studio.errors import shorten

MOST_PICTURES = 4
"""Pictures that a message shows."""

_MOST_CAUSES = 3


def batch_ended(connection: Connection, view: BatchView, hold: str, key: str, run: str) -> Message:
    """Tell that a batch ended, with the first causes of what is not done.

    Args:
        hold: out of which it was paid; empty where nothing was to be bought.
        key: the batch and which run of it this was.
        run: the flow run.
    """
    counts, spec = view.counts(), view.spec
    done = counts[DONE]
    event = "batch.finished" if view.complete else "batch.partly_failed"
    payload = {
        "batch": spec.id,
        "name": spec.name or spec.source,
        "counts": dict(counts),
        "credits": view.spent,
        "causes": _causes(view),
        "assets": _assets(view),
        "run": run,
    }
    user = user_of_hold(connection, hold)
    return Message(
        owner=spec.owner,
        event=event if done else "batch.failed",
        subject=key,
        payload=payload | ({"user": user} if user else {}),
    )


def _causes(view: BatchView) -> list[dict[str, Any]]:
    """Return why rows are not done: the most frequent causes, with one error's words for each."""
    counts: Counter[str] = Counter()
    words: dict[str, str] = {}
    for row in view.spec.rows:
        job = view.job_of(row)
        if job is not None and job.state == "settled":
            continue
        ended = view.endings.get(row.name) or view.endings.get(row.same_as)
        error: Mapping[str, Any] = ended or (job.error if job else None) or {}
        code = str(error.get("code", "unfinished"))
        counts[code] += 1
        words.setdefault(code, shorten(error.get("message", "")))
    return [
        {"code": code, "count": count, "message": words[code]}
        for code, count in counts.most_common(_MOST_CAUSES)
    ]


def _assets(view: BatchView) -> list[str]:
    found: list[str] = []
    for row in view.spec.rows:
        job = view.job_of(row)
        if job is not None and job.state == "settled":
            found += [each for each in job.asset_ids() if each not in found]
        if len(found) >= MOST_PICTURES:
            break
    return found[:MOST_PICTURES]


def approval_needed(
    owner: str, *, batch: str, name: str, rows: int, total: int, until: datetime, run: str
) -> Message:
    """Tell that a batch waits for somebody's word.

    Args:
        total: micro-credits that it comes to.
        until: when it is refused if nobody has said anything.
        run: the flow run that waits, where the word is given.
    """
    payload = {
        "batch": batch,
        "name": name,
        "rows": rows,
        "credits": total,
        "until": until.isoformat(),
        "run": run,
    }
    return Message(owner, "batch.approval_needed", f"{batch}/{run}", payload)


def schedule_missed(owner: str, *, schedule: str, due: datetime, reason: str) -> Message:
    """Tell that a schedule did not run when it was due; told once for each moment."""
    payload = {"schedule": schedule, "due": due.isoformat(), "reason": shorten(reason)}
    return Message(owner, "schedule.missed", f"{owner}/{schedule}/{due.isoformat()}", payload)
