"""Write prefect.yaml from deployments/catalogue.py; a test sees to it that this was done."""

from __future__ import annotations

from pathlib import Path

from billing.pricebook import current
from deployments.catalogue import deployments
from deployments.prefect_yaml import prefect_yaml
from providers.catalogue import all_offers
from studio.clock import now

PATH = Path(__file__).parent.parent / "prefect.yaml"


def text() -> str:
    """Return the file."""
    return prefect_yaml(deployments(all_offers(), current(now().date())))


if __name__ == "__main__":
    PATH.write_text(text(), encoding="utf-8")
    print(f"written: {PATH.name}")
