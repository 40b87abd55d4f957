"""A studio with a board, and guests who come to it by HTTP, each with a browser of its own."""

from __future__ import annotations

import asyncio
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image
from starlette.applications import Starlette

from engine.importing import bring_in
from engine.studio import Studio
from interfaces.web import application
from library.board_audit import events_of
from library.board_items import items_on
from library.board_links import Link, add_link
from library.boards import create_board
from studio import passwords
from tests.support.studios import OWNER, make_studio

SECRET = b"47.3769 N"


def photo(colour: str = "red", size: tuple[int, int] = (40, 30)) -> bytes:
    """Return a JPEG with a place in its metadata."""
    block = Image.Exif()
    block[0x010E] = f"taken at {SECRET.decode()}"
    file = io.BytesIO()
    Image.new("RGB", size, colour).save(file, "JPEG", exif=block)
    return file.getvalue()


@dataclass
class House:
    """A studio with a board of two photographs and a text, and other assets beside it."""

    studio: Studio
    app: Starlette
    board: str
    assets: list[str]
    beside: str
    items: list[str]

    def link(self, password: str = "", **named: Any) -> tuple[Link, str]:
        kept = passwords.hashed(password) if password else ""
        return self.write(add_link, OWNER, self.board, password_hash=kept, **named)  # type: ignore[no-any-return]

    def write(self, work: Any, *given: Any, **named: Any) -> Any:
        return self.studio.database.write(lambda connection: work(connection, *given, **named))

    def read(self, work: Any, *given: Any, **named: Any) -> Any:
        with self.studio.database.read() as connection:
            return work(connection, *given, **named)

    def guest(self, token: str, address: str = "198.51.100.7") -> Browser:
        return Browser(self.app, token, address)

    def whats(self) -> list[str]:
        found = self.read(events_of, OWNER, self.board, limit=500)
        return [each.what for each in found][::-1]


@dataclass
class Browser:
    """A guest's browser: it keeps cookies, and follows nothing by itself."""

    app: Starlette
    token: str
    address: str
    cookies: httpx.Cookies = field(default_factory=httpx.Cookies)

    def get(self, path: str = "", **arguments: Any) -> httpx.Response:
        return self.ask("GET", path, **arguments)

    def post(self, path: str = "", **form: str) -> httpx.Response:
        return self.ask("POST", path, data=form)

    def ask(self, method: str, path: str = "", **arguments: Any) -> httpx.Response:
        return asyncio.run(self._ask(method, path, **arguments))

    async def _ask(self, method: str, path: str, **arguments: Any) -> httpx.Response:
        transport = httpx.ASGITransport(self.app, client=(self.address, 1))
        async with httpx.AsyncClient(
            transport=transport, base_url="http://studio.test", cookies=self.cookies
        ) as client:
            where = path if path.startswith("/boards") else f"/boards/{self.token}{path}"
            answer = await client.request(method, where, **arguments)
            self.cookies = client.cookies
            return answer

    def unlock(self, word: str) -> httpx.Response:
        """Try a password."""
        return self.post(password=word)

    def mark(self, item: str) -> str:
        """Return what the forms of a page bear."""
        found = re.search(r'name="form" value="([0-9a-f]{64})"', self.get(f"/{item}").text)
        assert found is not None
        return found[1]

    def say(self, item: str, name: str, text: str) -> httpx.Response:
        return self.post(f"/{item}/comment", form=self.mark(item), name=name, text=text)

    def decide(self, item: str, name: str, decision: str) -> httpx.Response:
        return self.post(f"/{item}/decision", form=self.mark(item), name=name, decision=decision)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    studio = make_studio(tmp_path / "home")
    try:
        files = []
        for name, data in (
            ("secret-prompt-words.jpg", photo("red", (2_000, 1_000))),
            ("blue.jpg", photo("blue")),
            ("note.txt", b"a note"),
            ("beside.jpg", photo("green")),
        ):
            (tmp_path / name).write_bytes(data)
            files.append(str(tmp_path / name))
        assets = [bring_in(studio, OWNER, [each]).assets[0] for each in files]
        board = studio.database.write(
            lambda connection: create_board(
                connection, OWNER, "Foxes <b>& owls</b>", note="<i>look</i>", assets=assets[:3]
            )
        ).id
        with studio.database.read() as connection:
            items = [each.id for each in items_on(connection, board)]
        yield House(studio, application(studio), board, assets[:3], assets[3], items)
    finally:
        studio.close()
