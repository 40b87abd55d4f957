"""On whose behalf credits are spent, as the gate noted it when it let them in."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Connection, select

from billing.accounts.tables import admissions
from billing.tables import claims

_IN_CLAUSE = 500


def user_of_hold(connection: Connection, hold: str) -> str:
    """Return on whose behalf a hold was placed; empty where nobody knows."""
    query = select(admissions.c.user).where(admissions.c.hold_id == hold)
    return str(connection.execute(query).scalar() or "")


def users_of_claims(connection: Connection, wanted: Sequence[str]) -> dict[str, str]:
    """Return on whose behalf claims are paid, by claim; those of nobody known are left out."""
    found: dict[str, str] = {}
    for start in range(0, len(wanted), _IN_CLAUSE):
        query = (
            select(claims.c.id, admissions.c.user)
            .join(admissions, admissions.c.hold_id == claims.c.hold_id)
            .where(claims.c.id.in_(wanted[start : start + _IN_CLAUSE]))
        )
        found |= {claim: user for claim, user in connection.execute(query).tuples() if user}
    return found
