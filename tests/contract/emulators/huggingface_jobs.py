"""Work that takes its time at Hugging Face's emulator: fal's queue, Replicate, WaveSpeed; files."""

from __future__ import annotations

import base64
import io
import secrets
from collections import Counter, defaultdict, deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from PIL import Image

from tests.contract.emulators.base import Answer, Call, Faults, json_answer, picture
from tests.contract.emulators.huggingface_rules import CHECKS, EDIT, Asked, Served, Wrong

if TYPE_CHECKING:
    from tests.contract.emulators.base import Fault

_TYPES = {"png": "image/png", "jpeg": "image/jpeg", "webp": "image/webp"}
_MINUTES = ("slow", "stuck", "failed", "failed_nsfw", "canceled", "foreign")
"""Ends at Replicate that are later than its answer."""

_FAL_FAILURES = {
    "policy": (
        "prompt",
        "The content could not be processed because it was flagged by a content checker.",
        "content_policy_violation",
    ),
    "failed_input": ("image_url", "Could not load", "file_error"),
}


@dataclass
class Job:
    """Work that was taken."""

    id: str
    provider: str
    served: Served
    asked: Asked
    outcome: str = ""
    polls: int = 0
    file: str = ""


def drawn(job: Job, kind: str = "JPEG") -> bytes:
    """Return the picture of a job."""
    width, height = job.asked.size
    if job.outcome in {"nsfw", "black"}:
        out = io.BytesIO()
        Image.new("RGB", (width, height)).save(out, kind)
        return out.getvalue()
    if job.asked.cutout:
        opaque = job.outcome == "opaque"
        return picture(job.id, width, height, "PNG", alpha=not opaque)
    words = f"{job.served.id} {job.asked.prompt} {job.asked.seed}"
    return picture(words, width, height, kind)


