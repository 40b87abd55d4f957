"""The program that is killed while it moves credits.

Like ``tests.crash.program``: it imports everything once, reads commands from its standard input,
one JSON object a line, and carries each out in a process forked for it. It answers each command
with the wait status of that process and the name of the point at which it was killed, if it was.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import traceback
from dataclasses import dataclass
from typing import Any

from billing.accounts import plans
from studio import clock
from studio.database import Database
from tests.support.accounts import PLANS, Accounts
from tests.support.books import StandingClock
from tests.support.faults import SCENES, Scene, act, prepare, struck


@dataclass(frozen=True)
class Command:
    """One scene for one owner.

    Attributes:
        url: the database, in which the scene is prepared for the owner.
        scene: the scene's name.
        owner: for whom.
        kill: the number of the point at which the process is killed, from 1. With 0 there is none
            and the scene is not carried out: this program gets ready for it.
    """

    url: str
    scene: str
    owner: str
    kill: int


def opened(url: str, scene: Scene) -> Accounts:
    """Open a database and carry the scene out once, so that no process compiles SQL anew.

    It is closed again: a forked process must have connections of its own.
    """
    accounts = Accounts(Database(url, durable=False), StandingClock())
    clock.now = accounts.clock
    prepare(accounts, scene, "warm")
    act(accounts, scene, "warm")
    accounts.database.close()
    return accounts


def run(accounts: Accounts, scene: Scene, command: Command, told: int) -> None:
    """Carry the scene out; die on the way."""

    def kill(_connection: Any, name: str) -> None:
        os.write(told, name.encode())
        os.kill(os.getpid(), signal.SIGKILL)

    with struck(accounts.database.engine, command.kill, kill):
        act(accounts, scene, command.owner)


def main() -> None:
    """Carry out commands until the input ends."""
    plans._books = lambda _folder: (PLANS,)  # type: ignore[assignment]
    known: dict[str, Accounts] = {}
    for line in sys.stdin:
        command = Command(**json.loads(line))
        (scene,) = [scene for scene in SCENES if scene.name == command.scene]
        if not command.kill:
            known[command.url] = opened(command.url, scene)
            print(json.dumps([0, ""]), flush=True)
            continue
        heard, told = os.pipe()
        child = os.fork()
        if child == 0:
            code = 1
            try:
                run(known[command.url], scene, command, told)
                code = 0
            except BaseException:
                traceback.print_exc()
                raise
            finally:
                sys.stderr.flush()
                os._exit(code)
        os.close(told)
        _, status = os.waitpid(child, 0)
        print(json.dumps([status, os.read(heard, 1_000).decode()]), flush=True)
        os.close(heard)


if __name__ == "__main__":
    main()
