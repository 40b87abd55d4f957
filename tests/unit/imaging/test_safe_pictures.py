"""Pillow's security guidance and OWASP's list for uploads, item by item.

``docs/safe-pictures.md`` has the table; ``tests/unit/docs/test_docs.py`` checks that both agree.
"""

from __future__ import annotations

import ast
import asyncio
import logging
import re
import stat
import struct
import subprocess
import sys
import time
import tomllib
import tracemalloc
import zlib
from collections.abc import Callable
from functools import cache
from pathlib import Path

import httpx
import pytest
from PIL import Image

from engine.inputs import Inputs
from engine.outputs import keep
from interfaces.web.files import application
from library import find_asset
from providers import Delivery, Output
from studio import imaging, media
from studio.database import Database
from studio.errors import BadResponse, InvalidRequest, NotFound, PictureRefused
from studio.imaging import decode, open_picture, pixels, probe, survey
from studio.operations import Generate
from studio.settings import Settings
from studio.storage import BlobStore
from tests.support.files import (
    chunk,
    exif_bomb,
    gif,
    noise,
    png,
    segment,
    webp_header,
    with_segments,
    written,
)
from tests.support.jobs import a_job
from tests.support.providers import offers
from tests.support.studios import opened_studio

ROOT = Path(__file__).parents[3]
ROOMS = ("studio", "engine", "providers", "library", "batches", "billing", "flows", "tasks",
         "interfaces", "deployments")  # fmt: skip


@cache
def sources() -> dict[str, tuple[str, ast.Module]]:
    """Return text and tree of every module of the product."""
    found = {}
    for room in ROOMS:
        for path in sorted((ROOT / room).rglob("*.py")):
            text = path.read_text(encoding="utf-8")
            found[path.relative_to(ROOT).as_posix()] = text, ast.parse(text)
    return found


SCRIPT = b"<script>alert(1)</script>"
PROGRAMS = {
    "svg": b"<svg xmlns='http://www.w3.org/2000/svg'><image href='file:///etc/passwd'/></svg>",
    "svg with entities": b"<?xml version='1.0'?><!DOCTYPE s [<!ENTITY a SYSTEM 'file:///etc/passwd'>]>",
    "svgz": b"\x1f\x8b\x08\x00" + bytes(32),
    "eps": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
    "eps, dos": b"\xc5\xd0\xd3\xc6" + bytes(32),
    "postscript": b"%!PS-Adobe-3.0\n(/etc/passwd) (r) file\n",
    "pdf": b"%PDF-1.7\n",
    "mvg": b"push graphic-context\nviewbox 0 0 9 9\nimage over 0,0 0,0 'https://x/\"|id\"'\n",
    "wmf": b"\xd7\xcd\xc6\x9a" + bytes(32),
    "html": b"<!doctype html>" + SCRIPT,
    "zip": b"PK\x03\x04" + bytes(32),
    "elf": b"\x7fELF" + bytes(32),
}  # fmt: skip
"""Files that are run rather than decoded."""
OTHER_CODECS = ("TIFF", "AVIF", "JPEG2000", "BMP", "TGA", "PPM", "ICO", "DDS", "SGI", "PCX")


def refusal(data: bytes, use: Callable[[bytes], object] = open_picture) -> PictureRefused:
    with pytest.raises(PictureRefused) as refused:
        use(data)
    assert refused.value.field == "picture"
    assert refused.value.given
    return refused.value


@cache
def _zeros() -> bytes:
    """Return twenty megabytes of nothing, packed."""
    return zlib.compress(bytes(20_000_000), 9)


def _jpeg() -> bytes:
    return written(noise(), "JPEG")


def _scans() -> bytes:
    jpeg = _jpeg()
    start = jpeg.index(b"\xff\xda")
    return jpeg[:start] + jpeg[start:-2] * 5_000 + b"\xff\xd9"


