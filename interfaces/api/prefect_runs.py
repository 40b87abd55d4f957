"""Runs by Prefect: its deployments are started through its API, so that its pages show them."""

from __future__ import annotations

import importlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any
from uuid import UUID

import httpx

from interfaces.api.runs import Run, Status
from studio.errors import InvalidRequest, NotFound, SetupIncomplete, StudioUnavailable
from studio.operations import OPERATIONS
from studio.settings import Settings

if TYPE_CHECKING:
    from prefect.client.orchestration import SyncPrefectClient
    from prefect.client.schemas.objects import FlowRun, State

_STATUS: Mapping[str, Status] = {
    "SCHEDULED": "queued",
    "PENDING": "queued",
    "RUNNING": "running",
    "PAUSED": "waiting",
    "CANCELLING": "cancelling",
    "COMPLETED": "done",
    "FAILED": "failed",
    "CANCELLED": "cancelled",
    "CRASHED": "crashed",
}
_WRONG = (409, 422)
_OWNER_TAG = "owner: "
_DOOR_TAG = "api"
_MOST_FLOWS = 1_000
"""Flows whose names are remembered."""


class PrefectRuns:
    """Starts and finds runs at the Prefect server that ``PREFECT_API_URL`` names.

    Args:
        config: says whose a run is that names no owner.
    """

    def __init__(self, config: Settings) -> None:
        self._config = config
        self._deployments: dict[str, UUID] = {}
        self._flows: dict[UUID, str] = {}

    def start(self, flow: str, parameters: Mapping[str, Any], *, key: str) -> str:
        """Start a flow; the same key is the same run. Returns the run's id."""
        with _client() as client:
            deployment = self._deployment(client, flow)
            try:
                run = client.create_flow_run_from_deployment(
                    deployment,
                    parameters=dict(parameters),
                    idempotency_key=key,
                    tags=[_DOOR_TAG, f"{_OWNER_TAG}{parameters['owner']}"],
                )
            except BaseException:
                # It may have been removed; it is looked up anew the next time.
                self._deployments.pop(flow, None)
                raise
        return str(run.id)

    def find(self, owner: str, run: str) -> Run:
        """Return a run of an owner."""
        with _client() as client:
            return self._read(client, owner, run)

    def recent(self, owner: str, limit: int, offset: int) -> Sequence[Run]:
        """Return a page of the runs that were started here for an owner, the newest first."""
        from prefect.client.schemas.filters import (  # noqa: PLC0415 - Prefect is heavy
            FlowRunFilter,
            FlowRunFilterTags,
        )
        from prefect.client.schemas.sorting import FlowRunSort  # noqa: PLC0415 - as above

        tags = FlowRunFilterTags(all_=[_DOOR_TAG, f"{_OWNER_TAG}{owner}"])
        with _client() as client:
            found = client.read_flow_runs(
                flow_run_filter=FlowRunFilter(tags=tags),
                sort=FlowRunSort.EXPECTED_START_TIME_DESC,
                limit=limit,
                offset=offset,
            )
            names = {each.flow_id: self._flow_name(client, each) for each in found}
        runs = [self._run(each, names[each.flow_id]) for each in found]
        # A tag can be set on Prefect's pages; whose a run is, its parameters say.
        return [each for each in runs if each.owner == owner]

    def cancel(self, owner: str, run: str) -> Run:
        """Ask for a run's end; what has ended stays as it is."""
        from prefect.states import Cancelled, Cancelling  # noqa: PLC0415 - as above

        with _client() as client:
            found = self._read(client, owner, run)
            if not found.ended:
                # What no process has yet needs nobody to stop it.
                wanted: State[Any] = Cancelled() if found.status == "queued" else Cancelling()
                client.set_flow_run_state(UUID(found.id), wanted)
            return self._read(client, owner, run)

    def _read(self, client: SyncPrefectClient, owner: str, run: str) -> Run:
        from prefect.exceptions import ObjectNotFound  # noqa: PLC0415 - as above

        missing = NotFound("There is no such run.", field="run", given=run)
        try:
            found = client.read_flow_run(UUID(run))
        except (ValueError, ObjectNotFound):
            raise missing from None
        seen = self._run(found, self._flow_name(client, found))
        if seen.owner != owner:
            raise missing
        return seen

    def _flow_name(self, client: SyncPrefectClient, run: FlowRun) -> str:
        if run.flow_id not in self._flows:
            if len(self._flows) >= _MOST_FLOWS:
                self._flows.clear()
            self._flows[run.flow_id] = client.read_flow(run.flow_id).name
        return self._flows[run.flow_id]

    def _run(self, run: FlowRun, flow: str) -> Run:
        from prefect.utilities.urls import url_for  # noqa: PLC0415 - as above

        kind = run.state.type.value if run.state else "SCHEDULED"
        return Run(
            id=str(run.id),
            flow=flow,
            name=run.name,
            status=_STATUS.get(kind, "running"),
            message=str(run.state.message or "") if run.state else "",
            owner=str(run.parameters.get("owner") or self._config.owner),
            parameters=run.parameters,
            created_at=run.created,
            started_at=run.start_time,
            ended_at=run.end_time,
            page=str(url_for("flow-run", obj_id=run.id) or ""),
        )

    def _deployment(self, client: SyncPrefectClient, flow: str) -> UUID:
        from prefect.exceptions import ObjectNotFound  # noqa: PLC0415 - as above

        known = self._deployments.get(flow)
        if known is not None:
            return known
        name = deployment_of(flow)
        try:
            found = client.read_deployment_by_name(name).id
        except ObjectNotFound:
            raise SetupIncomplete(
                "Prefect does not know this deployment yet: start `studio up` once.",
                field="deployment",
                given=name,
            ) from None
        self._deployments[flow] = found
        return found


