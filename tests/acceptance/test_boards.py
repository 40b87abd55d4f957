"""A board from its making to its end: an owner at the command line, guests with real browsers.

The pages are served by a process of their own, as ``studio up`` serves them, and it is restarted in
between: nothing that was said, counted or forbidden is forgotten.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import Page, expect

from engine.importing import bring_in
from studio.settings import settings
from tests.support.browser import loaded_width, opened_browser, opened_page
from tests.support.studios import make_studio
from tests.unit.cli.conftest import Command, home, studio_command

__all__ = ["home", "studio_command"]

_ROOT = Path(__file__).parents[2]
_PLACE = b"47.3769 N, 8.5417 E"
_SERVE = """
import threading
from engine.studio import open_studio
from interfaces.up import _files
with _files(open_studio()):
    threading.Event().wait()
"""
_START_SECONDS = 300
_OWNER = "demo"


@contextlib.contextmanager
def serving(owner: Owner) -> Iterator[None]:
    """Serve the pages from a process of their own."""
    # The home and the ports are in the environment, as the fixture `home` put them there.
    environment = {**os.environ, "PYTHONPATH": str(_ROOT)}
    process = subprocess.Popen(
        [sys.executable, "-c", _SERVE], env=environment, stderr=subprocess.PIPE, text=True
    )
    try:
        deadline = time.monotonic() + _START_SECONDS
        while True:
            with contextlib.suppress(httpx.TransportError):
                httpx.get(f"http://127.0.0.1:{owner.port}/health", trust_env=False)
                break
            assert process.poll() is None, process.communicate()[1]
            assert time.monotonic() < deadline, "the pages did not come up"
            time.sleep(0.2)
        yield
    finally:
        process.kill()
        process.communicate()


@dataclass(frozen=True)
class Owner:
    """Who has the pictures, at the command line."""

    home: Path
    command: Command

    def json(self, *words: str) -> Any:
        told = self.command(*words, "--json")
        assert told.code == 0, told.err + told.out
        return told.document

    @property
    def port(self) -> int:
        return settings().files_port


@pytest.fixture
def owner(home: Path, studio_command: Command, tmp_path: Path) -> Owner:
    """An owner with three photographs in the library."""
    shell = Owner(home, studio_command)
    shell.json("account", "top-up", "5")
    folder = tmp_path / "photos"
    folder.mkdir()
    rng = np.random.default_rng(7)
    for number, name in enumerate(("dawn", "noon", "dusk")):
        block = Image.Exif()
        block[0x010E] = _PLACE.decode()
        pixels = rng.integers(0, 255, (60 + number, 90, 3), dtype=np.uint8)
        image = Image.fromarray(pixels).resize((900, 600), Image.Resampling.BICUBIC)
        image.save(folder / f"{name}.jpg", exif=block)
    # What the flow of `studio library import` does, without Prefect's server.
    studio = make_studio(shell.home)
    try:
        bring_in(studio, _OWNER, [str(folder)])
    finally:
        studio.close()
    return shell


def assets(shell: Owner) -> dict[str, str]:
    found = shell.json("library", "list")["assets"]
    return {each["name"].removesuffix(".jpg"): each["asset"] for each in found}


def linked(shell: Owner, board: str, *words: str) -> str:
    return str(shell.json("library", "board", "link", board, *words)["url"])


def client() -> httpx.Client:
    return httpx.Client(trust_env=False, follow_redirects=True, timeout=60)


def mark(page: str) -> str:
    found = re.search(r'name="form" value="(\w+)"', page)
    assert found is not None
    return found[1]


def items(page: str) -> list[str]:
    return re.findall(r'class="card" href="[^"]*/(itm_\w+)"', page)


def test_an_owner_shows_a_collection_and_a_guest_answers(owner: Owner) -> None:
    ids = assets(owner)
    collection = owner.json("library", "collection", "create", "Campaign")["collection"]
    owner.json("library", "collection", "put", collection, ids["dawn"], ids["noon"])
    owner.json("library", "title", ids["dawn"], "Dawn over the lake")
    board = owner.json("library", "board", "create", "--collection", collection)["board"]
    owner.json("library", "board", "order", board, ids["dawn"])
    url = linked(owner, board, "--label", "Client", "--download")

    with serving(owner), client() as guest:
        page = guest.get(url)
        assert page.status_code == 200
        assert "Campaign" in page.text
        assert "Dawn over the lake" in page.text
        assert not any(each in page.text for each in ids.values())
        first, second = items(page.text)
        large = guest.get(f"{url}/{first}/preview")
        assert large.headers["content-type"] == "image/webp"
        about = guest.get(f"{url}/{first}").text
        said = {"form": mark(about), "name": "Ann", "text": "Warmer, please."}
        assert "Warmer, please." in guest.post(f"{url}/{first}/comment", data=said).text
        for item, word in ((first, "rejected"), (second, "approved")):
            decided = {"form": mark(about), "name": "Ann", "decision": word}
            assert guest.post(f"{url}/{item}/decision", data=decided).status_code == 200
        file = guest.get(f"{url}/{first}/file")
        assert _PLACE not in file.content
        assert 'filename="001-dawn-over-the-lake.jpg"' in file.headers["content-disposition"]
        with zipfile.ZipFile(io.BytesIO(guest.get(f"{url}/all.zip").content)) as packed:
            assert len(packed.namelist()) == 2
            assert packed.read("001-dawn-over-the-lake.jpg") == file.content
        for foreign in (ids["dusk"], ids["dawn"]):
            assert guest.get(f"{url}/{foreign}/file").status_code == 404

        told = owner.json("library", "board", "show", board)
        words = {it["asset"]: [d["decision"] for d in it["decisions"]] for it in told["assets"]}
        assert words == {ids["dawn"]: ["rejected"], ids["noon"]: ["approved"]}
        assert (told["views"], told["downloads"]) == (1, 3)
        (comment,) = owner.json("library", "board", "comments", board)["comments"]
        assert (comment["name"], comment["label"]) == ("Ann", "Client")
        stats = owner.json("library", "stats")
        assert (stats["uses"]["share"], stats["uses"]["download"]) == (1, 3)

        owner.json("library", "trash", ids["noon"])
        assert items(guest.get(url).text) == [first]
        owner.json("library", "board", "comments", board, "--remove", comment["comment"])
        assert "Warmer, please." not in guest.get(f"{url}/{first}").text

        (link,) = owner.json("library", "board", "links", board)["links"]
        owner.json("library", "board", "revoke", board, link["link"])
        for path in ("", f"/{first}", f"/{first}/preview", "/all.zip"):
            assert guest.get(url + path).status_code == 404
        assert guest.get(url).text == guest.get(url[:-1] + "~").text
    whats = [each["what"] for each in owner.json("library", "board", "audit", board)["events"]]
    assert whats[::-1] == [
        *("created", "changed", "linked", "opened", "commented", "decided", "decided"),
        *("downloaded", "downloaded", "comment_removed", "revoked"),
    ]


def test_a_password_is_guessed_at_in_vain_also_over_a_restart(owner: Owner, tmp_path: Path) -> None:
    board = owner.json("library", "board", "create", *assets(owner).values(), "--title", "Us")
    (tmp_path / "password").write_text("correct horse\n")
    given = f"@{tmp_path / 'password'}"
    url = linked(owner, board["board"], "--password", given, "--views", "1")
    with serving(owner), client() as guest:
        for _ in range(10):
            assert guest.post(url, data={"password": "battery staple"}).status_code == 403
        assert guest.post(url, data={"password": "correct horse"}).status_code == 429
    with serving(owner), client() as guest:
        refused = guest.post(url, data={"password": "correct horse"})
        assert refused.status_code == 429
        assert int(refused.headers["retry-after"]) > 0
        # Behind the operator's proxy, guests are told apart by what it says of them.
        other = {"X-Forwarded-For": "203.0.113.9"}
        assert guest.get(url, headers=other).status_code == 200
        opened = guest.post(url, data={"password": "correct horse"}, headers=other)
        assert "Us" in opened.text
        with client() as late:
            assert late.get(url, headers=other).status_code == 404
    kept = (owner.home / "studio.db").read_bytes()
    for secret in (b"correct horse", url.rpartition("/")[2].encode()):
        assert secret not in kept


def test_a_guest_with_a_browser_and_without_javascript(owner: Owner, tmp_path: Path) -> None:
    ids = assets(owner)
    board = owner.json(
        *("library", "board", "create", ids["dawn"], ids["dusk"]),
        *("--title", "For <you>", "--note", "Two of them."),
    )["board"]
    url = linked(owner, board, "--views", "3", "--download")
    with serving(owner), opened_browser() as browser:
        with opened_page(browser, tmp_path) as page:
            problems: list[str] = []
            page.on("console", lambda message: problems.append(message.text))
            page.on("pageerror", lambda error: problems.append(str(error)))
            _review(page, url)
            assert problems == []
        context = browser.new_context(java_script_enabled=False, color_scheme="dark")
        page = context.new_page()
        _review(page, url)
        background = "rgb(22, 22, 24)"
        styles = "getComputedStyle(document.body).backgroundColor"
        assert page.evaluate(styles) == background
        context.close()
    (first, _) = owner.json("library", "board", "show", board)["assets"]
    assert [each["decision"] for each in first["decisions"]] == ["approved", "approved"]
    assert owner.json("library", "board", "show", board)["views"] == 2


def _review(page: Page, url: str) -> None:
    """Open a link, look at the first picture, comment, approve, reject, take it back, download."""
    page.goto(url)
    page.get_by_role("button", name="Open").click()
    expect(page.get_by_role("heading", name="For <you>")).to_be_visible()
    cards = page.locator("a.card")
    expect(cards).to_have_count(2)
    assert loaded_width(cards.first.locator("img")) == 256
    cards.first.click()
    assert loaded_width(page.locator("figure img")) == 900
    page.get_by_label("Your name").last.fill("Ann")
    page.get_by_label("Comment").fill("Good.")
    page.get_by_role("button", name="Send").click()
    expect(page.locator("article.comment").last).to_contain_text("Good.")
    page.get_by_role("button", name="Reject").click()
    expect(page.locator(".sign.rejected")).to_contain_text("Ann")
    page.get_by_role("button", name="Take back").click()
    expect(page.locator(".sign.rejected")).to_have_count(0)
    page.get_by_role("button", name="Approve").click()
    expect(page.locator(".sign.approved").last).to_contain_text("Ann")
    with page.expect_download() as waiting:
        page.get_by_role("link", name="Download").click()
    assert waiting.value.suggested_filename == "001-image.jpg"
    page.get_by_role("link", name="Next").click()
    expect(page.get_by_role("heading", name="Picture 2")).to_be_visible()
    page.get_by_role("link", name="For <you>").click()
    expect(page.locator("a.card").first).to_contain_text("You approved")
