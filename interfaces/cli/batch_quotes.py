"""``studio batch quote``: what a file costs, signed, so that a run keeps its prices."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.text import Text

from batches import given_of
from engine.batch_plan import read_file
from engine.batch_quoting import sign_batch_quote
from engine.batch_source import open_source
from interfaces.cli.batch_pages import (
    available_in,
    checked_document,
    show_checked,
    show_faults,
)
from interfaces.cli.batch_runs import quoted_of
from interfaces.cli.exits import Exit
from interfaces.cli.files import write_file
from interfaces.cli.opening import opened_studio
from interfaces.cli.session import Session
from interfaces.cli.whatif import compare
from studio.errors import BatchInvalid

if TYPE_CHECKING:
    from rich.console import Console


def quote(
    session: Session,
    file: str,
    name: str,
    options: Mapping[str, Any],
    save: str,
    *,
    what_if: bool,
) -> int:
    """Sign what a file costs and keep the token in ``save``; or price it with each provider."""
    if what_if:
        return compare(session, file, name, options)
    given = given_of(**options)
    with opened_studio() as studio:
        source = open_source(studio, file, session.owner, session.user)
        try:
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
            planned, signed, token = sign_batch_quote(studio, spec, skip_invalid=given.skip_invalid)
        except BatchInvalid as error:
            faults = error
            session.out.result({"error": faults.as_dict()}, lambda to: show_faults(to, faults))
            return Exit.INVALID
        checked = quoted_of(studio, planned)
        available = available_in(studio, session.owner)
    if save:
        write_file(Path(save), f"{token}\n".encode(), force=True)

    def tell(to: Console) -> None:
        show_checked(to, checked, available)
        words = f"Quote {signed.id} stands until {signed.expires_at:%Y-%m-%d %H:%M} UTC."
        to.print(Text(f"{words} --save FILE keeps it; `studio batch run` takes it.", style="dim"))

    told = checked_document(checked, available)
    session.out.result(
        {"id": signed.id, "token": token, "expires_at": signed.expires_at.isoformat(), **told}, tell
    )
    return Exit.DONE
