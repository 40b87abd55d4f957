"""docs/api.md names every route, and no other."""

from __future__ import annotations

import re
from pathlib import Path

from interfaces.api.aliases import SAME, SEVERAL
from studio.operations import OPERATIONS
from tests.unit.api.conftest import PREFIX, Door
from tests.unit.api.test_api_tenants import CASES, scope_of

PAGE = (Path(__file__).parents[3] / "docs" / "api.md").read_text(encoding="utf-8")


def _table(head: str) -> str:
    return PAGE.split(f"\n## {head}\n")[1].split("\n## ")[0]


def test_every_route_is_documented_and_nothing_else_is(door: Door) -> None:
    own = set(re.findall(r"^\| `([A-Z]+ /[^`]*)` \| ", _table("Routes"), re.MULTILINE))
    originals = {
        name
        for line in _table("The original's addresses").splitlines()
        for name in re.findall(r"`([A-Z]+ /[^`]*)`", line.split("|")[1] if "|" in line else "")
    }
    gone = {"POST /save-to-library", "GET /videos/{user}/{file}"}
    there = {
        f"{method.upper()} {path.removeprefix(PREFIX)}"
        for path, methods in door.get("/openapi.json", key=None).json()["paths"].items()
        for method in methods
    }
    one = "POST /operations/{operation}"
    assert {f"POST /operations/{name}" for name in OPERATIONS} < there
    folded = {one if name.startswith("POST /operations/") else name for name in there}
    assert own | (originals - gone) == folded
    assert {f"POST {path}" for path in (*SAME, *SEVERAL)} < originals


def test_the_scopes_that_the_page_names_are_those_of_the_routes() -> None:
    told = dict(
        re.findall(r"^\| `([A-Z]+ /[^`]*)` \| `?([\w ]+?)`? \|", _table("Routes"), re.MULTILINE)
    )
    compared = 0
    for method, path in CASES:
        name = re.sub(r"^/operations/\w+$", "/operations/{operation}", path)
        if f"{method} {name}" in told:
            assert told[f"{method} {name}"] == scope_of(method, path), (method, path)
            compared += 1
    assert compared > 50
