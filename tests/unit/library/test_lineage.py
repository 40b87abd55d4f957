"""Lineage and versions: complete, bounded, each owner's own, alike on SQLite and Postgres."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from library import (
    VERSION_OF,
    Lineage,
    Versions,
    differences,
    find_asset,
    lineage,
    make_current,
    versions,
)
from library.purging import purge
from library.tables import current_versions
from library.trash import restore, trash
from studio import clock
from studio.database import Database
from studio.errors import InvalidRequest, NotFound
from tests.unit.library.kit import EVE, OWNER, asset, file, identifier


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest) -> Database:
    found = request.getfixturevalue(f"{request.param}_database")
    assert isinstance(found, Database)
    return found


def related(database: Database, number: int, owner: str = OWNER, **limits: int) -> Lineage:
    with database.read() as connection:
        return lineage(connection, owner, identifier(number), **limits)


def steps(found: Lineage) -> dict[int, int]:
    return {int(each.id[4:]): each.steps for each in found.related}


def tree(database: Database, number: int, owner: str = OWNER, **limits: int) -> Versions:
    with database.read() as connection:
        return versions(connection, owner, identifier(number), **limits)


def numbers(found: Versions) -> dict[int, int]:
    """Return each version's asset, and the one before it; 0 for the root."""
    return {int(each.asset.id[4:]): int(each.before[4:] or 0) for each in found.versions}


def choose(database: Database, number: int, owner: str = OWNER) -> str:
    return database.write(
        lambda connection: make_current(connection, owner, identifier(number), "ann")
    )[0]


def a_campaign(database: Database) -> None:
    """Create, edit with a mask, upscale, three formats; and one picture of somebody else's."""
    file(
        database,
        asset(1),
        asset(2, operation="import"),
        asset(3, operation="inpaint", made_from={"image": 1, "mask": 2}),
        asset(4, operation="upscale", made_from={"image": 3}),
        *(asset(n, operation="social_export", made_from={"image": 4}) for n in (5, 6, 7)),
        asset(8, owner=EVE),
    )


def test_all_of_a_lineage_comes_in_one_answer_with_every_step(database: Database) -> None:
    a_campaign(database)
    found = related(database, 3)
    assert steps(found) == {1: -1, 2: -1, 3: 0, 4: 1, 5: 2, 6: 2, 7: 2}
    ways = {(int(e.parent[4:]), e.field, int(e.asset[4:])) for e in found.edges}
    expected = {(1, "image", 3), (2, "mask", 3), (3, "image", 4)}
    assert ways == expected | {(4, "image", n) for n in (5, 6, 7)}
    assert not found.cut
    # A sibling by a shared mask is no relation: neither made of the other.
    assert steps(related(database, 2)) == {2: 0, 3: 1, 4: 2, 5: 3, 6: 3, 7: 3}


def test_an_asset_to_which_many_ways_lead_is_there_once(database: Database) -> None:
    layers = 40
    new = [asset(0)]
    for layer in range(1, layers):
        left, right = 2 * layer - 1, 2 * layer
        above = {"image": max(0, left - 2), "style": max(0, right - 2)}
        new += [asset(left, made_from=above), asset(right, made_from=above)]
    file(database, *new)
    found = related(database, 0, steps=100)
    assert len(found.related) == 2 * layers - 1
    assert not found.cut


def test_a_lineage_is_bounded_in_steps_and_in_size_and_says_so(database: Database) -> None:
    file(database, asset(1), *(asset(n, made_from={"image": n - 1}) for n in range(2, 13)))
    middle = related(database, 6, steps=2)
    assert steps(middle) == {4: -2, 5: -1, 6: 0, 7: 1, 8: 2}
    assert middle.cut
    assert not related(database, 6, steps=6).cut
    few = related(database, 6, most=4)
    assert (len(few.related), few.cut) == (4, True)
    assert {edge.asset for edge in few.edges} <= {each.id for each in few.related}
    for wrong in ({"steps": 0}, {"steps": 101}, {"most": 0}, {"most": 2001}):
        with pytest.raises(InvalidRequest) as refused:
            related(database, 6, OWNER, **wrong)
        assert refused.value.field in {"depth", "limit"}


def test_nobody_sees_another_ones_lineage_not_even_by_a_step_into_it(database: Database) -> None:
    # No operation makes such a step; if one ever did, this is where it would have to end.
    file(database, asset(1, owner=EVE), asset(2, made_from={"image": 1}))
    assert steps(related(database, 2)) == {2: 0}
    assert numbers(tree(database, 2)) == {2: 0}
    for ask in (related, tree, choose):
        with pytest.raises(NotFound):
            ask(database, 1)


def test_versions_follow_main_pictures_and_requests_that_were_run_again(
    database: Database,
) -> None:
    a_campaign(database)
    file(
        database,
        asset(10, made_from={VERSION_OF: 1}),
        asset(11, operation="inpaint", made_from={"image": 2, VERSION_OF: 3}),
        asset(12, operation="upscale", made_from={"image": 11}),
    )
    expected = {1: 0, 3: 1, 4: 3, 5: 4, 6: 4, 7: 4, 10: 1, 11: 3, 12: 11}
    for number in expected:
        assert numbers(tree(database, number)) == expected
    # The mask became the picture of 11, which is a version of 3 all the same.
    assert numbers(tree(database, 2)) == {2: 0}
    cut = tree(database, 1, most=3)
    assert (len(cut.versions), cut.cut) == (3, True)


