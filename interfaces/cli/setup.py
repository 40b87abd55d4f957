"""``studio setup``: everything that a machine needs once."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.text import Text

from interfaces.cli.exits import Exit
from interfaces.cli.opening import opened_ledger
from interfaces.cli.output import Output, amount, in_credits, show_facts, table
from interfaces.cli.session import Here
from providers.local.weights import Fetched, fetch
from studio.certificates import signing
from studio.settings import Settings

if TYPE_CHECKING:
    from rich.console import Console


@dataclass(frozen=True, slots=True)
class SetUp:
    """What a machine has after its set-up."""

    files: tuple[Fetched, ...]
    folder: Path
    home: Path
    owner: str
    available: int

    def as_dict(self) -> dict[str, Any]:
        """The same as JSON values."""
        return {
            "files": [
                {
                    "name": each.member.name,
                    "kind": each.member.kind,
                    "bytes": each.member.size,
                    "fetched": each.fresh,
                    "licence": each.member.licence,
                    "purpose": each.member.purpose,
                }
                for each in self.files
            ],
            "weights": str(self.folder),
            "home": str(self.home),
            "wallet": {
                "owner": self.owner,
                **amount("available", self.available),
            },
        }


def setup(*, session: Here) -> int:
    """Fetch the weights, prepare the database, open the wallet."""
    done = set_up(session.config, session.owner, session.out)
    session.out.result(done.as_dict(), lambda to: show(to, done))
    return Exit.DONE


def set_up(config: Settings, owner: str, out: Output) -> SetUp:
    """Bring this machine to where everything works; quick when it is there already.

    Raises:
        SetupIncomplete: a file could not be fetched, or is not what was pinned.
    """
    with out.busy("Fetching weights and sample photographs ..."):
        files = fetch(config.weights_folder)
    if config.content_credentials == "on":
        signing(config)
    with opened_ledger(config) as ledger:
        ledger.open_wallet(owner)
        available = ledger.balance(owner).available
    return SetUp(tuple(files), config.weights_folder, config.folder, owner, available)


def show(to: Console, done: SetUp) -> None:
    """Print what a set-up has brought."""
    rows = table("file", "size", "", "what for", right=("size",))
    rows.columns[0].no_wrap = True
    for each in done.files:
        came = Text("fetched", style="green") if each.fresh else Text("there", style="dim")
        rows.add_row(each.member.name, f"{each.member.size:,}", came, each.member.purpose)
    to.print(rows)
    fresh = [each for each in done.files if each.fresh]
    brought = sum(each.member.size for each in fresh)
    show_facts(
        to,
        [
            ("fetched", f"{len(fresh)} of {len(done.files)} files, {brought:,} bytes"),
            ("weights", str(done.folder)),
            ("home", str(done.home)),
            ("wallet", f"{done.owner}: {in_credits(done.available)}"),
        ],
    )
    if done.available == 0:
        to.print(Text("`studio account top-up 25` puts credits into the wallet.", style="dim"))
