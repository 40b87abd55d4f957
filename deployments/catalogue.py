"""The deployments: which flows people and systems find, under which names, on what schedule.

What an operation does and costs is read from its model, its offers and the price book, so that no
page says what the gate does not.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from prefect import Flow
from prefect.client.schemas.objects import ConcurrencyLimitConfig, ConcurrencyLimitStrategy
from prefect.client.schemas.schedules import CronSchedule, IntervalSchedule
from prefect.schedules import Cron, Interval, Schedule

from billing.pricebook import PriceBook
from deployments.presets import PRESETS, Preset
from deployments.schedules import OWN
from flows.arrivals import tag_arrivals
from flows.batch import batch
from flows.batch_again import batch_again
from flows.batch_shard import batch_shard
from flows.books import check_books, export_books, reconcile
from flows.imports import import_files
from flows.operations import OPERATION_FLOWS
from flows.reports import report
from flows.selections import batch_selection, export_files
from flows.telling import tell_operators
from flows.tidying import tidy_library
from flows.upkeep import upkeep
from flows.watch import watch
from providers import Offer
from studio import credits as money
from studio.errors import PriceUnknown
from studio.operations import OPERATIONS, Operation
from tasks import named
from tasks.rhythms import Rhythm


@dataclass(frozen=True, slots=True)
class Offered:
    """A deployment.

    Attributes:
        flow: what it runs.
        name: as people read it in Prefect's list, where it stands large.
        description: Markdown: what it does, what it costs, an example.
        tags: the studio module.
        interval: how often it runs by itself; never, if ``None``.
        cron: when it runs by itself, in UTC, as cron says it; never, if empty.
        parameters: what its form is filled in with, instead of the flow's own defaults.
        limit: how many of its runs there are at once, and what becomes of one more; see ``ALONE``.
    """

    flow: Flow[..., Any]
    name: str
    description: str
    tags: tuple[str, ...]
    interval: timedelta | None = None
    cron: str = ""
    parameters: Mapping[str, Any] = field(default_factory=dict)
    limit: ConcurrencyLimitConfig | None = None

    @property
    def rhythm(self) -> Rhythm | None:
        """When it runs by itself."""
        if self.interval:
            return IntervalSchedule(interval=self.interval)
        return CronSchedule(cron=self.cron) if self.cron else None

    @property
    def schedule(self) -> Schedule | None:
        """The same as deployments take it, with a slug, so that others of theirs are kept."""
        if self.interval:
            return Interval(self.interval, slug=OWN)
        return Cron(self.cron, slug=OWN) if self.cron else None


ALONE = ConcurrencyLimitConfig(limit=1, collision_strategy=ConcurrencyLimitStrategy.CANCEL_NEW)
"""For what looks after everything: a second one at once would only look at the same.

What buys has none. Prefect takes the slot away from a run that pauses, as a batch does that waits
for approval, and ends the run when it next renews its slot (tried with 3.8.8: Crashed 229 seconds
after it paused); so it does if its server is away just then. How much of it goes on at once is
bounded by whoever carries out runs (``studio up``, ``studio worker``) and by the places at each
provider; occurrences of a schedule that overlap have the schedule's own policy.
"""

IN_TURN = ConcurrencyLimitConfig(limit=1, collision_strategy=ConcurrencyLimitStrategy.ENQUEUE)
"""For what takes the machine for a while, and is asked for with different parameters."""

PRESET = "preset"
"""The tag of deployments that are filled in for one purpose."""

_BATCH = """\
Do every row of a CSV file: all of it is checked, quoted and held for before anything is bought.

Costs what its rows cost; rows that were done before are free.

Check a file first: `studio batch check FILE`."""

_AGAIN = """\
Do rows of a batch again: those that failed, or all that is left of it. It needs no file.

Costs what these rows cost, held anew; nothing is bought twice unless you choose unknown rows."""

_SHARD = """\
Do rows of a large batch beside its own run, which starts this by itself where there is a work pool.

Costs nothing of its own: the batch's run has held for its rows. There is no need to start it."""

_WATCH = """\
Look at a folder or bucket, and begin a batch for each file that is complete: each file once.

Costs nothing itself; each batch costs what its rows cost. Let it look by itself with
`studio schedule watch NAME FOLDER --every 5m`."""

_IMPORT = """\
Bring files into the library: pictures, videos, sounds, texts and 3D models, from files, folders,
ZIP files and addresses. The same bytes are filed once; what is refused is told, file by file.

Costs nothing. On the command line: `studio library import`."""

_SELECTION = """\
Do the same with many pictures of the library: those of a search, a collection or a tag. All of them
are checked, quoted and held for before anything is bought.

Costs what it costs for each picture; what was done before is free.

Example: operation `remove_background | upscale 2x` for the collection `Autumn`."""

_TAG_MANY = """\
Say in words what many pictures of the library show: those of a search, a collection or a tag. What
is told waits for a word: `studio library suggestions`.

Costs what tagging costs for each picture (on this machine nothing); what was tagged before is free.

Example: the tag `unsorted`."""

_EXPORT = """\
Take many files out of the library, as a ZIP that can be downloaded or a folder on the machine of
the run, with a manifest of what each is and cost.

Costs nothing. An export is kept for 7 days. On the command line: `studio library download`."""

