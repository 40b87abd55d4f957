"""``studio account key``, and the ports that ``studio doctor`` looks at."""

from __future__ import annotations

import pytest

from tests.unit.cli.conftest import Command


def test_a_key_is_told_once(studio_command: Command) -> None:
    assert studio_command("account", "top-up", "1").code == 0
    made = studio_command("--json", "account", "key", "add", "the shop", "--scopes", "run, read")
    token = made.document["token"]
    assert made.document["scopes"] == ["read", "run"]
    listed = studio_command("--json", "account", "key")
    assert [each["id"] for each in listed.document["keys"]] == [made.document["id"]]
    assert token not in listed.out
    assert made.document["id"] in studio_command("account", "key", "list").out
    gone = studio_command("--json", "account", "key", "revoke", made.document["id"])
    assert gone.document["keys"][0]["revoked_at"]
    assert "no more" in studio_command("account", "key").out


def test_a_key_for_people_is_whole(studio_command: Command) -> None:
    told = studio_command("account", "key", "add", "the shop")
    assert told.code == 0
    assert any(len(word) == 74 for word in told.out.split() if word.startswith("isk_"))


def test_what_is_wrong_with_a_key_is_told(studio_command: Command) -> None:
    for words, field in (
        (("add",), "which"),
        (("add", "x", "--scopes", "fly"), "scopes"),
        (("add", "x", "--days", "0"), "days"),
        (("revoke", "key_x"), "key"),
    ):
        told = studio_command("--json", "account", "key", *words)
        assert (told.code, told.document["error"]["field"]) == (2, field)


def test_doctor_tells_of_pages_that_are_down_while_prefect_runs(
    studio_command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("interfaces.cli.checks.is_healthy", lambda _address: True)
    found = {each["name"]: each for each in studio_command("--json", "doctor").document["checks"]}
    for name, setting in (("file pages", "STUDIO_FILES_PORT"), ("HTTP API", "STUDIO_API_PORT")):
        assert found[name]["state"] == "note"
        assert "Prefect is running" in found[name]["found"]
        assert setting in found[name]["remedy"]
