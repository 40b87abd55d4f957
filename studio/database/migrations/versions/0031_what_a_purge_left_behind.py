"""What purges before left behind goes: looks, choices and covers of assets, and words of jobs."""

import json

import sqlalchemy as sa
from alembic import op


revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None

_LEFT = (
    "DELETE FROM asset_looks WHERE asset IN ({purged})",
    "DELETE FROM current_versions WHERE asset IN ({purged})",
    "UPDATE collections SET cover = '' WHERE cover IN ({purged})",
)
_PURGED = "SELECT asset FROM asset_cards WHERE purged_at IS NOT NULL"
# Work all of whose assets are purged.
_WHOLE = """
    SELECT DISTINCT jobs.owner, jobs.key FROM asset_cards
    JOIN assets ON assets.id = asset_cards.asset
    JOIN jobs ON jobs.id = assets.job
    WHERE asset_cards.purged_at IS NOT NULL AND jobs.state = 'settled' AND NOT EXISTS (
        SELECT 1 FROM assets AS others
        LEFT JOIN asset_cards AS cards ON cards.asset = others.id
        WHERE others.job = jobs.id AND cards.purged_at IS NULL
    )
"""
_ATTEMPTS = """
    SELECT id, operation, delivery FROM jobs
    WHERE owner = :owner AND key = :key AND state IN ('settled', 'failed')
"""
_EMPTIED = """
    UPDATE jobs SET operation = :operation, delivery = :delivery, pictures = '[]', notes = '{}',
    label = 'deleted' WHERE id = :id
"""
_TOLD = ("request_id", "generation")


def upgrade() -> None:
    """Forget what a purge forgets from now on."""
    bind = op.get_bind()
    for words in _LEFT:
        op.execute(words.format(purged=_PURGED))
    for owner, key in bind.execute(sa.text(_WHOLE)).all():
        attempts = bind.execute(sa.text(_ATTEMPTS), {"owner": owner, "key": key}).all()
        for row in attempts:
            name = json.loads(row.operation)["operation"]
            values = {
                "id": row.id,
                "operation": _text({"operation": name}),
                "delivery": _without_words(row.delivery),
            }
            bind.execute(sa.text(_EMPTIED), values)


def _without_words(delivery: str | None) -> str | None:
    told = None if delivery is None else json.loads(delivery)
    if told is None:
        return delivery
    facts = told.get("facts") or {}
    told.pop("told", None)
    return _text(told | {"facts": {name: facts[name] for name in _TOLD if name in facts}})


def _text(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
