"""``studio api``: the HTTP API as a process of its own, until Ctrl-C."""

from __future__ import annotations

import contextlib
import os
import signal
import threading

from interfaces.cli.exits import Exit
from interfaces.cli.opening import opened_studio
from interfaces.cli.output import show_facts
from interfaces.cli.session import Here


def api(*, session: Here) -> int:
    """Serve the HTTP API as a process of its own.

    Runs are started on the Prefect server of `studio up`, or on the one that PREFECT_API_URL
    names. All processes of the API need the same database (STUDIO_DATABASE_URL), the same store
    of pictures and the same secret of quotes (STUDIO_QUOTE_SECRET).
    """
    from deployments.server import named_server, server_environment  # noqa: PLC0415 - only here

    config = session.config
    # Prefect reads its settings when it is imported: they have to be there before.
    os.environ.update(named_server(server_environment(config)))
    from engine.quoting import quote_key  # noqa: PLC0415 - as above
    from interfaces.api import application  # noqa: PLC0415 - as above
    from interfaces.api.prefect_runs import warm_up  # noqa: PLC0415 - as above
    from interfaces.api.server import in_a_thread, served  # noqa: PLC0415 - as above

    stop = stop_when_asked()
    # A secret that cannot be used is told now, and not to everybody who asks for something.
    quote_key(config)
    warm_up()
    with opened_studio() as studio, contextlib.suppress(KeyboardInterrupt):
        server = served(
            application(studio), config.api_host, config.api_port, proxies=config.api_proxies
        )
        with in_a_thread(server, what="HTTP API", field="STUDIO_API_PORT"):
            address = config.api_address
            session.out.result({"api": address}, lambda to: show_facts(to, [("api", address)]))
            session.out.note("Ready. Ctrl-C stops it; runs go on.")
            wait_for(stop)
    session.out.note("Stopped.")
    return Exit.DONE


def stop_when_asked() -> threading.Event:
    """Take SIGTERM as a wish to stop, from now on: who answers already may be asked already."""
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    return stop


def wait_for(stop: threading.Event) -> None:
    """Return when somebody asked this process to stop."""
    # Without a time-out, Ctrl-C would not be heard on every system.
    while not stop.wait(1):
        pass
