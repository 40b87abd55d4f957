"""Channels: who is told of what; the addresses, which are secrets, are never in the database."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlalchemy import Connection, select

import engine.channels
from billing.accounts.members import add_member, remove_member
from billing.ledger import WalletRequest, open_wallets
from engine.channels import (
    add_channel,
    channels_for,
    channels_of,
    find_channel,
    remove_channel,
    url_of,
)
from engine.deliveries import route
from engine.digests import Digest, parse_digest
from engine.events import check_events
from engine.outbox import Message, post
from engine.tables import channels, deliveries
from studio.database import Database
from studio.errors import AccountRefused, Conflict, InvalidRequest, NotFound, SetupIncomplete
from studio.settings import Settings

SECRET = "slack://token-that-is-secret/b/c"  # noqa: S105


def _add(
    database: Database, name: str, address: str = "env:STUDIO_CHANNEL_A", user: str = ""
) -> None:
    def work(connection: Connection) -> None:
        add_channel(connection, "ada", name, address, user=user, digest=Digest())

    database.write(work)


def _settings(home: Path = Path("/nowhere"), *urls: str) -> Settings:
    return Settings(_env_file=None, home=home, notify_urls=tuple(map(SecretStr, urls)))


def test_a_channel_is_kept_found_and_removed_with_what_waits(database: Database) -> None:
    def work(connection: Connection) -> None:
        add_channel(
            connection,
            "ada",
            "ops",
            "env:STUDIO_CHANNEL_OPS",
            events=("batch.failed",),
            digest=parse_digest("daily 08:00 Europe/Berlin"),
        )
        post(connection, [Message("ada", "batch.failed", "b/1", {}), Message("ada", "x", "y", {})])

    database.write(work)
    with database.read() as connection:
        (kept,) = channels_of(connection, "ada")
        assert channels_of(connection, "eve") == []
    assert str(kept.digest) == "daily 08:00 Europe/Berlin"
    assert route(database, lambda connection, owners: channels_for(connection, owners, _settings()))
    with database.read() as connection:
        assert len(connection.execute(select(deliveries)).all()) == 1
    assert database.write(lambda connection: remove_channel(connection, "ada", "ops")) == 1
    with pytest.raises(NotFound), database.read() as connection:
        find_channel(connection, "ada", "ops")
    with database.read() as connection:
        assert connection.execute(select(deliveries)).all() == []


def test_an_address_is_a_reference_and_a_wrong_one_is_not_repeated(database: Database) -> None:
    for address in (
        SECRET,
        f"env:{SECRET}",
        "env:STUDIO_STABILITY_KEY",
        "env:HOME",
        "file:../../etc/passwd",
        "file:/etc/passwd",
        "file:.env",
        "",
    ):
        with pytest.raises(InvalidRequest) as refused:
            _add(database, "a", address)
        assert refused.value.field == "address"
        told = f"{refused.value} {refused.value.as_dict()}"
        assert not address or address not in told
    with database.read() as connection:
        assert connection.execute(select(channels)).all() == []


def test_a_name_has_its_rule(database: Database) -> None:
    for name in ("", "A", "a b", "-a", "x" * 41, "settings/1"):
        with pytest.raises(InvalidRequest) as refused:
            _add(database, name)
        assert refused.value.field == "name"


def test_a_name_is_taken_once_and_an_owner_has_so_many(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine.channels, "MOST_CHANNELS", 2)
    _add(database, "a")
    with pytest.raises(Conflict):
        _add(database, "a")
    _add(database, "b")
    with pytest.raises(Conflict, match="no more"):
        _add(database, "c")


def test_a_url_is_found_where_the_channel_says(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    config = _settings(tmp_path, "json://first/", "json://second/")
    _add(database, "e")
    _add(database, "f", "file:ops")
    with database.read() as connection:
        first, second, by_env, by_file = channels_for(connection, ["ada"], config)
    assert url_of(second, config) == "json://second/"
    assert url_of(first, config) == "json://first/"
    for channel in (by_env, by_file):
        with pytest.raises(SetupIncomplete, match=channel.address):
            url_of(channel, config)
    (tmp_path / ".env").write_text(f"STUDIO_CHANNEL_A={SECRET}-dot\n")
    assert url_of(by_env, config) == f"{SECRET}-dot"
    monkeypatch.setenv("STUDIO_CHANNEL_A", SECRET)
    assert url_of(by_env, config) == SECRET
    (tmp_path / "channels").mkdir()
    (tmp_path / "channels" / "ops").write_text(f"{SECRET}\n")
    assert url_of(by_file, config) == SECRET


def test_a_member_who_left_is_told_nothing(database: Database) -> None:
    def join(connection: Connection) -> None:
        open_wallets(connection, [WalletRequest("ada")])
        add_member(connection, "ada", "ada", "admin", author="ada")
        add_member(connection, "ada", "bob", "viewer", author="ada")

    def names() -> list[str]:
        with database.read() as connection:
            return [each.name for each in channels_for(connection, ["ada"], _settings())]

    with pytest.raises(AccountRefused):
        _add(database, "nobodys", user="bob")
    database.write(join)
    _add(database, "bobs", user="bob")
    assert names() == ["bobs"]
    database.write(lambda connection: remove_member(connection, "ada", "bob", author="ada"))
    assert names() == []


def test_events_and_digests_have_their_rules() -> None:
    assert check_events(["batch.failed", "batch.failed"]) == ("batch.failed",)
    assert check_events(["batch.failed", "all"]) == ()
    with pytest.raises(InvalidRequest) as refused:
        check_events(["batch.exploded"])
    assert refused.value.field == "event"
    for words in ("", "weekly", "daily", "daily 25:00", "daily 08:00 Mars/Base", "daily 08:00 a b"):
        with pytest.raises(InvalidRequest) as refused:
            parse_digest(words)
        assert refused.value.field == "digest"
