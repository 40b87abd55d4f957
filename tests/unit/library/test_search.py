"""Searching: every way to a page finds the same as looking at each asset, on both databases."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event

from library import Asset, Filters, count_matches, facets, filters_of, find_page
from library import bounds as limits
from library.card_tables import cards, words
from library.cards import shapes_of
from library.numbers import number_at
from library.search import rows_of
from library.sorting import NEWEST
from library.words import marks_of_id, words_of
from studio.database import Database
from studio.errors import InvalidRequest, NotFound
from tests.unit.library.conftest import NOON, OTHER, OWNER, asset, file, identity

WORDS = ("fox", "owl", "snow", "red", "tree")


def numbers(database: Database, sort: str = "newest", size: int = 50, **values: Any) -> list[int]:
    """Return the numbers of all that is found, page by page."""
    found: list[int] = []
    after = ""
    filters = Filters(**values)
    with database.read() as connection:
        for _ in range(200):
            page = find_page(connection, OWNER, filters, sort=sort, limit=size, after=after)
            assert len(page.found) <= size
            found += [int(each.asset.id[4:]) for each in page.found]
            after = page.following
            if not after:
                return found
    raise AssertionError("the list has no end")


@pytest.fixture(params=["as it is", "every bound is met", "so is that of Postgres's index"])
def bounds(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make a library of sixty assets a large one."""
    if request.param != "as it is":
        for name, most in (("RARE", 4), ("FEW", 4), ("ENTRIES", 35), ("CARDS", 6), ("NEAR", 5)):
            monkeypatch.setattr(limits, name, most)
    if request.param.startswith("so is"):
        monkeypatch.setattr(limits, "GIN", 0)
        monkeypatch.setattr(limits, "FURTHER", 3)


