"""Every operation with every provider is done, or refused with words; no cell is empty."""

from __future__ import annotations

from pathlib import Path

import pytest

from billing.pricebook import current
from providers import Offer
from providers.catalogue import PACKAGES, all_offers
from studio.clock import now
from studio.errors import PriceUnknown
from studio.operations import OPERATIONS
from tests.contract.matrix import Cell, run
from tests.contract.world import opened_world


@pytest.fixture(scope="module")
def matrix(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Cell]]:
    with opened_world(Path(tmp_path_factory.mktemp("world")), local=True) as world:
        return run(world)


def test_no_cell_is_empty(matrix: dict[str, dict[str, Cell]]) -> None:
    assert set(matrix) == set(OPERATIONS)
    for name, row in matrix.items():
        assert set(row) == set(PACKAGES)
        for provider, cell in row.items():
            assert cell.words, (name, provider)


def test_what_is_for_sale_is_done(matrix: dict[str, dict[str, Cell]]) -> None:
    sold = {(offer.operation, offer.provider) for offer in all_offers() if _priced(offer)}
    for name, row in matrix.items():
        for provider, cell in row.items():
            assert cell.done == ((name, provider) in sold), (name, provider, cell.words)


def _priced(offer: Offer) -> bool:
    try:
        current(now().date()).line(offer.id)
    except PriceUnknown:
        return False
    return True
