"""A process that comes to a halt in the midst of a batch, to be killed there.

Usage: python -m tests.crash.waiting_program HOME URL paused|approval|retry
"""

from __future__ import annotations

import asyncio
import sys
from datetime import timedelta
from pathlib import Path

import engine.execute
from billing.accounts.account import change_account, keep_account
from engine.batch import BatchRun
from engine.batch_again import buy_anew, plan_again, start_again
from engine.batch_control import ask_for
from engine.batch_plan import plan_batch, read_file
from engine.batch_start import start_batch
from engine.execute import Order
from engine.jobs import Job
from engine.preflight import Caller
from engine.single import hold_key
from engine.studio import Studio
from studio.clock import now
from studio.errors import StudioError
from tests.support.providers import PaidProvider, book
from tests.support.studios import OWNER, make_studio

ROWS = (
    "row,operation,prompt,seed\nfox,generate,a fox,1\nowl,generate,an owl,2\nhen,generate,a hen,3\n"
)


def opened(home: Path, url: str) -> Studio:
    """Open the studio that buys of the server at ``url``."""
    return make_studio(home, providers={"paid": PaidProvider(url)}, prices=book(paid=1))


def begin(studio: Studio, number: int) -> BatchRun:
    """Start the batch and hold for what is left of it."""
    data = ROWS.encode()
    spec = read_file(studio, data, source="rows.csv", owner=OWNER, folder=Path("/nowhere"))
    running = start_batch(studio, plan_batch(studio, spec), f"run-{number}")
    running.hold_for(running.quote(), hold_key(f"run-{number}", 1))
    return running


def carry_out(running: BatchRun) -> None:
    """Do its rows one after the other, and end it."""
    for wave in running.waves():
        for order in running.orders(wave):
            running.take(order, outcome(running.studio, order))
    running.finish()


def outcome(studio: Studio, order: Order) -> Job | StudioError:
    """Carry out an order; a refusal is an outcome."""
    try:
        return studio.loop.run(studio.executor.execute(order))
    except StudioError as error:
        return error


def paused(studio: Studio) -> None:
    """Do a row, then be paused."""
    running = begin(studio, 1)
    fox, *others = running.orders(running.waves()[0])
    running.take(fox, outcome(studio, fox))
    studio.database.write(
        lambda connection: ask_for(
            connection,
            OWNER,
            running.spec.id,
            "pause",
            user=OWNER,
            worker=studio.worker,
            lasts=timedelta(hours=1),
        )
    )
    studio.loop.run(_all(studio, others))


async def _all(studio: Studio, orders: list[Order]) -> None:
    # The first look was before the pause.
    await asyncio.sleep(1.2)
    await asyncio.gather(*(studio.executor.execute(order) for order in orders))


def approval(studio: Studio) -> None:
    """Wait for somebody's word."""

    def limit(connection: object) -> None:
        keep_account(connection, OWNER, now())  # type: ignore[arg-type]
        change_account(connection, OWNER, approval_above=0)  # type: ignore[arg-type]

    studio.database.write(limit)
    begin(studio, 1)
    print("waiting", flush=True)
    sys.stdin.read()


def retry(studio: Studio) -> None:
    """Let one row fail and one be unknown; do both again, and hang in the second."""
    running = begin(studio, 1)
    carry_out(running)
    again = plan_again(studio, OWNER, running.spec.id, "failed_and_unknown")
    print("retry", flush=True)
    sys.stdin.readline()
    retried = start_again(studio, again, "run-2", Caller())
    retried.hold_for(retried.quote(), hold_key("run-2", 1))
    buy_anew(retried, OWNER)
    carry_out(retried)


if __name__ == "__main__":
    engine.execute._ROUNDS = ()  # type: ignore[assignment]
    {"paused": paused, "approval": approval, "retry": retry}[sys.argv[3]](
        opened(Path(sys.argv[1]), sys.argv[2])
    )
