"""``studio prices what-if``: a batch, priced with each provider."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.text import Text

from interfaces.cli.exits import Exit
from interfaces.cli.opening import opened_studio
from interfaces.cli.output import amount, plain, table
from interfaces.cli.session import Here
from studio import credits as money
from studio.errors import InvalidRequest

if TYPE_CHECKING:
    from rich.console import Console

    from engine.whatif import Alternative

_MOST_SHOWN = 10
"""Rows that people are shown of what a provider cannot do; the JSON has all."""


def what_if(file: Path, /, *, session: Here) -> int:
    """Price a batch with each provider that could do it, and say which rows it cannot do.

    Providers without a key are priced, too. Nothing is held and nothing spent.

    Args:
        file: A CSV file; batches/README.md has the format.
    """
    from engine.batch_plan import read_file  # noqa: PLC0415 - engine and providers
    from engine.whatif import what_if as find  # noqa: PLC0415 - as above

    try:
        data = file.read_bytes()
    except OSError as error:
        raise InvalidRequest(
            f"The batch file cannot be read: {error.strerror}.",
            field="file",
            given=file,
            allowed="the path of a CSV file",
        ) from None
    with opened_studio() as studio:
        spec = read_file(
            studio,
            data,
            source=file.name,
            owner=session.owner,
            folder=file.absolute().parent,
            user=session.user,
        )
        found = find(studio, spec)
    session.out.result(
        {
            "source": spec.source,
            "rows": len(spec.rows),
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
