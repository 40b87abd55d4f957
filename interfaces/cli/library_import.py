"""``studio library import``: files from outside."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.text import Text

from interfaces.cli.exits import Exit
from interfaces.cli.output import MOST_IN_TABLE, plain, show_facts, table
from interfaces.cli.session import Here

if TYPE_CHECKING:
    from rich.console import Console

_SOURCES = "files, folders, ZIP files, and addresses that begin with https://"


def import_(*sources: str, session: Here) -> int:
    """Bring files into the library: pictures, videos, sounds, texts, 3D models.

    The same bytes are filed once. What was cut off goes on when it is run again.

    Args:
        sources: Files, folders, ZIP files, and addresses that begin with https://.
    """
    from engine.importing import read_report  # noqa: PLC0415 - engine and providers are heavy
    from interfaces.cli.errors import FlowFailed  # noqa: PLC0415 - as above
    from interfaces.cli.opening import opened_studio  # noqa: PLC0415 - as above
    from interfaces.cli.prefect_runs import (  # noqa: PLC0415 - as above
        import_flow,
        prefect_server,
        run_flow,
    )

    with opened_studio() as studio:
        with studio.database.read() as connection:
            session.require(connection, "spend")
        given = [_absolute(each) for each in _some(sources)]
        values = {"sources": given, "owner": session.owner, "user": session.user}
        with prefect_server(session.config, session.out), session.out.busy("Importing ..."):
            outcome = run_flow(import_flow(), values, session.out)
        report = read_report(studio.settings, outcome.run)
    if report is None:
        raise FlowFailed(outcome)
    document = {"run": outcome.run, "link": outcome.link, **report}
    session.out.result(document, lambda to: _show(to, document))
    return Exit.FAILED if report["refused"] else Exit.DONE


def _some(sources: tuple[str, ...]) -> tuple[str, ...]:
    from studio.errors import InvalidRequest  # noqa: PLC0415 - as above

    if not sources:
        raise InvalidRequest(
            "There is nothing to import.",
            field="sources",
            allowed=_SOURCES,
        )
    # Some of several are the run's to tell of; where there is nothing at all, none need begin.
    if not any("://" in each or Path(_absolute(each)).exists() for each in sources):
        raise InvalidRequest(
            "There is no such file or folder.",
            field="sources",
            given=sources[0],
            allowed=_SOURCES,
        )
    return sources


def _absolute(source: str) -> str:
    """Return a path that a run in another folder understands as well."""
    if "://" in source or source.startswith("data:"):
        return source
    try:
        return str(Path(source).expanduser().absolute())
    except RuntimeError:
        return source


def _show(to: Console, document: dict[str, Any]) -> None:
    refused = document["refused"]
    facts = [(name, str(document[name])) for name in ("new", "known")]
    show_facts(to, [*facts, ("refused", str(len(refused))), ("run", document["link"])])
    if not refused:
        return
    rows = table("refused", "why not", "given", "allowed")
    for each in refused[:MOST_IN_TABLE]:
        rows.add_row(*(plain(each[name]) for name in ("name", "reason", "given", "allowed")))
    to.print(rows)
    if len(refused) > MOST_IN_TABLE:
        more = f"{len(refused) - MOST_IN_TABLE} more: --json has them all."
        to.print(Text(more, style="dim"))
