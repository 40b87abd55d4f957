"""SIGTERM ends a command as Ctrl-C does, whoever reads its output or does not any more."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from deployments import server
from interfaces.cli.exits import Exit
from studio.settings import Settings
from tests.conftest import free_port

_ROOT = Path(__file__).parents[3]
_PROGRAM = """
import sys, time
from interfaces.cli import app

def blocked(*, session=None):
    try:
        print("it waits", flush=True)
        time.sleep(120)
    finally:
        open(sys.argv[1], "w").write("put away")

app.app.command(blocked, name="blocked")
sys.exit(app.launch(["blocked"]))
"""


@pytest.mark.timeout(240)
@pytest.mark.parametrize("output", ["read", "not read any more"])
def test_what_is_terminated_puts_away_and_ends(output: str, tmp_path: Path) -> None:
    read = output == "read"
    said = tmp_path / "said"
    with subprocess.Popen(
        [sys.executable, "-c", _PROGRAM, str(said)],
        cwd=_ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == "it waits\n"
        if not read:
            process.stdout.close()
            process.stderr.close()
        process.send_signal(signal.SIGTERM)
        try:
            assert process.wait(100) == Exit.INTERRUPTED
        finally:
            process.kill()
        assert said.read_text() == "put away"
        if read:
            assert "Interrupted" in process.stderr.read()


@pytest.mark.timeout(240)
def test_a_server_that_nobody_waits_for_any_more_is_not_left_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[subprocess.Popen[bytes]] = []

    def interrupted(process: subprocess.Popen[bytes], _: str) -> bool:
        started.append(process)
        raise KeyboardInterrupt

    monkeypatch.setattr(server, "_answers", interrupted)
    config = Settings(_env_file=None, home=tmp_path / "home", prefect_port=free_port())
    with pytest.raises(KeyboardInterrupt):
        server.start_server(config)
    assert started[0].poll() is not None
