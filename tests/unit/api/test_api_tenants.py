"""Every route, by every method: who may, and that another's things are not there.

A route without a case here fails. A case says with what a stranger asks for the things of the
workspace; the answer must be 404, or have none of them.
"""

from __future__ import annotations

import io
import uuid
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from sqlalchemy import Connection

import deployments
import deployments.schedules as real_schedules
from billing.accounts.keys import SCOPES
from deployments.schedules import DEFAULT_POLICY
from engine.studio import Studio
from interfaces.api.aliases import SAME, SEVERAL
from interfaces.api.app import _ROUTERS
from library.board_guests import Visit, open_link, say
from library.board_items import items_on
from library.board_links import link_of_token
from studio.errors import NotFound
from studio.operations import OPERATIONS, input_fields
from tests.support.paid_server import tiny_png
from tests.support.studios import OWNER, fund, opened_studio
from tests.unit.api.conftest import Door, door_of
from tests.unit.api.test_api_batches import ROWS, carried_out
from tests.unit.api.test_api_library import upload

STRANGER = "eve"
OPEN = {("GET", "/health"), ("GET", "/media/{asset}/{part}")}
"""Routes without a key; a link is signed for one file (test_api_library)."""

HIDDEN = 404
NOTHING = "nothing"
"""The stranger is answered, and nothing of the workspace is in it."""
OWN = "own"
"""What is asked for is the stranger's own, by the key alone."""


@dataclass(frozen=True)
class House:
    """The API, and ids of things in its owner's workspace."""

    door: Door
    stranger: str
    ids: dict[str, str]
    keys: dict[str, str] = field(default_factory=dict)

    def lacking(self, scope: str) -> str:
        """Return a key of the stranger's that has every scope but one."""
        if scope not in self.keys:
            others = [each for each in SCOPES if each != scope]
            self.keys[scope] = self.door.key(STRANGER, *others)
        return self.keys[scope]

    def fill(self, value: Any) -> Any:
        """Put ids in the place of their names."""
        if isinstance(value, dict):
            return {key: self.fill(each) for key, each in value.items()}
        if isinstance(value, list):
            return [self.fill(each) for each in value]
        if isinstance(value, str):
            for name, identifier in self.ids.items():
                value = value.replace(f"${name}", identifier)
        return value


def zipped(files: dict[str, bytes]) -> bytes:
    """Return a ZIP of files by their names."""
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w") as packed:
        for name, content in files.items():
            packed.writestr(name, content)
    return data.getvalue()


def _operations() -> dict[tuple[str, str], tuple[Any, Any]]:
    cases: dict[tuple[str, str], tuple[Any, Any]] = {}
    routes = {f"/operations/{name}": name for name in OPERATIONS} | dict(SAME)
    for path, name in routes.items():
        kind = OPERATIONS[name]
        inputs = [each for each in input_fields(kind) if kind.model_fields[each].is_required()]
        if inputs:
            body = {**kind.example, **dict.fromkeys(inputs, "$asset")}
            body = {key: "$asset" if key in inputs else value for key, value in body.items()}
            body = {k: v for k, v in body.items() if k in inputs or k not in input_fields(kind)}
            if name == "talking_avatar":
                body["script"] = "hello"
            cases["POST", path] = (HIDDEN, body)
        else:
            cases["POST", path] = (HIDDEN, {**kind.example, "persona": "$persona"})
    return cases


