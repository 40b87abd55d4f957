"""Broken files and addresses through the API: no crash, no leak, no charge.

The corpus is made of whole files by a fixed seed: bytes changed, cut, doubled, moved, and what is
known to hurt readers. It comes in by the doors that strangers have.
"""

from __future__ import annotations

import io
import random
import struct
import zipfile
import zlib
from collections.abc import Iterator

import pytest
from openpyxl import Workbook
from PIL import Image

from tests.support.paid_server import tiny_png
from tests.support.studios import balance_of
from tests.unit.api.conftest import Door
from tests.unit.api.test_api_tenants import zipped

EACH = 25
"""Broken files of each whole one."""

ROWS = (
    b"operation,row,prompt,seed,quality\r\n"
    b'generate,one,"a hill, green",7,draft\r\n'
    b"upscale | compress,two,,,\r\n"
    b'generate,three,"a ""sea""\nat night",,standard\r\n'
)
LINES = b'{"operation":"generate","prompt":"a hill","seed":1}\n{"operation":"upscale"}\n'

HURTS = [
    b"",
    b"\0" * 1_000,
    b"\xff\xfe\x00",
    b"\xef\xbb\xbf",
    b"operation,prompt\n" + b'"' * 5_001,
    b"operation," + b"a," * 3_000 + b"\n",
    b"operation,prompt\ngenerate," + b"x" * 200_000 + b"\n",
    b"operation,prompt\n" + b"generate,=cmd|'/c calc'!A1\n",
    b"operation,image\nupscale,/etc/passwd\n",
    b"operation,image\nupscale,file:///etc/passwd\n",
    b"operation,image\nupscale,https://169.254.169.254/latest\n",
    b"operation,image\nupscale,{row:../../etc/passwd}\n",
    b"operation,prompt,prompt\ngenerate,a,b\n",
    b"operation,prompt\r\rgenerate,a\r",
    "operation,prompt\ngenerate,\u202ea\u0000b\n".encode(),
    b"operation,prompt\ngenerate,\xc3\x28\n",
    b'{"operation":"generate","prompt":' + b"[" * 10_000 + b"]" * 10_000 + b"}\n",
    b'{"operation":"generate","prompt":"a","seed":1e999}\n',
    b'{"operation":"generate","prompt":"a","seed":NaN}\n',
    b'{"a":1,"a":2}\n',
    b"<!DOCTYPE x [<!ENTITY a 'a'><!ENTITY b '&a;&a;'>]><x>&b;</x>",
    b"SELECT * FROM wallets; DROP TABLE wallets; --\n",
    b"%PDF-1.7\n",
    b"\x1f\x8b\x08\x00" + b"\0" * 100,
]


def broken(whole: bytes, seed: int, number: int = EACH) -> Iterator[bytes]:
    """Yield so many broken copies of a file."""
    drawn = random.Random(seed)
    for _ in range(number):
        data = bytearray(whole)
        for _ in range(drawn.randrange(1, 6)):
            at, to = sorted(drawn.randrange(len(data) + 1) for _ in range(2))
            match drawn.randrange(5):
                case 0 if at < len(data):
                    data[at] ^= 1 << drawn.randrange(8)
                case 1:
                    del data[at : min(to, at + 200)]
                case 2:
                    data[at:at] = data[at : min(to, at + 500)]
                case 3:
                    data[at:at] = drawn.randbytes(drawn.randrange(1, 20))
                case _:
                    del data[to:]
            data = data or bytearray(b"x")
        yield bytes(data)


def _workbook() -> bytes:
    book, file = Workbook(), io.BytesIO()
    sheet = book.active
    assert sheet is not None
    sheet.append(["operation", "prompt"])
    sheet.append(["generate", "a hill"])
    book.save(file)
    return file.getvalue()


