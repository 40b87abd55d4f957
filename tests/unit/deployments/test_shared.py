"""What Prefect's server keeps elsewhere: the settings are Prefect's own, and passwords stay put."""

from __future__ import annotations

import os
from typing import Any

import pytest
from prefect.settings.models.server.root import ServerSettings
from prefect_redis.client import RedisMessagingSettings

import deployments.shared
from deployments.server import server_environment
from deployments.shared import server_only
from studio.errors import SetupIncomplete
from studio.settings import Settings

_DATABASE = "postgresql+asyncpg://prefect:s3cret@db.example:5432/prefect"
_REDIS = "redis://:s3cret@redis.example:6379/0"


def _settings(**given: str) -> Settings:
    return Settings(_env_file=None, **given)  # type: ignore[arg-type]  # secrets are given as text


def _understood(monkeypatch: pytest.MonkeyPatch, config: Settings) -> ServerSettings:
    """Return the settings as Prefect's server reads them."""
    for name in [name for name in os.environ if name.startswith("PREFECT_")]:
        monkeypatch.delenv(name)
    for name, value in {**server_environment(config), **server_only(config)}.items():
        monkeypatch.setenv(name, value)
    return ServerSettings()


def test_by_default_nothing_is_kept_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    assert server_only(_settings()) == {}
    found = _understood(monkeypatch, _settings())
    assert found.database.connection_url is None
    assert found.events.messaging_broker == "prefect.server.utilities.messaging.memory"
    assert found.concurrency.lease_storage == "prefect.server.concurrency.lease_storage.filesystem"


@pytest.mark.parametrize("given", [_DATABASE, _DATABASE.replace("+asyncpg", "")])
def test_prefects_server_takes_the_database_as_its_own(
    given: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = _understood(monkeypatch, _settings(prefect_database_url=given))
    assert found.database.connection_url is not None
    assert found.database.connection_url.get_secret_value() == _DATABASE


def test_prefects_server_takes_redis_for_all_that_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    config = _settings(prefect_redis_url=_REDIS)
    found = _understood(monkeypatch, config)
    assert found.events.messaging_broker == "prefect_redis.messaging"
    assert found.events.messaging_cache == "prefect_redis.messaging"
    assert found.events.causal_ordering == "prefect_redis.ordering"
    assert found.concurrency.lease_storage == "prefect_redis.lease_storage"
    assert found.docket.url == _REDIS
    services = found.services
    for each in (services.task_run_recorder, services.event_persister, services.triggers):
        assert each.read_batch_size == 200
    assert RedisMessagingSettings().url == _REDIS


def test_what_talks_to_the_server_is_told_no_password() -> None:
    config = _settings(prefect_database_url=_DATABASE, prefect_redis_url=_REDIS)
    assert "s3cret" not in str(server_environment(config))
    assert "s3cret" not in repr(config)
    assert "s3cret" in str(server_only(config))


@pytest.mark.parametrize(
    ("field", "given"),
    [
        ("prefect_database_url", "mysql://prefect:s3cret@db.example/prefect"),
        ("prefect_database_url", "postgresql+psycopg://prefect:s3cret@db.example/prefect"),
        ("prefect_database_url", "postgresql+asyncpg://prefect:s3cret@db.example"),
        ("prefect_database_url", "postgresql+asyncpg://prefect:s3cret@db.example:port/prefect"),
        ("prefect_database_url", "s3cret"),
        ("prefect_redis_url", "http://:s3cret@redis.example:6379"),
        ("prefect_redis_url", "redis:///s3cret"),
        ("prefect_redis_url", "redis+cluster://:s3cret@redis.example:6379"),
        ("prefect_redis_url", "s3cret"),
    ],
)
def test_what_is_no_such_address_is_refused_by_its_name(field: str, given: str) -> None:
    values: dict[str, Any] = {field: given}
    with pytest.raises(SetupIncomplete) as refused:
        server_only(_settings(**values))
    assert refused.value.field == f"STUDIO_{field.upper()}"
    assert "s3cret" not in str(refused.value)
    assert "s3cret" not in str(refused.value.as_dict())


def test_without_the_extra_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deployments.shared, "find_spec", lambda name: None)
    with pytest.raises(SetupIncomplete, match=r'pip install "image-studio\[scale\]"'):
        server_only(_settings(prefect_redis_url=_REDIS))
    assert server_only(_settings(prefect_database_url=_DATABASE))