_TIDY = """\
Take out of the library what has been in its trash for long enough (`STUDIO_TRASH_DAYS`), remove
files that nothing needs and exports whose time is over, and check that files and rows agree.

Costs nothing and runs by itself on Sunday mornings. On the command line: `studio library check`."""

_ARRIVALS = """\
Tag the pictures that arrived, in the libraries whose owners wish it: `studio library auto-tag`.

Costs what tagging costs at the provider that was chosen (on this machine nothing), through the
gate, once for each picture. Runs by itself every ten minutes."""

_UPKEEP = """\
Go on with what dead runs left behind, give back their holds, check the books, send messages.

Costs nothing and runs by itself every ten minutes."""

_TELL = """\
Tell the channels of who runs the studio that something happened: Prefect's automations start it
when a run fails, an approval waits, a budget or a provider runs out, or upkeep finds something.

Costs nothing. The same is told once in an hour."""

_REPORT = """\
Tell what a period came to: usage by operation and provider with cost and margin, a statement of
each wallet, and a chart of what was spent on each day.

Costs nothing and runs by itself on the first day of each month, for the month before. Its files are
in the folder `reports` of the studio's home. On the command line: `studio usage` and
`studio account statement`."""

_CHECK_BOOKS = """\
Recompute every balance of every wallet from the journal; the run fails where the books do not
agree.

Costs nothing. Upkeep does the same every ten minutes; on the command line: `studio doctor`."""

_EXPORT_BOOKS = """\
Write every entry of a wallet's books to a file, for accountants and their programs: a ZIP that can
be downloaded.

Costs nothing. It is kept for 7 days. On the command line: `studio account export`.

Example: period `last-month`."""

_RECONCILE = """\
Compare what was bought of a provider with its bill; without one, with what is left in our account
there. The jobs of all wallets are looked at, and the run fails if anything differs.

Costs nothing. On the command line: `studio reconcile`.

Example: provider `wavespeed`, to ask what is left there; give it a schedule to be told of what
is not explained."""


def deployments(offers: Sequence[Offer], book: PriceBook) -> tuple[Offered, ...]:
    """Return every deployment, described by what is sold at present.

    Args:
        offers: of all providers.
        book: the price book in force.
    """
    return (
        *(
            Offered(flow, kind.title, _describe(kind, offers, book), (kind.module,))
            for kind, flow in ((OPERATIONS[name], flow) for name, flow in OPERATION_FLOWS.items())
        ),
        Offered(import_files, named.IMPORT.title, _IMPORT, ("library",)),
        Offered(
            tag_arrivals,
            "Tag arrivals",
            _ARRIVALS,
            ("library",),
            timedelta(minutes=10),
            limit=ALONE,
        ),
        Offered(
            batch_selection,
            "Tag assets",
            _TAG_MANY,
            ("library",),
            parameters={"operation": "tag"},
        ),
        Offered(export_files, "Export assets", _EXPORT, ("library",)),
        Offered(tidy_library, "Tidy library", _TIDY, ("library",), cron="0 4 * * 0", limit=ALONE),
        Offered(batch_selection, "Batch from library", _SELECTION, ("batch",)),
        Offered(batch, named.BATCH.title, _BATCH, ("batch",)),
        Offered(batch_again, named.BATCH_AGAIN.title, _AGAIN, ("batch",)),
        Offered(batch_shard, named.SHARD.title, _SHARD, ("batch",)),
        Offered(watch, named.WATCH.title, _WATCH, ("batch",)),
        Offered(tell_operators, "Tell operators", _TELL, ("upkeep",)),
        Offered(upkeep, "Upkeep", _UPKEEP, ("upkeep",), timedelta(minutes=10), limit=ALONE),
        Offered(report, "Monthly report", _REPORT, ("upkeep",), cron="0 6 1 * *", limit=IN_TURN),
        Offered(check_books, "Check books", _CHECK_BOOKS, ("upkeep",), limit=ALONE),
        Offered(export_books, "Export books", _EXPORT_BOOKS, ("upkeep",)),
        Offered(reconcile, "Reconcile with a provider", _RECONCILE, ("upkeep",)),
        *(_preset(each, offers, book) for each in PRESETS),
    )


def _preset(each: Preset, offers: Sequence[Offer], book: PriceBook) -> Offered:
    kind = OPERATIONS[each.operation]
    lines = [_price(offer, book) for offer in offers if each.is_by(offer)]
    values = ", ".join(f"`{name}`: {_shown(value)}" for name, value in each.values.items())
    words = [each.says, "", f"*{kind.title}* with {values}.", "", *lines]
    return Offered(
        OPERATION_FLOWS[each.operation],
        each.name,
        "\n".join(words),
        (PRESET, kind.module),
        parameters=each.values,
    )


def _shown(value: Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _describe(kind: type[Operation], offers: Sequence[Offer], book: PriceBook) -> str:
    name = kind.model_fields["operation"].default
    lines = [_price(offer, book) for offer in offers if offer.operation == name]
    example = json.dumps(kind.example, ensure_ascii=False)
    return "\n".join([kind.summary, "", *lines, "", f"Example: `{example}`"])


def _price(offer: Offer, book: PriceBook) -> str:
    try:
        price = book.line(offer.id).price
    except PriceUnknown:
        return f"- `{offer.id}`: not for sale (no price). {offer.says}"
    return f"- `{offer.id}`: **{money.show(price)} credits** a {offer.price.unit}. {offer.says}"
