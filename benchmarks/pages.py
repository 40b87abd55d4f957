"""Prefect's pages of a large batch, in a real browser: before it, while it runs, and after it.

A page is there when what people look for on it can be seen, in a browser that knows nothing of it
yet. The limit beside it are the same pages of a batch of ten rows, before the large one.

Usage: python -m benchmarks.pages [--rows 50000] [--slots 64] [--loads 5] [--json]
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import socket
import statistics
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from playwright.sync_api import Browser, Page

from benchmarks.common import show
from benchmarks.painter import running_painter
from deployments.server import running_server
from studio.settings import Settings
from tests.support.browser import opened_browser, opened_page

_FEW = 10
_APPEAR_SECONDS = 120
_LONGEST_SECONDS = 3_600


@dataclass
class _Pages:
    """The pages of one run, and how long each takes."""

    browser: Browser
    folder: Path
    address: str
    run: dict[str, Any]

    def _runs(self, page: Page) -> None:
        page.goto(f"{self.address}/runs")
        page.get_by_role("main").get_by_text(self.run["name"]).first.wait_for()

    def _run(self, page: Page) -> None:
        self._tab(page, "Logs")
        page.get_by_text("Quote:").first.wait_for()

    def _tasks(self, page: Page) -> None:
        self._tab(page, "TaskRuns")
        page.locator("a[href*='/task-run/']").first.wait_for()

    def _artifacts(self, page: Page) -> None:
        self._tab(page, "Artifacts")
        page.get_by_text("Progress").first.wait_for()

    def _tab(self, page: Page, tab: str) -> None:
        page.goto(f"{self.address}/runs/flow-run/{self.run['id']}?tab={tab}")
        page.get_by_text(self.run["name"]).first.wait_for()

    def load(self) -> dict[str, float]:
        """Return the seconds of each page."""
        ways: dict[str, Callable[[Page], None]] = {
            "list of runs": self._runs,
            "the run with its log": self._run,
            "its task runs": self._tasks,
            "its artifacts": self._artifacts,
        }
        found = {}
        for name, way in ways.items():
            with opened_page(self.browser, self.folder) as page:
                began = time.perf_counter()
                way(page)
                found[name] = time.perf_counter() - began
        return found


def _batch(home: Path, url: str, rows: int, slots: int) -> multiprocessing.process.BaseProcess:
    """Begin a batch in a process of its own, which has neither the browser nor its clock."""
    from benchmarks.throughput import through_studio

    home.mkdir()
    process = multiprocessing.get_context("spawn").Process(
        target=through_studio, args=(home, url, rows, slots)
    )
    process.start()
    return process


def _newest(api: str, known: set[str]) -> dict[str, Any]:
    """Wait for a run that was not there before, and whose task runs have begun."""
    until = time.monotonic() + _APPEAR_SECONDS
    while time.monotonic() < until:
        found = httpx.post(f"{api}/flow_runs/filter", json={"sort": "START_TIME_DESC"}, timeout=60)
        for run in found.raise_for_status().json():
            asked = {"flow_runs": {"id": {"any_": [run["id"]]}}}
            tasks = httpx.post(f"{api}/task_runs/count", json=asked, timeout=60)
            if run["id"] not in known and tasks.raise_for_status().json() > 1:
                known.add(run["id"])
                return dict(run)
        time.sleep(0.5)
    raise SystemExit("no run of the batch has appeared")


def _ended(process: multiprocessing.process.BaseProcess) -> None:
    process.join(_LONGEST_SECONDS)
    if process.exitcode != 0:
        raise SystemExit(f"the batch did not end well: {process.exitcode}")


def measure(
    home: Path, api: str, address: str, chosen: argparse.Namespace
) -> dict[str, list[dict[str, float]]]:
    """Return the seconds of every load of every page: of few rows, during many, after many."""
    found: dict[str, list[dict[str, float]]] = {}
    known: set[str] = set()
    with running_painter(0) as url, opened_browser() as browser:
        few = _batch(home / "few", url, _FEW, chosen.slots)
        pages = _Pages(browser, home, address, _newest(api, known))
        _ended(few)
        found[f"after {_FEW} rows"] = [pages.load() for _ in range(chosen.loads)]
        many = _batch(home / "many", url, chosen.rows, chosen.slots)
        pages = _Pages(browser, home, address, _newest(api, known))
        during = found[f"during {chosen.rows} rows"] = []
        while many.is_alive():
            during.append(pages.load())
            many.join(10)  # as somebody who looks again and again
        _ended(many)
        found[f"after {chosen.rows} rows"] = [pages.load() for _ in range(chosen.loads)]
    return found


def main() -> None:
    """Run both batches, load the pages, and print how long they took."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=50_000)
    parser.add_argument("--slots", type=int, default=64)
    parser.add_argument("--loads", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    chosen = parser.parse_args()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    os.environ["PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL"] = "ERROR"
    with tempfile.TemporaryDirectory(prefix="studio-bench-", ignore_cleanup_errors=True) as folder:
        home = Path(folder)
        config = Settings(home=home / "server", prefect_port=port)
        with running_server(config) as api:
            found = measure(home, api, config.prefect_pages, chosen)
    show(
        f"seconds until a page of Prefect's can be read; {chosen.rows} rows in one run",
        [
            {"when": when, "page": page, "loads": len(loads), **_figures([x[page] for x in loads])}
            for when, loads in found.items()
            for page in loads[0]
        ],
    )


def _figures(seconds: list[float]) -> dict[str, str]:
    return {"median": f"{statistics.median(seconds):.2f}", "longest": f"{max(seconds):.2f}"}


if __name__ == "__main__":
    main()
