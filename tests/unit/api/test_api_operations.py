"""Quotes, operations as runs, and requests that are sent twice."""

from __future__ import annotations

import json
import threading
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest
from sqlalchemy import func, select, update

from billing.accounts.members import add_member
from engine import requests
from engine.requests import KEPT, begin, fingerprint
from engine.tables import api_requests
from studio import clock
from studio.database import Database
from studio.errors import Conflict, InvalidRequest, StudioUnavailable, TooManyRequests
from studio.operations import OPERATIONS, input_fields
from tests.support.paid_server import tiny_png
from tests.support.providers import InstantProvider
from tests.support.studios import OWNER, balance_of, fund, opened_studio
from tests.unit.api.conftest import PREFIX, Door, door_of

BODY = {"prompt": "a hill", "seed": 1}


def brought_in(door: Door, folder: Path, owner: str = OWNER, words: str = "one") -> str:
    """File a picture and return its asset's id."""
    file = folder / f"{words}.png"
    file.write_bytes(tiny_png(words))
    return door.studio.inputs.find("image", str(file), owner).asset


def calls(door: Door) -> int:
    """Return how often the provider was asked."""
    provider = door.studio.providers["instant"]
    assert isinstance(provider, InstantProvider)
    return len(provider.calls)


def test_a_quote_is_exact_and_its_price_is_kept(door: Door) -> None:
    told = door.post("/quotes", json={"operation": "generate", **BODY})
    quote = told.json()
    assert told.status_code == 200
    assert quote["total"] == {"micro": 4_000_000, "credits": "4"}
    assert [line["offer"] for line in quote["lines"]] == ["instant/painter"]
    assert quote["offers"][0]["offer"] == "instant/painter"
    assert balance_of(door.studio).held == 0
    done = door.post("/operations/generate", json={**BODY, "quote": quote["token"]})
    assert done.json()["run"]["spent"] == quote["total"]
    other = door.post("/operations/generate", json={"prompt": "a sea", "quote": quote["token"]})
    assert (other.status_code, other.json()["field"]) == (422, "quote")


def test_a_run_is_answered_with_where_it_can_be_followed(door: Door) -> None:
    door.runs.waits = True
    told = door.post("/operations/generate", json=BODY)
    run = told.json()["run"]
    assert told.status_code == 202
    assert run["status"] == "queued"
    assert told.headers["location"] == run["links"]["self"]
    assert run["links"]["self"].endswith(f"{PREFIX}/runs/{run['id']}")
    assert calls(door) == 0
    door.runs.finish(run["id"])
    seen = door.get(f"/runs/{run['id']}").json()
    assert seen["status"] == "done"
    assert [each["state"] for each in seen["jobs"]] == ["settled"]
    (asset,) = seen["assets"]
    assert (asset["operation"], asset["run"]) == ("generate", run["id"])
    assert seen["spent"] == {"micro": 4_000_000, "credits": "4"}
    assert balance_of(door.studio).captured == 4_000_000
    assert door.get("/runs").json() == {"runs": [seen], "next": None} | {
        "runs": door.get("/runs").json()["runs"]
    }


def test_who_waits_is_answered_with_what_was_made(door: Door) -> None:
    told = door.post("/operations/generate", json=BODY, headers={"Prefer": "wait=5"})
    assert told.status_code == 200
    assert len(told.json()["run"]["assets"]) == 1


