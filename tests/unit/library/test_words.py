"""Words and marks: what an asset is found by, and that the databases find the same."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import delete, insert, select, text

from library import catch_up
from library.card_tables import backlog, cards, counts, hashes, words
from library.numbers import number_at, number_until
from library.words import LONGEST_WORD, MOST_WORDS, document, mark, marks_of_part, words_of
from studio.database import Database
from tests.unit.library.conftest import NOON, OTHER, OWNER, asset, file, identity


@pytest.mark.parametrize(
    ("given", "found"),
    [
        ("A red FOX, no. 7!", ["a", "red", "fox", "no", "7"]),
        ("fox-001_final.PNG", ["fox", "001", "final", "png"]),
        ("Café Straße \uff21\uff22\uff23", ["cafe", "strasse", "abc"]),
        ("雪の中 fox", ["雪", "の", "中", "fox"]),
        ("Ёлка", ["елка"]),
        ("\ue000abc \0 %_'\"*", ["abc"]),
        ("", []),
        ("x" * 100, ["x" * LONGEST_WORD]),
    ],
)
def test_texts_are_cut_into_words(given: str, found: list[str]) -> None:
    assert list(words_of(given)) == found


def test_a_long_text_does_not_push_out_the_marks() -> None:
    marks = [mark("kind", "image"), mark("model", "x")]
    found = document(marks, [" ".join(f"w{each}" for each in range(MOST_WORDS * 2))]).split()
    assert found[:2] == marks
    assert len(found) == MOST_WORDS + 2


def test_marks_cannot_be_typed() -> None:
    made = mark("kind", "image")
    assert made not in list(words_of(f"{made} {made[1:]}"))
    assert mark("kind", "a") != mark("model", "a")


def test_only_what_may_be_of_an_id_is_looked_up_as_such() -> None:
    assert marks_of_part("fox") == []
    assert marks_of_part("silly-word") == []
    assert len(marks_of_part("ast_01k9zzzzzzzzzzzzzzzzzzzzzz")) == 1
    assert len(marks_of_part("01k9zzzz")) == 2


def test_numbers_sort_by_time_and_then_by_place(database: Database) -> None:
    file(database, asset(2), asset(1), asset(3, created_at=NOON - timedelta(microseconds=1)))
    file(database, asset(4, OTHER))
    with database.read() as connection:
        found = list(connection.execute(select(cards.c.asset).order_by(cards.c.number)).scalars())
        least = connection.execute(select(cards.c.number).order_by(cards.c.number)).scalars().all()
    assert found == [identity(each) for each in (3, 2, 1, 4)]
    assert number_at(NOON) == least[1]
    assert least[-1] < number_until(NOON)


def test_no_two_have_the_same_number_however_close_they_arrive(database: Database) -> None:
    """A microsecond has 1,024 numbers; what is filed beyond takes those of the next ones."""
    close = [NOON] * 1_100 + [NOON + timedelta(microseconds=1)] * 3
    for first in (0, len(close)):
        named = enumerate(close, first)
        file(database, *(asset(number, created_at=moment) for number, moment in named))
    with database.read() as connection:
        found = connection.execute(select(cards.c.number)).scalars().all()
    assert len(found) == 2 * len(close)
    assert min(found) == number_at(NOON)
    assert max(found) < number_until(NOON)


def test_arrivals_are_counted_by_owner(database: Database) -> None:
    file(database, asset(1, bytes=5), asset(2, bytes=7, model="x"), asset(3, OTHER))
    query = select(counts.c.facet, counts.c.value, counts.c.count).where(counts.c.owner == OWNER)
    with database.read() as connection:
        found = {tuple(row) for row in connection.execute(query)}
    assert {
        ("live", "", 2),
        ("bytes", "", 12),
        ("model", "paint", 1),
        ("model", "x", 1),
        ("kind", "image", 2),
    } <= found


def index_of(database: Database, word: str) -> list[int]:
    """Ask the database's own full-text index."""
    if database.is_sqlite:
        query = "SELECT rowid FROM asset_words_index WHERE asset_words_index MATCH :word"
    else:
        query = (
            "SELECT number FROM asset_words WHERE array_to_tsvector(string_to_array(btrim(words),"
            " ' ')) @@ CAST(:word AS tsquery)"
        )
    quoted = f'"{word}"' if database.is_sqlite else f"'{word}'"
    with database.read() as connection:
        return list(connection.execute(text(query), {"word": quoted}).scalars())


@pytest.mark.parametrize("word", ["fox", mark("live", OWNER), "雪", "\U00010450", "ⅳ"])
def test_the_index_follows_every_change(database: Database, word: str) -> None:
    file(database, asset(1, prompt="a fox 雪 \U00010450 ⅳ"), asset(2, owner=OTHER, prompt="an owl"))
    number = number_at(NOON)
    (folded,) = [word] if word.startswith("\ue000") else words_of(word)
    assert index_of(database, folded) == [number]
    changed = words.update().where(words.c.number == number).values(words=" owl ")
    database.write(lambda connection: connection.execute(changed))
    assert index_of(database, folded) == []
    assert len(index_of(database, "owl")) == 2
    database.write(lambda connection: connection.execute(delete(words)))
    assert index_of(database, "owl") == []


def test_assets_of_before_get_their_cards(database: Database) -> None:
    file(database, *(asset(number, facts={"phash": "f" * 16}) for number in range(3)))

    def as_before(connection: object) -> None:
        for table in (hashes, words, cards, counts):
            connection.execute(delete(table))  # type: ignore[attr-defined]
        rows = [{"asset": identity(number)} for number in range(3)]
        connection.execute(insert(backlog), rows)  # type: ignore[attr-defined]

    database.write(as_before)
    assert catch_up(database) == 3
    assert catch_up(database) == 0
    with database.read() as connection:
        assert len(connection.execute(select(cards)).all()) == 3
        assert len(connection.execute(select(hashes)).all()) == 12
    assert len(index_of(database, mark("live", OWNER))) == 3
