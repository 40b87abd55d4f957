"""``studio jobs``: what was asked of providers, and a person's word where nobody knows more."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter
from rich.text import Text

from interfaces.cli.exits import Exit
from interfaces.cli.groups import group
from interfaces.cli.opening import opened_database, opened_studio
from interfaces.cli.output import Fact, amount, plain, show_facts, table
from interfaces.cli.session import Here
from studio import credits as money

if TYPE_CHECKING:
    from rich.console import Console

    from engine.jobs import Job

app = group("jobs", "See what was asked of providers, and end what is unknown.")

State = Literal["open", "unknown", "failed", "settled", "all"]

_STATES: dict[State, tuple[str, ...]] = {
    "open": ("prepared", "submitted", "generated", "unknown"),
    "unknown": ("unknown",),
    "failed": ("failed",),
    "settled": ("settled",),
    "all": ("prepared", "submitted", "generated", "unknown", "failed", "settled"),
}


@app.command(name="list")
def list_(*, state: State = "open", limit: int = 20, session: Here) -> int:
    """List jobs, the newest first.

    Args:
        state: open are those that have not ended, and those whose outcome nobody knows.
        limit: How many, 1 to 500.
    """
    from engine.resume import find_jobs  # noqa: PLC0415 - engine and providers

    with opened_database(session.config) as database, database.read() as connection:
        session.require(connection, "look")
        found = find_jobs(connection, session.owner, _STATES[state], limit)
    session.out.result(
        {"owner": session.owner, "jobs": [_document(job) for job in found]},
        lambda to: _show_list(to, found),
    )
    return Exit.DONE


@app.command
def show(job: Annotated[str, Parameter(name="JOB")], /, *, session: Here) -> int:
    """Show everything about a job.

    Args:
        job: Its id.
    """
    from engine.resume import find_job  # noqa: PLC0415 - engine and providers

    with opened_database(session.config) as database, database.read() as connection:
        session.require(connection, "look")
        found = find_job(connection, session.owner, job)
    session.out.result(_document(found), lambda to: show_facts(to, _facts(found)))
    return Exit.DONE


@app.command
def resolve(
    job: Annotated[str, Parameter(name="JOB")],
    verdict: Annotated[Literal["bought", "not-bought"], Parameter(name="VERDICT")],
    /,
    *,
    session: Here,
) -> int:
    """End a job whose outcome nobody knew, by what you found in the provider's bill.

    Args:
        job: Its id.
        verdict: bought pays for it, and the same work is not bought again by itself; not-bought
            gives its credits back, and running the same work again buys it.
    """
    from engine.preflight import check_identity  # noqa: PLC0415 - engine and providers
    from engine.resume import resolve as end  # noqa: PLC0415 - as above

    with opened_studio() as studio:
        check_identity(studio.database, session.owner, session.user, "spend")
        ended = end(studio, session.owner, job, "bought" if verdict == "bought" else "not_bought")
    session.out.result(_document(ended), lambda to: show_facts(to, _facts(ended)))
    return Exit.DONE


@app.command
def resume(*, session: Here) -> int:
    """Go on with jobs whose process is gone: collect, store, settle. Nothing is bought."""
    from engine.resume import resume_orphans  # noqa: PLC0415 - engine and providers

    with opened_studio() as studio:
        resumed = studio.loop.run(resume_orphans(studio))
    session.out.result(
        asdict(resumed),
        lambda to: show_facts(to, [(name, str(value)) for name, value in asdict(resumed).items()]),
    )
    return Exit.DONE


@app.command
def collect(
    job: Annotated[str, Parameter(name="JOB")],
    remote_id: Annotated[str, Parameter(name="REMOTE_ID")],
    /,
    *,
    session: Here,
) -> int:
    """Collect a job whose outcome nobody knew, by the id that the provider has it under.

    Args:
        job: Its id here.
        remote_id: Its id there.
    """
    from engine.preflight import check_identity  # noqa: PLC0415 - engine and providers
    from engine.resume import attach  # noqa: PLC0415 - as above

    with opened_studio() as studio:
        check_identity(studio.database, session.owner, session.user, "spend")
        ended = attach(studio, session.owner, job, remote_id)
    session.out.result(_document(ended), lambda to: show_facts(to, _facts(ended)))
    return Exit.DONE if ended.state == "settled" else Exit.FAILED


def _document(job: Job) -> dict[str, Any]:
    return {
        "job": job.id,
        "state": job.state,
        "operation": job.operation["operation"],
        "label": job.label,
        "offer": job.offer,
        "reason": job.reason,
        "attempt": job.attempt,
        "remote_id": job.remote_id,
        "run": job.run,
        "updated_at": job.updated_at.isoformat(),
        "assets": list(job.asset_ids()),
        "error": dict(job.error) if job.error else None,
        **amount("price", job.price),
        **amount("charged", job.charged),
    }


def _facts(job: Job) -> list[Fact]:
    facts: list[Fact] = [
        ("job", Text(job.id, style="bold")),
        ("state", job.state),
        ("what", plain(f"{job.operation['operation']} {job.label}")),
        ("offer", job.offer),
        ("why there", plain(job.reason)),
        ("credits", f"{money.show(job.charged)} paid, {money.show(job.price)} at most"),
        ("run", job.run),
    ]
    if job.remote_id:
        facts.append(("there", plain(job.remote_id)))
    if job.error:
        facts.append(("error", plain(f"{job.error.get('code')}: {job.error.get('message')}")))
    facts += [("asset", asset) for asset in job.asset_ids()]
    return facts


def _show_list(to: Console, found: list[Job]) -> None:
    rows = table("when", "job", "state", "what", "offer", "credits", right=("credits",))
    for job in found:
        rows.add_row(
            f"{job.updated_at:%m-%d %H:%M}",
            job.id,
            job.state,
            plain(f"{job.operation['operation']} {job.label}"),
            job.offer,
            money.show(job.charged or job.price),
        )
    to.print(rows if found else Text("None.", style="dim"))
    if any(job.state == "unknown" for job in found):
        to.print(
            Text(
                "unknown: it may have been bought. Look at the provider's bill, then say "
                "`studio jobs resolve JOB bought` or `not-bought`.",
                style="dim",
            )
        )
