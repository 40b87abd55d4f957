"""``studio emulators``: four "cloud providers" on this machine, to try the studio without a key."""

from __future__ import annotations

import contextlib
import importlib
import sys
import threading
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from interfaces.cli.exits import Exit
from interfaces.cli.session import Here
from studio.errors import SetupIncomplete

_EMULATORS = {
    "stability": ("StabilityEmulator", 4301),
    "wavespeed": ("WaveSpeedEmulator", 4302),
    "huggingface": ("HuggingFaceEmulator", 4303),
    "gemini": ("GeminiEmulator", 4304),
}


def emulators(*, session: Here) -> int:
    """Start emulators of the cloud providers.

    They run until Ctrl-C, check what the real ones check, and bill nobody: their pictures are
    plain colours. Set the variables that are printed in another terminal, and the studio uses
    them.
    """
    with contextlib.ExitStack() as stack:
        running = {
            name: stack.enter_context(_emulator(name, *which)) for name, which in _EMULATORS.items()
        }
        settings = {
            f"STUDIO_{name.upper()}_{what}": value
            for name, emulator in running.items()
            for what, value in (("KEY", emulator.key), ("URL", emulator.url))
        }
        settings["STUDIO_HUGGINGFACE_HUB_URL"] = running["huggingface"].url
        session.out.result({"settings": settings}, lambda to: _show(to, settings))
        with contextlib.suppress(KeyboardInterrupt):
            threading.Event().wait()
    return Exit.DONE


def _emulator(name: str, kind: str, port: int) -> Any:
    # The studio is installed from a clone, whose tests are not in the package.
    sys.path.append(str(Path(__file__).parents[2]))
    try:
        module = importlib.import_module(f"tests.contract.emulators.{name}")
    except ModuleNotFoundError as error:
        raise SetupIncomplete(
            "The emulators are part of the tests: run this in a clone of the repository, "
            "after `make test` has set it up."
        ) from error
    return getattr(module, kind)(port=port)


def _show(to: Console, settings: dict[str, str]) -> None:
    for name, value in settings.items():
        to.print(Text(f"export {name}={value}"))
    to.print(Text("\nThey run until Ctrl-C.", style="dim"))
