"""prefect.yaml says of every deployment what the catalogue says, as Prefect itself reads it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from prefect.cli.deploy._config import _load_deploy_configs_and_actions
from prefect.cli.deploy._schedules import _schedule_config_to_deployment_schedule
from prefect.flows import load_flow_from_entrypoint
from rich.console import Console

from billing.pricebook import current
from deployments.catalogue import Offered, deployments
from deployments.prefect_yaml import POOL
from deployments.schedules import OWN
from providers.catalogue import all_offers
from scripts import write_prefect_yaml
from studio.clock import now

_OFFERED = deployments(all_offers(), current(now().date()))
_READ, _ACTIONS = _load_deploy_configs_and_actions(write_prefect_yaml.PATH, console=Console())


def test_the_file_is_written_from_the_catalogue() -> None:
    assert write_prefect_yaml.PATH.read_text(encoding="utf-8") == write_prefect_yaml.text()


def test_every_deployment_is_in_it_once_in_order() -> None:
    assert [each["name"] for each in _READ] == [each.name for each in _OFFERED]
    assert {name: steps for name, steps in _ACTIONS.items() if steps} == {}


@pytest.mark.parametrize(
    ("read", "offered"), list(zip(_READ, _OFFERED, strict=True)), ids=lambda _: ""
)
def test_prefect_reads_what_the_catalogue_says(read: dict[str, Any], offered: Offered) -> None:
    assert read["description"] == offered.description
    assert read["tags"] == list(offered.tags)
    assert read["parameters"] == dict(offered.parameters)
    assert read["enforce_parameter_schema"] is True
    assert read["work_pool"]["name"] == POOL
    assert read["pull"] == []
    assert load_flow_from_entrypoint(read["entrypoint"]) is offered.flow
    limit = read.get("concurrency_limit")
    assert (limit is None) == (offered.limit is None)
    if limit is not None and offered.limit is not None:
        assert limit["limit"] == offered.limit.limit
        assert limit["collision_strategy"] == offered.limit.collision_strategy.value
    found = [_schedule_config_to_deployment_schedule(each) for each in read.get("schedules") or ()]
    rhythms = [each["schedule"] for each in found]
    if offered.interval:
        assert [each.interval for each in rhythms] == [offered.interval]
        assert offered.interval % timedelta(seconds=1) == timedelta()
    else:
        assert [each.cron for each in rhythms] == ([offered.cron] if offered.cron else [])
    assert all(each["slug"] == OWN for each in found)
