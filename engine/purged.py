"""What the ledger of jobs forgets of work whose assets are purged.

A job's row stays: it is what was paid, what the provider's bill is compared with, and by its key
why the same work is not bought again. None of that needs the words that it was asked with.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, select, update

from engine.tables import jobs
from library.card_tables import cards
from library.tables import assets

GONE = "deleted"
"""The label of such a job."""

_ENDED = ("settled", "failed")
_TOLD = ("request_id", "generation")
"""The provider's names for the work, by which its bill is compared (``engine.reconciling``)."""


def forget_requests(connection: Connection, purged: Sequence[str]) -> int:
    """Empty the requests of jobs all of whose assets are purged, within the caller's transaction.

    What was asked for (but for the name of the operation), its inputs, its label, and what came
    back in words are gone; also of earlier attempts at the same work. Prices, times, offers, keys,
    the provider's names for it, hashes and how many outputs there were stay.

    Args:
        connection: a transaction that writes.
        purged: ids of assets that were purged in it, up to 500.

    Returns:
        How many jobs were emptied.
    """
    if not purged:
        return 0
    made_by = select(assets.c.job).where(assets.c.id.in_(purged)).distinct()
    left = (
        select(assets.c.id)
        .outerjoin(cards, cards.c.asset == assets.c.id)
        .where(assets.c.job == jobs.c.id, cards.c.purged_at.is_(None))
        .exists()
    )
    whole = select(jobs.c.owner, jobs.c.key).where(
        jobs.c.id.in_(made_by), jobs.c.state == "settled", ~left
    )
    keys: dict[str, list[str]] = {}
    for owner, key in connection.execute(whole):
        keys.setdefault(owner, []).append(key)
    return sum(_empty(connection, owner, theirs) for owner, theirs in sorted(keys.items()))


def _empty(connection: Connection, owner: str, keys: Sequence[str]) -> int:
    """Empty all attempts at an owner's pieces of work; each ended for good."""
    attempts = (
        select(jobs.c.id, jobs.c.operation, jobs.c.delivery)
        .where(jobs.c.owner == owner, jobs.c.key.in_(keys), jobs.c.state.in_(_ENDED))
        .order_by(jobs.c.id)
    )
    rows = connection.execute(attempts).all()
    for row in rows:
        emptied: dict[str, Any] = {"delivery": _without_words(row.delivery)} if row.delivery else {}
        emptied["operation"] = {"operation": row.operation["operation"]}
        changed = update(jobs).where(jobs.c.id == row.id)
        connection.execute(changed.values(**emptied, pictures=[], notes={}, label=GONE))
    return len(rows)


def _without_words(delivery: Mapping[str, Any]) -> dict[str, Any]:
    """Return what came back without what was told in it; the rest is in the books."""
    facts = delivery.get("facts") or {}
    kept = {name: value for name, value in delivery.items() if name != "told"}
    return kept | {"facts": {name: facts[name] for name in _TOLD if name in facts}}
