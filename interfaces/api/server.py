"""Serving the API: from a thread of ``studio up``, or as a process of its own (``studio api``)."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator, Sequence

import uvicorn
from starlette.types import ASGIApp

from studio.errors import SetupIncomplete

_START_SECONDS = 20
_STOP_SECONDS = 20
_AT_ONCE = 256
"""Connections that are answered at once; more get 503."""
_IDLE_SECONDS = 30


def served(app: ASGIApp, host: str, port: int, *, proxies: Sequence[str] = ()) -> uvicorn.Server:
    """Return a server of an application, which is not started yet.

    Args:
        proxies: addresses or networks whose word is taken for who asks (``X-Forwarded-For``).
    """
    return uvicorn.Server(
        uvicorn.Config(
            app,
            host=host,
            port=port,
            log_level="warning",
            # A line for each request is the proxy's; it would hold signed links.
            access_log=False,
            server_header=False,
            proxy_headers=bool(proxies),
            forwarded_allow_ips=list(proxies),
            limit_concurrency=_AT_ONCE,
            timeout_keep_alive=_IDLE_SECONDS,
            timeout_graceful_shutdown=_STOP_SECONDS,
        )
    )


@contextlib.contextmanager
def in_a_thread(server: uvicorn.Server, *, what: str, field: str) -> Iterator[None]:
    """Serve from a thread of this process, for the length of a ``with`` block.

    Args:
        what: is served, for the refusal.
        field: the setting of its port.

    Raises:
        SetupIncomplete: it did not start.
    """
    thread = threading.Thread(target=_run, args=(server,), name=f"studio {what}", daemon=True)
    thread.start()
    deadline = time.monotonic() + _START_SECONDS
    while not server.started and thread.is_alive() and time.monotonic() < deadline:
        time.sleep(0.05)
    if not server.started:
        raise SetupIncomplete(
            f"The {what} did not start.",
            field=field,
            given=server.config.port,
            allowed="a port that nothing else uses",
        )
    try:
        yield
    finally:
        server.should_exit = True
        thread.join(_STOP_SECONDS)


def _run(server: uvicorn.Server) -> None:
    # uvicorn ends a process whose port is taken; in this thread that is only the thread's end.
    with contextlib.suppress(SystemExit):
        server.run()
