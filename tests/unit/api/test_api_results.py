"""What a batch leaves, rows done again, policies of schedules, and the original's leftovers."""

from __future__ import annotations

import io
import json
import uuid
import zipfile
from typing import Any

import pytest
from pyarrow import parquet

import deployments
from interfaces.api import streams
from interfaces.api.originals import PRESETS
from studio.errors import ProviderRejected
from studio.operations import parse_operation
from tests.support.paid_server import tiny_png
from tests.support.studios import OWNER
from tests.unit.api.conftest import Door
from tests.unit.api.test_api_batches import ROWS, carried_out
from tests.unit.api.test_api_library import upload
from tests.unit.api.test_api_tenants import FakeSchedules


@pytest.fixture
def schedules(monkeypatch: pytest.MonkeyPatch) -> FakeSchedules:
    found = FakeSchedules()
    monkeypatch.setattr(deployments, "schedules", found)
    return found


def done(door: Door, rows: bytes = ROWS) -> str:
    file = upload(door, "rows.csv", rows)["id"]
    return carried_out(door, str(file), str(uuid.uuid4()))


def test_the_manifest_comes_in_every_format_and_says_the_same(door: Door) -> None:
    path = f"/batches/{done(door)}/manifest"
    document = door.get(f"{path}?format=json").json()
    assert (document["totals"]["rows"], document["summary"]["source"]) == (2, "rows.csv")
    lines = [json.loads(line) for line in door.get(f"{path}?format=jsonl").text.splitlines()]
    table = parquet.read_table(io.BytesIO(door.get(f"{path}?format=parquet").content))
    assert [row["sha256"] for row in lines] == table.column("sha256").to_pylist()
    assert [row["sha256"] for row in document["rows"]] == table.column("sha256").to_pylist()
    assert door.get(f"{path}?format=xml").status_code == 422


def test_an_asset_tells_its_job_its_batch_and_its_row(door: Door) -> None:
    batch = done(door)
    text = door.get(f"/batches/{batch}/manifest?format=jsonl").text
    lines = [json.loads(line) for line in text.splitlines()]
    assert {each["row"] for each in lines} == {"one", "two"}
    for line in lines:
        told = door.get(f"/assets/{line['asset']}").json()
        assert (told["batch"], told["row"]) == (batch, line["row"])
        job = door.get(f"/jobs/{told['job']}").json()
        assert (job["assets"], job["run"]) == ([line["asset"]], told["run"])
        assert told["run"]
    file = upload(door, "fox.png", tiny_png("fox"))["id"]
    told = door.get(f"/assets/{file}").json()
    assert (told["batch"], told["row"], told["job"]) == ("", "", "")


def test_a_row_that_two_files_have_is_told_of_the_one_that_bought_it(door: Door) -> None:
    first = done(door)
    second = done(door, ROWS + b"generate,three,a lake\n")
    assert first != second
    for line in door.get(f"/batches/{second}/manifest?format=jsonl").text.splitlines():
        row = json.loads(line)
        bought = second if row["row"] == "three" else first
        assert door.get(f"/assets/{row['asset']}").json()["batch"] == bought


def test_the_sheet_shows_the_pictures(door: Door) -> None:
    batch = done(door)
    told = door.get(f"/batches/{batch}/sheet")
    assert told.content.startswith(b"\x89PNG")


def test_a_zip_that_broke_off_goes_on_and_is_counted_once(door: Door) -> None:
    batch = done(door)
    whole = door.get(f"/batches/{batch}/files")
    assert whole.headers["accept-ranges"] == "bytes"
    assert int(whole.headers["content-length"]) == len(whole.content)
    etag = whole.headers["etag"]
    asked = {"Range": "bytes=0-99", "If-Range": etag}
    first = door.get(f"/batches/{batch}/files", headers=asked)
    rest = door.get(f"/batches/{batch}/files", headers={"Range": "bytes=100-", "If-Range": etag})
    assert (first.status_code, rest.status_code) == (206, 206)
    assert first.content + rest.content == whole.content
    named = zipfile.ZipFile(io.BytesIO(whole.content)).namelist()
    assert len(named) == 4
    known = door.get(f"/batches/{batch}/files", headers={"If-None-Match": etag})
    assert (known.status_code, known.content) == (304, b"")
    other = door.get(f"/batches/{batch}/files?names={{row}}-x")
    assert other.headers["etag"] != etag
    assert "one-x.png" in zipfile.ZipFile(io.BytesIO(other.content)).namelist()
    assert door.get(f"/batches/{batch}/files?names=../{{row}}").status_code == 422
    beyond = door.get(f"/batches/{batch}/files", headers={"Range": "bytes=99999999-"})
    assert beyond.status_code == 416
    # Two whole ones, and one in two parts; the first part alone is no delivery.
    assert door.get("/library/uses").json()["uses"]["download"] == 3 * 2


