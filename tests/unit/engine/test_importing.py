"""Imports: every file is filed once or refused with its reason, and nothing else happens."""

from __future__ import annotations

import asyncio
import json
import os
import struct
import zipfile
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path

import pytest
from sqlalchemy import func, select

from engine import import_sources, importing
from engine.arrivals import plain_name
from engine.import_sources import Fetch
from engine.importing import Imported, bring_in, read_report, write_report
from engine.studio import Studio
from library import find_asset
from library.tables import assets
from providers.download import Downloader
from studio.errors import InvalidRequest
from tests.support.paid_server import tiny_png
from tests.support.studios import OWNER, make_studio
from tests.unit.studio.test_media import model, sound, video


@pytest.fixture
def studio(tmp_path: Path) -> Iterator[Studio]:
    opened = make_studio(tmp_path / "home")
    yield opened
    opened.close()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "pictures"
    made.mkdir()
    return made


def brought(
    studio: Studio, *sources: object, owner: str = OWNER, fetch: Fetch | None = None
) -> Imported:
    return bring_in(studio, owner, [str(each) for each in sources], fetch=fetch)


def reasons(done: Imported) -> dict[str, str]:
    """Return why each file was refused, by the last part of its name."""
    assert all(each.name and each.reason and each.allowed for each in done.refused)
    return {each.name.rpartition("/")[2]: each.reason for each in done.refused}


def filed(studio: Studio) -> int:
    with studio.database.read() as connection:
        return connection.execute(select(func.count()).select_from(assets)).scalar_one()


Entry = tuple[str | zipfile.ZipInfo, bytes]


