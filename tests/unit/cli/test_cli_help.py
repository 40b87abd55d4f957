from __future__ import annotations

import importlib

import pytest

from flows.forms import operation_of
from interfaces.cli.app import _COMMANDS
from interfaces.cli.options import example, own_fields
from interfaces.cli.prefect_runs import flow_of
from studio.operations import OPERATIONS
from tests.unit.cli.conftest import Command

_ACCOUNT = (
    *(
        "show",
        "open",
        "top-up",
        "history",
        "statement",
        "export",
        "plans",
        "plan",
        "cancel",
        "limits",
        "suspend",
    ),
    *(
        "resume",
        "events",
        "members",
        "budget",
        "low-balance",
        "approval",
        "forecast",
        "key",
        "adjust",
        "refund",
    ),
)
_ALL = [
    ["demo"],
    ["up"],
    ["api"],
    ["files"],
    ["register"],
    ["worker"],
    ["setup"],
    ["doctor"],
    *(["quote", name] for name in OPERATIONS),
    *(["run", name] for name in OPERATIONS),
    *(
        ["batch", name]
        for name in ("check", "quote", "run", "template", "status", "manifest", "errors", "zip")
    ),
    *(["batch", name] for name in ("pause", "resume", "retry", "cancel", "approve", "reject")),
    ["batch", "sheet"],
    *(["schedule", name] for name in ("add", "watch", "list", "show", "pause", "resume", "remove")),
    *(["account", name] for name in _ACCOUNT),
    *(["jobs", name] for name in ("list", "show", "resolve", "resume", "collect")),
    *(["prices", name] for name in ("list", "show", "books", "diff", "what-if")),
    ["usage"],
    ["reconcile"],
    ["providers"],
    ["emulators"],
    *(["library", name] for name in ("list", "show", "export")),
    *(
        ["library", name]
        for name in ("search", "counts", "favourite", "unfavourite", "rate", "tag")
    ),
    *(["library", name] for name in ("untag", "title", "note", "trash", "restore", "undo")),
    *(["library", name] for name in ("shows", "similar", "duplicates", "check")),
    ["library", "download"],
    ["library", "empty-trash"],
    *(["library", "collection", name] for name in ("list", "create", "change", "remove")),
    *(["library", "collection", name] for name in ("put", "take", "move")),
    *(["library", "saved", name] for name in ("list", "save", "remove")),
    *(["library", "board", name] for name in ("create", "list", "show", "change", "add")),
    *(["library", "board", name] for name in ("remove", "order", "delete", "link", "links")),
    *(["library", "board", name] for name in ("revoke", "comments", "audit")),
    *(["library", name] for name in ("import", "lineage", "versions", "current")),
    *(["library", name] for name in ("compare", "again", "verify", "stats")),
    *(["library", name] for name in ("suggestions", "accept", "reject", "auto-tag")),
    *(["templates", name] for name in ("list", "search", "recommend")),
    *(["notify", name] for name in ("channels", "test", "dead", "retry")),
    *(["personas", name] for name in ("list", "show", "set", "remove")),
]


@pytest.mark.parametrize("command", _ALL, ids=" ".join)
def test_every_command_explains_itself(command: list[str], studio_command: Command) -> None:
    told = studio_command(*command, "--help")
    assert told.code == 0
    assert f"Usage: studio {' '.join(command)}" in told.out
    assert "--json" in told.out
    assert "--owner" in told.out


def test_root_help_names_every_command_with_its_summary(studio_command: Command) -> None:
    told = studio_command("--help")
    for name, _, summary in _COMMANDS:
        assert name in told.out
        assert summary in told.out
    assert "Exit codes: 0 done" in told.out


@pytest.mark.parametrize("name", [name for name, place, _ in _COMMANDS if ":app" not in place])
def test_a_commands_docstring_begins_with_its_summary(name: str) -> None:
    place, summary = next((place, says) for each, place, says in _COMMANDS if each == name)
    module, _, attribute = place.partition(":")
    found = getattr(importlib.import_module(f"interfaces.cli.{module}"), attribute)
    words = found.help if name in {"quote", "run"} else found.__doc__
    assert words.splitlines()[0] == summary


@pytest.mark.parametrize("verb", ["quote", "run"])
@pytest.mark.parametrize("name", list(OPERATIONS))
def test_an_operations_help_has_every_field_choice_and_default(
    verb: str, name: str, studio_command: Command
) -> None:
    kind = OPERATIONS[name]
    told = studio_command(verb, name, "--help")
    text = " ".join(told.out.replace("│", " ").split())
    assert example(verb, kind) in text
    for field in own_fields(kind):
        assert f"--{field.replace('_', '-')}" in text
        schema = kind.model_json_schema()["properties"][field]
        assert str(schema["description"]) in text
        for choice in schema.get("enum", schema.get("items", {}).get("enum", ())):
            assert choice in text


@pytest.mark.parametrize("name", list(OPERATIONS))
def test_every_operation_has_its_flow(name: str) -> None:
    flow = flow_of(OPERATIONS[name])
    assert operation_of(flow) is OPERATIONS[name]


def test_version(studio_command: Command) -> None:
    assert studio_command("--version").out.strip()[0].isdigit()
