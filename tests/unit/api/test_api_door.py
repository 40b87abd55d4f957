"""Who gets in, how often, with how much; and how the door tells of what is wrong."""

from __future__ import annotations

import logging
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from sqlalchemy import select, text

from billing.accounts.members import add_member, remove_member
from billing.accounts.tables import api_keys
from interfaces.api.throttle import Throttle
from studio import clock
from studio.errors import TooManyRequests
from tests.support.studios import OWNER, fund, opened_studio
from tests.unit.api.conftest import PREFIX, Door, door_of


def test_health_needs_no_key_and_says_when_the_database_is_gone(door: Door) -> None:
    told = door.get("/health", key=None)
    assert (told.status_code, told.json()["status"]) == (200, "ok")


@pytest.mark.parametrize(
    "sent",
    [
        None,
        "",
        "isk_",
        "isk_00000000000000000000000000_" + "x" * 43,
        "Bearer",
        "é" * 10,
        "isk_" + "0" * 5_000,
    ],
)
def test_without_a_key_that_counts_nobody_gets_in(door: Door, sent: str | None) -> None:
    headers = {} if sent is None else {"Authorization": f"Bearer {sent}".encode()}
    told = door.get("/keys", key=None, headers=headers)
    problem = told.json()
    assert told.status_code == 401
    assert told.headers["content-type"] == "application/problem+json"
    assert told.headers["www-authenticate"].startswith("Bearer")
    assert problem["code"] == "not_authenticated"
    assert problem["type"] == "urn:image-studio:error:not_authenticated"
    assert problem["status"] == 401
    assert len(sent or "") < 40 or (sent or "") not in told.text


def test_a_secret_that_was_changed_by_one_character_is_none(door: Door) -> None:
    key = door.key()
    wrong = key[:-1] + ("A" if key[-1] != "A" else "B")
    assert door.get("/keys", key=key).status_code == 200
    assert door.get("/keys", key=wrong).status_code == 401