def zipped(path: Path, *entries: Entry, method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, data in entries:
            archive.writestr(name, data)
    return path


def test_a_folder_of_every_kind_comes_in_and_each_file_knows_what_it_is(
    studio: Studio, folder: Path, tmp_path: Path
) -> None:
    (folder / "deep" / "er").mkdir(parents=True)
    given = {
        "fox.png": tiny_png("fox"),
        "deep/talk.wav": sound(1.5),
        "deep/er/film.mp4": video(tmp_path),
        "deep/er/solid.glb": model(),
        "notes.md": "# Grüße\n\nA fox.".encode(),
        "facts.json": b'{"a": 1}',
        "link.md": b"[a link](https://example.com)",
    }
    for name, data in given.items():
        (folder / name).write_bytes(data)
    (folder / ".DS_Store").write_bytes(b"x")
    done = brought(studio, folder)
    assert (done.new, done.known, done.refused, done.passed_over) == (7, 0, [], 1)
    with studio.database.read() as connection:
        found = {}
        for identifier in done.assets:
            asset = find_asset(connection, OWNER, identifier)
            found[asset.name] = (asset.media_type, asset.width, asset.facts.get("seconds"))
            assert (
                studio.store.get(asset.sha256)
                == given[next(n for n in given if n.endswith(asset.name))]
            )
            assert studio.store.get(asset.thumbnail)[:4] == b"RIFF"
    assert found == {
        "fox.png": ("image/png", 8, None),
        "talk.wav": ("audio/wav", 0, 1.5),
        "film.mp4": ("video/mp4", 64, 2.0),
        "solid.glb": ("model/gltf-binary", 0, None),
        "notes.md": ("text/plain", 0, None),
        "facts.json": ("application/json", 0, None),
        "link.md": ("text/plain", 0, None),
    }


def test_the_same_bytes_come_in_once_and_a_second_run_goes_on(studio: Studio, folder: Path) -> None:
    for name in ("a.png", "b.png", "copy of a.png"):
        (folder / name).write_bytes(tiny_png(name[-5:]))
    first = brought(studio, folder)
    assert (first.new, first.known, len(first.assets)) == (2, 1, 2)
    (folder / "c.png").write_bytes(tiny_png("c"))
    second = brought(studio, folder, folder / "c.png")
    assert (second.new, second.known, len(second.assets)) == (1, 4, 3)
    assert set(first.assets) < set(second.assets)
    assert filed(studio) == 3
    assert brought(studio, folder, owner="eve").new == 3


def test_what_was_named_as_an_input_is_the_same_asset(studio: Studio, folder: Path) -> None:
    (folder / "fox.png").write_bytes(tiny_png("fox"))
    named = studio.inputs.find("image", str(folder / "fox.png"), OWNER).asset
    assert brought(studio, folder).assets == [named]


def test_every_file_that_is_refused_is_told_and_the_rest_comes_in(
    studio: Studio, folder: Path
) -> None:
    (folder / "fine.png").write_bytes(tiny_png("fine"))
    (folder / "named.png").write_bytes(b"%PDF-1.7 it says so itself")
    (folder / "cut.png").write_bytes(tiny_png("cut")[:40])
    (folder / "page.html").write_bytes(b"\n <html><script>alert(1)</script>")
    (folder / "drawing.svg").write_bytes(b"\xef\xbb\xbf<svg/>")
    (folder / "empty.png").write_bytes(b"")
    (folder / "program.exe").write_bytes(b"MZ\x90\x00" + bytes(99))
    (folder / "latin.txt").write_bytes("Grüße".encode("latin-1"))
    zipped(folder / "within.zip", ("a.png", tiny_png("a")))
    (folder / "link.png").symlink_to("/etc/passwd")
    os.mkfifo(folder / "pipe.png")
    with (folder / "huge.mp4").open("wb") as file:
        file.truncate(import_sources.LARGEST_FILE + 1)
    done = brought(studio, folder)
    assert (done.new, filed(studio)) == (1, 1)
    told = reasons(done)
    assert set(told) == {each.name for each in folder.iterdir()} - {"fine.png"}
    assert told["link.png"] == "Links are not followed."
    assert told["huge.mp4"] == "The file is too large."
    assert told["pipe.png"] == "That is no file."
    assert done.seen == 12


def hostile_entries() -> list[Entry]:
    link = zipfile.ZipInfo("link.png")
    link.external_attr = 0o120777 << 16
    return [
        ("../../out.png", tiny_png("out")),
        ("/abs.png", tiny_png("abs")),
        ("C:\\windows\\drive.png", tiny_png("drive")),
        ("..\\up.png", tiny_png("up")),
        (link, b"/etc/passwd"),
        ("bomb.txt", b"a" * 50_000_000),
        ("inner.zip", b"PK\x03\x04 whatever"),
    ]


def test_a_zip_comes_in_and_its_tricks_do_not(studio: Studio, folder: Path) -> None:
    fine: list[Entry] = [
        ("a/fox.png", tiny_png("fox")),
        ("__MACOSX/a/._fox.png", b"x"),
        ("empty/", b""),
    ]
    before = set(folder.parent.rglob("*"))
    done = brought(studio, zipped(folder / "all.zip", *fine, *hostile_entries()))
    assert (done.new, done.passed_over) == (1, 1)
    told = reasons(done)
    assert len(told) == len(hostile_entries())
    assert {"Its name leads out of the ZIP."} == {
        told[name] for name in ("out.png", "abs.png", "C:\\windows\\drive.png", "..\\up.png")
    }
    assert "unpacks to far more" in told["bomb.txt"]
    after = set(folder.parent.rglob("*")) - before - {folder / "all.zip"}
    assert all("home" in each.parts for each in after), "nothing is unpacked beside the library"


def written(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def broken(path: Path) -> Path:
    """Damage the bytes of the first file in a ZIP."""
    data = bytearray(path.read_bytes())
    data[36:46] = bytes(10)
    path.write_bytes(bytes(data))
    return path


def overlapping(path: Path) -> Path:
    """Have every entry of a ZIP's directory mean the same bytes, as Fifield's bomb does."""
    zipped(path, *[(f"{n}.bin", os.urandom(4_000)) for n in range(20)])
    data = path.read_bytes()
    start = data.index(b"PK\x01\x02")
    first = data[: data.index(b"PK\x03\x04", 10)]
    directory = bytearray(data[start:])
    place = 0
    while (place := directory.find(b"PK\x01\x02", place)) >= 0:
        directory[place + 42 : place + 46] = bytes(4)
        place += 4
    end = directory.rfind(b"PK\x05\x06")
    directory[end + 16 : end + 20] = struct.pack("<I", len(first))
    path.write_bytes(first + directory)
    return path


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda path: broken(zipped(path, ("a.txt", b"words " * 99))), "cannot be read"),
        (overlapping, "lie over each other"),
        (lambda path: zipped(path, ("a.png", tiny_png("a")), method=zipfile.ZIP_LZMA), "packed"),
        (lambda path: written(path, b"PK\x03\x04 no more"), "cannot be read"),
        (lambda path: written(path, b""), "cannot be read"),
    ],
)  # fmt: skip
def test_a_zip_that_is_damaged_or_made_to_hurt_is_told(
    studio: Studio, folder: Path, make: Callable[[Path], Path], reason: str
) -> None:
    done = brought(studio, make(folder / "odd.zip"))
    assert (done.new, filed(studio)) == (0, 0)
    assert done.refused
    assert reason in done.refused[0].reason


def test_an_encrypted_entry_is_refused(studio: Studio, folder: Path) -> None:
    path = zipped(folder / "locked.zip", ("a.png", tiny_png("a")), method=zipfile.ZIP_STORED)
    data = bytearray(path.read_bytes())
    for mark, place in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.index(mark) + place] |= 1
    path.write_bytes(bytes(data))
    assert reasons(brought(studio, path)) == {"a.png": "It is encrypted."}


