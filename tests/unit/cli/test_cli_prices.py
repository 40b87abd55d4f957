"""``studio prices``: what is said of prices, costs and margins."""

from __future__ import annotations

from pathlib import Path

import pytest

from billing.pricebook import books
from tests.unit.cli.conftest import Command


def test_every_price_is_listed_with_its_cost_and_margin(studio_command: Command) -> None:
    newest = books()[-1]
    told = studio_command("prices", "list", "--book", newest.version, "--json").document
    assert told["offers"] == len(told["prices"]) == len(newest.lines)
    for each in told["prices"]:
        assert each["price"] - each["cost"] == each["margin"]
        assert each["source"]
    shown = studio_command("prices", "list", "--provider", "stability")
    assert "stability/core" in shown.out
    assert "local/" not in shown.out


def test_one_price_and_where_it_comes_from(studio_command: Command) -> None:
    told = studio_command("prices", "show", "stability/core", "--json").document
    assert (told["price"], told["cost"], told["margin_share"]) == (3_600_000, 3_000_000, "16.7 %")
    assert "price list" in studio_command("prices", "show", "stability/core").out


def test_what_changed_between_two_books(studio_command: Command) -> None:
    oldest, newest = books()[0], books()[-1]
    told = studio_command("prices", "diff", oldest.version, newest.version, "--json").document
    assert told["same"] + len(told["changed"]) + len(told["removed"]) == len(oldest.lines)
    assert told["same"] + len(told["changed"]) + len(told["added"]) == len(newest.lines)
    assert "added" in studio_command("prices", "diff", oldest.version).out


def test_the_books_say_which_is_in_force(studio_command: Command) -> None:
    told = studio_command("prices", "books", "--json").document["books"]
    assert [each["book"] for each in told if each["in_force"]] == [told[-1]["book"]]
    assert "in force" in studio_command("prices", "books").out


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("list", "--book", "2020"), 2),
        (("list", "--provider", "nobody"), 2),
        (("diff", "2020"), 2),
        (("show", "local/nothing"), 3),
    ],
)
def test_what_is_not_there_is_said(
    words: tuple[str, ...], code: int, studio_command: Command
) -> None:
    told = studio_command("prices", *words, "--json")
    assert told.code == code
    assert told.document["error"]["given"]


def test_a_quote_is_signed_kept_and_refused_for_anything_else(
    studio_command: Command, tmp_path: Path
) -> None:
    studio_command("account", "top-up", "1")
    file = tmp_path / "quote.txt"
    fox = ("generate", "--prompt", "a fox")
    told = studio_command("quote", *fox, "--save", str(file), "--json").document
    assert file.read_text("utf-8").strip() == told["token"]
    assert told["id"].startswith("quo_")
    for given in (told["token"], f"@{file}"):
        refused = studio_command("run", *fox, "--seed", "3", "--quote", given, "--json")
        assert refused.code == 2
        assert refused.document["error"]["field"] == "quote"
    other = studio_command("run", *fox, "--quote", told["token"], "--owner", "bob", "--json")
    assert "another wallet" in other.document["error"]["message"]
    missing = studio_command("run", *fox, "--quote", f"@{file}.gone", "--json")
    assert (missing.code, missing.document["error"]["field"]) == (2, "quote")


def test_what_if_prices_a_batch_with_each_provider(studio_command: Command, tmp_path: Path) -> None:
    file = tmp_path / "batch.csv"
    file.write_text("operation,prompt\ngenerate,a fox\n", encoding="utf-8")
    told = studio_command("prices", "what-if", str(file), "--json").document
    by_name = {each["provider"]: each for each in told["alternatives"]}
    assert by_name["auto"]["total"] == by_name["local"]["total"] > 0
    assert by_name["stability"]["not_ready"] == "needs a key: set STUDIO_STABILITY_KEY"
    assert "stability" in studio_command("prices", "what-if", str(file)).out
    assert studio_command("prices", "what-if", str(file) + ".gone").code == 2


def test_what_if_takes_the_options_of_a_run(studio_command: Command, tmp_path: Path) -> None:
    file = tmp_path / "batch.csv"
    file.write_text("prompt,steps\na fox,\n", encoding="utf-8")
    bare = ("--operation", "generate", "--set", "quality=draft")
    for command in (("prices", "what-if"), ("batch", "quote", "--what-if")):
        assert studio_command(*command, str(file), "--json").code == 2
        faulty = studio_command(*command, str(file), *bare, "--set", "size=1", "--json")
        assert faulty.code == 2
    file.write_text("prompt\na fox\n", encoding="utf-8")
    told = [
        studio_command(*command, str(file), *bare, "--json").document
        for command in (("prices", "what-if"), ("batch", "quote", "--what-if"))
    ]
    assert told[0] == told[1]
    assert told[0]["alternatives"][0]["rows"] == told[0]["rows"] == 1


def test_a_batch_is_quoted_kept_and_refused_for_another_file(
    studio_command: Command, tmp_path: Path
) -> None:
    studio_command("account", "top-up", "1")
    file, saved = tmp_path / "batch.csv", tmp_path / "quote.txt"
    file.write_text("prompt\na fox\n", encoding="utf-8")
    rest = ("--operation", "generate", "--json")
    told = studio_command("batch", "quote", str(file), *rest, "--save", str(saved)).document
    assert saved.read_text("utf-8").strip() == told["token"]
    assert told["id"].startswith("quo_")
    assert told["total"] == told["quote"]["total"] > 0
    assert told["expires_at"] == told["quote"]["expires_at"]
    shown = studio_command("batch", "quote", str(file), "--operation", "generate").out
    assert "stands until" in shown
    file.write_text("prompt\na wolf\n", encoding="utf-8")
    for given, words in (
        (f"@{saved}", "made for other rows"),
        (told["token"][:-2] + "AA", "changed, or was signed"),
        (f"@{saved}.gone", "cannot be read"),
    ):
        refused = studio_command("batch", "run", str(file), *rest, "--quote", given)
        assert (refused.code, refused.document["error"]["field"]) == (2, "quote")
        assert words in refused.document["error"]["message"]
    file.write_text("prompt\na fox\n", encoding="utf-8")
    other = studio_command(
        "batch", "run", str(file), *rest, "--quote", f"@{saved}", "--owner", "bob"
    )
    assert "another wallet" in other.document["error"]["message"]
    file.write_text("operation,prompt\npaint,a fox\n", encoding="utf-8")
    faulty = studio_command("batch", "quote", str(file), "--json")
    assert (faulty.code, faulty.document["error"]["code"]) == (2, "batch_invalid")
    assert studio_command("account", "show", "--json").document["held"] == 0