def warm_up() -> None:
    """Import Prefect now; to be called before requests do, each in a thread of its own.

    Two threads that import it at once may find half of it: its modules import each other.
    """
    importlib.import_module("deployments.schedules")
    importlib.import_module("flows.operations")


@cache
def deployment_of(flow: str) -> str:
    """Return a deployment's name: of an operation, by the operation's name, or of another flow."""
    from flows.operations import OPERATION_FLOWS  # noqa: PLC0415 - Prefect is heavy
    from tasks.named import BATCH, BATCH_AGAIN, IMPORT  # noqa: PLC0415 - as above

    for each in (BATCH, BATCH_AGAIN, IMPORT):
        if flow == each.flow:
            return each.path
    return f"{OPERATION_FLOWS[flow].name}/{OPERATIONS[flow].title}"


@contextmanager
def _client() -> Iterator[SyncPrefectClient]:
    """Yield a client of the server; that it does not answer is told as such.

    Raises:
        StudioUnavailable: it does not answer.
    """
    from prefect.client.orchestration import get_client  # noqa: PLC0415 - as above

    with answering(), get_client(sync_client=True) as client:
        yield client


@contextmanager
def answering() -> Iterator[None]:
    """Tell of a Prefect server that does not answer as of what it is.

    Raises:
        StudioUnavailable: it does not answer.
        InvalidRequest: it did not take the request.
    """
    from prefect.exceptions import PrefectHTTPStatusError  # noqa: PLC0415 - as above

    try:
        yield
    except PrefectHTTPStatusError as error:
        if error.response.status_code in _WRONG:
            raise InvalidRequest(
                "Prefect did not take this request.",
                given=error.response.text,
                allowed="what the deployment's form takes",
            ) from error
        raise _unanswered(error) from error
    except (httpx.TransportError, RuntimeError) as error:
        # Prefect's client says in a RuntimeError that it cannot find or reach its server.
        if isinstance(error, RuntimeError) and "Failed to reach API" not in str(error):
            raise
        raise _unanswered(error) from error


def _unanswered(error: Exception) -> StudioUnavailable:
    return StudioUnavailable(
        f"The Prefect server did not answer ({type(error).__name__}). With the same "
        "idempotency key, the request can be sent again without being done twice.",
        retry_after=5,
    )
