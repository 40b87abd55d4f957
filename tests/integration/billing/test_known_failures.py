"""How others lost money: one test for each row of PEERS.md 2.1 and 2.2 that concerns the ledger.

``docs/known-failures.md`` lists them all, also those whose tests are elsewhere: LiteLLM #34732 (32
at once), #40095 (first touch) and Lago #2243 are in ``test_races``: they need many processes.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from billing import ledger, pricebook
from billing.ledger import Balance, CaptureRequest, HoldRequest, Ledger
from billing.quotes import Charge, quote
from studio import credits as money
from studio.database import Database
from studio.errors import Conflict, HoldRefused, InvalidRequest, NotEnoughCredits, PriceUnknown
from studio.settings import Settings
from tests.support.books import HOUR, Books, StandingClock

_ROOT = Path(__file__).parents[3]
NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def test_litellm_26672_23714_11083_9658_spending_stops_at_the_budget(
    database: Database, clock: StandingClock
) -> None:
    """Spend was recorded after the call, so a user over budget kept going."""
    desk = Ledger(database)
    desk.open_wallet("ada")
    desk.top_up("ada", 100, key="grant", author="op", reason="a test")

    def call(number: int) -> bool:
        try:
            hold = desk.hold("ada", 9, key=str(number), expires_at=clock() + HOUR, purpose="x")
        except NotEnoughCredits:
            return False
        claim = desk.claim("ada", hold.id, 9, key=str(number))
        desk.capture("ada", claim.id, 9)
        return True

    with ThreadPoolExecutor(20) as threads:
        assert sum(threads.map(call, range(40))) == 11
    assert desk.balance("ada") == Balance(granted=100, captured=99, held=0, available=1)
    desk.close()


def test_litellm_35524_nothing_is_held_for_what_has_no_price(books: Books) -> None:
    """Requests whose cost could not be estimated went through without a reservation."""
    book = pricebook.current(date(2026, 11, 22))

    def pre_flight() -> None:
        made = quote([Charge("row", "local/unheard-of", "picture", 1)], book, NOW)
        books.hold(made.total)

    with pytest.raises(PriceUnknown):
        pre_flight()
    assert books.balance().held == 0


_DIES = """
import os, signal, sys
from datetime import timedelta
from billing.ledger import Ledger
from studio import clock
from studio.database import Database

