"""API keys: made, counted, revoked, on both databases."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from billing.accounts.events import events_of
from billing.accounts.keys import (
    MOST_DAYS,
    MOST_KEYS,
    SCOPES,
    ApiKey,
    add_key,
    authenticate,
    check_scopes,
    is_worth_noting,
    keys_of,
    note_use,
    revoke_key,
)
from billing.accounts.members import add_member
from billing.accounts.tables import api_keys
from billing.ledger import WalletRequest, open_wallets
from studio import clock
from studio.database import Database
from studio.errors import AccountRefused, Conflict, InvalidRequest, NotAuthenticated, NotFound


def _add(
    database: Database, owner: str = "ada", user: str = "ada", *, author: str = "", days: int = 90
) -> tuple[ApiKey, str]:
    return database.write(
        lambda c: add_key(
            c, owner, user, "a key", ["run", "read"], days=days, author=author or user
        )
    )


def test_a_key_is_what_it_was_made_as(database: Database) -> None:
    key, token = _add(database, days=3)
    with database.read() as connection:
        found = authenticate(connection, token)
        assert keys_of(connection, "ada") == [found]
        assert keys_of(connection, "eve") == []
    assert found == key
    assert (found.owner, found.user, found.name) == ("ada", "ada", "a key")
    assert found.scopes == ("read", "run")
    assert found.expires_at - found.created_at == timedelta(days=3)
    assert (found.revoked_at, found.used_at) == (None, None)


def test_two_keys_share_nothing(database: Database) -> None:
    (first, one), (second, two) = _add(database), _add(database)
    assert first.id != second.id
    assert first.digest != second.digest
    swapped = one[:31] + two[31:]
    with database.read() as connection, pytest.raises(NotAuthenticated):
        authenticate(connection, swapped)


def test_the_secret_is_nowhere(database: Database) -> None:
    key, token = _add(database)
    secret = token.split("_", 2)[2]
    assert len(secret) == 43
    assert secret not in repr(key)
    assert key.digest not in repr(key)
    with database.read() as connection:
        kept = [dict(row) for row in connection.execute(select(api_keys)).mappings()]
        noted = events_of(connection, "ada")
    assert secret not in f"{kept}{noted}"
    assert [(each.kind, each.author) for each in noted] == [("key_added", "ada")]
    assert noted[0].details == {"key": key.id, "user": "ada", "scopes": ["read", "run"]}


@pytest.mark.parametrize(
    "token", ["", "isk_", "isk_a_b", "key_x", "isk_" + "0" * 26 + "_" + "x" * 43]
)
def test_what_is_no_key_is_none(database: Database, token: str) -> None:
    _add(database)
    with database.read() as connection, pytest.raises(NotAuthenticated) as refused:
        authenticate(connection, token)
    assert refused.value.given is None


def test_a_key_ends_at_its_moment(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    key, token = _add(database, days=1)
    for moment, counts in (
        (key.expires_at - timedelta(microseconds=1), True),
        (key.expires_at, False),
    ):
        assert key.counts(moment) is counts
        monkeypatch.setattr(clock, "now", lambda moment=moment: moment)
        with database.read() as connection:
            if counts:
                assert authenticate(connection, token) == key
            else:
                with pytest.raises(NotAuthenticated):
                    authenticate(connection, token)


def test_a_revoked_key_counts_no_more_and_stays_so(database: Database) -> None:
    key, token = _add(database)
    gone = database.write(lambda c: revoke_key(c, "ada", key.id, author="ada"))
    assert gone.revoked_at is not None
    assert not gone.counts(clock.now())
    assert database.write(lambda c: revoke_key(c, "ada", key.id, author="ada")) == gone
    with database.read() as connection:
        with pytest.raises(NotAuthenticated):
            authenticate(connection, token)
        kinds = [each.kind for each in events_of(connection, "ada")]
    assert kinds == ["key_revoked", "key_added"]


def test_anothers_key_is_not_there(database: Database) -> None:
    key, _ = _add(database)
    with pytest.raises(NotFound):
        database.write(lambda c: revoke_key(c, "eve", key.id, author="eve"))


def test_who_may_make_and_revoke_for_whom(database: Database) -> None:
    def settle(connection: object) -> None:
        open_wallets(connection, [WalletRequest("ada")])  # type: ignore[arg-type]
        for user, role in (("ada", "admin"), ("bob", "member"), ("vic", "viewer")):
            add_member(connection, "ada", user, role, author="ada")  # type: ignore[arg-type]

    database.write(settle)
    mine, _ = _add(database, user="bob")
    theirs, _ = _add(database, user="vic", author="ada")
    for user, author in (("ada", "bob"), ("mallory", "ada"), ("mallory", "mallory")):
        with pytest.raises(AccountRefused):
            _add(database, user=user, author=author)
    with pytest.raises(AccountRefused):
        database.write(lambda c: revoke_key(c, "ada", theirs.id, author="bob"))
    assert database.write(lambda c: revoke_key(c, "ada", mine.id, author="bob")).revoked_at
    assert database.write(lambda c: revoke_key(c, "ada", theirs.id, author="ada")).revoked_at


def test_a_workspace_has_so_many_keys_that_count(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert MOST_KEYS == 100
    monkeypatch.setattr("billing.accounts.keys.MOST_KEYS", 2)
    first, _ = _add(database)
    _add(database, days=2)
    with pytest.raises(Conflict):
        _add(database)
    _add(database, "eve", "eve")
    database.write(lambda c: revoke_key(c, "ada", first.id, author="ada"))
    _add(database)
    there = clock.now()
    monkeypatch.setattr(clock, "now", lambda: there + timedelta(days=3))
    _add(database)


@pytest.mark.parametrize("days", [0, -1, MOST_DAYS + 1])
def test_a_key_counts_for_a_year_at_most(database: Database, days: int) -> None:
    with pytest.raises(InvalidRequest) as refused:
        _add(database, days=days)
    assert (refused.value.field, refused.value.given) == ("days", str(days))


@pytest.mark.parametrize("name", ["", "x" * 61, "two\nlines"])
def test_a_name_is_one_line(database: Database, name: str) -> None:
    with pytest.raises(InvalidRequest):
        database.write(lambda c: add_key(c, "ada", "ada", name, ["read"], author="ada"))


def test_scopes_have_an_order_and_no_strangers() -> None:
    assert check_scopes(["admin", "read", "admin"]) == ("read", "admin")
    assert check_scopes(SCOPES) == SCOPES
    for wrong in ([], ["fly"], ["read", "Read"]):
        with pytest.raises(InvalidRequest) as refused:
            check_scopes(wrong)
        assert refused.value.field == "scopes"


def test_a_use_is_noted_once_in_five_minutes(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    key, token = _add(database)
    assert is_worth_noting(key)
    database.write(lambda c: note_use(c, key))
    with database.read() as connection:
        used = authenticate(connection, token)
    assert used.used_at is not None
    there = used.used_at
    for after, worth in (
        (timedelta(minutes=5, microseconds=-1), False),
        (timedelta(minutes=5), True),
    ):
        monkeypatch.setattr(clock, "now", lambda after=after: there + after)
        assert is_worth_noting(used) is worth
