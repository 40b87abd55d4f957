"""Uploads, assets, and the files behind signed links."""

from __future__ import annotations

import io
from datetime import timedelta
from pathlib import Path

import pytest
from PIL import Image

from engine.uploads import plain_name
from library import add_assets
from studio import clock
from studio.errors import NotFound
from studio.storage import BlobStore
from tests.support.paid_server import tiny_png
from tests.support.studios import OWNER, fund
from tests.unit.api.conftest import Door
from tests.unit.library.kit import asset
from tests.unit.studio.test_media import sound

CSV = b"operation,prompt\ngenerate,a hill\n"


def upload(door: Door, name: str, data: bytes, key: str = "") -> dict[str, object]:
    told = door.post("/uploads", key=key, files={"file": (name, data)})
    assert told.status_code == 201, told.text
    document: dict[str, object] = told.json()
    return document


def test_an_upload_that_does_not_fit_is_refused_with_what_is_left(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(door.studio.inputs, "_quota_mb", 1)
    kept = door.get("/library").json()["bytes"]
    full = asset(7, OWNER, bytes=1_000_000 - kept - 9)
    door.studio.database.write(lambda connection: add_assets(connection, [full]))
    told = door.post("/uploads", files={"file": ("fox.png", tiny_png("fox"))})
    assert told.status_code == 429
    problem = told.json()
    assert (problem["code"], problem["field"]) == ("limit_reached", "file")
    assert problem["allowed"] == "at most 9 bytes, which are left"
    assert door.get("/library").json()["bytes"] == 1_000_000 - 9


def test_a_sound_tells_how_long_it_lasts(door: Door) -> None:
    asset = upload(door, "talk.wav", sound(1.5))
    shown = door.get(f"/assets/{asset['id']}").json()
    assert (asset["facts"], shown["facts"]) == ({"seconds": 1.5}, {"seconds": 1.5})


def test_a_picture_that_is_brought_in_is_an_asset_and_once(door: Door) -> None:
    data = tiny_png("one")
    asset = upload(door, "one.png", data)
    assert (asset["media_type"], asset["bytes"]) == ("image/png", len(data))
    assert (asset["name"], asset["operation"], asset["method"]) == ("one.png", "import", "uploaded")
    assert upload(door, "other.png", data)["id"] == asset["id"]
    fetched = door.get(str(asset["url"]), key=None)
    assert (fetched.status_code, fetched.content) == (200, data)
    body = {"image": asset["id"], "factor": "2x"}
    assert door.post("/operations/upscale", json=body).status_code == 200


def test_what_a_file_is_its_bytes_tell(door: Door) -> None:
    assert upload(door, "holiday.txt", tiny_png("x"))["media_type"] == "image/png"
    assert upload(door, "rows.csv", CSV)["media_type"] == "text/csv"
    for name, data in (
        ("a.png", b"<html><script>alert(1)</script>"),
        ("a.svg", b"<svg xmlns='http://www.w3.org/2000/svg'/>"),
        ("a.png", b""),
        ("a.png", tiny_png("x")[:40]),
        ("a.pdf", b"%PDF-1.4"),
        ("rows.xlsx", CSV),
        ("a.mp4", b"\0\0\0\x18ftypmp42"),
    ):
        told = door.post("/uploads", files={"file": (name, data)})
        assert (told.status_code, told.json()["field"]) == (422, "file"), (name, told.text)


@pytest.mark.parametrize(
    ("name", "plain"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\secret\\a.png", "a.png"),
        ("a\nb.png", "a_b.png"),
        ('"><script>.png', "___script_.png"),
        ("..", "file"),
        ("", "file"),
        ("é ü.png", "é ü.png"),
        ("x" * 300 + ".png", "x" * 116 + ".png"),
    ],
)
def test_a_name_is_no_path_and_no_markup(name: str, plain: str) -> None:
    assert plain_name(name) == plain


def test_a_form_without_a_file_is_told_as_such(door: Door) -> None:
    for arguments in (
        {"data": {"file": "text"}},
        {"files": {"other": ("a.png", b"x")}},
        {"content": b"x"},
        {"content": b"x", "headers": {"Content-Type": "multipart/form-data"}},
        {"content": b"x", "headers": {"Content-Type": "multipart/form-data; boundary=x"}},
        {"files": [("file", ("a", b"1")), ("file", ("b", b"2"))]},
    ):
        told = door.post("/uploads", **arguments)
        assert told.status_code == 422, told.text


def test_nobody_uploads_without_a_key_or_too_much(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = door.post("/uploads", key=None, files={"file": ("a.png", tiny_png("x"))})
    assert told.status_code == 401
    told = door.post("/uploads", content=b"", headers={"Content-Length": str(10**10)})
    assert told.status_code == 413
    told = door.post("/uploads", key=door.key("ada", "read"), files={"file": ("a", b"x")})
    assert told.json()["code"] == "scope_missing"


def test_the_list_is_filtered_and_pages_join(door: Door) -> None:
    ids = [upload(door, f"{n}.png", tiny_png(str(n)))["id"] for n in range(3)]
    made = door.post("/operations/generate", json={"prompt": "a hill"}).json()["run"]["assets"][0]
    first = door.get("/assets?operation=import&limit=2").json()
    rest = door.get(f"/assets?operation=import&limit=2&before={first['next']}").json()
    assert [each["id"] for each in first["assets"] + rest["assets"]] == ids[::-1]
    assert rest["next"] is None
    found = door.get("/assets?operation=generate").json()["assets"]
    assert [each["id"] for each in found] == [made["id"]]
    assert door.get(f"/assets/{made['id']}").json()["spent"]["credits"] == "4"
    for wrong in ("kind=sculpture", "limit=0", "since=yesterday", "since=2026-01-01T00:00:00"):
        assert door.get(f"/assets?{wrong}").status_code == 422, wrong
    assert door.get("/assets/ast_nothing").status_code == 404


def test_anothers_assets_are_not_there(door: Door) -> None:
    asset = upload(door, "one.png", tiny_png("one"))["id"]
    fund(door.studio, 10_000_000, "eve")
    theirs = door.key("eve")
    assert door.get(f"/assets/{asset}", key=theirs).status_code == 404
    assert door.get("/assets", key=theirs).json()["assets"] == []
    body = {"image": asset, "factor": "2x"}
    assert door.post("/operations/upscale", key=theirs, json=body).status_code == 404
    same = upload(door, "one.png", tiny_png("one"), key=theirs)
    assert same["id"] != asset


def test_a_link_is_good_for_one_file_and_an_hour(
    door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = upload(door, "one.png", tiny_png("one"))
    two = upload(door, "two.png", tiny_png("two"))
    url = str(one["url"])
    for wrong in (
        url.replace(str(one["id"]), str(two["id"])),
        url.replace("/file?", "/thumbnail?"),
        url.replace("expires=", "expires=9"),
        url[:-1] + ("A" if url[-1] != "A" else "B"),
        url.partition("&signature")[0] + "&signature=é",
    ):
        told = door.get(wrong, key=None)
        assert (told.status_code, told.json()["code"]) == (401, "not_authenticated"), wrong
    assert door.get(url.partition("?")[0], key=None).status_code == 422
    small = door.get(str(one["thumbnail_url"]), key=None)
    assert small.headers["content-type"].startswith("image/")
    assert Image.open(io.BytesIO(small.content)).size[0] > 0
    there = clock.now()
    monkeypatch.setattr(clock, "now", lambda: there + timedelta(minutes=61))
    assert door.get(url, key=None).status_code == 401


@pytest.mark.parametrize(
    ("asked", "status", "part"),
    [
        ("bytes=0-0", 206, slice(0, 1)),
        ("bytes=2-5", 206, slice(2, 6)),
        ("bytes=5-", 206, slice(5, None)),
        ("bytes=-4", 206, slice(-4, None)),
        ("bytes=-999999", 206, slice(0, None)),
        ("bytes=0-999999", 206, slice(0, None)),
        ("bytes=999999-", 416, None),
        ("bytes=-0", 416, None),
        ("bytes=5-2", 200, slice(0, None)),
        ("bytes=-", 200, slice(0, None)),
        ("bytes=0-1,3-4", 200, slice(0, None)),
        ("lines=0-1", 200, slice(0, None)),
        ("bytes=0-" + "9" * 40, 200, slice(0, None)),
    ],
)
def test_a_part_is_what_was_asked_for(
    asked: str, status: int, part: slice | None, door: Door
) -> None:
    data = tiny_png("one")
    url = str(upload(door, "one.png", data)["url"])
    told = door.get(url, key=None, headers={"Range": asked})
    assert told.status_code == status
    assert told.headers["accept-ranges"] == "bytes"
    if part is None:
        assert told.headers["content-range"] == f"bytes */{len(data)}"
        return
    assert told.content == data[part]
    assert told.headers["content-length"] == str(len(told.content))
    if status == 206:
        start = data.index(told.content) if len(told.content) > 3 else part.start
        end = start + len(told.content) - 1
        assert told.headers["content-range"] == f"bytes {start}-{end}/{len(data)}"


def test_who_has_a_file_is_not_sent_it_again(door: Door) -> None:
    data = tiny_png("one")
    url = str(upload(door, "one.png", data)["url"])
    etag = door.get(url, key=None).headers["etag"]
    told = door.get(url, key=None, headers={"If-None-Match": etag})
    assert (told.status_code, told.content) == (304, b"")
    asked = {"Range": "bytes=0-1", "If-Range": '"another"'}
    assert door.get(url, key=None, headers=asked).status_code == 200
    asked["If-Range"] = etag
    assert door.get(url, key=None, headers=asked).status_code == 206
    head = door.call("HEAD", url, key=None)
    assert (head.status_code, head.headers["content-length"]) == (200, str(len(data)))
    assert head.content == b""


def test_a_file_is_never_taken_for_a_page(door: Door) -> None:
    asset = upload(door, "rows.csv", b"<html>,b\n<script>alert(1)</script>,1\n")
    told = door.get(str(asset["url"]), key=None)
    assert told.headers["content-type"] == "application/octet-stream"
    assert told.headers["content-disposition"].startswith("attachment")
    assert told.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in told.headers["content-security-policy"]
    shown = door.get(str(upload(door, "a.png", tiny_png("a"))["url"]), key=None)
    assert shown.headers["content-disposition"] == 'inline; filename="a.png"'


def test_a_store_gives_parts_and_sizes(tmp_path: Path) -> None:
    for url in (tmp_path.as_uri(), "memory://parts"):
        store = BlobStore(url)
        digest = store.put(b"0123456789")
        assert store.size(digest) == 10
        assert store.read(digest, 2, 3) == b"234"
        assert store.read(digest, 8, 10) == b"89"
        with pytest.raises(NotFound):
            store.size("0" * 64)
        with pytest.raises(NotFound):
            store.read("0" * 64, 0, 1)


def test_assets_are_searched_by_words(door: Door) -> None:
    made = door.post("/operations/generate", json={"prompt": "a heron at dawn"})
    asset = made.json()["run"]["assets"][0]["id"]
    door.post("/operations/generate", json={"prompt": "a red boat"})
    found = door.get("/assets?words=heron").json()["assets"]
    assert [each["id"] for each in found] == [asset]
    assert door.get("/assets?words=nothing").json() == {"assets": [], "next": None}
