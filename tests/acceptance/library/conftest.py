"""A home with an empty library, for all tests of a module."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from studio.settings import settings
from tests.conftest import SETTINGS
from tests.support.homes import command, settled
from tests.support.shelves import Shelf


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shelf]:
    with settled(tmp_path_factory.mktemp("shelf") / "home") as home:
        assert command("account", "top-up", "1000").code == 0
        yield Shelf(home)


@pytest.fixture
def prefect(empty: Shelf, prefect_server: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The server of the whole test run, for commands that run a flow."""
    del empty, prefect_server
    monkeypatch.setenv("STUDIO_PREFECT_PORT", str(SETTINGS.prefect_port))
    settings.cache_clear()
    yield
    monkeypatch.undo()
    settings.cache_clear()