def test_an_address_is_fetched_and_a_zip_there_is_opened(studio: Studio) -> None:
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("a.png", tiny_png("a"))
    files = {
        "https://u:secret@cdn.example/x/f%20x?X-Signature=SECRET#s": tiny_png("fox"),
        "https://cdn.example/all": buffer.getvalue(),
    }
    done = brought(studio, *files, fetch=lambda address, _: files[address])
    assert (done.new, done.refused) == (2, [])
    with studio.database.read() as connection:
        one, two = (find_asset(connection, OWNER, each) for each in done.assets)
    assert (one.name, one.method) == ("f x.png", "brought in from https://cdn.example/x/f%20x")
    assert two.name == "a.png"
    assert "SECRET" not in json.dumps(done.as_dict())


@pytest.mark.parametrize(
    "address",
    [
        "http://127.0.0.1:4200/api/admin", "https://localhost/x", "https://169.254.169.254/latest",
        "https://[::1]/", "https://10.0.0.1/x", "file:///etc/passwd", "ftp://host/x", "https://",
        "https://user:SECRET@127.0.0.1/", "gopher://x/",
    ],
)  # fmt: skip
def test_no_address_but_the_public_internet_is_asked(studio: Studio, address: str) -> None:
    done = brought(studio, address)
    assert (done.new, filed(studio), len(done.refused)) == (0, 0, 1)
    assert "SECRET" not in json.dumps(done.as_dict())
    assert "cannot be fetched" in done.refused[0].reason


def test_an_address_that_answers_is_had_through_the_same_downloader(studio: Studio) -> None:
    """The real downloader against a server of the test's own, which it is told to trust."""
    from tests.unit.providers.scripted_net import Server, answer

    async def serve() -> Imported:
        async with Server(answer(body=tiny_png("fox"))) as server:
            base = f"http://127.0.0.1:{server.port}"
            downloader = Downloader("a host", (base,))

            def fetch(address: str, limit: int) -> bytes:
                running = asyncio.run_coroutine_threadsafe(
                    downloader.fetch(address, limit=limit), loop
                )
                return running.result(20)

            loop = asyncio.get_running_loop()
            done = await asyncio.to_thread(brought, studio, f"{base}/fox.png", fetch=fetch)
            await downloader.close()
            return done

    assert asyncio.run(serve()).new == 1


@pytest.mark.parametrize("source", ["missing.png", "a\0b", "~nobody-at-all/x", "x" * 5_000, ""])
def test_a_source_that_is_nothing_is_refused_by_name(
    studio: Studio, source: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(folder)
    if source:
        with pytest.raises(InvalidRequest) as refused:
            brought(studio, source)
        assert (refused.value.field, bool(refused.value.allowed)) == ("source", True)
    with pytest.raises(InvalidRequest) as refused:
        bring_in(studio, OWNER, [])
    assert refused.value.field == "sources"
    with pytest.raises(InvalidRequest, match="too many"):
        bring_in(studio, OWNER, ["x"] * 1_001)


def test_limits_of_one_import_end_it_with_a_word(
    studio: Studio, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(5):
        (folder / f"{number}.png").write_bytes(tiny_png(str(number)))
    monkeypatch.setattr(importing, "MOST_FILES", 3)
    done = brought(studio, folder)
    assert (done.new, reasons(done)) == (3, {"3.png": "There are too many files."})
    monkeypatch.setattr(importing, "MOST_FILES", 100)
    monkeypatch.setattr(importing, "MOST_BYTES", 4 * len(tiny_png("0")) + 20)
    done = brought(studio, folder)
    assert (done.new, done.known, reasons(done)) == (1, 3, {"4.png": "There is too much of it."})


def test_groups_are_bounded_and_all_of_them_come_in(
    studio: Studio, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(7):
        (folder / f"{number}.txt").write_text(f"number {number}")
    monkeypatch.setattr(importing, "_GROUP", 3)
    told: list[int] = []
    done = bring_in(studio, OWNER, [str(folder)], tell=lambda it: told.append(it.new))
    assert (done.new, told) == (7, [3, 6, 7])
    monkeypatch.setattr(importing, "_GROUP_BYTES", 20)
    assert brought(studio, folder, owner="eve").new == 7


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("../../etc/passwd", "passwd.png"),
        ("..", "file.png"),
        ("a\\..\\b.png", "b.png"),
        ("\x1b[31mred\n.png", "[31mred.png"),
        ('x">|<y:z*?.png', "xyz.png"),
        ("\udce4.png", "png.png"),
        ("n" * 300 + ".png", "n" * 196 + ".png"),
        (".hidden", "hidden.png"),
    ],
)
def test_names_are_names_wherever_they_are_written(given: str, name: str) -> None:
    assert plain_name(given, "image/png") == name


def test_the_report_of_a_run_is_kept_and_read_again(studio: Studio, folder: Path) -> None:
    (folder / "fox.png").write_bytes(tiny_png("fox"))
    (folder / "bad.png").write_bytes(b"\x89PNG")
    done = brought(studio, folder)
    path = write_report(studio.settings, "../run-1", done)
    assert path.parent == studio.settings.folder / "reports" / "imports"
    assert read_report(studio.settings, "../run-1") == done.as_dict()
    assert read_report(studio.settings, "run-2") is None
