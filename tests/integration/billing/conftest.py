"""What the tests of the ledger share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from studio.database import Database
from tests.support.accounts import PLANS, Accounts
from tests.support.books import Books, StandingClock


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> StandingClock:
    """The ledger's clock, standing at noon until a test moves it."""
    standing = StandingClock()
    monkeypatch.setattr("studio.clock.now", standing)
    return standing


@pytest.fixture
def books(database: Database, clock: StandingClock) -> Iterator[Books]:
    """Ada's wallet with 100 micro-credits, on each database; the audit is clean in the end."""
    books = Books(database, clock)
    books.open(grant=100)
    yield books
    assert books.audit() == []


@pytest.fixture
def accounts(
    database: Database, clock: StandingClock, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Accounts]:
    """Ada's account with 1,000 micro-credits, and the plans small and large; audited in the end."""
    monkeypatch.setattr("billing.accounts.plans._books", lambda _folder: (PLANS,))
    accounts = Accounts(database, clock)
    accounts.open(grant=1_000)
    yield accounts
    assert accounts.audit() == []
