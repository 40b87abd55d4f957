"""The outbox: told once what happened."""

from __future__ import annotations

from functools import partial

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from engine.outbox import Message, post, post_once, take_waiting
from engine.tables import outbox
from studio.database import Database


def _messages(*subjects: str) -> list[Message]:
    payload = {"label": "fox", "credits": 4_000_000}
    return [Message("ada", "picture.ready", subject, payload) for subject in subjects]


def _subjects(database: Database) -> set[str]:
    with database.read() as connection:
        return set(connection.execute(select(outbox.c.subject)).scalars())


def test_a_thing_is_told_once(database: Database) -> None:
    database.write(lambda connection: post(connection, _messages("a")))
    with pytest.raises(IntegrityError):
        database.write(lambda connection: post(connection, _messages("b", "a")))
    assert _subjects(database) == {"a"}
    assert database.write(lambda connection: post_once(connection, _messages("a", "b"))) == 1
    assert _subjects(database) == {"a", "b"}


def test_what_waits_is_taken_once_oldest_first(database: Database) -> None:
    for subject in ("a", "b", "c"):
        database.write(partial(post, messages=_messages(subject)))
    first = database.write(lambda connection: take_waiting(connection, 2))
    rest = database.write(lambda connection: take_waiting(connection, 2))
    assert [each.message.subject for each in [*first, *rest]] == ["a", "b", "c"]
    assert database.write(lambda connection: take_waiting(connection, 2)) == []
