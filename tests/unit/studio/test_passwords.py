"""Passwords are kept as slow hashes, and told apart."""

from __future__ import annotations

import pytest

from studio import passwords
from studio.errors import InvalidRequest


def test_a_password_is_known_again_and_no_other_is() -> None:
    kept = passwords.hashed("correct horse")
    assert passwords.is_right("correct horse", kept)
    assert not passwords.is_right("correct horse ", kept)
    assert not passwords.is_right("", kept)
    assert not passwords.is_right("x" * 1_000_000, kept)
    assert not passwords.is_right("\ud800", kept)
    assert "horse" not in kept
    assert kept.startswith("scrypt$15$8$3$")


def test_the_same_password_never_looks_the_same_and_may_be_typed_in_two_ways() -> None:
    one, other = passwords.hashed("Café-Zürich"), passwords.hashed("Café-Zürich")
    assert one != other
    assert passwords.is_right("Cafe\u0301-Zu\u0308rich", one)


@pytest.mark.parametrize("password", ["", "1234567", "x" * 201, "\ud800" * 8])
def test_what_cannot_be_one_is_refused_without_being_repeated(password: str) -> None:
    with pytest.raises(InvalidRequest) as told:
        passwords.hashed(password)
    assert told.value.field == "password"
    assert not password or password not in str(told.value)
