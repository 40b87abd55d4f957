"""Adjustments, refunds and credits that expire, as an operator types them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from billing.ledger import claim_with_key
from interfaces.cli.opening import opened_database, opened_ledger
from studio.settings import settings
from tests.unit.cli.conftest import Command, Told


def test_a_wallet_is_corrected_up_and_down(studio_command: Command) -> None:
    studio_command("account", "top-up", "10")
    words = ("account", "adjust", "-2.5", "--reason", "typed twice", "--key", "k", "--author", "op")
    taken = studio_command(*words, "--json")
    again = studio_command(*words, "--json")
    assert (taken.code, again.code) == (0, 0)
    assert (taken.document["changed"], again.document["changed"]) == (-2_500_000, 0)
    assert again.document["available_credits"] == "7.5"
    assert "taken before under this key" in studio_command(*words).out
    assert "added" in studio_command("account", "adjust", "1", "--reason", "sorry").out
    assert "typed twice" in studio_command("account", "history").out

    too_much = studio_command("account", "adjust", "-9", "--reason", "x", "--json")
    assert too_much.document["error"]["code"] == "not_enough_credits"
    assert too_much.code != 0


def test_credits_are_added_until_a_day(studio_command: Command) -> None:
    day = (datetime.now(UTC) + timedelta(days=40)).date().isoformat()
    assert studio_command("account", "top-up", "5", "--expires", day).code == 0
    assert studio_command("account", "adjust", "5", "--reason", "r", "--expires", day).code == 0
    for wrong in ("2020-01-01", "soon", "2999-01-01"):
        told = studio_command("account", "top-up", "5", "--expires", wrong, "--json")
        assert (told.code, told.document["error"]["field"][:7]) == (2, "expires")
    assert studio_command("account", "show", "--json").document["available_credits"] == "10"


@pytest.mark.parametrize(
    "words",
    [
        ["adjust", "0", "--reason", "r"],
        ["adjust", "many", "--reason", "r"],
        ["adjust", "5"],
        ["refund", "job_nowhere", "--reason", "r"],
        ["refund", "job_nowhere"],
    ],
    ids=" ".join,
)
def test_wrong_corrections_change_nothing(words: list[str], studio_command: Command) -> None:
    studio_command("account", "top-up", "10")
    told = studio_command("account", *words, "--json")
    assert told.code == 2
    assert told.document["error"]["message"]
    assert studio_command("account", "show", "--json").document["available_credits"] == "10"


def test_what_was_spent_on_a_job_is_refunded_once(studio_command: Command) -> None:
    studio_command("account", "top-up", "10", "--owner", "ada")
    until = datetime.now(UTC) + timedelta(hours=1)
    with opened_ledger(settings()) as ledger:
        hold = ledger.hold("ada", 5_000_000, key="run", expires_at=until, purpose="a run")
        for job, spent in (("job_1", 2_000_000), ("job_free", 0)):
            claim = ledger.claim("ada", hold.id, spent, key=job)
            ledger.capture("ada", claim.id, spent)
        ledger.release("ada", hold.id)

    def refund(*words: str) -> Told:
        return studio_command(
            *("account", "refund", *words, "--reason", "it was bad", "--owner", "ada", "--json")
        )

    part = refund("job_1", "0.5")
    assert (part.code, part.document["changed"]) == (0, 500_000)
    assert refund("job_1").code == 2  # all of it would be more than what is left
    rest = refund("job_1", "1.5", "--key", "k")
    again = refund("job_1", "1.5", "--key", "k")
    assert (rest.document["changed"], again.document["changed"]) == (1_500_000, 0)
    assert again.document["available_credits"] == "10"
    for wrong in (("job_1", "0.1"), ("job_free",), ("job_none",), ("job_1", "0")):
        assert refund(*wrong).code == 2
    assert refund(ledger_claim("job_1"), "1").code == 2
    assert (
        studio_command("account", "show", "--owner", "ada", "--json").document["available"] == 10**7
    )


def ledger_claim(job: str) -> str:
    """Return the id of the claim that a job was bought with."""
    with opened_database(settings()) as database, database.read() as connection:
        claim = claim_with_key(connection, "ada", job)
    assert claim is not None
    return claim.id
