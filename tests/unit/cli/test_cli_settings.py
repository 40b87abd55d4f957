"""A setting that is not right is refused by its name, with what was given and what is allowed."""

from __future__ import annotations

import pytest

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
