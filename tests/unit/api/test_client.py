"""The client: what it asks again, what it does not, and how it tells of errors."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from interfaces.client import Client, Refused

Answer = Callable[[httpx.Request], httpx.Response]


class Script:
    """Answers by a list, and keeps what was asked."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.asked: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append(request)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, int):
            return httpx.Response(answer, json={"code": "x", "detail": "words"})
        if isinstance(answer, str):
            return httpx.Response(200, text=answer)
        return httpx.Response(200, json=answer)


@pytest.fixture(autouse=True)
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    slept: list[float] = []
    monkeypatch.setattr(time, "sleep", slept.append)
    return slept


def _client(script: Script) -> Client:
    return Client("http://studio.test/api", "isk_x", transport=httpx.MockTransport(script))


def test_a_run_is_asked_for_again_under_one_key() -> None:
    cut = httpx.ReadError("cut off")
    script = Script(cut, 503, {"run": {"id": "r"}})
    with _client(script) as client:
        assert client.run("generate", prompt="a hill") == {"id": "r"}
    keys = {request.headers["idempotency-key"] for request in script.asked}
    assert (len(script.asked), len(keys)) == (3, 1)
    assert json.loads(script.asked[0].content) == {"prompt": "a hill"}
    assert script.asked[0].headers["authorization"] == "Bearer isk_x"
    assert script.asked[0].url.path == "/api/operations/generate"


def test_what_may_do_something_twice_is_not_asked_again() -> None:
    for failure in (httpx.ReadError("cut off"), 503):
        script = Script(failure, {})
        with _client(script) as client, pytest.raises((Refused, httpx.ReadError)):
            client.upload(b"x", "a.png")
        assert len(script.asked) == 1


def test_a_refusal_has_its_code_and_is_final() -> None:
    script = Script(402)
    with _client(script) as client, pytest.raises(Refused) as refused:
        client.run("generate")
    assert (refused.value.status, refused.value.code, len(script.asked)) == (402, "x", 1)
    assert str(refused.value) == "x: words"


def test_in_the_end_what_is_busy_is_told(pauses: list[float]) -> None:
    script = Script(*[503] * 5)
    with _client(script) as client, pytest.raises(Refused) as refused:
        client.find("r")
    assert (refused.value.status, len(script.asked), len(pauses)) == (503, 5, 4)


def test_a_stream_that_breaks_is_taken_up_where_it_was() -> None:
    script = Script(
        'retry: 2000\n\nid: 1\nevent: progress\ndata: {"status":"running"}\n\n: beat\n\n',
        httpx.ReadError("cut off"),
        503,
        'id: 2\nevent: end\ndata: {"status":"done"}\n\n',
    )
    with _client(script) as client:
        told = [each["status"] for each in client.follow("r")]
    assert told == ["running", "done"]
    assert [each.headers.get("last-event-id") for each in script.asked] == [None, "1", "1", "1"]


def test_who_waits_too_long_is_told() -> None:
    script = Script({"status": "running"})
    with _client(script) as client, pytest.raises(TimeoutError):
        client.wait("r", seconds=0)


def test_pages_are_read_to_the_last() -> None:
    script = Script({"assets": [1], "next": "a"}, {"assets": [2], "next": None})
    with _client(script) as client:
        assert [page["assets"] for page in client.pages("/assets", kind="image")] == [[1], [2]]
    assert [each.url.query for each in script.asked] == [b"kind=image", b"kind=image&before=a"]


def test_every_run_that_is_asked_for_has_a_key_of_its_own() -> None:
    script = Script(*[{"run": {"id": str(number)}} for number in range(4)])
    with _client(script) as client:
        client.batch("ast_x")
        client.batch_again("bat_x", "rest", priority="low")
        client.again("ast_x", prompt="a fox")
        client.bring_in("https://example.com/a.zip")
    assert len({request.headers["idempotency-key"] for request in script.asked}) == 4
    assert [request.url.path.removeprefix("/api") for request in script.asked] == [
        "/batches",
        "/batches/bat_x/retry",
        "/assets/ast_x/again",
        "/library/imports",
    ]
    assert json.loads(script.asked[1].content) == {"rows": "rest", "priority": "low"}
    assert json.loads(script.asked[2].content) == {"changes": {"prompt": "a fox"}}


def test_what_says_how_things_shall_be_is_asked_again_and_an_undo_is_not() -> None:
    script = Script(503, {"id": "act_1"}, 503)
    with _client(script) as client:
        assert client.act("tag", "ast_x", tag="autumn")["id"] == "act_1"
        with pytest.raises(Refused):
            client.undo("act_1")
    assert len(script.asked) == 3


def test_a_search_goes_on_behind_its_last_page() -> None:
    script = Script({"assets": [{"id": 1}], "next": "p"}, {"assets": [{"id": 2}], "next": None})
    with _client(script) as client:
        assert [each["id"] for each in client.search(words="fox")] == [1, 2]
    assert [each.url.query for each in script.asked] == [b"words=fox", b"words=fox&after=p"]
