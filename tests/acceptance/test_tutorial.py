"""docs/tutorial.md as a newcomer follows it: every command of the page, in its order.

`make demo` and `make up` are done as the Makefile does them, without setting up an environment
again; everything else is given to a shell as it stands.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from deployments.server import is_healthy
from tests.conftest import free_port

_ROOT = Path(__file__).parents[2]
_PAGE = (_ROOT / "docs" / "tutorial.md").read_text(encoding="utf-8")
_BLOCKS = re.findall(r"^```console\n(.+?)^```$", _PAGE, re.MULTILINE | re.DOTALL)
_EXIT = {"--width 9000": 2, "examples/faulty.csv": 2}
"""What the page says is refused."""
_DEMO, _UP = "make demo", "make up"
_START_SECONDS = 300


class Newcomer:
    """Someone with a clone and a terminal.

    Args:
        folder: of the clone.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        tools = folder / ".venv" / "bin"
        tools.mkdir(parents=True)
        studio = tools / "studio"
        studio.write_text(
            f"#!{sys.executable}\nimport sys, interfaces.cli as c\nsys.exit(c.main())\n",
            encoding="utf-8",
        )
        studio.chmod(0o755)
        (folder / "examples").mkdir()
        for name in ("campaign.csv", "faulty.csv"):
            given = (_ROOT / "examples" / name).read_bytes()
            (folder / "examples" / name).write_bytes(given)
        ports = ("PREFECT_PORT", "FILES_PORT", "API_PORT")
        self.environment: Mapping[str, str] = {
            **{k: v for k, v in os.environ.items() if not k.startswith(("PREFECT_", "STUDIO_"))},
            **{f"STUDIO_{name}": str(free_port()) for name in ports},
            "PYTHONPATH": str(_ROOT),
        }
        self.up: subprocess.Popen[bytes] | None = None

    def type(self, lines: str) -> subprocess.CompletedProcess[str]:
        exports = next(each for each in _BLOCKS if each.startswith("export ")).splitlines()[0]
        return subprocess.run(
            ["sh", "-ec", f"{exports}\n{lines}"],
            env=self.environment,
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=900,
            check=False,
        )

    def start(self) -> None:
        home = {"STUDIO_HOME": str(self.folder / ".studio")}
        self.up = subprocess.Popen(
            [self.folder / ".venv" / "bin" / "studio", "up"],
            env={**self.environment, **home},
            cwd=self.folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + _START_SECONDS
        api = f"http://127.0.0.1:{self.environment['STUDIO_API_PORT']}/api/image-studio"
        # The API comes last but for the deployments, which commands wait for themselves.
        while not is_healthy(api):
            assert self.up.poll() is None, "studio up ended"
            assert time.monotonic() < deadline, "studio up did not start"
            time.sleep(0.5)

    def stop(self) -> None:
        if self.up is not None:
            self.up.send_signal(signal.SIGINT)
            assert self.up.wait(60) == 0


@pytest.fixture
def newcomer(tmp_path: Path) -> Iterator[Newcomer]:
    made = Newcomer(tmp_path / "image-studio")
    try:
        yield made
    finally:
        made.stop()


def test_the_makefile_does_what_this_test_does_in_its_place() -> None:
    makefile = (_ROOT / "Makefile").read_text(encoding="utf-8")
    for command in (_DEMO, _UP):
        name = command.removeprefix("make ")
        assert re.search(rf"^{name}: .+\n\t@\$\(BIN\)/studio {name}$", makefile, re.MULTILINE), name
    assert "export STUDIO_HOME ?= $(CURDIR)/.studio" in makefile


@pytest.mark.trial
@pytest.mark.timeout(1_800)
def test_every_command_of_the_tutorial_does_what_the_page_says(newcomer: Newcomer) -> None:
    seen = ""
    for block in _BLOCKS:
        command = block.strip()
        if command == _UP:
            newcomer.start()
            continue
        answer = newcomer.type(block.replace(_DEMO, "studio demo"))
        wanted = next((code for words, code in _EXIT.items() if words in block), 0)
        told = f"{block}\n{answer.stdout}\n{answer.stderr}"
        assert answer.returncode == wanted, told
        assert "Traceback" not in answer.stderr, told
        seen += answer.stdout
    made = list((newcomer.folder / ".studio").rglob("*.png"))
    assert made, "the pictures are where the page says"
    assert "nightly" in seen
