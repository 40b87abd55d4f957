"""What the tests of the engine share: a studio with two providers that send bills."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

import engine.execute
from engine.studio import Studio
from tests.support.providers import InstantProvider, book
from tests.support.studios import opened_studio


@dataclass
class House:
    """A studio and its providers: ``sure`` is the cheap one, ``dear`` its substitute."""

    studio: Studio
    sure: InstantProvider
    dear: InstantProvider


@pytest.fixture(autouse=True)
def _one_round(monkeypatch: pytest.MonkeyPatch) -> None:
    """Try every offer once: most tests look at what one failure does."""
    monkeypatch.setattr(engine.execute, "_ROUNDS", ())


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    """A studio whose providers send bills, and which is not patient."""
    monkeypatch.setattr(engine.execute, "_WAITS", (0.01, 0.01, 0.01))
    sure = InstantProvider("sure", repeatable=False)
    dear = InstantProvider("dear", repeatable=False)
    providers = {"sure": sure, "dear": dear}
    prices = book(sure=1, dear=3)
    with opened_studio(tmp_path / "home", providers=providers, prices=prices) as studio:
        yield House(studio, sure, dear)
