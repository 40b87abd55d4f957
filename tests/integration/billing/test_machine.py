"""Any sequence of groups of requests, against the oracle.

``STUDIO_LEDGER_EXAMPLES`` sets how many sequences are tried per database: 20 by default (some
20 seconds), thousands in the nightly run.
"""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Callable
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import Connection, func, select

from billing import ledger
from billing.ledger import (
    AdjustRequest,
    Balance,
    CaptureRequest,
    ClaimRequest,
    ExtendRequest,
    GiveBackRequest,
    HoldRequest,
    RefundRequest,
    ReleaseRequest,
    Request,
    StateRequest,
    TopUpKind,
    TopUpRequest,
    WalletRequest,
)
from billing.tables import allocations, withdrawals
from studio.database import Database, metadata
from studio.errors import StudioUnavailable
from tests.support.books import StandingClock
from tests.support.faults import cancel, drop, fail, struck
from tests.support.oracle import ModelClaim, ModelGrant, ModelHold, Oracle, tell

EXAMPLES = int(os.environ.get("STUDIO_LEDGER_EXAMPLES", "20"))
STEPS = 30

OWNERS = st.sampled_from(["ada"] * 6 + ["bob"] * 3 + ["nobody"])
KEYS = st.integers(0, 7).map("key-{}".format)
AMOUNTS = st.sampled_from([0, 1, 2, 3, 5, 8, 13, 40])
MINUTES = st.sampled_from([30, 30, 30, 30, 30, 5, 5, 1, 0, -1]).map(
    lambda minutes: timedelta(minutes=minutes)
)
LASTS = st.sampled_from([None] * 4 + [30, 30, 5, 5, 1, -1]).map(
    lambda minutes: None if minutes is None else timedelta(minutes=minutes)
)
PICKS = st.integers(0, 30)
RARELY = st.integers(0, 7).map(lambda number: number in (3, 5))

Crash = tuple[int, str]
"""At which point of a transaction, if it has so many, and how it ends there."""

CRASHES = st.tuples(st.integers(1, 40), st.sampled_from(["fails", "is cancelled", "is cut off"]))

KINDS = (
    *("open", "state", "top_up", "top_up", "adjust", "refund", "give_back", "release", "extend"),
    *["claim", "claim", "capture", "hold"] * 3,
)

Plan = Callable[["LedgerMachine"], Request[Any]]
"""A request yet to be made: which hold or claim it names depends on what there is by then."""


@st.composite
def plans(draw: st.DrawFn, kinds: tuple[str, ...] = KINDS) -> Plan:
    """Draw a request of any kind; holds, claims and captures come more often than the rest."""
    kind = draw(st.sampled_from(kinds))
    owner, key, amount = draw(OWNERS), draw(KEYS), draw(AMOUNTS)
    pick, stranger, lasts = draw(PICKS), draw(RARELY), draw(MINUTES)
    word, suspended = draw(st.sampled_from(["run"] * 5 + ["batch"])), draw(RARELY)
    grant_lasts, periodic, takes = draw(LASTS), draw(RARELY), draw(st.booleans())

    def make(machine: LedgerMachine) -> Request[Any]:
        whose_hold, hold_id = machine.hold(pick, stranger=stranger)
        whose_claim, claim_id = machine.claim(pick, stranger=stranger)
        until = machine.clock() + lasts
        ends = None if grant_lasts is None else machine.clock() + grant_lasts
        way: TopUpKind = "period" if periodic else "top_up"
        possible: dict[str, Callable[[], Request[Any]]] = {
            "open": lambda: WalletRequest("ada" if owner == "nobody" else owner),
            "state": lambda: StateRequest(owner, "suspended" if suspended else "active"),
            "top_up": lambda: TopUpRequest(owner, key, amount + 1, "op", word, ends, way),
            "adjust": lambda: (
                AdjustRequest(owner, key, -amount - 1, "op", word)
                if takes
                else AdjustRequest(owner, key, amount + 1, "op", word, ends)
            ),
            "refund": lambda: RefundRequest(
                whose_claim, claim_id, key, amount // 2 + 1, "op", word
            ),
            "hold": lambda: HoldRequest(owner, key, 2 * amount, until, word),
            "claim": lambda: ClaimRequest(whose_hold, hold_id, key, amount),
            "capture": lambda: CaptureRequest(whose_claim, claim_id, amount),
            "give_back": lambda: GiveBackRequest(whose_claim, claim_id),
            "release": lambda: ReleaseRequest(whose_hold, hold_id),
            "extend": lambda: ExtendRequest(whose_hold, hold_id, until),
        }
        return possible[kind]()

    return make


