"""Batches over the API: checked, started, told of, steered."""

from __future__ import annotations

import io
import uuid
import zipfile
from pathlib import Path
from typing import Any

import pytest

from batches import NOTHING_GIVEN
from engine.batch_plan import plan_batch, read_file
from engine.batch_start import start_batch
from engine.preflight import Caller
from engine.single import hold_key
from interfaces.api import events
from tests.support.paid_server import tiny_png
from tests.support.studios import OWNER, balance_of, fund
from tests.unit.api.conftest import Door
from tests.unit.api.test_api_library import upload
from tests.unit.engine.test_stills import moving

ROWS = b"operation,row,prompt\ngenerate,one,a hill\ngenerate,two,a sea\n"


def carried_out(door: Door, file: str, run: str) -> str:
    """Do what the flow does with a batch, within this process; return the batch's id."""
    studio = door.studio
    data = studio.store.get(door.get(f"/assets/{file}").json()["sha256"])
    spec = read_file(
        studio, data, source="rows.csv", owner=OWNER, folder=None, given=NOTHING_GIVEN, user=OWNER
    )
    batch = start_batch(studio, plan_batch(studio, spec), run, Caller(user=OWNER))
    # Its hold has the key that the flow gives it.
    batch.hold_for(batch.quote(), f"{hold_key(run, 1)}/{batch.round}", Caller(user=OWNER))
    for wave in batch.waves():
        for order in batch.orders(wave):
            batch.take(order, studio.loop.run(studio.executor.execute(order)))
    batch.finish()
    return spec.id


def test_a_batch_is_checked_started_and_told_of(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = upload(door, "rows.csv", ROWS)["id"]
    checked = door.post("/batches/check", json={"file": file}).json()
    assert (checked["rows"], checked["total"]["credits"]) == (2, "8")
    assert [row["price"]["credits"] for row in checked["quoted"]] == ["4", "4"]
    sent = {"Idempotency-Key": "nightly"}
    wrong = door.post("/batches", json={"file": file, "quote": checked["token"][:-2] + "AA"})
    assert (wrong.status_code, wrong.json()["field"]) == (422, "quote")
    told = door.post("/batches", json={"file": file, "quote": checked["token"]}, headers=sent)
    run = told.json()["run"]["id"]
    assert (told.status_code, told.json()["run"]["flow"]) == (202, "batch")
    again = {"file": file, "quote": checked["token"]}
    assert door.post("/batches", json=again, headers=sent).json()["run"]["id"] == run
    parameters = door.runs.started[0][1]
    assert (parameters["csv"], parameters["owner"], parameters["user"]) == (file, OWNER, OWNER)
    assert len(door.runs.started) == 1
    batch = carried_out(door, str(file), run)
    assert batch == checked["batch"]
    assert door.get(f"/runs/{run}").json()["batch"] == batch
    monkeypatch.setattr(events, "LONGEST_SECONDS", 0.2)
    followed = door.get(f"/runs/{run}/events").text
    assert f'"batch":"{batch}","counts":{{"done":2}}' in followed
    shown = door.get(f"/batches/{batch}").json()
    assert (shown["counts"], shown["complete"], shown["state"]) == ({"done": 2}, True, "done")
    assert shown["spent"]["credits"] == "8"
    assert [each["id"] for each in door.get("/batches").json()["batches"]] == [batch]
    rows = door.get(f"/batches/{batch}/rows?limit=1").json()
    assert ([row["row"] for row in rows["rows"]], rows["next"]) == (["one"], 1)
    assert len(rows["rows"][0]["assets"]) == 1
    assert door.get(f"/batches/{batch}/rows?status=failed").json() == {"rows": [], "next": None}
    manifest = door.get(f"/batches/{batch}/manifest")
    assert manifest.text.count("\n") == 3
    assert door.get(f"/batches/{batch}/manifest?format=jsonl").text.count("\n") == 2
    assert door.get(f"/batches/{batch}/errors").status_code == 204
    packed = zipfile.ZipFile(io.BytesIO(door.get(f"/batches/{batch}/files").content))
    assert {"manifest.csv", "manifest.jsonl"} < set(packed.namelist())
    assert len(packed.namelist()) == 4
    free = door.post("/batches/check", json={"file": file}).json()
    assert free["total"]["micro"] == 0
    assert balance_of(door.studio).captured == 8_000_000


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "file"),
        ({"file": "/etc/passwd"}, "file"),
        ({"file": "../rows.csv"}, "file"),
        ({"file": "http://example.com/rows.csv"}, "file"),
        ({"file": "https://127.0.0.1/rows.csv"}, "file"),
        ({"file": "https://169.254.169.254/latest/meta-data"}, "file"),
        ({"file": "https://localhost/rows.csv"}, "file"),
        ({"file": "ast_nothing"}, "asset"),
        ({"file": "ast_nothing", "owner": "eve"}, "owner"),
        ({"file": "ast_nothing", "priority": "highest"}, "priority"),
        ({"file": "ast_nothing", "max_credits": "much"}, "max_credits"),
        ({"file": "ast_nothing", "defaults": {"a": "b\nprompt=c"}}, "defaults.a"),
        ({"file": "ast_nothing", "encoding": "rot13"}, "encoding"),
    ],
)
@pytest.mark.parametrize("path", ["/batches", "/batches/check"])
def test_what_is_wrong_with_a_batch_is_told_by_field(
    path: str, body: dict[str, Any], field: str, door: Door
) -> None:
    if path.endswith("check") and field == "max_credits":
        return
    told = door.post(path, json=body)
    assert told.status_code in {404, 422}, told.text
    assert told.json()["field"] == field
    assert door.runs.started == []


