"""Boards over the API, for who owns them: guests come by links, to the pages beside the API."""

from __future__ import annotations

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Path, Query
from sqlalchemy import Connection

from interfaces.api.board_answers import (
    Board,
    BoardChange,
    BoardDetail,
    BoardEvent,
    BoardEvents,
    BoardLink,
    BoardLinks,
    BoardRequest,
    Boards,
    Chosen,
    Comment,
    Comments,
    ListedBoard,
    MadeLink,
    NewLink,
    Put,
)
from interfaces.api.bodies import check_text
from interfaces.api.identity import Reader, Runner, StudioHere
from interfaces.api.key_first import KeyFirst
from interfaces.api.schema import refuses
from library import boards
from library.board_audit import events_of
from library.board_guests import comments_of, decisions_of, remove_comment
from library.board_items import arrange_items, items_of, put_items, take_items
from library.board_links import add_link, links_of, revoke_link
from studio import passwords

router = APIRouter(route_class=KeyFirst, tags=["boards"], prefix="/boards")

_Board = Annotated[str, Path(max_length=60, examples=["brd_01jd0m2v6k9y3hqk7d0c8r5wxe"])]
_Link = Annotated[str, Path(max_length=60, examples=["blk_01jd0m2v6k9y3hqk7d0c8r5wxe"])]
_Comment = Annotated[str, Path(max_length=60, examples=["cmt_01jd0m2v6k9y3hqk7d0c8r5wxe"])]
_Asset = Annotated[str, Path(max_length=80, examples=["ast_01jd0m2v6k9y3hqk7d0c8r5wxe"])]
_Limit = Annotated[int, Query(ge=1, le=500)]
_Before = Annotated[str, Query(max_length=60, description="The `next` of the page before.")]


@router.get("", operation_id="list_boards", summary="List boards", responses=refuses())
def list_all(who: Reader, studio: StudioHere, limit: _Limit = 100, before: _Before = "") -> Boards:
    """List the workspace's boards, the newest first."""
    check_text(before, "before")
    with studio.database.read() as connection:
        found = boards.boards_of(connection, who.owner, limit=limit, before=before)
    return Boards(
        boards=[
            ListedBoard(**Board.of(each.board).model_dump(), assets=each.assets, links=each.links)
            for each in found
        ],
        next=found[-1].board.id if len(found) == limit else None,
    )


@router.post(
    "",
    operation_id="create_board",
    summary="Make a board",
    status_code=HTTPStatus.CREATED,
    responses=refuses(404, 409),
)
def create(who: Runner, studio: StudioHere, wanted: BoardRequest) -> Board:
    """Make a board of assets, or of what is in a collection now. Nobody sees it without a link."""
    check_text(wanted.model_dump())
    return Board.of(
        studio.database.write(
            lambda connection: boards.create_board(
                connection,
                who.owner,
                wanted.title,
                note=wanted.note,
                assets=wanted.assets,
                collection=wanted.collection,
                author=who.user,
            )
        )
    )


@router.get("/{board}", operation_id="get_board", summary="Show a board", responses=refuses(404))
def show(who: Reader, studio: StudioHere, board: _Board) -> BoardDetail:
    """Show a board: its assets in their order, and what guests decided about each."""
    with studio.database.read() as connection:
        return BoardDetail.of_all(
            boards.board_of(connection, who.owner, board),
            items_of(connection, who.owner, board),
            decisions_of(connection, who.owner, board),
            links_of(connection, who.owner, board),
        )


@router.patch(
    "/{board}", operation_id="change_board", summary="Change a board", responses=refuses(404)
)
def change(who: Runner, studio: StudioHere, board: _Board, wanted: BoardChange) -> Board:
    """Change what is given of a board: its title, its note, which assets come first."""
    check_text(wanted.model_dump())

    def work(connection: Connection) -> boards.Board:
        changed = boards.change_board(
            connection,
            who.owner,
            board,
            title=wanted.title,
            note=wanted.note,
            author=who.user,
        )
        if wanted.first:
            arrange_items(connection, who.owner, board, wanted.first, author=who.user)
        return changed

    return Board.of(studio.database.write(work))


@router.delete(
    "/{board}",
    operation_id="delete_board",
    summary="Delete a board",
    status_code=HTTPStatus.NO_CONTENT,
    responses=refuses(404),
)
def delete(who: Runner, studio: StudioHere, board: _Board) -> None:
    """Delete a board with its links, comments and audit list; the assets stay."""
    studio.database.write(lambda connection: boards.remove_board(connection, who.owner, board))


