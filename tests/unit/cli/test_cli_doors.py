"""Every command that tells or does something for a workspace asks first who is there."""

from __future__ import annotations

from pathlib import Path

import pytest

from interfaces.cli.exits import Exit
from studio.operations import OPERATIONS
from tests.unit.cli.conftest import Command
from tests.unit.cli.test_cli_help import _ALL

SHEET = "SHEET"
FILE = "FILE"

DOORS: dict[str, list[str]] = {
    "quote generate": ["--prompt", "a hill"],
    "run generate": ["--prompt", "a hill"],
    "batch check": [SHEET],
    "batch quote": [SHEET],
    "batch run": [SHEET],
    "batch status": ["bat_x"],
    "batch approve": ["bat_x"],
    "batch reject": ["bat_x"],
    "batch pause": ["bat_x"],
    "batch resume": ["bat_x"],
    "batch retry": ["bat_x"],
    "batch cancel": ["bat_x"],
    "batch manifest": ["bat_x"],
    "batch errors": ["bat_x"],
    "batch zip": ["bat_x", "--to", FILE + ".zip"],
    "batch sheet": ["bat_x", "--to", FILE + ".png"],
    "account show": [],
    "account history": [],
    "account statement": [],
    "account export": ["--to", FILE + ".csv"],
    "account plan": [],
    "account limits": [],
    "account events": [],
    "account members": [],
    "account budget": [],
    "account low-balance": ["5"],
    "account approval": ["5"],
    "account forecast": [],
    "account key": ["add", "mine"],
    "jobs list": [],
    "jobs show": ["job_x"],
    "jobs resolve": ["job_x", "bought"],
    "jobs collect": ["job_x", "remote"],
    "usage": [],
    "library list": [],
    "library show": ["ast_x"],
    "library export": ["ast_x"],
    "library search": ["fox"],
    "library counts": [],
    "library favourite": ["ast_x"],
    "library unfavourite": ["ast_x"],
    "library rate": ["3", "ast_x"],
    "library tag": ["x", "ast_x"],
    "library untag": ["x", "ast_x"],
    "library title": ["ast_x", "x"],
    "library note": ["ast_x", "x"],
    "library trash": ["ast_x"],
    "library restore": ["ast_x"],
    "library undo": [],
    "library shows": ["x"],
    "library similar": ["ast_x"],
    "library duplicates": [],
    "library check": [],
    "library download": ["ast_x", "--to", FILE + ".zip"],
    "library empty-trash": ["--yes"],
    "library collection list": [],
    "library collection create": ["x"],
    "library collection change": ["col_x"],
    "library collection remove": ["col_x"],
    "library collection put": ["col_x", "ast_x"],
    "library collection take": ["col_x", "ast_x"],
    "library collection move": ["col_x", "col_y", "ast_x"],
    "library saved list": [],
    "library saved save": ["x", "fox"],
    "library saved remove": ["x"],
    "library board create": ["ast_x", "--title", "x"],
    "library board list": [],
    "library board show": ["brd_x"],
    "library board change": ["brd_x", "--title", "x"],
    "library board add": ["brd_x", "ast_x"],
    "library board remove": ["brd_x", "ast_x"],
    "library board order": ["brd_x", "ast_x"],
    "library board delete": ["brd_x"],
    "library board link": ["brd_x"],
    "library board links": ["brd_x"],
    "library board revoke": ["brd_x", "blk_x"],
    "library board comments": ["brd_x"],
    "library board audit": ["brd_x"],
    "library import": [SHEET],
    "library verify": ["ast_x"],
    "library stats": [],
    "library suggestions": [],
    "library auto-tag": [],
    "library accept": ["ast_x"],
    "library reject": ["ast_x"],
    "library lineage": ["ast_x"],
    "library versions": ["ast_x"],
    "library current": ["ast_x"],
    "library compare": ["ast_x", "ast_y"],
    "library again": ["ast_x"],
    "prices what-if": [SHEET],
    "personas list": [],
    "personas show": ["x"],
    "personas set": ["x", "--tone", "calm"],
    "personas remove": ["x"],
    "schedule add": ["nightly", SHEET, "--every", "1h"],
    "schedule watch": ["inbox", ".", "--every", "1h"],
    "schedule list": [],
    "schedule show": ["nightly"],
    "schedule pause": ["nightly"],
    "schedule resume": ["nightly"],
    "schedule remove": ["nightly"],
    "notify channels": ["add", "ops", "env:STUDIO_CHANNEL_OPS"],
    "notify test": ["ops"],
    "notify dead": [],
    "notify retry": [],
}
"""A command's words, and what it needs so that only the user is wrong."""

OPEN = {
    *(
        "demo",
        "up",
        "api",
        "files",
        "register",
        "worker",
        "setup",
        "doctor",
        "providers",
        "emulators",
    ),
    *("templates list", "templates search", "templates recommend", "batch template"),
    *("prices list", "prices show", "prices books", "prices diff", "account plans"),
}
"""Commands that know of no workspace, or set up the machine's own."""

OPERATOR = {
    *("account open", "account top-up", "account cancel", "account suspend", "account resume"),
    *("account adjust", "account refund", "jobs resume", "reconcile"),
}
"""Commands of who has the database: they write down who it was."""


def test_every_command_is_known_to_be_a_door_or_not() -> None:
    alike = {f"{verb} {name}" for verb in ("quote", "run") for name in OPERATIONS}
    known = {" ".join(words) for words in _ALL}
    assert known == (alike | set(DOORS) | OPEN | OPERATOR)


@pytest.mark.parametrize("command", list(DOORS))
def test_a_stranger_gets_nowhere(command: str, tmp_path: Path, studio_command: Command) -> None:
    assert studio_command("account", "top-up", "100").code == 0
    sheet = tmp_path / "batch.csv"
    sheet.write_text("operation,prompt,provider\ngenerate,a hill,local\n")
    known = {SHEET: str(sheet)}
    given = [known.get(each, each.replace(FILE, str(tmp_path / "out"))) for each in DOORS[command]]
    told = studio_command("--user", "mallory", "--json", *command.split(), *given)
    assert (told.code, told.document["error"].get("reason")) == (Exit.REFUSED, "not_a_member")
    assert not list(tmp_path.glob("out*"))
