"""What a finished run tells, and that it stays finished when nobody can be told."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from prefect import State
from pydantic import SecretStr

from engine.studio import use_studio
from flows.create import create_image
from tests.support.studios import OWNER, balance_of, opened_studio

pytestmark = pytest.mark.usefixtures("prefect_server")


@contextmanager
def listening() -> Iterator[tuple[int, list[dict[str, Any]]]]:
    """Serve an Apprise JSON channel on the loopback; yields its port and what it was told."""
    told: list[dict[str, Any]] = []

    class Channel(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            told.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Channel)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server.server_port, told
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def run(folder: Path, channel: str) -> State[Any]:
    with opened_studio(folder, notify_urls=(SecretStr(channel),)) as studio:
        use_studio(studio)
        try:
            flow: Any = create_image
            state: State[Any] = asyncio.run(flow(prompt="a hill", owner=OWNER, return_state=True))
        finally:
            use_studio(None)
        assert balance_of(studio).held == 0
    return state


def test_a_finished_picture_is_told_once(tmp_path: Path) -> None:
    with listening() as (port, told):
        state = run(tmp_path, f"json://127.0.0.1:{port}/")
    assert state.is_completed()
    (message,) = told
    assert message["title"] == "Picture ready: a-hill"
    assert "4 credits spent by ada" in message["message"]


@pytest.mark.parametrize("channel", ["json://127.0.0.1:9/", "nonsense"])
def test_a_channel_that_fails_fails_no_run(tmp_path: Path, channel: str) -> None:
    assert run(tmp_path, channel).is_completed()
