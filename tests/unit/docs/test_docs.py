"""What the documents promise is in the code, and the other way round."""

from __future__ import annotations

import re
import shlex
import tomllib
from pathlib import Path
from uuid import uuid4

import pytest

from batches import read_batch
from billing.pricebook import current
from deployments.alerts import alerts
from deployments.automations import automations
from deployments.blocks import BLOCKS
from engine.switches import VARIABLES
from interfaces.cli.app import app
from providers.catalogue import all_offers
from providers.local.extras import EXTRAS
from scripts import write_pictures
from studio.clock import now
from studio.errors import PriceUnknown
from studio.operations import OPERATIONS

ROOT = Path(__file__).parents[3]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_readme_names_every_operation_once() -> None:
    table = README.split("| module | operations |")[1].split("\n\n")[0]
    named = [name for name in re.findall(r"`([a-z0-9_]+)`", table) if name in OPERATIONS]
    assert sorted(named) == sorted(OPERATIONS)


def test_every_offer_has_a_price_or_says_why_not() -> None:
    book = current(now().date())
    for offer in all_offers():
        try:
            assert book.line(offer.id).unit == offer.price.unit, offer.id
        except PriceUnknown:
            assert "price" in offer.says, f"{offer.id} has no price and does not say so"


@pytest.mark.parametrize("document", ["README.md", "CONTRIBUTING.md"])
def test_the_commands_that_a_document_names_are_there(document: str) -> None:
    text = (ROOT / document).read_text(encoding="utf-8")
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in re.findall(r"^make (\w+)|`make (\w+)`", text, re.MULTILINE):
        name = "".join(target)
        assert re.search(rf"^{name}:", makefile, re.MULTILINE), name


@pytest.mark.parametrize("document", ["README.md", "CONTRIBUTING.md"])
def test_links_and_files_that_a_document_names_are_there(document: str) -> None:
    text = (ROOT / document).read_text(encoding="utf-8")
    links = [link for link in re.findall(r"\]\(([^)#]+)\)", text) if "://" not in link]
    files = re.findall(r"(?:[a-z_]+/)+[a-z_]+\.(?:py|csv|md|toml)", text)
    for name in {*links, *files}:
        assert (ROOT / name).exists(), name


def test_the_page_of_safe_pictures_names_every_test_and_no_other() -> None:
    page = (ROOT / "docs" / "safe-pictures.md").read_text(encoding="utf-8")
    there = set()
    for name in ("test_safe_pictures.py", "test_imaging_sandbox.py"):
        text = (ROOT / "tests" / "unit" / "imaging" / name).read_text(encoding="utf-8")
        there |= set(re.findall(r"^def (test_\w+)", text, re.MULTILINE))
    assert set(re.findall(r"`(test_\w+)`", page)) == there


def test_ci_calls_the_commands_of_the_documents() -> None:
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    called = re.findall(r"^(?:nice )?(make \w+)\b", script, re.MULTILINE)
    assert called[-2:] == ["make lint", "make test"]
    # Either one's failure is that of the whole.
    assert script.count("|| failed=1") == len(called[-2:])
    assert script.endswith('\nexit "$failed"\n')


def test_every_room_is_in_the_contract_of_the_floors() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    rooms = {path.parent.name for path in ROOT.glob("*/__init__.py")}
    rooms -= {"tests", "benchmarks", "scripts"}
    assert rooms == set(project["tool"]["importlinter"]["root_packages"])
    assert rooms == set(project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"])


def test_the_demo_spends_no_money_whatever_keys_are_set() -> None:
    campaign = ROOT / "examples" / "campaign.csv"
    spec = read_batch(campaign.read_bytes(), source="campaign.csv", owner="demo", exists=_there)
    assert {row.operation.provider for row in spec.rows} == {"local"}


def _there(_reference: str, _kind: str) -> str:
    return ""


def test_the_extras_of_offers_are_told_with_their_sizes() -> None:
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    packaged = tomllib.loads(text)["project"]["optional-dependencies"]
    assert set(EXTRAS) < set(packaged)
    for name, extra in EXTRAS.items():
        assert f"| `{name}` | {extra.megabytes} MB" in README, name
        comment = text.split(f"\n{name} = [")[0].rsplit("\n", maxsplit=1)[1]
        assert f"{extra.megabytes} MB" in comment, name
    needed = {offer.needs_extra for offer in all_offers()}
    assert needed == (set(EXTRAS) - {"search"}) | {""}, "search is the library's"


def test_the_tests_that_a_document_names_are_there() -> None:
    text = (ROOT / "billing" / "README.md").read_text(encoding="utf-8")
    named = set(re.findall(r"`(test_\w+)`", text))
    assert len(named) > 5
    code = "".join(path.read_text(encoding="utf-8") for path in ROOT.glob("tests/**/test_*.py"))
    assert [name for name in sorted(named) if f"def {name}(" not in code] == []


def test_every_operation_has_a_sheet_of_pictures_or_a_reason_for_none() -> None:
    page = (ROOT / "docs" / "pictures" / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \| (.+?) \| (.*?) ?\|$", page, re.MULTILINE)
    assert sorted(name for name, _, _ in rows) == sorted(OPERATIONS)
    here = {offer.operation for offer in all_offers() if offer.provider == "local"}
    for name, sheet, words in rows:
        if name in here:
            assert sheet == f"[{name}.jpg]({name}.jpg)", name
        else:
            assert (sheet, bool(words)) == ("none", True), name
    linked = set(re.findall(r"\]\(([\w.]+)\)", page))
    assert linked == {each.name for each in (ROOT / "docs" / "pictures").glob("*.jpg")}
    assert set(write_pictures.SHEETS) == here - {"image_to_3d"}


def test_the_page_of_schedules_has_lines_that_can_be_typed() -> None:
    page = (ROOT / "docs" / "schedules.md").read_text(encoding="utf-8")
    lines = re.findall(r"^studio (schedule .+)$", page, re.MULTILINE)
    used = [app.parse_args(shlex.split(line), exit_on_error=False)[0] for line in lines]
    names = {each.__name__.strip("_") for each in used}
    assert names == {"add", "watch", "list", "show", "pause", "resume", "remove"}


def test_the_page_of_prefect_names_every_block_switch_and_automation() -> None:
    page = (ROOT / "docs" / "prefect.md").read_text(encoding="utf-8")
    for name, says in VARIABLES.items():
        assert f"| `{name}` | {says} |" in page
    for block in BLOCKS.values():
        assert f"| {block._block_type_name} |" in page
    known = [*automations(uuid4()), *alerts(uuid4())]
    rows = re.findall(r"^\| ((?:End|Put|Tell) [^|]+) \|", page, re.MULTILINE)
    assert sorted(rows) == sorted(each.name for each in known)
