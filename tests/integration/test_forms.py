"""What Prefect makes of the flows' signatures: the forms that people fill in."""

from __future__ import annotations

import json
from typing import Any

import pytest
from prefect import Flow
from prefect.exceptions import ParameterTypeError
from prefect.utilities.callables import parameter_schema

from studio.catalog import TEMPLATES
from studio.operations import OPERATIONS
from tasks import OPERATION_TASKS
from tests.integration.test_gate import all_flows


def properties(of: Flow[..., Any]) -> dict[str, dict[str, Any]]:
    return parameter_schema(of.fn).model_dump()["properties"]  # type: ignore[no-any-return]


@pytest.mark.parametrize("of", all_flows(), ids=lambda of: str(of.name))
def test_every_field_can_be_drawn_and_says_what_it_is(of: Flow[..., Any]) -> None:
    for name, field in properties(of).items():
        text = json.dumps(field)
        assert field.get("title"), name
        assert field["title"] != name, f"{name} has no words of its own"
        assert field.get("description"), name
        assert "position" in field, name
        # What Prefect's forms draw badly or not at all (tried in both of its pages).
        for bad in ("anyOf", "oneOf", "password", '"null"', "additionalProperties"):
            assert bad not in text, f"{name} has {bad}"


@pytest.mark.parametrize("of", all_flows(), ids=lambda of: str(of.name))
def test_at_most_three_fields_must_be_filled_in(of: Flow[..., Any]) -> None:
    assert len(parameter_schema(of.fn).required) <= 3


def test_each_operation_has_one_task_and_one_flow() -> None:
    in_flows = {
        of.fn.operation.model_fields["operation"].default
        for of in all_flows()
        if hasattr(of.fn, "operation")
    }
    assert set(OPERATION_TASKS) == set(OPERATIONS) == in_flows


def test_limits_of_the_model_hold_in_the_form() -> None:
    (create,) = [of for of in all_flows() if of.name == "create-image"]
    assert properties(create)["width"]["maximum"] == 4096
    assert properties(create)["quality"]["enum"] == ["draft", "standard", "premium"]
    with pytest.raises(ParameterTypeError):
        create.validate_parameters({"prompt": "a hill", "width": 5000})


def test_social_formats_are_a_list_of_choices() -> None:
    (export,) = [of for of in all_flows() if of.name == "export-for-social-media"]
    items = properties(export)["formats"]["items"]
    assert "instagram_story" in items["enum"]


def test_templates_are_a_choice_that_may_be_left_empty() -> None:
    (create,) = [of for of in all_flows() if of.name == "create-image"]
    field = properties(create)["template"]
    assert field["type"] == "string"
    assert field["enum"] == ["", *TEMPLATES]
    assert field["default"] == ""
    create.validate_parameters({"prompt": "a hill", "template": "instagram_story"})
    with pytest.raises(ParameterTypeError, match="instagram_story"):
        create.validate_parameters({"prompt": "a hill", "template": "instagram_stori"})
