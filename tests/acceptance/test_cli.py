"""The command line as its users know it: processes, exit codes, files, and a real Prefect server.

The server is that of the whole test run (``prefect_server``); each test has a home of its own.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

_ROOT = Path(__file__).parents[2]
_FAULTY = _ROOT / "examples" / "faulty.csv"
_FAULTS = 36
_MANY = 40
_NIGHT = 12
_HEADER = "row,operation,prompt,width,height,image,factor,model\n"
_GOOD = (
    f"{_HEADER}fox,generate,a red fox,96,96,,,\nowl,generate,an owl,96,96,,,\n"
    "big,upscale,,,,@fox,2x,lanczos\n"
)


@dataclass
class Shell:
    """A terminal with a studio of its own."""

    home: Path

    def start(self, *words: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-c", "import sys, interfaces.cli as c; sys.exit(c.main())", *words],
            env={**os.environ, "STUDIO_HOME": str(self.home), "PYTHONPATH": str(_ROOT)},
            cwd=self.home.parent,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *words: str, code: int = 0) -> str:
        process = self.start(*words)
        out, err = process.communicate()
        assert process.returncode == code, f"{words}: {process.returncode}\n{out}\n{err}"
        assert "Traceback" not in err
        return out

    def json(self, *words: str, code: int = 0) -> Any:
        return json.loads(self.run(*words, "--json", code=code))

    def count(self, table: str) -> int:
        connection = sqlite3.connect(self.home / "studio.db")
        try:
            return int(connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0])  # noqa: S608 - a name of ours
        finally:
            connection.close()


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    return Shell(tmp_path / "home")


@pytest.fixture
def rich(shell: Shell) -> Shell:
    shell.run("account", "top-up", "10")
    return shell


def test_a_faulty_file_is_told_fault_by_fault_and_costs_nothing(rich: Shell) -> None:
    before = rich.json("account", "show")
    told = rich.json("batch", "check", str(_FAULTY), code=2)["error"]
    assert told["code"] == "batch_invalid"
    assert len(told["problems"]) == _FAULTS
    assert all({"line", "row", "field", "value", "rule"} == set(each) for each in told["problems"])

    shown = rich.run("batch", "check", str(_FAULTY), code=2)
    for each in told["problems"]:
        assert each["rule"].split(";")[0][:40] in " ".join(shown.split())
    assert rich.json("account", "show") == before
    assert rich.count("holds") == 0


def test_a_faulty_file_is_not_run(rich: Shell) -> None:
    before = rich.json("account", "show")
    told = rich.json("batch", "run", str(_FAULTY), code=2)["error"]
    assert len(told["problems"]) == _FAULTS
    assert rich.json("account", "show") == before
    assert (rich.count("holds"), rich.count("batches"), rich.count("jobs")) == (0, 0, 0)


@pytest.mark.usefixtures("prefect_server")
def test_a_batch_from_check_to_manifest(rich: Shell, tmp_path: Path) -> None:
    file = tmp_path / "good.csv"
    file.write_text(_GOOD, encoding="utf-8")
    saved = tmp_path / "quote.txt"
    quoted = rich.json("batch", "quote", str(file), "--save", str(saved))
    assert rich.json("batch", "check", str(file))["total"] == quoted["total"]

    done = rich.json("batch", "run", str(file), "--quote", f"@{saved}")
    assert done["complete"]
    assert done["counts"] == {"done": 3}
    assert done["spent"] == done["held"] == quoted["total"]
    assert done["available"] == quoted["after"] == done["had"] - done["spent"]
    assert all(Path(name).is_file() for row in done["rows"] for name in row["files"])
    assert done["run"] in done["link"]

    again = rich.json("batch", "run", str(file))
    assert (again["complete"], again["held"], again["spent"]) == (True, 0, 0)
    assert {row["free"] for row in rich.json("batch", "check", str(file))["rows"]} == {
        "done before"
    }

    (listed,) = rich.json("batch", "status")["batches"]
    assert (listed["batch"], listed["state"], listed["round"]) == (done["batch"], "done", 2)
    assert rich.json("batch", "status", done["batch"])["counts"] == {"done": 3}
    watched = rich.json("batch", "status", done["batch"], "--watch")
    assert (watched["counts"], watched["rows"], watched["causes"]) == ({"done": 3}, 3, [])
    manifest = rich.json("batch", "manifest", done["batch"])
    assert manifest["totals"]["files"] == 3
    assert rich.run("batch", "manifest", done["batch"]).startswith('"line","row"')

    packed = tmp_path / "all.zip"
    names = ("--names", "{operation}/{row}-{width}x{height}")
    assert rich.json("batch", "zip", done["batch"], "--to", str(packed), *names)["files"] == 3
    with zipfile.ZipFile(packed) as files:
        assert len(files.namelist()) == 5
    assert rich.json("batch", "errors", done["batch"]) == {"rows": 0, "unknown": 0}
    back = str(tmp_path / "manifest.jsonl")
    rich.run("batch", "manifest", done["batch"], "--to", back)
    chain = ("--operation", "upscale | convert output_format=webp", "--set", "factor=2x")
    assert len(rich.json("batch", "check", back, *chain)["rows"]) == 6

    # All is bought, but a picture is lost: that is no success.
    (Path(done["folder"]) / "0002-fox.png").unlink()
    shutil.rmtree(rich.home / "blobs")
    lost = rich.json("batch", "run", str(file), code=1)
    assert (lost["completed"], lost["spent"]) == (False, 0)
    assert "not_found" in lost["message"]


@pytest.mark.timeout(600)  # three runs; a loaded machine needs several times the minute
@pytest.mark.usefixtures("prefect_server")
def test_a_wallet_too_small_goes_as_far_as_it_goes_and_a_top_up_does_the_rest(
    rich: Shell, tmp_path: Path
) -> None:
    """Also: what is done again is what is left, and an edited file buys only what was edited."""
    file = tmp_path / "campaign.csv"
    rows = [f"r{n},generate,a boat number {n},96,96,,,\n" for n in range(5)]
    file.write_text(_HEADER + "".join(rows), encoding="utf-8")
    total = rich.json("batch", "check", str(file))["total"]
    each = total // 5
    enough = f"{(2 * each + each // 2) / 1_000_000:f}"
    part = ("--max-credits", enough, "--as-far-as-it-goes")
    begun = rich.json("batch", "run", str(file), *part, code=1)
    assert begun["counts"] == {"done": 2, "skipped_budget": 3}
    assert begun["held"] == begun["spent"] == 2 * each
    batch = begun["batch"]
    file.unlink()

    rest = rich.json("batch", "resume", batch)
    assert (rest["complete"], rest["held"], rest["spent"]) == (True, 3 * each, 3 * each)
    assert "No row of batch" in rich.json("batch", "retry", batch, code=2)["error"]["message"]
    assert rich.count("ledger_transactions WHERE kind = 'capture'") == 5

    rows[3] = "r3,generate,a lighthouse,96,96,,,\n"
    file.write_text(_HEADER + "".join(rows), encoding="utf-8")
    edited = rich.json("batch", "run", str(file))
    assert (edited["complete"], edited["spent"]) == (True, each)
    assert edited["batch"] != batch


@pytest.mark.usefixtures("prefect_server")
def test_one_operation_becomes_a_file(rich: Shell, tmp_path: Path) -> None:
    words = ("run", "generate", "--prompt", "a fox", "--width", "96", "--height", "64")
    made = rich.json(*words, "--seed", "7", "--to", str(tmp_path / "out"))
    (asset,) = made["assets"]
    assert Path(asset["file"]).parent == tmp_path / "out"
    assert Path(asset["file"]).read_bytes().startswith(b"\x89PNG")
    assert made["spent"] > 0
    assert made["available"] == 10_000_000 - made["spent"]
    assert rich.json("library", "show", asset["asset"])["seed"] == 7


@pytest.mark.usefixtures("prefect_server")
def test_status_from_beside_and_ctrl_c(rich: Shell, tmp_path: Path) -> None:
    """A batch can be looked at while it runs; Ctrl-C ends it cleanly and gives credits back."""
    file = tmp_path / "long.csv"
    rows = "".join(f"r{n},generate,a boat number {n},1024,1024,,,\n" for n in range(_MANY))
    file.write_text(_HEADER + rows, encoding="utf-8")
    process = rich.start("batch", "run", str(file), "--json")
    _wait_for_a_settled_job(rich, process)
    (listed,) = rich.json("batch", "status")["batches"]
    assert listed["state"] == "running"
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=300)
    assert process.returncode == 130, err
    assert json.loads(out)["error"]["code"] == "interrupted"
    assert "Traceback" not in err

    after = rich.json("batch", "status", listed["batch"])
    assert after["state"] == "cut_off"
    assert 0 < after["counts"]["done"] < _MANY
    balance = rich.json("account", "show")
    assert balance["captured"] == after["total_spent"]


@pytest.mark.usefixtures("prefect_server")
def test_a_batch_killed_half_way_is_completed_by_the_next_run(rich: Shell, tmp_path: Path) -> None:
    """SIGKILL gives nobody a chance to clean up; the row ledger alone knows what is done."""
    file = tmp_path / "night.csv"
    rows = "".join(f"r{n},generate,a boat number {n},512,512,,,\n" for n in range(_NIGHT))
    file.write_text(f"{_HEADER}{rows}large,upscale,,,,@r0,2x,lanczos\n", encoding="utf-8")

    process = rich.start("batch", "run", str(file), "--json")
    _wait_for_a_settled_job(rich, process)
    process.kill()
    process.communicate()
    done_before = rich.count("jobs WHERE state = 'settled'")
    assert 0 < done_before <= _NIGHT

    completed = rich.json("batch", "run", str(file))
    assert completed["counts"] == {"done": _NIGHT + 1}
    assert rich.count("jobs WHERE state = 'settled'") == _NIGHT + 1
    assert rich.count("ledger_transactions WHERE kind = 'capture'") == _NIGHT + 1
    account = rich.json("account", "show")
    assert (account["held"], account["captured"]) == (0, completed["total_spent"])

    unbroken = Shell(tmp_path / "unbroken")
    unbroken.run("account", "top-up", "10")
    unbroken.json("batch", "run", str(file))
    assert _told(rich, completed["batch"]) == _told(unbroken, completed["batch"])


def _told(shell: Shell, batch: str) -> list[dict[str, Any]]:
    """Return a manifest but for asset ids, which hold the time at which they were made."""
    rows: list[dict[str, Any]] = shell.json("batch", "manifest", batch)["rows"]
    return [{key: value for key, value in row.items() if key != "asset"} for row in rows]


def _wait_for_a_settled_job(shell: Shell, process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 300
    while time.monotonic() < deadline and process.poll() is None:
        if shell.count("jobs WHERE state = 'settled'"):
            return
        time.sleep(0.2)
    raise AssertionError(f"no row was done while the batch was running: {process.poll()}")
