"""A studio's home for tests of the command line, and the command line called in this process."""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
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


def settle(patch: pytest.MonkeyPatch, home: Path) -> None:
    """Have commands of this process work in a home of their own, until the patch is undone.

    The settings are read anew; after the patch is undone, the caller clears them once more.
    """
    patch.setattr("studio.database.migrate.migrate", _migrate)
    patch.setattr("engine.studio.migrate", _migrate)
    patch.setenv("STUDIO_HOME", str(home))
    for name in ("PREFECT", "FILES", "API"):
        patch.setenv(f"STUDIO_{name}_PORT", str(free_port()))
    settings.cache_clear()
    use_studio(None)


@contextmanager
def settled(home: Path) -> Iterator[Path]:
    """Do the same for as long as this is open, such as for all tests of a module."""
    with pytest.MonkeyPatch.context() as patch:
        settle(patch, home)
        yield home
    settings.cache_clear()


def command(*tokens: str) -> Told:
    """Run one command and return what it said, without a fixture; a traceback fails the test."""
    out, err = io.StringIO(), io.StringIO()
    with redirect_stdout(out), redirect_stderr(err):
        code = main(tokens)
    assert "Traceback" not in err.getvalue(), err.getvalue()
    return Told(code, out.getvalue(), err.getvalue())
