"""Running again what made a picture, as its real flow: the same one, and one with a change."""

from __future__ import annotations

from pathlib import Path

import pytest

from interfaces.cli.opening import opened_studio
from studio.operations import Generate
from tests.support.homes import command
from tests.support.shelves import Shelf, made


@pytest.mark.usefixtures("prefect")
def test_the_same_request_makes_the_same_and_a_change_makes_a_version_of_it(
    empty: Shelf, tmp_path: Path
) -> None:
    with opened_studio() as studio:
        wish = Generate(prompt="a green hill", width=96, height=64, seed=7, provider="local")
        first = made(studio, wish, "first")
    spent = command("account", "show", "--json").document["captured"]
    price = empty.do("again", first, "--check")["quote"]["total"]

    told = empty.do("again", first, "--to", str(tmp_path / "same"))
    (same,) = told["assets"]
    changed = empty.do(
        *("again", same["asset"], "--set", "prompt=a blue sea", "--set", "width=128"),
        *("--to", str(tmp_path / "changed")),
    )
    (other,) = changed["assets"]

    assert changed["changed"] == {"prompt": "a blue sea", "width": "128"}
    tree = empty.do("versions", first)
    assert [(each["asset"], each["before"]) for each in tree["versions"]] == [
        (first, None),
        (same["asset"], first),
        (other["asset"], same["asset"]),
    ]
    assert tree["current"] == other["asset"]
    hashes = [each["sha256"] for each in tree["versions"]]
    assert hashes[0] == hashes[1] != hashes[2]
    assert [each["width"] for each in tree["versions"]] == [96, 96, 128]
    assert tree["versions"][2]["request"]["seed"] == 7
    now = command("account", "show", "--json").document["captured"]
    assert now - spent == price + changed["spent"]
    assert Path(other["file"]).is_file()
