"""``studio prices what-if``: a batch, priced with each provider."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter
from rich.text import Text

from interfaces.cli.exits import Exit
from interfaces.cli.opening import opened_studio
from interfaces.cli.output import amount, plain, table
from interfaces.cli.session import Here, Session
from studio import credits as money

if TYPE_CHECKING:
    from rich.console import Console

    from engine.whatif import Alternative

_Words = Annotated[str, Parameter(show_default=False)]

_MOST_SHOWN = 10
"""Rows that people are shown of what a provider cannot do; the JSON has all."""


def what_if(
    file: str,
    /,
    *,
    operation: _Words = "",
    defaults: Annotated[list[str] | None, Parameter(name="--set", negative=())] = None,
    encoding: _Words = "",
    skip_invalid: Annotated[bool, Parameter(negative=())] = False,
    session: Here,
) -> int:
    """Price a batch with each provider that could do it, and say which rows it cannot do.

    Providers without a key are priced, too. Nothing is held and nothing spent.

    Args:
        file: CSV, JSONL or XLSX: a path, an https address or an asset; batches/README.md has the
            format.
        operation: As for `batch run`.
        defaults: As for `batch run`.
        encoding: As for `batch run`.
        skip_invalid: As for `batch run`.
    """
    options = {
        "operation": operation,
        "defaults": "\n".join(defaults or ()),
        "encoding": encoding,
        "skip_invalid": skip_invalid,
    }
    return compare(session, file, "", options)


def compare(session: Session, file: str, name: str, options: Mapping[str, Any]) -> int:
    """Price a file with each provider; ``options`` are those of a whole file."""
    from batches import given_of  # noqa: PLC0415 - engine and providers
    from engine.batch_plan import read_file  # noqa: PLC0415 - as above
    from engine.batch_source import open_source  # noqa: PLC0415 - as above
    from engine.whatif import what_if as find  # noqa: PLC0415 - as above

    given = given_of(**options)
    with opened_studio() as studio:
        source = open_source(studio, file, session.owner, session.user)
        spec = read_file(
            studio,
            source.data,
            source=source.name,
            owner=session.owner,
            name=name,
            folder=source.folder,
            given=given,
            user=session.user,
        )
        found = find(studio, spec)
    session.out.result(
        {
            "source": spec.source,
            "rows": len(spec.rows),
            "left_out": [problem.as_dict() for problem in spec.left_out],
            "alternatives": [_document(each) for each in found],
        },
        lambda to: _show(to, found),
    )
    return Exit.DONE


def _document(each: Alternative) -> dict[str, Any]:
    return {
        "provider": each.provider,
        "does_all": each.does_all,
        "rows": each.rows,
        **amount("total", each.total),
        **amount("cost", each.cost),
        "not_ready": each.not_ready or None,
        "unable": [{"line": row.line, "row": row.row, "reason": row.reason} for row in each.unable],
    }


def _show(to: Console, found: tuple[Alternative, ...]) -> None:
    figures = ("rows", "cannot do", "credits", "cost")
    rows = table("with", *figures, "", right=figures)
    for each in found:
        rows.add_row(
            each.provider,
            str(each.rows),
            str(len(each.unable) or ""),
            money.show(each.total),
            money.show(each.cost),
            Text(each.not_ready or ("as it is now" if each.provider == "auto" else ""), "dim"),
            style="" if each.does_all else "dim",
        )
    to.print(rows)
    for each in found:
        for row in each.unable[:_MOST_SHOWN]:
            words = f"{each.provider}, line {row.line}, {row.row}: {row.reason}"
            to.print(Text(plain(words), style="dim"), soft_wrap=True)
        if len(each.unable) > _MOST_SHOWN:
            left = len(each.unable) - _MOST_SHOWN
            to.print(Text(f"{each.provider}: and {left} rows more", style="dim"))
