"""4 processes with 8 threads each, started by one barrier, on one wallet."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from billing import ledger
from billing.ledger import Ledger
from studio import clock
from studio.database import Database
from tests.support import races
from tests.support.races import PROCESSES, THREADS, Racers

RUNNERS = PROCESSES * THREADS


@pytest.fixture(scope="module")
def racers() -> Iterator[Racers]:
    with Racers() as racers:
        yield racers


@pytest.fixture
def books(database: Database) -> Ledger:
    """Ada's wallet with US$1.00, 100 credits."""
    books = Ledger(database)
    books.open_wallet("ada")
    books.top_up("ada", 100_000_000, key="grant", author="op", reason="a race")
    return books


def test_nobody_spends_a_micro_credit_too_many(racers: Racers, database: Database) -> None:
    books = Ledger(database)
    books.open_wallet("ada")
    books.top_up("ada", 3_001, key="grant", author="op", reason="a race")
    counted = racers.race(database, races.spend_at_random)
    balance = books.balance("ada")
    books.close()
    # There is enough for many and not for all, or the race would prove nothing.
    assert counted["held"] > RUNNERS
    assert counted["NotEnoughCredits"] > 0
    assert set(counted) <= {"held", "captured", "NotEnoughCredits"}
    assert balance.captured == counted["captured"] <= 3_001
    assert balance.held == 0
    assert balance.available == 3_001 - counted["captured"]
    assert books.audit() == []


def test_thirty_two_half_dollar_calls_under_a_dollar(
    racers: Racers, database: Database, books: Ledger
) -> None:
    """LiteLLM #34732: 32 concurrent $0.50 calls under a $1.00 cap, of which it admits 32."""
    counted = racers.race(database, races.hold_half_a_dollar)
    assert counted == {"admitted": 2, "NotEnoughCredits": RUNNERS - 2}
    assert (books.balance("ada").captured, books.balance("ada").available) == (100_000_000, 0)
    assert books.audit() == []
    books.close()


def test_holds_without_grouping_are_as_safe(racers: Racers, database: Database) -> None:
    books = Ledger(database)
    books.open_wallet("ada")
    books.top_up("ada", 7 * 10 + 6, key="grant", author="op", reason="a race")
    counted = racers.race(database, races.hold_by_itself)
    assert counted == {"Hold": 10, "NotEnoughCredits": RUNNERS - 10}
    assert books.balance("ada").available == 6
    assert books.audit() == []
    books.close()


def test_one_envelope_is_shared_and_never_overdrawn(
    racers: Racers, database: Database, books: Ledger
) -> None:
    hold = books.hold(
        "ada", 200, key="batch", expires_at=clock.now() + timedelta(hours=1), purpose="a batch"
    )
    counted = racers.race(database, races.claim_from_the_envelope)
    after = books.hold_of("ada", hold.id)
    assert after.captured == counted["captured"] <= 200
    assert (after.claimed, after.free) == (0, 200 - counted["captured"])
    assert counted["captured"] // 2 + counted["HoldRefused"] == RUNNERS * 5
    assert counted["HoldRefused"] > 0
    assert books.audit() == []
    books.close()


def test_one_key_makes_one_hold(racers: Racers, database: Database, books: Ledger) -> None:
    """Midaz #2279: a retry holds twice, and one of the two can never be freed."""
    counted = racers.race(database, races.hold_under_the_same_key)
    sevens = RUNNERS * 3 // 4
    assert counted["made"] == 1
    assert (counted["replayed"] + 1, counted["Conflict"]) in {
        (sevens, RUNNERS - sevens),
        (RUNNERS - sevens, sevens),
    }
    assert books.balance("ada").held in (7, 8)
    assert books.audit() == []
    books.close()


def test_a_claim_ends_once(racers: Racers, database: Database, books: Ledger) -> None:
    books.hold("ada", 9, key="run", expires_at=clock.now() + timedelta(hours=1), purpose="a run")
    counted = racers.race(database, races.capture_the_only_claim)
    assert counted["first"] == 1
    assert counted["replayed"] == RUNNERS // 2 - 1
    assert counted["Conflict"] == RUNNERS // 2
    assert books.balance("ada").captured == (5 if counted["captured"] else 0)
    assert books.audit() == []
    books.close()


def test_first_touch_admits_nobody(racers: Racers, database: Database, books: Ledger) -> None:
    """LiteLLM #40095: the first requests of an unknown user pass, since there is no row to lock."""
    counted = racers.race(database, races.first_touch)
    assert counted == {"AccountRefused": RUNNERS}
    assert books.audit() == []
    books.close()


def test_a_wallet_opened_by_everybody_at_once_is_one(
    racers: Racers, database: Database, books: Ledger
) -> None:
    """Lago #2243: duplicate webhooks credited twice; Formance's phantom row."""
    counted = racers.race(database, races.open_and_hold)
    assert counted == {"admitted": 2, "NotEnoughCredits": RUNNERS - 2}
    assert books.balance("newcomer").granted == 20
    assert books.audit() == []
    books.close()


def test_groups_over_many_wallets_do_not_deadlock(
    racers: Racers, postgres_database: Database
) -> None:
    books = Ledger(postgres_database)
    for number in range(6):
        books.open_wallet(f"owner-{number}")
        books.top_up(f"owner-{number}", 100, key="grant", author="op", reason="a race")
    counted = racers.race(postgres_database, races.spend_across_wallets)
    assert counted == {
        "Hold": 6 * 100,
        "NotEnoughCredits": 6 * (RUNNERS * 4 - 100),
        "Wallet": RUNNERS * 4,
    }
    with postgres_database.read() as connection:
        deadlocks = connection.exec_driver_sql(
            "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
        ).scalar_one()
    # Database.write would try again and hide them: the lock order is what must prevent them.
    assert deadlocks == 0
    assert books.audit() == []
    books.close()


def test_reapers_and_releases_end_each_hold_once(
    racers: Racers, database: Database, books: Ledger
) -> None:
    for number in range(100):
        hold = books.hold(
            "ada",
            5,
            key=str(number),
            expires_at=clock.now() + timedelta(hours=1),
            purpose="a run",
        )
        if number % 3 == 0:
            books.claim("ada", hold.id, 2, key=str(number))
    racers.race(database, races.reap)
    assert books.audit() == []
    later = clock.now() + timedelta(days=2)
    database.write(lambda connection: ledger.expire(connection, later, 1000))
    assert books.balance("ada").held == 34 * 2
    assert books.audit() == []
    books.close()
