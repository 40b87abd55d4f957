"""``studio account statement`` and ``export``: the books of a period, for people and programs."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO, TYPE_CHECKING, Annotated, Any, Literal

from cyclopts import Parameter
from rich.text import Text

from interfaces.cli.exits import Exit
from interfaces.cli.opening import opened_database
from interfaces.cli.output import amount, plain, table
from interfaces.cli.session import Here
from studio import credits as money
from studio.clock import now
from studio.errors import InvalidRequest

if TYPE_CHECKING:
    from rich.console import Console

    from billing.reports.statement import Standing
    from engine.reports import WalletStatement

_QUIET = Parameter(show_default=False)


def statement(
    *,
    period: str = "this-month",
    csv: Annotated[bool, Parameter(negative=())] = False,
    session: Here,
) -> int:
    """Show what the wallet had, what moved it, and what it has after a period.

    The opening balance, all movements and the closing balance come from different sums of the
    books; the command fails if they do not agree.

    Args:
        period: A year, a month (2026-11), a day, two days (2026-11-01..2026-11-15), this-month or
            last-month, in UTC; this-period or last-period are those of the account's plan.
        csv: Print it as CSV.
    """
    from billing.reports.terms import period_of  # noqa: PLC0415 - SQLAlchemy is heavy
    from engine.reports import statement_csv, wallet_statement  # noqa: PLC0415 - engine

    with opened_database(session.config) as database, database.read() as connection:
        session.require(connection, "look")
        when = period_of(connection, session.owner, period, now())
        found = wallet_statement(connection, session.owner, when)
    if csv and not session.out.as_json:
        session.out.raw(statement_csv(found).decode())
    else:
        session.out.result(_document(found), lambda to: _show(to, found))
    return Exit.DONE if found.statement.agrees else Exit.FAILED


def export(
    *,
    to: Annotated[str, _QUIET] = "",
    format_: Annotated[Literal["csv", "parquet"], Parameter(name="--format")] = "csv",
    period: Annotated[str, _QUIET] = "",
    force: Annotated[bool, Parameter(negative=())] = False,
    session: Here,
) -> int:
    """Write every entry of the wallet's books to a file, the oldest first.

    Args:
        to: The file; CSV goes to stdout, if not given.
        format_: csv, whose cells no spreadsheet takes for formulas, or parquet, which needs the
            extra image-studio[parquet].
        period: Only of this one: a year, a month (2026-11), a day, two days with .. between them,
            this-month or last-month, in UTC; this-period or last-period of the account's plan.
        force: Replace a file that is there.
    """
    from billing.reports.export import export_csv, export_parquet  # noqa: PLC0415 - as above
    from billing.reports.terms import period_of  # noqa: PLC0415 - SQLAlchemy is heavy

    if not to and (format_ == "parquet" or session.out.as_json):
        raise InvalidRequest("Name a file.", field="to", given="", allowed="a path")
    write = {"csv": export_csv, "parquet": export_parquet}[format_]
    with (
        opened_database(session.config) as database,
        database.read() as connection,
        _target(to, force=force) as file,
    ):
        session.require(connection, "look")
        when = period_of(connection, session.owner, period, now()) if period else None
        count = write(connection, session.owner, when, file)
    if to:
        path = str(Path(to).expanduser().absolute())
        session.out.result(
            {"owner": session.owner, "file": path, "format": format_, "entries": count},
            lambda console: console.print(plain(f"{count} entries: {path}"), soft_wrap=True),
        )
    return Exit.DONE


@contextlib.contextmanager
def _target(to: str, *, force: bool) -> Iterator[IO[bytes]]:
    """Yield stdout, or a file that is there as a whole once all went well."""
    if not to:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    path = Path(to).expanduser().absolute()
    if path.exists() and not force:
        raise InvalidRequest(
            "There is a file of that name.",
            field="to",
            given=path,
            allowed="a new name, or --force to replace it",
        )
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=".part-")
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def _document(found: WalletStatement) -> dict[str, Any]:
    made = found.statement
    return {
        "owner": made.owner,
        "period": made.period.name,
        "from": made.period.start.isoformat(),
        "until": made.period.end.isoformat(),
        "opening": _standing(made.opening),
        "movements": [
            {
                "kind": line.kind,
                "count": line.count,
                **amount("available", line.available),
                **amount("held", line.held),
                **amount("spent", line.spent),
            }
            for line in made.lines
        ],
        "captures": [
            {"operation": use.keys[0], "jobs": use.jobs, **amount("spent", use.spent)}
            for use in found.captures
        ],
        **amount("spent", made.spent),
        "closing": _standing(made.closing),
        "difference": _standing(made.difference),
    }


def _standing(standing: Standing) -> dict[str, Any]:
    return {
        **amount("available", standing.available),
        **amount("held", standing.held),
        **amount("total", standing.total),
    }


def _show(to: Console, found: WalletStatement) -> None:
    from engine.reports import statement_rows  # noqa: PLC0415 - loaded by now

    made = found.statement
    figures = ("number", "available", "held", "balance")
    rows = table(f"{plain(made.owner)}, {made.period.name}", *figures, right=figures)
    for what, number, *amounts in statement_rows(found):
        bold, part = what.endswith("balance"), what.startswith(" ")
        cells = [_change(value, signed=not bold) for value in amounts]
        style = "bold" if bold else "dim" if part else ""
        rows.add_row(what, number, *cells, style=style)
    to.print(rows)
    if not made.agrees:
        to.print(
            Text(
                "The books do not lead from the one balance to the other: "
                f"{money.show(made.difference.available)} credits available and "
                f"{money.show(made.difference.held)} held are not explained.",
                style="red",
            )
        )


def _change(micro_credits: int, *, signed: bool) -> str:
    if signed and not micro_credits:
        return ""
    sign = "+" if signed and micro_credits > 0 else ""
    return f"{sign}{money.show(micro_credits)}"
