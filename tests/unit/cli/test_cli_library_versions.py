"""``studio library``: lineage, versions, comparing, running again, without Prefect."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from engine.single import hold_credits, order_of, plan_one
from engine.studio import Studio
from engine.tidying import empty_trash_of
from interfaces.cli.opening import opened_studio
from studio.operations import Compress, Generate, Operation
from tests.unit.cli.conftest import Command


def make(studio: Studio, operation: Operation, key: str) -> str:
    planned = plan_one(studio, operation, "demo", key)
    held = hold_credits(studio, "demo", f"{key}/1", planned.quote.total, "a test")
    order = order_of(planned, owner="demo", key=key, hold_id=held.id, run=key)
    job = studio.loop.run(studio.executor.execute(order))
    return job.asset_ids()[0]


@pytest.fixture
def pair(studio_command: Command) -> tuple[str, str]:
    """A picture of the local provider, and one that was made of it."""
    assert studio_command("account", "top-up", "100").code == 0
    with opened_studio() as studio:
        drawn = Generate(prompt="a hill", width=96, height=64, seed=7, provider="local")
        first = make(studio, drawn, "one")
        return first, make(studio, Compress(image=first), "two")


def test_lineage_versions_and_which_one_counts(
    studio_command: Command, pair: tuple[str, str]
) -> None:
    first, second = pair
    found = studio_command("library", "lineage", second, "--json").document
    assert [(each["id"], each["steps"]) for each in found["related"]] == [(first, -1), (second, 0)]
    assert found["edges"] == [{"asset": second, "field": "image", "parent": first}]
    assert first in studio_command("library", "lineage", second).out

    before = studio_command("library", "versions", first, "--json").document
    assert (before["root"], before["current"], before["chosen"]) == (first, second, False)
    assert studio_command("library", "current", first, "--json").document["root"] == first
    after = studio_command("library", "versions", second, "--json").document
    assert (after["current"], after["chosen"]) == (first, True)
    assert "v1 *" in studio_command("library", "versions", second).out


def test_what_is_in_the_trash_is_shown_there_and_does_not_count(
    studio_command: Command, pair: tuple[str, str]
) -> None:
    first, second = pair
    assert studio_command("library", "current", second).code == 0
    assert studio_command("library", "trash", second).code == 0
    told = studio_command("library", "versions", first, "--json").document
    assert (told["current"], told["chosen"]) == (first, False)
    assert [bool(each["deleted_at"]) for each in told["versions"]] == [False, True]
    shown = studio_command("library", "versions", first).out
    assert "v1 *" in shown
    assert "in the trash" in next(line for line in shown.splitlines() if second in line)
    assert "* is current, as the newest one that is not in the trash." in shown
    refused = studio_command("library", "current", second, "--json")
    assert (refused.code, refused.document["error"]["field"]) == (2, "asset")
    assert studio_command("library", "trash", first).code == 0
    assert "All are in the trash." in studio_command("library", "versions", first).out
    assert studio_command("library", "restore", first).code == 0
    with opened_studio() as studio:
        assert empty_trash_of(studio, "demo").assets == 1
    told = studio_command("library", "versions", first, "--json").document
    assert [each["asset"] for each in told["versions"]] == [first]
    assert told["current"] == first
    assert "v1 *" in studio_command("library", "versions", first).out


def test_the_current_version_is_told_also_where_it_is_not_shown(
    studio_command: Command, pair: tuple[str, str]
) -> None:
    shown = studio_command("library", "versions", pair[0], "--limit", "1").out
    assert f"{pair[1]} is current, as the newest one. There are more." in shown


def test_two_versions_are_compared_in_words_and_side_by_side(
    studio_command: Command, pair: tuple[str, str], tmp_path: Path
) -> None:
    file = tmp_path / "both.png"
    told = studio_command("library", "compare", *pair, "--to", str(file), "--json").document
    fields = [each["field"] for each in told["differences"]]
    assert {"operation", "prompt", "bytes"} <= set(fields)
    assert fields.index("prompt") < fields.index("bytes")
    with Image.open(file) as sheet:
        assert sheet.width > sheet.height
    same = studio_command("library", "compare", pair[0], pair[0])
    assert "The same bytes." in same.out


def test_again_tells_its_price_and_buys_nothing_when_checked(
    studio_command: Command, pair: tuple[str, str]
) -> None:
    words = ("library", "again", pair[0], "--check", "--set", "prompt=a lake", "--json")
    told = studio_command(*words).document
    assert told["operation"]["prompt"] == "a lake"
    assert (told["operation"]["seed"], told["operation"]["provider"]) == (7, "local")
    assert told["token"]
    assert len(studio_command("library", "list", "--json").document["assets"]) == 2


@pytest.mark.parametrize(
    ("words", "code", "field"),
    [
        (["lineage", "{}", "--depth", "0"], 2, "depth"),
        (["lineage", "{}", "--limit", "3000"], 2, "limit"),
        (["versions", "{}", "--limit", "0"], 2, "limit"),
        (["again", "{}", "--check", "--set", "nonsense"], 2, "set"),
        (["again", "{}", "--check", "--set", "nonsense=1"], 2, "set"),
        (["lineage", "ast_x"], 2, "asset"),
        (["versions", "ast_x"], 2, "asset"),
        (["current", "ast_x"], 2, "asset"),
        (["compare", "{}", "ast_x"], 2, "asset"),
        (["again", "ast_x"], 2, "asset"),
    ],
)
def test_what_is_wrong_is_named(
    studio_command: Command, pair: tuple[str, str], words: list[str], code: int, field: str
) -> None:
    told = studio_command("library", *(each.format(pair[0]) for each in words), "--json")
    assert (told.code, told.document["error"]["field"]) == (code, field)


def test_a_download_is_counted_and_told_by_period(
    studio_command: Command, pair: tuple[str, str], tmp_path: Path
) -> None:
    assert "nothing was delivered" in studio_command("library", "stats").out
    for _ in range(2):
        words = ("library", "export", pair[0], "--to", str(tmp_path / "a.png"))
        assert studio_command(*words).code == 0
    told = studio_command("library", "stats", "this-month", "--json").document
    assert told["uses"] == {"view": 0, "download": 2, "share": 0}
    assert [(each["asset"], each["download"]) for each in told["top"]] == [(pair[0], 2)]
    assert pair[0] in studio_command("library", "stats").out
    assert studio_command("library", "stats", "nonsense").code == 2
    assert studio_command("library", "stats", "--top", "1000").code == 2


def test_what_has_no_credentials_says_so_and_a_lost_file_is_told(
    studio_command: Command, pair: tuple[str, str], home: Path
) -> None:
    told = studio_command("library", "verify", pair[0], "--json").document
    assert (told["credentials"], told["chain"], told["source_type"]) == (
        "none",
        [],
        "algorithmicMedia",
    )
    assert "no Content Credentials" in studio_command("library", "verify", pair[0]).out
    sha256 = told["sha256"]
    (home / "blobs" / sha256[:2] / sha256).write_bytes(b"damaged")
    assert studio_command("library", "verify", pair[0]).code == 4
