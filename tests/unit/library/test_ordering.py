"""Order: what is done to many assets at once, idempotent, counted, searched, and undone."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import Connection, select

from library import Filters, count_matches, find_card, find_page, list_assets
from library.bulk import Action, reindex
from library.card_tables import asset_tags, cards, collection_items, counts, words
from library.collecting import (
    change_collection,
    collections_of,
    create_collection,
    remove_collection,
)
from library.ordering import (
    collect,
    entitle,
    favourite,
    move,
    note,
    rate,
    uncollect,
    unfavourite,
)
from library.saved import find_saved, remove_saved, save_search, saved_of
from library.tags import tag, untag
from library.trash import restore, trash
from library.undoing import actions_of, undo
from library.words import mark
from studio.database import Database
from studio.errors import Conflict, InvalidRequest, NotFound
from tests.unit.library.conftest import OTHER, OWNER, asset, file, identity

Work = Callable[..., Any]


def do(database: Database, work: Work, *given: Any, owner: str = OWNER, **named: Any) -> Any:
    return database.write(lambda connection: work(connection, owner, *given, **named))


def ids(*numbers: int) -> list[str]:
    return [identity(number) for number in numbers]


def seen(database: Database, **values: Any) -> set[int]:
    with database.read() as connection:
        page = find_page(connection, OWNER, Filters(**values), limit=500)
    return {int(each.asset.id[4:]) for each in page.found}


def counted(connection: Connection) -> dict[tuple[str, str], int]:
    query = select(counts.c.facet, counts.c.value, counts.c.count).where(
        counts.c.owner == OWNER, counts.c.count != 0
    )
    return {(facet, value): number for facet, value, number in connection.execute(query)}


def check(database: Database) -> None:
    """Compare counts and words with what the tables say."""

    def work(connection: Connection) -> None:
        found: Counter[tuple[str, str]] = Counter()
        for row in connection.execute(select(cards).where(cards.c.owner == OWNER)):
            found["bytes", ""] += row.bytes
            if row.deleted_at is not None:
                found["trash", ""] += 1
                continue
            found["live", ""] += 1
            found["favourite", ""] += row.favourite_at is not None
            for name in ("kind", "operation", "provider", "model", "status"):
                found[name, getattr(row, name)] += 1
            borne = select(asset_tags.c.tag).where(
                asset_tags.c.number == row.number, asset_tags.c.state == "accepted"
            )
            for name in connection.execute(borne).scalars():
                found["tag", name] += 1
            put = select(collection_items.c.collection).where(
                collection_items.c.number == row.number
            )
            for name in connection.execute(put).scalars():
                found["collection", name] += 1
        assert counted(connection) == {key: n for key, n in found.items() if n}
        before = {row.number: set(row.words.split()) for row in connection.execute(select(words))}
        reindex(connection, select(cards.c.number))
        after = {row.number: set(row.words.split()) for row in connection.execute(select(words))}
        assert before == after

    database.write(work)


def test_a_favourite_stays_one_however_often_it_is_asked_for(database: Database) -> None:
    file(database, asset(1), asset(2))
    first: Action = do(database, favourite, ids(1, 1))
    again: Action = do(database, favourite, ids(1))
    assert (first.assets, again.assets, again.id) == (1, 0, "")
    assert seen(database, favourite=True) == {1}
    assert seen(database, favourite=False) == {2}
    assert do(database, unfavourite, ids(1, 2)).assets == 1
    assert seen(database, favourite=True) == set()
    check(database)


def test_a_tag_that_goes_takes_no_words_with_it_that_are_elsewhere(database: Database) -> None:
    file(database, asset(1, prompt="a red fox"), asset(2, prompt="snow"), asset(3, name="fox.png"))
    everything = ids(1, 2, 3)
    for label in ("Red Fox", "fox", "red", "füchse"):
        do(database, tag, everything, label)
    do(database, untag, everything, "red fox")
    assert seen(database, words="red fox") == {1, 2, 3}  # two tags say so still
    do(database, untag, everything, "fox")
    do(database, untag, everything, "FÜCHSE")
    assert seen(database, words="fox") == {1, 3}
    assert seen(database, words="fuchse") == seen(database, tag="fox") == set()
    check(database)
    do(database, undo)
    assert seen(database, words="füchse") == {1, 2, 3}
    do(database, undo)
    assert seen(database, words="fox", tag="red") == {1, 2, 3}
    check(database)


def test_tags_written_by_an_earlier_version_go_as_well(database: Database) -> None:
    """It put the marks of tags first and each word once, wherever it comes from."""
    file(database, asset(1, prompt="a red fox"), asset(2, prompt="an owl"))
    do(database, tag, ids(1, 2), "red")

    def as_before(connection: Connection) -> None:
        for number, text in connection.execute(select(words.c.number, words.c.words)).all():
            once = dict.fromkeys([mark("tag", "red"), *text.split()])
            old = words.update().where(words.c.number == number)
            connection.execute(old.values(words=f" {' '.join(once)} "))

    database.write(as_before)
    assert seen(database, words="red") == seen(database, tag="red") == {1, 2}
    do(database, untag, ids(1, 2), "red")
    assert seen(database, words="red") == {1}
    assert seen(database, tag="red") == set()
    check(database)


def test_titles_notes_and_tags_are_searched(database: Database) -> None:
    file(database, asset(1, prompt="a fox", name="z.png"), asset(2, name="b.png"))
    do(database, entitle, identity(2), "  Winter   night ")
    do(database, note, identity(2), "for the client's cover")
    do(database, tag, ids(1, 2), "Blue Sky")
    assert seen(database, words="winter") == seen(database, words="client cover") == {2}
    assert seen(database, words="sky") == seen(database, tag="BLUE SKY") == {1, 2}
    with database.read() as connection:
        found = find_card(connection, OWNER, identity(2)).card
    assert (found.title, found.tags) == ("Winter night", ("Blue Sky",))
    do(database, entitle, identity(2), "")
    do(database, untag, ids(1), "blue sky")
    assert seen(database, words="winter") == set()
    assert seen(database, words="sky") == {2}
    check(database)


def test_what_is_in_the_trash_is_found_only_there(database: Database) -> None:
    file(database, *(asset(each, prompt="a fox") for each in range(4)))
    do(database, favourite, ids(1, 2))
    do(database, tag, ids(1, 3), "x")
    assert do(database, trash, ids(1)).assets == 1
    assert do(database, trash, ids(1, 2)).assets == 1
    assert seen(database, words="fox") == {0, 3}
    assert seen(database, words="fox", trashed=True) == seen(database, trashed=True) == {1, 2}
    assert seen(database, favourite=True) == set()
    with database.read() as connection:
        assert [each.id for each in list_assets(connection, OWNER, before=identity(2))] == ids(0)
        assert count_matches(connection, OWNER, Filters(tag="x")).number == 1
        assert count_matches(connection, OWNER, Filters(trashed=True)).number == 2
    check(database)
    with pytest.raises(NotFound):
        do(database, rate, ids(1), 3)
    with pytest.raises(NotFound):
        do(database, restore, ids(0))
    assert do(database, restore, ids(1)).assets == 1
    assert seen(database, tag="x") == {1, 3}
    check(database)


def test_an_asset_is_in_many_collections_and_those_within_count(database: Database) -> None:
    file(database, *(asset(each, prompt="a fox" if each else "an owl") for each in range(5)))
    outer = do(database, create_collection, "Outer").id
    inner = do(database, create_collection, "Inner", parent=outer).id
    smart = do(database, create_collection, "Foxes", filters=Filters(words="fox")).id
    do(database, collect, ids(0, 1), outer)
    do(database, collect, ids(1, 2), inner)
    assert seen(database, collection=outer) == {0, 1, 2}
    assert seen(database, collection=inner) == {1, 2}
    assert seen(database, collection=inner, words="owl") == set()
    assert seen(database, collection=smart) == {1, 2, 3, 4}
    do(database, favourite, ids(0, 3))
    assert seen(database, collection=smart, favourite=True) == {3}
    do(database, move, ids(1, 2), inner, outer)
    assert seen(database, collection=inner) == set()
    do(database, trash, ids(0))
    with database.read() as connection:
        sizes = {each.name: number for each, number in collections_of(connection, OWNER)}
    assert sizes == {"Outer": 2, "Inner": 0, "Foxes": 0}
    do(database, uncollect, ids(1), outer)
    do(database, change_collection, inner, name="Within", cover=identity(4), parent="")
    do(database, remove_collection, outer)
    check_words_of_collections(database)
    with pytest.raises(NotFound):
        seen(database, collection=outer)


def within(database: Database, *collections: str) -> list[set[int]]:
    return [seen(database, collection=each) for each in collections]


def test_a_move_is_one_thing_whatever_was_in_the_target_before(database: Database) -> None:
    file(database, *(asset(each) for each in range(4)))
    of, to = (do(database, create_collection, each).id for each in "AB")
    do(database, collect, ids(0, 1), of)
    do(database, collect, ids(1, 2), to)
    done: Action = do(database, move, ids(0, 1, 2, 3), of, to)
    assert (done.action, done.subject, done.assets) == ("move", to, 3)  # 2 was where it goes
    assert within(database, of, to) == [set(), {0, 1, 2, 3}]
    assert do(database, move, ids(0, 1, 2, 3), of, to).id == "", "asked for again it stays so"
    with database.read() as connection:
        assert [each.action for each in actions_of(connection, OWNER)[:2]] == ["move", "collect"]
    check(database)
    assert do(database, undo).assets == 3
    assert within(database, of, to) == [{0, 1}, {1, 2}]
    check(database)


def test_a_move_is_taken_back_as_far_as_nobody_changed_it_since(database: Database) -> None:
    file(database, *(asset(each) for each in range(5)))
    of, to = (do(database, create_collection, each).id for each in "AB")
    do(database, collect, ids(0, 1, 2, 3), of)
    done: Action = do(database, move, ids(0, 1, 2, 3, 4), of, to)
    do(database, collect, ids(0, 4), of)  # 0 is back, and 4 was in neither
    do(database, uncollect, ids(1), to)
    do(database, trash, ids(2))
    assert do(database, undo, done.id).assets == 2  # 3 and 4
    do(database, restore, ids(2))
    assert within(database, of, to) == [{0, 3, 4}, {0, 2}]
    check(database)


def test_a_move_out_of_what_is_gone_is_not_taken_back_by_halves(database: Database) -> None:
    file(database, asset(0), asset(1))
    of, to = (do(database, create_collection, each).id for each in "AB")
    do(database, collect, ids(0), of)
    do(database, move, ids(0), of, to)
    do(database, remove_collection, of)
    with pytest.raises(NotFound):
        do(database, undo)
    assert within(database, to) == [{0}]
    other = do(database, create_collection, "C").id
    do(database, move, ids(1), to, other)  # it was in neither
    do(database, remove_collection, to)
    assert do(database, undo).assets == 1
    assert within(database, other) == [set()]


def test_a_move_names_the_collection_that_is_not_right(database: Database) -> None:
    file(database, asset(0))
    of = do(database, create_collection, "A").id
    smart = do(database, create_collection, "B", filters=Filters()).id
    do(database, collect, ids(0), of)
    for there, to, field, kind in (
        (of, of, "to", InvalidRequest),
        (of, smart, "to", InvalidRequest),
        (of, "col_x", "to", NotFound),
        (smart, of, "collection", InvalidRequest),
        ("col_x", of, "collection", NotFound),
    ):
        with pytest.raises(kind) as refused:
            do(database, move, ids(0), there, to)
        assert (refused.value.field, refused.value.given) == (
            field,
            to if field == "to" else there,
        )
    assert within(database, of) == [{0}]


def check_words_of_collections(database: Database) -> None:
    with database.read() as connection:
        told = counted(connection)
    assert all(number > 0 for number in told.values())


def test_collections_have_a_place_and_a_name(database: Database) -> None:
    top = do(database, create_collection, "A").id
    chain = [top]
    for each in range(7):
        chain.append(do(database, create_collection, f"{each}", parent=chain[-1]).id)
    smart = do(database, create_collection, "Smart", filters=Filters()).id
    refused: list[tuple[type[Exception], Work, tuple[Any, ...], dict[str, Any]]] = [
        (InvalidRequest, create_collection, ("deep",), {"parent": chain[-1]}),
        (InvalidRequest, create_collection, ("x",), {"parent": smart}),
        (InvalidRequest, create_collection, (" ",), {}),
        (InvalidRequest, create_collection, ("x" * 121,), {}),
        (InvalidRequest, change_collection, (top,), {"parent": chain[3]}),
        (InvalidRequest, change_collection, (top,), {"filters": Filters()}),
        (Conflict, create_collection, ("A",), {}),
        (NotFound, create_collection, ("x",), {"parent": "col_x"}),
        (NotFound, change_collection, (top,), {"cover": "ast_x"}),
        (InvalidRequest, collect, (ids(1), smart), {}),
    ]
    for kind, work, given, named in refused:
        with pytest.raises(kind):
            do(database, work, *given, **named)


def test_smart_collections_that_go_round_are_refused(database: Database) -> None:
    one = do(database, create_collection, "one", filters=Filters()).id
    two = do(database, create_collection, "two", filters=Filters(collection=one)).id
    do(database, change_collection, one, filters=Filters(collection=two))
    with pytest.raises(InvalidRequest, match="too deeply"):
        seen(database, collection=one)


def test_everything_is_undone_as_it_was(database: Database) -> None:
    file(database, *(asset(each, prompt="a fox") for each in range(6)))
    of = do(database, create_collection, "A").id
    to = do(database, create_collection, "B").id
    do(database, favourite, ids(0))
    do(database, tag, ids(0), "old")
    do(database, rate, ids(0), 2)
    do(database, collect, ids(0, 2, 3), of)
    do(database, collect, ids(3, 4), to)
    do(database, entitle, identity(0), "Before")

    def state() -> list[Any]:
        with database.read() as connection:
            rows = [
                tuple(row) for row in connection.execute(select(cards).order_by(cards.c.number))
            ]
            texts = {
                row.number: set(row.words.split()) for row in connection.execute(select(words))
            }
            told = counted(connection)
            within = select(collection_items.c.collection, collection_items.c.number)
            collected = {tuple(row) for row in connection.execute(within)}
        return [rows, texts, told, collected]

    both = ids(0, 1)
    for work, *given in (
        (favourite, both),
        (unfavourite, both),
        (tag, both, "new"),
        (tag, both, "old"),
        (untag, ids(0), "old"),
        (rate, both, 5),
        (collect, both, of),
        (uncollect, ids(0), of),
        # In the first alone, in both, in the second alone, and in neither; then those in both.
        (move, ids(2, 3, 4, 5), of, to),
        (move, ids(3), of, to),
        (entitle, identity(0), "After"),
        (note, identity(0), "noted"),
        (trash, both),
    ):
        before = state()
        action: Action = do(database, work, *given)
        assert state() != before, work
        assert do(database, undo).id == action.id
        assert state() == before, work
        with pytest.raises(Conflict):
            do(database, undo, action.id)
    do(database, trash, both)
    before = state()
    do(database, restore, both)
    assert do(database, undo).assets == 2
    assert [each for each in state()[2].items() if each[0][0] != "x"] == list(before[2].items())
    check(database)
    with database.read() as connection:
        assert actions_of(connection, OWNER)[0].action == "restore"
        assert actions_of(connection, OTHER) == []


def test_what_was_changed_since_is_left_by_undo(database: Database) -> None:
    file(database, *(asset(each) for each in range(3)))
    done: Action = do(database, rate, ids(0, 1, 2), 3)
    do(database, rate, ids(1), 5)
    do(database, trash, ids(2))
    assert do(database, undo, done.id).assets == 1
    with database.read() as connection:
        ratings = [find_card(connection, OWNER, each).card.rating for each in ids(0, 1, 2)]
    assert ratings == [0, 5, 3]


def test_one_that_is_not_there_changes_none(database: Database) -> None:
    file(database, asset(1), asset(2, OTHER))
    for wrong in (identity(2), identity(3), "x"):
        for work, *rest in ((favourite,), (tag, "x"), (trash,), (rate, 1)):
            with pytest.raises(NotFound):
                do(database, work, [identity(1), wrong], *rest)
    with database.read() as connection:
        assert actions_of(connection, OWNER) == []
    check(database)


@pytest.mark.parametrize(
    ("work", "given", "field"),
    [
        (favourite, ([],), "assets"),
        (favourite, (["x"] * 1 + [f"{each}" for each in range(10_001)],), "assets"),
        (rate, (["x"], 6), "rating"),
        (tag, (["x"], "  "), "tag"),
        (tag, (["x"], "x" * 61), "tag"),
        (tag, (["x"], "\0a"), "tag"),
        (entitle, ("x", "x" * 201), "title"),
        (note, ("x", "\ud800"), "notes"),
    ],
)
def test_what_is_not_right_is_refused(
    sqlite_database: Database, work: Work, given: tuple[Any, ...], field: str
) -> None:
    with pytest.raises(InvalidRequest) as refused:
        do(sqlite_database, work, *given)
    assert refused.value.field == field


def test_searches_are_kept_under_names(database: Database) -> None:
    wanted = Filters(words="fox", favourite=True)
    do(database, save_search, "Foxes", Filters())
    do(database, save_search, " Foxes ", wanted, "largest")
    with database.read() as connection:
        assert find_saved(connection, OWNER, "Foxes") == (wanted, "largest")
        assert [each.name for each in saved_of(connection, OWNER)] == ["Foxes"]
        with pytest.raises(NotFound):
            find_saved(connection, OTHER, "Foxes")
    with pytest.raises(NotFound):
        do(database, remove_saved, "Foxes", owner=OTHER)
    do(database, remove_saved, "Foxes")
    with pytest.raises(InvalidRequest):
        do(database, save_search, "x", wanted, "best")


def test_counts_and_words_agree_after_anything(database: Database) -> None:
    dice = random.Random(7)
    file(database, *(asset(each, prompt="a fox", model=f"m{each % 3}") for each in range(12)))
    of, to = (do(database, create_collection, each).id for each in "AB")
    works: list[tuple[Work, tuple[Any, ...]]] = [
        *((each, ()) for each in (favourite, unfavourite, trash, restore)),
        (rate, (4,)),
        (tag, ("fox",)),
        (untag, ("fox",)),
        (collect, (of,)),
        (uncollect, (of,)),
        (move, (of, to)),
        (move, (to, of)),
    ]
    for _ in range(80):
        work, rest = dice.choice(works)
        some = ids(*dice.sample(range(12), dice.randint(1, 6)))
        try:
            if dice.random() < 0.3:
                do(database, undo)
            else:
                do(database, work, some, *rest)
        except (NotFound, Conflict):
            continue
    check(database)
