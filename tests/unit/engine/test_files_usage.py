"""The file pages count what they delivered, and nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from engine.importing import bring_in
from engine.studio import Studio
from engine.tidying import empty_trash_of
from interfaces.web.files import application
from library import uses_of
from library.trash import trash
from tests.support.paid_server import tiny_png
from tests.support.studios import OWNER, make_studio


@pytest.fixture
def studio(tmp_path: Path) -> Iterator[Studio]:
    opened = make_studio(tmp_path / "home")
    yield opened
    opened.close()


def asked(studio: Studio, method: str, path: str) -> httpx.Response:
    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(app=application(studio))
        async with httpx.AsyncClient(transport=transport, base_url="http://files") as client:
            return await client.request(method, path)

    return asyncio.run(ask())


def test_what_was_delivered_is_counted_by_how_it_was_taken(studio: Studio, tmp_path: Path) -> None:
    (tmp_path / "fox.png").write_bytes(tiny_png("fox"))
    (tmp_path / "note.txt").write_text("a fox")
    done = bring_in(studio, OWNER, [str(tmp_path / "fox.png"), str(tmp_path / "note.txt")])
    picture, note = done.assets
    shown = asked(studio, "GET", f"/assets/{picture}")
    taken = asked(studio, "GET", f"/assets/{picture}?download=1")
    assert shown.headers["content-disposition"].startswith("inline")
    assert taken.headers["content-disposition"].startswith("attachment")
    assert taken.headers["content-type"] == "image/png"
    assert taken.content == tiny_png("fox")
    asked(studio, "GET", f"/assets/{note}")
    for method, path in (
        ("HEAD", f"/assets/{picture}"),
        ("GET", f"/assets/{picture}/thumbnail"),
        ("GET", "/assets/ast_x"),
    ):
        asked(studio, method, path)
    with studio.database.read() as connection:
        assert uses_of(connection, OWNER, picture) == {"view": 1, "download": 1, "share": 0}
        assert uses_of(connection, OWNER, note) == {"view": 0, "download": 1, "share": 0}


def test_what_is_purged_is_answered_like_what_never_was(studio: Studio, tmp_path: Path) -> None:
    (tmp_path / "fox.png").write_bytes(tiny_png("fox"))
    (picture,) = bring_in(studio, OWNER, [str(tmp_path / "fox.png")]).assets
    studio.database.write(lambda connection: trash(connection, OWNER, [picture]))
    assert asked(studio, "GET", f"/assets/{picture}").status_code == 200, "it may come back"
    assert empty_trash_of(studio, OWNER).assets == 1
    for end in ("", "/thumbnail", "?download=1"):
        gone, never = (asked(studio, "GET", f"/assets/{name}{end}") for name in (picture, "ast_x"))
        assert (gone.status_code, never.status_code) == (404, 404)
        assert gone.json() == never.json() | {"given": picture}


def test_a_file_that_is_lost_is_no_delivery_and_a_count_that_fails_takes_no_file(
    studio: Studio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "fox.png").write_bytes(tiny_png("fox"))
    (picture,) = bring_in(studio, OWNER, [str(tmp_path / "fox.png")]).assets

    def fails(*_: object) -> None:
        raise RuntimeError("no counting today")

    with monkeypatch.context() as patched:
        patched.setattr(studio.commits, "submit", fails)
        assert asked(studio, "GET", f"/assets/{picture}").content == tiny_png("fox")
    for blob in (tmp_path / "home" / "blobs").rglob("*"):
        if blob.is_file():
            blob.unlink()
    assert asked(studio, "GET", f"/assets/{picture}").status_code == 503
    with studio.database.read() as connection:
        assert uses_of(connection, OWNER, picture)["view"] == 0