CASES: dict[tuple[str, str], tuple[Any, Any]] = {
    ("POST", "/quotes"): (HIDDEN, {"operation": "upscale", "image": "$asset"}),
    ("POST", "/estimate-cost"): (HIDDEN, {"operation": "upscale", "image": "$asset"}),
    ("POST", "/transform/estimate-cost"): (HIDDEN, {"operation": "upscale", "image": "$asset"}),
    **_operations(),
    ("POST", "/edit/process"): (HIDDEN, {"operation": "remove_background", "image": "$asset"}),
    ("POST", "/upscale"): (HIDDEN, {"image": "$asset"}),
    ("POST", "/control/process"): (
        HIDDEN,
        {"operation": "sketch", "image": "$asset", "prompt": "a"},
    ),
    ("GET", "/operations"): (NOTHING, None),
    ("GET", "/{module}/operations"): (NOTHING, None),
    ("GET", "/runs"): (NOTHING, None),
    ("GET", "/runs/{run}"): (HIDDEN, None),
    ("GET", "/runs/{run}/events"): (HIDDEN, None),
    ("POST", "/runs/{run}/cancel"): (HIDDEN, None),
    ("POST", "/uploads"): (OWN, None),
    ("GET", "/assets"): (NOTHING, None),
    ("GET", "/assets/{asset}"): (HIDDEN, None),
    ("GET", "/assets/{asset}/uses"): (HIDDEN, None),
    ("GET", "/assets/{asset}/lineage"): (HIDDEN, None),
    ("GET", "/assets/{asset}/versions"): (HIDDEN, None),
    ("PUT", "/assets/{asset}/current"): (HIDDEN, None),
    ("GET", "/assets/{asset}/similar"): (HIDDEN, None),
    ("GET", "/assets/{asset}/compare/{other}"): (HIDDEN, None),
    ("GET", "/assets/{asset}/compare/{other}/picture"): (HIDDEN, None),
    ("POST", "/assets/{asset}/again"): (HIDDEN, {}),
    ("GET", "/assets/{asset}/suggestions"): (HIDDEN, None),
    ("POST", "/assets/{asset}/suggestions"): (HIDDEN, {"accepted": True}),
    ("GET", "/library"): (NOTHING, None),
    ("GET", "/library/search"): (NOTHING, None),
    ("GET", "/library/shown"): (NOTHING, None),
    ("GET", "/library/counts/{facet}"): (NOTHING, None),
    ("GET", "/library/saved"): (NOTHING, None),
    ("PUT", "/library/saved/{name}"): (OWN, {"words": "fox"}),
    ("DELETE", "/library/saved/{name}"): (HIDDEN, None),
    ("GET", "/library/duplicates"): (NOTHING, None),
    ("POST", "/library/zip"): (HIDDEN, {"assets": ["$asset"]}),
    ("GET", "/library/uses"): (NOTHING, None),
    ("GET", "/library/suggestions"): (NOTHING, None),
    ("GET", "/library/auto-tag"): (NOTHING, None),
    ("PUT", "/library/auto-tag"): (OWN, {"provider": "off"}),
    ("POST", "/library/actions"): (HIDDEN, {"do": "trash", "assets": ["$asset"]}),
    ("GET", "/library/actions"): (NOTHING, None),
    ("POST", "/library/actions/{action}/undo"): (HIDDEN, None),
    ("DELETE", "/library/trash"): (NOTHING, None),
    ("GET", "/library/collections"): (NOTHING, None),
    ("POST", "/library/collections"): (HIDDEN, {"name": "mine", "within": "$collection"}),
    ("GET", "/library/collections/{collection}"): (HIDDEN, None),
    ("PATCH", "/library/collections/{collection}"): (HIDDEN, {"name": "mine"}),
    ("DELETE", "/library/collections/{collection}"): (HIDDEN, None),
    ("POST", "/library/imports"): (HIDDEN, {"sources": ["$zip"]}),
    ("GET", "/library/imports/{run}"): (HIDDEN, None),
    ("GET", "/boards"): (NOTHING, None),
    ("POST", "/boards"): (HIDDEN, {"title": "x", "assets": ["$asset"]}),
    ("GET", "/boards/{board}"): (HIDDEN, None),
    ("PATCH", "/boards/{board}"): (HIDDEN, {"title": "x"}),
    ("DELETE", "/boards/{board}"): (HIDDEN, None),
    ("POST", "/boards/{board}/assets"): (HIDDEN, {"assets": ["$asset"]}),
    ("DELETE", "/boards/{board}/assets/{asset}"): (HIDDEN, None),
    ("GET", "/boards/{board}/links"): (HIDDEN, None),
    ("POST", "/boards/{board}/links"): (HIDDEN, {"label": "x"}),
    ("DELETE", "/boards/{board}/links/{link}"): (HIDDEN, None),
    ("GET", "/boards/{board}/comments"): (HIDDEN, None),
    ("DELETE", "/boards/{board}/comments/{comment}"): (HIDDEN, None),
    ("GET", "/boards/{board}/audit"): (HIDDEN, None),
    ("POST", "/batches/check"): (HIDDEN, {"file": "$file"}),
    ("POST", "/batches/what-if"): (HIDDEN, {"file": "$file"}),
    ("POST", "/batches/{batch}/retry"): (HIDDEN, {}),
    ("GET", "/batches/{batch}/sheet"): (HIDDEN, None),
    ("POST", "/batches"): (HIDDEN, {"file": "$file"}),
    ("GET", "/batches"): (NOTHING, None),
    ("GET", "/batches/{batch}"): (HIDDEN, None),
    ("GET", "/batches/{batch}/rows"): (HIDDEN, None),
    ("POST", "/batches/{batch}/{verb}"): (HIDDEN, None),
    ("PUT", "/batches/{batch}/approval"): (HIDDEN, {"approved": True}),
    ("GET", "/batches/{batch}/manifest"): (HIDDEN, None),
    ("GET", "/batches/{batch}/errors"): (HIDDEN, None),
    ("GET", "/batches/{batch}/files"): (HIDDEN, None),
    ("GET", "/schedules"): (NOTHING, None),
    ("GET", "/schedules/{name}"): (HIDDEN, None),
    ("POST", "/schedules/{name}"): (
        OWN,
        {"every": "1h", "batch": {"file": "ast_x"}},
    ),
    ("POST", "/schedules/{name}/{verb}"): (HIDDEN, None),
    ("DELETE", "/schedules/{name}"): (HIDDEN, None),
    ("GET", "/jobs"): (NOTHING, None),
    ("GET", "/jobs/{job}"): (HIDDEN, None),
    ("POST", "/jobs/{job}/resolve"): (HIDDEN, {"bought": True}),
    ("GET", "/account"): (NOTHING, None),
    ("GET", "/account/history"): (NOTHING, None),
    ("GET", "/account/usage"): (NOTHING, None),
    ("GET", "/account/statement"): (NOTHING, None),
    ("GET", "/account/usage/chart"): (NOTHING, None),
    ("GET", "/account/forecast"): (NOTHING, None),
    ("GET", "/account/ledger"): (NOTHING, None),
    ("GET", "/account/members"): (NOTHING, None),
    ("PUT", "/account/members/{member}"): (OWN, {"role": "admin"}),
    ("DELETE", "/account/members/{member}"): (HIDDEN, None),
    ("GET", "/account/budgets"): (NOTHING, None),
    ("PUT", "/account/budgets"): (OWN, {"scope": "project", "name": "mine", "most": "5"}),
    ("DELETE", "/account/budgets"): (HIDDEN, None),
    ("GET", "/account/alerts"): (NOTHING, None),
    ("PUT", "/account/alerts"): (OWN, {"low_balance": None, "approval_above": None}),
    ("GET", "/account/events"): (NOTHING, None),
    ("GET", "/account/plans"): (NOTHING, None),
    ("GET", "/{module}/models"): (NOTHING, None),
    ("POST", "/edit/recommend"): (HIDDEN, {"operation": "erase", "image": "$asset"}),
    ("POST", "/face-swap/recommend"): (
        HIDDEN,
        {"operation": "remove_background", "image": "$asset"},
    ),
    ("GET", "/compress/presets"): (NOTHING, None),
    ("GET", "/compress/formats"): (NOTHING, None),
    ("GET", "/convert-format/supported"): (NOTHING, None),
    ("GET", "/convert-format/recommendations"): (NOTHING, None),
    ("POST", "/compress/estimate"): (HIDDEN, {"image": "$asset"}),
    ("POST", "/compress/batch"): (HIDDEN, {"images": ["$asset"]}),
    ("POST", "/convert-format/batch"): (
        HIDDEN,
        {"images": ["$asset"], "output_format": "png"},
    ),
    ("GET", "/prices"): (NOTHING, None),
    ("GET", "/providers"): (NOTHING, None),
    ("GET", "/templates"): (NOTHING, None),
    ("GET", "/templates/search"): (NOTHING, None),
    ("GET", "/templates/recommend"): (NOTHING, None),
    ("GET", "/social/platforms/{platform}/formats"): (NOTHING, None),
    ("GET", "/platform-specs/{platform}"): (NOTHING, None),
    ("GET", "/personas"): (NOTHING, None),
    ("GET", "/personas/{name}"): (HIDDEN, None),
    ("PUT", "/personas/{name}"): (OWN, {}),
    ("DELETE", "/personas/{name}"): (HIDDEN, None),
    ("GET", "/keys"): (NOTHING, None),
    ("POST", "/keys"): (OWN, {"name": "mine", "scopes": ["read"]}),
    ("DELETE", "/keys/{key}"): (HIDDEN, None),
    ("GET", "/webhooks"): (NOTHING, None),
    ("POST", "/webhooks/{name}"): (OWN, {"url": "https://eve.example/"}),
    ("POST", "/webhooks/{name}/test"): (HIDDEN, None),
    ("DELETE", "/webhooks/{name}"): (HIDDEN, None),
    ("GET", "/webhooks/undelivered"): (NOTHING, None),
    ("POST", "/webhooks/undelivered/retry"): (NOTHING, None),
}
WAYS = {
    "{run}": "$run",
    "{asset}": "$asset",
    "{batch}": "$batch",
    "{board}": "$board",
    "{link}": "$link",
    "{comment}": "$comment",
    "{job}": "$job",
    "{key}": "$key",
    "{name}": "$persona",
    "{verb}": "pause",
    "{other}": "$asset",
    "{facet}": "kind",
    "{action}": "$action",
    "{collection}": "$collection",
    "{member}": "ben",
    "{module}": "edit",
    "{platform}": "instagram",
}
_OWN = {"{name}": "mine", "{member}": STRANGER}
QUERIES = {
    "/templates/search": "?query=story",
    "/library/shown": "?words=a+fox",
    "/templates/recommend": "?use_case=story",
    "/convert-format/recommendations": "?source_format=png",
    "/account/budgets": "?scope=project&name=autumn",
}


