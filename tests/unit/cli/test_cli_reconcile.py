"""``studio reconcile --balance`` against the emulators: what is gone there, beside our books."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from interfaces.cli.opening import opened_studio
from studio.operations import Generate
from studio.settings import settings
from tests.contract.emulators.stability import StabilityEmulator
from tests.contract.emulators.wavespeed import WaveSpeedEmulator
from tests.support.studios import execute, order_for
from tests.unit.cli.conftest import Command


@dataclass
class Account:
    """An account at an emulator.

    Attributes:
        name: the provider's.
        emulator: which answers over HTTP.
        spend: lets somebody else spend so many micro-credits of the account.
    """

    name: str
    emulator: StabilityEmulator | WaveSpeedEmulator
    spend: Callable[[int], None]


@pytest.fixture(params=["stability", "wavespeed"])
def account(
    request: pytest.FixtureRequest, home: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Account]:
    """An account at each of the providers that tell what is left, known to the studio."""
    del home  # its settings come first
    name = str(request.param)
    with StabilityEmulator() if name == "stability" else WaveSpeedEmulator() as emulator:
        monkeypatch.setenv(f"STUDIO_{name.upper()}_KEY", emulator.key)
        monkeypatch.setenv(f"STUDIO_{name.upper()}_URL", emulator.url)
        settings.cache_clear()

        def spend(amount: int) -> None:
            if isinstance(emulator, StabilityEmulator):
                emulator.balances[emulator.key] -= amount // 100_000  # tenths of a credit
            else:
                emulator.funds -= amount // 100  # millionths of a dollar; a credit is a cent

        yield Account(name, emulator, spend)


def asked(command: Command, account: Account, *, code: int = 0) -> dict[str, Any]:
    """Ask for the balance; what Stability tells is some time old, so that time is let pass."""
    if isinstance(account.emulator, StabilityEmulator):
        account.emulator.stale_balance = account.emulator.balances[account.emulator.key]
    told = command("reconcile", account.name, "--balance", "--json")
    assert told.code == code, told
    document: dict[str, Any] = told.document
    return document


def buy(account: Account, key: str) -> int:
    """Buy a picture; return what our books say that the provider charged."""
    with opened_studio() as studio:
        wanted = Generate(prompt="a fox", provider=account.name)
        job = execute(studio, order_for(studio, wanted, key, owner=settings().owner))
        assert job.state == "settled"
        return job.expense


def test_what_is_gone_there_is_compared_with_our_books(
    studio_command: Command, account: Account
) -> None:
    studio_command("account", "top-up", "1000")
    first = asked(studio_command, account)
    assert (first["before"], first["difference"], first["explained"]) == (None, 0, True)
    assert first["left"] > 0

    expense = buy(account, "one") + buy(account, "two")
    assert expense > 0
    second = asked(studio_command, account)
    assert second["before"]["left"] == first["left"]
    assert (second["gone"], second["ours"]) == (expense, expense)
    assert (second["difference"], second["explained"]) == (0, True)

    account.spend(70_000_000)  # by somebody who has our key
    third = asked(studio_command, account, code=1)
    assert (third["gone"], third["ours"], third["difference"]) == (70_000_000, 0, 70_000_000)
    assert third["explained"] is False

    account.spend(-500_000_000)
    fourth = asked(studio_command, account, code=1)
    assert fourth["difference"] == -500_000_000
    account.spend(30_000_000)
    if isinstance(account.emulator, StabilityEmulator):
        account.emulator.stale_balance -= 300
    shown = studio_command("reconcile", account.name, "--balance")
    assert shown.code == 1
    assert "30 credits: not explained by our books" in " ".join(shown.out.split())


@pytest.mark.parametrize("account", ["stability"], indirect=True)  # the one whose balance lags
def test_a_late_balance_is_told_as_such(studio_command: Command, account: Account) -> None:
    studio_command("account", "top-up", "1000")
    asked(studio_command, account)
    buy(account, "one")
    shown = studio_command("reconcile", account.name, "--balance")
    assert shown.code == 1
    assert "is its balance late" in " ".join(shown.out.split())


def test_a_wrong_key_is_no_balance(
    studio_command: Command, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"STUDIO_{account.name.upper()}_KEY", "sk-wrong-0123456789")
    settings.cache_clear()
    told = studio_command("reconcile", account.name, "--balance", "--json")
    assert (told.code, told.document["error"]["field"]) == (2, "provider")
    assert "sk-wrong" not in told.out
