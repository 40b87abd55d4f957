"""What a person sees who follows a link to the file pages that leads nowhere, or their address."""

from __future__ import annotations

import asyncio
import uuid
from pathlib import Path

import httpx
import pytest

from engine.studio import Studio
from interfaces.web import application
from tests.support.studios import opened_studio

BROWSER = "text/html,application/xhtml+xml,image/avif,*/*;q=0.8"
PUBLIC = "https://studio.example/files"


def ask(studio: Studio, path: str, accept: str) -> httpx.Response:
    async def asked() -> httpx.Response:
        transport = httpx.ASGITransport(application(studio))
        async with httpx.AsyncClient(transport=transport, base_url="http://files.test") as client:
            return await client.get(path, headers={"accept": accept})

    return asyncio.run(asked())


@pytest.mark.parametrize("path", ["/assets/ast_none", f"/exports/{uuid.UUID(int=1)}", "/nowhere"])
def test_a_dead_link_is_a_page_for_people_and_json_for_programs(tmp_path: Path, path: str) -> None:
    with opened_studio(tmp_path / "home") as studio:
        page, document = ask(studio, path, BROWSER), ask(studio, path, "*/*")
    assert (page.status_code, document.status_code) == (404, 404)
    assert page.headers["content-type"].startswith("text/html")
    assert "There is nothing here" in page.text
    assert document.json()["code"] == "not_found"


def test_a_link_without_its_signature_says_where_new_ones_are(tmp_path: Path) -> None:
    with opened_studio(tmp_path / "home", public_url=PUBLIC) as studio:
        page = ask(studio, "/assets/ast_none", BROWSER)
    assert page.status_code == 401
    assert "This link is over" in page.text
    assert "studio library show" in page.text
    assert 'href="/files/boards/board.css?' in page.text


def test_the_address_itself_says_what_is_there_and_leads_on(tmp_path: Path) -> None:
    with opened_studio(tmp_path / "home") as studio:
        page, forms = ask(studio, "/", BROWSER), studio.settings.prefect_pages
    assert page.status_code == 200
    assert f'href="{forms}/deployments"' in page.text
    with opened_studio(tmp_path / "public", public_url=PUBLIC) as studio:
        page, forms = ask(studio, "/", BROWSER), studio.settings.prefect_pages
    assert page.status_code == 200
    assert forms not in page.text
