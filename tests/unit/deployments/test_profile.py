"""Links to Prefect's pages lead where browsers reach them."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from deployments.server import server_environment
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
