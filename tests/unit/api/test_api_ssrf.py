"""No input leads to an address within: every field that takes an address is tried with such.

The fields are found in the description. A new one without a case here fails.
"""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Iterator, Mapping
from typing import Any

import httpcore
import pytest

import deployments
from engine.importing import bring_in
from interfaces.api.aliases import SAME
from studio.errors import InvalidRequest
from studio.operations import OPERATIONS
from tests.support.studios import OWNER, balance_of
from tests.unit.api.conftest import PREFIX, Door
from tests.unit.api.test_api_library import upload
from tests.unit.api.test_api_tenants import FakeSchedules

WITHIN = [
    "http://127.0.0.1/a.csv",
    "https://127.0.0.1/a.csv",
    "https://127.1/a.csv",
    "https://0x7f000001/a.csv",
    "https://2130706433/a.csv",
    "http://169.254.169.254/latest/meta-data/",
    "https://169.254.169.254/latest/meta-data/",
    "https://[::1]/a.csv",
    "https://[::ffff:127.0.0.1]/a.csv",
    "https://[fe80::1]/a.csv",
    "https://10.0.0.1/a.csv",
    "https://192.168.1.1/a.csv",
    "https://100.100.100.200/a.csv",
    "https://localhost/a.csv",
    "https://rebinding.example/a.csv",
    "https://user@127.0.0.1/a.csv",
    "https://example.com@127.0.0.1/a.csv",
    "https://example.com:22/a.csv",
    "file:///etc/passwd",
    "ftp://example.com/a.csv",
    "gopher://127.0.0.1:6379/_PING",
    "data:text/csv;base64,QQ==",
    "/etc/passwd",
    "../../etc/passwd",
    "s3://bucket/a.csv",
    "//127.0.0.1/a.csv",
    "\\\\127.0.0.1\\share",
]

CASES: Mapping[str, Any] = {
    "POST /batches": ("file", lambda url: {"file": url}),
    "POST /batches/check": ("file", lambda url: {"file": url}),
    "POST /batches/what-if": ("file", lambda url: {"file": url}),
    "POST /schedules/{name}": ("batch.file", None),
    "POST /library/imports": ("sources", lambda url: {"sources": [url]}),
    "POST /webhooks/{name}": ("url", lambda url: {"url": url}),
}
"""Routes that take addresses. What a schedule names is fetched when it fires, by the same code as a
batch's file: a case of its own is below."""

LIKE = re.compile(r"\b(url|uri|https?|address|webhook|callback|link|host)\b", re.IGNORECASE)


def _fields(schema: Any, document: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield every text of a schema with its path."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        yield from _fields(document["components"]["schemas"][name], document, path)
        return
    for each in [*schema.get("anyOf", ()), *schema.get("allOf", ()), *schema.get("oneOf", ())]:
        yield from _fields(each | {"description": schema.get("description", "")}, document, path)
    if schema.get("type") == "string":
        yield path, schema
    if "items" in schema:
        inner = {"description": schema.get("description", ""), **schema["items"]}
        yield from _fields(inner, document, path)
    for name, each in schema.get("properties", {}).items():
        yield from _fields(each, document, f"{path}.{name}" if path else name)


def _takes_an_address(path: str, schema: Mapping[str, Any]) -> bool:
    name = path.rpartition(".")[2]
    pattern = str(schema.get("pattern", ""))
    if pattern and not re.search(pattern, "https://example.com/a.csv"):
        return False
    return bool(LIKE.search(name.replace("_", " ")) or LIKE.search(schema.get("description", "")))


def test_every_field_that_takes_an_address_has_a_case(door: Door) -> None:
    document = door.get("/openapi.json", key=None).json()
    found: dict[str, str] = {}
    looked = 0
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            content = operation.get("requestBody", {}).get("content", {})
            for each in content.values():
                for field, schema in _fields(each["schema"], document):
                    looked += 1
                    if _takes_an_address(field, schema):
                        found[f"{method.upper()} {path.removeprefix(PREFIX)}"] = field
    assert found == {route: field for route, (field, _) in CASES.items()}
    assert looked > 200


@pytest.fixture
def wire(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What is connected to; names that mislead lead to the loopback."""
    reached: list[Any] = []
    real = socket.getaddrinfo

    def look_up(host: Any, *args: Any, **more: Any) -> Any:
        name = host.decode() if isinstance(host, bytes) else str(host)
        if name.endswith(".example"):
            return real("127.0.0.1", *args, **more)
        if name == "example.com":
            raise socket.gaierror("no such name in this test")
        return real(host, *args, **more)

    async def connect(_self: Any, host: str, port: int, *_args: Any, **_more: Any) -> Any:
        reached.append((host, port))
        raise httpcore.ConnectError("nothing is connected to in this test")

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    monkeypatch.setattr(httpcore.AnyIOBackend, "connect_tcp", connect)
    monkeypatch.setattr("providers.download.PAUSES", ())
    monkeypatch.setattr(deployments, "schedules", FakeSchedules())
    return reached


@pytest.mark.parametrize("url", WITHIN)
def test_no_address_within_is_asked(door: Door, wire: list[Any], url: str) -> None:
    had = balance_of(door.studio)
    for route, (_, body) in CASES.items():
        if body is None or (route == "POST /webhooks/{name}" and "rebinding" in url):
            continue  # a name is looked up when a message is sent: see below
        if route == "POST /library/imports" and "rebinding" in url:
            continue  # likewise, when the run fetches it
        _, path = route.split()
        told = door.post(path.replace("{name}", "mine"), json=body(url))
        assert told.status_code in {404, 422}, (route, told.status_code, told.text)
        assert "root:" not in told.text
    assert wire == []
    assert door.runs.started == []
    assert balance_of(door.studio) == had


def test_names_that_lead_within_are_found_out_when_they_are_fetched(
    door: Door, wire: list[Any]
) -> None:
    done = bring_in(door.studio, OWNER, ["https://rebinding.example/a.png"])
    assert (done.new, len(done.refused)) == (0, 1)
    assert "not on the public internet" in done.refused[0].reason
    with pytest.raises(InvalidRequest):
        bring_in(door.studio, OWNER, ["/nothing/there.png"])
    assert wire == []


@pytest.mark.parametrize("url", WITHIN)
def test_a_picture_is_named_by_no_address(door: Door, wire: list[Any], url: str) -> None:
    routes = {"/operations/upscale": "upscale", "/compress": "compress", "/upscale": "upscale"}
    assert "/compress" in SAME
    assert "upscale" in OPERATIONS
    for path in routes:
        told = door.post(path, json={"image": url})
        assert (told.status_code, told.json()["field"]) == (422, "image"), told.text
    made = door.post("/quotes", json={"operation": "upscale", "image": url})
    assert made.status_code == 422
    row = json.dumps({"operation": "upscale", "image": url, "factor": "2x"})
    file = upload(door, "rows.jsonl", row.encode())["id"]
    told = door.post("/batches/check", json={"file": file})
    assert (told.status_code, told.json()["code"]) == (422, "batch_invalid")
    assert wire == []
