"""What a person does about jobs of which nobody knows: look at the provider's bill, and say so."""

from __future__ import annotations

import hashlib
import json

from sqlalchemy import select

from engine.jobs import Job
from engine.resume import attach, resolve
from engine.studio import Studio
from engine.tables import jobs
from tests.support.paid_server import PaidServer
from tests.support.studios import OWNER


def decide_unknown(studio: Studio, paid: PaidServer) -> int:
    """Attach what the server was told to do, end what it never heard of; return how many."""
    with studio.database.read() as connection:
        query = select(jobs).where(jobs.c.state == "unknown")
        unknown = [Job(**row) for row in connection.execute(query).mappings()]
    there = paid.remote_ids()
    for job in unknown:
        work = _work(job)
        if work in there:
            attach(studio, OWNER, job.id, there[work])
        else:
            resolve(studio, OWNER, job.id, "not_bought")
    return len(unknown)


def _work(job: Job) -> str:
    """Return what names a job's work on the server's bill."""
    body = job.request().model_dump(mode="json")
    return hashlib.sha256(json.dumps([job.model, body], sort_keys=True).encode()).hexdigest()
