"""A studio without a route out: it starts, does a run, and never so much as tries to reach anybody.

The whole of it (`studio up` with Prefect's server, the API, the file pages, and the process of the
run) starts in a network namespace of its own, in which there is nothing but a loopback. Every
Python process in there writes down what it tries to connect to and which names it looks up.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import free_port

ROOT = Path(__file__).parents[2]
_SECONDS = 900

_GUARD = """
import os, sys

_FILE = os.environ["NO_WAY_OUT"]
_NAMES = {"localhost", "127.0.0.1", "::1", "", "None", "0.0.0.0", "::"}

def _note(event, args):
    if event == "socket.connect":
        address = args[1]
        host = str(address[0]) if isinstance(address, tuple) else ""
        if not isinstance(address, tuple) or host.startswith("127.") or host == "::1":
            return
    elif event in {"socket.getaddrinfo", "socket.gethostbyname"}:
        host = args[0].decode() if isinstance(args[0], bytes) else str(args[0])
        if host in _NAMES or host.startswith("127."):
            return
    elif event == "socket.sendto":
        host = str(args[1])
        if "127.0.0.1" in host:
            return
    else:
        return
    with open(_FILE, "a") as file:
        file.write(f"{event} {host} in {' '.join(sys.argv[:4])}\\n")

sys.addaudithook(_note)
with open(_FILE + ".guarded", "a") as file:
    file.write(f"{os.getpid()} {' '.join(sys.orig_argv[:5])}\\n")
"""

_DRIVE = """
import json, os, signal, subprocess, sys, time
import httpx

start = "import sys; from interfaces.cli.app import launch; sys.exit(launch(sys.argv[1:]))"

def tell(*words):
    done = subprocess.run([sys.executable, "-c", start, "--json", *words], capture_output=True)
    assert done.returncode == 0, done.stderr.decode()[-2000:]
    return json.loads(done.stdout)

# The guard itself, first: what leads out is written down, and leads nowhere.
import socket
try:
    socket.create_connection(("192.0.2.1", 443), timeout=2)
except OSError as error:
    reached = f"no ({error.__class__.__name__})"
else:
    reached = "yes"
noted = open(os.environ["NO_WAY_OUT"]).read()
open(os.environ["NO_WAY_OUT"], "w").close()

tell("account", "top-up", "100")
key = tell("account", "key", "add", "a test")["token"]
address = f"http://127.0.0.1:{os.environ['STUDIO_API_PORT']}/api/image-studio"
headers = {"Authorization": f"Bearer {key}"}
up = subprocess.Popen([sys.executable, "-c", start, "up"], start_new_session=True)
try:
    deadline = time.monotonic() + 600
    while True:
        try:
            if httpx.get(f"{address}/schedules", headers=headers, timeout=30).status_code == 200:
                break
        except httpx.TransportError:
            pass
        assert up.poll() is None and time.monotonic() < deadline, "it did not start"
        time.sleep(1)
    picture = open(sys.argv[1], "rb").read()
    asset = httpx.post(f"{address}/uploads", headers=headers, timeout=120,
                       files={"file": ("a.png", picture)}).json()
    body = {"image": asset["id"], "factor": "2x"}
    run = httpx.post(f"{address}/operations/upscale", headers=headers, json=body, timeout=120)
    run = run.json()["run"]
    while run["status"] not in {"done", "failed", "crashed"} and time.monotonic() < deadline:
        time.sleep(1)
        run = httpx.get(f"{address}/runs/{run['id']}", headers=headers, timeout=60).json()
    pages = httpx.get(f"http://127.0.0.1:{os.environ['STUDIO_PREFECT_PORT']}/v2/", timeout=60)
finally:
    up.send_signal(signal.SIGINT)
    try:
        up.wait(120)
    except subprocess.TimeoutExpired:
        os.killpg(up.pid, signal.SIGKILL)
print(json.dumps({"status": run["status"], "message": run["message"], "reached": reached,
                  "noted": noted, "assets": len(run["assets"]), "pages": pages.status_code}))
"""


def _may_unshare() -> bool:
    command = ["unshare", "-rn", "sh", "-c", "ip link set lo up && ip route"]
    if shutil.which("unshare") is None or shutil.which("ip") is None:
        return False
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


@pytest.mark.trial
@pytest.mark.timeout(_SECONDS + 60)
@pytest.mark.skipif(not _may_unshare(), reason="no network namespaces for this user here")
def test_without_a_route_out_all_of_it_works_and_nothing_is_tried(tmp_path: Path) -> None:
    from tests.support.paid_server import tiny_png

    guard = tmp_path / "guard"
    guard.mkdir()
    (guard / "sitecustomize.py").write_text(_GUARD)
    (tmp_path / "drive.py").write_text(_DRIVE)
    (tmp_path / "picture.png").write_bytes(tiny_png("a hill", 48))
    notes = tmp_path / "tried"
    notes.touch()
    clean = {k: v for k, v in os.environ.items() if not k.startswith(("PREFECT_", "STUDIO_"))}
    for name in [name for name in clean if name.upper().endswith("_PROXY")]:
        del clean[name]
    environment = {
        **clean,
        "PYTHONPATH": f"{guard}{os.pathsep}{ROOT}",
        "NO_WAY_OUT": str(notes),
        "STUDIO_HOME": str(tmp_path / "home"),
        "STUDIO_OWNER": "ada",
        "STUDIO_PREFECT_PORT": str(free_port()),
        "STUDIO_FILES_PORT": str(free_port()),
        "STUDIO_API_PORT": str(free_port()),
    }
    script = 'ip link set lo up && exec "$0" "$@"'
    command = ["unshare", "-rn", "sh", "-c", script, sys.executable]
    done = subprocess.run(
        [*command, str(tmp_path / "drive.py"), str(tmp_path / "picture.png")],
        env=environment,
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-1_000:] + done.stderr[-3_000:]
    told = json.loads(done.stdout.splitlines()[-1])
    # The guard sees what leads out, and nothing gets out: so what follows means something.
    assert told["reached"].startswith("no")
    assert "socket.connect 192.0.2.1" in told["noted"]
    guarded = Path(f"{notes}.guarded").read_text()
    for process in ("deployments.prefect_server", "up", "drive.py"):
        assert process in guarded, guarded
    assert (told["status"], told["assets"], told["pages"]) == ("done", 1, 200), told
    assert notes.read_text() == "", "somebody tried to reach the world"
