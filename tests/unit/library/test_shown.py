"""Pictures are found by tags that are near: how near, and how sure whoever told them was."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from library.shown import MOST_NEAR, Shown, names_told, shown
from library.suggesting import Told, reject, suggest
from library.tags import tag
from library.trash import trash
from studio.database import Database
from studio.errors import InvalidRequest
from tests.unit.library.conftest import OTHER, OWNER, asset, file, identity
from tests.unit.library.test_plans import explained


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest) -> Database:
    found = request.getfixturevalue(f"{request.param}_database")
    assert isinstance(found, Database)
    return found


def tell(
    database: Database, number: int, tags: Mapping[str, int | None], owner: str = OWNER
) -> None:
    told = Told(owner=owner, asset=identity(number), source="local", job="", tags=tags)
    database.write(lambda connection: suggest(connection, told))


def found(database: Database, near: Mapping[str, int], limit: int = 20) -> list[Shown]:
    with database.read() as connection:
        return shown(connection, OWNER, near, limit=limit)


def numbers(some: list[Shown]) -> list[int]:
    return [int(each.found.asset.id[4:]) for each in some]


def test_what_is_nearer_and_surer_comes_first_and_several_count_together(
    database: Database,
) -> None:
    file(database, *(asset(number) for number in range(1, 7)))
    tell(database, 1, {"dog": 400})
    tell(database, 2, {"dog": 900})
    tell(database, 3, {"dog": 900, "snow": 500})
    tell(database, 4, {"colour": None})
    tell(database, 5, {"cup": 990})
    database.write(lambda connection: tag(connection, OWNER, [identity(6)], "Dog"))
    some = found(database, {"dog": 800, "snow": 400, "colour": 400})
    assert numbers(some) == [6, 3, 2, 1, 4]
    scores = [each.score for each in some]
    assert scores == [800, 776, 720, 320, 200], "1 - (1 - 0.8 * 0.9) * (1 - 0.4 * 0.5) is 0.776"
    assert some[1].tags == ("dog", "snow")
    assert numbers(found(database, {"dog": 800}, limit=2)) == [6, 3]
    assert found(database, {}) == []
    assert found(database, {"cat": 900}) == []


def test_only_ones_own_what_is_not_rejected_and_not_in_the_trash(database: Database) -> None:
    file(database, asset(1), asset(2), asset(3), asset(9, OTHER))
    for number in (1, 2, 3):
        tell(database, number, {"dog": 900})
    tell(database, 9, {"dog": 990, "secret": 990}, OTHER)
    database.write(lambda connection: trash(connection, OWNER, [identity(2)]))
    database.write(lambda connection: reject(connection, OWNER, identity(3), ["dog"]))
    assert numbers(found(database, {"dog": 900, "secret": 900})) == [1]
    with database.read() as connection:
        assert names_told(connection, OWNER) == ["dog"]
        assert names_told(connection, "nobody") == []


def test_names_are_told_once_each_up_to_a_bound(database: Database) -> None:
    file(database, *(asset(number) for number in range(1, 5)))
    for number in range(1, 5):
        tell(database, number, {"dog": 900, "cat": 100, f"tag {number}": 500})
    with database.read() as connection:
        assert names_told(connection, OWNER) == [
            *("cat", "dog"),
            *(f"tag {number}" for number in range(1, 5)),
        ]
        assert names_told(connection, OWNER, 2) == ["cat", "dog"]


def test_all_trashed_before_the_living_are_passed_over(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("library.shown._AT_ONCE", 2)
    file(database, *(asset(number) for number in range(1, 8)))
    for number in range(1, 8):
        tell(database, number, {"dog": 100 * number})
    gone = [identity(number) for number in (7, 6, 5, 3)]
    database.write(lambda connection: trash(connection, OWNER, gone))
    assert numbers(found(database, {"dog": 900}, limit=2)) == [4, 2]


def test_limits_are_kept(sqlite_database: Database) -> None:
    for limit in (0, 501):
        with pytest.raises(InvalidRequest) as told:
            found(sqlite_database, {"dog": 900}, limit)
        assert told.value.field == "limit"
    with pytest.raises(InvalidRequest) as told:
        found(sqlite_database, {f"tag {number}": 900 for number in range(MOST_NEAR + 1)})
    assert told.value.field == "near"


def test_only_the_index_of_tags_is_gone_through(sqlite_database: Database) -> None:
    file(sqlite_database, *(asset(number) for number in range(1, 300)))
    for number in range(1, 300):
        tell(sqlite_database, number, {"dog": 900})
    plans = explained(sqlite_database, lambda c: shown(c, OWNER, {"dog": 900, "cat": 800}))
    looked = [plan for plan in plans if "asset_tags" in plan]
    assert looked
    index = "COVERING INDEX ix_asset_tags_tag (owner=? AND tag=? AND state=?)"
    assert all(index in plan for plan in looked[:4])
    names = explained(sqlite_database, lambda c: names_told(c, OWNER))
    looked = [plan for plan in names if "asset_tags" in plan]
    assert len(looked) == 2
    assert all(plan.startswith("SEARCH asset_tags USING COVERING INDEX") for plan in looked)
