"""As far as it goes: the first rows that credits and budgets carry are bought, the rest is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from billing import ledger
from billing.accounts.budgets import set_budget
from billing.ledger import TopUpRequest
from engine.batch import BatchRun
from engine.batch_again import plan_again, start_again
from engine.batch_files import manifest_rows
from engine.batch_plan import plan_batch
from engine.batch_start import start_batch
from engine.preflight import Caller
from engine.single import hold_key
from engine.studio import Studio
from studio.errors import BudgetReached, NotEnoughCredits
from tests.support.providers import PRICES, InstantProvider, book
from tests.support.studios import OWNER, balance_of, execute, fund, make_studio
from tests.unit.engine.conftest import House
from tests.unit.engine.test_batch_variations import carry_out, read

PRICE = PRICES["painter"]
WRITER = PRICES["writer"]
ROWS = """\
row,operation,prompt,image,seed
fox,generate,a fox,,7
fox-too,generate,a fox,,7
owl,generate,an owl,,8
big,upscale,,@owl,
hen,generate,a hen,,9
"""


def house_with(folder: Path, funds: int) -> House:
    sure = InstantProvider("sure", repeatable=False)
    dear = InstantProvider("dear", repeatable=False)
    prices = book(sure=1, dear=3)
    studio = make_studio(folder, providers={"sure": sure, "dear": dear}, prices=prices)
    fund(studio, funds)
    return House(studio, sure, dear)


def begin(house: House, text: str = ROWS, caller: Caller = Caller()) -> BatchRun:  # noqa: B008 - it never changes
    running = start_batch(house.studio, plan_batch(house.studio, read(house, text)), "run-1")
    running.hold_for(running.quote(), hold_key("run-1", 1), caller, partly=True)
    return running


def statuses(house: House, running: BatchRun) -> dict[str, str]:
    return {row.row: row.status for row in carry_out(house, running)}


def top_up(studio: Studio, amount: int) -> None:
    request = TopUpRequest(OWNER, "more", amount, "tester", "a test")
    studio.commits.submit(ledger.top_up, request).result()


@pytest.mark.parametrize(
    ("funds", "done"),
    [
        (PRICE, ["fox", "fox-too"]),
        (2 * PRICE + 1, ["fox", "fox-too", "owl"]),
        (2 * PRICE + PRICES["enlarger"], ["fox", "fox-too", "owl", "big"]),
    ],
)
def test_the_first_rows_are_done_and_the_rest_after_a_top_up(
    tmp_path: Path, funds: int, done: list[str]
) -> None:
    house = house_with(tmp_path / "home", funds)
    running = begin(house)
    found = statuses(house, running)
    assert [name for name, status in found.items() if status == "done"] == done
    assert set(found.values()) == {"done", "skipped_budget"}
    balance = balance_of(house.studio)
    assert (balance.held, balance.captured) == (0, running.view.spent)
    skipped = next(row for row in manifest_rows(running.view) if row.status == "skipped_budget")
    assert "studio batch resume" in skipped.error
    calls = len(house.sure.calls)
    top_up(house.studio, 100 * PRICE)
    again = plan_again(house.studio, OWNER, running.spec.id, "rest")
    rest = start_again(house.studio, again, "run-2", Caller())
    rest.hold_for(rest.quote(), hold_key("run-2", 1))
    assert set(statuses(house, rest).values()) == {"done"}
    assert len(house.sure.calls) == calls + len(again.only)
    house.studio.close()


def test_without_a_word_or_for_no_row_at_all_it_is_refused(tmp_path: Path) -> None:
    house = house_with(tmp_path / "home", PRICE - 1)
    with pytest.raises(NotEnoughCredits):
        begin(house)
    top = start_batch_again(house)
    top_up(house.studio, 2)
    with pytest.raises(NotEnoughCredits):
        top.hold_for(top.quote(), hold_key("run-2", 1))
    top.abandon()
    assert balance_of(house.studio).held == 0
    house.studio.close()


def start_batch_again(house: House) -> BatchRun:
    house.studio.worker.alive = lambda identifier: False  # type: ignore[method-assign]
    return start_batch(house.studio, plan_batch(house.studio, read(house, ROWS)), "run-2")


def test_a_ceiling_and_a_budget_are_kept_to(house: House) -> None:
    running = begin(house, caller=Caller(most=2 * PRICE))
    assert list(running.unpaid) == ["big", "hen"]
    running.abandon()
    house.studio.database.write(
        lambda connection: set_budget(connection, OWNER, "workspace", "", PRICE, author=OWNER)
    )
    running = start_batch_again(house)
    with pytest.raises(BudgetReached):
        running.hold_for(running.quote(), hold_key("run-2", 1))
    running.hold_for(running.quote(), hold_key("run-2", 1), partly=True)
    assert list(running.unpaid) == ["owl", "big", "hen"]


def test_a_prompt_is_not_held_for_without_its_row(tmp_path: Path) -> None:
    text = "row,operation,prompt,enhance\nfox,generate,a fox,auto\nowl,generate,an owl,auto\n"
    house = house_with(tmp_path / "home", PRICE + 2 * WRITER + 1)
    running = begin(house, text)
    assert running.parts == {"fox.prompt": WRITER, "fox": PRICE}
    assert [order.label for order in running.prompts(running.waves()[0])] == ["fox.prompt"]
    for order in running.prompts(running.waves()[0]):
        running.take(order, execute(house.studio, order))
    assert statuses(house, running) == {"fox": "done", "owl": "skipped_budget"}
    house.studio.close()
