"""A home with an empty library, for all tests of a module."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.homes import command, settled
from tests.support.shelves import Shelf


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shelf]:
    with settled(tmp_path_factory.mktemp("shelf") / "home") as home:
        assert command("account", "top-up", "1000").code == 0
        yield Shelf(home)
