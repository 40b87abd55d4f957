"""The whole studio, reached by nothing but curl: ``examples/api.sh`` against ``studio up``."""

from __future__ import annotations

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from PIL import Image

from interfaces.client import Client
from tests.conftest import free_port

ROOT = Path(__file__).parents[2]
_START = "import sys; from interfaces.cli.app import launch; sys.exit(launch(sys.argv[1:]))"
_PATIENCE = 420


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """A studio that runs, as its environment, with the API's address and a key."""
    folder = tmp_path_factory.mktemp("api")
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("PREFECT_", "STUDIO_"))}
    port = free_port()
    environment = {
        **clean,
        "PYTHONPATH": str(ROOT),
        "STUDIO_HOME": str(folder / "home"),
        "STUDIO_OWNER": "ada",
        "STUDIO_PREFECT_PORT": str(free_port()),
        "STUDIO_FILES_PORT": str(free_port()),
        "STUDIO_API_PORT": str(port),
    }

    def tell(*words: str) -> dict[str, str]:
        done = subprocess.run(
            [sys.executable, "-c", _START, "--json", *words],
            env=environment,
            cwd=folder,
            capture_output=True,
            check=True,
        )
        document: dict[str, str] = json.loads(done.stdout)
        return document

    tell("account", "top-up", "100")
    key = tell("account", "key", "add", "a test")["token"]
    address = f"http://127.0.0.1:{port}/api/image-studio"
    with (folder / "studio.log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-c", _START, "up"],
            env=environment,
            cwd=folder,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        _wait(address, key, process)
        yield {**environment, "STUDIO": address, "KEY": key}
    finally:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _wait(address: str, key: str, process: subprocess.Popen[bytes]) -> None:
    """Return once the deployment of batches is there: schedules can be listed then."""
    deadline, last = time.monotonic() + _PATIENCE, ""
    while time.monotonic() < deadline and process.poll() is None:
        try:
            headers = {"Authorization": f"Bearer {key}"}
            told = httpx.get(f"{address}/schedules", headers=headers, timeout=20)
            if told.status_code == 200:
                return
            last = told.text
        except httpx.TransportError as error:
            last = repr(error)
        time.sleep(1)
    pytest.fail(f"the studio did not start ({process.poll()}); {last}")


@pytest.mark.timeout(1_200)
@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not here")
def test_the_script_with_nothing_but_curl(studio: dict[str, str], tmp_path: Path) -> None:
    picture = tmp_path / "picture.png"
    Image.effect_noise((96, 64), 40).convert("RGB").save(picture)
    told = subprocess.run(
        ["sh", str(ROOT / "examples" / "api.sh"), str(picture)],
        # An edit that needs no weights, which `studio setup` would fetch.
        env={
            **studio,
            "TO": str(tmp_path),
            "OPERATION": "upscale",
            "FIELDS": '"factor": "2x"',
        },
        capture_output=True,
        text=True,
        timeout=1_000,
        check=False,
    )
    assert told.returncode == 0, told.stdout + told.stderr
    assert "event: end" in told.stdout
    with Image.open(tmp_path / "edited.png") as edited:
        assert edited.size == (192, 128)
    with (tmp_path / "manifest.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["status"] for row in rows] == ["done", "done"]
    with zipfile.ZipFile(tmp_path / "nightly.zip") as packed:
        assert len(packed.namelist()) == 4


@pytest.mark.timeout(600)
def test_the_client_in_python(studio: dict[str, str]) -> None:
    """The same run is answered to the same key, and its page is Prefect's."""
    with Client(studio["STUDIO"], studio["KEY"]) as client:
        fields = {"prompt": "a quiet lake", "provider": "local", "seed": 1}
        quote = client.quote("generate", **fields)
        first = client.run("generate", key="one", quote=quote["token"], **fields)
        again = client.run("generate", key="one", quote=quote["token"], **fields)
        assert first["id"] == again["id"]
        done = client.wait(first["id"])
        assert done["status"] == "done", done
        assert "/runs/flow-run/" in done["links"]["prefect"]
        (asset,) = done["assets"]
        assert client.download(asset).startswith(b"\x89PNG")
        assert done["spent"]["micro"] == quote["total"]["micro"]
