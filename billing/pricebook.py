"""The price book: data with a version and a date; one book for quotes, holds and captures."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from functools import cached_property
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from billing.dated import Dated, in_order, read_all, read_one
from studio import credits as money
from studio.errors import NotFound, PriceUnknown, SetupIncomplete

FOLDER = Path(__file__).with_name("prices")
"""Where the books that come with the studio lie, one file each, named by its version."""

Amount = Annotated[int, Field(strict=True, ge=0, le=money.MOST)]
# Plain names only: a pattern that matched two offers would price one of them by accident.
Offer = Annotated[
    str,
    StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]*(/[a-z0-9][a-z0-9._-]*)+$", max_length=120),
]
Unit = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$", max_length=40)]
Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500)]


class PriceLine(BaseModel):
    """What one unit of an offer costs, in micro-credits."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    offer: Offer = Field(description="The offer's id, such as `local/illustrator`.")
    unit: Unit = Field(description="What is counted: a picture, a second, a format.")
    price: Amount = Field(description="What the studio charges for one unit.")
    provider_cost: Amount = Field(description="What the provider charges the operator for it.")
    source: Words = Field(description="Where the two figures come from.")

    @property
    def margin(self) -> int:
        """What one unit leaves to the operator, in micro-credits; below 0 it is a loss."""
        return self.price - self.provider_cost

    @property
    def provider(self) -> str:
        """Who sells it to the operator."""
        return self.offer.partition("/")[0]


def _no_doubles(lines: tuple[PriceLine, ...]) -> tuple[PriceLine, ...]:
    doubles = [offer for offer, times in Counter(line.offer for line in lines).items() if times > 1]
    if doubles:
        raise ValueError(f"priced more than once: {', '.join(sorted(doubles))}")
    return lines


class PriceBook(Dated):
    """All prices of one day."""

    currency: Words
    lines: Annotated[tuple[PriceLine, ...], Field(min_length=1), AfterValidator(_no_doubles)]

    @cached_property
    def _by_offer(self) -> dict[str, PriceLine]:
        return {line.offer: line for line in self.lines}

    def line(self, offer: str) -> PriceLine:
        """Return the price of an offer.

        Raises:
            PriceUnknown: the book does not list it, so nothing may be held for it.
        """
        found = self._by_offer.get(offer)
        if found is None:
            raise PriceUnknown(
                f"Price book {self.version} has no price for this offer, so it cannot be bought.",
                field="offer",
                given=offer,
                book_version=self.version,
            )
        return found


def load(path: Path) -> PriceBook:
    """Read one price book.

    Raises:
        SetupIncomplete: the file is missing or not a price book; every fault is named.
    """
    return read_one(PriceBook, path, "price book")


def books(folder: Path = FOLDER) -> list[PriceBook]:
    """Return every book, the oldest first.

    Raises:
        SetupIncomplete: one of them is faulty.
    """
    return in_order(read_all(PriceBook, folder, "price book"))


def find(version: str, folder: Path = FOLDER) -> PriceBook:
    """Return the book of a version.

    Raises:
        NotFound: there is none.
        SetupIncomplete: a book is faulty.
    """
    known = {book.version: book for book in books(folder)}
    if version not in known:
        raise NotFound(
            "There is no such price book.",
            field="book",
            given=version,
            allowed=", ".join(known) or "none is there",
        )
    return known[version]


def current(today: dt.date, folder: Path = FOLDER) -> PriceBook:
    """Return the newest book whose date has come; one for next month may lie there already.

    Raises:
        SetupIncomplete: there is none, or one of them is faulty.
    """
    valid = [book for book in books(folder) if book.date <= today]
    if not valid:
        raise SetupIncomplete(f"There is no price book for {today} in {folder}.")
    return valid[-1]
