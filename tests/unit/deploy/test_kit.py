"""The kit of deploy/: every file is sound by its own rules, and says what the code says."""

from __future__ import annotations

import json
import re
import shlex
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml
from compose_spec import PyCompose
from prefect.settings import Settings as PrefectSettings
from prefect.settings.legacy import _get_valid_setting_names
from pydantic import SecretStr

from deployments.profile import environment, of_another_server
from deployments.shared import server_only
from interfaces.cli.app import app
from studio.settings import Settings

_ROOT = Path(__file__).parents[3]
_KIT = _ROOT / "deploy"
_COMPOSE = yaml.safe_load((_KIT / "compose" / "compose.yaml").read_text(encoding="utf-8"))
_SERVICES: Mapping[str, dict[str, Any]] = _COMPOSE["services"]
_EXAMPLE = (_KIT / "compose" / "example.env").read_text(encoding="utf-8")
_MANIFESTS = list(
    yaml.safe_load_all((_KIT / "kubernetes" / "studio.yaml").read_text(encoding="utf-8"))
)
_SERVER = yaml.safe_load(
    (_KIT / "kubernetes" / "prefect-server-values.yaml").read_text(encoding="utf-8")
)
_WORKER = yaml.safe_load(
    (_KIT / "kubernetes" / "prefect-worker-values.yaml").read_text(encoding="utf-8")
)

_ELSEWHERE = {
    # Not Prefect's settings but others': prefect-redis and the convention of consoles.
    *("PREFECT_REDIS_MESSAGING_URL", "DO_NOT_TRACK"),
}
_OF_THE_KIT = {
    *("PREFECT_HOME", "PREFECT_API_URL", "PREFECT_UI_URL", "PREFECT_API_AUTH_STRING"),
    *("PREFECT_SERVER_API_HOST", "PREFECT_SERVER_API_PORT", "PREFECT_SERVER_API_AUTH_STRING"),
    *("PREFECT_SERVER_UI_API_URL", "PREFECT_SERVER_DATABASE_MIGRATE_ON_START"),
    *("PREFECT_SERVER_DATABASE_CONNECTION_URL", "PREFECT_REDIS_MESSAGING_URL"),
    "PREFECT_SERVER_DOCKET_URL",
}
"""Addresses, passwords, and what only several servers need; everything else is the profile's."""
_OF_CLIENTS = {
    *("PREFECT_TASKS_RUNNER_THREAD_POOL_MAX_WORKERS", "PREFECT_FLOWS_HEARTBEAT_FREQUENCY"),
    *("PREFECT_LOGGING_TO_API_WHEN_MISSING_FLOW", "PREFECT_WORKER_QUERY_SECONDS"),
}
"""What the profile says to runs; `studio worker` says it there."""


def _environments() -> Iterator[tuple[str, Mapping[str, str]]]:
    """Yield every environment of the kit by where it is."""
    for name, service in _SERVICES.items():
        yield f"compose: {name}", service.get("environment", {})
    for each in _MANIFESTS:
        if each["kind"] == "ConfigMap":
            yield "kubernetes: ConfigMap", each["data"]
        for container in _containers(each):
            told = {pair["name"]: pair["value"] for pair in container.get("env", [])}
            yield f"kubernetes: {container['name']}", told
    yield "helm: server", _pairs(_SERVER["global"]["prefect"]["env"])
    yield "helm: worker", _pairs(_WORKER["worker"]["extraEnvVars"])


def _pairs(listed: list[dict[str, str]]) -> dict[str, str]:
    return {pair["name"]: pair["value"] for pair in listed}


def _containers(manifest: Mapping[str, Any]) -> list[dict[str, Any]]:
    template = manifest.get("spec", {}).get("template")
    found: list[dict[str, Any]] = template["spec"]["containers"] if template else []
    return found


def _profile() -> dict[str, str]:
    """Return what the studio would tell a Prefect server that shares Postgres and Redis."""
    config = Settings(
        prefect_database_url=SecretStr("postgresql+asyncpg://u:p@postgres/prefect"),
        prefect_redis_url=SecretStr("redis://:p@redis:6379/0"),
    )
    here = environment(Path("/var/lib/studio"), 4200)
    return {**of_another_server(here, here["PREFECT_API_URL"]), **server_only(config)}


def test_the_compose_file_is_one_by_the_specification() -> None:
    compose = PyCompose.from_json(json.dumps(_COMPOSE))
    compose.validate()
    broken = {**_COMPOSE, "services": {"api": {"image": "x", "helthcheck": {}}}}
    with pytest.raises(ValueError, match="helthcheck"):
        PyCompose.from_json(json.dumps(broken))


