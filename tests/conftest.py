"""Fixtures for every test."""

from __future__ import annotations

import os
import shutil
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from deployments.profile import environment
from deployments.server import start_server, stop_process
from studio.settings import Settings

pytest_plugins = ["tests.support.databases"]


def free_port() -> int:
    """Return a port of the loopback that nothing listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


HOME = Path(tempfile.mkdtemp(prefix="studio-tests-"))
"""The studio's home for tests that go through Prefect; removed at the end."""

# Prefect reads its settings when it is imported, so they must be there before any test is. Nothing
# of the person who runs the tests gets in, and nothing of theirs is touched.
for name in [name for name in os.environ if name.startswith(("PREFECT_", "STUDIO_"))]:
    del os.environ[name]
os.environ["STUDIO_HOME"] = str(HOME)
os.environ["STUDIO_PREFECT_PORT"] = str(free_port())
os.environ["STUDIO_FILES_PORT"] = str(free_port())
os.environ["STUDIO_API_PORT"] = str(free_port())
SETTINGS = Settings()
os.environ.update(environment(HOME, SETTINGS.prefect_port))
os.environ["PREFECT_LOGGING_HANDLERS_CONSOLE_LEVEL"] = "ERROR"


@pytest.fixture(scope="session", autouse=True)
def _remove_home() -> Iterator[None]:
    yield
    shutil.rmtree(HOME, ignore_errors=True)


@pytest.fixture(scope="session")
def prefect_server() -> Iterator[str]:
    """A Prefect server of the tests' own, with our profile; yields the address of its API."""
    server = start_server(SETTINGS)
    try:
        yield os.environ["PREFECT_API_URL"]
    finally:
        stop_process(server)
