"""A batch shared out over processes: each row is bought once, out of one hold, whoever does it."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import update

import engine.batch_shards
import engine.execute
from batches import row_ends
from batches.tables import batch_shards, batches
from engine.batch import BatchRun
from engine.batch_ending import end_cancelled, left_batches
from engine.batch_plan import plan_batch
from engine.batch_shards import MOST_TRIES, Shards, await_others, join_batch
from engine.batch_start import start_batch
from engine.batch_view import view_batch
from engine.execute import Order
from engine.jobs import Job
from engine.order_text import pack, unpack
from engine.single import release_hold
from engine.studio import Studio
from studio.clock import now
from studio.errors import (
    AlreadyRunning,
    Conflict,
    HoldRefused,
    NotFound,
    ProviderRejected,
    SetupIncomplete,
    StudioError,
)
from studio.operations import parse_operation
from tests.support.providers import PRICES, InstantProvider, book
from tests.support.studios import OWNER, balance_of, make_studio, opened_studio, order_for
from tests.unit.engine.conftest import House
from tests.unit.engine.test_batch_control import ask
from tests.unit.engine.test_batch_variations import read, start

PRICE = PRICES["painter"]
ROWS = 24
RANGE = 10


def rows(count: int = ROWS) -> str:
    lines = [f"r{n},generate,picture {n},{n}" for n in range(count)]
    return "\n".join(["row,operation,prompt,seed", *lines, ""])


@pytest.fixture
def house(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    """A studio on SQLite and one on Postgres, whose providers send bills."""
    monkeypatch.setattr(engine.execute, "_WAITS", (0.01, 0.01, 0.01))
    sure, dear = (InstantProvider(name, repeatable=False) for name in ("sure", "dear"))
    with opened_studio(
        tmp_path / "home",
        database_url="" if database_url.startswith("sqlite") else database_url,
        providers={"sure": sure, "dear": dear},
        prices=book(sure=1, dear=3),
    ) as studio:
        yield House(studio, sure, dear)


@pytest.fixture
def other(house: House) -> Iterator[Studio]:
    """Another process on the same database, with the same providers."""
    providers = {"sure": house.sure, "dear": house.dear}
    config = house.studio.settings
    opened = make_studio(config.folder, config.database_url, providers, book(sure=1, dear=3))
    yield opened
    opened.close()


def shared(house: House, running: BatchRun) -> tuple[Shards, list[Order]]:
    """Write the ranges of a batch's first wave."""
    spec = running.spec
    shards = Shards(house.studio, spec.id, OWNER, running.run, running.hold, len(spec.rows))
    orders = running.orders(running.waves()[0])
    shards.write(orders, RANGE)
    return shards, orders


def results(studio: Studio, orders: Sequence[Order]) -> list[tuple[Order, object]]:
    async def one(order: Order) -> Job | StudioError:
        try:
            return await studio.executor.execute(order)
        except StudioError as error:
            return error

    async def all_of_them() -> list[Job | StudioError]:
        return await asyncio.gather(*map(one, orders))

    return list(zip(orders, studio.loop.run(all_of_them()), strict=True))


def help_out(shards: Shards, most: int = 99) -> int:
    """Do what a helper does; return how many ranges it took."""
    for taken in range(most):
        found = shards.take()
        if found is None:
            return taken
        came = shards.sort_out(results(shards.studio, found.orders))
        if came.again or came.stop:
            shards.let_go(found.number, tried=bool(came.again))
            return taken + 1
        shards.done(found.number)
    return most


def bought(house: House) -> list[str]:
    return [each.operation.canonical() for each in house.sure.calls]


def test_orders_are_the_same_on_another_machine(house: House) -> None:
    named = parse_operation(
        {"operation": "generate", "prompt": "a fox", "template": "instagram_feed_square", "seed": 3}
    )
    single = replace(order_for(house.studio, named, "one"), notes={"auto": {"chose": "fast"}})
    running = start(house, rows(2))
    orders = [single, *running.orders(running.waves()[0])]
    assert len(single.plan.choices) == 2
    found = unpack(pack(orders), house.studio.providers)
    # Why other offers were not chosen is not needed to carry an order out.
    assert found == [replace(it, plan=replace(it.plan, refusals=())) for it in orders]
    assert [it.plan.operation.asked_template for it in found] == ["instagram_feed_square", "", ""]


def test_two_processes_share_a_batch_out_of_one_hold(house: House, other: Studio) -> None:
    running = start(house, rows())
    mine, orders = shared(house, running)
    theirs = join_batch(other, OWNER, running.spec.id, running.run)
    assert theirs is not None
    with ThreadPoolExecutor(2) as pool:
        taken = list(pool.map(help_out, [mine, theirs]))
    assert sum(taken) == 3
    assert mine.read_back(running.view, orders)
    assert running.finish() == {"done": ROWS}
    assert len(bought(house)) == len(set(bought(house))) == ROWS
    balance = balance_of(house.studio)
    assert (balance.captured, balance.held) == (ROWS * PRICE, 0)
    assert theirs.standing().total == 0
    assert join_batch(other, OWNER, running.spec.id, running.run) is None


