"""Gemini against its emulator."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from providers.gemini import GeminiProvider
from tests.contract import gemini_blocked, gemini_errors, gemini_network, gemini_success
from tests.contract.cases import Case
from tests.contract.emulators.gemini import GeminiEmulator
from tests.contract.gemini_kit import provider_for

CASES: tuple[Case, ...] = (
    *gemini_success.CASES,
    *gemini_errors.CASES,
    *gemini_blocked.CASES,
    *gemini_network.CASES,
)


@pytest.fixture(scope="module")
def emulator() -> Iterator[GeminiEmulator]:
    with GeminiEmulator() as running:
        yield running


@pytest.fixture(scope="module")
def provider(emulator: GeminiEmulator) -> GeminiProvider:
    return provider_for(emulator)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_case(case: Case, emulator: GeminiEmulator, provider: GeminiProvider) -> None:
    emulator.reset()
    case.check(emulator, provider)
