"""What pre-flight adds to a run: inputs, plan, quote and hold.

Once on a database that waits for the disk and once on one that does not; the limit in the same run
is one bare transaction with an update, on the same databases.

Usage: python -m benchmarks.preflight [--rounds 300] [--json]
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from statistics import median, quantiles

from sqlalchemy import Connection, text

from benchmarks.common import instant_studio, show
from billing.accounts.budgets import set_budget
from billing.accounts.members import add_member
from billing.accounts.subscriptions import change_plan
from engine.preflight import Caller
from engine.single import hold_credits, plan_one, release_hold
from engine.studio import Studio
from studio.database import Database
from studio.operations import Generate

_BEFORE = 1_000
"""Runs of the same period that are there before what is measured."""

_AT_ONCE = 100
"""The plan has no more runs under way at once."""


def milliseconds(work: Callable[[int], object], rounds: int) -> list[float]:
    """Return how long each call took; the first tenth warms up and does not count."""
    taken = []
    for number in range(rounds):
        began = time.perf_counter()
        work(number)
        taken.append((time.perf_counter() - began) * 1_000)
    return taken[rounds // 10 :]


def preflight(studio: Studio, number: int) -> None:
    """Do what the pre-flight task does, without Prefect around it."""
    key = f"run-{number}"
    planned = plan_one(studio, Generate(prompt=f"picture {number}"), "ada", key)
    hold_credits(studio, "ada", f"{key}/1", planned.quote.total, "a benchmark")


def arrange(studio: Studio) -> None:
    """Give the account what there is to be judged: a plan, a member, budgets, runs of before."""

    def work(connection: Connection) -> None:
        add_member(connection, "ada", "ada", "admin", author="a benchmark")
        for scope, name in (("workspace", ""), ("user", "ada"), ("project", "spring")):
            set_budget(connection, "ada", scope, name, 10**13, author="a benchmark")
        change_plan(connection, "ada", "enterprise", author="a benchmark", reason="to be judged")

    studio.database.write(work)
    for number in range(_BEFORE):
        run = hold_credits(studio, "ada", f"before-{number}", 1, "before", uses={"generate": 1})
        release_hold(studio, "ada", run.id)


def judged(studio: Studio, number: int) -> None:
    """Do the same for a project of an account with a plan."""
    key = f"run-{number}"
    planned = plan_one(studio, Generate(prompt=f"picture {number}"), "ada", key)
    caller = Caller(project="spring")
    total, uses = planned.quote.total, planned.uses
    hold_credits(studio, "ada", f"{key}/1", total, "a benchmark", caller=caller, uses=uses)


def bare(database: Database) -> None:
    """Do the least that a durable change takes."""
    database.write(lambda c: c.execute(text("UPDATE wallets SET granted = granted + 1")))


def measure(rounds: int, *, durable: bool) -> list[dict[str, str]]:
    """Return the rows of the table for one kind of database."""
    with instant_studio(durable=durable) as studio:
        ours = milliseconds(lambda number: preflight(studio, number), rounds)
    with instant_studio(durable=durable) as studio:
        arrange(studio)
        full = milliseconds(lambda number: judged(studio, number), min(rounds, _AT_ONCE))
    with instant_studio(durable=durable) as studio:
        limit = milliseconds(lambda _: bare(studio.database), rounds)
    disk = "waits for the disk" if durable else "does not wait"
    what = f"the same with a plan, a member, 3 budgets, {_BEFORE:,} runs before"
    return [
        _row("pre-flight", disk, ours),
        _row(what, disk, full),
        _row("limit: one bare update", disk, limit),
    ]


def _row(what: str, disk: str, taken: list[float]) -> dict[str, str]:
    return {
        "what": what,
        "commit": disk,
        "ms, median": f"{median(taken):.2f}",
        "ms, p99": f"{quantiles(taken, n=100)[98]:.2f}",
    }


def main() -> None:
    """Measure both kinds of database."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=300)
    parser.add_argument("--json", action="store_true")
    rounds = parser.parse_args().rounds
    rows = measure(rounds, durable=False) + measure(rounds, durable=True)
    show("Pre-flight of one operation (aim: 5 ms median without waiting for the disk)", rows)


if __name__ == "__main__":
    main()
