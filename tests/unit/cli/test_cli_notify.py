"""``studio notify``: channels kept, tried and removed, and what was given up."""

from __future__ import annotations

import pytest
from sqlalchemy import Connection, insert, select

from engine.outbox import Message, post
from engine.tables import deliveries, outbox
from interfaces.cli.opening import load_settings
from studio.clock import now
from studio.database import Database
from tests.support.sinks import http_sink
from tests.unit.cli.conftest import Command

_ADD = ("notify", "channels", "add", "ops", "env:STUDIO_CHANNEL_OPS")


def test_a_channel_is_added_tried_listed_and_removed(
    studio_command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = studio_command(
        *_ADD, "--events", "batch.failed", "--digest", "daily 08:00 Europe/Berlin", "--json"
    )
    assert told.code == 0, told.err
    assert told.document["channels"] == [
        {
            "name": "ops",
            "address": "env:STUDIO_CHANNEL_OPS",
            "events": ["batch.failed"],
            "digest": "daily 08:00 Europe/Berlin",
            "only_of": "",
        }
    ]
    assert "env:STUDIO_CHANNEL_OPS" in studio_command("notify", "channels").out
    told = studio_command("notify", "test", "ops", "--json")
    assert told.code != 0
    assert "STUDIO_CHANNEL_OPS" in told.document["error"]["message"]
    with http_sink() as web:
        monkeypatch.setenv("STUDIO_CHANNEL_OPS", web.url)
        assert studio_command("notify", "test", "ops").code == 0
        web.failures = 1
        told = studio_command("notify", "test", "ops", "--json")
    assert told.code == 4
    assert "it answered 503" in told.document["error"]["message"]
    assert "very-secret" not in told.out + told.err
    told = studio_command("notify", "channels", "remove", "ops", "--json")
    assert (told.document["channels"], told.document["dropped"]) == ([], 0)


def test_nobody_gets_at_anothers_channel(studio_command: Command) -> None:
    assert studio_command(*_ADD).code == 0
    for words in (("channels", "remove", "ops"), ("test", "ops")):
        told = studio_command("--owner", "eve", "notify", *words, "--json")
        assert (told.code, told.document["error"]["code"]) == (2, "not_found")
    told = studio_command("--owner", "demo", "--user", "eve", "notify", "dead", "--json")
    assert told.document["error"]["code"] == "account_refused"


def test_a_url_on_the_line_is_refused_and_not_repeated(studio_command: Command) -> None:
    told = studio_command("notify", "channels", "add", "ops", "json://very-secret/", "--json")
    assert (told.code, told.document["error"]["field"]) == (2, "address")
    assert "very-secret" not in told.out + told.err


def test_what_was_given_up_is_listed_and_tried_again(studio_command: Command) -> None:
    assert studio_command("notify", "dead", "--json").document == {"dead": []}
    database = Database(load_settings().database)

    def give_up(connection: Connection) -> None:
        post(connection, [Message("demo", "balance.low", "s", {})])
        message = connection.execute(select(outbox.c.id)).scalar_one()
        values = {"channel": "settings/1", "state": "given_up", "error": "NotSent: no"}
        numbers = {"together": 0, "attempts": 8, "next_at": now()}
        connection.execute(insert(deliveries).values(message=message, **values, **numbers))

    database.write(give_up)
    database.close()
    (dead,) = studio_command("notify", "dead", "--json").document["dead"]
    assert (dead["channel"], dead["event"], dead["attempts"]) == ("settings/1", "balance.low", 8)
    assert "NotSent: no" in studio_command("notify", "dead").out
    told = studio_command("notify", "retry", dead["message"], "--json")
    assert told.document == {"retried": 1}
    assert studio_command("notify", "dead", "--json").document == {"dead": []}