class Jobs:
    """The part of the emulator that takes its time.

    Attributes:
        outcomes: how the next pieces of work end; an empty text is a success.
        jobs: all work by its id.
        least_polls: polls that show no end before one is told.
        queue_path: the beginning of the queue's paths, where it is not that of the model.
        forgotten: ids that are no longer known.
        key_at_files: how many requests for files came with a token.
    """

    work: Faults
    polls: Faults
    files: Faults
    requests: Counter[str]
    scripted: defaultdict[str, deque[Answer]]

    if TYPE_CHECKING:

        @property
        def url(self) -> str: ...
        def begin(self, faults: Faults) -> Fault | None: ...
        def refund(self, identifier: str) -> None: ...
        def refused(self, call: Call) -> Answer | None: ...
        def _hindered(self, call: Call, route: str) -> Answer | None: ...
        def _served(self, provider: str, identifier: str) -> tuple[str, Served] | None: ...
        def _json(self, call: Call) -> Any: ...
        def _take(
            self, call: Call, provider: str, served: Served, asked: Asked, body: Any
        ) -> Job: ...
        def _id(self) -> dict[str, str]: ...

    def __init__(self, port: int = 0) -> None:
        super().__init__(port)  # type: ignore[call-arg]
        self.outcomes: deque[str] = deque()
        self.jobs: dict[str, Job] = {}
        self.least_polls = 2
        self.queue_path = ""
        self.response_host = "https://queue.fal.run"
        self.forgotten: set[str] = set()
        self.key_at_files = 0
        self._stored: dict[str, tuple[bytes, str]] = {}

    def next_outcome(self, words: str) -> str:
        """Return how the next piece of work ends: as told, or as its words say in brackets."""
        if self.outcomes:
            return self.outcomes.popleft()
        found = words.rpartition("[")[2].partition("]")
        return found[0] if found[1] and found[0].isidentifier() else ""

    def begin_job(self, provider: str, served: Served, asked: Asked) -> Job:
        job = Job(secrets.token_hex(13), provider, served, asked, self.next_outcome(asked.prompt))
        self.jobs[job.id] = job
        return job

    def put(self, job: Job, kind: str = "webp") -> str:
        """Store the picture of a job as a file and return its path."""
        if job.asked.cutout:
            kind = "png"
        name = f"{job.id}.{kind}"
        self._stored[name] = (drawn(job, kind.upper()), _TYPES[kind])
        return f"/files/{name}"

    def _place(self, job: Job, kind: str = "webp") -> str:
        if job.outcome == "private":
            return "https://169.254.169.254/latest/x.png"
        if job.outcome == "lost":
            return f"{self.url}/files/nothing.png"
        return f"{self.url}{self.put(job, kind)}"

    def file(self, call: Call) -> Answer:
        self.begin(self.files)
        if "authorization" in call.headers:
            self.key_at_files += 1
            return Answer(400, b"no token is taken here")
        found = self._stored.get(call.match["id"])
        if found is None:
            return Answer(404)
        return Answer(200, found[0], {"content-type": found[1]}, file=True)

    def _polled(self, call: Call, route: str) -> Answer | None:
        fault = self.begin(self.polls)
        refused = self.refused(call)
        if refused:
            return refused
        if fault == "limit":
            return json_answer(429, {"error": "Too many requests"}, {"retry-after": "0"})
        if fault == "busy":
            return json_answer(503, {"error": "Service Unavailable"})
        return self.scripted[route].popleft() if self.scripted[route] else None

    def _known(self, call: Call, provider: str) -> Job | None:
        job = self.jobs.get(call.match["id"])
        if job is None or job.id in self.forgotten or job.provider != provider:
            return None
        job.polls += 1
        return job

    # --- fal ------------------------------------------------------------------------------------

    def fal(self, call: Call) -> Answer:
        hindered = self._hindered(call, "fal")
        if hindered:
            return hindered
        found = self._served("fal-ai", call.match["model"])
        if found is None:
            return json_answer(404, {"detail": "Application not found"})
        try:
            body = self._json(call)
            asked = CHECKS["fal-ai"](body, found[1])
        except Wrong as wrong:
            problem = {"loc": ["body", wrong.name], "msg": str(wrong), "type": wrong.kind}
            return json_answer(422, {"detail": [problem]}, self._id())
        queued = call.query.get("_subdomain") == "queue"
        job = self._take(call, "fal-ai", found[1], asked, body)
        return self._queued(job) if queued else self._fal_outcome(job)

    def _queued(self, job: Job) -> Answer:
        if job.outcome == "nameless":
            return json_answer(200, {"status": "IN_QUEUE"}, self._id())
        answer: dict[str, Any] = {
            "request_id": job.id,
            "status": "IN_QUEUE",
            "response_url": f"{self.response_host}{self._fal_path(job)}",
            "queue_position": 0,
        }
        if job.outcome == "other":  # still enough to find it
            del answer["response_url"]
        return json_answer(200, answer, self._id())

    def _fal_path(self, job: Job) -> str:
        app = self.queue_path or "/" + "/".join(job.served.id.split("/")[:2])
        return f"{app}/requests/{job.id}"

    def _fal_job(self, call: Call) -> Job | None:
        """Find the job of a path that is the queue's: its subdomain and its app must be right."""
        job = self._known(call, "fal-ai")
        wanted = "" if job is None else self._fal_path(job).rpartition("/requests/")[0]
        right = call.query.get("_subdomain") == "queue" and f"/{call.match['app']}" == wanted
        return job if right else None

    def fal_status(self, call: Call) -> Answer:
        hindered = self._polled(call, "fal_status")
        if hindered:
            return hindered
        job = self._fal_job(call)
        if job is None:
            return json_answer(404, {"detail": "Not Found"})
        if job.outcome == "stuck" or job.polls <= self.least_polls:
            status = "IN_QUEUE" if job.polls == 1 else "IN_PROGRESS"
            return json_answer(202, {"status": status, "request_id": job.id})
        return json_answer(200, {"status": "COMPLETED", "request_id": job.id})

    def fal_result(self, call: Call) -> Answer:
        hindered = self._polled(call, "fal_result")
        if hindered:
            return hindered
        job = self._fal_job(call)
        if job is None:
            return json_answer(404, {"detail": "Not Found"})
        if job.outcome == "stuck" or job.polls <= self.least_polls:
            return json_answer(400, {"detail": "Request is still in progress"})
        return self._fal_outcome(job)

    def _fal_outcome(self, job: Job) -> Answer:
        """Answer with the result, or with the failure in its place; that is not billed."""
        if job.outcome in _FAL_FAILURES:
            self.refund(job.id)
            name, words, kind = _FAL_FAILURES[job.outcome]
            problem = {"loc": ["body", name], "msg": words, "type": kind}
            return json_answer(422, {"detail": [problem]}, self._id())
        if job.outcome == "broken_result":
            return json_answer(500, {"detail": "Internal Server Error"})
        return json_answer(200, self._fal_result(job), self._id())

    def _fal_result(self, job: Job) -> Any:
        if job.outcome == "empty":
            return {"images": [], "has_nsfw_concepts": []}
        if job.outcome == "odd":
            return ["no object"]
        url = self._place(job, "jpeg")
        if job.asked.cutout:
            if job.asked.facts.get("inline") and job.outcome != "lost":
                url = f"data:image/png;base64,{base64.b64encode(drawn(job)).decode()}"
            return {"image": {"url": url, "content_type": "image/png"}}
        width, height = job.asked.size
        result: dict[str, Any] = {
            "images": [{"url": url, "width": width, "height": height}],
            "seed": job.asked.seed,
            "has_nsfw_concepts": [job.outcome == "nsfw"],
            "prompt": job.asked.prompt,
        }
        if job.outcome in {"black", "other"}:
            del result["has_nsfw_concepts"]
        return result

    # --- Replicate ------------------------------------------------------------------------------

    def replicate(self, call: Call) -> Answer:
        hindered = self._hindered(call, "replicate")
        if hindered:
            return hindered
        try:
            body = self._json(call)
        except Wrong as wrong:
            return json_answer(422, {"detail": str(wrong)})
        version = body.get("version") if isinstance(body, dict) else None
        found = None
        if "model" in call.match and version is None and ":" not in call.match["model"]:
            found = self._served("replicate", call.match["model"])
        elif "model" not in call.match and version:
            found = next(
                (
                    self._served("replicate", served)
                    for served in self._versions()
                    if served.endswith(f":{version}")
                ),
                None,
            )
        if found is None:
            return json_answer(404, {"detail": "The requested resource could not be found."})
        try:
            asked = CHECKS["replicate"](body, found[1])
        except Wrong as wrong:
            return json_answer(422, {"detail": f"- input.{wrong.name}: {wrong}", "status": 422})
        job = self._take(call, "replicate", found[1], asked, body)
        waited = call.headers.get("prefer", "").startswith("wait")
        done = waited and job.outcome not in _MINUTES
        return json_answer(201, self._prediction(job, done=done), self._id())

    def _versions(self) -> list[str]:
        from tests.contract.emulators.huggingface_rules import MODELS

        names = [entries["replicate"].id for entries in MODELS.values() if "replicate" in entries]
        return [name for name in names if ":" in name]

    def replicate_status(self, call: Call) -> Answer:
        hindered = self._polled(call, "replicate_status")
        if hindered:
            return hindered
        job = self._known(call, "replicate")
        if job is None:
            return json_answer(404, {"detail": "Not found."})
        done = job.outcome != "stuck" and job.polls > self.least_polls
        shown = self._prediction(job, done=done)
        if job.outcome == "foreign":
            shown["id"] = "0" * 26
        return json_answer(200, shown)

    def _prediction(self, job: Job, *, done: bool) -> dict[str, Any]:
        failures = {
            "failed": "CUDA out of memory",
            "failed_nsfw": "NSFW content detected. Try running it again, or try another prompt.",
            "canceled": None,
        }
        failed = done and job.outcome in failures
        ended = "canceled" if job.outcome == "canceled" else "failed"
        status = ended if failed else "succeeded" if done else "processing"
        output: Any = [self._place(job)] if done and not failed else None
        if output and job.served.task == EDIT:
            output = output[0]
        if job.outcome == "empty":
            output = []
        elif job.outcome == "odd" and done:
            output = {"seed": 1}
        identifier: Any = "../../v1/models" if job.outcome == "nameless" else job.id
        if job.outcome == "nameless":
            output, status = None, "processing"
        return {
            "id": identifier,
            "model": job.served.id.partition(":")[0],
            "status": status,
            "output": output,
            "error": failures.get(job.outcome) if failed else None,
            "urls": {"get": f"https://api.replicate.com/v1/predictions/{job.id}"},
        }

    # --- WaveSpeed ------------------------------------------------------------------------------

    def wavespeed(self, call: Call) -> Answer:
        hindered = self._hindered(call, "wavespeed")
        if hindered:
            return hindered
        found = self._served("wavespeed", call.match["model"])
        if found is None:
            return json_answer(404, {"code": 404, "message": "model not found"})
        try:
            body = self._json(call)
            asked = CHECKS["wavespeed"](body, found[1])
        except Wrong as wrong:
            words = f"parameter '{wrong.name}' is invalid: {wrong}"
            return json_answer(400, {"code": 400, "message": words})
        job = self._take(call, "wavespeed", found[1], asked, body)
        return self._enveloped(job, "created")

    def wavespeed_result(self, call: Call) -> Answer:
        hindered = self._polled(call, "wavespeed_result")
        if hindered:
            return hindered
        job = self._known(call, "wavespeed")
        if job is None:
            return json_answer(404, {"code": 404, "message": "prediction not found"})
        if job.outcome == "stuck" or job.polls <= self.least_polls:
            return self._enveloped(job, "processing")
        if job.outcome in {"failed", "failed_nsfw", "failed_input"}:
            self.refund(job.id)
            return self._enveloped(job, "failed")
        return self._enveloped(job, "cancelled" if job.outcome == "canceled" else "completed")

    def _enveloped(self, job: Job, status: str) -> Answer:
        done = status == "completed"
        outputs: list[Any] = [self._place(job)] if done and job.outcome != "empty" else []
        if job.outcome == "odd":
            outputs = [42] if done else []
        failures: Mapping[str, tuple[int, str]] = {
            "failed": (1405, "task failed"),
            "failed_nsfw": (1200, "Content flagged as potentially sensitive."),
            "failed_input": (1402, "failed to download 'image'"),
        }
        data: dict[str, Any] = {
            "id": "0" * 32 if job.outcome == "foreign" and status != "created" else job.id,
            "model": job.served.id,
            "outputs": outputs,
            "urls": {"get": f"https://api.wavespeed.ai/api/v3/predictions/{job.id}/result"},
            "has_nsfw_contents": [job.outcome == "nsfw" for _ in outputs],
            "status": status,
            "error": "",
        }
        if status == "failed":
            data["code"], data["error"] = failures[job.outcome]
        if job.outcome == "nameless":
            del data["id"]
        return json_answer(200, {"code": 200, "message": "success", "data": data}, self._id())
