"""Killed while it is paused, waits for approval, or does rows again: nothing twice or lost."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import IO, Any

import pytest
from sqlalchemy import select

from batches.tables import batch_approvals, batch_wishes, batches
from billing.accounts.account import change_account
from engine.batch_again import plan_again, start_again
from engine.batch_approval import decide
from engine.batch_view import view_batch
from engine.preflight import Caller
from engine.single import hold_key
from engine.studio import Studio
from studio.errors import Conflict
from tests.crash.waiting_program import begin, carry_out, opened
from tests.support.paid_server import PaidServer
from tests.support.providers import PRICES
from tests.support.studios import FUNDS, OWNER, balance_of, fund

_ROOT = Path(__file__).parents[2]
_PATIENCE = 120
_PRICE = PRICES["painter"]


@pytest.fixture
def paid() -> Iterator[PaidServer]:
    with PaidServer(slow_seconds=_PATIENCE) as server:
        yield server


@pytest.fixture
def studio(tmp_path: Path, paid: PaidServer) -> Iterator[Studio]:
    found = opened(tmp_path / "home", paid.url)
    fund(found, FUNDS)
    yield found
    found.close()


@contextmanager
def program(studio: Studio, paid: PaidServer, what: str) -> Iterator[subprocess.Popen[str]]:
    """Run the program; it is killed at the end of the block."""
    words = [str(studio.settings.folder), paid.url, what]
    process = subprocess.Popen(
        [sys.executable, "-W", "error", "-m", "tests.crash.waiting_program", *words],
        cwd=_ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def said(pipe: IO[str] | None) -> str:
    assert pipe is not None
    return pipe.readline().strip()


def until(holds: Callable[[], Any]) -> None:
    end = time.monotonic() + _PATIENCE
    while not holds():
        assert time.monotonic() < end, "it did not come to it"
        time.sleep(0.05)


def wishes(studio: Studio) -> int:
    with studio.database.read() as connection:
        return len(connection.execute(select(batch_wishes)).all())


def statuses(studio: Studio) -> dict[str, str]:
    with studio.database.read() as connection:
        batch = connection.execute(select(batches.c.id)).scalar_one()
        return view_batch(connection, OWNER, batch).statuses()


def test_while_paused(studio: Studio, paid: PaidServer) -> None:
    with program(studio, paid, "paused"):
        until(lambda: wishes(studio))
        time.sleep(2)  # the others wait by now
        assert len(paid.purchases) == 1
    assert balance_of(studio).held == 2 * _PRICE
    running = begin(studio, 2)
    # The pause was for the run that is gone.
    assert wishes(studio) == 0
    carry_out(running)
    assert set(statuses(studio).values()) == {"done"}
    assert (len(paid.purchases), paid.twice) == (3, [])
    balance = balance_of(studio)
    assert (balance.held, balance.captured) == (0, 3 * _PRICE)


def test_while_it_waits_for_approval(studio: Studio, paid: PaidServer) -> None:
    with program(studio, paid, "approval") as process:
        assert said(process.stdout) == "waiting"
    assert balance_of(studio).held == 3 * _PRICE
    with studio.database.read() as connection:
        batch = connection.execute(select(batch_approvals.c.batch)).scalar_one()
    # Whoever approves now approves a run that is gone: it buys nothing.
    studio.database.write(
        lambda c: decide(c, OWNER, batch, "approved", by=OWNER, lasts=timedelta(hours=1))
    )
    again = begin(studio, 2)
    assert again.approval is not None
    assert again.approval.waiting
    assert balance_of(studio).held == 3 * _PRICE
    again.abandon()
    studio.database.write(lambda c: change_account(c, OWNER, approval_above=None))
    carry_out(begin(studio, 3))
    assert set(statuses(studio).values()) == {"done"}
    assert (len(paid.purchases), paid.twice, balance_of(studio).held) == (3, [], 0)


def test_in_the_midst_of_a_retry(studio: Studio, paid: PaidServer) -> None:
    paid.faults.extend(["drop", "busy"])
    with program(studio, paid, "retry") as process:
        assert said(process.stdout) == "retry"
        assert statuses(studio) == {"fox": "unknown", "owl": "failed", "hen": "done"}
        # The first is bought again by decision, and hangs.
        paid.faults.append("slow")
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
        until(lambda: len(paid.purchases) == 3)
    rest = plan_again(studio, OWNER, _batch(studio), "rest")
    running = start_again(studio, rest, "run-3", Caller())
    running.hold_for(running.quote(), hold_key("run-3", 1))
    carry_out(running)
    # Nobody knows of the second purchase either: it is not made a third time by itself.
    assert statuses(studio) == {"fox": "unknown", "owl": "done", "hen": "done"}
    assert len(paid.purchases) == 4
    assert len(paid.twice) == 1
    balance = balance_of(studio)
    assert (balance.held, balance.captured) == (_PRICE, 2 * _PRICE)
    with pytest.raises(Conflict):
        plan_again(studio, OWNER, _batch(studio), "rest")


def _batch(studio: Studio) -> str:
    with studio.database.read() as connection:
        return str(connection.execute(select(batches.c.id)).scalar_one())
