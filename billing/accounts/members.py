"""Members: who may act for a workspace, and what each may do.

A workspace is an owner of a wallet and a library. While it has no members it is personal: the user
of the same name acts for it, and nobody else. A role is looked up where something is done, every
time; nothing is remembered.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Literal, cast, get_args

from sqlalchemy import Connection, delete, func, insert, select, update

from billing.accounts.account import keep_account
from billing.accounts.events import note
from billing.accounts.tables import members
from billing.ledger.wallets import lock_wallets, require
from billing.ledger.words import LONGEST_OWNER, check_text
from studio import clock
from studio.errors import AccountRefused, Conflict, InvalidRequest, NotFound

Role = Literal["viewer", "member", "admin"]
Need = Literal["look", "spend", "manage"]
"""Look at quotes, pictures and books; spend credits; see to members, budgets and alerts.

Plans, top-ups, suspensions and refunds are no member's: they are the operator's, who has the
database (``studio account``).
"""

MAY: Mapping[Role, frozenset[Need]] = MappingProxyType(
    {
        "viewer": frozenset({"look"}),
        "member": frozenset({"look", "spend"}),
        "admin": frozenset({"look", "spend", "manage"}),
    }
)
"""What each role may do."""

MOST_MEMBERS = 10_000


@dataclass(frozen=True, slots=True)
class Member:
    """A user of a workspace."""

    workspace: str
    user: str
    role: Role
    added_at: datetime


def require_member(connection: Connection, user: str, workspace: str, need: Need) -> None:
    """Let pass who may do this for the workspace: the one check of identity on every path.

    Raises:
        AccountRefused: the user is no member (``reason`` is ``not_a_member``), or not of a role
            that may do this (``role``).
    """
    # The user's own row first, if there is one; else another's, which says that it has members.
    query = (
        select(members.c.user, members.c.role)
        .where(members.c.workspace == workspace)
        .order_by((members.c.user == user).desc())
        .limit(1)
    )
    row = connection.execute(query).first()
    if row is None and user == workspace:
        return
    if row is None or row.user != user:
        raise AccountRefused(
            f"{user!r} is no member of the workspace {workspace!r}. Say who acts with --user or "
            "STUDIO_USER, or have an admin of the workspace add them.",
            field="user",
            given=user,
            owner=workspace,
            reason="not_a_member",
        )
    if need not in MAY[row.role]:
        allowed = ", ".join(role for role, may in MAY.items() if need in may)
        raise AccountRefused(
            f"{user!r} is a {row.role} of the workspace {workspace!r} and may not {need} there.",
            field="user",
            given=user,
            allowed=f"a member with the role {allowed}",
            owner=workspace,
            reason="role",
        )


def members_of(connection: Connection, workspace: str) -> list[Member]:
    """Return a workspace's members by name; none for a personal one."""
    query = select(members).where(members.c.workspace == workspace).order_by(members.c.user)
    return [Member(**row) for row in connection.execute(query).mappings()]


def add_member(
    connection: Connection, workspace: str, user: str, role: str, *, author: str
) -> Member:
    """Add a user to a workspace, or give one who is there another role.

    Raises:
        AccountRefused: the workspace has no wallet.
        InvalidRequest: there is no such role, or the first member would be no admin.
        Conflict: the only admin would be none any more.
    """
    check_text(user, "user", LONGEST_OWNER)
    if role not in get_args(Role):
        raise InvalidRequest(
            "There is no such role.", field="role", given=role, allowed=", ".join(get_args(Role))
        )
    require(lock_wallets(connection, [workspace]), workspace)
    # Pre-flight takes an account without a row for a personal one.
    keep_account(connection, workspace, clock.now())
    known = {member.user: member for member in members_of(connection, workspace)}
    if not known and role != "admin":
        raise InvalidRequest(
            "The first member of a workspace must be an admin, or nobody could add the next.",
            field="role",
            given=role,
            allowed="admin",
        )
    if user not in known and len(known) >= MOST_MEMBERS:
        raise InvalidRequest(
            "The workspace has as many members as one can have.",
            field="user",
            given=user,
            allowed=f"up to {MOST_MEMBERS} members",
        )
    if user in known:
        if role != "admin":
            _check_admins(connection, workspace, besides=user)
        connection.execute(
            update(members)
            .where(members.c.workspace == workspace, members.c.user == user)
            .values(role=role)
        )
        added_at = known[user].added_at
    else:
        added_at = clock.now()
        row = {"workspace": workspace, "user": user, "role": role, "added_at": added_at}
        connection.execute(insert(members), [row])
    note(connection, workspace, "member_added", author=author, user=user, role=role)
    return Member(workspace, user, cast("Role", role), added_at)


def remove_member(connection: Connection, workspace: str, user: str, *, author: str) -> None:
    """Take a user off a workspace.

    Raises:
        AccountRefused: the workspace has no wallet.
        NotFound: there is no such member.
        Conflict: it is the only admin; a workspace that had members never becomes personal again.
    """
    require(lock_wallets(connection, [workspace]), workspace)
    gone = connection.execute(
        delete(members).where(members.c.workspace == workspace, members.c.user == user)
    ).rowcount
    if not gone:
        raise NotFound("There is no such member.", field="user", given=user)
    _check_admins(connection, workspace, besides=user)
    note(connection, workspace, "member_removed", author=author, user=user)


def _check_admins(connection: Connection, workspace: str, *, besides: str) -> None:
    others = select(func.count()).where(
        members.c.workspace == workspace, members.c.role == "admin", members.c.user != besides
    )
    if not connection.execute(others).scalar_one():
        raise Conflict(
            "The workspace would be without an admin.",
            field="user",
            given=besides,
            allowed="a workspace with members keeps at least one admin",
        )
