"""What to do next with what was made, as links that open Prefect's run forms filled in.

A deployment is found by its name; one that is not there has no link. A link holds no secret, for
flows take none as parameters, and no quote, which is for one request alone.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

from prefect import get_client
from prefect.client.schemas.filters import DeploymentFilter, DeploymentFilterName
from prefect.runtime import deployment, flow_run
from prefect.settings import PREFECT_UI_URL

from studio.operations import OPERATIONS

LONGEST_LINK = 6_000
"""Characters of a link: browsers take more, proxies before Prefect's pages do not always."""

_ONCE = frozenset({"quote", "version_of"})
"""What counts for one request, not for another that is made from it."""

_WHO = ("owner", "user", "project")
"""What another request has in common with the one that it comes from."""

_UPSCALE = OPERATIONS["upscale"].title
_FORMATS = OPERATIONS["social_export"].title


@dataclass(frozen=True, slots=True)
class NextForms:
    """The forms that follow from a run.

    Attributes:
        again: the address of the run's own form, filled in as it was; empty where it has none.
        by_title: the address of the form of each deployment that takes a picture, without values.
        who: who pays and asks, which the other forms are filled in with as well.
    """

    again: str = ""
    by_title: Mapping[str, str] = field(default_factory=dict)
    who: Mapping[str, Any] = field(default_factory=dict)

    def for_picture(self, asset: str) -> tuple[tuple[str, str], ...]:
        """Return what can be done with a picture: words, and the address of a form."""
        wanted = ((_UPSCALE, "upscale this"), (_FORMATS, "make formats"))
        return tuple(
            (words, link)
            for title, words in wanted
            if (page := self.by_title.get(title))
            and (link := filled_in(page, {"image": asset, **self.who}))
        )


NO_FORMS = NextForms()
"""Nothing to do next."""


async def next_forms() -> NextForms:
    """Find the forms that follow from this run; none where Prefect does not answer."""
    values = dict(flow_run.parameters or {})
    who = {name: values[name] for name in _WHO if values.get(name)}
    again = ""
    if deployment.id:
        kept = {name: value for name, value in values.items() if name not in _ONCE and value != ""}
        again = filled_in(_form(str(deployment.id)), kept)
    found: dict[str, str] = {}
    # What was made is paid and filed: that a link is missing must not fail the run.
    with contextlib.suppress(Exception):
        names = DeploymentFilterName(any_=[_UPSCALE, _FORMATS])
        async with get_client() as client:
            there = await client.read_deployments(
                deployment_filter=DeploymentFilter(name=names), limit=10
            )
        found = {each.name: _form(str(each.id)) for each in there}
    return NextForms(again, found, who)


def filled_in(page: str, values: Mapping[str, Any]) -> str:
    """Return the address of a form that is filled in; empty if it would be too long."""
    link = f"{page}?parameters={quote(json.dumps(dict(values), separators=(',', ':')), safe='')}"
    return link if len(link) <= LONGEST_LINK else ""


def _form(identifier: str) -> str:
    return f"{PREFECT_UI_URL.value() or ''}/deployments/deployment/{identifier}/run"
