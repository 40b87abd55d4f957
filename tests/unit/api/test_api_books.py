"""Account, catalogue, personas, jobs and the original's addresses."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from interfaces.api.aliases import SAME, SEVERAL
from studio.errors import OutcomeUnknown
from studio.operations import OPERATIONS
from tests.support.paid_server import tiny_png
from tests.support.providers import InstantProvider
from tests.support.studios import OWNER, balance_of, fund, opened_studio
from tests.unit.api.conftest import Door, door_of
from tests.unit.api.test_api_library import upload

BODY = {"prompt": "a hill", "seed": 1}


def test_the_account_tells_what_is_there_and_what_was_spent(door: Door) -> None:
    door.post("/operations/generate", json=BODY)
    account = door.get("/account").json()
    assert (account["owner"], account["plan"]) == (OWNER, "prepaid")
    assert account["available"]["credits"] == "996"
    assert account["captured"]["credits"] == "4"
    used = {each["limit_on"]: each["used"] for each in account["limits"]}
    assert used["generate"] == 1
    usage = door.get("/account/usage?by=operation,user").json()
    assert usage["spent"]["credits"] == "4"
    assert usage["usage"][0]["keys"] == {"operation": "generate", "user": OWNER}
    assert "expense" not in str(usage)
    statement = door.get("/account/statement").json()
    assert statement["agrees"] is True
    assert statement["closing"]["credits"] == "996"
    csv = door.get("/account/statement?format=csv")
    assert csv.headers["content-type"].startswith("text/csv")
    assert "closing balance" in csv.text
    kinds = {each["kind"] for each in door.get("/account/history").json()["movements"]}
    assert {"top_up", "capture"} <= kinds


def test_a_key_sees_its_own_wallet_alone(door: Door) -> None:
    fund(door.studio, 7_000_000, "eve")
    theirs = door.key("eve")
    door.post("/operations/generate", json=BODY)
    assert door.get("/account", key=theirs).json()["available"]["credits"] == "7"
    assert door.get("/account/usage", key=theirs).json()["usage"] == []
    assert door.get("/account/usage?by=wallet").status_code == 422
    assert door.get("/account/usage?by=nothing").status_code == 422
    assert door.get("/account/statement?period=never").status_code == 422
    assert OWNER not in door.get("/account/history", key=theirs).text


def test_the_catalogue_says_what_can_be_asked_for(door: Door) -> None:
    found = door.get("/operations").json()["operations"]
    assert [each["operation"] for each in found] == list(OPERATIONS)
    edits = door.get("/operations?module=edit").json()["operations"]
    assert edits == door.get("/edit/operations").json()["operations"]
    assert {each["module"] for each in edits} == {"edit"}
    offers = door.get("/providers?operation=generate").json()["providers"][0]["offers"]
    assert [offer["offer"] for offer in offers] == ["instant/painter"]
    prices = door.get("/prices?provider=instant").json()["prices"]
    assert {"instant/painter"} < {each["offer"] for each in prices}
    assert "cost" not in prices[0]


def test_templates_and_formats_are_found(door: Door) -> None:
    assert len(door.get("/templates").json()["templates"]) > 70
    best = door.get("/templates/recommend?use_case=product%20launch").json()["templates"][0]
    assert best["reason"]
    assert door.get("/templates/search?query=1080x1920").json()["templates"]
    assert door.get("/templates?category=nothing").status_code == 422
    assert door.get("/templates/search").status_code == 422
    formats = door.get("/social/platforms/instagram/formats").json()
    assert formats == door.get("/platform-specs/instagram").json()
    assert door.get("/platform-specs/nowhere").status_code == 404


def test_a_persona_is_stored_worn_and_forgotten(door: Door) -> None:
    told = door.call("PUT", "/personas/acme", json={"tone": "calm", "avoid": ["cheap"]})
    assert (told.status_code, told.json()["tone"]) == (200, "calm")
    assert [each["name"] for each in door.get("/personas").json()["personas"]] == ["acme"]
    told = door.post("/operations/generate", json={**BODY, "persona": "acme"})
    assert "calm" in told.json()["run"]["assets"][0]["request"]["prompt"]
    told = door.post(
        "/quotes", json={"operation": "generate", "prompt": "cheap", "persona": "acme"}
    )
    assert told.status_code == 422
    fund(door.studio, 1, "eve")
    theirs = door.key("eve")
    assert door.get("/personas/acme", key=theirs).status_code == 404
    assert door.call("DELETE", "/personas/acme", key=theirs).status_code == 404
    for body in ({"tone": "x" * 300}, {"avoid": [""]}, {"palette": "red"}, {"tone": "a\0"}):
        assert door.call("PUT", "/personas/acme", json=body).status_code == 422, body
    assert door.call("PUT", "/personas/UPPER", json={}).status_code == 422
    assert door.call("DELETE", "/personas/acme").status_code == 204
    assert door.get("/personas/acme").status_code == 404


@pytest.fixture
def strict(tmp_path: Path) -> Iterator[Door]:
    """The API before a provider whose work is not to be repeated."""
    providers = {"instant": InstantProvider(repeatable=False)}
    with opened_studio(tmp_path / "strict", providers=providers) as studio:
        yield door_of(studio)


def test_a_job_of_unknown_outcome_waits_for_a_word(strict: Door) -> None:
    door = strict
    provider = door.studio.providers["instant"]
    assert isinstance(provider, InstantProvider)
    provider.script.append(OutcomeUnknown("cut off", provider="instant"))
    run = door.post("/operations/generate", json=BODY).json()["run"]
    assert run["status"] == "failed"
    (job,) = door.get("/jobs?state=unknown").json()["jobs"]
    assert job["error"]["code"] == "outcome_unknown"
    fund(door.studio, 1, "eve")
    theirs = door.key("eve")
    assert door.get(f"/jobs/{job['id']}", key=theirs).status_code == 404
    told = door.post(f"/jobs/{job['id']}/resolve", key=theirs, json={"bought": False})
    assert told.status_code == 404
    told = door.post(f"/jobs/{job['id']}/resolve", json={"bought": False})
    assert (told.status_code, told.json()["state"]) == (200, "failed")
    assert door.post(f"/jobs/{job['id']}/resolve", json={"bought": True}).status_code == 409
    assert balance_of(door.studio).captured == 0


@pytest.mark.parametrize(("path", "name"), list(SAME.items()))
def test_an_address_of_the_original_is_another_name_for_an_operation(
    path: str, name: str, door: Door
) -> None:
    told = door.post(path, json={"unknown": 1})
    own = door.post(f"/operations/{name}", json={"unknown": 1})
    assert (told.status_code, told.json()["problems"]) == (422, own.json()["problems"])


def test_addresses_of_the_original_that_do_several_take_the_name(door: Door) -> None:
    image = upload(door, "one.png", tiny_png("one"))["id"]
    body = {"image": image}
    told = door.post("/edit/process", json={**body, "operation": "remove_background"})
    assert told.json()["run"]["flow"] == "remove_background"
    assert door.post("/create", json=BODY).json()["run"]["flow"] == "generate"
    assert door.post("/upscale", json={**body, "factor": "2x"}).json()["run"]["flow"] == "upscale"
    told = door.post("/upscale", json={**body, "mode": "creative", "prompt": "a hill"})
    assert told.json()["code"] == "no_offer"
    for path in SEVERAL:
        for wrong in ("generate", 7, None, "nothing"):
            told = door.post(path, json={"operation": wrong})
            assert (told.status_code, told.json()["field"]) == (422, "operation")
    assert door.post("/estimate-cost", json={"operation": "generate", **BODY}).status_code == 200
