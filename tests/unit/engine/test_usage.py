"""Usage is the ledger's captures, told by what they were spent on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from billing.ledger import Ledger
from billing.ledger.history import movements
from billing.reports.period import Period
from engine.job_rows import latest_jobs
from engine.preflight import Caller
from engine.reports import report, statement_csv, usage_csv
from engine.single import hold_credits, order_of, plan_one
from engine.studio import Studio
from engine.usage import NONE, OTHER, UsageRow, daily, dimensions, usage
from providers import Request
from studio.errors import ContentBlocked, InvalidRequest, ProviderRejected
from studio.operations import Generate, parse_operation
from tests.support.providers import PRICES, InstantProvider, book
from tests.support.studios import OWNER, execute, fund, make_studio, order_for

PRICE = PRICES["painter"]
EVER = Period("ever", datetime(2020, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC))


@contextmanager
def opened(folder: Path, url: str = "") -> Iterator[Studio]:
    """A studio whose providers charge the operator a quarter of the price."""
    providers = {name: InstantProvider(name, repeatable=False) for name in ("near", "far")}
    prices = book(near=1, far=2)
    lines = [line.model_copy(update={"provider_cost": line.price // 4}) for line in prices.lines]
    prices = prices.model_copy(update={"lines": tuple(lines)})
    made = make_studio(folder, url, providers=providers, prices=prices)
    fund(made, 100 * PRICE)
    yield made
    made.close()


@pytest.fixture
def studio(tmp_path: Path) -> Iterator[Studio]:
    with opened(tmp_path / "home") as made:
        yield made


def buy(studio: Studio, key: str, owner: str = OWNER, **fields: object) -> None:
    operation = parse_operation({"operation": "generate", "prompt": key, **fields})
    execute(studio, order_for(studio, operation, key, owner=owner))


def told(
    studio: Studio, *by: str, owner: str = OWNER
) -> dict[tuple[str, ...], tuple[int, int, int]]:
    with studio.database.read() as connection:
        rows = usage(connection, EVER, by, owner=owner)
    return {row.keys: (row.jobs, row.spent, row.expense) for row in rows}


def make_history(studio: Studio) -> Studio:
    buy(studio, "one", template="instagram_story")
    buy(studio, "two", template="instagram_story", seed=4)
    buy(studio, "three", provider="far")
    buy(studio, "four", model="painter")
    fund(studio, 50 * PRICE, "bob")
    buy(studio, "five", "bob")
    return studio


@pytest.fixture
def history(studio: Studio) -> Studio:
    return make_history(studio)


def test_it_is_told_alike_on_postgres(postgres_url: str, tmp_path: Path) -> None:
    with opened(tmp_path / "home", postgres_url) as studio:
        make_history(studio)
        test_it_is_told_by_each_dimension(studio)
        test_its_sums_are_the_ledgers(studio)
        test_a_report_tells_all_of_it_and_its_statements_agree(studio)


def test_it_is_told_by_each_dimension(history: Studio) -> None:
    assert told(history) == {(): (4, 5 * PRICE, 5 * PRICE // 4)}
    assert told(history, "operation") == {("generate",): (4, 5 * PRICE, 5 * PRICE // 4)}
    assert told(history, "provider") == {
        ("near",): (3, 3 * PRICE, 3 * PRICE // 4),
        ("far",): (1, 2 * PRICE, PRICE // 2),
    }
    assert {key: row[0] for key, row in told(history, "template").items()} == {
        ("instagram_story",): 2,
        (NONE,): 2,
    }
    assert {key: row[0] for key, row in told(history, "wallet", owner="").items()} == {
        (OWNER,): 4,
        ("bob",): 1,
    }
    assert set(told(history, "offer", "provider")) == {
        ("near/painter", "near"),
        ("far/painter", "far"),
    }


def test_its_sums_are_the_ledgers(history: Studio) -> None:
    for by in dimensions():
        assert sum(spent for _, spent, _ in told(history, by, owner="").values()) == 6 * PRICE


def test_what_failed_unbilled_is_not_in_it_and_what_was_billed_is(studio: Studio) -> None:
    near = studio.providers["near"]
    assert isinstance(near, InstantProvider)
    near.script.append(ProviderRejected("no", provider="near"))
    buy(studio, "refused", provider="near")
    assert told(studio, "provider") == {}
    near.script.append(ContentBlocked("no", provider="near", billed=True))
    buy(studio, "blocked", provider="near")
    assert told(studio, "provider") == {("near",): (1, PRICE, PRICE // 4)}


def test_the_providers_own_word_on_its_cost_counts(studio: Studio) -> None:
    near = studio.providers["near"]
    assert isinstance(near, InstantProvider)
    fox = Generate(prompt="a fox", seed=1, provider="near")
    near.script.append(replace(near.delivery(near.offer("painter"), Request(fox)), cost=PRICE // 8))
    execute(studio, order_for(studio, fox, "fox"))
    assert told(studio) == {(): (1, PRICE // 2, PRICE // 8)}


def test_what_was_free_is_counted(studio: Studio) -> None:
    near = studio.providers["near"]
    assert isinstance(near, InstantProvider)
    fox = Generate(prompt="a fox", seed=1, provider="near")
    near.script.append(replace(near.delivery(near.offer("painter"), Request(fox)), cost=0))
    execute(studio, order_for(studio, fox, "fox"))
    assert told(studio, "operation") == {("generate",): (1, 0, 0)}


def test_a_capture_that_was_no_job_is_told_as_other(studio: Studio) -> None:
    ledger = Ledger(studio.database, group=studio.commits)
    until = datetime.now(UTC) + timedelta(hours=1)
    hold = ledger.hold(OWNER, 9, key="h", expires_at=until, purpose="by hand")
    ledger.capture(OWNER, ledger.claim(OWNER, hold.id, 9, key="no job").id, 5)
    assert told(studio, "operation", "provider") == {(OTHER, OTHER): (1, 5, 0)}


def test_days_are_drawn_up_to_today(history: Studio) -> None:
    today = datetime.now(UTC).date()
    start = datetime(today.year, today.month, 1, tzinfo=UTC)
    period = Period("month", start, datetime(today.year + 1, 1, 1, tzinfo=UTC))
    with history.database.read() as connection:
        rows = usage(connection, period, ["day", "operation"], owner=OWNER)
    days, series = daily(rows, period, datetime.now(UTC))
    assert (days[0], days[-1]) == (start.date(), today)
    assert series == {"generate": [0] * (len(days) - 1) + [5 * PRICE]}


@pytest.mark.parametrize("by", [["colour"], ["day", "day"], [""]])
def test_an_unknown_dimension_is_named(by: list[str], studio: Studio) -> None:
    with studio.database.read() as connection, pytest.raises(InvalidRequest) as caught:
        usage(connection, EVER, by)
    assert (caught.value.field, caught.value.given) == ("by", by[-1])


def test_a_report_tells_all_of_it_and_its_statements_agree(history: Studio) -> None:
    with history.database.read() as connection:
        one = report(connection, OWNER, EVER, datetime.now(UTC))
        every = report(connection, "", EVER, datetime.now(UTC))
    assert (one.spent, every.spent) == (5 * PRICE, 6 * PRICE)
    assert [each.statement.owner for each in every.statements] == [OWNER, "bob"]
    assert every.faults == []
    for each in every.statements:
        assert sum(row.spent for row in each.captures) == each.statement.spent
    lines = statement_csv(one.statements[0]).decode().splitlines()
    assert lines[0] == "line,count,available,held,total"
    assert f"generate,4,0,0,-{5 * PRICE // 10**6}" in lines
    assert lines[-1].startswith("closing balance,,380,0,")
    table = usage_csv(["provider"], one.providers).decode().splitlines()
    assert table == [
        "provider,jobs,spent,refunded,cost,margin",
        "near,3,12,0,3,9",
        "far,1,8,0,2,6",
    ]


def test_a_name_in_a_csv_is_no_formula() -> None:
    row = UsageRow(("=1+1",), 1, 0, 0, 0)
    assert usage_csv(["wallet"], [row]).decode().splitlines()[1].startswith("'=1+1,")


def test_it_is_told_by_user_and_project(history: Studio) -> None:
    owl = Generate(prompt="an owl", seed=1)
    planned = plan_one(history, owl, OWNER, "owl")
    caller = Caller(user=OWNER, project="spring")
    held = hold_credits(history, OWNER, "owl/1", PRICE, "a test", caller=caller)
    execute(history, order_of(planned, owner=OWNER, key="owl", hold_id=held.id, run="run"))
    assert {key: row[1] for key, row in told(history, "project", "user", owner="").items()} == {
        (NONE, OWNER): 5 * PRICE,
        (NONE, "bob"): PRICE,
        ("spring", OWNER): PRICE,
    }


def test_a_capture_counts_from_its_microsecond_and_not_to_it(studio: Studio) -> None:
    buy(studio, "one")
    with studio.database.read() as connection:
        at = next(each.at for each in movements(connection, OWNER, 9) if each.kind == "capture")
        step = timedelta(microseconds=1)
        before, within = Period("b", at - step, at), Period("w", at, at + step)
        assert usage(connection, before, ["provider"]) == []
        assert [row.spent for row in usage(connection, within, ["provider"])] == [PRICE]


def test_refunds_are_told_beside_what_was_spent(history: Studio) -> None:
    ledger = Ledger(history.database, group=history.commits)
    with history.database.read() as connection:
        job = latest_jobs(connection, OWNER, ["three"])["three"]
    ledger.refund(OWNER, job.claim, PRICE // 2, key="r", author="ann", reason="it was blurred")
    with history.database.read() as connection:
        rows = usage(connection, EVER, ["provider"], owner=OWNER)
        made = report(connection, OWNER, EVER, datetime.now(UTC)).statements[0].statement
    far = next(row for row in rows if row.keys == ("far",))
    assert (far.jobs, far.spent, far.refunded) == (1, 2 * PRICE, PRICE // 2)
    assert far.margin == 2 * PRICE - PRICE // 2 - PRICE // 2
    assert sum(row.refunded for row in rows) == PRICE // 2
    assert {line.kind: line.available for line in made.lines}["refund"] == PRICE // 2
    assert made.agrees