def test_who_waits_for_health_waits_for_somebody_who_tells_it() -> None:
    waited = {
        name: how["condition"]
        for service in _SERVICES.values()
        if isinstance(service.get("depends_on"), dict)
        for name, how in service["depends_on"].items()
    }
    for name, condition in waited.items():
        service = _SERVICES[name]
        if condition == "service_healthy":
            assert "test" in service["healthcheck"], name
        if condition == "service_completed_successfully":
            assert service["restart"] == "on-failure", f"{name} would be started for ever"


@pytest.mark.parametrize(("where", "told"), list(_environments()), ids=lambda each: str(each)[:40])
def test_every_setting_that_the_kit_names_is_there(where: str, told: Mapping[str, str]) -> None:
    ours = {f"STUDIO_{name.upper()}" for name in Settings.model_fields}
    prefects = _get_valid_setting_names(PrefectSettings) | _ELSEWHERE
    for name in told:
        if name.startswith("STUDIO_"):
            assert name in ours, f"{where}: {name}"
        if name.startswith("PREFECT_"):
            assert name in prefects, f"{where}: {name}"


def test_the_studios_settings_of_the_kit_are_ones_that_the_studio_takes() -> None:
    for where, told in _environments():
        values = {
            name.removeprefix("STUDIO_").lower(): re.sub(r"\$\{\w+:[?-]\}", "x" * 40, value)
            for name, value in told.items()
            if name.startswith("STUDIO_") and not str(value).startswith("${")
        }
        assert Settings.model_validate(values) is not None, where


@pytest.mark.parametrize(
    "told",
    [_SERVICES["prefect-1"]["environment"], _pairs(_SERVER["global"]["prefect"]["env"])],
    ids=["compose", "helm"],
)
def test_prefects_servers_have_the_studios_profile(told: Mapping[str, str]) -> None:
    profile = _profile()
    for name, value in told.items():
        if name not in _OF_THE_KIT:
            assert value == profile[name], name
    # The chart sets these two by itself where the background services are apart.
    charts = {"PREFECT_SERVER_EVENTS_CAUSAL_ORDERING", "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE"}
    missing = set(profile) - set(told) - _OF_THE_KIT - _OF_CLIENTS
    assert missing <= (charts if told is not _SERVICES["prefect-1"]["environment"] else set())


def test_two_servers_and_the_services_share_one_environment_and_migrate_nothing() -> None:
    names = ("prefect-1", "prefect-2", "prefect-services", "prefect-migrate")
    first, *others = (_SERVICES[name]["environment"] for name in names)
    assert all(each == first for each in others)
    assert first["PREFECT_SERVER_DATABASE_MIGRATE_ON_START"] == "false"


def test_no_secret_stands_in_the_kit() -> None:
    asked = set(re.findall(r"\$\{(\w+):[?-]\}", (_KIT / "compose/compose.yaml").read_text("utf-8")))
    given = dict(re.findall(r"^(\w+)=(.*)$", _EXAMPLE, re.MULTILINE))
    assert set(given) == asked
    secret = re.compile(r"PASSWORD|SECRET|KEY|AUTH")
    assert [name for name, value in given.items() if secret.search(name) and value] == []
    for where, told in _environments():
        for name, value in told.items():
            if secret.search(name):
                assert str(value).startswith("${"), f"{where}: {name}"
    assert "Secret" not in {each["kind"] for each in _MANIFESTS}


@pytest.mark.parametrize("manifest", _MANIFESTS, ids=lambda each: each["metadata"]["name"])
def test_every_manifest_is_one_by_kubernetes_own_schema(manifest: dict[str, Any]) -> None:
    kubernetes_validate.validate(manifest, "1.34", strict=True)


@pytest.mark.parametrize(
    "manifest",
    [each for each in _MANIFESTS if _containers(each)],
    ids=lambda each: each["metadata"]["name"],
)
def test_every_pod_is_confined_bounded_and_watched(manifest: dict[str, Any]) -> None:
    pod = manifest["spec"]["template"]["spec"]
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["automountServiceAccountToken"] is False
    volumes = {each["name"] for each in pod["volumes"]}
    for container in pod["containers"]:
        assert container["securityContext"]["readOnlyRootFilesystem"] is True
        assert set(container["resources"]) == {"requests", "limits"}
        assert {each["name"] for each in container["volumeMounts"]} == volumes
        if manifest["kind"] == "Deployment":
            assert {"startupProbe", "readinessProbe", "livenessProbe"} <= set(container)


