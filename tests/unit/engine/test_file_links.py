"""Links to the file pages: open on this machine, signed and ending anywhere else."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from engine.exporting import FOLDER, ZIP
from engine.file_links import DAYS, file_link, link_days
from engine.notifications import links
from engine.outbox import Message
from engine.studio import Studio
from engine.uploads import take_in
from interfaces.web import application
from studio import clock
from studio.settings import Settings
from tests.support.paid_server import tiny_png
from tests.support.studios import OWNER, opened_studio

PUBLIC = "https://studio.example/files"


def settings(**values: object) -> Settings:
    return Settings(_env_file=None, **values)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("values", "days"),
    [
        ({}, 0),
        ({"public_url": "http://localhost:4210"}, 0),
        ({"public_url": "http://[::1]:4210"}, 0),
        ({"public_url": "http://127.0.0.9:1"}, 0),
        ({"public_url": PUBLIC}, DAYS),
        ({"public_url": "http://10.0.0.7:4210"}, DAYS),
        ({"public_url": "http://localhost.example"}, DAYS),
        ({"public_url": PUBLIC, "files_link_days": 3}, 3),
        ({"public_url": PUBLIC, "files_link_days": 0}, 0),
        ({"files_link_days": 1}, 1),
    ],
)
def test_links_are_signed_where_others_than_this_machine_see_them(
    values: dict[str, object], days: int
) -> None:
    assert link_days(settings(**values)) == days


@pytest.fixture
def house(tmp_path: Path) -> Iterator[Studio]:
    with opened_studio(tmp_path / "home", public_url=PUBLIC) as studio:
        yield studio


def fetch(studio: Studio, link: str, suffix: str = "") -> httpx.Response:
    """Follow a link as the proxy passes it on."""
    parts = urlsplit(link.removeprefix(PUBLIC))
    return asyncio.run(_get(studio, f"{parts.path}{suffix}?{parts.query}"))


async def _get(studio: Studio, path: str) -> httpx.Response:
    transport = httpx.ASGITransport(application(studio))
    async with httpx.AsyncClient(transport=transport, base_url="http://files.test") as client:
        return await client.get(path)


def test_a_signed_link_opens_its_file_until_it_ends(
    house: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = tiny_png("one")
    asset = take_in(house.inputs, "one.png", data, OWNER).id
    other = take_in(house.inputs, "two.png", tiny_png("two"), OWNER).id
    link = file_link(house.settings, asset)
    assert fetch(house, link).content == data
    assert fetch(house, link, "/thumbnail").status_code == 200
    for wrong in (
        f"{PUBLIC}/assets/{asset}",
        link.replace(asset, other),
        link.replace("expires=1", "expires=2"),
        link.replace("expires=", "expires=x"),
        link[:-1] + ("A" if link[-1] != "A" else "B"),
        link.replace("signature=", "signature=%C3%A9"),
        f"{PUBLIC}/assets/{asset}?expires=99999999999&signature=",
    ):
        for suffix in ("", "/thumbnail"):
            told = fetch(house, wrong, suffix)
            assert (told.status_code, told.json()["code"]) == (401, "not_authenticated"), wrong
    later = clock.now() + timedelta(days=DAYS, seconds=1)
    monkeypatch.setattr(clock, "now", lambda: later)
    assert fetch(house, link).status_code == 401


def test_a_stranger_learns_nothing_of_what_is_there(house: Studio) -> None:
    asset = take_in(house.inputs, "one.png", tiny_png("one"), OWNER).id
    there, gone = (fetch(house, f"{PUBLIC}/assets/{each}") for each in (asset, "ast_nothing"))
    assert (there.status_code, there.text) == (gone.status_code, gone.text)


def test_an_export_is_behind_a_link_of_its_own(house: Studio) -> None:
    run = str(uuid.uuid4())
    folder = house.settings.folder / FOLDER / run
    folder.mkdir(parents=True)
    (folder / ZIP).write_bytes(b"PK")
    link = file_link(house.settings, run, "exports")
    assert fetch(house, link).content == b"PK"
    as_asset = file_link(house.settings, run).replace("/assets/", "/exports/")
    assert fetch(house, as_asset).status_code == 401


def test_what_people_are_sent_bears_such_links(house: Studio) -> None:
    asset = take_in(house.inputs, "one.png", tiny_png("one"), OWNER).id
    message = Message(OWNER, "picture.ready", asset, {"assets": [asset]})
    (link,) = links(message, house.settings)
    assert fetch(house, link).status_code == 200


def test_on_this_machine_links_stay_as_they_are(tmp_path: Path) -> None:
    with opened_studio(tmp_path / "home") as studio:
        asset = take_in(studio.inputs, "one.png", tiny_png("one"), OWNER).id
        link = file_link(studio.settings, asset)
        assert link == f"{studio.settings.files_url}/assets/{asset}"
        assert fetch(studio, f"{PUBLIC}/assets/{asset}").status_code == 200