def test_who_waits_in_vain_is_answered_all_the_same(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("interfaces.api.asking._LOOK_SECONDS", 0.01)
    door.runs.waits = True
    told = door.post("/operations/generate", json=BODY, headers={"Prefer": "wait=1"})
    assert (told.status_code, told.json()["run"]["status"]) == (202, "queued")


def test_the_user_of_a_run_is_the_keys_and_nobody_can_name_another(door: Door) -> None:
    write = door.studio.database.write
    write(lambda c: add_member(c, OWNER, OWNER, "admin", author=OWNER))
    write(lambda c: add_member(c, OWNER, "bob", "member", author=OWNER))
    key = door.key("bob", owner=OWNER)
    assert door.post("/operations/generate", key=key, json=BODY).status_code == 200
    assert door.runs.started[0][1]["owner"] == OWNER
    assert door.runs.started[0][1]["user"] == "bob"
    for field in ("owner", "user"):
        told = door.post("/operations/generate", key=key, json={**BODY, field: "eve"})
        assert (told.status_code, told.json()["field"]) == (422, field)
    assert len(door.runs.started) == 1


@pytest.mark.parametrize("name", list(OPERATIONS))
def test_each_operation_is_described_and_read_by_its_own_model(
    name: str, door: Door, tmp_path: Path
) -> None:
    document = door.get("/openapi.json", key=None).json()
    route = document["paths"][f"{PREFIX}/operations/{name}"]["post"]
    place = route["requestBody"]["content"]["application/json"]["schema"]["$ref"]
    schema = document["components"]["schemas"][place.rpartition("/")[2]]
    kind = OPERATIONS[name]
    assert set(schema["properties"]) == {*kind.model_fields, "quote", "project", "max_credits"}
    (example,) = schema["examples"]
    jsonschema.validate(example, schema)
    asset = brought_in(door, tmp_path)
    body = {k: asset if k in input_fields(kind) else v for k, v in example.items()}
    told = door.post("/quotes", json={"operation": name, **body})
    sold = {offer.operation for offer in door.studio.providers["instant"].offers()}
    if name in sold:
        assert told.status_code == 200, told.text
    else:
        assert told.json()["code"] in {"no_offer", "picture_refused", "invalid_request"}
        assert told.status_code == 422


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "prompt"),
        ({"prompt": ""}, "prompt"),
        ({"prompt": "a", "width": 1}, "width"),
        ({"prompt": "a", "operation": "upscale"}, "operation"),
        ({"prompt": "a", "unknown": 1}, "unknown"),
        ({"prompt": "a\0b"}, "prompt"),
        ({"prompt": "a", "max_credits": "-1"}, "max_credits"),
        ({"prompt": "a", "max_credits": "much"}, "max_credits"),
        ({"prompt": "a", "max_credits": 5}, "max_credits"),
        ({"prompt": "a", "project": "x" * 81}, "project"),
        ({"prompt": "a", "quote": "nonsense"}, "quote"),
        ({"prompt": "a", "reference": "/etc/hostname"}, "reference"),
        ({"prompt": "a", "reference": "../one.png"}, "reference"),
        ({"prompt": "a", "reference": "https://example.com/a.png"}, "reference"),
        ({"prompt": "a", "reference": "ast_nobodys"}, "reference"),
        ({"prompt": "a", "persona": "nobody"}, "persona"),
    ],
)
def test_what_is_wrong_is_told_by_field_and_nothing_is_started(
    body: dict[str, Any], field: str, door: Door
) -> None:
    for path, sent in (
        ("/operations/generate", body),
        ("/quotes", {**body, "operation": body.get("operation", "generate")}),
    ):
        if path == "/quotes" and field in {"operation", "quote"}:
            continue
        told = door.post(path, json=sent)
        assert told.status_code in {404, 422}, told.text
        assert told.json()["field"] == field
    assert door.runs.started == []
    assert balance_of(door.studio).held == 0


def test_a_file_of_this_machine_is_nobodys_outside(door: Door, tmp_path: Path) -> None:
    file = tmp_path / "secret.png"
    file.write_bytes(tiny_png("secret"))
    told = door.post("/operations/upscale", json={"image": str(file), "factor": "2x"})
    assert (told.status_code, told.json()["field"]) == (422, "image")


def test_numbers_that_are_none_are_refused(door: Door) -> None:
    told = door.post(
        "/operations/generate",
        content=b'{"prompt": "a", "guidance": NaN}',
        headers={"Content-Type": "application/json"},
    )
    assert told.status_code == 422


def test_what_the_wallet_or_the_ceiling_does_not_carry_is_refused_before_it_starts(
    door: Door,
) -> None:
    told = door.post("/operations/generate", json={**BODY, "max_credits": "3.9"})
    assert (told.status_code, told.json()["code"]) == (402, "budget_reached")
    fund(door.studio, 1_000_000, "eve")
    told = door.post("/operations/generate", key=door.key("eve"), json=BODY)
    assert (told.status_code, told.json()["code"]) == (402, "not_enough_credits")
    told = door.post("/operations/generate", key=door.key("nobody"), json=BODY)
    assert (told.status_code, told.json()["code"]) == (403, "account_refused")
    assert door.runs.started == []


