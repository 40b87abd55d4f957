"""What is typed wrongly is refused by its name, with what was given and what is allowed."""

from __future__ import annotations

import pytest

from studio.database import Database
from studio.settings import Settings, settings
from tests.unit.cli.conftest import Command


@pytest.mark.parametrize(
    "case",
    [
        ("STUDIO_PREFECT_PORT", "abc", "abc", "must be a whole number"),
        ("STUDIO_API_PORT", "99999", "99999", "must be at most 65535"),
        ("STUDIO_OWNER", "", "", "must not be empty"),
        ("STUDIO_DECODE_APART", "some", "some", "must be 'risky' or 'all'"),
        (
            "STUDIO_PREFECT_URL",
            "prefect.example.org",
            "prefect.example.org",
            "must be an address that begins with http:// or https://, or empty",
        ),
        (
            "STUDIO_API_CORS",
            "https://shop.example",
            "https://shop.example",
            'must be a JSON list, such as ["..."]',
        ),
        ("STUDIO_API_PROXIES", "[1]", "1", "must be text"),
        # What may hold a password is not repeated.
        (
            "STUDIO_NOTIFY_URLS",
            "mailto://ada:hunter2@example.org",
            "(a secret)",
            'must be a JSON list, such as ["..."]',
        ),
    ],
)
def test_a_wrong_setting_names_what_is_allowed(
    studio_command: Command, monkeypatch: pytest.MonkeyPatch, case: tuple[str, str, str, str]
) -> None:
    name, given, shown, allowed = case
    monkeypatch.setenv(name, given)
    settings.cache_clear()
    told = studio_command("account", "show", "--json")
    assert told.code == 4, told.err
    error = told.document["error"]
    assert (error["field"], error["given"], error["allowed"]) == (name, shown, allowed)
    assert "hunter2" not in told.out + told.err


def test_an_empty_setting_means_what_the_document_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STUDIO_FILES_LINK_DAYS", "")
    monkeypatch.setenv("STUDIO_API_CORS", "")
    monkeypatch.setenv("STUDIO_WEBHOOK_ORIGINS", '["http://10.0.0.7:8080"]')
    found = Settings(_env_file=None)
    assert found.files_link_days is None
    assert found.api_cors == ()
    assert found.webhook_origins == ("http://10.0.0.7:8080",)


@pytest.mark.parametrize("scheme", ["postgres", "postgresql", "postgresql+psycopg"])
def test_an_address_of_postgres_is_taken_as_it_is_handed_out(scheme: str) -> None:
    database = Database(f"{scheme}://ada:pw@db.example.org/studio")
    assert database.url.drivername == "postgresql+psycopg"
    database.close()


@pytest.mark.parametrize("address", ["nonsense", "mysql://ada:pw@db.example.org/studio"])
def test_doctor_says_what_a_database_may_be(
    studio_command: Command, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    monkeypatch.setenv("STUDIO_DATABASE_URL", address)
    settings.cache_clear()
    told = studio_command("--json", "doctor")
    (found,) = [each for each in told.document["checks"] if each["name"] == "database"]
    assert found["state"] == "fault"
    assert "postgresql+psycopg://" in found["remedy"]
    assert "pw@" not in told.out


def test_what_is_missing_is_named(studio_command: Command) -> None:
    told = studio_command("--json", "quote", "generate")
    assert told.code == 2
    assert told.document["error"]["field"] == "--prompt"
    assert told.document["error"]["message"].startswith("--prompt is missing")


def test_what_is_too_much_is_named(studio_command: Command) -> None:
    told = studio_command("--json", "usage", "2026-13")
    assert told.code == 2
    assert told.document["error"]["given"] == "2026-13"
    assert "Tokens" not in told.out


def test_an_import_of_nothing_begins_no_run(studio_command: Command) -> None:
    assert studio_command("account", "top-up", "1").code == 0
    told = studio_command("--json", "library", "import", "/nowhere/photos")
    assert (told.code, told.document["error"]["given"]) == (2, "/nowhere/photos")


def test_a_search_for_nothing_shows_the_newest(studio_command: Command) -> None:
    assert studio_command("--json", "library", "search", " ").code == 0
