"""``studio library list --status pending|processing|failed|unknown``: work that is no asset yet."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rich.text import Text

from interfaces.cli.exits import Exit
from interfaces.cli.opening import opened_database
from interfaces.cli.output import amount, plain, table
from library import COMPLETED, Filters

if TYPE_CHECKING:
    from rich.console import Console
    from sqlalchemy import Connection

    from engine.jobs import Job
    from interfaces.cli.session import Session


def lists_work(filters: Filters) -> bool:
    """Whether the filters ask for work that has not come to an asset."""
    return filters.status not in {"", COMPLETED}


def unfinished_counts(connection: Connection, owner: str) -> dict[str, int]:
    """Return how much work of each status there is, each up to 1,000."""
    from engine.unfinished import unfinished_counts as known  # noqa: PLC0415 - engine is heavy

    return known(connection, owner)


def show_work(session: Session, filters: Filters, sort: str, limit: int, after: str) -> int:
    """Show a page of work, in the shape of a page of assets.

    Raises:
        InvalidRequest: a filter or an order is not for work.
    """
    from engine.unfinished import count_unfinished, find_unfinished  # noqa: PLC0415 - as above

    with opened_database(session.config) as database, database.read() as connection:
        session.require(connection, "look")
        owner = session.owner
        page = find_unfinished(connection, owner, filters, sort=sort, limit=limit, after=after)
        total = count_unfinished(connection, owner, filters)
    document = {
        "assets": [],
        "work": [_document(job, filters.status) for job in page.found],
        "following": page.following or None,
        "next_before": None,
        "whole": page.whole,
        "total": total.number,
        "total_exact": total.exact,
    }

    def show(to: Console) -> None:
        rows = table("job", "what", "offer", "since", "about")
        rows.columns[0].no_wrap = True
        for job in page.found:
            rows.add_row(
                job.id,
                plain(f"{job.operation['operation']} {job.label}"),
                job.offer,
                f"{job.updated_at:%m-%d %H:%M}",
                plain(str((job.error or {}).get("message", ""))),
            )
        to.print(rows if page.found else Text("None.", style="dim"))
        if page.following:
            to.print(Text(f"More: the same with --after {page.following}", style="dim"))

    session.out.result(document, show)
    return Exit.DONE


def _document(job: Job, status: str) -> dict[str, Any]:
    return {
        "job": job.id,
        "status": status,
        "name": job.label,
        "operation": job.operation["operation"],
        "request": dict(job.operation),
        "provider": job.provider,
        "model": job.model,
        "reason": job.reason,
        "attempt": job.attempt,
        "run": job.run,
        "error": dict(job.error) if job.error else None,
        "created_at": job.created_at.isoformat(),
        "updated_at": job.updated_at.isoformat(),
        **amount("price", job.price),
    }
