"""A studio of its own for each test of the command line, called within this process."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from engine.studio import use_studio
from interfaces.cli import main
from studio.database import Database
from studio.database import migrate as migration
from studio.settings import settings
from tests.conftest import free_port
from tests.support.studios import migrated


@dataclass(frozen=True)
class Told:
    """What a command said."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """Its stdout as one JSON document."""
        return json.loads(self.out)


Command = Callable[..., Told]


_MIGRATE = migration.migrate


def _migrate(database: Database) -> None:
    """Migrate, but copy a new database: migrations are tried elsewhere, and take their time."""
    if database.is_sqlite and not Path(str(database.url.database)).exists():
        shutil.copyfile(migrated(), str(database.url.database))
    _MIGRATE(database)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setattr("studio.database.migrate.migrate", _migrate)
    monkeypatch.setattr("engine.studio.migrate", _migrate)
    monkeypatch.setenv("STUDIO_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("STUDIO_PREFECT_PORT", str(free_port()))
    monkeypatch.setenv("STUDIO_FILES_PORT", str(free_port()))
    monkeypatch.setenv("STUDIO_API_PORT", str(free_port()))
    settings.cache_clear()
    use_studio(None)
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
