"""Members: who may act for a workspace, looked up every time."""

from __future__ import annotations

import pytest

from billing.accounts.events import events_of
from billing.accounts.members import MAY, Need, members_of, remove_member, require_member
from studio.errors import AccountRefused, Conflict, InvalidRequest, NotFound
from tests.support.accounts import Accounts


def may(accounts: Accounts, user: str, need: Need, owner: str = "ada") -> bool:
    with accounts.database.read() as connection:
        try:
            require_member(connection, user, owner, need)
        except AccountRefused:
            return False
    return True


def test_a_workspace_without_members_belongs_to_the_user_of_its_name(accounts: Accounts) -> None:
    assert may(accounts, "ada", "manage")
    assert not may(accounts, "bob", "look")
    assert not may(accounts, "", "look")
    accounts.ask(1)
    with pytest.raises(AccountRefused, match="no member") as refusal:
        accounts.ask(1, user="bob")
    assert refusal.value.details["reason"] == "not_a_member"


def test_several_users_spend_from_one_wallet_each_by_their_role(accounts: Accounts) -> None:
    accounts.member("grace", "admin")
    accounts.member("bob", "member")
    accounts.member("eve", "viewer")
    assert not may(accounts, "ada", "look")  # the name alone says nothing any more
    needs: tuple[Need, ...] = ("look", "spend", "manage")
    assert [[may(accounts, who, need) for need in needs] for who in ("grace", "bob", "eve")] == [
        [True, True, True],
        [True, True, False],
        [True, False, False],
    ]
    for who in ("grace", "bob"):
        accounts.ask(10, user=who)
    with pytest.raises(AccountRefused, match="viewer") as refusal:
        accounts.ask(10, user="eve")
    assert refusal.value.details["reason"] == "role"
    assert refusal.value.allowed == "a member with the role member, admin"
    with pytest.raises(AccountRefused):
        accounts.ask(10, user="ada")
    assert accounts.balance().held == 20


def test_who_was_removed_may_nothing_at_once(accounts: Accounts) -> None:
    accounts.member("grace", "admin")
    accounts.member("bob")
    accounts.ask(1, user="bob")
    accounts.database.write(lambda c: remove_member(c, "ada", "bob", author="grace"))
    with pytest.raises(AccountRefused):
        accounts.ask(1, user="bob")
    with pytest.raises(NotFound):
        accounts.database.write(lambda c: remove_member(c, "ada", "bob", author="grace"))
    with accounts.database.read() as connection:
        assert [each.user for each in members_of(connection, "ada")] == ["grace"]
        kinds = [event.kind for event in events_of(connection, "ada")]
    assert kinds == ["member_removed", "member_added", "member_added"]


def test_a_workspace_keeps_an_admin_and_never_becomes_personal_again(accounts: Accounts) -> None:
    with pytest.raises(InvalidRequest, match="first member"):
        accounts.member("bob", "member")
    accounts.member("grace", "admin")
    with pytest.raises(Conflict, match="without an admin"):
        accounts.member("grace", "viewer")
    with pytest.raises(Conflict, match="without an admin"):
        accounts.database.write(lambda c: remove_member(c, "ada", "grace", author="grace"))
    accounts.member("bob", "admin")
    accounts.member("grace", "viewer")
    assert not may(accounts, "grace", "spend")


def test_a_role_or_workspace_that_is_not_there_is_refused(accounts: Accounts) -> None:
    with pytest.raises(InvalidRequest, match="no such role"):
        accounts.member("bob", "owner")
    with pytest.raises(AccountRefused, match="no wallet"):
        accounts.member("bob", "admin", owner="nobody")
    with pytest.raises(InvalidRequest):
        accounts.member("b\nb", "admin")


def test_no_role_may_do_what_is_the_operators() -> None:
    """Hole 6: the original let a user put himself on any plan, marked as paid."""
    assert frozenset().union(*MAY.values()) == {"look", "spend", "manage"}


def test_a_full_workspace_takes_nobody_more_and_may_still_change_roles(
    accounts: Accounts, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("billing.accounts.members.MOST_MEMBERS", 2)
    accounts.member("grace", "admin")
    accounts.member("bob")
    with pytest.raises(InvalidRequest, match="as many members") as refusal:
        accounts.member("eve")
    assert (refusal.value.field, refusal.value.given) == ("user", "eve")
    accounts.member("bob", "viewer")
    assert may(accounts, "bob", "look")
    assert not may(accounts, "bob", "spend")
