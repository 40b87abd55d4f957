"""A studio of its own for each test of the command line, called within this process."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from interfaces.cli import main
from studio.settings import settings
from tests.support.homes import Command, Told, settle

__all__ = ["Command", "Told"]


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    settle(monkeypatch, tmp_path / "home")
    yield tmp_path / "home"
    settings.cache_clear()


@pytest.fixture
def studio_command(home: Path, capsys: pytest.CaptureFixture[str]) -> Command:
    """Run one command and return what it said; a traceback fails the test."""

    def run(*tokens: str) -> Told:
        capsys.readouterr()
        code = main(tokens)
        captured = capsys.readouterr()
        assert "Traceback" not in captured.err
        return Told(code, captured.out, captured.err)

    return run
