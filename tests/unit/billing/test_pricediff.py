"""Price books compared, and found by their version."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from billing import pricebook
from billing.pricebook import PriceBook, PriceLine
from billing.pricediff import diff, percent
from studio.errors import NotFound


def line(
    offer: str, price: int, cost: int = 0, unit: str = "picture", source: str = "s"
) -> PriceLine:
    return PriceLine(offer=offer, unit=unit, price=price, provider_cost=cost, source=source)


def book(version: str, *lines: PriceLine) -> PriceBook:
    return PriceBook(version=version, date=date(2026, 1, 1), currency="credits", lines=lines)


OLD = book("1", line("a/gone", 5), line("a/same", 7, 3), line("a/dear", 8, 4), line("a/unit", 1))
NEW = book(
    "2",
    line("a/new", 6),
    line("a/same", 7, 3, source="other words"),
    line("a/dear", 9, 3),
    line("a/unit", 1, unit="second"),
)


def test_every_offer_is_added_removed_changed_or_the_same() -> None:
    found = diff(OLD, NEW)
    assert [each.offer for each in found.added] == ["a/new"]
    assert [each.offer for each in found.removed] == ["a/gone"]
    assert [each.old.offer for each in found.changed] == ["a/dear", "a/unit"]
    assert found.same == 1
    dear, unit = found.changed
    assert (dear.price_change, dear.cost_change) == ("+12.5 %", "-25.0 %")
    assert (unit.price_change, unit.cost_change) == ("0.0 %", "")


def test_a_book_does_not_differ_from_itself() -> None:
    found = diff(OLD, OLD)
    assert (found.added, found.removed, found.changed, found.same) == ((), (), (), 4)


@pytest.mark.parametrize(
    ("part", "whole", "words"),
    [
        (1, 3, "+33.3 %"),
        (2, 3, "+66.7 %"),
        (-1, 3, "-33.3 %"),
        (1, -3, "-33.3 %"),
        (-1, -3, "+33.3 %"),
        (1, 2_000, "+0.1 %"),
        (1, 2_001, "0.0 %"),
        (10**15, 1, "+100000000000000000.0 %"),
        (0, 5, "0.0 %"),
        (5, 0, ""),
    ],
)
def test_percentages_are_rounded_to_a_tenth(part: int, whole: int, words: str) -> None:
    assert percent(part, whole) == words


def test_a_margin_may_be_a_loss() -> None:
    assert line("a/b", 5, 7).margin == -2
    assert line("a/b", 5, 7).provider == "a"


def test_books_are_found_by_their_version(tmp_path: Path) -> None:
    for version, day in (("v2", "2026-02-01"), ("v1", "2026-03-01")):
        text = f'version = "{version}"\ndate = {day}\ncurrency = "credits"\n[[lines]]\n'
        text += 'offer = "a/b"\nunit = "picture"\nprice = 1\nprovider_cost = 0\nsource = "s"\n'
        (tmp_path / f"{version}.toml").write_text(text, "utf-8")
    assert [each.version for each in pricebook.books(tmp_path)] == ["v2", "v1"]
    assert pricebook.find("v1", tmp_path).date == date(2026, 3, 1)
    with pytest.raises(NotFound, match="v2, v1"):
        pricebook.find("v3", tmp_path)
