"""The commands of docs/on-call.md copy a studio, each time anew, and bring it back."""

from __future__ import annotations

import re
import sqlite3
import subprocess
import time
from pathlib import Path

ON_CALL = (Path(__file__).parents[3] / "docs" / "on-call.md").read_text(encoding="utf-8")


def commands(heading: str) -> str:
    """Return the first commands under a heading, without those of the studio itself."""
    part = ON_CALL.split(f"\n## {heading}\n", 1)[1]
    block = re.search(r"```console\n(.*?)```", part, re.DOTALL)
    assert block is not None
    return "".join(
        line for line in block[1].splitlines(keepends=True) if not line.startswith("studio ")
    )


def test_a_second_copy_is_as_new_as_it_says_and_comes_back_whole(tmp_path: Path) -> None:
    home = tmp_path / ".studio"
    (home / "prefect").mkdir(parents=True)
    (home / "blobs").mkdir()
    (home / "blobs" / "picture").write_bytes(b"bytes")
    (home / "quote.key").write_text("a key")
    (tmp_path / ".env").write_text("STUDIO_OWNER=ada")
    for name in ("studio.db", "prefect/prefect.db"):
        write(home / name, "CREATE TABLE made (number INTEGER)")
    for _ in range(2):
        write(home / "studio.db", "INSERT INTO made SELECT count(*) + 1 FROM made")
        run(commands("Back up"), tmp_path)
        time.sleep(1.1)  # copies are told apart by their second
    copies = sorted((tmp_path / "backup").iterdir())
    assert len(copies) == 2
    assert all(copy.stat().st_mode & 0o077 == 0 for copy in copies)
    assert (copies[1] / "env").read_text() == "STUDIO_OWNER=ada"

    home.rename(tmp_path / "gone")
    run(commands("Restore"), tmp_path)
    assert read(home / "studio.db") == [(1,), (2,)]
    assert read(home / "prefect" / "prefect.db") == []
    assert (home / "blobs" / "picture").read_bytes() == b"bytes"
    assert (home / "quote.key").read_text() == "a key"


def run(script: str, folder: Path) -> None:
    subprocess.run(["sh", "-eu", "-c", script], cwd=folder, check=True, timeout=60)


def write(path: Path, statement: str) -> None:
    connection = sqlite3.connect(path)
    connection.execute(statement)
    connection.commit()
    connection.close()


def read(path: Path) -> list[tuple[int]]:
    connection = sqlite3.connect(path)
    try:
        return connection.execute("SELECT number FROM made").fetchall()
    finally:
        connection.close()
