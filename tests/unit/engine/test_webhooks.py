"""Webhooks: signed, told once, and sent nowhere that is not meant."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator, Mapping, Sequence
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import pytest
from sqlalchemy import select, text

from engine.channels import HOOK, Channel, add_channel
from engine.deliveries import dead_letters
from engine.digests import Digest, parse_digest
from engine.outbox import Message, Waiting, post
from engine.sending import send_waiting
from engine.tables import deliveries
from engine.webhooks import NotTaken, deliver_hook, secret_of
from studio import clock
from studio.database import Database
from studio.errors import InvalidRequest
from studio.settings import Settings

MESSAGE = Message("ada", "picture.ready", "job_1", {"assets": ["ast_1"], "credits": 4})


class Receiver(HTTPServer):
    """Takes requests, and answers by its script; with 204 once that is over."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.script: list[int] = []
        self.requests: list[tuple[Mapping[str, str], bytes]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        headers = {key.lower(): value for key, value in self.headers.items()}
        self.server.requests.append((headers, body))
        status = self.server.script.pop(0) if self.server.script else 204
        self.send_response(status)
        if status == 302:
            self.send_header("Location", self.server.url)
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    server = Receiver()
    thread = Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def _config(home: Path, origins: Sequence[str] = ()) -> Settings:
    return Settings(
        _env_file=None, home=home, quote_secret="s" * 40, webhook_origins=tuple(origins)
    )


def _add(database: Database, address: str, origins: Sequence[str] = (), **more: Any) -> Channel:
    more.setdefault("digest", Digest())
    return database.write(
        lambda connection: add_channel(connection, "ada", "shop", address, origins=origins, **more)
    )


def test_a_receiver_can_tell_that_a_message_is_ours(
    database: Database, receiver: Receiver, tmp_path: Path
) -> None:
    config = _config(tmp_path, [receiver.url])
    channel = _add(database, f"{HOOK}{receiver.url}/hooks", [receiver.url])
    database.write(lambda connection: post(connection, [MESSAGE]))
    assert send_waiting(database, config) == 1
    assert send_waiting(database, config) == 0
    ((headers, body),) = receiver.requests
    key = base64.b64decode(secret_of(channel, config).removeprefix("whsec_"))
    assert 24 <= len(key) <= 64
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    wanted = base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()
    assert headers["webhook-signature"] == f"v1,{wanted}"
    assert abs(int(headers["webhook-timestamp"]) - clock.now().timestamp()) < 300
    told = json.loads(body)
    assert (told["type"], told["id"]) == ("picture.ready", headers["webhook-id"])
    assert told["data"] == MESSAGE.payload
    assert headers["content-type"] == "application/json"


def test_the_secret_is_another_for_each_and_kept_nowhere(
    database: Database, tmp_path: Path
) -> None:
    config = _config(tmp_path)
    first = _add(database, "hook:https://shop.example/a")
    database.write(lambda c: c.execute(text("UPDATE channels SET name = 'other'")))
    second = _add(database, "hook:https://shop.example/a")
    secrets = {secret_of(first, config), secret_of(second, config)}
    assert len(secrets) == 2
    with database.read() as connection:
        kept = str(connection.execute(text("SELECT * FROM channels")).all())
    assert not any(each.removeprefix("whsec_") in kept for each in secrets)
    files = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]
    assert not any(
        each.removeprefix("whsec_").encode() in data for each in secrets for data in files
    )


def test_what_fails_is_tried_again_and_in_the_end_given_up(
    database: Database, receiver: Receiver, tmp_path: Path
) -> None:
    config = _config(tmp_path, [receiver.url])
    _add(database, f"{HOOK}{receiver.url}/", [receiver.url])
    database.write(lambda connection: post(connection, [MESSAGE]))
    receiver.script = [500, 302, 410, 404, 503, 301, 400, 500]
    for _ in range(8):
        assert send_waiting(database, config) == 0
        database.write(lambda c: c.execute(text("UPDATE deliveries SET next_at = 0")))
    assert send_waiting(database, config) == 0
    assert len(receiver.requests) == 8
    assert len({headers["webhook-id"] for headers, _ in receiver.requests}) == 1
    assert len({body for _, body in receiver.requests}) == 1
    with database.read() as connection:
        (dead,) = dead_letters(connection, "ada")
        (row,) = connection.execute(select(deliveries)).all()
    assert (row.state, row.attempts) == ("given_up", 8)
    assert "answered 500" in dead.error
    assert receiver.url not in dead.error


@pytest.mark.parametrize(
    "url",
    [
        "",
        "shop.example",
        "http://shop.example/",
        "ftp://shop.example/",
        "https://127.0.0.1/",
        "https://localhost/",
        "https://169.254.169.254/latest",
        "https://[::1]/",
        "https://10.0.0.7/",
        "https://user:secret@shop.example/",
        "https://shop.example/?token=secret",
        "https://shop.example:22/",
        "https://shop.example/a b",
        "https://2130706433/",
    ],
)
def test_an_address_inside_or_with_a_secret_is_refused(url: str, database: Database) -> None:
    with pytest.raises(InvalidRequest) as refused:
        _add(database, HOOK + url)
    assert refused.value.field == "address"
    assert "secret@" not in str(refused.value)
    assert "token=" not in str(refused.value)


def test_a_webhook_has_no_digest(database: Database) -> None:
    with pytest.raises(InvalidRequest) as refused:
        _add(database, "hook:https://shop.example/", digest=parse_digest("hourly"))
    assert refused.value.field == "digest"


def test_an_origin_that_is_trusted_no_more_is_not_reached(
    database: Database, receiver: Receiver, tmp_path: Path
) -> None:
    channel = _add(database, f"{HOOK}{receiver.url}/", [receiver.url])
    with pytest.raises(NotTaken):
        deliver_hook(channel, Waiting("msg_1", MESSAGE), _config(tmp_path))
    assert receiver.requests == []


def test_a_receiver_that_is_gone_is_told_without_its_address(
    database: Database, tmp_path: Path
) -> None:
    gone = "http://127.0.0.1:9"
    channel = _add(database, f"{HOOK}{gone}/", [gone])
    with pytest.raises(NotTaken) as failed:
        deliver_hook(channel, Waiting("msg_1", MESSAGE), _config(tmp_path, [gone]))
    assert "127.0.0.1" not in str(failed.value)