class LedgerMachine(RuleBasedStateMachine):
    """Two owners, some keys that come again and again, and a clock."""

    clock: StandingClock
    new_database: Callable[[], Database]

    def __init__(self) -> None:
        super().__init__()
        type(self).clock.moment = StandingClock().moment
        self.database = type(self).new_database()
        self.oracle = Oracle()
        self.last: list[Request[Any]] = []

    def teardown(self) -> None:
        self.database.close()

    def hold(self, pick: int, *, stranger: bool) -> tuple[str, str]:
        """Return owner and id of a hold that is there, or of none."""
        holds = [(hold.owner, hold.id) for hold in self.oracle.holds]
        return _picked(holds, pick, stranger=stranger)

    def claim(self, pick: int, *, stranger: bool) -> tuple[str, str]:
        """Return owner and id of a claim that is there, or of none."""
        claims = [(claim.hold.owner, claim.id) for claim in self.oracle.claims]
        return _picked(claims, pick, stranger=stranger)

    @initialize()
    def two_wallets_with_something_under_way(self) -> None:
        self.send([WalletRequest("ada"), WalletRequest("bob")])
        until = self.clock() + timedelta(minutes=30)
        self.send([TopUpRequest(owner, "first", 50, "op", "gift") for owner in ("ada", "bob")])
        self.send(
            [TopUpRequest(owner, "month", 15, "op", "plan", until) for owner in ("ada", "bob")]
        )
        self.send([HoldRequest(owner, "first", 20, until, "run") for owner in ("ada", "bob")])
        self.send([ClaimRequest(hold.owner, hold.id, "first", 5) for hold in self.oracle.holds])
        self.send([CaptureRequest("ada", self.oracle.claims[0].id, 4)])

    @rule(chosen=st.lists(plans(), min_size=1, max_size=8))
    def group(self, chosen: list[Plan]) -> None:
        self.send([plan(self) for plan in chosen])

    @rule(
        chosen=st.sampled_from(["hold", "claim", "capture", "extend"]).flatmap(
            lambda kind: st.lists(plans((kind,)), min_size=3, max_size=8)
        )
    )
    def a_group_of_one_kind(self, chosen: list[Plan]) -> None:
        self.send([plan(self) for plan in chosen])

    @rule(pick=PICKS, spent=st.lists(AMOUNTS | st.none(), min_size=1, max_size=4))
    def a_hold_ends_before_its_claims(self, pick: int, spent: list[int | None]) -> None:
        if not self.oracle.holds:
            return
        hold = self.oracle.holds[-1 - pick % len(self.oracle.holds)]
        self.send([ReleaseRequest(hold.owner, hold.id)])
        active = [claim for claim in hold.claims if claim.state == "active"]
        for amount, claim in zip(spent, active, strict=False):
            if amount is None:
                self.send([GiveBackRequest(hold.owner, claim.id)])
            else:
                self.send([CaptureRequest(hold.owner, claim.id, min(amount, claim.amount))])

    @rule(pick=PICKS, key=KEYS, amount=st.integers(1, 5))
    def what_was_captured_is_refunded(self, pick: int, key: str, amount: int) -> None:
        captured = [claim for claim in self.oracle.claims if claim.captured]
        claim = captured[-1 - pick % len(captured)]
        self.send([RefundRequest(claim.hold.owner, claim.id, key, amount, "op", "sorry")])

    @rule(plan=plans(), times=st.integers(2, 4))
    def the_same_several_times_in_a_group(self, plan: Plan, times: int) -> None:
        self.send([plan(self)] * times)

    @rule()
    def the_last_group_again(self) -> None:
        self.send(self.last)

    @rule(plan=plans())
    def one_by_one_in_a_transaction_each(self, plan: Plan) -> None:
        request = plan(self)
        self.send([request])
        self.send([request])

    @rule(step=st.sampled_from([1, 59, 60, 60, 300, 1800]))
    def time_passes(self, step: int) -> None:
        self.clock.advance(timedelta(seconds=step))

    @rule(limit=st.sampled_from([1, 3, 500]))
    def the_reaper_comes(self, limit: int) -> None:
        now = self.clock()
        ended = self.database.write(lambda connection: ledger.expire(connection, now, limit))
        expected = self.oracle.expire(now, len(ended))
        # Of two that expired at the same moment either may be first.
        assert sorted(hold.expires_at for hold in ended) == [each.expires_at for each in expected]
        by_id = {hold.id: hold for hold in self.oracle.holds}
        for each in expected:
            each.ended = False
        for hold in ended:
            by_id[hold.id].ended = True
        assert [tell(hold) for hold in ended] == [by_id[hold.id].tell() for hold in ended]
        if len(ended) < limit:
            assert self.oracle.expire(now, 1) == []

    @rule(limit=st.sampled_from([1, 500]))
    def the_reaper_comes_for_grants(self, limit: int) -> None:
        now = self.clock()
        before = self.balances()
        lapsed = self.database.write(lambda connection: ledger.lapse(connection, now, limit))
        by_id = {
            grant.id: grant
            for wallet in self.oracle.wallets.values()
            for grant in wallet.grants.values()
        }
        assert all(grant.expired and by_id[grant.id].over(now) for grant in lapsed)
        # Whether the books have caught up shows nowhere.
        assert self.balances() == before
        if len(lapsed) < limit:
            assert self.database.write(lambda connection: ledger.lapse(connection, now, 1)) == []

    @rule(
        chosen=st.lists(plans(), min_size=1, max_size=6),
        crash=CRASHES,
        comes_back=st.booleans(),
        minutes=st.sampled_from([0, 0, 1, 30]),
    )
    def a_crash_cuts_a_group_off(
        self, chosen: list[Plan], crash: Crash, minutes: int, *, comes_back: bool
    ) -> None:
        requests = [plan(self) for plan in chosen]
        done = self.crash(crash, lambda connection: ledger.apply(connection, requests))
        if done:
            # Nobody has heard the answer. Which ids were given is told with the next one.
            self.oracle.group(requests, self.clock())
        else:
            self.every_balance_is_what_the_oracle_adds_up()
            self.the_books_are_in_order()
        if done or comes_back:
            self.clock.advance(timedelta(minutes=minutes))
            self.send(requests)

    @rule(crash=CRASHES)
    def a_crash_cuts_the_reapers_off(self, crash: Crash) -> None:
        now = self.clock()
        if self.crash(
            crash,
            lambda connection: (ledger.expire(connection, now), ledger.lapse(connection, now)),
        ):
            self.oracle.expire(now, len(self.oracle.holds))

    def crash(self, crash: Crash, work: Callable[[Connection], object]) -> bool:
        """Run ``work`` until it comes by a point, if it does; return whether it was committed."""
        at, way = crash
        strike = {"fails": fail, "is cancelled": cancel, "is cut off": drop}[way]
        if self.database.is_sqlite and way == "is cut off":
            strike = cancel  # the connection is closed for it, and the transaction with it
        with struck(self.database.engine, at, strike) as passed:
            try:
                self.database.write(work)
            except (StudioUnavailable, asyncio.CancelledError):
                # A transaction that had read all it wanted finds out when it is to be committed.
                late = ["before COMMIT"] if way == "is cut off" else []
                assert passed[at:] in ([], late)
            else:
                assert len(passed) < at
        return "after COMMIT" in passed

    def balances(self) -> list[Balance]:
        with self.database.read() as connection:
            return [ledger.balance(connection, owner) for owner in self.oracle.wallets]

    def send(self, requests: list[Request[Any]]) -> None:
        self.last = requests
        expected = self.oracle.group(requests, self.clock())
        answers = self.database.write(lambda connection: ledger.apply(connection, requests))
        for request, answer, (told, thing) in zip(requests, answers, expected, strict=True):
            assert tell(answer) == told, f"to {request}"
            if isinstance(thing, ModelHold | ModelClaim):
                assert thing.id in ("", answer.id), "a second row under the same key"
                thing.id = answer.id
            if isinstance(thing, ModelGrant):
                assert thing.id in ("", answer.grant_id), "a second grant under the same key"
                thing.id = answer.grant_id

    @invariant()
    def every_balance_is_what_the_oracle_adds_up(self) -> None:
        with self.database.read() as connection:
            for wallet in self.oracle.wallets.values():
                balance = ledger.balance(connection, wallet.owner)
                assert balance == Balance(
                    wallet.granted,
                    wallet.captured,
                    wallet.held,
                    wallet.available(self.clock()),
                    wallet.expired(self.clock()),
                )
            for owner in self.oracle.wallets:
                listed = {hold.id: tell(hold) for hold in ledger.holds_of(connection, owner)}
                assert listed == {
                    hold.id: hold.tell()
                    for hold in self.oracle.holds
                    if hold.owner == owner and hold.state != "closed"
                }

    @invariant()
    def every_credit_came_out_of_the_grant_whose_turn_it_was(self) -> None:
        paid: dict[str, list[str]] = {}
        with self.database.read() as connection:
            for row in connection.execute(select(allocations).order_by(allocations.c.position)):
                paid.setdefault(row.hold_id, []).extend([row.grant_id] * row.amount)
            gone = connection.execute(
                select(withdrawals.c.grant_id, func.sum(withdrawals.c.amount)).group_by(
                    withdrawals.c.grant_id
                )
            ).all()
        taken = {
            grant.id: wallet.withdrawn(grant)
            for wallet in self.oracle.wallets.values()
            for grant in wallet.grants.values()
        }
        assert {row[0]: row[1] for row in gone} == {
            key: sum_ for key, sum_ in taken.items() if sum_
        }
        kept = {hold.id: [coin.id for coin in hold.kept] for hold in self.oracle.holds}
        assert {hold: coins for hold, coins in paid.items() if coins} == {
            hold: coins for hold, coins in kept.items() if coins
        }

    @invariant()
    def the_books_are_in_order(self) -> None:
        with self.database.read() as connection:
            assert ledger.audit(connection) == []


