"""The tasks of the books: written to a file, and compared with what a provider says."""

from __future__ import annotations

import asyncio
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from prefect import get_run_logger, task
from prefect.client.schemas.objects import State
from prefect.runtime import flow_run

from billing.ledger import Discrepancy
from billing.reports.bill import Unit, read_bill
from billing.reports.export import Format, export_csv, export_parquet
from billing.reports.reconciliation import Reconciliation
from billing.reports.terms import period_of
from engine.batch_source import open_source
from engine.exporting import FOLDER, ZIP
from engine.file_links import file_link
from engine.preflight import check_identity
from engine.reconciling import (
    Drift,
    ask_balance,
    compare,
    known_provider,
    named_columns,
    period_of_bill,
)
from engine.studio import Studio, open_settings, open_studio
from studio import credits as money
from studio.clock import now
from studio.errors import StudioError
from tasks.artifacts import MOST_LINES, count, show_table, table
from tasks.states import refused

_WRITE = {"csv": export_csv, "parquet": export_parquet}


@dataclass(frozen=True, slots=True)
class Bill:
    """A provider's bill, as a form names it.

    Attributes:
        where: its path, https address, or asset's id.
        columns: its headers, as far as they are not found by themselves.
        unit: in what its amounts are.
        period: which; the days of the bill, if empty.
    """

    where: str
    columns: str
    unit: Unit
    period: str


@task(name="show-faults", persist_result=False)
async def show_faults(faults: Sequence[Discrepancy]) -> None:
    """Show what does not agree in the books, as a page."""
    lines = [f"- {each}" for each in faults[:MOST_LINES]]
    if len(faults) > len(lines):
        lines.append(f"- … and {count('fault', len(faults) - len(lines))} more")
    said = "\n".join(lines) or "Every balance is what the journal says."
    page = await show_table("Books", f"## Books\n\n{said}")
    get_run_logger().info("books: %s", page)


@task(name="export-books", persist_result=False)
async def write_books(owner: str, user: str, period: str, kind: Format) -> int | State[object]:
    """Write every entry of a wallet's books to a ZIP with one file; return how many there are."""
    studio = await asyncio.to_thread(open_studio)
    run = str(flow_run.id)
    try:
        await asyncio.to_thread(check_identity, studio.database, owner, user, "look")
        entries = await asyncio.to_thread(_write, studio, owner, period, kind, run)
    except StudioError as error:
        return refused(error)
    link = file_link(studio.settings, run, "exports")
    words = f"{entries:,} entries of wallet {owner}"
    page = await show_table("Books", f"## Books\n\n{words}. [Download the ZIP]({link})")
    get_run_logger().info("%s: %s %s", words, link, page)
    return entries


def _write(studio: Studio, owner: str, period: str, kind: Format, run: str) -> int:
    folder = studio.settings.folder / FOLDER / run
    folder.mkdir(parents=True, exist_ok=True)
    whole, part = folder / ZIP, folder / f"{ZIP}.part"
    with studio.database.read() as connection:
        when = period_of(connection, owner, period, now()) if period else None
        with (
            zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED) as packed,
            packed.open(f"books.{kind}", "w", force_zip64=True) as file,
        ):
            entries = _WRITE[kind](connection, owner, when, file)
    Path(part).replace(whole)
    return entries


@task(name="reconcile", persist_result=False)
async def compare_bill(provider: str, bill: Bill) -> Reconciliation | State[object]:
    """Compare what was bought of a provider with its bill."""
    studio = await asyncio.to_thread(open_studio)
    try:
        found = await asyncio.to_thread(_compare, studio, provider, bill)
    except StudioError as error:
        return refused(error)
    page = await show_table(f"Bill of {provider}", _bill_page(provider, found))
    get_run_logger().info("bill of %s: %s", provider, page)
    return found


def _compare(studio: Studio, provider: str, bill: Bill) -> Reconciliation:
    known_provider(studio, provider)
    source = open_source(studio, bill.where, open_settings().owner)
    lines = read_bill(source.data, columns=named_columns(bill.columns), unit=bill.unit)
    when = period_of_bill(lines, bill.period)
    with studio.database.read() as connection:
        return compare(connection, provider, when, lines)


def _bill_page(provider: str, found: Reconciliation) -> str:
    rows = [
        (word, it.purchase.job, it.lines[0].id, money.show(it.purchase.cost), money.show(it.theirs))
        for word, matches in (("different", found.different), ("found there", found.found))
        for it in matches
    ]
    rows += [
        ("missing there", it.job, next(iter(it.ids), ""), money.show(it.cost), "")
        for it in found.missing_there
    ]
    rows += [
        ("missing here", it.model, it.id, "", money.show(it.cost)) for it in found.missing_here
    ]
    sums = f"Ours: {money.show(found.ours)} credits, theirs: {money.show(found.theirs)}."
    parts = [f"## Bill of {provider}", f"{len(found.matched)} the same. {sums}"]
    if rows:
        parts.append(table(("", "what", "id there", "ours", "theirs"), rows[:MOST_LINES], right=2))
    if len(rows) > MOST_LINES:
        parts.append(f"… and {count('line', len(rows) - MOST_LINES)} more: `studio reconcile`")
    return "\n\n".join(parts)


@task(name="ask-balance", persist_result=False)
async def compare_balance(provider: str) -> Drift | State[object]:
    """Ask a provider what is left in our account, and compare it with when it was last asked."""
    studio = await asyncio.to_thread(open_studio)
    try:
        return await asyncio.to_thread(ask_balance, studio, provider)
    except StudioError as error:
        return refused(error)