desk = Ledger(Database(sys.argv[1]))
hold = desk.hold("ada", 50, key="run", expires_at=clock.now() + timedelta(seconds=3), purpose="x")
desk.claim("ada", hold.id, 20, key="job")
print(hold.id, flush=True)
signal.pause()
"""


def test_litellm_27639_30519_30522_39851_a_killed_run_gives_back_in_time(
    database: Database,
) -> None:
    """Reservations leaked when a request was cancelled or its process died."""
    desk = Ledger(database)
    desk.open_wallet("ada")
    desk.top_up("ada", 100, key="grant", author="op", reason="a test")
    url = database.url.render_as_string(hide_password=False)
    with subprocess.Popen(
        [sys.executable, "-c", _DIES, url], stdout=subprocess.PIPE, text=True, cwd=_ROOT
    ) as run:
        assert run.stdout is not None
        hold_id = run.stdout.readline().strip()
        os.kill(run.pid, signal.SIGKILL)
    assert desk.balance("ada").held == 50
    expiry = desk.hold_of("ada", hold_id).expires_at
    time.sleep(max(0.0, (expiry - datetime.now(UTC)).total_seconds()))
    (ended,) = desk.expire()
    # The claim may have been spent: only a person or the provider can tell. The rest is back.
    assert (ended.id, ended.state, ended.claimed) == (hold_id, "closing", 20)
    assert desk.balance("ada").held == 20
    with database.read() as connection:
        claim_id = connection.execute(text("SELECT id FROM claims")).scalar_one()
    desk.give_back("ada", claim_id)
    assert desk.balance("ada").held == 0
    assert desk.audit() == []
    desk.close()


def test_litellm_35569_a_settlement_that_fails_half_way_counts_once(books: Books) -> None:
    """A failed reconciliation and a failed invalidation counted the same spending twice."""
    claim = books.claim(books.hold(30), 20)

    def settle_and_fail(connection: Connection) -> None:
        ledger.capture(connection, [CaptureRequest("ada", claim.id, 15)])
        raise ConnectionError("the network went away before the commit")

    for _ in range(3):
        with pytest.raises(ConnectionError):
            books.database.write(settle_and_fail)
    for _ in range(3):
        books.capture(claim, 15)
    assert books.balance().captured == 15


def test_litellm_36926_40050_the_balance_is_what_the_books_say(books: Books) -> None:
    """A counter said 111 while the ledger said 55."""
    claim = books.claim(books.hold(100), 100)
    books.capture(claim, 55)
    assert books.audit() == []
    with books.database.engine.connect() as connection:
        connection.execute(text("UPDATE wallets SET granted = 200, captured = 111"))
        found = {(each.field, each.recorded, each.derived) for each in ledger.audit(connection)}
        connection.rollback()
    assert found == {("granted", 200, 100), ("captured", 111, 55)}


def test_litellm_38647_what_is_held_is_shown_apart_from_what_is_spent(books: Books) -> None:
    """Worst-case estimates looked like spending, and everything was refused."""
    claim = books.claim(books.hold(90), 90)
    with pytest.raises(NotEnoughCredits) as refusal:
        books.hold(20)
    assert refusal.value.details == {"needed": 20, "available": 10, "held": 90}
    books.capture(claim, 30)
    assert books.balance() == Balance(granted=100, captured=30, held=60, available=10)


def test_litellm_27509_one_request_cannot_reserve_everything(books: Books) -> None:
    """A request without a limit reserved all the headroom there was."""
    book = pricebook.current(date(2026, 11, 22))
    books.top_up(1_000_000)
    made = quote([Charge("row", "local/illustrator", "picture", 1)], book, NOW)
    books.hold(made.total)
    assert books.balance().available == 1_000_100 - 200_000
    for unbounded in (money.MOST + 1, float("inf"), None):
        with pytest.raises(InvalidRequest):
            books.hold(unbounded)  # type: ignore[arg-type]
    with pytest.raises(InvalidRequest):
        books.hold(1, lasts=timedelta(days=36_500))


def test_os_clovy_751_retries_strand_no_further_holds(books: Books) -> None:
    """Stranded holds filled the cap, and each retry stranded one more."""
    for _ in range(20):
        books.hold(60, key="the run")
        books.clock.advance(timedelta(minutes=1))
    assert books.balance().held == 60
    books.clock.advance(HOUR)
    assert len(books.expire()) == 1
    assert books.balance().available == 100


def test_midaz_2279_every_held_credit_belongs_to_a_hold_that_can_be_freed(books: Books) -> None:
    """A retry held twice while one row owned it; the reaper could never free the rest."""
    for key in ("a", "a", "b", "b", "a"):
        books.hold(10, key=key)
    with books.database.read() as connection:
        owned = sum(hold.amount for hold in ledger.holds_of(connection, "ada"))
    assert books.balance().held == owned == 20
    books.clock.advance(HOUR)
    books.expire()
    assert books.balance().held == 0


def test_lanternops_5555_no_cent_is_lost_to_floats(books: Books) -> None:
    """Amounts in float4 lost cents. Ten million times a third of a dollar and nothing is off."""
    books.top_up(money.MOST - 100)
    third = 33_333_333
    hold = books.hold(money.MOST - 1)
    for _ in range(3):
        books.capture(books.claim(hold, third), third)
    ended = books.release(hold)
    assert ended.captured == 3 * third == 99_999_999
    assert books.balance().available == money.MOST - 99_999_999


def test_sexyvoice_503_a_failed_run_never_looks_charged(books: Books) -> None:
    """Failed generations looked charged while they were held: one `frozen` counter for both."""
    hold = books.hold(40)
    claim = books.claim(hold, 40)
    assert (books.balance().captured, books.balance().held) == (0, 40)
    books.give_back(claim)
    books.release(hold)
    assert books.balance() == Balance(granted=100, captured=0, held=0, available=100)


def test_openstory_1326_a_batch_that_outgrows_its_hold_stops(books: Books) -> None:
    """Generation went on unbilled after the credits ran out in mid-batch."""
    hold = books.hold(10)
    bought: list[str] = []

    def batch() -> None:
        for row in range(20):
            books.capture(books.claim(hold, 3, key=str(row)), 3)
            bought.append(str(row))

    with pytest.raises(HoldRefused) as refusal:
        batch()
    assert refusal.value.details["reason"] == "too_small"
    assert bought == ["0", "1", "2"]
    assert (books.see(hold).captured, books.see(hold).free) == (9, 1)


def test_lago_5870_a_top_up_that_is_told_twice_is_one(books: Books) -> None:
    """Events had idempotency keys, top-ups of wallets had none: a retry paid in twice."""
    first = books.top_up(50, key="invoice-17")
    again = books.top_up(50, key="invoice-17")
    assert (again.transaction_id, again.replayed) == (first.transaction_id, True)
    with pytest.raises(Conflict):
        books.top_up(51, key="invoice-17")
    assert books.balance().granted == 150


def test_lago_3618_2664_nothing_is_settled_twice(books: Books) -> None:
    """A settlement that was retried while it was under way was settled twice."""
    hold = books.hold(40)
    claim = books.claim(hold, 30)
    ends = [CaptureRequest("ada", claim.id, 20)] * 3
    answers = books.run(ledger.capture, *ends)
    assert [each.replayed for each in answers] == [False, True, True]
    books.capture(claim, 20)
    for other in (19, 21):
        with pytest.raises(Conflict):
            books.capture(claim, other)
    assert books.balance() == Balance(granted=100, captured=20, held=20, available=60)


def test_litellm_29493_no_setting_turns_the_gate_off() -> None:
    """The release that fixed the reservations came with a switch that turns them off."""
    switches = [name for name, each in Settings.model_fields.items() if each.annotation is bool]
    for name in switches:
        assert not set(name.split("_")) & {
            "gate",
            "billing",
            "enforce",
            "hold",
            "holds",
            "preflight",
        }, name


def test_polar_librechat_no_balance_goes_below_nothing(books: Books) -> None:
    """Overspending by design, or by requests that all passed the same check."""
    until = books.clock() + HOUR
    asked = [HoldRequest("ada", str(each), 30, until, "x") for each in range(5)]
    answers = books.run(ledger.hold, *asked)
    assert [isinstance(each, NotEnoughCredits) for each in answers] == [False] * 3 + [True] * 2
    assert books.balance().available == 10


def test_tigerbeetle_a_hold_that_timed_out_is_not_posted_and_its_purchase_is(books: Books) -> None:
    """Pending transfers that expired while they were being posted: safety faults found by Jepsen.

    Here the expiry shuts the gate at once, and what was claimed before is settled to the end.
    """
    hold = books.hold(50)
    claim = books.claim(hold, 20)
    books.clock.advance(HOUR)
    with pytest.raises(HoldRefused):
        books.claim(hold, 1)
    books.expire()
    books.capture(claim, 20)
    assert books.expire() == []
    assert books.balance() == Balance(granted=100, captured=20, held=0, available=80)


_PAGE = _ROOT / "docs" / "known-failures.md"


def test_the_page_names_each_of_these_tests_and_no_test_that_is_not_there() -> None:
    page = _PAGE.read_text()
    named = set(re.findall(r"`((?:tests/)?[\w/]+\.py)::(test_\w+)`", page))
    assert len(named) > 30
    for file, test in named:
        source = (_ROOT / file).read_text()
        assert f"def {test}(" in source, f"{file}::{test}"
    here = Path(__file__)
    ours = set(re.findall(r"^def (test_\w+)\(", here.read_text(), re.MULTILINE))
    own = {test for file, test in named if file == here.relative_to(_ROOT).as_posix()}
    assert ours - own == {"test_the_page_names_each_of_these_tests_and_no_test_that_is_not_there"}
