"""The schema of every deployment: what its form is drawn from, and values are judged by."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from prefect.utilities.callables import parameter_schema
from prefect.utilities.schema_tools import validate

from billing.pricebook import current
from deployments.catalogue import Offered, deployments
from providers.catalogue import all_offers
from studio.clock import now

_OFFERED = deployments(all_offers(), current(now().date()))
_BAD = (
    "anyOf",
    "oneOf",
    "allOf",
    "additionalProperties",
    "patternProperties",
    '"null"',
    "writeOnly",
)
_SECRET = re.compile(r"password|secret|token|api_?key|credential", re.IGNORECASE)
_MOST_REQUIRED = 3


def _named(each: Offered) -> str:
    return each.name


def _schema(each: Offered) -> dict[str, Any]:
    return parameter_schema(each.flow.fn).model_dump(exclude_unset=True)


@pytest.mark.parametrize("each", _OFFERED, ids=_named)
def test_every_field_has_words_a_place_and_limits(each: Offered) -> None:
    found = _schema(each)
    fields: dict[str, dict[str, Any]] = found["properties"]
    assert [field["position"] for field in fields.values()] == list(range(len(fields)))
    titles = [field["title"] for field in fields.values()]
    assert len(set(titles)) == len(titles), "two fields of one title"
    for name, field in fields.items():
        text = json.dumps(field)
        assert field["title"] != name, name
        assert len(field["description"]) > 5, name
        assert not [bad for bad in _BAD if bad in text], name
        assert not _SECRET.search(name), name
        assert field.get("format") not in {"password", "json-string"}, name
        assert field["type"] in {"string", "integer", "number", "boolean", "array"}, name
        _check_limits(name, field)


def _check_limits(name: str, field: dict[str, Any]) -> None:
    kind = field["type"]
    if kind in {"integer", "number"}:
        assert {"minimum", "maximum"} <= set(field), name
    elif kind == "array":
        assert "maxItems" in field, name
        _check_limits(f"{name}, an item", field["items"])
    elif kind == "string":
        assert "enum" in field or "maxLength" in field or "pattern" in field, name
        assert all(isinstance(choice, str) for choice in field.get("enum", ())), name
        assert len(field.get("enum", ("", ""))) > 1, "one choice is no choice"


@pytest.mark.parametrize("each", _OFFERED, ids=_named)
def test_what_a_form_begins_with_is_allowed_by_its_own_schema(each: Offered) -> None:
    """Its defaults and what a preset fills in; and what must be filled in is little."""
    found = _schema(each)
    required = [name for name in found.get("required", ()) if name not in each.parameters]
    assert len(required) <= _MOST_REQUIRED
    assert required == [name for name in found["properties"] if name in required], "not first"
    assert set(each.parameters) <= set(found["properties"])
    fields = found["properties"]
    defaults = {name: field["default"] for name, field in fields.items() if "default" in field}
    assert set(defaults) == set(fields) - set(found.get("required", ()))
    # As Prefect's server judges the values of a run; it raises for one that is not allowed.
    validate({**defaults, **each.parameters}, found, raise_on_error=True, ignore_required=True)


@pytest.mark.parametrize("each", _OFFERED, ids=_named)
def test_every_deployment_says_what_it_does_and_what_it_costs(each: Offered) -> None:
    assert re.search(r"cost|credits\*\*|no price", each.description, re.IGNORECASE)
    assert each.tags
    assert len(each.description.splitlines()[0]) > 10
