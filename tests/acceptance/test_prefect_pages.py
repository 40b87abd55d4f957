"""Prefect's own pages as people see them: the forms, a run's quote, progress, pictures, refusals.

One studio for all of it, started as ``studio up`` does, looked at in a real browser.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import selectors
import signal
import subprocess
import sys
import time
import urllib.parse
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Page, expect
from playwright.sync_api import TimeoutError as PageTimeout
from sqlalchemy import Connection, select

from billing.accounts.account import change_account, keep_account
from billing.ledger import Ledger
from billing.tables import holds, ledger_transactions
from studio import credits as money
from studio.clock import now
from studio.database import Database
from studio.database.migrate import migrate
from studio.settings import Settings
from tests.conftest import free_port
from tests.support.browser import find_chromium, loaded_width, opened_browser, opened_page

OWNER = "marketing"
POOR = "without-credits"
APPROVED = "approvals"

_STUDIO = """
import json
from interfaces.up import up
from studio.settings import settings
up(settings(), lambda addresses: print(json.dumps(addresses), flush=True))
"""
_START_SECONDS = 150
_RUN_SECONDS = 120
_STOP_SECONDS = 60
_BUSY_SECONDS = 60
_PRESSES = 6
_PRESS_SECONDS = 10

_GOOD = """\
row,operation,prompt,width,height,seed,image,factor,model
fox,generate,a red fox in a misty forest at dawn,320,240,7,,,
sail,generate,a sailboat on the sea at sunset,320,240,3,,,
fox-large,upscale,,,,,@fox,2x,lanczos
"""
_BAD = """\
row,operation,prompt,width,height
fox,generate,a red fox,5000,512
owl,generat,an owl,512,512
"""


@dataclass(frozen=True)
class Running:
    """A studio that is up.

    Attributes:
        pages: the address of Prefect's pages.
        api: the address of Prefect's API.
        files: the address of the studio's files.
        config: its settings.
        folder: where a test may put files for it.
    """

    pages: str
    api: str
    files: str
    config: Settings
    folder: Path

    def ask(self, path: str, body: dict[str, Any] | None = None) -> Any:
        method = "GET" if body is None else "POST"
        deadline = time.monotonic() + _BUSY_SECONDS
        while True:
            answer = httpx.request(method, self.api + path, json=body, timeout=60, trust_env=False)
            # So the server says that its SQLite was locked and nothing was done; Prefect's own
            # client asks again as well.
            if answer.status_code != httpx.codes.SERVICE_UNAVAILABLE or time.monotonic() > deadline:
                return answer.raise_for_status().json()
            time.sleep(1)

    def deployment(self, name: str) -> str:
        (found,) = [d for d in self.ask("/deployments/filter", {}) if d["name"] == name]
        return str(found["id"])

    def start(self, name: str, **parameters: Any) -> str:
        path = f"/deployments/{self.deployment(name)}/create_flow_run"
        return str(self.ask(path, {"parameters": parameters})["id"])

    def end_of(self, run: str) -> dict[str, Any]:
        """Wait for a run's end and return its state."""
        deadline = time.monotonic() + _RUN_SECONDS
        while time.monotonic() < deadline:
            state: dict[str, Any] = self.ask(f"/flow_runs/{run}")["state"]
            if state["type"] in {"COMPLETED", "FAILED", "CRASHED", "CANCELLED"}:
                return state
            time.sleep(0.3)
        pytest.fail(f"run {run} did not end")

    def artifacts(self, run: str) -> list[dict[str, Any]]:
        found = self.ask("/artifacts/filter", {"flow_runs": {"id": {"any_": [run]}}})
        return sorted(found, key=lambda each: str(each["created"]))

    def log(self, run: str) -> str:
        found = self.ask("/logs/filter", {"logs": {"flow_run_id": {"any_": [run]}}})
        return "\n".join(each["message"] for each in found)

    def wait_for_log(self, run: str, words: str) -> None:
        """Wait until a run's log has the words: Prefect writes it some time after the state."""
        until = time.monotonic() + 20
        while words not in self.log(run):
            assert time.monotonic() < until, self.log(run)
            time.sleep(0.2)

    def moments(self, run: str, kind: str) -> list[datetime]:
        """Return when the ledger did something of that kind for a run, in order."""
        made = ledger_transactions.c
        query = (
            select(made.at)
            .join(holds, holds.c.id == made.hold_id)
            .where(holds.c.key.startswith(f"{run}/"), made.kind == kind)
            .order_by(made.at)
        )
        database = Database(self.config.database)
        with database.read() as connection:
            found = list(connection.scalars(query))
        database.close()
        return found


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with opened_browser() as opened:
        yield opened


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    find_chromium()
    folder = tmp_path_factory.mktemp("studio")
    config = Settings(
        _env_file=None,
        home=folder / "home",
        owner=OWNER,
        prefect_port=free_port(),
        files_port=free_port(),
        api_port=free_port(),
    )
    fill_wallets(config)
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("PREFECT_", "STUDIO_"))}
    values = {
        "STUDIO_HOME": str(config.home),
        "STUDIO_OWNER": OWNER,
        "STUDIO_PREFECT_PORT": str(config.prefect_port),
        "STUDIO_FILES_PORT": str(config.files_port),
        "STUDIO_API_PORT": str(config.api_port),
    }
    log = folder / "studio.log"
    with (
        log.open("w") as output,
        subprocess.Popen(
            [sys.executable, "-c", _STUDIO],
            env={**clean, **values},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=output,
            text=True,
        ) as process,
    ):
        try:
            addresses = first_line(process, log)
            yield Running(
                addresses["prefect"], addresses["api"], addresses["files"], config, folder
            )
        finally:
            stop(process)


