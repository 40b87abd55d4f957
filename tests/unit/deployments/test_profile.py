"""The profile of Prefect's settings: where links lead, and what holds for our own server alone."""

from __future__ import annotations

import ssl
from typing import Any

import pytest
from pydantic import ValidationError

from deployments.server import named_server, server_environment
from studio.settings import Settings


def _pages(**given: Any) -> str:
    config = Settings(_env_file=None, **{"prefect_port": 4300, "prefect_url": "", **given})
    assert server_environment(config)["PREFECT_API_URL"] == "http://127.0.0.1:4300/api"
    return server_environment(config)["PREFECT_UI_URL"]


def test_links_lead_to_the_port_until_an_address_is_set() -> None:
    assert _pages() == "http://127.0.0.1:4300/v2"
    assert _pages(prefect_url="https://prefect.example.org/v2/") == "https://prefect.example.org/v2"


@pytest.mark.parametrize("wrong", ["prefect.example.org", "ftp://x.org", "https://", "https://a b"])
def test_what_browsers_cannot_follow_is_refused(wrong: str) -> None:
    with pytest.raises(ValidationError, match="prefect_url"):
        _pages(prefect_url=wrong)


_OWN = {"PREFECT_API_SSL_CERT_FILE", "PREFECT_CLIENT_SERVER_VERSION_CHECK_ENABLED"}


def test_clients_of_our_own_server_read_no_certificates_that_it_has_no_use_for() -> None:
    profile = server_environment(Settings(_env_file=None, prefect_port=4300))

    assert profile.keys() >= _OWN
    assert profile["PREFECT_API_URL"].startswith("http://127.0.0.1:"), "nothing is verified there"
    context = ssl.create_default_context(cafile=profile["PREFECT_API_SSL_CERT_FILE"])
    assert context.cert_store_stats() == {"x509": 1, "crl": 0, "x509_ca": 0}, (
        "it vouches for nobody"
    )


def test_another_server_is_verified_and_asked_for_its_version(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    profile = server_environment(Settings(_env_file=None, prefect_port=4300))
    monkeypatch.setenv("PREFECT_API_URL", "https://prefect.example.org/api")
    other = named_server(profile)
    assert other["PREFECT_API_URL"] == "https://prefect.example.org/api"
    assert not _OWN & other.keys()
    assert other.keys() | _OWN == profile.keys(), "all else stays"

    # ``studio worker`` on the machine of ``studio up``, which hands its address on.
    monkeypatch.setenv("PREFECT_API_URL", profile["PREFECT_API_URL"])
    assert named_server(profile) == profile
