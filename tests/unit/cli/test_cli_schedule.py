"""``studio schedule``: what is wrong is told before a server is started or asked."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from prefect.exceptions import PrefectHTTPStatusError

from interfaces.cli import schedule_pages
from tests.unit.cli.conftest import Command


@pytest.fixture
def no_server(monkeypatch: pytest.MonkeyPatch) -> None:
    def started(*_: Any) -> None:
        raise AssertionError("a server was started or asked")

    monkeypatch.setattr(schedule_pages, "prefect_server", started)
    monkeypatch.setattr(schedule_pages, "server_environment", lambda _: {})


def sheet(folder: Path) -> str:
    file = folder / "night.csv"
    file.write_text("operation,prompt\ngenerate,a fox\n", encoding="utf-8")
    return str(file)


@pytest.mark.parametrize(
    ("name", "given", "field"),
    [
        ("night", ["--every", "1h", "--zone", "Mars/Base"], "zone"),
        ("night", ["--cron", "61 * * * *"], "cron"),
        ("night", ["--rrule", "FREQ=NEVER"], "rrule"),
        ("night", [], "cron, every, rrule"),
        ("night", ["--every", "1y"], "every"),
        ("night", ["--every", "1h", "--grace", "soon"], "grace"),
        ("No Name", ["--every", "1h"], "name"),
    ],
)
@pytest.mark.usefixtures("no_server")
def test_a_wrong_rhythm_needs_no_server_to_be_told(
    studio_command: Command, tmp_path: Path, name: str, given: list[str], field: str
) -> None:
    told = studio_command("schedule", "add", name, sheet(tmp_path), *given, "--json")
    assert told.code == 2, told.err
    assert told.document["error"]["field"] == field


@pytest.mark.usefixtures("no_server")
def test_a_wrong_zone_of_a_watched_folder_too(studio_command: Command, tmp_path: Path) -> None:
    rest = ["--every", "5m", "--zone", "Nowhere", "--json"]
    told = studio_command("schedule", "watch", "inbox", str(tmp_path), *rest)
    assert (told.code, told.document["error"]["field"]) == (2, "zone")


def test_a_server_that_is_busy_is_told_in_words(
    studio_command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    @contextlib.contextmanager
    def busy(*_: Any) -> Iterator[None]:
        request = httpx.Request("GET", "http://127.0.0.1/api")
        answer = httpx.Response(503, request=request)
        raise PrefectHTTPStatusError("503 Service Unavailable", request=request, response=answer)
        yield

    monkeypatch.setattr(schedule_pages, "prefect_server", busy)
    told = studio_command("schedule", "list")
    assert told.code == 4
    assert "503" in told.err
    assert "give the command again" in " ".join(told.err.split())
    assert "Traceback" not in told.err