def _resized(file: bytes, order: str, width: int, height: int) -> bytes:
    """Return a JPEG or GIF with another size in its header."""
    old = (48, 64) if order == ">HH" else (4, 4)
    new = (height, width) if order == ">HH" else (width, height)
    return file.replace(struct.pack(order, *old), struct.pack(order, *new), 1)


BOMBS: dict[str, Callable[[], bytes]] = {
    "png of 3.6 gigapixels": lambda: png(60_000, 60_000),
    "png, too long": lambda: png(70_000, 10),
    "png, the most that its header can say": lambda: png(2**31 - 1, 2**31 - 1),
    "png, packed text": lambda: png(4, 4, chunk(b"zTXt", b"k\x00\x00" + _zeros())),
    "png, packed text in UTF-8": lambda: png(
        4, 4, chunk(b"iTXt", b"k\x00\x01\x00\x00\x00" + _zeros())
    ),
    "png, packed profile": lambda: png(4, 4, chunk(b"iCCP", b"p\x00\x00" + _zeros())),
    "png, many small packed texts": lambda: png(
        4, 4, chunk(b"zTXt", b"k\x00\x00" + zlib.compress(bytes(900_000), 9)) * 1_000
    ),
    "png, a million chunks": lambda: png(4, 4, chunk(b"tEXt", b"k\x00v") * 1_000_000),
    "png, frames": lambda: png(4, 4, chunk(b"acTL", struct.pack(">II", 2**31, 0))),
    "jpeg of 4 gigapixels": lambda: _resized(_jpeg(), ">HH", 65_500, 65_500),
    "jpeg, scans": _scans,
    "jpeg, a million comments": lambda: with_segments(_jpeg(), segment(0xFE, b"") * 1_000_000),
    "jpeg, exif in pieces that Pillow joins": lambda: with_segments(
        _jpeg(), segment(0xE1, b"Exif\x00\x00" + bytes(8_000)) * 2_500
    ),
    "gif of 4 gigapixels": lambda: _resized(gif(1), "<HH", 65_535, 65_535),
    "gif, frames": lambda: gif(50_000),
    "gif, a million comments": lambda: gif(1, comments=1_000_000),
    "gif, tiny blocks": lambda: gif(0)[:-1] + b"\x21\xfe" + b"\x01x" * 5_000_000,
    "webp of 268 megapixels": lambda: webp_header(16_384, 16_384),
    "webp of 281 terapixels": lambda: webp_header(2**24, 2**24),
    "webp, frames": lambda: webp_header(4, 4, frames=100_000),
}
"""Files that would take a decoder gigabytes or minutes."""


def test_s_1_a_files_name_and_declared_type_are_not_believed(tmp_path: Path) -> None:
    """Pillow S-1, OWASP "validate the file type": the first bytes alone choose the decoder."""
    for name, kind in (("safe.png", "TIFF"), ("safe.jpg", "JPEG2000"), ("safe.gif", "BMP")):
        (tmp_path / name).write_bytes(written(noise(), kind))
        refusal((tmp_path / name).read_bytes())
    assert open_picture(written(noise(), "PNG")).size == (64, 48)
    # The decoder of one kind is never tried on another.
    refusal(b"\x89PNG\r\n\x1a\n" + written(noise(), "WEBP"))
    refusal(b"\xff\xd8\xff" + written(noise(), "GIF"))


def test_s_2_decoders_are_named_so_that_a_foreign_plugin_is_never_asked() -> None:
    """Pillow S-2: every call of ``Image.open`` on bytes from outside names the formats."""
    calls = set()
    for path, (_, tree) in sources().items():
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and _is(node.func, "Image", "open"):
                calls.add((path, any(keyword.arg == "formats" for keyword in node.keywords)))
    drawn_by_us = ("providers/local/illustrate/sprite.py", False)
    assert sorted(calls) == [drawn_by_us, ("studio/imaging/pixels.py", True)]


def _is(function: ast.expr, thing: str, name: str) -> bool:
    """Whether a function that is called is ``thing.name``."""
    if not isinstance(function, ast.Attribute) or function.attr != name:
        return False
    return isinstance(function.value, ast.Name) and function.value.id == thing


