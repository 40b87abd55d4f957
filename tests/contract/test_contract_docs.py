"""The table of the contract suite is up to date, and no offer is left out of the suite."""

from __future__ import annotations

import pytest

from providers.catalogue import all_offers
from scripts import write_contract_docs

_CLOUD = [offer for offer in all_offers() if offer.provider != "local"]


def test_the_page_is_written_from_the_suite() -> None:
    assert write_contract_docs.PATH.read_text(encoding="utf-8") == write_contract_docs.text()


@pytest.mark.parametrize("offer", _CLOUD, ids=lambda offer: str(offer.id))
def test_every_offer_is_bought_in_the_suite(offer: object) -> None:
    bought = {
        (case.offer, case.operation)
        for case in write_contract_docs.all_cases()
        if case.kind == "success"
    }
    assert (offer.id, offer.operation) in bought  # type: ignore[attr-defined]
