"""A studio of its own for each test of the API, and clients with keys, within this process."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from billing.accounts.keys import SCOPES, add_key
from engine.studio import Studio
from interfaces.api import application
from tests.support.runs import EngineRuns
from tests.support.studios import OWNER, opened_studio

PREFIX = "/api/image-studio"


@dataclass
class Door:
    """The API with a studio behind it."""

    studio: Studio
    app: FastAPI
    runs: EngineRuns
    keys: dict[tuple[str, tuple[str, ...]], str] = field(default_factory=dict)

    def key(self, user: str = OWNER, *scopes: str, owner: str = "", days: int = 90) -> str:
        """Return a key of ``user``; with every scope, if none is given."""
        _, token = self.studio.database.write(
            lambda connection: add_key(
                connection, owner or user, user, "a test", scopes or SCOPES, days=days, author=user
            )
        )
        return token

    def call(
        self, method: str, path: str, *, key: str | None = "", **arguments: Any
    ) -> httpx.Response:
        """Make one request; with a key of the owner that may do everything, if none is given."""
        if key == "":
            place = (OWNER, ())
            key = self.keys.setdefault(place, "") or self.key()
            self.keys[place] = key
        headers = dict(arguments.pop("headers", {}))
        if key is not None:
            headers["Authorization"] = f"Bearer {key}"
        return asyncio.run(self._call(method, path, headers=headers, **arguments))

    async def _call(self, method: str, path: str, **arguments: Any) -> httpx.Response:
        transport = httpx.ASGITransport(self.app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://studio.test") as client:
            address = path if path.startswith("http") else PREFIX + path
            return await client.request(method, address, **arguments)

    def get(self, path: str, **arguments: Any) -> httpx.Response:
        return self.call("GET", path, **arguments)

    def post(self, path: str, **arguments: Any) -> httpx.Response:
        return self.call("POST", path, **arguments)


def door_of(studio: Studio) -> Door:
    """Return the API with a studio behind it, whose runs are carried out in this process."""
    runs = EngineRuns(studio)
    return Door(studio, application(studio, runs), runs)


@pytest.fixture
def door(tmp_path: Path) -> Iterator[Door]:
    with opened_studio(tmp_path / "home") as studio:
        yield door_of(studio)
