"""Who gets the next slot: owners alike, priorities within an owner, single pictures first."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence

from providers.pacing import Caller, Priority
from providers.pacing.shares import Party, share_out, take_turn


class Account:
    """An account whose callers come again as soon as they were served, some at a time."""

    def __init__(self, slots: int, callers: Sequence[tuple[str, Priority]], width: int) -> None:
        self.slots = slots
        self.parties: dict[tuple[str, str], Party] = {}
        self.turns: dict[tuple[str, str], list[int]] = {caller: [] for caller in callers}
        self.at_work: list[tuple[tuple[str, str], int]] = []
        self.served: Counter[tuple[str, str]] = Counter()
        self.chance = random.Random(7)
        for caller in callers:
            for _ in range(width):
                self.come(*caller)

    def come(self, owner: str, priority: Priority) -> None:
        clock = max((turn for _, turn in self.at_work), default=0)
        turn = take_turn(self.parties, Caller(owner, priority), clock)
        self.turns[owner, priority].append(turn)

    def give_out(self) -> None:
        for key, party in self.parties.items():
            party.held = sum(who == key for who, _ in self.at_work)
            party.waiting = len(self.turns[key])
            party.first = min(self.turns[key], default=0)
        free = self.slots - len(self.at_work)
        for party, number in share_out(list(self.parties.values()), free, self.slots):
            key = (party.owner, party.priority)
            for _ in range(number):
                self.at_work.append((key, self.turns[key].pop(0)))
                self.served[key] += 1

    def run(self, rounds: int) -> Counter[tuple[str, str]]:
        self.give_out()
        for _ in range(rounds):
            (owner, priority), _ = self.at_work.pop(self.chance.randrange(len(self.at_work)))
            self.come(owner, priority)  # type: ignore[arg-type]  # one of those it was made with
            self.give_out()
        return self.served


def given(parties: list[Party], free: int, slots: int) -> dict[tuple[str, str], int]:
    return {(each.owner, each.priority): number for each, number in share_out(parties, free, slots)}


def test_who_comes_late_with_little_gets_the_next_slots() -> None:
    big = Party("big", "normal", held=56, waiting=64, first=1_000)
    small = Party("small", "normal", waiting=10, first=65_000)
    assert given([big, small], 8, 64) == {("small", "normal"): 8}


def test_owners_have_equal_shares_whatever_their_priorities() -> None:
    for slots in (1, 2, 8):
        served = Account(slots, [("a", "high"), ("b", "low"), ("c", "normal")], 16).run(900)
        assert all(280 <= number <= 320 for number in served.values()), (slots, served)


def test_priorities_of_an_owner_share_as_four_two_and_one() -> None:
    for slots in (1, 7, 14):
        callers: list[tuple[str, Priority]] = [("a", "high"), ("a", "normal"), ("a", "low")]
        served = Account(slots, callers, 32).run(2_100)
        for caller, parts in zip(callers, (4, 2, 1), strict=True):
            assert abs(served[caller] / 300 - parts) < 0.4, (slots, served)


def test_a_single_picture_goes_before_rows_of_all() -> None:
    batch = Party("ada", "normal", held=3, waiting=50, first=1)
    other = Party("bob", "high", waiting=50, first=2)
    single = Party("ada", "single", waiting=1, first=99)
    assert given([batch, other, single], 1, 4) == {("ada", "single"): 1}


def test_single_pictures_leave_batches_a_quarter() -> None:
    served = Account(16, [("a", "single"), ("b", "normal")], 20).run(400)
    assert served["b", "normal"] >= 90


def test_alike_is_served_in_the_order_of_coming() -> None:
    parties = [Party("b", "normal", waiting=1, came=9), Party("a", "normal", waiting=1, came=3)]
    assert given(parties, 1, 1) == {("a", "normal"): 1}


def test_no_more_is_given_than_is_free_or_wanted() -> None:
    assert share_out([], 5, 5) == []
    assert given([Party("a", "low", waiting=2)], 5, 5) == {("a", "low"): 2}
    assert share_out([Party("a", "low", held=5)], 5, 10) == []
