"""What cannot be asked for is refused in words; without anything told, nothing is needed."""

from __future__ import annotations

import pytest

from engine.showing import LONGEST, show_what
from library.suggesting import Told, suggest
from providers.local import extras
from studio.database import Database
from studio.errors import InvalidRequest, SetupIncomplete
from tests.unit.library.conftest import OTHER, OWNER, asset, file, identity


@pytest.fixture
def without(monkeypatch: pytest.MonkeyPatch) -> None:
    """No extra is installed."""
    monkeypatch.setattr(extras, "find_spec", lambda name: None)


@pytest.mark.parametrize("words", ["", " \t", "!?", "x" * (LONGEST + 1)])
def test_words_that_say_nothing_or_too_much(sqlite_database: Database, words: str) -> None:
    with pytest.raises(InvalidRequest) as told:
        show_what(sqlite_database, OWNER, words)
    assert told.value.field == "words"
    assert told.value.allowed == "1 to 200 characters, with a word in them"


@pytest.mark.parametrize("limit", [0, 501])
def test_a_limit_is_kept(sqlite_database: Database, limit: int) -> None:
    with pytest.raises(InvalidRequest) as told:
        show_what(sqlite_database, OWNER, "a fox", limit=limit)
    assert told.value.field == "limit"


def test_the_extra_is_needed_where_something_was_told(
    sqlite_database: Database, without: None
) -> None:
    file(sqlite_database, asset(1))
    told = Told(owner=OWNER, asset=identity(1), source="local", job="", tags={"fox": 900})
    sqlite_database.write(lambda connection: suggest(connection, told))
    with pytest.raises(SetupIncomplete) as caught:
        show_what(sqlite_database, OWNER, "a vixen")
    assert caught.value.details["command"] == 'pip install "image-studio[search]"'
    assert show_what(sqlite_database, OTHER, "a vixen") == []
