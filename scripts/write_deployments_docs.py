"""Write docs/deployments.md from the catalogue of deployments; a test sees to it."""

from __future__ import annotations

from pathlib import Path

from billing.pricebook import current
from deployments.catalogue import Offered, deployments
from providers.catalogue import all_offers
from studio.clock import now

PATH = Path(__file__).parent.parent / "docs" / "deployments.md"

HEAD = """\
# Deployments

What people find on the Deployments page of Prefect, what systems start by the API, and what runs by
itself. `studio up` registers all of them. This page is written from `deployments/catalogue.py`
(`python -m scripts.write_docs`); what they cost at present stands in their descriptions there, and
in [operations.md](operations.md).

| deployment | tags | runs by itself | what it does |
|---|---|---|---|
"""


def text() -> str:
    """Return the document."""
    offered = deployments(all_offers(), current(now().date()))
    return HEAD + "".join(_line(each) for each in offered)


def _line(each: Offered) -> str:
    says = " ".join(each.description.partition("\n\n")[0].split()).replace("|", "\\|")
    tags = ", ".join(f"`{tag}`" for tag in each.tags)
    return f"| `{each.flow.name}/{each.name}` | {tags} | {_rhythm(each)} | {says} |\n"


def _rhythm(each: Offered) -> str:
    if each.interval:
        return f"every {each.interval.total_seconds() / 60:g} minutes"
    return f"cron `{each.cron}` (UTC)" if each.cron else ""


if __name__ == "__main__":
    PATH.write_text(text(), encoding="utf-8")
    print(f"written: {PATH.name}")
