"""The studio's own Prefect server: found when it runs, started when it does not."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path

from deployments.profile import environment, of_another_server
from deployments.shared import server_only
from studio.errors import SetupIncomplete
from studio.settings import Settings

_START_SECONDS = 300
"""A first start makes Prefect's database: about 10 s on two idle cores, and minutes where
others use them."""
_STOP_SECONDS = 20
_POLL_SECONDS = 0.25
_SEND_SECONDS = 10
_SENDERS = {
    "prefect.logging.handlers": "APILogWorker",
    "prefect.events.worker": "EventsWorker",
}
"""Where Prefect, once it is imported, has those that send in the background."""


def server_environment(config: Settings) -> dict[str, str]:
    """Return the environment of the studio's Prefect server and of all that talk to it.

    Raises:
        SetupIncomplete: the setting of what the server asks for is no user and password.
    """
    auth = config.prefect_auth.get_secret_value()
    if auth and not all(auth.partition(":")):
        raise SetupIncomplete(
            "What Prefect's server shall ask for cannot be used.",
            field="STUDIO_PREFECT_AUTH",
            given="no user, or no password",
            allowed="user:password",
        )
    return environment(config.folder, config.prefect_port, config.prefect_pages, auth)


def named_server(profile: Mapping[str, str]) -> dict[str, str]:
    """Return a profile with the Prefect server that PREFECT_API_URL names, if it names one."""
    address = os.environ.get("PREFECT_API_URL")
    if not address or address == profile["PREFECT_API_URL"]:
        return dict(profile)
    return of_another_server(profile, address)


def is_healthy(api_url: str) -> bool:
    """Whether a Prefect server answers at ``api_url``."""
    try:
        with urllib.request.urlopen(f"{api_url}/health", timeout=2) as answer:  # noqa: S310 - our own loopback address
            return bool(answer.status == 200)  # noqa: PLR2004 - HTTP's "OK"
    except (urllib.error.URLError, OSError):
        return False


@contextlib.contextmanager
def running_server(config: Settings) -> Iterator[str]:
    """Use the studio's Prefect server, starting one for the time being when none runs.

    Puts the profile into ``os.environ``, so it must be entered before Prefect is imported. Yields
    the address of the API. Prefect's data lies in the home folder, so a server that is started
    later shows the same history. What Prefect has still to send is sent before it is stopped.

    Raises:
        SetupIncomplete: it did not start; the end of its log is in the message.
    """
    profile = server_environment(config)
    os.environ.update(profile)
    api_url = profile["PREFECT_API_URL"]
    if is_healthy(api_url):
        yield api_url
        return
    server = start_server(config)
    try:
        yield api_url
    finally:
        try:
            send_what_is_left()
        finally:
            stop_process(server)


def send_what_is_left() -> None:
    """Have Prefect send what it holds of its log and events, while its server is there.

    Afterwards it would be lost, and at its end the process would try for a minute and more to
    reach a server that is gone.
    """
    for module, worker in _SENDERS.items():
        if module in sys.modules:
            getattr(sys.modules[module], worker).drain_all(timeout=_SEND_SECONDS)


def start_server(config: Settings) -> subprocess.Popen[bytes]:
    """Start a Prefect server and wait until it answers.

    Raises:
        SetupIncomplete: it ended, or did not answer within five minutes, or what it is to share is
            not there (see ``deployments.shared``).
    """
    profile = {**server_environment(config), **server_only(config)}
    log = config.folder / "prefect" / "server.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        server = subprocess.Popen(
            [sys.executable, "-m", "deployments.prefect_server"],
            env={**os.environ, **profile},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            # Ctrl-C in the terminal is for us; we stop the server after the work is put away.
            start_new_session=True,
        )
    try:
        if _answers(server, profile["PREFECT_API_URL"]):
            return server
    except BaseException:
        # Whoever does not want to wait any longer leaves nothing behind that runs on.
        stop_process(server)
        raise
    if server.poll() is None:
        stop_process(server)
        raise SetupIncomplete(
            f"The Prefect server did not answer on port {config.prefect_port} within "
            f"{_START_SECONDS / 60:.0f} minutes, and was stopped. Where others keep the machine "
            f"busy it needs longer: try again. The end of {log}: {_tail(log)}",
        )
    raise SetupIncomplete(
        f"The Prefect server ended as it started on port {config.prefect_port} (exit code "
        f"{server.returncode}). The end of {log}: {_tail(log)}",
        field="STUDIO_PREFECT_PORT",
        given=config.prefect_port,
        allowed="a port that nothing else uses; where STUDIO_PREFECT_DATABASE_URL or "
        "STUDIO_PREFECT_REDIS_URL is set, a database and a Redis that answer",
    )


def _answers(server: subprocess.Popen[bytes], api_url: str) -> bool:
    """Wait until a server answers; return whether it does."""
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline and server.poll() is None:
        if is_healthy(api_url):
            return True
        time.sleep(_POLL_SECONDS)
    return False


def stop_process(process: subprocess.Popen[bytes]) -> None:
    """End a process of ours and those that it started: asked first, then made to."""
    for how in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
        if process.poll() is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, how)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_STOP_SECONDS if how != signal.SIGKILL else None)


def _tail(log: Path, lines: int = 3) -> str:
    text = log.read_text(encoding="utf-8", errors="replace").splitlines()
    told = [line.strip() for line in text if line.strip()]
    return " | ".join(told[-lines:])
