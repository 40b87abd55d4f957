"""``studio library verify``: whether a file is as it was made, and how it came to be."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from engine.references import store_of
from interfaces.cli.exits import Exit
from interfaces.cli.opening import opened_database
from interfaces.cli.output import plain, show_facts, table
from interfaces.cli.session import Here
from library import find_asset
from studio import imaging
from studio.certificates import authorities
from studio.content_credentials import Verdict, verify

if TYPE_CHECKING:
    from rich.console import Console

_WORDS = {
    "none": "It has no Content Credentials.",
    "trusted": "Its Content Credentials are sound, and signed by whom this studio believes.",
    "valid": "Its Content Credentials are sound, and signed by somebody this studio does not know.",
    "invalid": "Its Content Credentials are broken: it was changed, or they were never sound.",
}


def verify_(asset: str, /, *, session: Here) -> int:
    """Check a file's bytes and its Content Credentials (C2PA).

    Args:
        asset: Its id (ast_...).
    """
    config = session.config
    with opened_database(config) as database, database.read() as connection:
        session.require(connection, "look")
        found = find_asset(connection, session.owner, asset)
    data = store_of(config).get(found.sha256)  # which compares them with their hash
    verdict = verify(data, found.media_type, authorities(config))
    source = imaging.source_of(data) if found.media_type.startswith("image/") else ""
    document = {
        "asset": found.id,
        "sha256": found.sha256,
        "credentials": verdict.state,
        "problems": list(verdict.problems),
        "source_type": source or None,
        "chain": [asdict(each) for each in verdict.chain],
    }
    session.out.result(document, lambda to: _show(to, verdict, source))
    return Exit.FAILED if verdict.state == "invalid" else Exit.DONE


def _show(to: Console, verdict: Verdict, source: str) -> None:
    to.print(_WORDS[verdict.state])
    if verdict.problems:
        to.print(plain(", ".join(verdict.problems)))
    if verdict.chain:
        rows = table("step", "file", "what was done", "source", "signed by")
        for step, each in enumerate(reversed(verdict.chain), start=1):
            did = ", ".join(action.removeprefix("c2pa.") for action in each.actions)
            cells = (each.title, did, each.source, each.issuer)
            rows.add_row(str(step), *map(plain, cells))
        to.print(rows)
    show_facts(to, [("says of itself", source)] if source else [])
