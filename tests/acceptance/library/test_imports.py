"""Bringing files in by the command itself: a folder, a ZIP and an address, once each."""

from __future__ import annotations

import hashlib
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from engine import importing
from providers.download import Downloader
from tests.support.homes import command
from tests.support.paid_server import tiny_png
from tests.support.shelves import Shelf, plain
from tests.unit.studio.test_media import model, sound, video

pytestmark = pytest.mark.usefixtures("prefect")

_KINDS = {
    "fox.png": "image",
    "wood.jpg": "image",
    "film.mp4": "video",
    "talk.wav": "audio",
    "solid.glb": "model",
    "notes.txt": "text",
    "facts.json": "text",
}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    return {
        "fox.png": tiny_png("fox"),
        "wood.jpg": plain("green", 60, 90, "JPEG"),
        "film.mp4": video(tmp_path_factory.mktemp("film")),
        "talk.wav": sound(1.5),
        "solid.glb": model(),
        "notes.txt": "Grüße an den Fuchs.".encode(),
        "facts.json": b'{"a": 1}',
    }


def _hashes(shelf: Shelf) -> dict[str, str]:
    return {each["name"]: each["sha256"] for each in shelf.do("list", "--limit", "500")["assets"]}


def test_a_folder_comes_in_for_nothing_and_each_file_is_of_its_kind(
    empty: Shelf, files: dict[str, bytes], tmp_path: Path
) -> None:
    folder = tmp_path / "campaign"
    (folder / "deep" / "er").mkdir(parents=True)
    for number, (name, data) in enumerate(files.items()):
        (folder / ("", "deep", "deep/er")[number % 3] / name).write_bytes(data)
    before = command("account", "show", "--json").document
    told = empty.do("import", str(folder))
    assert (told["new"], told["known"], told["refused"]) == (len(files), 0, [])
    assert _hashes(empty) == {
        name: hashlib.sha256(data).hexdigest() for name, data in files.items()
    }
    for kind in set(_KINDS.values()):
        listed = {each["name"] for each in empty.do("list", "--kind", kind)["assets"]}
        assert listed == {name for name, each in _KINDS.items() if each == kind}
    again = empty.do("import", str(folder), str(folder / "fox.png"))
    assert (again["new"], again["known"]) == (0, len(files) + 1)
    assert len(empty.ids("list")) == len(files)
    assert command("account", "show", "--json").document == before


def test_a_zip_with_the_same_and_more_brings_in_what_is_new(
    empty: Shelf, files: dict[str, bytes], tmp_path: Path
) -> None:
    held = _hashes(empty)
    packed = tmp_path / "more.zip"
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(f"again/{name}", data)
        archive.writestr("owl.png", tiny_png("owl"))
        archive.writestr("program.exe", b"MZ\x90\x00" + bytes(99))
    told = empty.say("import", str(packed), "--json")
    assert told.code == 1, "something was refused"
    document = told.document
    new = [name for name in (*files, "owl.png") if name not in held]
    assert (document["new"], document["known"]) == (len(new), len(files) + 1 - len(new))
    (refused,) = document["refused"]
    assert "program.exe" in refused["name"]
    assert refused["reason"]
    assert "program.exe" in empty.say("import", str(packed)).out
    assert set(_hashes(empty)) == {*held, *files, "owl.png"}


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        pass


@contextmanager
def _served(folder: Path) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def test_an_address_and_a_zip_at_one_come_in(
    empty: Shelf, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From a server of the test's own, which the downloader is told to trust."""
    folder = tmp_path / "web"
    folder.mkdir()
    (folder / "lynx one.png").write_bytes(tiny_png("lynx"))
    with zipfile.ZipFile(folder / "two.zip", "w") as archive:
        archive.writestr("crow.png", tiny_png("crow"))
        archive.writestr("lynx again.png", tiny_png("lynx"))
    with _served(folder) as base:
        refused = empty.say("import", f"{base}/lynx%20one.png", "--json")
        assert (refused.code, refused.document["new"]) == (1, 0), "loopback is not the internet"

        def trusting(name: str) -> Downloader:
            return Downloader(name, (base,), pauses=())

        monkeypatch.setattr(importing, "Downloader", trusting)
        told = empty.do("import", f"{base}/lynx%20one.png?key=SECRET", f"{base}/two.zip")
        assert (told["new"], told["known"]) == (2, 1)
        gone = empty.say("import", f"{base}/none.png", "--json")
        assert (gone.code, len(gone.document["refused"])) == (1, 1)
    names = _hashes(empty)
    assert {"lynx one.png", "crow.png"} <= set(names)
    (lynx,) = empty.ids("search", "lynx")
    shown = empty.do("show", lynx)
    assert (shown["operation"], shown["provider"]) == ("import", "")
    assert shown["method"] == f"brought in from {base}/lynx%20one.png"
    assert "SECRET" not in str(shown)


def test_nothing_at_all_is_refused_before_anything_begins(empty: Shelf, tmp_path: Path) -> None:
    assert empty.refused("import") == (2, "sources")
    assert empty.refused("import", str(tmp_path / "missing")) == (2, "sources")
