"""How the databases go about what is asked of the cards: nothing reads all that an owner has.

SQLite without statistics, as the studio's file is, takes every owner for one of ten cards.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from sqlalchemy import Connection, event

from library import Filters, count_matches, find_assets, find_page
from library.collecting import create_collection
from library.ordering import collect, favourite, move, rate, uncollect, unfavourite
from library.search import rows_of
from library.similar import similar
from library.tags import tag, untag
from library.trash import restore, trash
from library.undoing import undo
from studio.database import Database
from tests.unit.library.conftest import OWNER, asset, file, identity

_MANY = 600
_READS = ("SELECT", "WITH", "INSERT", "UPDATE", "DELETE")

Work = Callable[[Connection], Any]


def explained(database: Database, work: Work) -> list[str]:
    """Return the plans of all that some work asks of the database."""
    plans: list[str] = []

    def explain(_c: Any, cursor: Any, statement: str, given: Any, *_: Any) -> None:
        if statement.startswith(_READS):
            some = given[0] if isinstance(given, list) else given
            plan = cursor.connection.execute(f"EXPLAIN QUERY PLAN {statement}", some)
            plans.extend(row[3] for row in plan)

    def listening(connection: Connection) -> None:
        event.listen(connection, "before_cursor_execute", explain)
        work(connection)

    database.write(listening)
    return plans


def through_an_owner(plans: list[str]) -> list[str]:
    """Return the steps that go through all cards or words, or all those of an owner."""
    tables = ("asset_cards", "asset_words ", "assets", "asset_tags", "collection_items")
    scans = [step for step in plans if step.startswith(tuple(f"SCAN {each}" for each in tables))]
    cards = (step for step in plans if step.startswith("SEARCH asset"))
    return scans + [step for step in cards if step.endswith("(owner=?)")]


def count_a_million(connection: Connection) -> None:
    """Have statistics as there were a thousand times as many rows."""
    connection.exec_driver_sql("ANALYZE")
    rows = connection.exec_driver_sql("SELECT rowid, stat FROM sqlite_stat1 WHERE stat <> ''")
    for row in rows.all():
        known = [f"{int(each) * 1_000}" if each != "1" else "1" for each in row.stat.split()]
        changed = "UPDATE sqlite_stat1 SET stat = ? WHERE rowid = ?"
        connection.exec_driver_sql(changed, (" ".join(known), row.rowid))


@pytest.mark.parametrize("counted", [False, True], ids=["no statistics", "statistics"])
def test_an_action_on_many_assets_looks_at_no_others(
    sqlite_database: Database, *, counted: bool
) -> None:
    database = sqlite_database
    file(database, *(asset(number, facts={"phash": "f0" * 8}) for number in range(_MANY + 400)))
    made, other = (
        database.write(partial(create_collection, owner=OWNER, name=name)).id for name in "cd"
    )
    if counted:
        database.write(count_a_million)
        database.engine.dispose()  # statistics are read when a file is opened
    some = [identity(number) for number in range(_MANY)]
    works: dict[str, Work] = {
        "favourite": lambda c: favourite(c, OWNER, some),
        "unfavourite": lambda c: unfavourite(c, OWNER, some),
        "rate": lambda c: rate(c, OWNER, some, 3),
        "tag": lambda c: tag(c, OWNER, some, "t"),
        "collect": lambda c: collect(c, OWNER, some, made),
        "move": lambda c: move(c, OWNER, some, made, other),
        "undo a move": lambda c: undo(c, OWNER),
        "uncollect": lambda c: uncollect(c, OWNER, some, made),
        "untag": lambda c: untag(c, OWNER, some, "t"),
        "undo": lambda c: undo(c, OWNER),
        "trash": lambda c: trash(c, OWNER, some),
        "restore": lambda c: restore(c, OWNER, some),
        "rows": lambda c: rows_of(c, OWNER, some),
        "assets": lambda c: find_assets(c, OWNER, some),
        "similar": lambda c: similar(c, OWNER, some[0], limit=10),
    }
    found = {name: through_an_owner(explained(database, work)) for name, work in works.items()}
    assert {name: steps for name, steps in found.items() if steps} == {}


@pytest.mark.parametrize("look", [find_page, count_matches])
def test_postgres_plans_for_the_values_and_not_for_all_there_may_be(
    postgres_database: Database, look: Callable[..., Any]
) -> None:
    def mode(connection: Connection) -> Any:
        return connection.exec_driver_sql("SHOW plan_cache_mode").scalar()

    with postgres_database.read() as connection:
        look(connection, OWNER, Filters(words="fox", kind="video"))
        assert mode(connection) == "force_custom_plan"
    with postgres_database.read() as connection:  # the same connection, out of the pool
        assert mode(connection) == "auto"


def test_what_is_to_come_back_is_looked_up_by_its_ids_and_not_by_all_that_is_in_the_trash(
    postgres_database: Database,
) -> None:
    database, plans = postgres_database, list[str]()
    file(database, *(asset(number) for number in range(20)))
    some = [identity(number) for number in range(20)]
    database.write(lambda connection: trash(connection, OWNER, some))

    def explain(_c: Any, cursor: Any, statement: str, given: Any, *_: Any) -> None:
        if statement.startswith(_READS) and "asset_cards.asset IN" in statement:
            plan = cursor.connection.execute(f"EXPLAIN {statement}", given)
            plans.extend(row[0] for row in plan)

    def work(connection: Connection) -> None:
        connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
        event.listen(connection, "before_cursor_execute", explain)
        restore(connection, OWNER, some)

    database.write(work)

    assert plans
    assert not [step for step in plans if "ix_asset_cards_trash" in step]


@pytest.mark.parametrize(
    ("filters", "sort", "index"),
    [
        (Filters(), "rating", "ix_asset_cards_rating"),
        (Filters(rating=4), "rating", "ix_asset_cards_rating"),
        (Filters(rating=4), "newest", "ix_asset_cards_rating"),
        (Filters(trashed=True), "newest", "ix_asset_cards_trashed"),
    ],
    ids=["best rated", "best rated of the good", "good ones", "trash"],
)
def test_a_list_goes_by_an_index_of_no_more_than_what_it_lists(
    sqlite_database: Database,
    monkeypatch: pytest.MonkeyPatch,
    filters: Filters,
    sort: str,
    index: str,
) -> None:
    monkeypatch.setattr("library.bounds.RARE", 4)
    file(sqlite_database, *(asset(number) for number in range(40)))
    some = [identity(number) for number in range(20)]
    sqlite_database.write(lambda connection: rate(connection, OWNER, some, 4))
    sqlite_database.write(lambda connection: trash(connection, OWNER, some[10:]))
    plans = explained(sqlite_database, lambda c: find_page(c, OWNER, filters, sort=sort, limit=5))
    listed = [step for step in plans if "asset_cards USING" in step]
    assert listed
    # By time a few are taken whole, and looked up by their numbers.
    right = any if sort == "newest" and not filters.trashed else all
    assert right(index in step for step in listed), listed
