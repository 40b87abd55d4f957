"""Boards over the API: made, filled, linked, read, ended; a guest comes by the link's address."""

from __future__ import annotations

import asyncio
import re

import httpx

from billing.accounts.keys import SCOPES
from interfaces.web import application
from library.board_links import link_of_token
from studio import passwords
from tests.support.paid_server import tiny_png
from tests.unit.api.conftest import Door
from tests.unit.api.test_api_library import upload


def made(door: Door, *names: str) -> tuple[str, list[str]]:
    ids = [str(upload(door, f"{name}.png", tiny_png(name))["id"]) for name in names]
    told = door.post("/boards", json={"title": "Foxes", "note": "look", "assets": ids})
    assert told.status_code == 201, told.text
    return str(told.json()["id"]), ids


def guest(door: Door, url: str, comment: str) -> list[int]:
    """Come by a link, comment on the first picture and approve it; return the statuses."""

    async def come() -> list[int]:
        transport = httpx.ASGITransport(application(door.studio))
        base = door.studio.settings.files_url
        async with httpx.AsyncClient(transport=transport, base_url=base) as client:
            page = await client.get(url)
            found = re.search(r"/(itm_\w+)", page.text)
            if found is None:
                return [page.status_code]
            about = (await client.get(f"{url}/{found[1]}")).text
            mark = re.search(r'name="form" value="(\w+)"', about)
            assert mark is not None
            form = {"form": mark[1], "name": "Ann", "text": comment, "decision": "approved"}
            said = await client.post(f"{url}/{found[1]}/comment", data=form)
            decided = await client.post(f"{url}/{found[1]}/decision", data=form)
            return [page.status_code, said.status_code, decided.status_code]

    return asyncio.run(come())


def test_a_board_is_made_changed_and_deleted(door: Door) -> None:
    board, ids = made(door, "one", "two")
    third = str(upload(door, "three.png", tiny_png("three"))["id"])
    assert door.post(f"/boards/{board}/assets", json={"assets": [third]}).json() == {"added": 1}
    assert door.call("DELETE", f"/boards/{board}/assets/{ids[0]}").status_code == 204
    changed = door.call("PATCH", f"/boards/{board}", json={"title": "Owls", "first": [third]})
    assert (changed.json()["title"], changed.json()["note"]) == ("Owls", "look")
    found = door.get(f"/boards/{board}").json()
    assert [each["asset"] for each in found["assets"]] == [third, ids[1]]
    listed = door.get("/boards").json()
    assert [(each["id"], each["assets"]) for each in listed["boards"]] == [(board, 2)]
    assert listed["next"] is None
    assert door.call("DELETE", f"/boards/{board}").status_code == 204
    assert door.get(f"/boards/{board}").status_code == 404
    assert door.get(f"/assets/{third}").status_code == 200


def test_pages_of_boards_go_on(door: Door) -> None:
    boards = [door.post("/boards", json={"title": str(each)}).json()["id"] for each in range(3)]
    first = door.get("/boards?limit=2").json()
    assert [each["id"] for each in first["boards"]] == boards[:0:-1]
    rest = door.get(f"/boards?limit=2&before={first['next']}").json()
    assert ([each["id"] for each in rest["boards"]], rest["next"]) == ([boards[0]], None)


def test_a_guest_answers_and_the_link_is_revoked(door: Door) -> None:
    board, ids = made(door, "one")
    told = door.post(f"/boards/{board}/links", json={"label": "Client", "days": 3})
    assert told.status_code == 201
    link, url = told.json()["id"], told.json()["url"]
    assert guest(door, url, "nice") == [200, 303, 303]
    (comment,) = door.get(f"/boards/{board}/comments").json()["comments"]
    assert (comment["asset"], comment["name"], comment["text"]) == (ids[0], "Ann", "nice")
    (asset,) = door.get(f"/boards/{board}").json()["assets"]
    assert [each["decision"] for each in asset["decisions"]] == ["approved"]
    (kept,) = door.get(f"/boards/{board}/links").json()["links"]
    assert (kept["label"], kept["views"], kept["opens"]) == ("Client", 1, True)
    assert "url" not in kept
    gone = door.call("DELETE", f"/boards/{board}/comments/{comment['id']}")
    assert gone.status_code == 204
    assert door.get(f"/boards/{board}/comments").json()["comments"] == []
    assert door.call("DELETE", f"/boards/{board}/links/{link}").json()["opens"] is False
    assert guest(door, url, "too late") == [404]
    audit = door.get(f"/boards/{board}/audit?limit=3").json()
    whats = [each["what"] for each in audit["events"]]
    assert whats == ["revoked", "comment_removed", "decided"]
    older = door.get(f"/boards/{board}/audit?before={audit['next']}").json()
    assert [each["what"] for each in older["events"]] == [
        "commented",
        "opened",
        "linked",
        "created",
    ]


def test_a_password_is_kept_as_a_hash_and_told_to_nobody(door: Door) -> None:
    board, _ = made(door, "one")
    told = door.post(f"/boards/{board}/links", json={"password": "correct horse", "views": 1})
    assert told.json()["password"] is True
    assert "correct" not in told.text
    with door.studio.database.read() as connection:
        link = link_of_token(connection, told.json()["url"].rpartition("/")[2])
    assert link is not None
    assert passwords.is_right("correct horse", link.password)
    refused = door.post(f"/boards/{board}/links", json={"password": "short"})
    assert (refused.status_code, refused.json()["field"]) == (422, "password")
    assert "short" not in refused.text
    long = door.post(f"/boards/{board}/links", json={"password": "secret" * 50})
    assert (long.status_code, "secret" in long.text) == (422, False)


def test_what_is_out_of_range_is_refused(door: Door) -> None:
    board, ids = made(door, "one")
    for body in ({"days": 0}, {"days": 367}, {"views": 0}, {"label": "x" * 61}, {"x": 1}):
        assert door.post(f"/boards/{board}/links", json=body).status_code == 422
    assert door.post("/boards", json={}).status_code == 422
    assert door.post("/boards", json={"title": "a\0b"}).status_code == 422
    assert door.post("/boards", json={"title": "x", "assets": ["ast_x"]}).status_code == 404
    assert door.post(f"/boards/{board}/assets", json={"assets": []}).status_code == 422
    assert door.call("DELETE", f"/boards/{board}/assets/ast_x").status_code == 404
    assert door.get("/boards?before=%00").status_code == 422
    reader = door.key("ada", *[each for each in SCOPES if each != "run"])
    assert door.get(f"/boards/{board}", key=reader).status_code == 200
    assert door.call("DELETE", f"/boards/{board}", key=reader).status_code == 403
    assert ids