@router.post(
    "/{board}/assets",
    operation_id="add_to_board",
    summary="Put assets on a board",
    responses=refuses(404),
)
def add(who: Runner, studio: StudioHere, board: _Board, wanted: Chosen) -> Put:
    """Put assets on a board, behind those that are on it."""
    check_text(wanted.model_dump())
    number = studio.database.write(
        lambda connection: put_items(connection, who.owner, board, wanted.assets, author=who.user)
    )
    return Put(added=number)


@router.delete(
    "/{board}/assets/{asset}",
    operation_id="take_off_board",
    summary="Take an asset off a board",
    status_code=HTTPStatus.NO_CONTENT,
    responses=refuses(404),
)
def take(who: Runner, studio: StudioHere, board: _Board, asset: _Asset) -> None:
    """Take an asset off a board, with what guests said of it; the asset stays."""
    studio.database.write(
        lambda connection: take_items(connection, who.owner, board, [asset], author=who.user)
    )


@router.get(
    "/{board}/links",
    operation_id="list_board_links",
    summary="List the links to a board",
    responses=refuses(404),
)
def list_links(who: Reader, studio: StudioHere, board: _Board) -> BoardLinks:
    """List a board's links, the newest first, also those that count no more."""
    with studio.database.read() as connection:
        found = links_of(connection, who.owner, board)
    return BoardLinks(links=[BoardLink.of(each) for each in found])


@router.post(
    "/{board}/links",
    operation_id="add_board_link",
    summary="Make a link to a board",
    status_code=HTTPStatus.CREATED,
    responses=refuses(404, 409),
)
def link(who: Runner, studio: StudioHere, board: _Board, wanted: NewLink) -> MadeLink:
    """Make a link to a board; the answer has its address, this once."""
    check_text(wanted.model_dump(exclude={"password"}))
    secret = wanted.password.get_secret_value()
    kept = passwords.hashed(secret) if secret else ""
    made, token = studio.database.write(
        lambda connection: add_link(
            connection,
            who.owner,
            board,
            wanted.label,
            days=wanted.days,
            password_hash=kept,
            most_views=wanted.views,
            download=wanted.download,
            comments=wanted.comments,
            details=wanted.details,
            author=who.user,
        )
    )
    address = f"{studio.settings.files_url}/boards/{token}"
    return MadeLink(**BoardLink.of(made).model_dump(), url=address)


@router.delete(
    "/{board}/links/{link}",
    operation_id="revoke_board_link",
    summary="Revoke a link",
    responses=refuses(404),
)
def revoke(who: Runner, studio: StudioHere, board: _Board, link: _Link) -> BoardLink:
    """Have a link count no more, also for those who have opened it."""
    gone = studio.database.write(
        lambda connection: revoke_link(connection, who.owner, board, link, author=who.user)
    )
    return BoardLink.of(gone)


@router.get(
    "/{board}/comments",
    operation_id="list_board_comments",
    summary="List what guests wrote",
    responses=refuses(404),
)
def list_comments(
    who: Reader, studio: StudioHere, board: _Board, limit: _Limit = 100, before: _Before = ""
) -> Comments:
    """List what guests wrote on a board, the newest first."""
    check_text(before, "before")
    with studio.database.read() as connection:
        found = comments_of(connection, who.owner, board, limit=limit, before=before)
    return Comments(
        comments=[Comment.model_validate(each, from_attributes=True) for each in found],
        next=found[-1].id if len(found) == limit else None,
    )


@router.delete(
    "/{board}/comments/{comment}",
    operation_id="remove_board_comment",
    summary="Remove a comment",
    status_code=HTTPStatus.NO_CONTENT,
    responses=refuses(404),
)
def remove(who: Runner, studio: StudioHere, board: _Board, comment: _Comment) -> None:
    """Remove a comment from a board."""
    studio.database.write(
        lambda connection: remove_comment(connection, who.owner, board, comment, author=who.user)
    )


@router.get(
    "/{board}/audit",
    operation_id="list_board_events",
    summary="List who did what",
    responses=refuses(404),
)
def audit(
    who: Reader,
    studio: StudioHere,
    board: _Board,
    limit: _Limit = 100,
    before: Annotated[int, Query(ge=0, le=1 << 53)] = 0,
) -> BoardEvents:
    """List who did what with a board, the newest first; the newest 10,000 entries are kept."""
    with studio.database.read() as connection:
        found = events_of(connection, who.owner, board, limit=limit, before=before)
    return BoardEvents(
        events=[BoardEvent.model_validate(each, from_attributes=True) for each in found],
        next=found[-1].number if len(found) == limit else None,
    )
