"""What the pages say is there, and what is there is said: commands, settings, forms, alerts."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from uuid import uuid4

import pytest
from cyclopts import App

from billing.pricebook import current
from deployments.automations import automations
from deployments.catalogue import deployments
from engine.events import EVENTS
from interfaces.cli.app import app
from providers.catalogue import all_offers
from scripts import write_docs
from studio.clock import now
from studio.operations import OPERATIONS
from studio.settings import Settings

_ROOT = Path(__file__).parents[3]
_DOCS = _ROOT / "docs"
_PAGES = sorted(_DOCS.glob("*.md"))
MODULES = ("create", "edit", "upscale", "transform", "control", "social")
_BLOCK = re.compile(r"^```(?:console|sh)\n(.+?)^```$", re.MULTILINE | re.DOTALL)
_SPAN = re.compile(r"`studio ([^`]+)`")
_NO_OPTION = re.compile(r"^[a-z][a-z_-]+$")


def read(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def lines(page: Path) -> list[str]:
    """Return the commands of a page, without comments and without what a shell does with them."""
    text = "\n".join(_BLOCK.findall(read(page))).replace("\\\n", " ")
    given = [line.strip().removeprefix(".venv/bin/") for line in text.splitlines()]
    return [re.split(r" [|<>] | +# ", line)[0] for line in given if line.startswith("studio ")]


@pytest.mark.parametrize("path", write_docs.PAGES, ids=lambda path: path.name)
def test_pages_that_are_made_from_code_are_as_the_code_is(path: Path) -> None:
    stale = "run: python -m scripts.write_docs"
    assert path.read_text(encoding="utf-8") == write_docs.PAGES[path](), stale


@pytest.mark.parametrize(
    "page", [each for each in _PAGES if each.stem != "commands"], ids=lambda page: page.stem
)
def test_every_command_of_a_page_can_be_typed(page: Path) -> None:
    for line in lines(page):
        try:
            app.parse_args(shlex.split(line)[1:], exit_on_error=False, print_error=False)
        except Exception as error:  # noqa: BLE001 - whatever is wrong with it
            pytest.fail(f"{page.name}: {line}: {error}")


@pytest.mark.parametrize("page", _PAGES, ids=lambda page: page.stem)
def test_every_command_that_a_page_names_is_there(page: Path) -> None:
    for words in _SPAN.findall(read(page)):
        here: App = app
        for word in words.split():
            if not _NO_OPTION.match(word) or not list(here):
                break
            if word not in list(here):
                assert here is not app, f"{page.name}: studio {words}"
                assert here.default_command is not None, f"{page.name}: studio {words}"
                break
            here = here[word]


def test_the_page_of_commands_has_every_command() -> None:
    page = read(_DOCS / "commands.md")
    titles = set(re.findall(r"^#+ studio (.+)$", page, re.MULTILINE))
    assert titles == {name for name in _tree(app) if name.split()[0] not in {"run", "quote"}}


def _tree(group: App, above: str = "") -> set[str]:
    names = {name for name in group if not name.startswith("-")}
    found = {f"{above}{name}" for name in names}
    return found.union(*(_tree(group[name], f"{above}{name} ") for name in names))


def test_the_settings_that_pages_name_are_there() -> None:
    known = {f"STUDIO_{name.upper()}" for name in Settings.model_fields}
    for page in _PAGES:
        named = set(re.findall(r"\bSTUDIO_[A-Z0-9_]+[A-Z0-9]\b", read(page)))
        unknown = {name for name in named - known if not name.startswith("STUDIO_CHANNEL")}
        assert unknown == set(), page.name


@pytest.mark.parametrize("module", MODULES)
def test_the_page_of_a_module_has_its_operations_and_forms(module: str) -> None:
    page = read(_DOCS / f"{module}.md")
    offered = deployments(all_offers(), current(now().date()))
    forms = {each.name for each in offered}
    for name, kind in OPERATIONS.items():
        if kind.module == module:
            assert f"`{name}`" in page or f"studio run {name} " in page, name
    named = re.findall(r"\*([A-Z][^*\n]+)\*", page.replace("**", ""))
    tabled = re.findall(r"^\| .+ \| .*`(\w+)`.* \| \*(.+)\* \|$", page, re.MULTILINE)
    assert {form for _, form in tabled} <= forms
    for name, form in tabled:
        assert OPERATIONS[name].title == form
    assert [each for each in named if each[0].isupper() and each not in forms | {"Consent"}] == []


def test_who_is_on_call_finds_every_alert_and_automation_and_no_other() -> None:
    page = read(_DOCS / "on-call.md")
    alerts = page.split("\n## Alerts\n")[1].split("\n## ")[0]
    named = re.findall(r"^\| `([a-z_.]+)` \|", alerts, re.MULTILINE)
    assert sorted(named) == sorted(EVENTS)
    table = alerts.split("| automation |")[1].split("\n\n")[0]
    rows = re.findall(r"^\| ([A-Z][^|]+) \|", table, re.MULTILINE)
    assert rows == [each.name for each in automations(uuid4())]


def test_every_page_is_reached_from_the_first_one() -> None:
    index = read(_DOCS / "index.md")
    trees = "\n".join(re.findall(r"^```\{toctree\}\n(.+?)^```$", index, re.MULTILINE | re.DOTALL))
    listed = {line for line in trees.splitlines() if line and not line.startswith(":")}
    there = {str(page.relative_to(_DOCS).with_suffix("")) for page in _DOCS.rglob("*.md")}
    assert listed == there - {"index"} - {name for name in there if name.startswith("site")}
