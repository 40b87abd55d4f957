"""Whole studios for tests, each with a home folder of its own."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from billing.ledger import (
    Balance,
    TopUpRequest,
    WalletRequest,
    audit,
    balance,
    open_wallets,
    top_up,
)
from billing.pricebook import PriceBook
from engine.execute import Order
from engine.job_rows import latest_jobs
from engine.jobs import Job
from engine.single import hold_credits, order_of, plan_one
from engine.studio import Studio
from providers import Provider
from studio.database import Database
from studio.database.migrate import migrate
from studio.operations import Operation
from studio.settings import Settings
from tests.support.providers import InstantProvider, book

OWNER = "ada"
FUNDS = 1_000_000_000
"""What a wallet of these tests has to begin with: 1,000 credits."""


@cache
def migrated() -> Path:
    """Return an empty SQLite database with every table; a copy is quicker than migrating."""
    folder = Path(tempfile.mkdtemp(prefix="studio-template-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    database = Database(f"sqlite:///{folder / 'studio.db'}")
    migrate(database)
    database.close()
    return folder / "studio.db"


def make_studio(
    folder: Path,
    database_url: str = "",
    providers: Mapping[str, Provider] | None = None,
    prices: PriceBook | None = None,
    **settings: Any,
) -> Studio:
    """Open a studio that keeps everything in ``folder``; the caller closes it.

    Args:
        folder: its home.
        database_url: empty for SQLite in the folder.
        providers: by name; one ``InstantProvider`` if left out.
        prices: the price book; that of the providers of the tests if left out.
        settings: further settings, by their names.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if not database_url and not (folder / "studio.db").exists():
        shutil.copy(migrated(), folder / "studio.db")
    known = dict(providers) if providers is not None else {"instant": InstantProvider()}
    values: dict[str, Any] = {
        "home": folder,
        "database_url": database_url,
        "storage_url": "",
        "owner": OWNER,
        "notify_urls": (),
        **settings,
    }
    config = Settings(_env_file=None, **values)
    prices = prices or book(**dict.fromkeys(known, 1))
    return Studio(config, providers=known, book=prices)


@contextmanager
def opened_studio(folder: Path, *, funds: int = FUNDS, **arguments: Any) -> Iterator[Studio]:
    """Open a studio with a filled wallet, and close it in the end; arguments as ``make_studio``."""
    studio = make_studio(folder, **arguments)
    try:
        fund(studio, funds)
        yield studio
    finally:
        studio.close()


def fund(studio: Studio, amount: int, owner: str = OWNER) -> None:
    """Open a wallet and put ``amount`` in, once."""
    studio.commits.submit(open_wallets, WalletRequest(owner)).result()
    if amount:
        request = TopUpRequest(owner, "funds", amount, "tester", "a test")
        studio.commits.submit(top_up, request).result()


def order_for(
    studio: Studio,
    operation: Operation,
    key: str,
    *,
    owner: str = OWNER,
    amount: int | None = None,
    hold_key: str = "",
) -> Order:
    """Plan an operation and hold for it (``amount`` instead of its quote); return its order."""
    planned = plan_one(studio, operation, owner, key)
    total = planned.quote.total if amount is None else amount
    held = hold_credits(studio, owner, hold_key or f"{key}/1", total, "a test")
    return order_of(planned, owner=owner, key=key, hold_id=held.id, run="run-of-a-test")


def execute(studio: Studio, order: Order) -> Job:
    """Carry an order out on the studio's loop."""
    return studio.loop.run(studio.executor.execute(order))


def job_of(studio: Studio, key: str, owner: str = OWNER) -> Job | None:
    """Return the last job under a key, as the database has it."""
    with studio.database.read() as connection:
        return latest_jobs(connection, owner, [key]).get(key)


def balance_of(studio: Studio, owner: str = OWNER) -> Balance:
    """Return the wallet's amounts, after making sure that the auditor has nothing to say."""
    with studio.database.read() as connection:
        assert audit(connection) == []
        return balance(connection, owner)
