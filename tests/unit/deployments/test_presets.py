"""Presets: each can be quoted as it is filled in, and says what it costs."""

from __future__ import annotations

import pytest

from billing.pricebook import current
from deployments.catalogue import PRESET, deployments
from deployments.presets import PRESETS, Preset
from providers.catalogue import all_offers
from studio.clock import now
from studio.operations import OPERATIONS, parse_operation

_OFFERED = {each.name: each for each in deployments(all_offers(), current(now().date()))}


@pytest.mark.parametrize("each", PRESETS, ids=lambda each: each.name)
def test_a_preset_is_a_request_that_the_studio_takes(each: Preset) -> None:
    kind = OPERATIONS[each.operation]
    asked = parse_operation({**kind.example, **each.values, "operation": each.operation})
    assert each.values, "a preset fills something in"
    for name, value in each.values.items():
        if name not in {"template", "ratio"}:  # they are replaced by what they stand for
            assert getattr(asked, name) == value, name


@pytest.mark.parametrize("each", PRESETS, ids=lambda each: each.name)
def test_a_preset_leaves_one_thing_to_be_said(each: Preset) -> None:
    fields = OPERATIONS[each.operation].model_fields
    left = [name for name, field in fields.items() if field.is_required()]
    assert len([name for name in left if name not in each.values]) == 1


@pytest.mark.parametrize("each", PRESETS, ids=lambda each: each.name)
def test_a_preset_says_what_it_costs_at_those_who_can_do_it(each: Preset) -> None:
    offered = _OFFERED[each.name]
    assert offered.tags == (PRESET, OPERATIONS[each.operation].module)
    prices = [line for line in offered.description.splitlines() if line.startswith("- `")]
    assert any("credits** a " in line for line in prices)
    if each.values.get("provider") == "local":
        assert all(line.startswith("- `local/") for line in prices)


def test_no_two_deployments_have_one_name() -> None:
    offered = deployments(all_offers(), current(now().date()))
    assert len({each.name for each in offered}) == len(offered)