def test_one_version_counts_the_newest_or_the_one_that_was_chosen(database: Database) -> None:
    a_campaign(database)
    assert (tree(database, 1).current.asset.id, tree(database, 1).chosen) == (identifier(7), False)
    assert choose(database, 3) == identifier(1)
    assert choose(database, 3) == identifier(1)
    found = tree(database, 6)
    assert (found.current.asset.id, found.chosen) == (identifier(3), True)
    file(database, asset(20, made_from={"image": 4}))
    assert tree(database, 1).current.asset.id == identifier(3), "a new one does not take over"
    choose(database, 20)
    assert tree(database, 1).current.asset.id == identifier(20)
    assert sum(each.current for each in tree(database, 1).versions) == 1


def throw(database: Database, *numbers: int) -> None:
    database.write(lambda c: trash(c, OWNER, [identifier(each) for each in numbers]))


def bring_back(database: Database, *numbers: int) -> None:
    database.write(lambda c: restore(c, OWNER, [identifier(each) for each in numbers]))


def empty(database: Database) -> None:
    """Empty the trash; what something else was made from goes after that."""
    while database.write(lambda c: purge(c, clock.now() + timedelta(days=1)).assets):
        pass


def counts(database: Database, number: int) -> tuple[int, bool]:
    """Return the version that counts, and whether somebody chose it."""
    found = tree(database, number)
    assert [each for each in found.versions if each.current] == [found.current]
    return int(found.current.asset.id[4:]), found.chosen


def choices(database: Database) -> list[str]:
    with database.read() as connection:
        return list(connection.execute(select(current_versions.c.asset)).scalars())


def test_what_lies_in_the_trash_counts_only_if_all_do(database: Database) -> None:
    a_campaign(database)
    throw(database, 7)
    assert counts(database, 1) == (6, False)
    marked = {int(each.asset.id[4:]) for each in tree(database, 1).versions if each.deleted_at}
    assert marked == {7}
    choose(database, 4)
    throw(database, 4)
    assert counts(database, 1) == (6, False), "what was chosen is in the trash"
    bring_back(database, 4)
    assert counts(database, 1) == (4, True), "it was chosen, and is back"
    with pytest.raises(NotFound) as refused:
        choose(database, 7)
    assert "restore" in str(refused.value.allowed)
    assert choices(database) == [identifier(4)]
    throw(database, 1, 3, 4, 5, 6)
    assert counts(database, 1) == (4, True)
    assert tree(database, 1).current.deleted_at
    bring_back(database, 3)
    assert counts(database, 1) == (3, False)


@pytest.mark.parametrize("chosen", [None, 7, 3])
def test_what_is_purged_is_no_version_any_more(database: Database, chosen: int | None) -> None:
    a_campaign(database)
    if chosen:
        choose(database, chosen)
    throw(database, 7)
    empty(database)
    assert numbers(tree(database, 1)) == {1: 0, 3: 1, 4: 3, 5: 4, 6: 4}
    assert counts(database, 1) == ((3, True) if chosen == 3 else (6, False))
    throw(database, 3, 4, 5, 6)
    empty(database)
    assert numbers(tree(database, 1)) == {1: 0}
    assert counts(database, 1) == (1, False)
    assert choices(database) == []


def test_what_was_made_while_its_picture_was_purged_is_there(database: Database) -> None:
    """Work under way may be settled after the trash was emptied."""
    file(database, asset(1), asset(2, made_from={"image": 1}))
    choose(database, 2)
    throw(database, 1, 2)
    empty(database)
    file(database, asset(3, made_from={"image": 2}), asset(4, made_from={"image": 3}))
    assert numbers(tree(database, 4)) == {3: 0, 4: 3}
    assert counts(database, 3) == (4, False)
    choose(database, 3)
    assert counts(database, 4) == (3, True)


def test_the_one_that_counts_is_told_also_where_not_all_are_shown(database: Database) -> None:
    a_campaign(database)
    found = tree(database, 1, most=2)
    assert (numbers(found), found.cut) == ({1: 0, 3: 1}, True)
    assert found.current.asset.id == identifier(7)
    choose(database, 4)
    found = tree(database, 1, most=1)
    assert (found.current.asset.id, found.current.number, found.chosen) == (identifier(4), 3, True)


def test_two_versions_differ_in_requests_first_and_then_in_what_came_of_them() -> None:
    one = asset(1, request={"operation": "generate", "prompt": "a fox", "seed": 7}, seed=7)
    other = asset(2, request={"operation": "generate", "prompt": "a cat", "seed": 7}, bytes=9)
    found = [(each.field, each.one, each.other) for each in differences(one, other)]
    assert found == [("prompt", "a fox", "a cat"), ("bytes", 1, 9)]
    assert differences(one, one) == []
    bare = differences(one, asset(3, operation="import"))
    assert ("prompt", "a fox", None) in [(each.field, each.one, each.other) for each in bare]


def test_what_was_told_of_a_picture_is_no_version_of_it_and_does_not_keep_it(
    database: Database,
) -> None:
    told = {"operation": "tag", "media_type": "application/json"}
    file(
        database,
        asset(1),
        asset(2, operation="upscale", made_from={"image": 1}),
        asset(3, made_from={"image": 2}, **told),
    )
    assert numbers(tree(database, 1)) == {1: 0, 2: 1}
    assert counts(database, 1) == (2, False)
    assert (numbers(tree(database, 3)), counts(database, 3)[0]) == ({1: 0, 2: 1, 3: 2}, 2)
    throw(database, 1, 2)
    empty(database)
    with database.read() as connection, pytest.raises(NotFound):
        find_asset(connection, OWNER, identifier(2))
    assert counts(database, 3) == (3, False)
