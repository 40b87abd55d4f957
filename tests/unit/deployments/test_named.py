"""Deployments that others start by name are in the catalogue under that name."""

from __future__ import annotations

from billing.pricebook import current
from deployments.catalogue import deployments
from interfaces.api.prefect_runs import deployment_of
from providers.catalogue import all_offers
from studio.clock import now
from studio.operations import OPERATIONS
from tasks import named


def test_what_is_looked_for_by_name_is_offered_under_it() -> None:
    offered = {
        f"{each.flow.name}/{each.name}" for each in deployments(all_offers(), current(now().date()))
    }
    wanted = {each.path for each in vars(named).values() if isinstance(each, named.Named)}
    wanted |= {deployment_of(name) for name in OPERATIONS}
    assert wanted <= offered
    assert deployment_of("batch") == "batch/Batch from CSV"
