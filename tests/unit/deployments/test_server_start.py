"""A server that does not start says why: it ended, or it was too slow."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from deployments import server
from studio.errors import SetupIncomplete
from studio.settings import Settings
from tests.conftest import free_port


@pytest.fixture
def config(tmp_path: Path) -> Settings:
    return Settings(_env_file=None, home=tmp_path / "home", prefect_port=free_port())


def instead_of_python(folder: Path, monkeypatch: pytest.MonkeyPatch, script: str) -> None:
    program = folder / "python"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setattr("sys.executable", str(program))


def test_one_that_ended_tells_its_last_words(
    config: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    instead_of_python(tmp_path, monkeypatch, 'echo "port in use"; echo; echo; exit 3')
    with pytest.raises(SetupIncomplete, match=r"\(exit code 3\)\. .*: port in use") as caught:
        server.start_server(config)
    assert caught.value.field == "STUDIO_PREFECT_PORT"
    assert caught.value.given == str(config.prefect_port)


def test_one_that_is_slow_is_not_said_to_have_a_wrong_port(
    config: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    instead_of_python(tmp_path, monkeypatch, "exec sleep 60")
    monkeypatch.setattr(server, "_START_SECONDS", 0.5)
    with pytest.raises(SetupIncomplete, match=r"did not answer .* try again") as caught:
        server.start_server(config)
    assert not caught.value.field
