"""Work that has not ended is listed by owner, and the last eight characters of an id find it."""

import sqlalchemy as sa
from alembic import op


revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None

_GIN = (
    "CREATE INDEX ix_asset_words_words ON asset_words USING gin"
    " (array_to_tsvector(string_to_array(btrim(words), ' ')))"
)
# ``ast_``, 26 characters, ``_`` and the place of the output: the mark is the last five of the 26
# and the place, behind the sign for ends of ids (U+E002).
_LENGTH = 33
_MARKED = """
    UPDATE asset_words SET words = words || {sign} || (
        SELECT {end} FROM asset_cards WHERE asset_cards.number = asset_words.number
    ) || ' '
    WHERE number IN (
        SELECT number FROM asset_cards WHERE purged_at IS NULL AND length(asset) = {length}
    )
"""
_SIGNS = {"sqlite": "char(57346)", "postgresql": "chr(57346)"}
_ENDS = {
    "sqlite": "substr(asset, -8, 5) || substr(asset, -2)",
    "postgresql": "left(right(asset, 8), 5) || right(asset, 2)",
}


def upgrade() -> None:
    """Work that has not ended is listed by owner, and the last eight characters of an id find it."""
    op.create_index(
        "ix_jobs_unfinished",
        "jobs",
        ["owner", "state", "id"],
        unique=False,
        sqlite_where=sa.text("state <> 'settled'"),
        postgresql_where=sa.text("state <> 'settled'"),
    )
    name = op.get_bind().dialect.name
    if name == "postgresql":  # it is quicker made anew than changed row by row
        op.execute("DROP INDEX ix_asset_words_words")
    op.execute(_MARKED.format(sign=_SIGNS[name], end=_ENDS[name], length=_LENGTH))
    if name == "postgresql":
        op.execute(_GIN)
