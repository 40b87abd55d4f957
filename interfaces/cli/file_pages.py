"""``studio files``: the file pages as a process of their own, until Ctrl-C."""

from __future__ import annotations

import contextlib

from interfaces.cli.api import stop_when_asked, wait_for
from interfaces.cli.exits import Exit
from interfaces.cli.opening import opened_studio
from interfaces.cli.output import show_facts
from interfaces.cli.session import Here


def files(*, host: str = "127.0.0.1", session: Here) -> int:
    """Serve the file pages, for links in Prefect, by themselves.

    Who has a link may see the file that it leads to; `studio up` serves them as well.

    Args:
        host: The address to listen on. Others than this machine reach it only if it is 0.0.0.0,
            which needs a proxy of yours with a log-in before it.
    """
    from engine.quoting import quote_key  # noqa: PLC0415 - only for this command
    from interfaces.api.server import in_a_thread, served  # noqa: PLC0415 - only for this command
    from interfaces.web import application  # noqa: PLC0415 - as above

    config = session.config
    stop = stop_when_asked()
    quote_key(config)
    with opened_studio() as studio, contextlib.suppress(KeyboardInterrupt):
        server = served(application(studio), host, config.files_port)
        with in_a_thread(server, what="file pages", field="STUDIO_FILES_PORT"):
            address = config.files_url
            session.out.result({"files": address}, lambda to: show_facts(to, [("files", address)]))
            session.out.note("Ready. Ctrl-C stops it.")
            wait_for(stop)
    session.out.note("Stopped.")
    return Exit.DONE
