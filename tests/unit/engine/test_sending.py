"""Sending, to real servers: what arrives, what is tried again, and that no error tells a URL."""

from __future__ import annotations

import base64
import io
import logging
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from pydantic import SecretStr
from sqlalchemy import select

import engine.deliveries
from engine.channels import add_channel
from engine.deliveries import dead_letters
from engine.digests import parse_digest
from engine.events import _WEIGHTS, EVENTS, weight_of
from engine.outbox import Message, post
from engine.sending import NotSent, send_test, send_waiting
from engine.studio import Studio
from engine.tables import deliveries
from studio.clock import now
from studio.operations import Generate
from studio.settings import Settings
from tests.support.sinks import HttpSink, http_sink, mail_sink
from tests.support.studios import OWNER, execute, opened_studio, order_for

_SECRETS = ("very-secret", "hidden-path", "127.0.0.1", "://")


@pytest.fixture
def studio(tmp_path: Path) -> Iterator[Studio]:
    with opened_studio(tmp_path / "home") as studio:
        yield studio


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Callable[[timedelta], None]:
    """Lets time pass for those who send."""
    passed = timedelta()

    def clock() -> datetime:
        return now() + passed

    def let(more: timedelta) -> None:
        nonlocal passed
        passed += more

    monkeypatch.setattr(engine.deliveries, "now", clock)
    return let


def _send(studio: Studio, *urls: str) -> int:
    config = studio.settings.model_copy(update={"notify_urls": tuple(map(SecretStr, urls))})
    return send_waiting(studio.database, config, studio.store)


def _post(studio: Studio, *subjects: str, **payload: Any) -> None:
    values = {"label": "fox", "credits": 4_000_000, **payload}
    messages = [Message(OWNER, "picture.ready", subject, values) for subject in subjects]
    studio.database.write(lambda connection: post(connection, messages))


def _errors(studio: Studio) -> list[str]:
    with studio.database.read() as connection:
        return list(connection.execute(select(deliveries.c.error)).scalars())


def test_a_picture_is_told_by_mail_and_webhook_with_its_thumbnail(studio: Studio) -> None:
    execute(studio, order_for(studio, Generate(prompt="a fox"), "k"))
    with http_sink() as web, mail_sink() as mail:
        assert _send(studio, web.url, mail.url) == 2
    (told,), (letter,) = web.told, mail.letters
    assert told["title"] == letter["subject"]
    assert told["title"].startswith("Picture ready: ")
    body = letter.get_body(("plain",))
    assert body is not None
    assert "4 credits spent by ada." in told["message"]
    assert "/assets/ast_" in told["message"]
    mark = told["message"].splitlines()[-1]
    assert mark.startswith("Message msg_")
    assert mark in body.get_content()
    (attached,) = told["attachments"]
    (enclosed,) = letter.iter_attachments()
    data = base64.b64decode(attached["base64"])
    assert enclosed.get_payload(decode=True) == data
    assert enclosed.get_filename() == attached["filename"]
    with Image.open(io.BytesIO(data)) as picture:
        assert max(picture.size) <= 256


@pytest.mark.parametrize(
    ("event", "weight"),
    [
        ("picture.ready", "success"),
        ("board.commented", "info"),
        ("batch.partly_failed", "warning"),
        ("batch.failed", "failure"),
    ],
)
def test_a_channel_is_told_how_grave_it_is(studio: Studio, event: str, weight: str) -> None:
    values = {"label": "fox", "credits": 0, "name": "b", "batch": "bat_1", "counts": {}}
    board = {"board": "brd_1", "title": "t", "asset": "ast_1", "text": "w", "link": "lnk_1"}
    message = Message(OWNER, event, "a", {**values, **board})
    studio.database.write(lambda connection: post(connection, [message]))
    with http_sink() as web:
        assert _send(studio, web.url) == 1
    assert [each["type"] for each in web.told] == [weight]


def test_what_is_told_together_is_as_grave_as_the_gravest_of_it() -> None:
    assert weight_of(["picture.ready", "batch.failed", "balance.low"]) == "failure"
    assert weight_of(["board.opened", "picture.ready"]) == "success"
    assert weight_of([]) == "info"


def test_every_event_that_has_a_weight_is_one() -> None:
    assert set(_WEIGHTS) <= set(EVENTS)


