"""``studio batch``: the commands. What they do is loaded when they run, so their help is quick."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Parameter

from interfaces.cli.groups import group
from interfaces.cli.session import Here

app = group("batch", "Do a file of operations: CSV, JSONL or XLSX.")

_Name = Annotated[str, Parameter(show_default=False)]
_Operation = Annotated[str, Parameter(show_default=False)]
_Set = Annotated[list[str] | None, Parameter(name="--set", negative=(), show_default=False)]
_Encoding = Annotated[str, Parameter(show_default=False)]
_Skip = Annotated[bool, Parameter(negative=())]
_Partly = Annotated[bool, Parameter(negative=())]
_Flag = Annotated[bool, Parameter(negative=())]
_Priority = Literal["low", "normal", "high"] | None
_Watch = Annotated[bool, Parameter(negative=())]
_Force = Annotated[bool, Parameter(negative=())]
_File = Annotated[Path | None, Parameter(show_default=False)]


def _options(
    operation: str, defaults: list[str] | None, encoding: str, *, skip_invalid: bool
) -> Mapping[str, Any]:
    """Return what is said of a whole file, as the flow takes it."""
    return {
        "operation": operation,
        "defaults": "\n".join(defaults or ()),
        "encoding": encoding,
        "skip_invalid": skip_invalid,
    }


def _purse(
    project: str, max_credits: str, priority: _Priority, *, partly: bool
) -> Mapping[str, Any]:
    """Return what is said about the money and the slots, as the flows take it."""
    return {
        "project": project,
        "max_credits": max_credits,
        "priority": priority or "",
        "as_far_as_it_goes": partly,
    }


@app.command
def check(
    file: str,
    /,
    *,
    name: _Name = "",
    operation: _Operation = "",
    defaults: _Set = None,
    encoding: _Encoding = "",
    skip_invalid: _Skip = False,
    errors: _File = None,
    session: Here,
) -> int:
    """Say all that is wrong with a file, or what it costs.

    Nothing is held and nothing spent.

    Args:
        file: CSV, JSONL or XLSX: a path, an https address or an asset; batches/README.md has the
            format.
        name: As for `batch run`.
        operation: As for `batch run`.
        defaults: As for `batch run`.
        encoding: As for `batch run`.
        skip_invalid: As for `batch run`.
        errors: A new file for the faulty rows, to be mended and run.
    """
    from interfaces.cli import batch_pages  # noqa: PLC0415 - engine and providers

    options = _options(operation, defaults, encoding, skip_invalid=skip_invalid)
    return batch_pages.check(session, file, name, options, errors)


@app.command
def quote(
    file: str,
    /,
    *,
    name: _Name = "",
    operation: _Operation = "",
    defaults: _Set = None,
    encoding: _Encoding = "",
    skip_invalid: _Skip = False,
    save: _Name = "",
    what_if: _Skip = False,
    session: Here,
) -> int:
    """Sign what a file costs, so that `batch run --quote` keeps its prices until they expire.

    It is good for these rows, under this name, from this wallet. Nothing is held and nothing spent.

    Args:
        file: CSV, JSONL or XLSX: a path, an https address or an asset; batches/README.md has the
            format.
        name: As for `batch run`.
        operation: As for `batch run`.
        defaults: As for `batch run`.
        encoding: As for `batch run`.
        skip_invalid: As for `batch run`.
        save: File to keep the signed quote in: `batch run ... --quote @FILE` takes it.
        what_if: Price it with each provider instead, as `prices what-if` does; nothing is signed.
    """
    from interfaces.cli import batch_quotes  # noqa: PLC0415 - engine and providers

    options = _options(operation, defaults, encoding, skip_invalid=skip_invalid)
    return batch_quotes.quote(session, file, name, options, save, what_if=what_if)


@app.command
def run(
    file: str,
    /,
    *,
    name: _Name = "",
    operation: _Operation = "",
    defaults: _Set = None,
    encoding: _Encoding = "",
    skip_invalid: _Skip = False,
    project: _Name = "",
    max_credits: _Name = "",
    priority: _Priority = None,
    quote: _Name = "",
    as_far_as_it_goes: _Partly = False,
    window: _Name = "",
    session: Here,
) -> int:
    """Do every row of a file that is not done yet.

    It runs as the real flow, on a Prefect server that is started if none is there.

    Args:
        file: CSV, JSONL or XLSX: a path, an https address or an asset; batches/README.md has the
            format.
        name: Tells repetitions apart: under a new name, all rows are bought anew.
        operation: Of rows that name none; also a chain such as "remove_background | upscale 4x".
        defaults: field=value, for cells that are empty or not there; may be repeated.
        encoding: Of a file that is neither UTF-8 nor UTF-16, for example windows-1252.
        skip_invalid: Leave out faulty rows, and those that build on them.
        project: What it is for; its budget is kept to.
        max_credits: Credits that it may come to, such as 12.5; above it nothing is bought.
        priority: Among your own batches at a provider with few slots. It is kept with the batch;
            a new one is normal.
        quote: A signed quote of this very file, or @ and the file that `batch quote --save` wrote.
        as_far_as_it_goes: Where credits or a budget do not carry all rows, do the first ones that
            they carry; the others end as skipped_budget, for `studio batch resume`.
        window: Only in these hours, such as "22:00-06:00 Europe/Berlin"; it waits for them.
    """
    from interfaces.cli import batch_pages  # noqa: PLC0415 - engine and providers

    options = _options(operation, defaults, encoding, skip_invalid=skip_invalid)
    purse = {**_purse(project, max_credits, priority, partly=as_far_as_it_goes), "quote": quote}
    purse["window"] = window
    return batch_pages.run(session, file, name, {**options, **purse})


@app.command
def template(
    operation: str,
    /,
    *,
    to: _File = None,
    format: Literal["csv", "jsonl", "xlsx"] = "csv",  # noqa: A002 - it is the option's name
    session: Here,
) -> int:
    """Write a file to begin with: all columns of an operation, and an example row.

    Args:
        operation: Its name, for example generate.
        to: A new file; without it, the template is printed. The ending of its name says which
            format it has.
        format: Where no file is named: csv or jsonl.
    """
    from interfaces.cli import batch_files  # noqa: PLC0415 - operations are heavy

    return batch_files.write_template(session, operation, to, format)


@app.command
def status(
    batch: Annotated[str, Parameter(show_default=False)] = "",
    /,
    *,
    watch: _Watch = False,
    session: Here,
) -> int:
    """Say how a batch stands, or list the batches.

    Works while another process runs it, and afterwards.

    Args:
        batch: Its id (bat_...); without it, the newest batches are listed.
        watch: Show its rows, speed, credits and expected end for as long as it runs. With --json a
            line of JSON for each change.
    """
    from interfaces.cli import batch_status  # noqa: PLC0415 - engine and providers

    return batch_status.status(session, batch, watch=watch)


@app.command
def pause(batch: str, /, *, session: Here) -> int:
    """Let no further row of a running batch begin, until it is resumed.

    Rows that are under way finish and are paid. The credits of the others stay held; if nobody
    resumes the batch before its hold ends, they are free again, and the rows end as cancelled.

    Args:
        batch: Its id (bat_...).
    """
    from interfaces.cli import batch_control  # noqa: PLC0415 - the engine is heavy

    return batch_control.ask(session, batch, "pause")


@app.command
def resume(
    batch: str,
    /,
    *,
    project: _Name = "",
    max_credits: _Name = "",
    priority: _Priority = None,
    as_far_as_it_goes: _Partly = False,
    session: Here,
) -> int:
    """Go on with a batch: with one that was paused, or with all that is left of one that ended.

    What is left are rows that failed, were cancelled, had no credits or never began; it needs no
    file. Rows whose outcome is unknown are not bought again. The options are for one that ended.

    Args:
        batch: Its id (bat_...).
        project: As for `batch run`.
        max_credits: As for `batch run`.
        priority: Another than the batch has.
        as_far_as_it_goes: As for `batch run`.
    """
    from interfaces.cli import batch_pages  # noqa: PLC0415 - the engine is heavy

    purse = _purse(project, max_credits, priority, partly=as_far_as_it_goes)
    return batch_pages.resume(session, batch, purse)


@app.command
def retry(
    batch: str,
    /,
    *,
    failed: _Flag = False,
    buy_unknown_again: _Flag = False,
    project: _Name = "",
    max_credits: _Name = "",
    priority: _Priority = None,
    as_far_as_it_goes: _Partly = False,
    session: Here,
) -> int:
    """Do those rows of a batch again that failed; it needs no file.

    Exactly these rows are quoted and held for anew. What is done is not bought twice.

    Args:
        batch: Its id (bat_...).
        failed: The rows that failed; so it is if nothing else is said.
        buy_unknown_again: The rows of which nobody knows whether they were bought. Their old
            credits go back to the wallet; should the provider have done them, it bills both.
        project: As for `batch run`.
        max_credits: As for `batch run`.
        priority: Another than the batch has.
        as_far_as_it_goes: As for `batch run`.
    """
    from interfaces.cli import batch_pages  # noqa: PLC0415 - the engine is heavy

    purse = _purse(project, max_credits, priority, partly=as_far_as_it_goes)
    both = failed and buy_unknown_again
    alone: Literal["failed", "unknown"] = "unknown" if buy_unknown_again else "failed"
    return batch_pages.again(session, batch, "failed_and_unknown" if both else alone, purse)


@app.command
def cancel(batch: str, /, *, session: Here) -> int:
    """Let no further row of a running batch begin, and end it once those under way have finished.

    What is done stays and is paid, the rest of the hold is free again, and the manifest is
    written. `studio batch run` goes on with what is left.

    Args:
        batch: Its id (bat_...).
    """
    from interfaces.cli import batch_control  # noqa: PLC0415 - the engine is heavy

    return batch_control.ask(session, batch, "cancel")


@app.command
def approve(batch: str, /, *, by: _Name = "", reason: _Name = "", session: Here) -> int:
    """Say yes to a batch that waits for approval; its run goes on at once.

    Args:
        batch: Its id (bat_...).
        by: Who decides: an admin of the workspace. You, if not given.
        reason: Why; kept with the batch.
    """
    from interfaces.cli import batch_control  # noqa: PLC0415 - the engine is heavy

    return batch_control.say(session, batch, "approved", by, reason)


@app.command
def reject(batch: str, /, *, by: _Name = "", reason: _Name = "", session: Here) -> int:
    """Say no to a batch that waits for approval; nothing is bought, and its credits are free.

    Args:
        batch: Its id (bat_...).
        by: Who decides: an admin of the workspace. You, if not given.
        reason: Why; kept with the batch.
    """
    from interfaces.cli import batch_control  # noqa: PLC0415 - the engine is heavy

    return batch_control.say(session, batch, "rejected", by, reason)


@app.command
def manifest(batch: str, /, *, to: _File = None, force: _Force = False, session: Here) -> int:
    """Print what became of every row.

    As CSV, or with --json as JSON; the files in the batch's folder are written anew. It can be the
    input of another batch: `studio batch run manifest.csv --operation upscale`.

    Args:
        batch: Its id (bat_...).
        to: A new file instead, whose name ends with .csv, .json, .jsonl or .parquet.
        force: Replace a file of that name.
    """
    from interfaces.cli import batch_pages  # noqa: PLC0415 - engine and providers

    return batch_pages.manifest(session, batch, to, force=force)


@app.command
def errors(batch: str, /, *, to: _File = None, force: _Force = False, session: Here) -> int:
    """Print the rows that are not done, as a file that does them again.

    What is behind the rows says why; mended or not, the file can be run. A row whose outcome is
    unknown is not in it.

    Args:
        batch: Its id (bat_...).
        to: A new file instead, whose name ends with .csv.
        force: Replace a file of that name.
    """
    from interfaces.cli import batch_files  # noqa: PLC0415 - engine and providers

    return batch_files.write_errors(session, batch, to, force=force)


@app.command
def zip(  # noqa: A001 - it is the command's name
    batch: str,
    /,
    *,
    to: _File = None,
    names: str = "{name}",
    force: _Force = False,
    session: Here,
) -> int:
    """Pack the files of a batch and its manifest into one ZIP.

    Args:
        batch: Its id (bat_...).
        to: A new file; by default the id and .zip, in this folder.
        names: Names of the files, without their endings, for example
            "{row}-{operation}-{width}x{height}"; a slash makes folders.
        force: Replace a file of that name.
    """
    from interfaces.cli import batch_files  # noqa: PLC0415 - engine and providers

    return batch_files.write_archive(session, batch, to, names, force=force)


@app.command
def sheet(batch: str, /, *, to: _File = None, force: _Force = False, session: Here) -> int:
    """Write the first hundred pictures of a batch on one page, a PNG; also while it runs.

    Args:
        batch: Its id (bat_...).
        to: A new file, whose name ends with .png; by default the id and .png, in this folder.
        force: Replace a file of that name.
    """
    from interfaces.cli import sheet as page  # noqa: PLC0415 - engine and providers

    return page.write(session, batch, to, force=force)