class FakeSchedules:
    """Schedules as ``deployments.schedules`` keeps them in Prefect, kept here."""

    def __init__(self) -> None:
        self.there: dict[tuple[str, str], Any] = {}
        self.policies: dict[str, Any] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(real_schedules, name)

    def schedules_of(self, owner: str) -> list[Any]:
        return [each for (whose, _), each in self.there.items() if whose == owner]

    def find_schedule(self, owner: str, name: str) -> Any:
        if (owner, name) not in self.there:
            raise NotFound("No such schedule.", field="name", given=name)
        return self.there[owner, name]

    def add_schedule(
        self, _: Any, owner: str, name: str, rhythm: Any, parameters: Any, *, policy: Any
    ) -> Any:
        values = {**parameters, "owner": owner}
        key = f"{owner}.{name}"
        made = real_schedules.Scheduled(
            uuid.uuid4(), uuid.uuid4(), key, name, rhythm, True, values, ()
        )
        self.there[owner, name] = made
        self.policies[key] = policy
        return made

    def policy_of(self, _: Any, found: Any) -> Any:
        return self.policies.get(found.key, DEFAULT_POLICY)

    def set_active(self, _: Any, owner: str, name: str, *, active: bool) -> Any:
        del active
        return self.find_schedule(owner, name)

    def remove_schedule(self, _: Any, owner: str, name: str) -> Any:
        found = self.find_schedule(owner, name)
        del self.there[owner, name]
        return found