def test_one_channel_down_is_tried_again_alone(
    studio: Studio, later: Callable[[timedelta], None]
) -> None:
    _post(studio, "a")
    with http_sink() as web, mail_sink() as mail:
        web.failures, mail.failures = 2, 1
        assert _send(studio, web.url, mail.url) == 0
        assert any("it answered 503" in error for error in _errors(studio))
        assert _send(studio, web.url, mail.url) == 0
        later(timedelta(seconds=31))
        assert _send(studio, web.url, mail.url) == 1
        later(timedelta(seconds=61))
        assert _send(studio, web.url, mail.url) == 1
        later(timedelta(days=1))
        assert _send(studio, web.url, mail.url) == 0
    assert (len(web.told), len(mail.letters)) == (1, 1)


def test_a_server_that_is_gone_ends_in_the_dead_letters_and_tells_no_secret(
    studio: Studio, later: Callable[[timedelta], None], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    _post(studio, "a")
    gone = HttpSink(port=9).url
    for _ in range(8):
        assert _send(studio, gone, "nonsense://very-secret") == 0
        later(timedelta(hours=2))
    with studio.database.read() as connection:
        dead = dead_letters(connection, OWNER)
    assert [(each.channel, each.attempts) for each in dead] == [
        ("settings/1", 8),
        ("settings/2", 8),
    ]
    assert "cannot be reached" in dead[0].error
    assert "not one that Apprise understands" in dead[1].error
    words = " ".join([caplog.text, *(each.error for each in dead)])
    assert not [secret for secret in _SECRETS if secret in words]


def test_a_slow_server_does_not_hold_a_pass_up(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    _post(studio, "a", "b")
    with http_sink() as web:
        web.slow = 0.3
        assert _send(studio, f"{web.url}?rto=0.1&cto=0.1") == 0
    assert all("cannot be reached, or refused" in error for error in _errors(studio))


def test_from_the_third_attempt_on_a_message_goes_without_pictures(
    studio: Studio, later: Callable[[timedelta], None]
) -> None:
    execute(studio, order_for(studio, Generate(prompt="a fox"), "k"))
    with http_sink() as web:
        web.failures = 2
        for _ in range(3):
            _send(studio, web.url)
            later(timedelta(hours=1))
    (told,) = web.told
    assert told["attachments"] == []


def test_a_picture_that_is_lost_or_anothers_stops_no_message(studio: Studio) -> None:
    _post(studio, "a", assets=["ast_nothing"])
    with http_sink() as web:
        assert _send(studio, web.url) == 1
    assert web.told[0]["attachments"] == []


def test_a_digest_is_one_notification(
    studio: Studio, later: Callable[[timedelta], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    studio.database.write(
        lambda connection: add_channel(
            connection,
            OWNER,
            "hour",
            "env:STUDIO_CHANNEL_HOUR",
            digest=parse_digest("hourly"),
        )
    )
    _post(studio, "a", "b")
    with http_sink() as web:
        monkeypatch.setenv("STUDIO_CHANNEL_HOUR", web.url)
        assert _send(studio) == 0
        later(timedelta(hours=1))
        assert _send(studio) == 2
        send_test(studio.database, studio.settings, OWNER, "hour")
    assert [each["title"] for each in web.told] == [
        "Image Studio: 2 messages",
        "Image Studio: a test",
    ]
    assert web.told[0]["message"].count("* Picture ready: fox") == 2


def test_a_killed_sender_sends_again_under_the_same_id(
    studio: Studio, later: Callable[[timedelta], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    def dies(*_: Any) -> None:
        raise KeyboardInterrupt

    _post(studio, "a")
    with http_sink() as web:
        with monkeypatch.context() as patch:
            patch.setattr(engine.deliveries, "_note_sent", dies)
            with pytest.raises(KeyboardInterrupt):
                _send(studio, web.url)
        assert _send(studio, web.url) == 0
        later(timedelta(minutes=2))
        assert _send(studio, web.url) == 1
    first, second = (each["message"].splitlines()[-1] for each in web.told)
    assert first == second


def test_a_test_that_does_not_arrive_tells_no_secret(studio: Studio) -> None:
    config = Settings(_env_file=None, notify_urls=(SecretStr(HttpSink(port=9).url),))
    with pytest.raises(NotSent) as refused:
        send_test(studio.database, config, OWNER, "settings/1")
    assert not [secret for secret in _SECRETS if secret in str(refused.value)]
