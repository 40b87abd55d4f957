"""The one profile of Prefect's settings, for the server and for everything that talks to it.

Prefect's defaults lose task-run history under bursts, keep concurrency slots for ever after a
restart, and contact its maker. Each line says what it is for; the figures were measured on 3.8.8
and 3.9.1 (1,000 mapped tasks: 29 against 7 ms of server CPU for each).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

_SERVER = {
    # One INSERT for many task runs: a quarter of the server's CPU, and no history lost.
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_BATCH_SIZE": "200",
    "PREFECT_SERVER_SERVICES_TASK_RUN_RECORDER_FLUSH_INTERVAL": "1",
    "PREFECT_SERVER_SERVICES_EVENT_PERSISTER_BATCH_SIZE": "500",
    "PREFECT_SERVER_SERVICES_EVENT_PERSISTER_FLUSH_INTERVAL": "2",
    # Kept in files, leases outlive a restart of the server, and so do not leak slots.
    "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": (
        "prefect.server.concurrency.lease_storage.filesystem"
    ),
    "PREFECT_SERVER_UI_SHOW_PROMOTIONAL_CONTENT": "false",
}

_EVERYWHERE = {
    # Nothing phones home.
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "DO_NOT_TRACK": "1",
    # A flow that misses the server must say so, not start one that forgets its history.
    "PREFECT_SERVER_ALLOW_EPHEMERAL_MODE": "false",
    "PREFECT_TASKS_RUNNER_THREAD_POOL_MAX_WORKERS": "16",
    "PREFECT_FLOWS_HEARTBEAT_FREQUENCY": "30",
    # For runs whose time comes; of others, workers are told. Prefect's own are 10 s.
    "PREFECT_WORKER_QUERY_SECONDS": "2",
    "PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW": "ignore",
}

_OWN_SERVER = {
    # Each client of Prefect's reads the certificates of all authorities before it asks anything:
    # 35 to 50 ms, eight times before a run's first task. Plain HTTP on this machine needs none.
    "PREFECT_API_SSL_CERT_FILE": str(Path(__file__).with_name("nobody.pem")),
    # It comes from the same installation; each run would ask it for its version.
    "PREFECT_CLIENT_SERVER_VERSION_CHECK_ENABLED": "false",
}
"""What holds for a server that is started here, and for no other."""


def of_another_server(profile: Mapping[str, str], address: str) -> dict[str, str]:
    """Return a profile for the server at ``address``, which is none that was started here."""
    return {
        **{name: value for name, value in profile.items() if name not in _OWN_SERVER},
        "PREFECT_API_URL": address,
    }


def environment(home: Path, port: int, pages: str = "", auth: str = "") -> dict[str, str]:
    """Return the environment of a Prefect server of our own, and of its clients.

    Args:
        home: the studio's home folder; Prefect's data goes into a folder of it.
        port: of the server, on this machine only.
        pages: where browsers reach its pages; those of the port, if empty.
        auth: ``user:password`` that the server asks for and its clients send; none, if empty.
    """
    # One value for both: who starts a server of the studio's is a client of it as well.
    names = ("PREFECT_SERVER_API_AUTH_STRING", "PREFECT_API_AUTH_STRING") if auth else ()
    return {
        **_SERVER,
        **_EVERYWHERE,
        **_OWN_SERVER,
        "PREFECT_HOME": str(home / "prefect"),
        "PREFECT_API_URL": f"http://127.0.0.1:{port}/api",
        # Links in logs and messages then lead to the pages that people see by default.
        "PREFECT_UI_URL": pages or f"http://127.0.0.1:{port}/v2",
        "PREFECT_SERVER_API_HOST": "127.0.0.1",
        "PREFECT_SERVER_API_PORT": str(port),
        **dict.fromkeys(names, auth),
    }