def test_a_file_with_faults_is_told_with_all_of_them_and_not_started(door: Door) -> None:
    file = upload(door, "rows.csv", b"operation,prompt\ngenerate,\nfly,a hill\n")["id"]
    for path in ("/batches/check", "/batches"):
        told = door.post(path, json={"file": file})
        assert (told.status_code, told.json()["code"]) == (422, "batch_invalid")
        assert len(told.json()["problems"]) == 2
    assert door.runs.started == []


def test_a_batch_that_was_uploaded_names_no_file_of_this_machine(
    door: Door, tmp_path: Path
) -> None:
    secret = tmp_path / "secret.png"
    secret.write_bytes(tiny_png("secret"))
    rows = f"operation,image,factor\nupscale,{secret},2x\n".encode()
    file = upload(door, "rows.csv", rows)["id"]
    told = door.post("/batches/check", json={"file": file})
    assert told.status_code == 422
    assert "must be an asset" in told.json()["problems"][0]["rule"]


def test_a_batch_beyond_wallet_or_ceiling_is_refused_before_it_starts(door: Door) -> None:
    file = upload(door, "rows.csv", ROWS)["id"]
    told = door.post("/batches", json={"file": file, "max_credits": "7.9"})
    assert (told.status_code, told.json()["code"]) == (402, "budget_reached")
    fund(door.studio, 1, "eve")
    theirs = door.key("eve")
    own = upload(door, "rows.csv", ROWS, key=theirs)["id"]
    told = door.post("/batches", key=theirs, json={"file": own})
    assert (told.status_code, told.json()["code"]) == (402, "not_enough_credits")
    assert door.post("/batches", key=theirs, json={"file": file}).status_code == 404
    assert door.runs.started == []


def test_anothers_batch_is_not_there(door: Door) -> None:
    file = upload(door, "rows.csv", ROWS)["id"]
    batch = carried_out(door, str(file), str(uuid.uuid4()))
    fund(door.studio, 1, "eve")
    theirs = door.key("eve")
    for path in ("", "/rows", "/manifest", "/errors", "/files"):
        assert door.get(f"/batches/{batch}{path}", key=theirs).status_code == 404, path
    for verb in ("pause", "resume", "cancel"):
        assert door.post(f"/batches/{batch}/{verb}", key=theirs).status_code == 404
    told = door.call("PUT", f"/batches/{batch}/approval", key=theirs, json={"approved": True})
    assert told.status_code == 404
    assert door.get("/batches", key=theirs).json() == {"batches": []}


def test_a_batch_that_does_not_run_cannot_be_steered(door: Door) -> None:
    file = upload(door, "rows.csv", ROWS)["id"]
    batch = carried_out(door, str(file), str(uuid.uuid4()))
    for verb in ("pause", "resume", "cancel"):
        told = door.post(f"/batches/{batch}/{verb}")
        assert (told.status_code, told.json()["code"]) == (409, "conflict")
    assert door.post(f"/batches/{batch}/explode").status_code == 422
    told = door.call("PUT", f"/batches/{batch}/approval", json={"approved": True})
    assert told.status_code == 409


def test_what_is_not_used_of_a_files_rows_is_told_with_its_price(door: Door) -> None:
    animation = upload(door, "a.gif", moving("GIF", 3))["id"]
    rows = f"operation,image,factor\nupscale,{animation},2x\nupscale,{animation},4x\n"
    file = upload(door, "up.csv", rows.encode())["id"]
    (loss,) = door.post("/batches/check", json={"file": file}).json()["losses"]
    assert "only the first of its 3 frames is used" in loss["words"]
    assert (loss["rows"], len(loss["first"])) == (2, 2)