def _picked(things: list[tuple[str, str]], pick: int, *, stranger: bool) -> tuple[str, str]:
    if not things:
        return "ada", "none"
    # Counted from the newest: what is old has mostly ended.
    owner, identity = things[-1 - pick % len(things)]
    return ("bob" if owner == "ada" else "ada") if stranger else owner, identity


def run(examples: int, clock: StandingClock, new_database: Callable[[], Database]) -> None:
    machine = type(
        "Machine",
        (LedgerMachine,),
        {"clock": clock, "new_database": staticmethod(new_database)},
    )
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=STEPS,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            print_blob=True,
        ),
    )


@pytest.mark.timeout(0)
def test_sqlite_answers_as_the_oracle(clock: StandingClock, tmp_path: Path) -> None:
    # A file: what is in memory is gone with the connection, and a crash takes that along.
    made = Database(f"sqlite:///{tmp_path / 'made.db'}")
    metadata.create_all(made.engine)
    made.close()
    numbers = count(1)

    def new_database() -> Database:
        file = tmp_path / f"{next(numbers)}.db"
        shutil.copyfile(tmp_path / "made.db", file)
        return Database(f"sqlite:///{file}", durable=False)

    run(EXAMPLES, clock, new_database)


@pytest.mark.timeout(0)
def test_postgres_answers_as_the_oracle(clock: StandingClock, postgres_url: str) -> None:
    def new_database() -> Database:
        database = Database(postgres_url, durable=False, pool_size=1)
        metadata.drop_all(database.engine)
        metadata.create_all(database.engine)
        return database

    run(max(1, EXAMPLES // 6), clock, new_database)
