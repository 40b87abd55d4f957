"""Plans: data with a version and a date; 0 allows nothing, what is absent has no limit."""

from __future__ import annotations

import itertools
from datetime import date
from pathlib import Path

import pytest

from billing.accounts import plans
from billing.accounts.plans import Plan, PlanBook
from studio.errors import InvalidRequest, SetupIncomplete
from studio.operations import OPERATIONS

BOOK = plans.current(date(2026, 12, 1))


def test_the_plans_that_come_with_the_studio_grow() -> None:
    assert [plan.name for plan in BOOK.plans] == ["free", "basic", "pro", "enterprise"]
    for smaller, larger in itertools.pairwise(BOOK.plans):
        assert smaller.credits < larger.credits
        assert smaller.price_month < larger.price_month
        assert smaller.modules <= larger.modules
        for operation in OPERATIONS:
            least, most = smaller.limit(operation), larger.limit(operation)
            assert most is None or (least is not None and least <= most), operation


@pytest.mark.parametrize("plan", BOOK.plans, ids=lambda plan: plan.name)
def test_zero_allows_nothing_in_every_plan_and_absent_has_no_limit(plan: Plan) -> None:
    """The original's 0 was none on one plan, by its comments, and no limit on all, by its code."""
    closed = plan.model_copy(update={"limits": {"generate": 0}, "modules": frozenset({"create"})})
    assert closed.limit("generate") == 0
    assert closed.limit("enhance_prompt") is None
    assert closed.limit("upscale") == 0  # its module is not in the plan


def test_the_newest_plans_whose_date_has_come_are_valid(tmp_path: Path) -> None:
    for day in ("2026-01-01", "2026-06-01", "2027-01-01"):
        (tmp_path / f"{day}.toml").write_text(_plan_file(day))
    assert plans.current(date(2026, 12, 1), tmp_path).version == "2026-06-01"
    assert plans.current(date(2025, 12, 1), tmp_path).version == "2026-01-01"
    assert plans.version("2027-01-01", tmp_path).date == date(2027, 1, 1)
    with pytest.raises(SetupIncomplete, match="are not in"):
        plans.version("1999", tmp_path)


def test_two_files_of_one_version_are_refused_with_their_names(tmp_path: Path) -> None:
    for name in ("first", "second"):
        (tmp_path / f"{name}.toml").write_text(_plan_file("2026-01-01"))
    with pytest.raises(SetupIncomplete, match=r"2026-01-01: .*first\.toml and .*second\.toml"):
        plans.current(date(2026, 12, 1), tmp_path)


def _plan_file(day: str) -> str:
    return (
        f'version = "{day}"\ndate = {day}\n[[plans]]\nname = "one"\ntitle = "One"\n'
        'price_month = 0\nprice_year = 0\ncredits = 0\nmodules = ["create"]\n'
    )


def test_a_plan_that_is_not_there_is_refused_with_those_that_are() -> None:
    with pytest.raises(InvalidRequest, match="free, basic, pro, enterprise, or prepaid"):
        BOOK.plan("platinum")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"modules": ["create", "cooking"]}, "no modules of the studio: cooking"),
        ({"limits": {"generate": 1, "dance": 2}}, "no operations of the studio: dance"),
        ({"limits": {"generate": -1}}, "greater than or equal to 0"),
        ({"credits": 1.5}, "credits"),
        ({"name": "Upper Case"}, "name"),
        ({"surprise": 1}, "surprise"),
    ],
)
def test_faulty_plans_are_refused_by_what_is_wrong(
    change: dict[str, object], words: str, tmp_path: Path
) -> None:
    values = {**BOOK.plans[0].model_dump(), **change}
    with pytest.raises(ValueError, match=words):
        PlanBook.model_validate({"version": "1", "date": "2026-01-01", "plans": [values]})


def test_a_file_that_is_no_book_is_told_by_its_name(tmp_path: Path) -> None:
    with pytest.raises(SetupIncomplete, match="no plans in"):
        plans.current(date(2026, 1, 1), tmp_path)
    broken = tmp_path / "broken.toml"
    broken.write_text("version =")
    with pytest.raises(SetupIncomplete, match=r"broken\.toml cannot be read"):
        plans.load(broken)
    broken.write_text('version = "1"')
    with pytest.raises(SetupIncomplete, match="date: Field required"):
        plans.load(broken)
