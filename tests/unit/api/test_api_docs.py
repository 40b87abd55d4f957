"""docs/api.md names every route, and no other."""

from __future__ import annotations

import re
from pathlib import Path

from interfaces.api.aliases import SAME, SEVERAL
from studio.operations import OPERATIONS
from tests.unit.api.conftest import PREFIX, Door

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


def test_the_scopes_that_the_page_names_are_those_of_the_routes(door: Door) -> None:
    told = dict(re.findall(r"^\| `([A-Z]+ /[^`]*)` \| `?([\w ]+?)`? \|", PAGE, re.MULTILINE))
    for route in door.app.routes:
        for dependency in getattr(getattr(route, "dependant", None), "dependencies", ()):
            scope = getattr(dependency.call, "scope", None)
            path = route.path.removeprefix(PREFIX)  # type: ignore[attr-defined]
            for method in route.methods:  # type: ignore[attr-defined]
                name = re.sub(r"^/operations/\w+$", "/operations/{operation}", path)
                if scope and f"{method} {name}" in told:
                    assert told[f"{method} {name}"] == scope, (method, path)
