"""What Prefect's own server keeps elsewhere: its history in Postgres, its messages in Redis.

With Prefect's default broker, events wait in the memory of the one server, and those of a burst
beyond 10,000 are dropped: the run ends well, and its history has holes. In Redis they wait as long
as they have to, and several servers share them.
"""

from __future__ import annotations

from importlib.util import find_spec
from typing import Final
from urllib.parse import SplitResult, urlsplit

from studio.errors import SetupIncomplete
from studio.settings import Settings

_POSTGRES: Final = {"postgresql": "postgresql+asyncpg", "postgresql+asyncpg": "postgresql+asyncpg"}
_REDIS: Final = frozenset({"redis", "rediss", "redis+sentinel", "rediss+sentinel"})
_READ: Final = "200"
"""Messages taken from Redis at once; Prefect's own 1 is a round trip for each."""


def server_only(config: Settings) -> dict[str, str]:
    """Return the settings of Prefect's server alone: where it keeps what it keeps elsewhere.

    They hold passwords, and nobody else needs them: who talks to the server uses its API.

    Raises:
        SetupIncomplete: an address is none of a Postgres database or a Redis, or the extra
            ``scale`` is missing. Of the address only its scheme is told.
    """
    return {
        **_database(config.prefect_database_url.get_secret_value()),
        **_messages(config.prefect_redis_url.get_secret_value()),
    }


def _database(url: str) -> dict[str, str]:
    if not url:
        return {}
    parts = _split(url)
    if parts is None or parts.scheme not in _POSTGRES or not parts.path.strip("/"):
        raise SetupIncomplete(
            "That is not the address of a Postgres database that Prefect can use.",
            field="STUDIO_PREFECT_DATABASE_URL",
            given=_shown(parts),
            allowed="postgresql+asyncpg://user:password@host:5432/name",
        )
    driven = f"{_POSTGRES[parts.scheme]}{url[len(parts.scheme) :]}"
    return {"PREFECT_SERVER_DATABASE_CONNECTION_URL": driven}


def _messages(url: str) -> dict[str, str]:
    if not url:
        return {}
    parts = _split(url)
    if parts is None or parts.scheme not in _REDIS or not parts.hostname:
        raise SetupIncomplete(
            "That is not the address of a Redis.",
            field="STUDIO_PREFECT_REDIS_URL",
            given=_shown(parts),
            allowed="redis://:password@host:6379/0, with TLS rediss://…",
        )
    if find_spec("prefect_redis") is None:
        raise SetupIncomplete(
            "Prefect needs prefect-redis for that (0.1 MB): run "
            '`pip install "image-studio[scale]"`.',
            field="STUDIO_PREFECT_REDIS_URL",
            given=_shown(parts),
            command='pip install "image-studio[scale]"',
        )
    services = "PREFECT_SERVER_SERVICES"
    return {
        "PREFECT_REDIS_MESSAGING_URL": url,
        "PREFECT_SERVER_EVENTS_MESSAGING_BROKER": "prefect_redis.messaging",
        "PREFECT_SERVER_EVENTS_MESSAGING_CACHE": "prefect_redis.messaging",
        "PREFECT_SERVER_EVENTS_CAUSAL_ORDERING": "prefect_redis.ordering",
        "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE": "prefect_redis.lease_storage",
        # Prefect's own services, such as late runs, take turns by it where there are several.
        "PREFECT_SERVER_DOCKET_URL": url,
        f"{services}_TASK_RUN_RECORDER_READ_BATCH_SIZE": _READ,
        f"{services}_EVENT_PERSISTER_READ_BATCH_SIZE": _READ,
        f"{services}_TRIGGERS_READ_BATCH_SIZE": _READ,
    }


def _split(url: str) -> SplitResult | None:
    """Return the parts of an address; ``None`` where it cannot be read as one."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return None
    return parts


def _shown(parts: SplitResult | None) -> str:
    """Return as much of an address as holds no password."""
    return f"{parts.scheme}://…" if parts is not None and parts.scheme else "no address"