def test_every_place_for_a_zip_is_given_back(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    batch = done(door)
    places = streams.Places(1, "ZIPs")
    monkeypatch.setattr("interfaces.api.batch_results.PLACES", places)
    for headers in ({}, {"Range": "bytes=5-9"}, {"Range": "bytes=99999999-"}):
        assert door.get(f"/batches/{batch}/files", headers=headers).status_code < 420
    places._free.acquire()
    told = door.get(f"/batches/{batch}/files")
    assert (told.status_code, told.headers["retry-after"]) == (429, "10")
    places.release()
    assert door.get(f"/batches/{batch}/files").status_code == 200


def test_rows_are_done_again_by_a_run(door: Door) -> None:
    batch = done(door)
    told = door.post(f"/batches/{batch}/retry", json={"rows": "failed"})
    assert (told.status_code, told.json()["code"]) == (409, "conflict"), "there is nothing to do"
    assert door.post(f"/batches/{batch}/retry", json={"rows": "all"}).status_code == 422
    assert door.runs.started == []


def test_rows_that_failed_start_one_run_for_a_key(door: Door) -> None:
    instant: Any = door.studio.providers["instant"]
    instant.script.extend([None, ProviderRejected("Not this one.", provider="instant")])
    batch = done(door)
    assert door.get(f"/batches/{batch}").json()["counts"] == {"done": 1, "failed": 1}
    body = {"rows": "failed", "priority": "high", "max_credits": "4"}
    sent = {"Idempotency-Key": "again"}
    told = door.post(f"/batches/{batch}/retry", json=body, headers=sent)
    assert told.status_code == 202, told.text
    run = told.json()["run"]
    assert (run["flow"], run["batch"]) == ("batch-again", batch)
    assert door.post(f"/batches/{batch}/retry", json=body, headers=sent).json()["repeated"]
    other = {**body, "rows": "rest"}
    assert door.post(f"/batches/{batch}/retry", json=other, headers=sent).status_code == 409
    ((flow, values),) = door.runs.started
    assert (flow, values["batch"], values["rows"]) == ("batch-again", batch, "failed")
    assert (values["owner"], values["priority"]) == (OWNER, "high")
    low = {**body, "max_credits": "3"}
    assert door.post(f"/batches/{batch}/retry", json=low).json()["code"] == "budget_reached"
    errors = door.get(f"/batches/{batch}/errors").text
    assert errors.splitlines()[1].startswith("two,generate,a sea")


def test_windows_and_partial_batches_are_passed_on(door: Door) -> None:
    file = upload(door, "rows.csv", ROWS)["id"]
    wrong = door.post("/batches", json={"file": file, "window": "25:00-06:00"})
    assert (wrong.status_code, wrong.json()["field"]) == (422, "window")
    body = {"file": file, "window": "22:00-06:00 Europe/Berlin", "as_far_as_it_goes": True}
    assert door.post("/batches", json={**body, "max_credits": "4"}).status_code == 202
    values = door.runs.started[0][1]
    assert (values["window"], values["as_far_as_it_goes"]) == (body["window"], True)
    found = door.post("/batches/what-if", json={"file": file}).json()
    assert found["alternatives"][0]["provider"] == "auto"
    assert found["alternatives"][0]["total"]["credits"] == "8"


def test_a_schedule_keeps_its_policy(door: Door, schedules: FakeSchedules) -> None:
    file = upload(door, "rows.csv", ROWS)["id"]
    batch = {"file": file, "name": "night {date}", "window": "22:00-06:00"}
    policy = {"overlap": "skip", "missed": "all", "bound": 3, "grace": "2h"}
    body = {"cron": "0 2 * * *", "zone": "Europe/Berlin", "policy": policy, "batch": batch}
    told = door.post("/schedules/night", json=body)
    assert told.status_code == 201, told.text
    kept = door.get("/schedules/night").json()
    assert kept["policy"] == {"overlap": "skip", "missed": "all", "bound": 3, "grace_seconds": 7200}
    assert (kept["batch_name"], kept["window"]) == ("night {date}", "22:00-06:00")
    for field, value in (("overlap", "both"), ("bound", 0), ("grace", "8d"), ("grace", "x")):
        wrong = {**body, "policy": {**policy, field: value}}
        assert door.post("/schedules/other", json=wrong).status_code == 422, (field, value)
    assert door.call("DELETE", "/schedules/night").json()["policy"]["bound"] == 3
    assert schedules.there == {}


def test_the_originals_presets_are_requests(door: Door) -> None:
    told = {
        each["name"]: each["fields"] for each in door.get("/compress/presets").json()["presets"]
    }
    assert set(told) == {"web", "email", "social", "high_quality", "maximum"} == set(PRESETS)
    for fields in told.values():
        parse_operation({"operation": "compress", "image": "ast_x", **fields})


def test_an_estimate_is_what_compressing_makes_and_costs_nothing(door: Door) -> None:
    asset = upload(door, "one.png", tiny_png("one"))
    body = {"image": asset["id"], "output_format": "webp"}
    found = door.post("/compress/estimate", json=body).json()
    assert (found["bytes_before"], found["media_type"]) == (asset["bytes"], "image/webp")
    assert found["bytes"] > 0
    assert len(door.get("/assets").json()["assets"]) == 1, "nothing is kept"
    big = upload(door, "big.png", _noise())
    never = {"image": big["id"], "max_kilobytes": 1, "output_format": "jpeg"}
    told = door.post("/compress/estimate", json=never)
    assert (told.status_code, told.json()["code"]) == (422, "invalid_request")


def _noise() -> bytes:
    from PIL import Image

    file = io.BytesIO()
    Image.effect_noise((400, 400), 200).convert("RGB").save(file, "PNG")
    return file.getvalue()


def test_a_small_batch_is_a_batch(door: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    # Nobody in this studio sells these: that is told as for any batch.
    body: dict[str, Any] = {"images": [str(upload(door, "a.png", tiny_png("a"))["id"])]}
    told = door.post("/compress/batch", json=body)
    assert (told.status_code, told.json()["code"]) == (422, "batch_invalid")
    monkeypatch.setattr("interfaces.api.originals.check_batch_funds", lambda *_: None)
    ids = [str(upload(door, f"{n}.png", tiny_png(str(n)))["id"]) for n in range(2)]
    sent = {"Idempotency-Key": "small"}
    body = {"images": ids, "output_format": "webp"}
    told = door.post("/convert-format/batch", json=body, headers=sent)
    assert told.status_code == 202, told.text
    assert told.json()["run"]["flow"] == "batch"
    again = door.post("/convert-format/batch", json=body, headers=sent).json()
    assert (again["repeated"], len(door.runs.started)) == (True, 1)
    assert door.post("/compress/batch", json={"images": []}).status_code == 422
    wrong = door.post("/compress/batch", json={"images": ids, "min_quality": 0})
    assert (wrong.status_code, wrong.json()["field"]) == (422, "min_quality")
    path = door.post("/compress/batch", json={"images": [ids[0], "/etc/passwd"]})
    assert (path.status_code, path.json()["field"]) == (422, "images.1")


def test_models_are_what_is_sold(door: Door) -> None:
    everything = door.get("/create/models").json()["models"]
    assert {each["operation"] for each in everything} <= {"generate", "enhance_prompt"}
    assert everything
    assert door.get("/edit/models?operation=generate").json()["models"] == []
    assert door.get("/nothing/models").status_code == 422
    body = {"operation": "generate", "prompt": "a hill"}
    assert door.post("/edit/recommend", json=body).json()["offers"][0]["reason"]
    suits = door.get("/convert-format/recommendations?source_format=png").json()
    assert [each["id"] for each in suits["recommendations"]] == ["webp", "jpeg"]
