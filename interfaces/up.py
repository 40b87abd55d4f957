"""``studio up``: Prefect, the deployments, the file pages and the HTTP API, until Ctrl-C."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

from deployments.server import running_server
from engine.studio import Studio, open_studio, use_studio
from interfaces.api.server import in_a_thread, served
from interfaces.web import application as file_pages
from studio.settings import Settings

_RUNS_AT_ONCE = 4


def up(config: Settings, ready: Callable[[dict[str, str]], None]) -> None:
    """Run everything that this machine needs, until it is interrupted.

    Args:
        ready: called with the addresses, by what they are, once all of them answer.

    Raises:
        SetupIncomplete: the Prefect server, the file pages or the HTTP API did not start.
    """
    with (
        running_server(config) as api_url,
        _opened() as studio,
        _files(studio),
        _api(studio),
    ):
        # Prefect reads its settings when it is imported: after the profile was put in place.
        from deployments.catalogue import deployments  # noqa: PLC0415
        from deployments.serving import serve_deployments  # noqa: PLC0415

        addresses = {
            "prefect": config.prefect_pages,
            "api": api_url,
            "files": config.files_url,
            "http api": config.api_address,
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


def _files(studio: Studio) -> contextlib.AbstractContextManager[None]:
    """Serve the files from a thread of this process."""
    config = studio.settings
    server = served(file_pages(studio), "127.0.0.1", config.files_port, proxies=config.api_proxies)
    return in_a_thread(server, what="file pages", field="STUDIO_FILES_PORT")


def _api(studio: Studio) -> contextlib.AbstractContextManager[None]:
    """Serve the HTTP API from another one."""
    # It brings Prefect along, which reads its settings when it is imported.
    from interfaces.api import application  # noqa: PLC0415
    from interfaces.api.prefect_runs import warm_up  # noqa: PLC0415

    warm_up()
    config = studio.settings
    server = served(
        application(studio), config.api_host, config.api_port, proxies=config.api_proxies
    )
    return in_a_thread(server, what="HTTP API", field="STUDIO_API_PORT")
