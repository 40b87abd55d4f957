"""``studio batch status``: how batches stand, at once or for as long as they run."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from rich.live import Live
from rich.text import Text

from batches import BatchRecord, find_batch, list_batches
from engine.batch_approval import approval_of
from engine.batch_control import wish_of
from engine.batch_files import folder_of
from engine.batch_progress import progress_of
from engine.batch_view import view_batch
from engine.studio import Studio
from interfaces.cli.batch_control import is_running, wish_document, wish_fact, word_fact
from interfaces.cli.batch_runs import batch_document, show_rows
from interfaces.cli.exits import Exit
from interfaces.cli.opening import opened_studio
from interfaces.cli.output import MOST_IN_TABLE, counted, in_credits, plain, show_facts, table
from interfaces.cli.output import status as coloured
from interfaces.cli.progress import (
    Display,
    Lines,
    Look,
    Picture,
    Watch,
    cause_lines,
    progress_bar,
    progress_words,
)
from interfaces.cli.session import Session
from studio.errors import InvalidRequest

if TYPE_CHECKING:
    from rich.console import Console

_WATCH_SECONDS = 1.0


def status(session: Session, batch: str, *, watch: bool) -> int:
    """Tell how a batch stands, or list the batches."""
    if watch and not batch:
        raise InvalidRequest(
            "Only one batch can be watched.", field="BATCH", allowed="the id of a batch (bat_...)"
        )
    with opened_studio() as studio:
        if not batch:
            return _list(session, studio)
        if watch:
            return _watch(session, studio, batch)
        return _status(session, studio, batch)


def _status(session: Session, studio: Studio, batch: str) -> int:
    with studio.database.read() as connection:
        session.require(connection, "look")
        record = find_batch(connection, session.owner, batch)
        progress = progress_of(connection, session.owner, batch)
        wish = wish_of(connection, batch)
        word = approval_of(connection, batch)
        # Row by row only where somebody reads it: that takes long for many rows.
        rows = session.out.as_json or record.rows <= MOST_IN_TABLE
        view = view_batch(connection, session.owner, batch) if rows else None
    state = _state(studio, record)
    document = {
        **(batch_document(view, folder_of(studio, view.spec)) if view else {}),
        "state": state,
        "round": record.round,
        "priority": record.priority,
        "wish": wish_document(wish),
        "approval": word.as_dict() if word else None,
        "progress": progress.as_dict(),
    }

    def tell(to: Console) -> None:
        if view is not None:
            show_rows(to, view)
        else:
            to.print(progress_bar(progress, progress.name))
            for line in cause_lines(progress):
                to.print(line)
            to.print(Text("`studio batch manifest` tells of every row.", style="dim"))
        show_facts(
            to,
            [
                ("batch", record.id),
                ("state", coloured(state)),
                ("rows", progress_words(progress)),
                *([word_fact(word)] if word else []),
                *([wish_fact(wish)] if wish else []),
                ("started", counted(record.round, "time")),
                *([("priority", record.priority)] if record.priority != "normal" else []),
                *([("spent", f"{in_credits(view.spent)}, all runs together")] if view else []),
                ("folder", str(studio.settings.folder / "batches" / record.id)),
            ],
        )

    session.out.result(document, tell)
    return Exit.DONE


class _JsonLines:
    """A JSON document on a line for each look that is news."""

    def __init__(self, session: Session) -> None:
        self._out = session.out
        self._last = ""

    def show(self, look: Look) -> None:
        """Print how the batch stands, if that has changed."""
        text = json.dumps(look.progress.as_dict(), ensure_ascii=False)
        if text != self._last:
            self._out.raw(f"{text}\n")
            self._last = text


def _watch(session: Session, studio: Studio, batch: str) -> int:
    """Show a batch until it runs no more; Ctrl-C ends the looking, not the batch."""
    with studio.database.read() as connection:
        session.require(connection, "look")
        name = progress_of(connection, session.owner, batch).name
    watch = Watch(studio.database, session.owner, batch, name)
    with _display(session, name) as display:
        while True:
            began = time.monotonic()
            runs = is_running(studio, session.owner, batch)
            look = watch.look(last=not runs)
            if look is not None:
                display.show(look)
            if not runs:
                break
            time.sleep(max(_WATCH_SECONDS, 5 * (time.monotonic() - began)))
    if not session.out.as_json:
        return _status(session, studio, batch)
    return Exit.DONE


@contextlib.contextmanager
def _display(session: Session, name: str) -> Iterator[Display]:
    if session.out.as_json:
        yield _JsonLines(session)
    elif session.out.console.is_terminal:
        with Live(console=session.out.console, transient=True, auto_refresh=False) as live:
            yield Picture(live, name)
    else:
        yield Lines(session.out.console)


def _list(session: Session, studio: Studio) -> int:
    with studio.database.read() as connection:
        session.require(connection, "look")
        found = list_batches(connection, session.owner)
    states = {record.id: _state(studio, record) for record in found}
    document = {
        "batches": [
            {
                "batch": each.id,
                "name": each.name,
                "source": each.source,
                "rows": each.rows,
                "round": each.round,
                "state": states[each.id],
                "created_at": each.created_at.isoformat(),
                "finished_at": each.finished_at.isoformat() if each.finished_at else None,
            }
            for each in found
        ]
    }

    def tell(to: Console) -> None:
        rows = table("batch", "file", "name", "rows", "state", "since", right=("rows",))
        rows.columns[0].no_wrap = True
        for each in found:
            rows.add_row(
                each.id,
                plain(each.source),
                plain(each.name),
                str(each.rows),
                coloured(states[each.id]),
                f"{each.created_at:%m-%d %H:%M}",
            )
        to.print(rows if found else Text("No batch yet.", style="dim"))

    session.out.result(document, tell)
    return Exit.DONE


def _state(studio: Studio, record: BatchRecord) -> str:
    """Return the batch's state; one whose process is gone without an ending was cut off."""
    if record.state == "running" and not (record.worker and studio.worker.alive(record.worker)):
        return "cut_off"
    return record.state