def test_t_1_i_1_metadata_stay_behind(tmp_path: Path) -> None:
    """Pillow T-1, I-1, recommendations 7 and 8: what leaves is pixels, and two cleaned names."""
    exif = Image.Exif()
    exif[0x010F], exif[0x8825] = "<b>maker</b>", {1: "N", 2: (1.0, 2.0, 3.0)}
    exif[0x013B] = "Ada\x00\n\x1b[31m" + "x" * 5_000
    data = written(noise(), "JPEG", exif=exif, comment=b"a note")
    image = open_picture(data)
    assert image.info == {}
    for kind in ("png", "jpeg", "webp"):
        made = imaging.encode(image, kind)
        assert probe(made).extras == frozenset()
        assert b"maker" not in made
    name = imaging.credit_of(data).artist
    assert name.startswith("Ada")
    assert name.isprintable()
    assert len(name) <= 200


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "WEBP"])
def test_t_2_image_rewriting_leaves_no_hidden_data(kind: str) -> None:
    """Pillow T-2, OWASP "image rewriting": polyglots (GIF + script, PNG + zip) lose that half."""
    archive = b"PK\x03\x04" + SCRIPT + b"PK\x05\x06" + bytes(18)
    data = written(noise(), kind)
    if kind == "GIF":
        data = data[:-1] + b"\x21\xfe" + bytes([len(SCRIPT)]) + SCRIPT + b"\x00\x3b"
    polyglot = data + archive
    assert imaging.sniff(polyglot) == f"image/{kind.lower()}"
    assert "behind" in probe(polyglot).extras
    image = open_picture(polyglot)
    assert image.tobytes() == open_picture(data).tobytes()
    for format_ in ("png", "jpeg", "webp"):
        made = imaging.encode(image, format_)
        assert SCRIPT not in made
        assert b"PK\x03\x04" not in made


def test_t_3_libraries_are_pinned_with_hashes_and_current() -> None:
    """Pillow T-3, E-1, recommendations 4 and 9, OWASP "libraries kept up to date"."""
    lock = (ROOT / "requirements.lock").read_text(encoding="utf-8")
    for package in ("pillow", "numpy", "opencv-python-headless", "tinytag"):
        assert re.search(rf"^{package}==.+\\\n +--hash=sha256:", lock, re.MULTILINE), package
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    assert "pillow>=13,<14" in project["project"]["dependencies"]
    assert int(re.findall(r"^pillow==(\d+)", lock, re.MULTILINE)[0]) >= 13


