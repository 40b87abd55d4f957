"""Fixtures for every test."""

from __future__ import annotations

import os
import shutil
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck
from hypothesis import settings as hypothesis_settings

from deployments.profile import environment
from deployments.server import start_server, stop_process
from studio.settings import Settings

pytest_plugins = ["tests.support.databases"]


def free_port() -> int:
    """Return a port of the loopback that nothing listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


_ROOM = 4_000_000_000
"""Bytes that have to be free where tests write; they need a small part of them."""


def memory_folder() -> str | None:
    """Return the folder that is kept in memory, where there is one with room, and it runs programs.

    A commit waits for the disk. Tests make tens of thousands, and Prefect's server many more;
    none of them is about a power cut, and SIGKILL takes nothing from a file in memory either.
    """
    folder = "/dev/shm"  # noqa: S108 - mkdtemp inside
    try:
        free, flags = shutil.disk_usage(folder).free, os.statvfs(folder).f_flag
    except OSError:
        return None
    fit = os.access(folder, os.W_OK) and not flags & os.ST_NOEXEC and free > _ROOM
    return folder if fit else None


# Before anything is made there: pytest's folders, databases, and the homes of servers.
if "TMPDIR" not in os.environ and (_folder := memory_folder()):
    os.environ["TMPDIR"] = tempfile.tempdir = _folder

# An example may take long on a machine that does other work; what must be quick has a test of its
# own. The same examples each time: a commit is not to blame for what another one did not draw.
# `make trials` draws others, and more.
hypothesis_settings.register_profile(
    "tests", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
hypothesis_settings.register_profile(
    "trials", hypothesis_settings.get_profile("tests"), derandomize=False, max_examples=1_000
)
hypothesis_settings.load_profile("tests")

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
