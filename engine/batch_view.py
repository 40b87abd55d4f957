"""How a batch stands: its rows, the jobs under their keys, and what became of each.

The state of a row is the state of the last job under its key. Only rows that ended without a job
(an input that failed, an offer that is gone) have an ending of their own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from sqlalchemy import Connection

from batches import BatchSpec, Row, load_batch, row_ends
from engine.job_rows import latest_jobs
from engine.jobs import Job
from engine.prompts import enhancement
from studio.errors import BatchCancelled, HoldRefused, StudioError

DONE = "done"
WAITING = "waiting"
INVALID = "invalid"
_STATUS = {"settled": DONE, "failed": "failed", "unknown": "unknown"}


def row_key(spec: BatchSpec, row: Row) -> str:
    """Return the key of a row's work.

    Under another batch name the same row is another purchase: that is what names are for.
    """
    return f"batch/{spec.name}/{row.key}"


def prompt_key(spec: BatchSpec, row: Row) -> str:
    """Return the key of the writing of a row's prompt; empty where it is used as it is.

    Rows with the same prompt share the text: variations, say.
    """
    before = enhancement(row.operation)
    return f"batch/{spec.name}/prompt/{before.fingerprint()}" if before else ""


@dataclass
class BatchView:
    """A batch and what became of its rows.

    Attributes:
        spec: the batch.
        jobs: the last job of each row and each prompt that has one, by its key.
        endings: rows that ended without a job, by name: state, code, message.
    """

    spec: BatchSpec
    jobs: dict[str, Job]
    endings: dict[str, dict[str, str]] = field(default_factory=dict)

    def job_of(self, row: Row) -> Job | None:
        """Return the last job of a row."""
        return self.jobs.get(row_key(self.spec, row))

    def prompt_of(self, row: Row) -> Job | None:
        """Return the last job that wrote, or was to write, a row's prompt."""
        return self.jobs.get(prompt_key(self.spec, row))

    def statuses(self) -> dict[str, str]:
        """Return each row's status by its name; ``waiting`` for one that has yet to run."""
        return {row.name: self._status(row) for row in self.spec.rows}

    def _status(self, row: Row) -> str:
        job = self.job_of(row)
        if job is not None and job.state in {"settled", "unknown"}:
            return _STATUS[job.state]
        # A row that is the same work as an earlier one ends as that one does.
        ending = self.endings.get(row.name) or self.endings.get(row.same_as)
        if ending is not None:
            return ending["state"]
        return WAITING if job is None else _STATUS.get(job.state, WAITING)

    def counts(self) -> Counter[str]:
        """Return how many rows have each status; those that were left out count as well."""
        counts = Counter(self.statuses().values())
        if self.spec.left_out:
            counts[INVALID] = len({(each.line, each.row) for each in self.spec.left_out})
        return counts

    @property
    def complete(self) -> bool:
        """Whether every row is done, and none was left out."""
        return set(self.counts()) <= {DONE}

    @property
    def spent(self) -> int:
        """Micro-credits that the rows came to, over all runs of the batch."""
        return sum(job.credits for job in self.jobs.values())


def find_jobs(connection: Connection, spec: BatchSpec) -> dict[str, Job]:
    """Return the last job of each row and prompt that ever had one, by its key."""
    keys = {row_key(spec, row) for row in spec.rows}
    keys |= {prompt_key(spec, row) for row in spec.rows} - {""}
    return latest_jobs(connection, spec.owner, list(keys))


def view_batch(connection: Connection, owner: str, batch: str) -> BatchView:
    """Return how a batch stands now, whoever runs it.

    Raises:
        NotFound: ``owner`` has no such batch.
    """
    spec = load_batch(connection, owner, batch)
    return BatchView(spec, find_jobs(connection, spec), row_ends(connection, batch))


def ending_of(error: StudioError, state: str = "") -> dict[str, str]:
    """Return how a row ends without a job.

    Args:
        state: that it ends in; by default that which the error stands for.
    """
    kinds = ((HoldRefused, "skipped_budget"), (BatchCancelled, "cancelled"))
    found = next((told for kind, told in kinds if isinstance(error, kind)), "failed")
    return {"state": state or found, "code": error.code, "message": str(error)}


def end_unfinished(view: BatchView, only: frozenset[str] | None) -> None:
    """Give rows that nobody brought to an end one: none may stay waiting once a run is over.

    Args:
        only: names of the rows that the run was about; ``None`` for all.
    """
    for row in view.spec.rows:
        job, ending = view.job_of(row), view.endings.get(row.name, {})
        if job is not None and not job.ended and ending.get("state") == "cancelled":
            # A run before began it: it may be bought, whoever cancelled this one.
            del view.endings[row.name]
    statuses = view.statuses()
    for row in view.spec.rows:
        asked = only is None or row.name in only
        if row.same_as or statuses[row.name] != WAITING or not asked:
            continue
        job = view.job_of(row)
        error = (job.error if job else None) or {}
        view.endings[row.name] = {
            # A job under way may be bought; without one, surely nothing was.
            "state": "unknown" if job else "failed",
            "code": str(error.get("code", "unfinished")),
            "message": "It was not finished; run the batch again to go on with it. "
            + str(error.get("message", "")),
        }


def sum_counts(counts: Mapping[str, int]) -> str:
    """Return counts by status in words, the good ones first."""
    order = sorted(counts, key=lambda status: (status != DONE, status))
    return ", ".join(f"{counts[status]} {status}" for status in order)