def various(seed: int, number: int = 60) -> list[Asset]:
    dice = random.Random(seed)
    return [
        asset(
            each,
            prompt=" ".join(dice.sample(WORDS, 3)),
            name=f"{dice.choice(WORDS)}-{each}.png",
            operation=dice.choice(["generate", "upscale", "import"]),
            provider=dice.choice(["local", "cloud"]),
            model=dice.choice(["paint", "sdxl", "flux"]),
            media_type=dice.choice(["image/png", "image/png", "video/mp4"]),
            bytes=dice.choice([1, 2, 2, 3, 50]),
            width=dice.choice([1, 16]),
            height=dice.choice([1, 9]),
            credits=dice.choice([0, 0, 7, 9]),
            facts={"colours": dice.sample(["red", "blue", "grey"], 2)},
            created_at=NOON + timedelta(minutes=each // 3),
        )
        for each in range(number)
    ]


Fits = Callable[[Asset], bool]


def has(*wanted: str) -> Fits:
    def fits(each: Asset) -> bool:
        there = set(words_of(f"{each.request['prompt']} {each.name}"))
        return set(wanted) <= there

    return fits


CASES: dict[str, tuple[dict[str, Any], Fits]] = {
    "all": ({}, lambda _: True),
    "kind": ({"kind": "video"}, lambda a: a.media_type == "video/mp4"),
    "model": ({"model": "sdxl"}, lambda a: a.model == "sdxl"),
    "module": ({"module": "upscale"}, lambda a: a.operation == "upscale"),
    "shape": ({"shape": "16:9"}, lambda a: "16:9" in shapes_of(a.width, a.height)),
    "colour": ({"colour": "red"}, lambda a: "red" in a.facts["colours"]),
    "word": ({"words": "fox"}, has("fox")),
    "words": ({"words": "Fox, RED"}, has("fox", "red")),
    "without": ({"words": "fox -red"}, lambda a: has("fox")(a) and not has("red")(a)),
    "only without": ({"words": "-red"}, lambda a: not has("red")(a)),
    "bytes": ({"least_bytes": 2, "most_bytes": 3}, lambda a: 2 <= a.bytes <= 3),
    "large": ({"least_bytes": 50}, lambda a: a.bytes >= 50),
    "wide": ({"least_width": 10}, lambda a: a.width >= 10),
    "dear": ({"least_credits": 7, "most_credits": 7}, lambda a: a.credits == 7),
    "time": (
        {"since": NOON + timedelta(minutes=3), "until": NOON + timedelta(minutes=9)},
        lambda a: NOON + timedelta(minutes=3) <= a.created_at < NOON + timedelta(minutes=9),
    ),
    "not favourite": ({"favourite": False}, lambda _: True),
    "favourite": ({"favourite": True}, lambda _: False),
    "several": (
        {"kind": "image", "model": "flux", "words": "owl", "least_bytes": 2, "least_height": 1},
        lambda a: (
            a.media_type == "image/png" and a.model == "flux" and has("owl")(a) and a.bytes >= 2
        ),
    ),
    "several in time": (
        {"provider": "cloud", "words": "snow", "until": NOON + timedelta(minutes=9)},
        lambda a: (
            a.provider == "cloud" and has("snow")(a) and a.created_at < NOON + timedelta(minutes=9)
        ),
    ),
}

KEYS: dict[str, Callable[[Asset], Any]] = {
    "newest": lambda a: (-int(a.id[4:]),),
    "oldest": lambda a: (int(a.id[4:]),),
    "largest": lambda a: (-a.bytes, -int(a.id[4:])),
    "smallest": lambda a: (a.bytes, int(a.id[4:])),
    "dearest": lambda a: (-a.credits, -int(a.id[4:])),
    "cheapest": lambda a: (a.credits, int(a.id[4:])),
    "name": lambda a: (a.name, int(a.id[4:])),
}


@pytest.mark.usefixtures("bounds")
def test_every_question_in_every_order(database: Database) -> None:
    mine = various(1)
    others = [asset(900 + each, OTHER, prompt="fox owl snow red tree") for each in range(20)]
    file(database, *mine, *others)
    for name, (values, fits) in CASES.items():
        for sort, key in KEYS.items():
            expected = [int(a.id[4:]) for a in sorted(filter(fits, mine), key=key)]
            for size in (2, 7, 500) if sort in {"newest", "largest"} else (17,):
                found = numbers(database, sort, size, **values)
                assert found == expected, (name, sort, size)


def test_postgres_goes_through_no_more_of_its_index_than_a_page_may_cost(
    postgres_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    file(postgres_database, *(asset(each, prompt="a red fox") for each in range(60)))
    with postgres_database.engine.connect() as connection:
        connection.execution_options(isolation_level="AUTOCOMMIT").exec_driver_sql("ANALYZE")
    for name, most in {"FEW": 4, "NEAR": 5, "FURTHER": 20}.items():
        monkeypatch.setattr(limits, name, most)
    asked = Filters(words="fox -red")
    for most, whole in ((180, True), (179, False)):  # the owner's mark and two words, of sixty
        monkeypatch.setattr(limits, "GIN", most)
        with postgres_database.read() as connection:
            page = find_page(connection, OWNER, asked)
        assert (page.whole, bool(page.following)) == (whole, not whole)
    assert numbers(postgres_database, words="fox -red") == []


@pytest.mark.usefixtures("bounds")
def test_outputs_of_one_job_are_told_apart_at_the_end_of_a_window(database: Database) -> None:
    """Where a search ends is known by the mark of an id, which the outputs of a job share."""
    dice = random.Random(4)
    mine = [
        asset(
            each,
            id=f"ast_{each // 4:026d}_{each % 4:02d}",
            prompt=" ".join(dice.sample(WORDS, 3)),
            job=f"job_{each // 4}",
            position=each % 4,
            created_at=NOON + timedelta(minutes=each % 7),
        )
        for each in range(48)
    ]
    file(database, *mine)
    order = sorted(mine, key=lambda a: (a.created_at, mine.index(a)))
    for typed, fits in (
        ("fox -red", lambda a: has("fox")(a) and not has("red")(a)),
        ("fox owl snow", has("fox", "owl", "snow")),
        ("-red -owl", lambda a: not has("red")(a) and not has("owl")(a)),
    ):
        expected = [a.id for a in order if fits(a)]
        for sort, right in (("oldest", expected), ("newest", expected[::-1])):
            found: list[str] = []
            after = ""
            with database.read() as connection:
                for _ in range(100):
                    page = find_page(
                        connection, OWNER, Filters(words=typed), sort=sort, limit=4, after=after
                    )
                    found += [each.asset.id for each in page.found]
                    after = page.following
                    if not after:
                        break
            assert found == right, (typed, sort)


def test_a_search_that_finds_nothing_ends_where_it_is_bound_to(
    sqlite_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """FTS5 alone would go through the whole library for two words that are never together."""
    file(sqlite_database, *(asset(each, prompt="fox" if each % 2 else "owl") for each in range(90)))
    monkeypatch.setattr(limits, "ENTRIES", 120)
    monkeypatch.setattr(limits, "FEW", 5)
    asked: list[Any] = []

    with sqlite_database.read() as connection:

        def heed(_c: Any, _cursor: Any, statement: str, given: Any, *_: Any) -> None:
            if statement.startswith("SELECT asset_cards") and "MATCH" in statement:
                asked.append(given)

        event.listen(connection, "before_cursor_execute", heed)
        page = find_page(connection, OWNER, Filters(words="fox owl"))
    assert (page.found, page.whole, page.following) == ((), False, NEWEST.at(number_of(68)))
    tried, gone_on = asked
    for given, last in ((tried, 88), (gone_on, 68)):
        # The two assets behind the end are found as well, and lie beyond the bound of the rowid.
        for each in (last, last - 1):
            assert f'"{next(marks_of_id(identity(each)))}"' in given[0]
        assert number_at(NOON) + last + 1 in given


def number_of(number: int) -> int:
    return number_at(NOON) + number + 1


@pytest.mark.usefixtures("bounds")
def test_what_goes_while_somebody_pages_hides_nothing(database: Database) -> None:
    file(database, *(asset(each, prompt="fox", bytes=each % 3 + 1) for each in range(30)))
    for sort in KEYS:
        with database.read() as connection:
            first = find_page(connection, OWNER, Filters(words="fox"), sort=sort, limit=5)
        gone = [each.card.number for each in first.found]

        def drop(connection: Any, gone: list[int] = gone) -> None:
            connection.execute(words.delete().where(words.c.number.in_(gone)))
            connection.execute(
                cards.update().where(cards.c.number.in_(gone)).values(owner="nobody")
            )

        whole = numbers(database, sort, words="fox")
        database.write(drop)
        rest: list[int] = []
        after = first.following
        while after:
            with database.read() as connection:
                page = find_page(
                    connection, OWNER, Filters(words="fox"), sort=sort, limit=2, after=after
                )
            rest += [int(each.asset.id[4:]) for each in page.found]
            after = page.following
        assert rest == whole[5:]


HOSTILE = (
    *('"', "'", 'a" OR "b', "fox AND", "OR", "NOT fox", "NEAR(fox owl)", "words:fox", "fox*"),
    *(
        "^fox",
        "(fox",
        "fox)",
        "{fox}",
        "fox:",
        "fox + owl",
        "%",
        "_",
        "\\",
        "; DROP TABLE assets",
        "a-b-c assets_x",
    ),
    *("' OR 1=1 --", "fox & owl", "fox | !owl", "fox:*", "<->", "-", "--", "- fox", "🦊", "\ue000"),
)


def test_nothing_that_is_typed_is_read_as_a_query(database: Database) -> None:
    file(database, asset(1, prompt="a fox"), asset(2, OTHER, prompt="a fox and or not near b"))
    for typed in HOSTILE:
        assert set(numbers(database, words=typed)) <= {1}, typed
        assert set(numbers(database, sort="name", words=typed)) <= {1}, typed
        with database.read() as connection:
            assert count_matches(connection, OWNER, Filters(words=typed)).number <= 1


def numbers_of(database: Database, words: str) -> list[str]:
    with database.read() as connection:
        return [each.asset.id for each in find_page(connection, OWNER, Filters(words=words)).found]


def test_parts_of_ids_find_their_assets(database: Database) -> None:
    mine = asset(1, id="ast_01kc9yzabcdefghjkmnpqrstvw_00", job="job_01kc9yzabcdefghjkmnpqrstvw")
    file(database, mine, asset(2, prompt="a fox"))
    for part in (mine.id, mine.job, "ast_01kc9yza", "01KC9YZABCDE", "mnpqrstvw", "qrstvw"):
        assert numbers_of(database, part) == [mine.id], part
    for part in (mine.id[-8:], mine.id[-8:].upper(), mine.id[-9:], mine.id[-12:]):
        assert numbers_of(database, part) == [mine.id], part
    for part in ("stvw_00", "rstvw_01", "kc9y", "rstvw"):
        assert numbers_of(database, part) == [], part


def test_the_best_match_comes_first_and_pages_are_whole(database: Database) -> None:
    file(
        database,
        asset(1, prompt="a red fox"),
        asset(2, prompt="a fox in red snow", name="fox.png"),
        asset(3, prompt="an owl", name="red-fox.png"),
        asset(4, prompt="an owl"),
        asset(5, prompt="fox, trees, red"),
    )
    assert numbers(database, "ranked", words="red fox") == [3, 1, 2, 5]
    assert numbers(database, "ranked", 1, words="red fox") == [3, 1, 2, 5]
    with pytest.raises(InvalidRequest, match="ranked"):
        numbers(database, "ranked")


def test_counts_are_known_or_bounded(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    mine = various(2)
    file(database, *mine, asset(900, OTHER))
    with database.read() as connection:
        for values, fits in CASES.values():
            told = count_matches(connection, OWNER, Filters(**values))
            assert (told.number, told.exact) == (sum(map(fits, mine)), True), values
        monkeypatch.setattr("library.search.MOST_COUNTED", 5)
        told = count_matches(connection, OWNER, Filters(words="fox", kind="image"))
        assert (told.number, told.exact) == (5, False)
        models = facets(connection, OWNER, "model")
    assert sum(models.values()) == len(mine)
    assert list(models.values()) == sorted(models.values(), reverse=True)


@pytest.mark.parametrize(
    ("values", "field"),
    [
        ({"sort": "best"}, "sort"),
        ({"limit": 0}, "limit"),
        ({"limit": 501}, "limit"),
        ({"after": "newest.zz"}, "after"),
        ({"after": "oldest.1"}, "after"),
        ({"after": "largest.1.41", "sort": "largest"}, "after"),
        ({"after": "1", "sort": "ranked", "filters": Filters(words="fox")}, "after"),
        ({"filters": Filters(words="a " * 21)}, "words"),
    ],
)
def test_what_is_no_question_is_refused(
    sqlite_database: Database, values: dict[str, Any], field: str
) -> None:
    with sqlite_database.read() as connection, pytest.raises(InvalidRequest) as refused:
        find_page(connection, OWNER, **values)
    assert refused.value.field == field


def test_filters_survive_being_kept() -> None:
    given = Filters(words="fox", since=NOON, favourite=False, least_bytes=0, trashed=True)
    assert filters_of(given.as_json()) == given
    for broken in ({"x": 1}, {"words": 1}, {"since": "soon"}, {"rating": None}, {"favourite": 1}):
        with pytest.raises(InvalidRequest):
            filters_of(broken)


def test_a_collection_of_nobody_is_not_found(sqlite_database: Database) -> None:
    with sqlite_database.read() as connection, pytest.raises(NotFound):
        find_page(connection, OWNER, Filters(collection="col_x"))


def test_the_index_is_gone_through_first_and_nothing_is_sorted(sqlite_database: Database) -> None:
    file(sqlite_database, *various(3))
    plans: list[str] = []

    with sqlite_database.read() as connection:

        def explain(_c: Any, cursor: Any, statement: str, given: Any, *_: Any) -> None:
            if statement.startswith("SELECT asset_cards"):
                plan = cursor.connection.execute(f"EXPLAIN QUERY PLAN {statement}", given)
                plans.extend(row[3] for row in plan)

        event.listen(connection, "before_cursor_execute", explain)
        find_page(connection, OWNER, Filters(words="fox", model="flux"))
        find_page(connection, OWNER)
    assert len(plans) == 3
    assert plans[0].startswith("SCAN asset_words_index VIRTUAL TABLE")
    assert plans[1] == "SEARCH asset_cards USING INTEGER PRIMARY KEY (rowid=?)"
    assert plans[2].startswith("SEARCH asset_cards USING INDEX ix_asset_cards_live")


def test_pages_say_whose_card_they_show(database: Database) -> None:
    file(database, asset(1), asset(2, OTHER))
    with database.read() as connection:
        assert [row.asset for row in rows_of(connection, OWNER, [identity(1), identity(2)])] == [
            identity(1)
        ]
