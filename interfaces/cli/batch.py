"""``studio batch``: the commands. What they do is loaded when they run, so their help is quick."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from interfaces.cli.groups import group
from interfaces.cli.session import Here

app = group("batch", "Do a CSV file of operations.")

_Name = Annotated[str, Parameter(show_default=False)]


@app.command
def check(file: Path, /, *, name: _Name = "", session: Here) -> int:
    """Say all that is wrong with a file, or what it costs.

    Nothing is held and nothing spent.

    Args:
        file: A CSV file; batches/README.md has the format.
        name: As for `batch run`.
    """
    from interfaces.cli import batch_pages  # noqa: PLC0415 - engine and providers

    return batch_pages.check(session, file, name)


@app.command
def run(file: Path, /, *, name: _Name = "", session: Here) -> int:
    """Do every row of a file that is not done yet.

    It runs as the real flow, on a Prefect server that is started if none is there.

    Args:
        file: A CSV file; batches/README.md has the format.
        name: Tells repetitions apart: under a new name, all rows are bought anew.
    """
    from interfaces.cli import batch_pages  # noqa: PLC0415 - engine and providers

    return batch_pages.run(session, file, name)


@app.command
def status(batch: Annotated[str, Parameter(show_default=False)] = "", /, *, session: Here) -> int:
    """Say how a batch stands, or list the batches.

    Works while another process runs it, and afterwards.

    Args:
        batch: Its id (bat_...); without it, the newest batches are listed.
    """
    from interfaces.cli import batch_pages  # noqa: PLC0415 - engine and providers

    return batch_pages.status(session, batch)


@app.command
def manifest(batch: str, /, *, session: Here) -> int:
    """Print what became of every row.

    As CSV, or with --json as JSON; the files in the batch's folder are written anew.

    Args:
        batch: Its id (bat_...).
    """
    from interfaces.cli import batch_pages  # noqa: PLC0415 - engine and providers

    return batch_pages.manifest(session, batch)
