"""No secret of the studio's is in an answer, a log, or what is kept: every route is asked."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

import deployments
import deployments.schedules as real_schedules
from studio.settings import Settings
from tests.support.studios import opened_studio
from tests.unit.api.conftest import Door, door_of
from tests.unit.api.test_api_library import upload
from tests.unit.api.test_api_tenants import CASES, QUERIES, WAYS, FakeSchedules

MARK = "sEcReT-oF-tHe-TeSt"
SECRETS: dict[str, Any] = {
    name: f"{MARK}-{name}-0123456789abcdef"
    for name, field in Settings.model_fields.items()
    if field.annotation is SecretStr
}
"""A secret in every setting that is one."""
SECRETS["storage_options"] = json.dumps({"secret": SECRETS["storage_options"]})


@pytest.fixture
def house(tmp_path: Path) -> Iterator[Door]:
    values = {**SECRETS, "prefect_auth": f"ada:{MARK}-prefect"}
    hooks = (f"json://user:{MARK}-hook@127.0.0.1:9/x",)
    deployments.schedules = FakeSchedules()  # type: ignore[assignment]
    try:
        with opened_studio(
            tmp_path / "home", api_requests_per_minute=100_000, notify_urls=hooks, **values
        ) as studio:
            yield door_of(studio)
    finally:
        deployments.schedules = real_schedules


def test_every_setting_that_is_secret_has_one() -> None:
    assert {"stability_key", "gemini_key", "quote_secret", "prefect_auth"} <= set(SECRETS)
    assert MARK not in repr(Settings(_env_file=None, **SECRETS))


def test_no_route_tells_a_secret_nor_does_a_log(
    house: Door, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    key = house.key()
    asset = upload(house, "a.csv", b"operation,prompt\ngenerate,a hill\n")["id"]
    asked = 0
    for method, path in CASES:
        _, body = CASES[method, path]
        where = path
        for place, value in WAYS.items():
            where = where.replace(place, value.replace("$asset", str(asset)))
        told = house.call(method, where + QUERIES.get(where, ""), key=key, json=body)
        asked += 1
        assert MARK not in told.text, (method, path)
        assert MARK not in str(told.headers), (method, path)
        # A key is told when it is made, and never again.
        if path != "/keys":
            assert key not in told.text, (method, path)
        told = house.call(method, where, key=key, content=b'{"a":')
        assert MARK not in told.text
    assert asked > 100
    assert MARK not in caplog.text
    assert key.rpartition("_")[2] not in caplog.text
    shown = capfd.readouterr()
    assert MARK not in shown.out + shown.err


def test_nothing_secret_is_kept_in_the_home(house: Door, tmp_path: Path) -> None:
    key = house.key()
    run = house.post("/operations/generate", key=key, json={"prompt": "a hill"})
    assert run.status_code == 200
    hook = house.post("/webhooks/shop", json={"url": "https://shop.example/"}).json()["secret"]
    files = [each for each in (tmp_path / "home").rglob("*") if each.is_file()]
    assert any(each.name.startswith("studio.db") for each in files)
    for each in files:
        data = each.read_bytes()
        for secret in (MARK, key.rpartition("_")[2], hook.removeprefix("whsec_")):
            assert secret.encode() not in data, (each, secret[:8])
