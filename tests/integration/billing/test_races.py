"""4 processes with 8 threads each, started by one barrier, on one wallet."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest

from billing import ledger
from billing.ledger import Ledger
from studio import clock
from studio.database import Database
from studio.errors import InvalidRequest
from tests.support import races, races_of_grants
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


def deadlocks(database: Database) -> int:
    """How many Postgres had to break. ``Database.write`` tries again and hides them: the lock
    order is what must prevent them.
    """
    with database.read() as connection:
        found: int = connection.exec_driver_sql(
            "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"
        ).scalar_one()
    return found


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
    assert deadlocks(postgres_database) == 0
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


def test_grants_end_while_they_are_spent(racers: Racers, database: Database) -> None:
    books = Ledger(database)
    books.open_wallet("ada")
    tomorrow = clock.now() + timedelta(days=1)
    for number in range(80):
        books.top_up("ada", 10, key=str(number), author="op", reason="a race", expires_at=tomorrow)
    books.top_up("ada", 50, key="for good", author="op", reason="a race")
    counted = racers.race(database, races_of_grants.spend_what_ends)
    # Whoever ends holds has their wallet's grants end too, and may leave nothing to who does only
    # that.
    assert books.balance("ada").expired > 0
    assert counted["held"] > 0
    assert books.audit() == []
    later = clock.now() + timedelta(days=2)
    database.write(lambda connection: ledger.expire(connection, later, 1000))
    database.write(lambda connection: ledger.lapse(connection, later, 1000))
    balance = books.balance("ada")
    assert (balance.granted, balance.held) == (850, 0)
    assert balance.captured == counted["captured"]
    # All that was not spent of what ends tomorrow is over; what lasts was spent last.
    assert balance.available == min(50, 850 - balance.captured - balance.expired)
    assert balance.captured + balance.expired >= 800
    assert books.audit() == []
    books.close()


def test_what_is_taken_back_is_not_spent_as_well(racers: Racers, database: Database) -> None:
    books = Ledger(database)
    books.open_wallet("ada")
    books.top_up("ada", 7 * 50 + 6, key="grant", author="op", reason="a race")
    counted = racers.race(database, races_of_grants.spend_or_take_back)
    assert counted["taken"] + counted["bought"] == 50
    assert counted["NotEnoughCredits"] == RUNNERS * 5 - 50
    balance = books.balance("ada")
    assert balance.granted == 7 * 50 + 6 - 7 * counted["taken"]
    assert (balance.captured, balance.available) == (7 * counted["bought"], 6)
    assert books.audit() == []
    books.close()


def test_one_key_makes_one_correction(racers: Racers, database: Database, books: Ledger) -> None:
    counted = racers.race(database, races_of_grants.correct_under_the_same_key)
    made = 5 if counted["made 5"] else -5
    same = RUNNERS // 4 if made == 5 else RUNNERS * 3 // 4
    assert counted == {f"made {made}": 1, "replayed": same - 1, "Conflict": RUNNERS - same}
    assert books.balance("ada").granted == 100_000_000 + made
    assert books.audit() == []
    books.close()


def test_never_more_is_refunded_than_was_captured(racers: Racers, database: Database) -> None:
    books = Ledger(database)
    books.open_wallet("ada")
    books.top_up("ada", 20, key="grant", author="op", reason="a race")
    until = clock.now() + timedelta(hours=1)
    hold = books.hold("ada", 20, key="run", expires_at=until, purpose="a run")
    counted = racers.race(database, races_of_grants.refund_while_it_is_captured)
    balance = books.balance("ada")
    assert counted["refunded"] <= 6
    assert balance.granted == 20 + 3 * counted["refunded"]
    assert (balance.captured, balance.held) == (20, 2 * counted["held"])
    assert balance.available == 3 * counted["refunded"] - 2 * counted["held"]
    for number in range(counted["refunded"], 6):
        books.refund("ada", job(database), 3, key=f"{number}", author="op", reason="a race")
    with pytest.raises(InvalidRequest):
        books.refund("ada", job(database), 3, key="more", author="op", reason="a race")
    books.release("ada", hold.id)
    assert books.audit() == []
    books.close()


def job(database: Database) -> str:
    """Return the id of Ada's claim."""
    with database.read() as connection:
        claim = ledger.claim_with_key(connection, "ada", "the job")
    assert claim is not None
    return claim.id


def test_one_key_makes_one_refund(racers: Racers, database: Database, books: Ledger) -> None:
    until = clock.now() + timedelta(hours=1)
    hold = books.hold("ada", 20, key="run", expires_at=until, purpose="a run")
    claim = books.claim("ada", hold.id, 20, key="the job")
    books.capture("ada", claim.id, 20)
    counted = racers.race(database, races_of_grants.refund_under_the_same_key)
    assert counted == {"made": 1, "replayed": RUNNERS - 1}
    assert books.balance("ada").granted == 100_000_000 + 11
    assert books.audit() == []
    books.close()


def test_corrections_over_many_wallets_do_not_deadlock(
    racers: Racers, postgres_database: Database
) -> None:
    books = Ledger(postgres_database)
    soon = clock.now() + timedelta(hours=1)
    for number in range(6):
        owner = f"owner-{number}"
        books.open_wallet(owner)
        books.top_up(owner, 100, key="grant", author="op", reason="a race", expires_at=soon)
        hold = books.hold(owner, 50, key="run", expires_at=soon, purpose="a run")
        claim = books.claim(owner, hold.id, 50, key="job")
        books.capture(owner, claim.id, 50)
    counted = racers.race(postgres_database, races_of_grants.correct_across_wallets)
    # 24 of the 32 send 4 groups over the 6 wallets each; 50 micro-credits of each are refunded.
    assert sum(counted.values()) == RUNNERS * 3 // 4 * 4 * 6 * 3
    assert counted["InvalidRequest"] == RUNNERS * 3 // 4 * 4 * 6 - 6 * 50
    assert deadlocks(postgres_database) == 0
    assert books.audit() == []
    books.close()
