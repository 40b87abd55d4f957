"""The commands of the scale-out kit: what they refuse, and that the file pages come up and end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest

from interfaces.cli.exits import Exit
from studio.settings import settings
from tests.conftest import free_port
from tests.unit.cli.conftest import Command

_ROOT = Path(__file__).parents[3]


def test_nothing_is_registered_without_a_pool(studio_command: Command) -> None:
    told = studio_command("register")
    assert told.code == Exit.SETUP
    assert "STUDIO_WORK_POOL" in told.err


def test_nothing_is_registered_where_no_server_answers(
    studio_command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STUDIO_WORK_POOL", "studio")
    monkeypatch.setenv("PREFECT_API_URL", f"http://127.0.0.1:{free_port()}/api")
    settings.cache_clear()
    told = studio_command("register")
    assert told.code == Exit.SETUP
    assert "No Prefect server answers" in told.err


def test_the_file_pages_come_up_by_themselves_and_end_when_asked(home: Path) -> None:
    port = os.environ["STUDIO_FILES_PORT"]
    process = subprocess.Popen(
        [sys.executable, "-c", "import sys, interfaces.cli as c; sys.exit(c.main())", "files"],
        env={**os.environ, "PYTHONPATH": str(_ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        deadline = time.monotonic() + 120
        while True:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/health", timeout=2) as answer:
                    assert answer.status == 200
                break
            except OSError:
                assert process.poll() is None, process.communicate()
                assert time.monotonic() < deadline
                time.sleep(0.2)
    finally:
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=60)
    assert process.returncode == Exit.DONE, err
    assert port in out


@pytest.mark.parametrize("command", ["api", "files"])
def test_what_signs_links_and_quotes_does_not_start_with_a_secret_that_it_cannot_use(
    studio_command: Command, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.setenv("STUDIO_QUOTE_SECRET", "short")
    settings.cache_clear()
    told = studio_command(command)
    assert told.code == Exit.SETUP
    assert "STUDIO_QUOTE_SECRET" in told.err
    assert "5 characters" in told.err