def commented(studio: Studio, url: str) -> str:
    """Have a guest comment on the only asset of a board; return the comment's id."""

    def work(connection: Connection) -> str:
        link = link_of_token(connection, url.rpartition("/")[2])
        assert link is not None
        guest, _, _ = open_link(connection, link)
        (item,) = items_on(connection, link.board)
        return say(connection, Visit(link, guest), item.id, "Ann", "x")

    return studio.database.write(work)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder: Path = tmp_path_factory.mktemp("tenants")
    deployments.schedules = FakeSchedules()  # type: ignore[assignment]
    try:
        with opened_studio(folder, api_requests_per_minute=100_000) as studio:
            door = door_of(studio)
            fund(studio, 1_000_000_000, STRANGER)
            asset = str(upload(door, "one.png", tiny_png("one"))["id"])
            file = str(upload(door, "rows.csv", ROWS)["id"])
            batch = carried_out(door, file, str(uuid.uuid4()))
            run = door.post("/operations/generate", json={"prompt": "a hill"}).json()["run"]
            door.call("PUT", "/personas/acme", json={})
            door.post("/webhooks/acme", json={"url": "https://shop.example/"})
            added = {"every": "1h", "batch": {"file": file}}
            assert door.post("/schedules/acme", json=added).status_code == 201
            put = {"do": "favourite", "assets": [asset]}
            action = door.post("/library/actions", json=put).json()["id"]
            kept = door.post("/library/collections", json={"name": "ada's"}).json()["id"]
            door.call("PUT", "/library/saved/acme", json={"words": "ada"})
            for member in (OWNER, "ben"):
                role = {"role": "admin" if member == OWNER else "member"}
                door.call("PUT", f"/account/members/{member}", json=role)
            most = {"scope": "project", "name": "autumn", "most": "9"}
            door.call("PUT", "/account/budgets", json=most)
            board = str(door.post("/boards", json={"title": "x", "assets": [asset]}).json()["id"])
            link = door.post(f"/boards/{board}/links", json={}).json()
            ids = {
                "board": board,
                "link": str(link["id"]),
                "comment": commented(studio, str(link["url"])),
                "zip": str(upload(door, "more.zip", zipped({"a.png": tiny_png("a")}))["id"]),
                "action": action,
                "collection": kept,
                "asset": asset,
                "file": file,
                "batch": batch,
                "run": run["id"],
                "job": run["jobs"][0]["job"],
                "key": door.get("/keys").json()["keys"][0]["id"],
                "persona": "acme",
            }
            yield House(door, door.key(STRANGER), ids)
    finally:
        deployments.schedules = real_schedules


