"""A batch on the terminal while it runs, read from the row ledger by a thread of its own.

The row ledger is the truth about each row; Prefect's states come later and may be lost.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from batches import BatchSpec, Row, find_batch, row_ends
from engine.batch_files import file_name
from engine.batch_view import DONE, WAITING, BatchView, find_jobs, sum_counts
from engine.jobs import Job
from engine.studio import Studio
from interfaces.cli.output import in_credits, plain, status, table
from studio import credits as money
from studio.errors import NotFound, StudioError

_POLL_SECONDS = 0.3
_SHARE = 5
"""Looking may take one part in six of the time: a batch of 10,000 rows takes long to read."""
_SHOWN = 6
_BAR = 40


@dataclass(frozen=True, slots=True)
class Ended:
    """A row that has come to an end."""

    row: Row
    status: str
    credits: int
    file: str


@dataclass(frozen=True, slots=True)
class Look:
    """How a batch stands at one moment. ``ended`` holds what ended since the look before."""

    counts: Counter[str]
    total: int
    spent: int
    ended: tuple[Ended, ...]


@dataclass
class Watch:
    """Looks at a batch that is about to run, or is running.

    Rows that were done before it started do not count as ended now, and failures of earlier
    rounds count as waiting, for they are tried again.
    """

    studio: Studio
    spec: BatchSpec
    seen: set[str] = field(default_factory=set)
    before: frozenset[str] = frozenset()
    round: int = 0
    base: int = 0

    def __post_init__(self) -> None:
        """Note what is done already."""
        with self.studio.database.read() as connection:
            jobs = find_jobs(connection, self.spec)
            self.round = _round(connection, self.spec)
        view = BatchView(self.spec, {k: j for k, j in jobs.items() if j.state != "failed"})
        self.before = frozenset(job.id for job in jobs.values() if job.state == "failed")
        self.seen = {name for name, state in view.statuses().items() if state != WAITING}
        self.base = view.spent

    @property
    def done_before(self) -> int:
        """How many rows were done before."""
        return len(self.seen)

    def look(self) -> Look:
        """Read the row ledger once."""
        with self.studio.database.read() as connection:
            jobs = find_jobs(connection, self.spec)
            started = _round(connection, self.spec) > self.round
            endings = row_ends(connection, self.spec.id) if started else {}
        current = {key: job for key, job in jobs.items() if job.id not in self.before}
        view = BatchView(self.spec, current, endings)
        statuses = view.statuses()
        return Look(
            counts=Counter(statuses.values()),
            total=len(self.spec.rows),
            spent=view.spent - self.base,
            ended=tuple(self._ended(view, statuses)),
        )

    def _ended(self, view: BatchView, statuses: Mapping[str, str]) -> Iterator[Ended]:
        for row in self.spec.rows:
            state = statuses[row.name]
            if state != WAITING and row.name not in self.seen:
                self.seen.add(row.name)
                job = view.job_of(row)
                paid = job.credits if job is not None and not row.same_as else 0
                yield Ended(row, state, paid, _file(row, job))


def _round(connection: object, spec: BatchSpec) -> int:
    try:
        return find_batch(connection, spec.owner, spec.id).round  # type: ignore[arg-type]
    except NotFound:
        return 0


def _file(row: Row, job: Job | None) -> str:
    if job is None or job.state != "settled":
        return ""
    more = len(job.outputs()) - 1
    return file_name(row, job, 0) + (f" +{more}" if more else "")


class Display(Protocol):
    """Where looks are shown."""

    def show(self, look: Look) -> None:
        """Show how the batch stands now."""


class Lines:
    """A line for each row that ended: for logs, and for programs that read along."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._ended = 0

    def show(self, look: Look) -> None:
        """Print what ended since the look before."""
        for each in look.ended:
            self._ended += 1
            self._console.print(
                f"{each.row.name}: {each.status}, {in_credits(each.credits)} {each.file}".rstrip()
            )
        if look.ended:
            self._console.print(f"  {sum_counts(look.counts)}")


class Picture:
    """A bar, the counts, and the rows that ended last; it changes in place."""

    def __init__(self, live: Live, title: str) -> None:
        self._live = live
        self._title = title
        self._last: list[Ended] = []
        self._started = time.monotonic()

    def show(self, look: Look) -> None:
        """Draw how the batch stands now."""
        self._last = [*self._last, *look.ended][-_SHOWN:]
        self._live.update(self._drawn(look), refresh=True)

    def _drawn(self, look: Look) -> RenderableType:
        ended = look.total - look.counts[WAITING]
        bar = Table.grid(padding=(0, 2, 0, 0))
        seconds = int(time.monotonic() - self._started)
        bar.add_row(
            Text(plain(self._title), style="bold"),
            ProgressBar(total=look.total, completed=ended, width=_BAR),
            f"{ended} of {look.total}",
            Text(f"{seconds // 60}:{seconds % 60:02d}", style="dim"),
        )
        words = Text(f"{sum_counts(look.counts)}; {in_credits(look.spent)} spent", style="dim")
        return Group(bar, words, _last_rows(self._last))


def _last_rows(ended: list[Ended]) -> Table:
    rows = table("", "", "", "", right=())
    rows.show_header = False
    for each in ended:
        rows.add_row(
            plain(each.row.name), status(each.status), money.show(each.credits), plain(each.file)
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
        _thread(watch, Picture(live, watch.spec.source)),
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
            display.show(watch.look())
        if last:
            return
        stop.wait(max(_POLL_SECONDS, _SHARE * (time.monotonic() - started)))


__all__ = ["DONE", "Ended", "Look", "Watch", "watching"]