def test_r_1_every_refusal_is_in_the_log_with_kind_size_and_hash(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Pillow R-1, recommendation 10: a refused file can be found again, its contents not."""
    caplog.set_level(logging.INFO, logger="studio.imaging")
    data = b"%PDF-1.7 secret"
    refusal(data)
    (record,) = caplog.records
    assert "application/pdf" in record.getMessage()
    assert f"{len(data)} bytes" in record.getMessage()
    assert "SHA-256 51e3" in record.getMessage() or "SHA-256 " in record.getMessage()
    assert "secret" not in record.getMessage()


def test_i_2_no_picture_is_put_into_a_temporary_file() -> None:
    """Pillow I-2: bytes go to the decoder through memory or a pipe; only videos need a file."""
    for path in (ROOT / "studio" / "imaging").glob("*.py"):
        assert "tempfile" not in path.read_text(encoding="utf-8"), path.name


@pytest.mark.parametrize("name", BOMBS)
def test_d_1_d_3_bombs_are_refused_within_a_second(name: str) -> None:
    """Pillow D-1 and D-3, recommendation 5, OWASP "ZIP bombs": by their structure, undecoded."""
    data = BOMBS[name]()
    most = len(data) + 1
    for use in (probe, open_picture):
        began = time.process_time()
        refusal(data, lambda each, use=use: use(each, max_bytes=most))  # type: ignore[misc]
        assert time.process_time() - began < 1


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="Linux measures peaks")
def test_d_1_memory_hardly_grows_while_bombs_are_refused() -> None:
    """Pillow D-1: below 50 MB more than the files themselves, for all bombs one after the other."""
    program = """
from pathlib import Path
from studio.errors import PictureRefused
from studio.imaging import open_picture, probe
from tests.unit.imaging.test_safe_pictures import BOMBS
def status(name):
    return int(Path("/proc/self/status").read_text().split(name)[1].split()[0]) * 1024
most = 0
for name, make in BOMBS.items():
    data = make()
    for use in (probe, open_picture):
        Path("/proc/self/clear_refs").write_text("5")
        before = status("VmRSS:")
        try:
            use(data, max_bytes=2**30)
            raise SystemExit(name)
        except PictureRefused:
            pass
        most = max(most, status("VmHWM:") - before)
print(most)
"""
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 50_000_000


def test_d_1_exif_that_unfolds_to_gigabytes_is_not_unfolded() -> None:
    """Pillow D-1: thousands of entries that point at the same megabytes; the picture is fine."""
    data = png(4, 4, chunk(b"eXIf", exif_bomb(20)))
    tracemalloc.start()
    try:
        assert open_picture(data).size == (4, 4)
        assert imaging.credit_of(data) == imaging.NOBODY
        assert tracemalloc.get_traced_memory()[1] < 50_000_000
    finally:
        tracemalloc.stop()


def test_d_1_pillows_own_alarm_is_on() -> None:
    """Pillow recommendation 5: our limit lies below Pillow's, which is never switched off."""
    assert Image.MAX_IMAGE_PIXELS is not None
    assert decode.MAX_PIXELS < Image.MAX_IMAGE_PIXELS
    for path, (text, _) in sources().items():
        assert "MAX_IMAGE_PIXELS" not in text, path


def test_d_2_pixels_sides_and_bytes_have_exact_limits() -> None:
    """Pillow D-2, OWASP "file size limit": the largest is taken, one more is not."""
    data = written(noise(10, 10), "PNG")
    assert open_picture(data, max_pixels=100, max_bytes=len(data)).size == (10, 10)
    with pytest.raises(PictureRefused, match="too many pixels"):
        open_picture(data, max_pixels=99)
    with pytest.raises(PictureRefused, match="too long"):
        open_picture(data, max_bytes=len(data) - 1)
    assert probe(png(survey.MAX_SIDE, 1)).width == survey.MAX_SIDE
    with pytest.raises(PictureRefused, match="too long or too wide"):
        probe(png(survey.MAX_SIDE + 1, 1))
    assert probe(gif(survey.MAX_FRAMES)).frames == survey.MAX_FRAMES
    with pytest.raises(PictureRefused, match="too many frames"):
        probe(gif(survey.MAX_FRAMES + 1))


@pytest.mark.parametrize("kind", ["WEBP", "GIF", "PNG with a profile", "JPEG with a profile"])
def test_e_1_risky_decoders_run_in_a_process_of_their_own(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pillow E-1, recommendation 1, OWASP "sandbox": none of these is decoded in this process."""
    monkeypatch.setattr(pixels, "decode", None)
    name = kind.split(maxsplit=1)[0]
    profile = {"icc_profile": b"not really"} if "profile" in kind else {}
    assert open_picture(written(noise(), name, **profile)).size == (64, 48)


def test_e_1_all_decoders_do_where_that_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pillow recommendation 1: for studios that take files from strangers."""
    monkeypatch.setattr(decode, "settings", lambda: Settings(decode_apart="all"))
    monkeypatch.setattr(pixels, "decode", None)
    for kind in ("PNG", "JPEG"):
        assert open_picture(written(noise(), kind)).size == (64, 48)


def test_e_1_a_file_that_tells_two_sizes_is_refused() -> None:
    """Pillow E-1, CVE-2026-112403: what the header says and what the decoder finds must agree."""
    jpeg = written(noise(), "JPEG")
    start = jpeg.index(b"\xff\xc0")
    frame = jpeg[start : start + 19]
    small = frame.replace(struct.pack(">HH", 48, 64), struct.pack(">HH", 8, 8))
    refusal(jpeg[:start] + small + jpeg[start:])
    refusal(jpeg[: start + 19] + small + jpeg[start + 19 :])
    with pytest.raises(PictureRefused, match="damaged"):
        pixels.decode(jpeg, pixels.Order("image/jpeg", 8, 8))
    twice = png(4, 4, chunk(b"IHDR", struct.pack(">IIBBBBB", 9_000, 9_000, 8, 0, 0, 0, 0)))
    assert open_picture(twice).size == (4, 4)


@pytest.mark.parametrize("name", PROGRAMS)
def test_e_2_files_that_are_programs_are_refused_unopened(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Pillow E-2, recommendation 2, OWASP "exploit the parser": EPS, PS, PDF, SVG, MVG."""
    monkeypatch.setattr(Image, "open", None)
    for data in (PROGRAMS[name], b" \n" + PROGRAMS[name], b"\xef\xbb\xbf" + PROGRAMS[name]):
        for use in (probe, open_picture):
            refusal(data, use)


def test_e_2_formats_are_an_allow_list_of_four(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pillow recommendation 6, OWASP "list allowed extensions": other codecs never run."""
    files = [written(noise(16, 16), kind) for kind in OTHER_CODECS]
    monkeypatch.setattr(Image, "open", None)
    for data in files:
        assert refusal(data).message == "The file is not a picture of an accepted kind."


def test_e_3_nothing_is_evaluated() -> None:
    """Pillow E-3, recommendation 3: no ImageMath, no eval, no exec anywhere in the product."""
    for path, (_, tree) in sources().items():
        names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
        assert not names & {"ImageMath", "eval", "exec", "ImageShow", "ImageGrab"}, path


def test_e_4_no_font_is_named_by_a_request() -> None:
    """Pillow E-4: no operation has a field for a font, and only our own files are loaded."""
    from studio.operations import OPERATIONS

    for operation in OPERATIONS.values():
        assert not [name for name in operation.model_fields if "font" in name]


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "WEBP"])
@pytest.mark.parametrize("part", [0.01, 0.5, 0.99])
def test_truncated_files_are_refused(kind: str, part: float) -> None:
    """Pillow D-3: a decoder that waits for more gets nothing."""
    data = written(noise(120, 90), kind)
    refusal(data[: int(len(data) * part)])


@pytest.fixture
def inputs(sqlite_database: Database, tmp_path: Path) -> Inputs:
    return Inputs(sqlite_database, BlobStore((tmp_path / "blobs").as_uri()), tmp_path)


def test_owasp_names_with_tricks_name_no_file(inputs: Inputs, tmp_path: Path) -> None:
    """OWASP "extension validation": null bytes, double extensions, encoded separators."""
    (tmp_path / "shell.php.png").write_bytes(b"<?php system('id'); ?>")
    for name in ("shell.php\x00.png", "shell.php.png", "..%2f..%2fetc%2fpasswd", "a" * 300):
        with pytest.raises(InvalidRequest) as refused:
            inputs.find("image", name, "ada")
        assert refused.value.field == "image"


def test_owasp_files_are_kept_under_names_of_our_own_and_cannot_be_run(
    inputs: Inputs, tmp_path: Path
) -> None:
    """OWASP "change the filename", "filesystem permissions", "overwrite an existing file"."""
    data = written(noise(), "PNG")
    (tmp_path / "..passwd.PNG").write_bytes(data)
    found = inputs.find("image", "..passwd.PNG", "ada")
    kept = [path for path in (tmp_path / "blobs").rglob("*") if path.is_file()]
    assert len(kept) == 2  # the picture and its thumbnail
    for path in kept:
        assert re.fullmatch(r"[0-9a-f/]+", path.relative_to(tmp_path / "blobs").as_posix())
        assert not path.stat().st_mode & (stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)
    assert found.asset.startswith("ast_")
    (tmp_path / "other.png").write_bytes(data)
    inputs.find("image", "other.png", "ada")
    assert len([path for path in (tmp_path / "blobs").rglob("*") if path.is_file()]) == 2


def test_owasp_a_file_that_is_too_large_is_not_even_read(
    inputs: Inputs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """OWASP "set a file size limit": by its size on disk, before a byte is read."""
    with (tmp_path / "huge.png").open("wb") as file:
        file.truncate(imaging.MAX_BYTES + 1)
    monkeypatch.setattr(Path, "read_bytes", None)
    with pytest.raises(PictureRefused, match="too large"):
        inputs.find("image", "huge.png", "ada")


def test_owasp_files_of_others_are_not_found(
    inputs: Inputs, tmp_path: Path, sqlite_database: Database
) -> None:
    """OWASP "only authorized users": an asset is found by its owner alone."""
    (tmp_path / "mine.png").write_bytes(written(noise(), "PNG"))
    mine = inputs.find("image", "mine.png", "ada")
    with pytest.raises(NotFound):
        inputs.find("image", mine.asset, "eve")
    with sqlite_database.read() as connection:
        assert find_asset(connection, "ada", mine.asset).id == mine.asset


def test_owasp_what_a_provider_calls_a_picture_is_looked_at(tmp_path: Path) -> None:
    """OWASP "content-type validation": what the bytes deny is refused; bombs, too."""
    offer = offers("liar")[0]
    job = a_job(Generate(prompt="a fox", seed=7), offer.id)
    store = BlobStore((tmp_path / "blobs").as_uri())
    for data in (PROGRAMS["html"], PROGRAMS["svg"], BOMBS["webp of 268 megapixels"]()):
        with pytest.raises(BadResponse):
            keep(store, offer, Delivery((Output(data, "image/webp"),), model="m", method="w"), job)
    assert not [path for path in (tmp_path / "blobs").rglob("*") if path.is_file()]


def test_owasp_files_are_served_by_a_handler_that_lets_nothing_run(tmp_path: Path) -> None:
    """OWASP "outside of the webroot", "client-side active content", "CSRF", "filename"."""
    name = 'fox"\r\nX-Evil: 1<script>.png'
    (tmp_path / name).write_bytes(gif(1) + SCRIPT)
    with opened_studio(tmp_path / "home") as studio:
        asset = Inputs(studio.database, studio.store, tmp_path).find("image", name, "demo").asset
        transport = httpx.ASGITransport(application(studio))

        async def ask(method: str, path: str) -> httpx.Response:
            async with httpx.AsyncClient(transport=transport, base_url="http://studio") as client:
                return await client.request(method, path)

        answer = asyncio.run(ask("GET", f"/assets/{asset}"))
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "image/gif"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert "sandbox" in answer.headers["content-security-policy"]
        assert answer.headers["content-disposition"] == 'inline; filename="foxX-Evil1script.png"'
        assert "x-evil" not in answer.headers
        for path in ("/assets/../../etc/passwd", "/assets/%2e%2e%2fetc", "/assets/ast_no", "/etc"):
            assert asyncio.run(ask("GET", path)).status_code == 404
        for method in ("POST", "PUT", "PATCH", "DELETE"):
            assert asyncio.run(ask(method, f"/assets/{asset}")).status_code == 405


def test_owasp_sounds_and_videos_have_limits_too() -> None:
    """OWASP "upload limits": sounds, videos, models, texts are bounded before parsing."""
    large = {
        b"ID3\x04": media.MAX_AUDIO_BYTES,
        b"\x00\x00\x00\x20ftypisom": media.MAX_VIDEO_BYTES,
        b"glTF\x02\x00\x00\x00": media.MAX_MODEL_BYTES,
        b"{": media.MAX_TEXT_BYTES,
    }
    for start, most in large.items():
        with pytest.raises(PictureRefused, match="too large"):
            media.look(start + bytes(most + 1 - len(start)))