def _routes() -> list[tuple[str, str]]:
    """Return every method of every path that the description has."""
    app = FastAPI()
    for router in _ROUTERS:
        app.include_router(router)
    paths = app.openapi()["paths"]
    return [(verb.upper(), path) for path, verbs in paths.items() for verb in verbs]


ROUTES = _routes()


def test_every_route_has_a_case_and_every_case_a_route() -> None:
    assert set(ROUTES) == set(CASES) | OPEN
    assert {f"/operations/{name}" for name in OPERATIONS} <= {path for _, path in ROUTES}
    assert {*SAME, *SEVERAL} <= {path for _, path in ROUTES}


def _ask(house: House, method: str, path: str, key: str | None, body: Any) -> Any:
    ways = WAYS | (_OWN if CASES[method, path][0] == OWN else {})
    for place, value in ways.items():
        path = path.replace(place, value)
    arguments: dict[str, Any] = {}
    if path == "/uploads":
        arguments["files"] = {"file": ("eve.png", tiny_png("eve"))}
    elif body is not None:
        arguments["json"] = house.fill(body)
    where = house.fill(path) + QUERIES.get(path, "")
    return house.door.call(method, where, key=key, **arguments)


@pytest.mark.parametrize(("method", "path"), sorted(CASES))
def test_a_stranger_finds_nothing_of_others(house: House, method: str, path: str) -> None:
    outcome, body = CASES[method, path]
    told = _ask(house, method, path, house.stranger, body)
    if outcome == HIDDEN:
        assert (told.status_code, told.json()["code"]) == (404, "not_found"), told.text
    else:
        assert told.status_code in {200, 201, 202, 204}, told.text
        assert OWNER not in told.text.replace("readable", "")
    for name in ("asset", "batch", "run", "job", "key", "action", "collection", "zip"):
        if outcome != HIDDEN:
            assert house.ids[name] not in told.text


@pytest.mark.parametrize(("method", "path"), sorted(CASES))
def test_nobody_gets_in_without_a_key_or_with_one_for_other_things(
    house: House, method: str, path: str
) -> None:
    _, body = CASES[method, path]
    told = _ask(house, method, path, None, body)
    assert (told.status_code, told.json()["code"]) == (401, "not_authenticated")
    scope = scope_of(method, path)
    assert scope in SCOPES
    told = _ask(house, method, path, house.lacking(scope), body)
    assert (told.status_code, told.json()["code"]) == (403, "scope_missing")


def scope_of(method: str, path: str) -> str:
    """Return the scope that a route asks for."""
    (route,) = [
        each
        for router in _ROUTERS
        for each in router.routes
        if getattr(each, "path", "") == path and method in getattr(each, "methods", ())
    ]
    scopes = [
        dependency.call.scope
        for dependency in route.dependant.dependencies  # type: ignore[attr-defined]
        if hasattr(dependency.call, "scope")
    ]
    (scope,) = scopes
    return str(scope)