def test_a_refusal_by_the_run_itself_is_told_with_its_code(door: Door) -> None:
    door.runs.waits = True
    run = door.post("/operations/generate", json=BODY).json()["run"]["id"]
    door.runs.end(run, "failed", "limit_reached: No more today.")
    told = door.get(f"/runs/{run}").json()
    assert told["error"] == {"code": "limit_reached", "message": "No more today."}
    door.runs.end(run, "crashed", "Flow run process died: no word")
    assert door.get(f"/runs/{run}").json()["error"]["code"] == "run_crashed"


def test_the_same_key_and_body_are_one_run_and_another_body_is_refused(door: Door) -> None:
    sent = {"Idempotency-Key": "order-1"}
    first = door.post("/operations/generate", json=BODY, headers=sent).json()
    again = door.post("/operations/generate", json=dict(reversed(BODY.items())), headers=sent)
    assert (first["repeated"], again.json()["repeated"]) == (False, True)
    assert again.json()["run"]["id"] == first["run"]["id"]
    assert first["idempotency_key"] == "order-1"
    other = door.post("/operations/generate", json={**BODY, "seed": 2}, headers=sent)
    assert (other.status_code, other.json()["code"]) == (409, "conflict")
    elsewhere = door.post("/operations/enhance_prompt", json={"prompt": "a hill"}, headers=sent)
    assert elsewhere.status_code == 409
    assert (calls(door), balance_of(door.studio).captured) == (1, 4_000_000)


def test_a_key_is_its_users_own(door: Door) -> None:
    fund(door.studio, 10_000_000, "eve")
    sent = {"Idempotency-Key": "k"}
    mine = door.post("/operations/generate", json=BODY, headers=sent).json()["run"]["id"]
    theirs = door.post("/operations/generate", key=door.key("eve"), json=BODY, headers=sent)
    assert theirs.json()["run"]["id"] != mine


def test_what_was_refused_can_be_mended_under_the_same_key(door: Door) -> None:
    sent = {"Idempotency-Key": "k"}
    told = door.post("/operations/generate", json={**BODY, "max_credits": "1"}, headers=sent)
    assert told.status_code == 402
    assert door.post("/operations/generate", json=BODY, headers=sent).status_code == 200


