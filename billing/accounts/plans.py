"""Plans: what a workspace may do, as data with a version and a date, like the price book."""

from __future__ import annotations

import datetime as dt
from functools import cache
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from billing.dated import Dated, in_order, read_all, read_one
from studio import credits as money
from studio.errors import InvalidRequest, SetupIncomplete
from studio.operations import OPERATIONS

FOLDER = Path(__file__).parent.parent / "plans"
"""Where the plans that come with the studio lie: one file each version, named by it."""

PREPAID = "prepaid"
"""What a workspace without a plan is called: it has its credits, and no other limits."""

MODULES = frozenset(kind.module for kind in OPERATIONS.values())

Amount = Annotated[int, Field(strict=True, ge=0, le=money.MOST)]
Count = Annotated[int, Field(strict=True, ge=0, le=1_000_000_000)]
Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]*$", max_length=40)]
Words = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=500)]


def _known_modules(modules: frozenset[str]) -> frozenset[str]:
    if strange := sorted(modules - MODULES):
        raise ValueError(f"no modules of the studio: {', '.join(strange)}")
    return modules


def _known_operations(limits: dict[str, int]) -> dict[str, int]:
    if strange := sorted(set(limits) - set(OPERATIONS)):
        raise ValueError(f"no operations of the studio: {', '.join(strange)}")
    return limits


class Plan(BaseModel):
    """One plan. What is absent has no limit; 0 allows nothing, in every plan alike."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Name
    title: Words
    price_month: Count = Field(description="US cents a month, for who pays by the month.")
    price_year: Count = Field(description="US cents a year, for who pays by the year.")
    credits: Amount = Field(description="Micro-credits granted each period; unused ones expire.")
    modules: Annotated[frozenset[str], AfterValidator(_known_modules)] = Field(
        description="Modules of the studio whose operations may be asked for."
    )
    limits: Annotated[dict[str, Count], AfterValidator(_known_operations)] = Field(
        default_factory=dict, description="How often an operation may be done in a period."
    )
    largest_hold: Amount | None = Field(default=None, description="Micro-credits in one run.")
    batch_rows: Count | None = Field(default=None, description="Rows in one batch.")
    concurrency: Count | None = Field(default=None, description="Runs under way at once.")

    def limit(self, operation: str) -> int | None:
        """Return how often an operation may be done in a period; ``None`` for no limit."""
        if OPERATIONS[operation].module not in self.modules:
            return 0
        return self.limits.get(operation)


class PlanBook(Dated):
    """All plans of one day, the smallest first: their order says what an upgrade is."""

    plans: Annotated[tuple[Plan, ...], Field(min_length=1, max_length=100)]

    def plan(self, name: str) -> Plan:
        """Return a plan by its name.

        Raises:
            InvalidRequest: the book has no such plan.
        """
        return self.plans[self.rank(name)]

    def rank(self, name: str) -> int:
        """Return a plan's place among the others, from 0 for the smallest.

        Raises:
            InvalidRequest: the book has no such plan.
        """
        names = [plan.name for plan in self.plans]
        if name not in names:
            raise InvalidRequest(
                f"There is no such plan in the plans of {self.version}.",
                field="plan",
                given=name,
                allowed=f"{', '.join(names)}, or {PREPAID}",
            )
        return names.index(name)


@cache
def _books(folder: Path) -> tuple[PlanBook, ...]:
    """Read all plan books; they do not change while a process runs."""
    return tuple(read_all(PlanBook, folder, "plan book"))


def load(path: Path) -> PlanBook:
    """Read one file of plans.

    Raises:
        SetupIncomplete: the file is missing or has no such form; every fault is named.
    """
    return read_one(PlanBook, path, "plan book")


def current(today: dt.date, folder: Path = FOLDER) -> PlanBook:
    """Return the newest plans whose date has come; the first ones there are, before any has.

    Raises:
        SetupIncomplete: there are none, or one file is faulty.
    """
    books = in_order(_books(folder))
    if not books:
        raise SetupIncomplete(f"There are no plans in {folder}.")
    valid = [book for book in books if book.date <= today]
    return valid[-1] if valid else books[0]


def version(name: str, folder: Path = FOLDER) -> PlanBook:
    """Return the plans of a version that an account was made with.

    Raises:
        SetupIncomplete: its file is gone.
    """
    for book in _books(folder):
        if book.version == name:
            return book
    raise SetupIncomplete(
        f"The plans of {name}, which accounts were made with, are not in {folder}."
    )
