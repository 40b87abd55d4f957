"""The holes of the original (reference/billing.md, 7), and which test keeps each shut."""

from __future__ import annotations

import re
from pathlib import Path

from tests.support.accounts import Accounts

TESTS = Path(__file__).parents[2]

ELSEWHERE = {16: "three validators of one name: ruff's F811 refuses a second definition"}


def test_every_hole_has_a_test_that_names_it() -> None:
    named: set[int] = set()
    for path in TESTS.rglob("test_*.py"):
        for numbers in re.findall(r"Holes? ([0-9, and]+)", path.read_text("utf-8")):
            named |= {int(number) for number in re.findall(r"[0-9]+", numbers)}
    assert named | set(ELSEWHERE) >= set(range(1, 17))


def test_what_is_shown_is_what_the_gate_judges_by(accounts: Accounts) -> None:
    """Hole 15: the original's pages showed the larger of two sums, and left a provider out."""
    accounts.plan("small")
    accounts.ask(1, uses={"generate": 2})
    assert accounts.used() == {"generate": 2}
    refused, passed = accounts.ask_all(
        accounts.admission(1, uses={"generate": 2}, key="a"),
        accounts.admission(1, uses={"generate": 1}, key="b"),
    )
    assert refused.details["used"] == accounts.used()["generate"] - 1 == 2
    assert passed.amount == 1


def test_two_that_finish_together_are_two(accounts: Accounts) -> None:
    """Hole 2: each read the counter, added one, and wrote an absolute value."""
    first, second = (accounts.ask(1, uses={"generate": 1}) for _ in range(2))
    accounts.buy(first, "generate")
    accounts.buy(second, "generate")
    accounts.release(first)
    accounts.release(second)
    assert accounts.used() == {"generate": 2}
    assert accounts.balance().captured == 2
