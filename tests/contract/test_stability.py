"""Stability AI against its emulator."""

from __future__ import annotations

import pytest

from tests.contract import (
    stability_collecting,
    stability_errors,
    stability_network,
    stability_odd,
    stability_success,
)
from tests.contract.cases import Case
from tests.contract.emulators.stability import StabilityEmulator
from tests.contract.stability_kit import provider_for

CASES: tuple[Case, ...] = (
    *stability_success.CASES,
    *stability_errors.CASES,
    *stability_odd.CASES,
    *stability_collecting.CASES,
    *stability_network.CASES,
)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_case(case: Case) -> None:
    with StabilityEmulator() as emulator:
        case.check(emulator, provider_for(emulator))
