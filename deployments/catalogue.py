"""The deployments: which flows people and systems find, under which names, on what schedule.

What an operation does and costs is read from its model, its offers and the price book, so that no
page says what the gate does not.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from prefect import Flow
from prefect.client.schemas.schedules import CronSchedule, IntervalSchedule
from prefect.schedules import Cron, Interval, Schedule

from billing.pricebook import PriceBook
from deployments.schedules import OWN
from flows.arrivals import tag_arrivals
from flows.batch import batch
from flows.batch_again import batch_again
from flows.imports import import_files
from flows.operations import OPERATION_FLOWS
from flows.reports import report
from flows.upkeep import upkeep
from flows.watch import watch
from providers import Offer
from studio import credits as money
from studio.errors import PriceUnknown
from studio.operations import OPERATIONS, Operation
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
    """

    flow: Flow[..., Any]
    name: str
    description: str
    tags: tuple[str, ...]
    interval: timedelta | None = None
    cron: str = ""

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


_BATCH = """\
Do every row of a CSV file: all of it is checked, quoted and held for before anything is bought.

Costs what its rows cost; rows that were done before are free.

Check a file first: `studio batch check FILE`."""

_AGAIN = """\
Do rows of a batch again: those that failed, or all that is left of it. It needs no file.

Costs what these rows cost, held anew; nothing is bought twice unless you choose unknown rows."""

_WATCH = """\
Look at a folder or bucket, and begin a batch for each file that is complete: each file once.

Costs nothing itself; each batch costs what its rows cost. Let it look by itself with
`studio schedule watch NAME FOLDER --every 5m`."""

_IMPORT = """\
Bring files into the library: pictures, videos, sounds, texts and 3D models, from files, folders,
ZIP files and addresses. The same bytes are filed once; what is refused is told, file by file.

Costs nothing. On the command line: `studio library import`."""

_ARRIVALS = """\
Tag the pictures that arrived, in the libraries whose owners wish it: `studio library auto-tag`.

Costs what tagging costs at the provider that was chosen (on this machine nothing), through the
gate, once for each picture. Runs by itself every ten minutes."""

_UPKEEP = """\
Go on with what dead runs left behind, give back their holds, check the books, send messages.

Costs nothing and runs by itself every ten minutes."""

_REPORT = """\
Tell what a period came to: usage by operation and provider with cost and margin, a statement of
each wallet, and a chart of what was spent on each day.

Costs nothing and runs by itself on the first day of each month, for the month before. Its files are
in the folder `reports` of the studio's home. On the command line: `studio usage` and
`studio account statement`."""


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
        Offered(import_files, "Import files", _IMPORT, ("library",)),
        Offered(tag_arrivals, "Tag arrivals", _ARRIVALS, ("library",), timedelta(minutes=10)),
        Offered(batch, "Batch from CSV", _BATCH, ("batch",)),
        Offered(batch_again, "Retry a batch", _AGAIN, ("batch",)),
        Offered(watch, "Watch folder", _WATCH, ("batch",)),
        Offered(upkeep, "Upkeep", _UPKEEP, ("upkeep",), timedelta(minutes=10)),
        Offered(report, "Monthly report", _REPORT, ("upkeep",), cron="0 6 1 * *"),
    )


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
