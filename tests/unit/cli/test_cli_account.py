"""``studio account``: plans, members, budgets, suspension, forecast; who may do what."""

from __future__ import annotations

from pathlib import Path

import pytest

from interfaces.cli.exits import Exit
from tests.unit.cli.conftest import Command


@pytest.fixture
def wallet(studio_command: Command) -> Command:
    """The commands, for a wallet with 1,000 credits; answers are JSON."""
    assert studio_command("account", "top-up", "1000").code == 0

    def run(*words: str) -> object:
        return studio_command("--json", "account", *words)

    return run  # type: ignore[return-value]


def test_an_account_is_put_on_a_plan_and_told_of_its_limits(wallet: Command) -> None:
    assert [plan["name"] for plan in wallet("plans").document["plans"]] == [
        "free", "basic", "pro", "enterprise",
    ]  # fmt: skip
    assert wallet("plan").document["plan"] == "prepaid"
    assert wallet("plan", "basic").code == Exit.INVALID  # not without a reason
    begun = wallet("plan", "basic", "--reason", "invoice 1", "--zone", "Europe/Vienna").document
    assert (begun["plan"], begun["zone"], begun["cycle"]) == ("basic", "Europe/Vienna", "monthly")
    assert wallet("show").document["available_credits"] == "3900"
    rows = {row["limit_on"]: row for row in wallet("limits").document["limits"]}
    assert rows["talking_avatar"] == {"limit_on": "talking_avatar", "used": 0, "limit": 5}
    assert rows["generate"]["limit"] is None
    assert rows["concurrency"]["limit"] == 5
    smaller = wallet("plan", "free", "--reason", "saving").document
    assert (smaller["plan"], smaller["next_plan"]) == ("basic", "free")
    ends = wallet("cancel", "--reason", "moved on").document
    assert ends["ends_at"] == ends["period_end"]
    kinds = [event["kind"] for event in wallet("events").document["events"]]
    assert kinds == ["plan_cancelled", "plan_will_change", "period_begun", "plan_begun"]


def test_people_see_the_same(studio_command: Command) -> None:
    studio_command("account", "top-up", "1000")
    studio_command("account", "plan", "pro", "--reason", "invoice 1", "--until", "2090-01-01")
    assert "2090-01-01" in studio_command("account", "plan").out
    assert "talking_avatar" in studio_command("account", "limits").out
    studio_command("account", "budget", "workspace", "12.5")
    told = " ".join(studio_command("account", "events").out.split())
    assert "invoice 1" in told
    assert "amount 12.5 credits" in told
    assert "79.00" in studio_command("account", "plans").out
    studio_command("account", "budget", "workspace", "250")
    assert "workspace demo" in studio_command("account", "budget").out
    assert "demo's own" in studio_command("account", "members").out
    assert "nobody can tell" in studio_command("account", "forecast").out
    assert "below 50 credits" in studio_command("account", "low-balance", "50").out


def test_budgets_are_set_listed_and_removed(wallet: Command) -> None:
    wallet("budget", "workspace", "250")
    (budget,) = wallet("budget", "project", "20", "--name", "spring").document["budgets"][1:]
    assert (budget["scope"], budget["name"], budget["most_credits"]) == ("project", "spring", "20")
    left = wallet("budget", "project", "none", "--name", "spring").document["budgets"]
    assert [each["scope"] for each in left] == ["workspace"]
    assert wallet("budget", "project", "none", "--name", "spring").code == Exit.INVALID
    assert wallet("budget", "project", "many", "--name", "x").code == Exit.INVALID


def test_members_see_to_their_workspace_and_the_operator_to_the_account(
    wallet: Command, studio_command: Command
) -> None:
    assert wallet("members", "add", "grace", "--role", "admin").code == 0
    assert wallet("members").code == Exit.REFUSED  # whose name the workspace has is nobody now
    grace = ("--user", "grace", "--json")
    assert studio_command(*grace, "account", "members", "add", "bob").code == 0
    bob = ("--user", "bob", "--json")
    for allowed in (["account", "show"], ["library", "list"], ["jobs", "list"]):
        assert studio_command(*bob, *allowed).code == 0
    for refused in (["members", "add", "eve"], ["budget", "workspace", "1"], ["low-balance", "1"]):
        told = studio_command(*bob, "account", *refused)
        assert (told.code, told.document["error"]["reason"]) == (Exit.REFUSED, "role")
    assert studio_command(*grace, "account", "members", "remove", "bob").code == 0


def test_a_suspended_account_is_told_why(wallet: Command, studio_command: Command) -> None:
    assert wallet("suspend").code == Exit.INVALID
    assert wallet("suspend", "--reason", "chargeback").document["state"] == "suspended"
    assert wallet("resume", "--reason", "cleared").document["state"] == "active"
    kinds = [(e["kind"], e["reason"]) for e in wallet("events").document["events"]]
    assert kinds == [("resumed", "cleared"), ("suspended", "chargeback")]


def test_a_ceiling_is_kept_before_anything_is_started(
    wallet: Command, studio_command: Command, tmp_path: Path
) -> None:
    sheet = tmp_path / "batch.csv"
    sheet.write_text("operation,prompt,provider\ngenerate,a hill,local\n")
    for words in (
        ["run", "generate", "--prompt", "a hill", "--provider", "local"],
        ["batch", "run", str(sheet)],
    ):
        told = studio_command("--json", *words, "--max-credits", "0.01")
        assert (told.code, told.document["error"]["code"]) == (Exit.REFUSED, "budget_reached")
        told = studio_command("--json", *words, "--max-credits", "lots")
        assert (told.code, told.document["error"]["field"]) == (Exit.INVALID, "max_credits")
    assert wallet("show").document["held"] == 0


def test_a_forecast_says_when_it_knows_too_little(wallet: Command) -> None:
    told = wallet("forecast").document
    assert (told["dry_at"], told["captures"]) == (None, 0)
    assert "too few" in told["why"]
    assert wallet("forecast", "--days", "0").code == Exit.INVALID


@pytest.mark.parametrize("words", [["--until", "soon"], ["--until", "2020-01-01"], ["--zone", "X"]])
def test_an_agreement_that_makes_no_sense_is_refused(words: list[str], wallet: Command) -> None:
    assert wallet("plan", "basic", "--reason", "x", *words).code == Exit.INVALID
    assert wallet("plan").document["plan"] == "prepaid"