def test_the_same_rows_at_two_processes_at_once_are_bought_once(
    house: House, other: Studio
) -> None:
    running = start(house, rows())
    mine, orders = shared(house, running)
    with ThreadPoolExecutor(2) as pool:
        came = list(pool.map(lambda it: results(it, orders), [house.studio, other]))
    assert len(bought(house)) == len(set(bought(house))) == ROWS
    kinds = {type(result) for each in came for _, result in each}
    assert kinds <= {Job, AlreadyRunning}
    # Who was second neither ends the row nor forgets it.
    theirs = join_batch(other, OWNER, running.spec.id, running.run)
    assert theirs is not None
    again = [theirs.sort_out(each).again for each in came]
    assert len(again[0]) + len(again[1]) == sum(
        isinstance(result, AlreadyRunning) for each in came for _, result in each
    )
    assert mine.read_back(running.view, orders)
    assert running.finish() == {"done": ROWS}


def test_nobody_helps_without_the_runs_live_hold(
    house: House, other: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    planned = plan_batch(house.studio, read(house, rows()))
    running = start_batch(house.studio, planned, "run-1")
    batch = running.spec.id

    def refused(kind: type[StudioError], owner: str = OWNER, run: str = "run-1") -> StudioError:
        with pytest.raises(kind) as caught:
            join_batch(other, owner, batch, run)
        return caught.value

    assert refused(HoldRefused).field == "batch"
    running.hold_for(running.quote(), "run-1/1")
    assert join_batch(other, OWNER, batch, "run-1") is not None
    assert refused(NotFound, owner="eve").field == "batch"
    wrong = refused(Conflict, run="run-2")
    assert (wrong.field, wrong.given) == ("run", "run-2")
    later = now() + timedelta(days=30)
    monkeypatch.setattr(engine.batch_shards, "now", lambda: later)
    assert refused(HoldRefused).details["reason"] == "missing"
    monkeypatch.undo()
    release_hold(house.studio, OWNER, running.hold)
    assert refused(HoldRefused).details["reason"] == "closed"
    monkeypatch.setattr(other.worker, "alive", lambda identifier: identifier == other.worker.id)
    assert "is gone" in str(refused(Conflict))
    with pytest.raises(NotFound):
        join_batch(other, OWNER, "bat_unknown", "run-1")
    assert bought(house) == []


def test_a_range_whose_process_is_gone_is_taken_three_times_more(house: House) -> None:
    running = start(house, rows(RANGE))
    mine, _ = shared(house, running)
    assert mine.take() is not None
    for _ in range(MOST_TRIES - 1):
        assert mine.take() is None
        gone(house, running)
        assert mine.take() is not None
    gone(house, running)
    assert mine.take() is None
    standing = mine.standing()
    assert (standing.open, standing.at_work) == (1, 0)


def gone(house: House, running: BatchRun) -> None:
    """Let ranges be those of a process that is gone."""
    of = batch_shards.c.batch == running.spec.id
    house.studio.database.write(
        lambda c: c.execute(update(batch_shards).where(of).values(worker="wrk_gone"))
    )


def test_who_takes_over_does_only_what_is_left(house: House, other: Studio) -> None:
    house.sure.script.append(ProviderRejected("no", provider="sure"))
    running = start(house, rows(RANGE))
    mine, orders = shared(house, running)
    theirs = join_batch(other, OWNER, running.spec.id, running.run)
    assert theirs is not None
    taken = theirs.take()
    assert taken is not None
    theirs.sort_out(results(other, taken.orders[:6]))
    calls = len(house.sure.calls)
    gone(house, running)
    found = mine.take()
    assert found is not None
    # What failed in this run is not tried once more by it.
    assert [each.label for each in found.orders] == ["r6", "r7", "r8", "r9"]
    mine.sort_out(results(house.studio, found.orders))
    assert len(house.sure.calls) == calls + 4
    assert mine.read_back(running.view, orders)


def test_a_helper_ends_no_row_of_another_run(house: House, other: Studio) -> None:
    running = start(house, rows(RANGE))
    _, orders = shared(house, running)
    theirs = join_batch(other, OWNER, running.spec.id, running.run)
    assert theirs is not None
    error = ProviderRejected("no", provider="sure")
    of = batches.c.id == running.spec.id

    def ended() -> dict[str, dict[str, str]]:
        with house.studio.database.read() as connection:
            return row_ends(connection, running.spec.id)

    house.studio.database.write(lambda c: c.execute(update(batches).where(of).values(hold="h2")))
    assert theirs.sort_out([(orders[0], error)]).again == ()
    assert ended() == {}
    assert theirs.standing().total == 0
    back = {"hold": running.hold}
    house.studio.database.write(lambda c: c.execute(update(batches).where(of).values(back)))
    theirs.sort_out([(orders[0], error)])
    assert list(ended()) == ["r0"]


def test_without_the_hold_a_helper_stops_and_says_nothing_of_its_rows(
    house: House, other: Studio
) -> None:
    running = start(house, rows())
    mine, orders = shared(house, running)
    theirs = join_batch(other, OWNER, running.spec.id, running.run)
    assert theirs is not None
    release_hold(house.studio, OWNER, running.hold)
    assert help_out(theirs) == 1
    assert bought(house) == []
    assert not mine.read_back(running.view, orders)
    # Nor does it count as a try: the run itself takes the range, and says what became of it.
    assert mine.take() is not None


def test_a_closed_window_leaves_the_rows_as_they_are(house: House, other: Studio) -> None:
    running = start(house, rows(), closes=now() - timedelta(seconds=1))
    mine, orders = shared(house, running)
    theirs = join_batch(other, OWNER, running.spec.id, running.run)
    assert theirs is not None
    assert help_out(theirs) == 1
    assert not mine.read_back(running.view, orders)
    assert running.view.endings == {}
    assert bought(house) == []


def test_a_cancelled_batch_is_cancelled_for_its_helpers(house: House, other: Studio) -> None:
    running = start(house, rows())
    mine, orders = shared(house, running)
    theirs = join_batch(other, OWNER, running.spec.id, running.run)
    assert theirs is not None
    assert help_out(theirs, most=1) == 1
    ask(house, running.spec.id, "cancel")
    other.control._seen.clear()
    assert help_out(theirs) == 2
    assert mine.read_back(running.view, orders)
    assert running.finish() == {"done": RANGE, "cancelled": ROWS - RANGE}
    assert balance_of(house.studio).held == 0


def test_a_run_that_is_resumed_waits_for_the_helpers_of_the_one_before(
    house: House, other: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = start(house, rows())
    shared(house, first)
    theirs = join_batch(other, OWNER, first.spec.id, first.run)
    assert theirs is not None
    found = theirs.take()
    assert found is not None
    assert not await_others(house.studio, first.spec.id, 0.1)
    waited: list[bool] = []

    def others_end(studio: Studio, batch: str) -> None:
        # The hold that pays them is closed by now: what they had under way ends, no more.
        assert theirs.sort_out(results(other, found.orders)).stop
        theirs.let_go(found.number, tried=False)
        waited.append(await_others(studio, batch, 5))

    forget_worker(house, first)
    monkeypatch.setattr("engine.batch_start.await_others", others_end)
    again = start(house, rows(), number=2)
    assert waited == [True]
    assert bought(house) == []
    assert theirs.standing().total == 0
    mine, orders = shared(house, again)
    assert help_out(mine) == 3
    assert mine.read_back(again.view, orders)
    assert again.finish() == {"done": ROWS}
    assert len(set(bought(house))) == len(bought(house)) == ROWS
    assert balance_of(house.studio).held == 0


def forget_worker(house: House, running: BatchRun) -> None:
    """Let the process of a batch be gone."""
    of = batches.c.id == running.spec.id
    house.studio.database.write(
        lambda c: c.execute(update(batches).where(of).values(worker="wrk_gone"))
    )


def test_a_cancelled_run_is_ended_after_its_helpers(house: House, other: Studio) -> None:
    running = start(house, rows())
    shared(house, running)
    theirs = join_batch(other, OWNER, running.spec.id, running.run)
    assert theirs is not None
    assert help_out(theirs, most=1) == 1
    forget_worker(house, running)
    (left,) = left_batches(house.studio)
    assert end_cancelled(house.studio, left)
    assert help_out(theirs) == 0
    with house.studio.database.read() as connection:
        view = view_batch(connection, OWNER, running.spec.id)
    assert view.counts() == {"done": RANGE, "cancelled": ROWS - RANGE}
    assert balance_of(house.studio).held == 0


def test_a_process_that_lacks_the_offer_leaves_the_range_to_others(house: House) -> None:
    running = start(house, rows(RANGE))
    mine, _ = shared(house, running)
    config = house.studio.settings
    poor = make_studio(
        config.folder, config.database_url, providers={"dear": InstantProvider("dear")}
    )
    try:
        theirs = join_batch(poor, OWNER, running.spec.id, running.run)
        assert theirs is not None
        for _ in range(MOST_TRIES + 1):
            with pytest.raises(SetupIncomplete, match="sure/painter is not sold here"):
                theirs.take()
    finally:
        poor.close()
    assert mine.take() is not None
