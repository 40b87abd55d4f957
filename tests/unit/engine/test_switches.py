"""Switches: what an operator stopped is heeded by the gate, and a server that is away is no reason
to stop, nor to go on with what was stopped.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from engine.autotag import tag_arrivals
from engine.batch_control import Control
from engine.job_rows import latest_jobs
from engine.single import hold_credits
from engine.switches import VARIABLES, Positions, Switches
from studio.errors import NoOffer, ProviderUnavailable, SpendingPaused
from studio.operations import Generate
from studio.settings import Settings
from tests.support.studios import OWNER, execute, opened_studio, order_for

_OFF = Positions()


class Variables:
    """A server that knows variables, as Prefect's does; strict about everything else."""

    def __init__(self) -> None:
        self.values: dict[str, Any] = {}
        self.asked: list[str] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                prefix, _, name = self.path.rpartition("/")
                assert prefix == "/api/variables/name"
                outer.asked.append(name)
                known = name in outer.values
                body = json.dumps({"name": name, "value": outer.values.get(name)}).encode()
                self.send_response(200 if known else 404)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: Any) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/api"
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Variables]:
    made = Variables()
    monkeypatch.setenv("PREFECT_API_URL", made.url)
    yield made
    made.close()


@pytest.fixture
def config(tmp_path: Path) -> Settings:
    return Settings(_env_file=None, home=tmp_path / "home")


def test_nothing_is_stopped_where_nobody_set_anything(server: Variables, config: Settings) -> None:
    assert Switches(config).positions() == _OFF
    assert set(server.asked) == set(VARIABLES)


def test_they_are_read_once_in_five_seconds(server: Variables, config: Settings) -> None:
    moment = [100.0]
    switches = Switches(config, lambda: moment[0])
    assert not switches.spending_paused()
    server.values = {
        "studio_pause_spending": True,
        "studio_stopped_providers": ["stability"],
        "studio_auto_tag": False,
    }
    assert not switches.spending_paused()
    moment[0] += 5
    assert switches.positions() == Positions(True, ("stability",), auto_tag=False)
    assert switches.stops("stability") == "was stopped by the operator"
    assert not switches.stops("gemini")


@pytest.mark.parametrize(
    ("value", "paused"),
    [("true", True), ("on", True), ("off", False), (0, False), ("", False), ("maybe", True)],
)
def test_what_people_write(
    server: Variables, config: Settings, value: Any, *, paused: bool
) -> None:
    """What nobody understands is taken for the careful of the two."""
    server.values = {"studio_pause_spending": value, "studio_stopped_providers": "a, b"}
    assert Switches(config).positions() == Positions(paused, ("a", "b"))


def test_a_server_that_is_away_changes_nothing(server: Variables, config: Settings) -> None:
    moment = [0.0]
    switches = Switches(config, lambda: moment[0])
    server.values = {"studio_pause_spending": True}
    assert switches.spending_paused()
    server.close()
    moment[0] += 60
    assert switches.spending_paused()
    # A process that starts now knows it as well.
    assert Switches(config).spending_paused()


def test_nothing_is_stopped_by_a_server_that_was_never_there(
    config: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PREFECT_API_URL", "http://127.0.0.1:9/api")
    assert Switches(config).positions() == _OFF


class Fixed(Switches):
    """Switches that stand as they are put."""

    def __init__(self, positions: Positions) -> None:
        super().__init__(None)
        self._positions = positions


def test_paused_spending_stops_the_gate_and_what_is_free_goes_on(tmp_path: Path) -> None:
    with opened_studio(tmp_path) as studio:
        studio.switches = Fixed(Positions(spending_paused=True))
        with pytest.raises(SpendingPaused, match="nothing was bought"):
            hold_credits(studio, OWNER, "k", 5, "a picture")
        assert hold_credits(studio, OWNER, "free", 0, "upkeep").amount == 0
        studio.switches = Fixed(Positions())
        assert hold_credits(studio, OWNER, "k", 5, "a picture").amount == 5


def test_rows_of_a_batch_wait_while_spending_is_paused(tmp_path: Path) -> None:
    with opened_studio(tmp_path) as studio:
        stands = [True]
        control = Control(studio.database, every=0.01, stopped=lambda: stands[0])

        async def tried() -> None:
            turn = asyncio.create_task(control.turn("bat_1"))
            await asyncio.sleep(0.1)
            assert not turn.done()
            stands[0] = False
            await asyncio.wait_for(turn, 10)

        asyncio.run(tried())


def test_a_stopped_provider_is_not_asked(tmp_path: Path) -> None:
    with opened_studio(tmp_path) as studio:
        order = order_for(studio, Generate(prompt="a hill"), "before")
        stop = Positions(stopped=("instant",))
        # Everybody who was given the switches looks at the same ones.
        studio.switches._positions = stop
        with pytest.raises(ProviderUnavailable, match="stopped by the operator"):
            execute(studio, order)
        with studio.database.read() as connection:
            assert not latest_jobs(connection, OWNER, ["before"]), "a job was begun"
        with pytest.raises(NoOffer, match="stopped by the operator"):
            order_for(studio, Generate(prompt="another hill"), "after")


def test_tagging_by_itself_can_be_switched_off(tmp_path: Path) -> None:
    with opened_studio(tmp_path) as studio:
        studio.switches = Fixed(Positions(auto_tag=False))
        assert tag_arrivals(studio, "run").done == 0
