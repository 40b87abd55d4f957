"""``prefect.yaml``: the same deployments for ``prefect deploy --all``, written from the catalogue.

It is YAML in which every value is JSON, but for descriptions, which are to be read. The flows are
modules that are installed where workers run, so nothing is pulled.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from deployments.catalogue import Offered
from deployments.schedules import OWN

POOL = "{{ $STUDIO_WORK_POOL }}"
"""Prefect puts the environment variable there when it reads the file."""

_HEAD = """\
# The deployments of Image Studio for a work pool:
#
#     STUDIO_WORK_POOL=studio prefect --no-prompt deploy --all
#
# Written from deployments/catalogue.py (`python -m scripts.write_prefect_yaml`): change it there.
# `studio up` with STUDIO_WORK_POOL registers the same, and the automations with them.
name: image-studio
build: null
push: null
pull: []

deployments:
"""


def prefect_yaml(offered: Iterable[Offered], pool: str = POOL) -> str:
    """Return the file.

    Args:
        pool: the name of the work pool, which must be there.
    """
    return _HEAD + "\n".join("\n".join(_lines(each, pool)) + "\n" for each in offered)


def entrypoint(each: Offered) -> str:
    """Return where the flow of a deployment is found, as a module path."""
    function = each.flow.fn
    return f"{function.__module__}.{function.__name__}"


def _lines(each: Offered, pool: str) -> Iterator[str]:
    yield f"  - name: {_json(each.name)}"
    yield "    description: |-"
    # A blank line needs no indent; what is on a line is kept as it is.
    yield from (f"      {line}" if line else "" for line in each.description.splitlines())
    yield f"    entrypoint: {_json(entrypoint(each))}"
    yield f"    tags: {_json(each.tags)}"
    yield f"    parameters: {_json(dict(each.parameters))}"
    yield "    enforce_parameter_schema: true"
    if each.interval:
        seconds = int(each.interval.total_seconds())
        yield f"    schedules: {_json([{'interval': seconds, 'slug': OWN}])}"
    elif each.cron:
        yield f"    schedules: {_json([{'cron': each.cron, 'timezone': 'UTC', 'slug': OWN}])}"
    if each.limit:
        kept = {
            "limit": each.limit.limit,
            "collision_strategy": each.limit.collision_strategy.value,
        }
        yield f"    concurrency_limit: {_json(kept)}"
    yield f"    work_pool: {_json({'name': pool})}"
    yield "    pull: []"


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
