"""Messages about single pictures: one is ready, failed, or nobody knows what became of it.

Rows of a batch are told together when it ends (``announcements``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection

from engine.jobs import Job
from engine.on_behalf import users_of_claims
from engine.outbox import Message, post, post_once
from studio.errors import shorten


def tell_ready(connection: Connection, settled: Sequence[Job]) -> None:
    """Post that pictures are ready, within the transaction that settles them."""
    told = [job for job in settled if job.announce]
    users = users_of_claims(connection, [job.claim for job in told])
    post(connection, [_ready(job, users) for job in told])


def tell_unknown(connection: Connection, ended: Sequence[tuple[Job, Mapping[str, Any]]]) -> None:
    """Post that nobody knows what became of jobs, within the transaction that writes it down.

    Args:
        ended: jobs and what was the matter, as an error's JSON values. A job that was found again
            and lost once more is told of once.
    """
    jobs = [replace(job, error=dict(error)) for job, error in ended if job.announce]
    users = users_of_claims(connection, [job.claim for job in jobs])
    post_once(connection, [_ended("picture.unknown", job, users) for job in jobs])


def tell_failed(connection: Connection, units: Sequence[Job]) -> Sequence[None]:
    """Post that no offer delivered: each job is the last that was tried for its picture."""
    users = users_of_claims(connection, [job.claim for job in units])
    post_once(connection, [_ended("picture.failed", job, users) for job in units])
    return [None] * len(units)


def _ready(job: Job, users: Mapping[str, str]) -> Message:
    assets = [job.asset_id(position) for position in range(len(job.outputs()))]
    return _message("picture.ready", job, users, {"assets": assets, "credits": job.due})


def _ended(event: str, job: Job, users: Mapping[str, str]) -> Message:
    error = job.error or {}
    cause = {"code": str(error.get("code", "")), "message": shorten(error.get("message", ""))}
    return _message(event, job, users, {"cause": cause, "job": job.id, "credits": job.charged})


def _message(event: str, job: Job, users: Mapping[str, str], more: Mapping[str, Any]) -> Message:
    payload = {
        "operation": job.operation["operation"],
        "label": job.label,
        "run": job.run,
        **more,
        **({"user": users[job.claim]} if job.claim in users else {}),
    }
    return Message(job.owner, event, job.id, payload)