def fill_wallets(config: Settings) -> None:
    config.folder.mkdir(parents=True)
    database = Database(config.database)
    migrate(database)
    ledger = Ledger(database)
    ledger.open_wallet(POOR)
    ledger.open_wallet(OWNER)
    ledger.top_up(OWNER, 10 * money.MICRO, key="start", author="tester", reason="a test")
    ledger.close()
    database.close()


def first_line(process: subprocess.Popen[str], log: Path) -> dict[str, str]:
    """Wait for the addresses of a studio that is ready."""
    assert process.stdout is not None
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        line = process.stdout.readline() if selector.select(_START_SECONDS) else ""
    if not line:
        pytest.fail(f"the studio did not start: {log.read_text()[-2000:]}")
    return dict(json.loads(line))


def stop(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGINT)
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        raise


def open_tab(page: Page, studio: Running, run: str, tab: str) -> None:
    page.goto(f"{studio.pages}/runs/flow-run/{run}?tab={tab}")
    expect(page.get_by_role("tab", name=tab)).to_have_attribute("data-state", "active")


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def test_a_picture_is_ordered_in_the_form_and_shown_with_its_quote(
    studio: Running, browser: Browser, tmp_path: Path
) -> None:
    with opened_page(browser, tmp_path) as page:
        run = order_in_the_form(page, studio)
        state = studio.end_of(run)
        assert state["type"] == "COMPLETED", state["message"]
        open_tab(page, studio, run, "Artifacts")
        main = page.get_by_role("main")
        expect(main.get_by_text("Quote: 0.2 credits")).to_be_visible()
        expect(main.get_by_text("Gallery: 1 picture")).to_be_visible()
        # On the card, by value.
        thumbnail = main.locator("img[src^=data]")
        expect(thumbnail).to_have_count(1)
        assert loaded_width(thumbnail) > 0
        # On the card's own page, from the studio's files.
        thumbnail.click()
        full = main.locator(f'img[src^="{studio.files}/assets/"]')
        assert loaded_width(full) == 256
        # In the gallery, as a link.
        open_tab(page, studio, run, "Artifacts")
        main.get_by_text("Gallery: 1 picture").click()
        # By where it leads: the card that was clicked is a link round a picture, too, and stays
        # for a moment while the page changes.
        link = main.locator(f'a[href^="{studio.files}/assets/"]:has(img)')
        assert loaded_width(link.locator("img")) > 0
        address = link.get_attribute("href") or ""
        answer = page.request.get(address)
        assert (answer.status, answer.headers["content-type"]) == (200, "image/png")
        follow_what_is_next(page, address.rpartition("/")[2])
    studio.wait_for_log(run, address)
    quote, _, _ = studio.artifacts(run)
    assert "| Create image | local/illustrator | 1 picture | 0.2 | 0.2 |" in quote["data"]
    (held,), (captured,) = studio.moments(run, "hold"), studio.moments(run, "capture")
    assert moment(quote["created"]) < held < captured


def follow_what_is_next(page: Page, asset: str) -> None:
    """From the gallery to the forms that go on with its picture, filled in."""
    gallery = page.url
    for words, heading in (
        ("upscale this", "Upscale image"),
        ("make formats", "Export for social media"),
    ):
        page.get_by_role("main").get_by_role("link", name=words).click()
        expect(page.get_by_role("link", name=heading)).to_be_visible()
        expect(page.get_by_role("textbox", name="Picture", exact=True)).to_have_value(asset)
        page.goto(gallery)
    page.get_by_role("main").get_by_role("link", name="Again").click()
    prompt = page.get_by_role("textbox", name="Prompt", exact=True)
    expect(prompt).to_have_value("a lighthouse at sunset")
    expect(page.get_by_label("Seed")).to_have_value("7")
    expect(page.get_by_label("Width")).to_have_value("256")


