"""Boards: what is on them, the links to them, guests, and the audit list; on both databases."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import func, select

from library import Filters
from library.board_audit import MOST_EVENTS, events_of, note
from library.board_guests import (
    MOST_COMMENTS_OF_ONE,
    VISIT,
    Visit,
    comments_by,
    comments_of,
    decide,
    decisions_by,
    decisions_of,
    guest_of,
    open_link,
    remove_comment,
    say,
)
from library.board_items import (
    MOST_ITEMS,
    Item,
    arrange_items,
    items_of,
    items_on,
    put_items,
    take_items,
)
from library.board_links import (
    MOST_LINKS,
    Link,
    add_link,
    count_downloads,
    link_of_token,
    links_of,
    revoke_link,
)
from library.board_tables import (
    board_comments,
    board_decisions,
    board_events,
    board_guests,
    board_items,
    board_links,
    boards,
)
from library.boards import (
    Board,
    board_of,
    boards_of,
    change_board,
    create_board,
    remove_board,
)
from library.collecting import create_collection
from library.ordering import collect, entitle
from library.purging import purge
from library.tags import tag
from library.trash import restore, trash
from studio import clock
from studio.database import Database
from studio.errors import Conflict, InvalidRequest, NotFound
from tests.unit.library.kit import EVE, OWNER, asset, file, identifier

ONE, TWO, THREE, HERS = (identifier(number) for number in (1, 2, 3, 4))


@pytest.fixture(params=["sqlite", "postgres"])
def database(request: pytest.FixtureRequest) -> Database:
    found = request.getfixturevalue(f"{request.param}_database")
    assert isinstance(found, Database)
    file(found, asset(1), asset(2), asset(3), asset(4, owner=EVE))
    return found


@pytest.fixture
def today(monkeypatch: pytest.MonkeyPatch) -> list[datetime]:
    """The moment that the clock shows; a test may change it."""
    moment = [datetime(2026, 11, 30, 12, 0, tzinfo=UTC)]
    monkeypatch.setattr(clock, "now", lambda: moment[0])
    return moment


def do(database: Database, work: Any, *given: Any, **named: Any) -> Any:
    return database.write(lambda connection: work(connection, *given, **named))


def made(database: Database, *assets: str) -> Board:
    board = do(database, create_board, OWNER, "Foxes", assets=assets or (ONE, TWO))
    assert isinstance(board, Board)
    return board


def linked(database: Database, board: Board, **named: Any) -> tuple[Link, str]:
    found: tuple[Link, str] = do(database, add_link, OWNER, board.id, **named)
    return found


def visiting(database: Database, link: Link) -> Visit:
    guest, _, _ = do(database, open_link, link)
    return Visit(link, guest)


def shown(database: Database, board: Board) -> list[Item]:
    with database.read() as connection:
        return items_of(connection, OWNER, board.id)


def ids(database: Database, board: Board) -> list[str]:
    return [each.asset.id for each in shown(database, board)]


def whats(database: Database, board: Board) -> list[tuple[str, str]]:
    with database.read() as connection:
        return [(each.what, each.who) for each in events_of(connection, OWNER, board.id)][::-1]


def test_a_board_has_assets_in_an_order_and_each_once(database: Database) -> None:
    board = made(database, TWO, ONE, TWO)
    assert ids(database, board) == [TWO, ONE]
    assert do(database, put_items, OWNER, board.id, [ONE, THREE]) == 1
    assert ids(database, board) == [TWO, ONE, THREE]
    do(database, arrange_items, OWNER, board.id, [THREE, ONE])
    assert ids(database, board) == [THREE, ONE, TWO]
    assert do(database, take_items, OWNER, board.id, [ONE], author="bob") == 1
    assert ids(database, board) == [THREE, TWO]
    with pytest.raises(NotFound):
        do(database, take_items, OWNER, board.id, [TWO, ONE])
    with pytest.raises(NotFound):
        do(database, arrange_items, OWNER, board.id, [ONE])
    assert ids(database, board) == [THREE, TWO]
    changed = do(database, change_board, OWNER, board.id, title=" Red \n foxes ")
    assert (changed.title, changed.note) == ("Red foxes", "")
    do(database, change_board, OWNER, board.id, note="for you")
    with database.read() as connection:
        assert board_of(connection, OWNER, board.id).note == "for you"
        (listed,) = boards_of(connection, OWNER)
        assert (listed.board.title, listed.assets, listed.links) == ("Red foxes", 2, 0)
    assert ("removed", "bob") in whats(database, board)


def test_a_board_is_made_of_a_collection_as_it_is_now(database: Database) -> None:
    collection = do(database, create_collection, OWNER, "Client").id
    do(database, collect, OWNER, [ONE, TWO], collection)
    board = do(database, create_board, OWNER, collection=collection)
    assert board.title == "Client"
    assert set(ids(database, board)) == {ONE, TWO}
    do(database, collect, OWNER, [THREE], collection)
    assert len(ids(database, board)) == 2
    do(database, tag, OWNER, [THREE], "best")
    smart = do(database, create_collection, OWNER, "Best", filters=Filters(tag="best"))
    both = do(database, create_board, OWNER, assets=[ONE], collection=smart.id)
    assert ids(database, both) == [ONE, THREE]


def test_a_board_has_limits(database: Database) -> None:
    file(database, *(asset(number) for number in range(100, 101 + MOST_ITEMS)))
    many = [identifier(number) for number in range(100, 101 + MOST_ITEMS)]
    with pytest.raises(InvalidRequest) as told:
        do(database, create_board, OWNER, "All", assets=many)
    assert told.value.field == "assets"
    collection = do(database, create_collection, OWNER, "All").id
    do(database, collect, OWNER, many, collection)
    with pytest.raises(InvalidRequest):
        do(database, create_board, OWNER, collection=collection)
    board = do(database, create_board, OWNER, "All", assets=many[1:])
    assert len(ids(database, board)) == MOST_ITEMS
    with pytest.raises(InvalidRequest):
        do(database, put_items, OWNER, board.id, many[:1])
    for title in ("", "  ", "x" * 121, "a\0b"):
        with pytest.raises(InvalidRequest):
            do(database, create_board, OWNER, title)
    with pytest.raises(InvalidRequest):
        do(database, create_board, OWNER, "x", note="x" * 2_001)


def test_what_is_not_the_owners_comes_on_no_board(database: Database) -> None:
    board = made(database)
    with pytest.raises(NotFound):
        do(database, put_items, OWNER, board.id, [THREE, HERS])
    with pytest.raises(NotFound):
        do(database, create_board, OWNER, "x", assets=[HERS])
    assert ids(database, board) == [ONE, TWO]
    with database.read() as connection:
        assert len(boards_of(connection, OWNER)) == 1


def test_what_is_in_the_trash_is_not_shown_and_comes_back(database: Database) -> None:
    board = made(database)
    link, _ = linked(database, board)
    visit = visiting(database, link)
    item = shown(database, board)[0].id
    do(database, say, visit, item, "Ann", "nice")
    do(database, trash, OWNER, [ONE])
    assert ids(database, board) == [TWO]
    with database.read() as connection:
        assert items_on(connection, board.id, item) == []
        assert comments_of(connection, OWNER, board.id) == []
    with pytest.raises(NotFound):
        do(database, say, visit, item, "Ann", "and now?")
    with pytest.raises(NotFound):
        do(database, put_items, OWNER, board.id, [ONE])
    do(database, restore, OWNER, [ONE])
    assert ids(database, board) == [ONE, TWO]
    do(database, trash, OWNER, [ONE])
    assert do(database, purge, clock.now() + timedelta(days=1)).assets == [ONE]
    assert ids(database, board) == [TWO]
    with database.read() as connection:
        assert not connection.execute(select(board_comments.c.id)).all()


def test_a_token_is_told_once_and_its_hash_is_kept(database: Database) -> None:
    board = made(database)
    link, token = linked(database, board, label=" Client  A ", download=True)
    assert (link.label, link.may_download, link.may_comment) == ("Client A", True, True)
    with database.read() as connection:
        kept = str(connection.execute(select(board_links)).mappings().one())
        assert token not in kept
        assert link_of_token(connection, token) == link
        for wrong in ("", token[:-1], token + "A", "A" * 43, "ä" * 43, link.id):
            assert link_of_token(connection, wrong) is None
    assert "password" not in repr(link)


def test_a_link_expires(database: Database, today: list[datetime]) -> None:
    board = made(database)
    link, token = linked(database, board)
    assert link.expires_at == today[0] + timedelta(days=30)
    visit = visiting(database, link)
    item = shown(database, board)[0].id
    today[0] += timedelta(days=30, microseconds=-1)
    assert link.opens
    do(database, say, visit, item, "Ann", "just in time")
    today[0] += timedelta(microseconds=1)
    assert not link.opens
    with pytest.raises(NotFound):
        do(database, open_link, link)
    with pytest.raises(NotFound):
        do(database, say, visit, item, "Ann", "too late")
    with database.read() as connection:
        assert link_of_token(connection, token) is not None
        (listed,) = boards_of(connection, OWNER)
        assert listed.links == 0


@pytest.mark.parametrize(
    ("field", "named"),
    [
        ("days", {"days": 0}),
        ("days", {"days": 367}),
        ("views", {"most_views": 0}),
        ("views", {"most_views": 100_001}),
        ("label", {"label": "x" * 61}),
    ],
)
def test_a_link_has_limits(sqlite_database: Database, field: str, named: dict[str, Any]) -> None:
    file(sqlite_database, asset(1), asset(2))
    board = made(sqlite_database)
    with pytest.raises(InvalidRequest) as told:
        linked(sqlite_database, board, **named)
    assert told.value.field == field


def test_a_board_has_so_many_links_that_count(database: Database) -> None:
    board = made(database)
    links = [linked(database, board, label=str(number))[0] for number in range(MOST_LINKS)]
    with pytest.raises(Conflict):
        linked(database, board)
    do(database, revoke_link, OWNER, board.id, links[0].id)
    linked(database, board)
    with database.read() as connection:
        assert len(links_of(connection, OWNER, board.id)) == MOST_LINKS + 1


def test_of_many_at_once_as_many_open_a_link_as_may(database: Database) -> None:
    board = made(database)
    link, token = linked(database, board, most_views=3)
    start = threading.Barrier(8)

    def attempt(_: int) -> bool:
        start.wait()
        try:
            do(database, open_link, link)
        except NotFound:
            return False
        return True

    with ThreadPoolExecutor(8) as threads:
        opened = list(threads.map(attempt, range(8)))
    assert opened.count(True) == 3
    with database.read() as connection:
        found = link_of_token(connection, token)
        assert found is not None
        assert (found.views, found.opens) == (3, False)
        assert connection.execute(select(func.count()).select_from(board_guests)).scalar() == 3
    assert [what for what, _ in whats(database, board)].count("opened") == 3


def test_who_comes_back_within_the_visit_opens_nothing(
    database: Database, today: list[datetime]
) -> None:
    board = made(database)
    link, _ = linked(database, board, most_views=2)
    guest, secret, number = do(database, open_link, link)
    assert number == 1
    with database.read() as connection:
        assert secret not in str(connection.execute(select(board_guests)).mappings().all())
        assert guest_of(connection, link.id, secret) == guest
        assert guest_of(connection, "blk_other", secret) is None
        assert guest_of(connection, link.id, secret[:-1] + "~") is None
    assert guest.visits
    today[0] += VISIT
    assert not guest.visits
    again, same, number = do(database, open_link, link, secret)
    assert (again.id, same, number, again.visits) == (guest.id, secret, 2, True)


def test_guests_comment_and_decide_and_take_it_back(database: Database) -> None:
    board = made(database)
    link, _ = linked(database, board, label="A")
    other, _ = linked(database, board, label="B")
    ann, bob = visiting(database, link), visiting(database, other)
    first, second = (each.id for each in shown(database, board))
    do(database, say, ann, first, " Ann \n A. ", "Lovely\r\nreally \u202eevil")
    do(database, say, bob, second, "Bob", "no")
    assert do(database, decide, ann, first, "Ann A.", "approved")
    assert not do(database, decide, ann, first, "Ann A.", "approved")
    assert do(database, decide, bob, first, "Bob", "rejected")
    assert do(database, decide, ann, first, "Ann A.", "rejected")
    with database.read() as connection:
        (comment,) = comments_by(connection, link)
        assert (comment.name, comment.text) == ("Ann A.", "Lovely\nreally  evil")
        assert (comment.item, comment.asset, comment.link) == (first, ONE, link.id)
        assert comments_by(connection, link, second) == []
        assert [each.decision for each in decisions_by(connection, link)] == ["rejected"]
        assert [each.name for each in comments_of(connection, OWNER, board.id)] == ["Bob", "Ann A."]
        assert len(decisions_of(connection, OWNER, board.id)) == 2
    assert do(database, decide, ann, first, "Ann A.", None)
    assert not do(database, decide, ann, first, "Ann A.", None)
    with database.read() as connection:
        assert decisions_by(connection, link) == []
        (bobs,) = decisions_of(connection, OWNER, board.id)
        assert (bobs.name, bobs.asset) == ("Bob", ONE)
    do(database, remove_comment, OWNER, board.id, comment.id, author="boss")
    with pytest.raises(NotFound):
        do(database, remove_comment, OWNER, board.id, comment.id)
    assert whats(database, board)[-1] == ("comment_removed", "boss")


def test_what_guests_say_has_limits(database: Database) -> None:
    board, foreign = made(database), made(database, THREE)
    link, _ = linked(database, board)
    mute, _ = linked(database, board, comments=False)
    ann, silent = visiting(database, link), visiting(database, mute)
    item, elsewhere = shown(database, board)[0].id, shown(database, foreign)[0].id
    before = whats(database, board)
    for name, text, field in (
        ("", "x", "name"),
        (" \u202e ", "x", "name"),
        ("x" * 61, "x", "name"),
        ("Ann", " \n ", "text"),
        ("Ann", "x" * 2_001, "text"),
    ):
        with pytest.raises(InvalidRequest) as told:
            do(database, say, ann, item, name, text)
        assert told.value.field == field
    for visit, which in ((ann, elsewhere), (ann, ONE), (ann, ""), (silent, item)):
        with pytest.raises(NotFound):
            do(database, say, visit, which, "Ann", "x")
        with pytest.raises(NotFound):
            do(database, decide, visit, which, "Ann", "approved")
    assert whats(database, board) == before
    for number in range(MOST_COMMENTS_OF_ONE):
        do(database, say, ann, item, "Ann", str(number))
    with pytest.raises(Conflict):
        do(database, say, ann, item, "Ann", "one more")


def test_a_revoked_link_ends_for_those_who_opened_it(database: Database) -> None:
    board = made(database)
    link, token = linked(database, board)
    ann, item = visiting(database, link), shown(database, board)[0].id
    revoked = do(database, revoke_link, OWNER, board.id, link.id, author="boss")
    assert do(database, revoke_link, OWNER, board.id, link.id).revoked_at == revoked.revoked_at
    assert not revoked.opens
    with pytest.raises(NotFound):
        do(database, open_link, link)
    with pytest.raises(NotFound):
        do(database, say, ann, item, "Ann", "still here")
    with database.read() as connection:
        found = link_of_token(connection, token)
        assert found is not None
        assert not found.counts(clock.now())
    assert whats(database, board)[-1] == ("revoked", "boss")
    assert whats(database, board).count(("revoked", "boss")) == 1


def test_the_audit_list_tells_everything_in_pages_and_is_bounded(database: Database) -> None:
    board = made(database)
    link, _ = linked(database, board, author="boss", label="A")
    do(database, count_downloads, link.id, 3)
    with database.read() as connection:
        assert links_of(connection, OWNER, board.id)[0].downloads == 3
        newest, first = events_of(connection, OWNER, board.id)
        assert (newest.what, newest.who, newest.detail) == ("linked", "boss", "A")
        assert (first.what, first.number) == ("created", 1)
        assert events_of(connection, OWNER, board.id, before=2) == [first]

    def much(connection: Any) -> None:
        connection.execute(
            boards.update().where(boards.c.id == board.id).values(noted=MOST_EVENTS + 99)
        )
        note(connection, board.id, "changed", who="boss")

    database.write(much)
    with database.read() as connection:
        (left,) = events_of(connection, OWNER, board.id)
        assert left.number == MOST_EVENTS + 100


def test_a_board_that_is_deleted_leaves_nothing_but_its_assets(database: Database) -> None:
    kept, board = made(database), made(database)
    link, token = linked(database, board)
    linked(database, kept)
    ann = visiting(database, link)
    item = shown(database, board)[0].id
    do(database, say, ann, item, "Ann", "x")
    do(database, decide, ann, item, "Ann", "approved")
    assert do(database, remove_board, OWNER, board.id).id == board.id
    with pytest.raises(NotFound):
        do(database, open_link, link)
    with pytest.raises(NotFound):
        do(database, say, ann, item, "Ann", "x")
    with database.read() as connection:
        assert link_of_token(connection, token) is None
        for table in (board_comments, board_decisions, board_guests):
            assert not connection.execute(select(table)).all()
        for each in (board_items, board_links, board_events):
            assert set(connection.execute(select(each.c.board)).scalars()) == {kept.id}
    assert ids(database, kept) == [ONE, TWO]


def test_the_owners_title_is_what_guests_see(database: Database) -> None:
    board = made(database)
    do(database, entitle, OWNER, ONE, "Winter night")
    assert [each.title for each in shown(database, board)] == ["Winter night", ""]
