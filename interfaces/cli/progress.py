"""A batch on the terminal while it runs, looked at by a thread of its own.

The row ledger is the truth about each row; Prefect's states come later and may be lost.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from batches import find_batch, row_ends
from engine.batch_files import file_name
from engine.batch_progress import EndedRow, Progress, ended_since, progress_of
from engine.batch_view import sum_counts
from interfaces.cli.output import in_credits, plain, status, table
from studio import credits as money
from studio.clock import now
from studio.database import Database
from studio.errors import NotFound, StudioError

_POLL_SECONDS = 0.3
_SHARE = 5
"""Looking may take one part in six of the time: a batch of 50,000 rows takes long to count."""
_SHOWN = 6
_MOST_LINES = 1_000
"""Lines for rows that ended without a job."""
_BAR = 40
_STATUS = {"settled": "done"}


@dataclass(frozen=True, slots=True)
class Ended:
    """A row that has come to an end. Amounts are micro-credits."""

    name: str
    status: str
    credits: int
    file: str


@dataclass(frozen=True, slots=True)
class Look:
    """How a batch stands at one moment. ``ended`` holds what ended since the look before."""

    progress: Progress
    ended: tuple[Ended, ...]


@dataclass
class Watch:
    """Looks at a batch that is about to run, or is running.

    Args:
        database: where it is.
        owner: whose it is.
        batch: its id.
        title: what it is called before it is there.
        after: rounds that are no matter here: they ended before. ``None`` for a batch that runs.
    """

    database: Database
    owner: str
    batch: str
    title: str
    after: int | None = None
    seen: set[str] = field(default_factory=set)
    since: datetime | None = None

    def look(self, *, last: bool = False) -> Look | None:
        """Read how it stands; ``None`` as long as it has not begun.

        Args:
            last: whether nobody looks again: also what ended without a job is then told.
        """
        with self.database.read() as connection:
            try:
                record = find_batch(connection, self.owner, self.batch)
            except NotFound:
                return None
            if self.after is not None and record.round <= self.after:
                return None
            moment = now()
            # Who comes to a batch that runs is told of what ends from now on.
            since = self.since or record.started_at or moment
            if self.after is None and self.since is None:
                since = moment
            found = ended_since(connection, record, since)
            progress = progress_of(connection, self.owner, self.batch)
            ends = row_ends(connection, self.batch) if last and progress.not_done else {}
        self.since = moment
        new = [self._ended(each) for each in found if each.job.run == record.run]
        new += [Ended(name, end["state"], 0, "") for name, end in ends.items()][:_MOST_LINES]
        told = tuple(each for each in new if each.name not in self.seen)
        self.seen.update(each.name for each in told)
        return Look(progress, told)

    def _ended(self, each: EndedRow) -> Ended:
        state = _STATUS.get(each.job.state, each.job.state)
        return Ended(each.name, state, each.job.credits, _file(each))


def rounds_of(database: Database, owner: str, batch: str) -> int:
    """Return how often a batch was started; 0 where there is none."""
    with database.read() as connection:
        try:
            return find_batch(connection, owner, batch).round
        except NotFound:
            return 0


def _file(each: EndedRow) -> str:
    if each.job.state != "settled":
        return ""
    more = len(each.job.outputs()) - 1
    return file_name(each, each.job, 0) + (f" +{more}" if more else "")


class Display(Protocol):
    """Where looks are shown."""

    def show(self, look: Look) -> None:
        """Show how the batch stands now."""


class Lines:
    """A line for each row that ended: for logs, and for programs that read along."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def show(self, look: Look) -> None:
        """Print what ended since the look before."""
        for each in look.ended:
            self._console.print(
                f"{each.name}: {each.status}, {in_credits(each.credits)} {each.file}".rstrip()
            )
        if look.ended:
            self._console.print(f"  {progress_words(look.progress)}")


class Picture:
    """A bar, the figures, why rows are not done, and what ended last; it changes in place."""

    def __init__(self, live: Live, title: str) -> None:
        self._live = live
        self._title = title
        self._last: list[Ended] = []
        self._started = time.monotonic()

    def show(self, look: Look) -> None:
        """Draw how the batch stands now."""
        self._last = [*self._last, *look.ended][-_SHOWN:]
        self._live.update(self._drawn(look.progress), refresh=True)

    def _drawn(self, progress: Progress) -> RenderableType:
        seconds = int(time.monotonic() - self._started)
        clock = Text(f"{seconds // 60}:{seconds % 60:02d}", style="dim")
        bar = progress_bar(progress, self._title, clock)
        words = Text(progress_words(progress), style="dim")
        return Group(bar, words, *cause_lines(progress), _last_rows(self._last))


def progress_bar(progress: Progress, title: str, *more: RenderableType) -> Table:
    """Return how far a batch is as a bar."""
    bar = Table.grid(padding=(0, 2, 0, 0))
    bar.add_row(
        Text(plain(title), style="bold"),
        ProgressBar(total=max(1, progress.total), completed=progress.ended, width=_BAR),
        f"{progress.ended} of {progress.total}",
        *more,
    )
    return bar


def progress_words(progress: Progress) -> str:
    """Return the figures of a batch as one line."""
    words = [sum_counts(progress.counts)]
    if progress.under_way:
        words.append(f"{progress.under_way} under way")
    words.append(f"{in_credits(progress.spent)} spent")
    if progress.per_second:
        words.append(f"{progress.per_second:.1f} rows/s")
    if progress.expected_end:
        words.append(f"about {_time_left(progress.expected_end - now())} left")
    return "; ".join(words)


def _time_left(left: timedelta) -> str:
    seconds = max(0, int(left.total_seconds()))
    hours, minutes = seconds // 3600, seconds // 60 % 60
    return f"{hours} h {minutes} min" if hours else f"{minutes}:{seconds % 60:02d}"


def cause_lines(progress: Progress) -> list[Text]:
    """Return why rows are not done, a line for each cause."""
    return [
        Text.assemble((f"{each.rows} {each.code}: ", "red"), plain(each.message))
        for each in progress.causes
    ]


def _last_rows(ended: list[Ended]) -> Table:
    rows = table("", "", "", "", right=())
    rows.show_header = False
    for each in ended:
        rows.add_row(
            plain(each.name), status(each.status), money.show(each.credits), plain(each.file)
        )
    return rows


@contextlib.contextmanager
def watching(watch: Watch, console: Console) -> Iterator[None]:
    """Show a batch's progress on ``console`` until the block ends."""
    if not console.is_terminal:
        with _thread(watch, Lines(console)):
            yield
        return
    with (
        Live(console=console, transient=True, auto_refresh=False) as live,
        _thread(watch, Picture(live, watch.title)),
    ):
        yield


@contextlib.contextmanager
def _thread(watch: Watch, display: Display) -> Iterator[None]:
    stop = threading.Event()
    thread = threading.Thread(
        target=_poll, args=(watch, display, stop), name="studio-progress", daemon=True
    )
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def _poll(watch: Watch, display: Display, stop: threading.Event) -> None:
    """Look again and again, and once more at the end, so that no row's end is missed."""
    while True:
        last = stop.is_set()
        started = time.monotonic()
        # The progress may miss a look; what the batch comes to is told by the batch.
        with contextlib.suppress(StudioError):
            if (look := watch.look(last=last)) is not None:
                display.show(look)
        if last:
            return
        stop.wait(max(_POLL_SECONDS, _SHARE * (time.monotonic() - started)))