def test_services_lead_to_the_pods_that_are_there() -> None:
    pods = [
        each["spec"]["template"] for each in _MANIFESTS if each["kind"] in {"Deployment", "Job"}
    ]
    for each in _MANIFESTS:
        if each["kind"] != "Service":
            continue
        wanted = each["spec"]["selector"].items()
        (found,) = [pod for pod in pods if wanted <= pod["metadata"]["labels"].items()]
        ports = {port["name"] for port in found["spec"]["containers"][0]["ports"]}
        assert {port["targetPort"] for port in each["spec"]["ports"]} <= ports


def _commands() -> Iterator[list[str]]:
    for service in _SERVICES.values():
        yield [str(word) for word in service.get("command", [])]
    for each in _MANIFESTS:
        yield from (container["command"] for container in _containers(each))
    yield _WORKER["worker"]["command"] + _WORKER["worker"]["args"]
    yield _SERVER["server"]["command"] + _SERVER["server"]["args"]
    yield _SERVER["backgroundServices"]["command"] + _SERVER["backgroundServices"]["args"]


def test_every_command_of_the_studio_in_the_kit_can_be_typed() -> None:
    lines = [command for command in _commands() if command[:1] == ["studio"]]
    for command in _commands():
        if command[:1] == ["sh"]:
            lines += [
                shlex.split(part)
                for part in command[-1].split(" && ")
                if part.startswith("studio ")
            ]
    used = {line[1] for line in lines}
    assert used == {"setup", "register", "worker", "api", "files"}
    for line in lines:
        app.parse_args(line[1:], exit_on_error=False, print_error=False)


def test_prefects_commands_of_the_kit_are_the_three_that_belong_together() -> None:
    used = {tuple(command[1:4]) for command in _commands() if command[:1] == ["prefect"]}
    assert used == {
        ("server", "start", "--no-services"),
        ("server", "start", "--host"),
        ("server", "services", "start"),
        ("server", "database", "upgrade"),
    }
    for command in _commands():
        if command[1:3] == ["server", "start"]:
            assert "--no-services" in command


def test_the_one_address_leads_to_services_that_are_there() -> None:
    text = (_KIT / "compose" / "nginx.conf").read_text(encoding="utf-8")
    named = set(re.findall(r"(?:server|http:)/?/? ?([a-z0-9-]+):(\d+)", text))
    assert {name for name, _ in named} == {"prefect-1", "prefect-2", "api", "files"}
    ports = {
        "prefect-1": Settings.model_fields["prefect_port"].default,
        "prefect-2": Settings.model_fields["prefect_port"].default,
        "api": Settings.model_fields["api_port"].default,
        "files": Settings.model_fields["files_port"].default,
    }
    assert {(name, str(port)) for name, port in ports.items()} == named
    opened = {port.split(":")[1] for port in _SERVICES["gateway"]["ports"]}
    assert opened == set(re.findall(r"listen (\d+);", text))
    assert all(port.startswith("127.0.0.1:") for port in _SERVICES["gateway"]["ports"])
    assert [name for name, each in _SERVICES.items() if "ports" in each] == ["gateway"]


def test_the_image_has_every_room_and_runs_as_nobody_special() -> None:
    text = (_KIT / "Dockerfile").read_text(encoding="utf-8")
    project = tomllib.loads((_ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    rooms = project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]
    assert sorted(re.findall(r"^COPY (\w+) /build/\1$", text, re.MULTILINE)) == sorted(rooms)
    last = text.rsplit("\nFROM ", maxsplit=1)[1]
    assert re.search(r"^USER 10001:10001$", last, re.MULTILINE)
    assert "HEALTHCHECK" in last
    assert "--require-hashes -r /build/requirements-scale.lock" in text


def test_the_image_has_what_the_locks_have_and_the_extras_of_many_machines() -> None:
    plain, scaled = (
        dict(re.findall(r"^([a-z0-9.-]+)(?:\[.+\])?==(\S+)", text, re.MULTILINE))
        for text in (
            (_ROOT / name).read_text(encoding="utf-8")
            for name in ("requirements.lock", "requirements-scale.lock")
        )
    )
    assert {name: scaled.get(name) for name in plain} == plain
    assert {"psycopg", "s3fs", "prefect-redis"} <= set(scaled)