def _pictures() -> Iterator[tuple[str, bytes]]:
    image = Image.effect_noise((40, 30), 60).convert("RGB")
    for kind in ("PNG", "JPEG", "WEBP", "GIF"):
        file = io.BytesIO()
        image.save(file, kind)
        yield kind.lower(), file.getvalue()


def _bomb() -> bytes:
    """Return a PNG that says it has 60,000 by 60,000 pixels, and has them."""
    header = struct.pack(">IIBBBBB", 60_000, 60_000, 1, 0, 0, 0, 0)
    parts = [(b"IHDR", header), (b"IDAT", zlib.compress(b"\0" * 8_000_000, 9)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in parts
    )


def check(door: Door, name: str, data: bytes) -> int:
    """Bring a file in, and have it checked as a batch; return how many answers there were."""
    told = door.post("/uploads", files={"file": (name, data)})
    assert told.status_code in {201, 422, 413}, (name, data[:80], told.text)
    _tells_nothing(told.text)
    if told.status_code != 201:
        assert told.json()["field"] == "file"
        return 1
    asset = told.json()["id"]
    checked = door.post("/batches/check", json={"file": asset})
    assert checked.status_code in {200, 402, 404, 422}, (name, data[:80], checked.text)
    _tells_nothing(checked.text)
    return 2


def _tells_nothing(text: str) -> None:
    for leak in ("Traceback", "root:x:", "site-packages", "sqlalchemy", "studio.db", '.py"'):
        assert leak not in text, text[:500]


@pytest.mark.timeout(600)
@pytest.mark.parametrize("ending", ["csv", "jsonl", "xlsx"])
def test_broken_batches_are_refused_and_cost_nothing(door: Door, ending: str) -> None:
    had = balance_of(door.studio)
    whole = {"csv": ROWS, "jsonl": LINES, "xlsx": _workbook()}[ending]
    answers = sum(check(door, f"rows.{ending}", data) for data in broken(whole, 1))
    answers += sum(check(door, f"rows.{ending}", data) for data in HURTS)
    assert answers > EACH
    assert door.runs.started == []
    assert balance_of(door.studio) == had


@pytest.mark.timeout(600)
def test_broken_pictures_are_refused_or_are_pictures(door: Door) -> None:
    had = balance_of(door.studio)
    taken = refused = 0
    for kind, whole in _pictures():
        for data in [*broken(whole, 2), _bomb()]:
            told = door.post("/uploads", files={"file": (f"a.{kind}", data)})
            assert told.status_code in {201, 422}, (kind, told.text)
            _tells_nothing(told.text)
            if told.status_code == 422:
                refused += 1
                continue
            taken += 1
            asset = told.json()
            assert asset["width"] * asset["height"] <= 40 * 30 * 10_000
            quoted = door.post("/quotes", json={"operation": "upscale", "image": asset["id"]})
            assert quoted.status_code in {200, 422, 501}, quoted.text
            assert door.get(asset["thumbnail_url"], key=None).status_code == 200
    assert refused > EACH
    assert balance_of(door.studio) == had


@pytest.mark.timeout(600)
def test_broken_zips_are_refused_or_kept_to_be_looked_into(door: Door) -> None:
    whole = zipped({"a.png": tiny_png("a"), "../../b.png": tiny_png("b"), "c.zip": b"PK"})
    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as packed:
        packed.writestr("a.png", b"\0" * 50_000_000)
    for data in [*broken(whole, 3), bomb.getvalue(), whole]:
        told = door.post("/uploads", files={"file": ("more.zip", data)})
        assert told.status_code in {201, 422}, told.text
        _tells_nothing(told.text)
        if told.status_code == 201:
            from engine.importing import bring_in
            from tests.support.studios import OWNER

            done = bring_in(door.studio, OWNER, [told.json()["id"]])
            for each in done.refused:
                _tells_nothing(f"{each.name} {each.reason} {each.given}")
    names = [each["name"] for each in door.get("/library/search?limit=500").json()["assets"]]
    assert "a.png" in names
    assert not [name for name in names if "/" in name or ".." in name]
