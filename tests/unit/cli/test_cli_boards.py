"""``studio library board`` as somebody uses it: a board, a link, what guests said, its end."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest

from interfaces.cli.exits import Exit
from interfaces.cli.opening import opened_database
from library.board_guests import Visit, decide, open_link, say
from library.board_items import items_on
from library.board_links import link_of_token
from studio import passwords
from studio.settings import settings
from tests.unit.cli.conftest import Command
from tests.unit.library.conftest import asset, file, identity


@pytest.fixture
def shelf(studio_command: Command) -> Command:
    """A library of four pictures."""
    assert studio_command("account", "top-up", "5").code == 0
    with opened_database(settings()) as database:
        file(database, *(asset(each, "demo") for each in range(1, 5)))
    return studio_command


def made(shelf: Command, *assets: int) -> str:
    ids = [identity(each) for each in assets]
    told = shelf("library", "board", "create", *ids, "--title", "Foxes", "--json")
    assert told.code == 0
    return str(told.document["board"])


def shown(shelf: Command, board: str) -> Any:
    return shelf("library", "board", "show", board, "--json").document


def token_of(told: Any) -> str:
    return str(told.document["url"].rpartition("/boards/")[2])


def test_a_board_is_made_filled_ordered_and_deleted(shelf: Command) -> None:
    board = made(shelf, 2, 1)
    assert shelf("library", "board", "add", board, identity(3), identity(1)).code == 0
    assert shelf("library", "board", "order", board, identity(3)).code == 0
    assert shelf("library", "board", "remove", board, identity(2)).code == 0
    assert shelf("library", "board", "change", board, "--note", "for you").code == 0
    found = shown(shelf, board)
    assert [each["asset"] for each in found["assets"]] == [identity(3), identity(1)]
    assert (found["title"], found["note"]) == ("Foxes", "for you")
    (listed,) = shelf("library", "board", "list", "--json").document["boards"]
    assert (listed["board"], listed["assets"], listed["links"]) == (board, 2, 0)
    for words in (["list"], ["show", board], ["audit", board], ["links", board]):
        assert shelf("library", "board", *words).code == 0
    assert shelf("library", "board", "delete", board).code == 0
    assert shelf("library", "board", "show", board, "--json").code == Exit.INVALID
    assert shelf("library", "show", identity(1)).code == 0


def test_a_board_is_made_of_a_collection(shelf: Command) -> None:
    told = shelf("library", "collection", "create", "Client", "--json")
    collection = told.document["collection"]
    shelf("library", "collection", "put", collection, identity(4))
    told = shelf("library", "board", "create", "--collection", collection, "--json")
    assert told.document["title"] == "Client"
    assert [it["asset"] for it in shown(shelf, told.document["board"])["assets"]] == [identity(4)]


def test_a_link_is_told_once_and_revoked(shelf: Command) -> None:
    board = made(shelf, 1)
    told = shelf(
        *("library", "board", "link", board, "--label", "Client", "--days", "7"),
        *("--views", "5", "--download", "--no-comments", "--json"),
    )
    assert told.document["url"].startswith(settings().files_url + "/boards/")
    assert "only time" in told.err
    (link,) = shelf("library", "board", "links", board, "--json").document["links"]
    assert (link["label"], link["most_views"], link["views"]) == ("Client", 5, 0)
    assert (link["download"], link["comments"], link["details"]) == (True, False, False)
    assert (link["password"], link["opens"]) == (False, True)
    assert token_of(told) not in shelf("library", "board", "links", board, "--json").out
    assert shelf("library", "board", "revoke", board, link["link"]).code == 0
    (link,) = shelf("library", "board", "links", board, "--json").document["links"]
    assert not link["opens"]
    assert "no more" in shelf("library", "board", "links", board).out
    whats = shelf("library", "board", "audit", board, "--json").document["events"]
    assert [each["what"] for each in whats] == ["revoked", "linked", "created"]
    assert [each["who"] for each in whats] == ["demo"] * 3
    for wrong in (["--days", "0"], ["--views", "0"], ["--label", "x" * 61]):
        assert shelf("library", "board", "link", board, *wrong, "--json").code == Exit.INVALID


def test_a_password_comes_from_stdin_or_a_file_and_from_nowhere_else(
    shelf: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    board = made(shelf, 1)
    monkeypatch.setattr("sys.stdin", io.StringIO("correct horse\n"))
    first = shelf("library", "board", "link", board, "--password", "@-", "--json")
    kept = tmp_path / "password"
    kept.write_text("battery staple\n")
    second = shelf("library", "board", "link", board, "--password", f"@{kept}", "--json")
    with opened_database(settings()) as database, database.read() as connection:
        for told, password in ((first, "correct horse"), (second, "battery staple")):
            link = link_of_token(connection, token_of(told))
            assert link is not None
            assert passwords.is_right(password, link.password)
            assert told.document["password"] is True
    told = shelf("library", "board", "link", board, "--password", "secret-words", "--json")
    assert (told.code, told.document["error"]["field"]) == (Exit.INVALID, "password")
    assert "secret-words" not in told.out + told.err
    for text in ("short", "\n"):
        kept.write_text(text)
        told = shelf("library", "board", "link", board, "--password", f"@{kept}", "--json")
        assert (told.code, told.document["error"]["field"]) == (Exit.INVALID, "password")
    for wrong in (f"@{tmp_path / 'missing'}", f"@{tmp_path}"):
        told = shelf("library", "board", "link", board, "--password", wrong, "--json")
        assert (told.code, told.document["error"]["field"]) == (Exit.INVALID, "password")


def test_the_owner_sees_what_guests_said_and_removes_it(shelf: Command) -> None:
    board = made(shelf, 1, 2)
    token = token_of(shelf("library", "board", "link", board, "--label", "Client", "--json"))
    with opened_database(settings()) as database:

        def work(connection: Any) -> None:
            link = link_of_token(connection, token)
            assert link is not None
            guest, _, _ = open_link(connection, link)
            item = items_on(connection, board)[0].id
            say(connection, Visit(link, guest), item, "Ann", "a \x1b[31mred fox")
            decide(connection, Visit(link, guest), item, "Ann", "approved")

        database.write(work)
    (comment,) = shelf("library", "board", "comments", board, "--json").document["comments"]
    assert (comment["name"], comment["label"]) == ("Ann", "Client")
    assert comment["asset"] == identity(1)
    told = shelf("library", "board", "comments", board)
    assert "red fox" in told.out
    assert "\x1b" not in told.out
    found = shown(shelf, board)
    assert [it["decision"] for it in found["assets"][0]["decisions"]] == ["approved"]
    assert found["views"] == 1
    removed = shelf("library", "board", "comments", board, "--remove", comment["comment"])
    assert removed.code == 0
    assert shelf("library", "board", "comments", board, "--json").document["comments"] == []
    again = shelf("library", "board", "comments", board, "--remove", comment["comment"], "--json")
    assert again.code == Exit.INVALID