def order_in_the_form(page: Page, studio: Running) -> str:
    """Fill in the form of "Create image" as a person would, submit it, return the run's id."""
    page.goto(f"{studio.pages}/deployments")
    page.get_by_role("link", name="Create image", exact=True).click()
    page.get_by_role("tab", name="Description").click()
    expect(page.get_by_text("0.2 credits")).to_be_visible()
    page.goto(f"{studio.pages}/deployments/deployment/{studio.deployment('Create image')}/run")
    expect(page.get_by_text("What the picture shows")).to_be_visible()
    page.get_by_role("textbox", name="Prompt", exact=True).fill("a lighthouse at sunset")
    width = page.get_by_label("Width")
    width.fill("5120")
    assert "4096" in width.evaluate("field => field.validationMessage")
    width.fill("256")
    page.get_by_label("Height").fill("192")
    page.get_by_label("Seed").fill("7")
    return submitted(page, studio)


def submitted(page: Page, studio: Running) -> str:
    """Press Submit until a run is there, go to its page, return its id.

    The page drops a press while the server still looks at the last edit. Whether it did says the
    server: the note with the link stands for seconds only.
    """
    asked = {"deployments": {"id": {"any_": [studio.deployment("Create image")]}}}
    before = {run["id"] for run in studio.ask("/flow_runs/filter", asked)}
    for _ in range(_PRESSES):
        page.get_by_role("button", name="Submit").click()
        with contextlib.suppress(PageTimeout):
            page.get_by_role("button", name="View run").click(timeout=_PRESS_SECONDS * 1_000)
            page.wait_for_url("**/runs/flow-run/**")
            return re.sub(r".*/flow-run/([0-9a-f-]{36}).*", r"\1", page.url)
        runs = {run["id"] for run in studio.ask("/flow_runs/filter", asked)} - before
        if runs:
            (run,) = runs
            page.goto(f"{studio.pages}/runs/flow-run/{run}")
            return str(run)
    pytest.fail("the form dropped every press")


def test_a_link_fills_in_the_form(studio: Running, browser: Browser, tmp_path: Path) -> None:
    values = urllib.parse.quote(json.dumps({"prompt": "a red fox", "seed": 7, "quality": "draft"}))
    form = f"{studio.pages}/deployments/deployment/{studio.deployment('Create image')}/run"
    with opened_page(browser, tmp_path) as page:
        page.goto(f"{form}?parameters={values}")
        expect(page.get_by_role("textbox", name="Prompt", exact=True)).to_have_value("a red fox")
        expect(page.get_by_label("Seed")).to_have_value("7")
        expect(page.get_by_label("Width")).to_have_value("1024")
        expect(page.get_by_role("main").get_by_text("draft", exact=True)).to_be_visible()


def test_a_batch_shows_quote_progress_and_gallery(
    studio: Running, browser: Browser, tmp_path: Path
) -> None:
    csv = studio.folder / "campaign.csv"
    csv.write_text(_GOOD)
    run = studio.start("Batch from CSV", csv=str(csv))
    state = studio.end_of(run)
    assert (state["type"], state["message"]) == ("COMPLETED", "3 done; 0.45 credits spent")

    quote, progress, *pictures, gallery = studio.artifacts(run)
    (held,), captures = studio.moments(run, "hold"), studio.moments(run, "capture")
    # Shown before a micro-credit moved.
    assert "| **total** |  |  |  | **0.45** |" in quote["data"]
    assert moment(quote["created"]) < held < captures[0]
    # There from the beginning, and brought up to date while rows were bought.
    assert held < moment(progress["created"]) < captures[0]
    assert moment(progress["updated"]) > captures[-1]
    assert moment(progress["updated"]) < moment(gallery["created"])
    assert len(captures) == len(pictures) == 3
    studio.wait_for_log(run, "3 of 3 rows have ended, 0.45 credits spent")

    with opened_page(browser, tmp_path) as page:
        open_tab(page, studio, run, "Artifacts")
        main = page.get_by_role("main")
        for words in ("Quote: 0.45 credits", "3 of 3 rows", "Gallery: 3 pictures"):
            expect(main.get_by_text(words, exact=True)).to_be_visible()
        expect(main.get_by_text("▰ 100%")).to_be_visible()
        thumbnails = main.locator("img[src^=data]")
        expect(thumbnails).to_have_count(3)
        assert all(loaded_width(each) > 0 for each in thumbnails.all())
        main.get_by_text("Gallery: 3 pictures").click()
        expect(main.locator("table a:has(img)")).to_have_count(3)
        assert all(loaded_width(each) > 0 for each in main.locator("table img").all())
        expect(main.get_by_role("link", name="fox-large.png")).to_have_count(2)