def test_a_key_counts_until_its_end_and_no_longer(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = door.key(days=2)
    there = clock.now()
    monkeypatch.setattr(clock, "now", lambda: there + timedelta(days=2, seconds=-5))
    assert door.get("/keys", key=key).status_code == 200
    monkeypatch.setattr(clock, "now", lambda: there + timedelta(days=2, seconds=5))
    assert door.get("/keys", key=key).status_code == 401


def test_a_key_that_is_revoked_counts_no_more(door: Door) -> None:
    key = door.key()
    made = door.get("/keys", key=key).json()["keys"][0]
    told = door.call("DELETE", f"/keys/{made['id']}")
    assert (told.status_code, bool(told.json()["revoked_at"])) == (200, True)
    assert door.get("/keys", key=key).status_code == 401
    again = door.call("DELETE", f"/keys/{made['id']}")
    assert again.json() == told.json()


def test_a_key_does_only_what_it_was_made_for(door: Door) -> None:
    told = door.get("/keys", key=door.key(OWNER, "read", "run"))
    assert (told.status_code, told.json()["code"]) == (403, "scope_missing")


def test_a_role_is_looked_up_at_each_request(door: Door) -> None:
    write = door.studio.database.write
    write(lambda c: add_member(c, OWNER, OWNER, "admin", author=OWNER))
    write(lambda c: add_member(c, OWNER, "bob", "admin", author=OWNER))
    key = door.key("bob", owner=OWNER)
    assert door.get("/keys", key=key).status_code == 200
    write(lambda c: add_member(c, OWNER, "bob", "viewer", author=OWNER))
    assert door.get("/keys", key=key).json()["reason"] == "role"
    write(lambda c: remove_member(c, OWNER, "bob", author=OWNER))
    assert door.get("/keys", key=key).json()["reason"] == "not_a_member"


def test_a_key_makes_none_that_may_do_more_or_belongs_to_strangers(door: Door) -> None:
    key = door.key(OWNER, "admin", "read")
    told = door.post("/keys", key=key, json={"name": "more", "scopes": ["run"]})
    assert (told.status_code, told.json()["field"]) == (422, "scopes")
    told = door.post("/keys", json={"name": "x", "scopes": ["read"], "user": "mallory"})
    assert (told.status_code, told.json()["code"]) == (403, "account_refused")
    made = door.post("/keys", key=key, json={"name": "less", "scopes": ["read"], "days": 1})
    assert made.status_code == 201
    assert made.json()["user"] == OWNER
    assert door.get("/keys", key=made.json()["token"]).json()["code"] == "scope_missing"


def test_anothers_keys_are_not_seen_and_not_revoked(door: Door) -> None:
    fund(door.studio, 1, "eve")
    mine = door.get("/keys").json()["keys"][0]["id"]
    theirs = door.key("eve")
    assert mine not in door.get("/keys", key=theirs).text
    assert door.call("DELETE", f"/keys/{mine}", key=theirs).status_code == 404
    assert door.get("/keys").status_code == 200


def test_a_secret_is_in_no_table_no_list_and_no_log(
    door: Door, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    token = door.post("/keys", json={"name": "hidden", "scopes": ["read"]}).json()["token"]
    secret = token.rpartition("_")[2] if token.count("_") == 2 else token.split("_", 2)[2]
    assert secret not in door.get("/keys", key=None).text + door.get("/keys").text
    with door.studio.database.read() as connection:
        kept = [dict(row) for row in connection.execute(select(api_keys)).mappings()]
        events = connection.execute(text("SELECT details FROM account_events")).all()
    assert secret not in f"{kept}{events}{caplog.text}"


def test_a_use_is_noted_and_not_each(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    first = door.get("/keys").json()["keys"][0]["used_at"]
    assert first is not None
    assert door.get("/keys").json()["keys"][0]["used_at"] == first
    there = clock.now()
    monkeypatch.setattr(clock, "now", lambda: there + timedelta(minutes=6))
    assert door.get("/keys").json()["keys"][0]["used_at"] > first


def test_a_key_that_asks_too_often_is_told_when_to_come_back(tmp_path: Path) -> None:
    with opened_studio(tmp_path / "home", api_requests_per_minute=2) as studio:
        door = door_of(studio)
        first = door.get("/keys")
        assert first.headers["ratelimit-limit"] == "2"
        assert first.headers["ratelimit-remaining"] == "1"
        assert door.get("/keys").headers["ratelimit-remaining"] == "0"
        told = door.get("/keys")
        assert (told.status_code, told.json()["code"]) == (429, "too_many_requests")
        assert told.headers["ratelimit-remaining"] == "0"
        assert 1 <= int(told.headers["retry-after"]) <= 30
        assert door.get("/keys", key=door.key()).status_code == 200


def test_a_bucket_fills_up_evenly_and_not_above_its_brim() -> None:
    seconds = [0.0]
    throttle = Throttle(60, clock=lambda: seconds[0])
    assert [throttle.take("k") for _ in range(60)] == list(range(59, -1, -1))
    with pytest.raises(TooManyRequests) as refused:
        throttle.take("k")
    assert refused.value.details["retry_after"] == 1
    seconds[0] = 1.0
    assert throttle.take("k") == 0
    seconds[0] = 10_000.0
    assert throttle.take("k") == 59


@pytest.mark.parametrize("chunked", [False, True])
def test_a_body_beyond_the_limit_is_refused(door: Door, *, chunked: bool) -> None:
    async def pieces() -> Any:
        for _ in range(20):
            yield b" " * 100_000

    content = pieces() if chunked else b" " * 2_000_000
    told = door.post("/keys", content=content, headers={"Content-Type": "application/json"})
    assert (told.status_code, told.json()["code"]) == (413, "body_too_large")
    assert told.headers["content-type"] == "application/problem+json"


def test_what_is_wrong_with_a_body_is_told_by_field(door: Door) -> None:
    told = door.post("/keys", json={"name": "", "scopes": ["fly"], "days": 0, "more": 1}).json()
    assert {each["field"] for each in told["problems"]} == {"name", "scopes.0", "days", "more"}
    assert told["code"] == "invalid_request"


@pytest.mark.parametrize("body", [b"{", b"\xff\xfe", b"[1]", b"null", b'{"name": "\\ud800"}', b""])
def test_what_is_no_json_of_ours_is_refused(door: Door, body: bytes) -> None:
    told = door.post("/keys", content=body, headers={"Content-Type": "application/json"})
    assert told.status_code == 422
    assert told.headers["content-type"] == "application/problem+json"


def test_a_body_that_is_no_json_is_told_what_it_lacks(door: Door) -> None:
    order = b'{"operation": "generate", "prompt": "a fox"'
    told = door.post("/quotes", content=order, headers={"Content-Type": "application/json"})
    assert told.status_code == 422
    assert told.json()["field"] == "body"
    assert told.json()["detail"].startswith("body must be JSON; at character 43: ")
    # As curl -d sends it without a header.
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    told = door.post("/quotes", content=order + b"}", headers=form)
    assert told.status_code == 422
    assert told.json()["field"] == "Content-Type"
    assert told.json()["given"] == "application/x-www-form-urlencoded"
    assert told.json()["allowed"] == "must be application/json"


def test_a_refusal_tells_how_many_requests_are_left(door: Door) -> None:
    told = door.get("/assets/ast_none")
    assert told.status_code == 404
    assert int(told.headers["ratelimit-remaining"]) < int(told.headers["ratelimit-limit"])


def test_unknown_paths_and_methods_are_problems_as_well(door: Door) -> None:
    told = door.get("/nothing")
    assert (told.status_code, told.json()["code"]) == (404, "not_found")
    told = door.call("PUT", "/health")
    assert (told.status_code, told.json()["code"]) == (405, "method_not_allowed")
    assert told.headers["allow"] == "GET"


def test_every_answer_has_an_id_and_headers_for_browsers(door: Door) -> None:
    told = door.get("/health", headers={"X-Request-Id": "mine-1"})
    assert told.headers["x-request-id"] == "mine-1"
    odd = door.get("/nothing", headers={"X-Request-Id": "not mine\u007f"})
    assert odd.headers["x-request-id"].startswith("req_")
    assert odd.json()["request_id"] == odd.headers["x-request-id"]
    for each in (told, odd):
        assert each.headers["x-content-type-options"] == "nosniff"
        assert "default-src 'none'" in each.headers["content-security-policy"]
        assert each.headers["cache-control"] == "no-store"


def test_a_mistake_of_ours_is_a_problem_without_its_words(
    door: Door, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("the secret inside")

    monkeypatch.setattr("interfaces.api.keys.keys_of", fail)
    told = door.get("/keys")
    assert (told.status_code, told.json()["code"]) == (500, "unexpected")
    assert "secret inside" not in told.text
    assert told.json()["request_id"] in caplog.text


def test_other_origins_get_no_word_unless_they_are_named(door: Door, tmp_path: Path) -> None:
    asked = {"Origin": "https://shop.example", "Access-Control-Request-Method": "POST"}
    assert "access-control-allow-origin" not in door.get("/health", headers=asked).headers
    with opened_studio(tmp_path / "other", api_cors=("https://shop.example",)) as studio:
        other = door_of(studio)
        told = other.call("OPTIONS", "/keys", key=None, headers=asked)
        assert told.headers["access-control-allow-origin"] == "https://shop.example"
        assert "access-control-allow-credentials" not in told.headers
        asked["Origin"] = "https://evil.example"
        told = other.call("OPTIONS", "/keys", key=None, headers=asked)
        assert "access-control-allow-origin" not in told.headers


def test_the_description_is_served_and_says_what_refusals_look_like(door: Door) -> None:
    document = door.get("/openapi.json", key=None).json()
    refusal = document["paths"][f"{PREFIX}/keys"]["get"]["responses"]["401"]
    assert list(refusal["content"]) == ["application/problem+json"]
    assert "HTTPValidationError" not in str(document)


def test_there_are_no_pages_that_load_programs_from_elsewhere(door: Door) -> None:
    assert isinstance(door.app, FastAPI)
    assert door.get("http://studio.test/docs").status_code == 404


def test_a_webhook_that_is_refused_is_told_by_the_fields_of_the_request(door: Door) -> None:
    for body, field in (
        ({"url": "http://10.1.2.3/hook"}, "url"),
        ({"url": "https://shop.example/hook", "events": ["picture.redy"]}, "events"),
    ):
        told = door.post("/webhooks/shop", json=body)
        assert (told.status_code, told.json()["field"]) == (422, field)


@pytest.mark.parametrize("content", [b"{", b" " * 2_000_000, b"\xff"])
@pytest.mark.parametrize("path", ["/keys", "/operations/generate", "/batches"])
def test_the_key_is_asked_for_before_the_body(door: Door, path: str, content: bytes) -> None:
    headers = {"Content-Type": "application/json"}
    told = door.post(path, key=None, content=content, headers=headers)
    assert (told.status_code, told.json()["code"]) == (401, "not_authenticated")


def test_without_a_key_nothing_of_a_body_is_read(door: Door) -> None:
    read = []

    async def pieces() -> Any:
        for _ in range(20):
            read.append(1)
            yield b" " * 10_000

    told = door.post("/keys", key=None, content=pieces())
    assert (told.status_code, read) == (401, [])
