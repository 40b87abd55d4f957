"""``studio up``: Prefect, the deployments and the file pages, until Ctrl-C."""

from __future__ import annotations

import contextlib

from interfaces.cli.exits import Exit
from interfaces.cli.output import show_facts
from interfaces.cli.session import Here
from interfaces.up import up as serve


def up(*, session: Here) -> int:
    """Start Prefect, the deployments and the file pages."""
    config = session.config

    def ready(addresses: dict[str, str]) -> None:
        session.out.result({"addresses": addresses}, lambda to: show_facts(to, addresses.items()))
        session.out.note("Ready. Ctrl-C stops all of it; nothing that was made is lost.")

    session.out.note("Starting; the first time takes some 20 s ...")
    # Prefect's runner takes Ctrl-C for a wish to stop and returns; before it is there, we do.
    with contextlib.suppress(KeyboardInterrupt):
        serve(config, ready)
    session.out.note("Stopped.")
    return Exit.DONE
