"""A real browser for tests: Debian's Chromium, driven by Playwright, which reaches nothing outside.

Playwright's own browsers are not used: they are half a gigabyte from a host that is no package
registry.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright

WAIT = 60
"""Seconds that a page may take; a loaded machine of two cores needs some of them."""

_NAMES = ("chromium", "chromium-browser", "google-chrome")
_ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    # Prefect's pages ask hosts on the internet; a test must not depend on their answers.
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)


def find_chromium() -> str:
    """Return the browser's path; without one the test is skipped, but fails where CI is set."""
    found = next(filter(None, map(shutil.which, _NAMES)), None)
    if found is not None:
        return found
    words = "there is no Chromium: apt-get install --no-install-recommends chromium"
    if os.environ.get("CI", "").lower() in {"1", "true"}:
        pytest.fail(words)
    pytest.skip(words)


@contextmanager
def opened_browser() -> Iterator[Browser]:
    """Start Chromium without a window."""
    path = find_chromium()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=path, args=list(_ARGUMENTS), timeout=WAIT * 1_000
        )
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def opened_page(browser: Browser, folder: Path) -> Iterator[Page]:
    """Open an empty page with no history; what it shows at a failure is left in ``folder``."""
    expect.set_options(timeout=WAIT * 1_000)
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    context.set_default_timeout(WAIT * 1_000)
    page = context.new_page()
    try:
        yield page
    except BaseException as error:
        picture = folder / "failure.png"
        page.screenshot(path=picture, full_page=True)
        error.add_note(f"the page at that moment, {page.url}: {picture}")
        raise
    finally:
        context.close()


def loaded_width(image: Locator) -> int:
    """Return how wide a picture is in its own pixels once the browser has it; 0 if it cannot."""
    return int(
        image.evaluate(
            "async image => { await image.decode().catch(() => null); return image.naturalWidth }"
        )
    )