def test_refusals_say_what_to_do(studio: Running, browser: Browser, tmp_path: Path) -> None:
    csv = studio.folder / "faulty.csv"
    csv.write_text(_BAD)
    poor = studio.start("Create image", prompt="an owl", owner=POOR)
    faulty = studio.start("Batch from CSV", csv=str(csv))
    states = [studio.end_of(run) for run in (poor, faulty)]
    assert [state["type"] for state in states] == ["FAILED", "FAILED"]
    assert states[0]["message"].startswith("not_enough_credits: This needs 0.2 credits;")
    assert states[1]["message"].startswith("batch_invalid: faulty.csv has 2 problems on 2 lines;")
    for run in (poor, faulty):
        # No stack trace, not even the empty one that Prefect logs of a failed state.
        assert not re.search(r"Traceback|NoneType|failed with state", studio.log(run))

    with opened_page(browser, tmp_path) as page:
        open_tab(page, studio, poor, "Details")
        expect(page.get_by_text("Add credits with")).to_be_visible()
        open_tab(page, studio, faulty, "Artifacts")
        page.get_by_text("2 problems in faulty.csv").click()
        row = page.get_by_role("row").filter(has_text="generat")
        expect(row.get_by_role("cell").nth(0)).to_have_text("3")
        expect(row).to_contain_text("must be one of: generate,")


def test_what_is_scheduled_runs_by_itself(studio: Running) -> None:
    """With SQLAlchemy 2.1 Prefect's scheduler failed at every pass, and nobody saw it."""
    body = {
        "deployments": {"id": {"any_": [studio.deployment("Upkeep")]}},
        "flow_runs": {"state": {"type": {"any_": ["SCHEDULED", "COMPLETED", "RUNNING"]}}},
    }
    deadline = time.monotonic() + _RUN_SECONDS
    while not studio.ask("/flow_runs/filter", body):
        assert time.monotonic() < deadline, "no run of Upkeep was scheduled"
        time.sleep(1)


def test_a_batch_above_the_limit_waits_for_a_word_in_the_form(
    studio: Running, browser: Browser, tmp_path: Path
) -> None:
    ask_above_nothing(studio)
    ends = {"reject": "FAILED", "approve": "COMPLETED"}
    # Both at once: what takes long is the start of their processes.
    runs = {}
    for choice in ends:
        csv = studio.folder / f"{choice}.csv"
        csv.write_text(f"operation,prompt,width,height\ngenerate,a hill to {choice},64,64\n")
        runs[choice] = studio.start("Batch from CSV", csv=str(csv), owner=APPROVED)
    with opened_page(browser, tmp_path) as page:
        for choice, run in runs.items():
            until = time.monotonic() + _RUN_SECONDS
            while studio.ask(f"/flow_runs/{run}")["state"]["type"] != "PAUSED":
                assert time.monotonic() < until, studio.log(run)
                time.sleep(0.2)
            assert studio.moments(run, "hold")
            page.goto(f"{studio.pages}/runs/flow-run/{run}")
            decide_in_the_form(page, choice)
    for choice, run in runs.items():
        state = studio.end_of(run)
        assert state["type"] == ends[choice], state["message"]
        assert len(studio.moments(run, "capture")) == (choice == "approve")
        if choice == "reject":
            assert "was rejected by approvals: as said" in state["message"]
            assert studio.moments(run, "release")


def decide_in_the_form(page: Page, choice: str) -> None:
    """Resume a paused run as a person would: read the quote, choose, say who and why."""
    page.get_by_role("main").get_by_role("button", name="Open menu").first.click()
    page.get_by_role("menuitem", name="Resume").click()
    form = page.get_by_role("dialog")
    expect(form.get_by_text("credits").first).to_be_visible()
    expect(form.get_by_text("Without a word by")).to_be_visible()
    form.get_by_label("Decision").click()
    page.get_by_role("option", name=choice).click()
    form.get_by_label("Approver").fill(APPROVED)
    form.get_by_label("Reason").fill("as said")
    # The page drops a press while the server still looks at the last edit; people press again.
    for _ in range(_PRESSES):
        form.get_by_role("button", name="Resume").click()
        with contextlib.suppress(AssertionError):
            expect(form).to_be_hidden(timeout=_PRESS_SECONDS * 1_000)
            return
    expect(form).to_be_hidden()


def ask_above_nothing(studio: Running) -> None:
    """Have every batch of a wallet of its own wait for approval."""

    def limit(connection: Connection) -> None:
        keep_account(connection, APPROVED, now())
        change_account(connection, APPROVED, approval_above=0)

    database = Database(studio.config.database)
    ledger = Ledger(database)
    ledger.open_wallet(APPROVED)
    ledger.top_up(APPROVED, 10 * money.MICRO, key="start", author="tester", reason="a test")
    database.write(limit)
    ledger.close()
    database.close()