def test_a_run_whose_start_was_not_answered_is_not_started_twice(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = {"Idempotency-Key": "k"}
    start = door.runs.start

    def cut(flow: str, parameters: Any, *, key: str) -> str:
        start(flow, parameters, key=key)
        raise StudioUnavailable("the line was cut", retry_after=5)

    monkeypatch.setattr(door.runs, "start", cut)
    told = door.post("/operations/generate", json=BODY, headers=sent)
    assert (told.status_code, told.headers["retry-after"]) == (503, "5")
    monkeypatch.undo()
    told = door.post("/operations/generate", json=BODY, headers=sent)
    assert told.status_code == 200
    assert (calls(door), len(door.runs.started)) == (1, 1)


def test_many_at_once_with_one_key_are_one_run(door: Door) -> None:
    answers: list[Any] = []
    door.keys[OWNER, ()] = door.key()

    def ask() -> None:
        answers.append(
            door.post("/operations/generate", json=BODY, headers={"Idempotency-Key": "k"})
        )

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {each.status_code for each in answers} <= {200, 202}
    assert len({each.json()["run"]["id"] for each in answers}) == 1
    assert calls(door) == 1
    assert balance_of(door.studio).captured == 4_000_000


def test_without_a_key_the_same_request_is_another_run(door: Door) -> None:
    ids = {door.post("/operations/generate", json=BODY).json()["run"]["id"] for _ in range(2)}
    assert len(ids) == 2


@pytest.mark.parametrize("key", ["x" * 201, "é", "a\tb"])
def test_what_cannot_be_a_key_is_refused(key: str, door: Door) -> None:
    told = door.post(
        "/operations/generate", json=BODY, headers={"Idempotency-Key": key.encode("latin-1")}
    )
    assert (told.status_code, told.json()["code"]) == (422, "invalid_request")


def test_requests_are_kept_for_seven_days(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    def ask(words: str, key: str = "k", owner: str = "ada") -> requests.Begun:
        return database.write(lambda c: begin(c, owner, "ada", key, words))

    first = ask("one")
    assert ask("one") == first
    database.write(lambda c: requests.note_run(c, first.id, "run-1"))
    assert ask("one").run == "run-1"
    assert ask("one", owner="eve").run == ""
    with pytest.raises(Conflict):
        ask("two")
    there = clock.now()
    monkeypatch.setattr(requests, "now", lambda: there + KEPT + timedelta(seconds=1))
    assert ask("two").run == ""
    with database.read() as connection:
        assert connection.execute(select(func.count()).select_from(api_requests)).scalar() == 1


def test_an_owner_has_so_many_keys(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(requests, "MOST_KEPT", 2)
    for key in ("a", "b"):
        database.write(partial(begin, owner="ada", user="ada", key=key, words="w"))
    with pytest.raises(TooManyRequests) as refused:
        database.write(lambda c: begin(c, "ada", "ada", "c", "w"))
    assert refused.value.details["retry_after"] == 3_600
    database.write(lambda c: begin(c, "ada", "ada", "a", "w"))
    database.write(lambda c: begin(c, "eve", "eve", "c", "w"))


def test_two_at_once_write_one_request(database: Database) -> None:
    found: list[str] = []
    barrier = threading.Barrier(6)

    def ask() -> None:
        barrier.wait()
        found.append(database.write(lambda c: begin(c, "ada", "ada", "k", "w")).id)

    threads = [threading.Thread(target=ask) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 6
    assert len(set(found)) == 1


def test_a_key_with_a_line_end_is_none(database: Database) -> None:
    for key in ("", "a\nb", "x" * 201):
        with pytest.raises(InvalidRequest):
            database.write(partial(begin, owner="ada", user="ada", key=key, words="w"))


def test_a_fingerprint_is_of_values_and_not_of_their_order() -> None:
    assert fingerprint("f", {"a": 1, "b": 2}) == fingerprint("f", {"b": 2, "a": 1})
    prints = {
        fingerprint("f", {"a": 1}),
        fingerprint("g", {"a": 1}),
        fingerprint("f", {"a": "1"}),
        fingerprint("f", {"a": 1, "b": None}),
    }
    assert len(prints) == 4


def test_anothers_run_is_not_there(door: Door) -> None:
    fund(door.studio, 10_000_000, "eve")
    run = door.post("/operations/generate", json=BODY).json()["run"]["id"]
    theirs = door.key("eve")
    assert door.get(f"/runs/{run}", key=theirs).status_code == 404
    assert door.post(f"/runs/{run}/cancel", key=theirs).status_code == 404
    assert door.get("/runs", key=theirs).json()["runs"] == []
    assert door.get("/runs/nonsense").status_code == 404


def test_a_run_is_cancelled_once_and_what_has_ended_stays(door: Door) -> None:
    door.runs.waits = True
    run = door.post("/operations/generate", json=BODY).json()["run"]["id"]
    assert door.post(f"/runs/{run}/cancel").json()["status"] == "cancelled"
    door.runs.waits = False
    done = door.post("/operations/generate", json=BODY).json()["run"]["id"]
    assert door.post(f"/runs/{done}/cancel").json()["status"] == "done"


def test_variations_and_their_prompt_are_pieces_of_one_run(door: Door) -> None:
    body = {**BODY, "variations": 2, "enhance": "auto"}
    quoted = door.post("/quotes", json={"operation": "generate", **body}).json()
    run = door.post("/operations/generate", json=body).json()["run"]
    assert [job["operation"] for job in run["jobs"]] == ["enhance_prompt", "generate", "generate"]
    assert run["spent"] == quoted["total"]
    assert len(run["assets"]) == 3


def test_pages_of_runs_join(door: Door) -> None:
    made = [door.post("/operations/generate", json=BODY).json()["run"]["id"] for _ in range(3)]
    first = door.get("/runs?limit=2").json()
    rest = door.get(f"/runs?limit=2&offset={first['next']}").json()
    assert [each["id"] for each in first["runs"] + rest["runs"]] == made[::-1]
    assert rest["next"] is None
    assert door.get("/runs?limit=0").status_code == 422


def test_no_answer_of_a_run_names_what_is_secret(tmp_path: Path) -> None:
    with opened_studio(tmp_path / "home", quote_secret="q" * 40) as studio:
        door = door_of(studio)
        told = door.post("/operations/generate", json=BODY)
        assert "q" * 40 not in json.dumps(told.json())
        with studio.database.read() as connection:
            assert connection.execute(update(api_requests).values(run="")).rowcount == 0
