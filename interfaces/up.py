"""``studio up``: the Prefect server, the deployments and the file pages, until Ctrl-C."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator

import uvicorn

from deployments.server import running_server
from engine.studio import Studio, open_studio, use_studio
from interfaces.web import application
from studio.errors import SetupIncomplete
from studio.settings import Settings

_RUNS_AT_ONCE = 4
_START_SECONDS = 20


def up(config: Settings, ready: Callable[[dict[str, str]], None]) -> None:
    """Run everything that this machine needs, until it is interrupted.

    Args:
        ready: called with the addresses, by what they are, once all of them answer.

    Raises:
        SetupIncomplete: the Prefect server or the file pages did not start.
    """
    with running_server(config) as api_url, _opened() as studio, _files(studio):
        # Prefect reads its settings when it is imported: after the profile was put in place.
        from deployments.catalogue import deployments  # noqa: PLC0415
        from deployments.serving import serve_deployments  # noqa: PLC0415

        addresses = {
            "prefect": config.prefect_pages,
            "api": api_url,
            "files": config.files_url,
        }
        offers = [offer for each in studio.providers.values() for offer in each.offers()]
        serve_deployments(
            deployments(offers, studio.book),
            limit=_RUNS_AT_ONCE,
            started=lambda: ready(addresses),
            pool=config.work_pool,
        )


@contextlib.contextmanager
def _opened() -> Iterator[Studio]:
    studio = open_studio()
    try:
        yield studio
    finally:
        use_studio(None)
        studio.close()


@contextlib.contextmanager
def _files(studio: Studio) -> Iterator[None]:
    """Serve the files from a thread of this process."""
    port = studio.settings.files_port
    server = uvicorn.Server(
        uvicorn.Config(
            application(studio), host="127.0.0.1", port=port, log_level="warning", access_log=False
        )
    )
    thread = threading.Thread(target=_run, args=(server,), name="studio-files", daemon=True)
    thread.start()
    deadline = time.monotonic() + _START_SECONDS
    while not server.started and thread.is_alive() and time.monotonic() < deadline:
        time.sleep(0.05)
    if not server.started:
        raise SetupIncomplete(
            "The file pages did not start.",
            field="STUDIO_FILES_PORT",
            given=port,
            allowed="a port that nothing else uses",
        )
    try:
        yield
    finally:
        server.should_exit = True
        thread.join(_START_SECONDS)


def _run(server: uvicorn.Server) -> None:
    # uvicorn ends a process whose port is taken; in this thread that is only the thread's end.
    with contextlib.suppress(SystemExit):
        server.run()
