"""``studio schedule``: the commands. Prefect is loaded when they run, so their help is quick."""

from __future__ import annotations

from typing import Annotated, Literal

from cyclopts import Parameter

from interfaces.cli.groups import group
from interfaces.cli.session import Here

app = group("schedule", "Let batches run by themselves.")

_Text = Annotated[str, Parameter(show_default=False)]
_Set = Annotated[list[str] | None, Parameter(name="--set", negative=(), show_default=False)]
_Skip = Annotated[bool, Parameter(negative=())]


@app.command
def add(
    name: str,
    file: str,
    /,
    *,
    cron: _Text = "",
    every: _Text = "",
    rrule: _Text = "",
    zone: str = "UTC",
    batch_name: _Text = "",
    operation: _Text = "",
    defaults: _Set = None,
    encoding: _Text = "",
    skip_invalid: _Skip = False,
    project: _Text = "",
    max_credits: _Text = "",
    window: _Text = "",
    overlap: Literal["skip", "queue", "cancel"] = "queue",
    missed: Literal["skip", "once", "all"] = "once",
    bound: int = 10,
    grace: str = "15m",
    session: Here,
) -> int:
    """Let a batch run by itself: say when by one of --cron, --every and --rrule.

    Args:
        name: The schedule's name, 1 to 40 of a-z, 0-9, _ and -.
        file: As for `batch run`; it is read anew each time. {date} and {time} in a prompt are those
            for which a run was planned, in its zone.
        cron: Five fields, such as "0 2 * * 1-5".
        every: A number and m, h or d, such as 6h.
        rrule: A rule of RFC 5545, such as "FREQ=WEEKLY;BYDAY=MO".
        zone: The IANA time zone, such as Europe/Berlin.
        batch_name: As --name of `batch run`, such as "night {date}"; without one, rows that were
            done before are free.
        operation: As for `batch run`.
        defaults: As for `batch run`.
        encoding: As for `batch run`.
        skip_invalid: As for `batch run`.
        project: As for `batch run`.
        max_credits: As for `batch run`, for each run.
        window: As for `batch run`.
        overlap: When a run is due while another is under way: leave it out, let it wait, or let the
            older one end after the rows that it has begun.
        missed: Of the runs that could not begin in time: none, the newest, or all up to --bound.
        bound: Runs that are made up for, and that wait, at most: 1 to 100.
        grace: How late a run may begin and still be in time: a number and m, h or d.
    """
    from interfaces.cli import schedule_pages  # noqa: PLC0415 - Prefect is heavy

    parameters = {
        "csv": file,
        "name": batch_name,
        "operation": operation,
        "defaults": "\n".join(defaults or ()),
        "encoding": encoding,
        "skip_invalid": skip_invalid,
        "user": session.user,
        "project": project,
        "max_credits": max_credits,
        "window": window,
    }
    policy = {"overlap": overlap, "missed": missed, "bound": bound, "grace": grace}
    rhythm = {"cron": cron, "every": every, "rrule": rrule, "zone": zone}
    return schedule_pages.add(session, name, rhythm, parameters, policy)


@app.command
def watch(
    name: str,
    folder: str,
    /,
    *,
    every: _Text = "",
    cron: _Text = "",
    zone: str = "UTC",
    pattern: str = "*.csv",
    settle: int = 30,
    batch_name: _Text = "",
    operation: _Text = "",
    defaults: _Set = None,
    encoding: _Text = "",
    skip_invalid: _Skip = False,
    project: _Text = "",
    max_credits: _Text = "",
    window: _Text = "",
    session: Here,
) -> int:
    """Look at a folder or bucket by itself, and begin a batch for each file that is complete.

    Each file is done once; then it is moved to the folder's done or failed. Say how often it is
    looked at by one of --every and --cron.

    Args:
        name: The schedule's name, 1 to 40 of a-z, 0-9, _ and -.
        folder: A path on the machine where the studio runs, or such as s3://bucket/inbox.
        every: A number and m, h or d, such as 5m.
        cron: Five fields, such as "*/10 8-18 * * 1-5".
        zone: The IANA time zone, such as Europe/Berlin.
        pattern: Of the files' names.
        settle: Seconds for which nobody must have written to a file: 1 to 86400.
        batch_name: As --name of `batch run`.
        operation: As for `batch run`.
        defaults: As for `batch run`.
        encoding: As for `batch run`.
        skip_invalid: As for `batch run`.
        project: As for `batch run`.
        max_credits: As for `batch run`, for each file.
        window: As for `batch run`.
    """
    from interfaces.cli import schedule_pages  # noqa: PLC0415 - Prefect is heavy

    parameters = {
        "folder": folder,
        "pattern": pattern,
        "settle": settle,
        "name": batch_name,
        "operation": operation,
        "defaults": "\n".join(defaults or ()),
        "encoding": encoding,
        "skip_invalid": skip_invalid,
        "user": session.user,
        "project": project,
        "max_credits": max_credits,
        "window": window,
    }
    rhythm = {"cron": cron, "every": every, "rrule": "", "zone": zone}
    return schedule_pages.watch(session, name, rhythm, parameters)


@app.command(name="list")
def list_(*, session: Here) -> int:
    """List the schedules, with the next moment of each."""
    from interfaces.cli import schedule_pages  # noqa: PLC0415 - Prefect is heavy

    return schedule_pages.list_all(session)


@app.command
def show(name: str, /, *, session: Here) -> int:
    """Show a schedule: when, what, and its next three moments.

    Args:
        name: The schedule's name.
    """
    from interfaces.cli import schedule_pages  # noqa: PLC0415 - Prefect is heavy

    return schedule_pages.one(session, "show", name)


@app.command
def pause(name: str, /, *, session: Here) -> int:
    """Let a schedule fire no more until it is resumed.

    Args:
        name: The schedule's name.
    """
    from interfaces.cli import schedule_pages  # noqa: PLC0415 - Prefect is heavy

    return schedule_pages.one(session, "pause", name)


@app.command
def resume(name: str, /, *, session: Here) -> int:
    """Let a paused schedule fire again, from now on.

    Args:
        name: The schedule's name.
    """
    from interfaces.cli import schedule_pages  # noqa: PLC0415 - Prefect is heavy

    return schedule_pages.one(session, "resume", name)


@app.command
def remove(name: str, /, *, session: Here) -> int:
    """Remove a schedule; what is under way goes on.

    Args:
        name: The schedule's name.
    """
    from interfaces.cli import schedule_pages  # noqa: PLC0415 - Prefect is heavy

    return schedule_pages.one(session, "remove", name)
