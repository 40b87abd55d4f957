"""Exports: whole or not there, under names that are safe everywhere, with what each file is."""

from __future__ import annotations

import asyncio
import csv
import hashlib
import io
import os
import shutil
import zipfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import httpx
import pytest

from engine import exporting
from engine.exporting import MANIFEST, ZIP, Exported, export, remove_old
from engine.studio import Studio
from interfaces.web import application
from library import Asset
from studio.clock import now
from studio.errors import InvalidRequest, NotFound, StudioUnavailable
from tests.support.studios import OWNER, opened_studio
from tests.unit.library.kit import asset

RUN = "0d1c6c5e-1111-4222-8333-123456789abc"


@pytest.fixture
def studio(tmp_path: Path) -> Iterator[Studio]:
    with opened_studio(tmp_path / "home") as opened:
        yield opened


def kept(studio: Studio, *names: str) -> list[Asset]:
    found = []
    for number, name in enumerate(names):
        data = f"bytes of {number}".encode()
        digest = studio.store.put(data)
        found.append(replace(asset(number, OWNER), name=name, sha256=digest, bytes=len(data)))
    return found


def exported(studio: Studio, assets: list[Asset], *, as_zip: bool = True) -> Exported:
    return export(studio.settings, studio.store, assets, RUN, as_zip=as_zip)


def test_names_are_safe_and_none_is_lost(studio: Studio) -> None:
    names = ["a.png", "A.png", "../../a.png", "manifest.csv", "", "con\x00trol.png", "=1+1.png"]
    names.append("n" * 300 + ".png")
    assets = kept(studio, *names)
    done = exported(studio, assets)
    assert (done.files, done.bytes) == (len(names), sum(each.bytes for each in assets))
    with zipfile.ZipFile(done.path) as packed:
        inside = packed.namelist()
        rows = list(csv.DictReader(io.StringIO(packed.read(MANIFEST).decode())))
        for row, each in zip(rows, assets, strict=True):
            data = packed.read(row["file"].removeprefix("'"))
            assert hashlib.sha256(data).hexdigest() == row["sha256"] == each.sha256
            assert row["asset"] == each.id
    assert len({name.casefold() for name in inside}) == len(inside) == len(names) + 1
    assert all(Path(name).name == name and "\\" not in name for name in inside)
    assert all(len(name) <= 130 for name in inside)
    assert rows[6]["file"].startswith("'=")  # no spreadsheet takes it for a formula


def test_a_folder_has_the_same_as_a_zip_and_takes_its_place(studio: Studio) -> None:
    assets = kept(studio, "a.png", "b.png")
    with zipfile.ZipFile(exported(studio, assets).path) as packed:
        in_zip = {name: packed.read(name) for name in packed.namelist()}
    done = exported(studio, assets, as_zip=False)
    assert {each.name: each.read_bytes() for each in done.path.iterdir()} == in_zip


def test_what_fails_half_way_leaves_nothing_that_looks_whole(studio: Studio) -> None:
    assets = kept(studio, "a.png", "b.png")
    lost = [assets[0], replace(assets[1], sha256="0" * 64)]
    for as_zip in (True, False):
        with pytest.raises(NotFound):
            exported(studio, lost, as_zip=as_zip)
    assert list((studio.settings.folder / "exports").iterdir()) == []


def test_more_than_the_disk_holds_is_refused_before_a_byte(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    assets = kept(studio, "a.png")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=5))
    with pytest.raises(InvalidRequest, match="room") as caught:
        exported(studio, assets)
    assert caught.value.field == "most"
    assert list((studio.settings.folder / "exports").iterdir()) == []


def test_a_disk_that_refuses_says_so(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(exporting, "pack", full)
    with pytest.raises(StudioUnavailable, match="No space left"):
        exported(studio, kept(studio, "a.png"))


def test_only_exports_whose_time_is_over_are_removed(studio: Studio) -> None:
    done = exported(studio, kept(studio, "a.png"))
    week = timedelta(days=7)
    assert remove_old(studio.settings, now() - week) == 0
    old = (now() - 2 * week).timestamp()
    os.utime(done.path.parent, (old, old))
    assert remove_old(studio.settings, now() - week) == 1
    assert not done.path.exists()


def test_a_zip_is_had_with_a_browser_by_its_run_alone(studio: Studio) -> None:
    done = exported(studio, kept(studio, "a.png"))

    def get(path: str, **headers: str) -> httpx.Response:
        async def ask() -> httpx.Response:
            transport = httpx.ASGITransport(app=application(studio))
            async with httpx.AsyncClient(transport=transport, base_url="http://files") as client:
                return await client.get(path, headers=headers)

        return asyncio.run(ask())

    answer = get(f"/exports/{RUN}")
    assert (answer.status_code, answer.content) == (200, done.path.read_bytes())
    assert answer.headers["content-disposition"] == f'attachment; filename="{ZIP}"'
    part = get(f"/exports/{RUN}", Range="bytes=0-3")
    assert (part.status_code, part.content) == (206, b"PK\x03\x04")
    other = get("/exports/0d1c6c5e-1111-4222-8333-000000000000")
    assert (other.status_code, other.json()["field"]) == (404, "run")
    for odd in ("/exports/..%2F..%2Fstudio.db", "/exports/%2e%2e", "/exports/"):
        assert get(odd).status_code == 404
