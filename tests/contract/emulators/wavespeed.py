"""A strict emulator of WaveSpeed AI, api v3.

It reads the contract by itself and shares no code with the adapter. Work goes through ``created``
and ``processing`` to its end; more than the tier allows at once waits. It bills when it takes the
work and refunds what fails. ``outcomes`` (or ``[name]`` in a prompt) says how the next predictions
end; the names are in ``OUTCOMES``.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, ClassVar

from tests.contract.emulators.base import Answer, Call
from tests.contract.emulators.wavespeed_account import Account
from tests.contract.emulators.wavespeed_models import MODELS, Model
from tests.contract.emulators.wavespeed_shapes import DAYS_KEPT
from tests.contract.emulators.wavespeed_uploads import Uploads
from tests.contract.emulators.wavespeed_work import Wrong, check_files, made, seconds_of

TIERS: Mapping[str, tuple[int, int, int]] = {
    "bronze": (10, 5, 3),
    "silver": (500, 60, 100),
    "gold": (3_000, 600, 2_000),
    "ultra": (5_000, 5_000, 5_000),
}
"""Pictures a minute, videos a minute, and work at once."""

_FAILURES: Mapping[str, tuple[int | None, str]] = {
    "moderated": (1200, "Content flagged as potentially sensitive."),
    "moderated_in_words": (None, "NSFW content detected, please change your prompt"),
    "missing": (1400, "parameter 'image' is missing"),
    "invalid": (1401, "parameter 'size' is invalid"),
    "unreached": (1402, "failed to download 'image'"),
    "task": (1403, "task execution failed"),
    "broken": (1405, "task failed"),
    "internal": (5000, "internal error"),
    "unavailable": (5003, "service unavailable"),
    "late": (5004, "timeout"),
}
_ENDS = ("cancelled", "timeout", "deleted")
_ODD = (
    *("flagged", "empty", "no_flags", "base64", "private", "stuck", "foreign", "number", "lost"),
)
OUTCOMES = frozenset({*_FAILURES, *_ENDS, *_ODD})
"""Ends that a prediction can be told to come to.

``flagged`` is completed with an unsafe result, ``no_flags`` has null for the flags, ``private``
names a file on the local network, ``lost`` one that is not there, ``stuck`` never ends, ``foreign``
answers polls with another prediction, ``number`` has a number where a result should be.
"""

_MINUTE = 60.0
_MEDIA = ("image", "mask_image", "face_image", "audio", "images", "reference_images")
_TYPES = {"jpeg": "image/jpeg", "png": "image/png", "webp": "image/webp", "mp4": "video/mp4"}


@dataclass
class Prediction:
    """Work that was taken."""

    id: str
    model: str
    body: dict[str, Any]
    outcome: str
    day: float
    taken: float
    files: dict[str, list[bytes]] = field(default_factory=dict)
    fault: Wrong | None = None
    started: float | None = None
    ended: float | None = None
    polls: int = 0
    outputs: list[Any] | None = None

    @property
    def video(self) -> bool:
        return MODELS[self.model].makes == "video"


class WaveSpeedEmulator(Uploads, Account):
    """WaveSpeed on loopback.

    Attributes:
        tier: whose limits hold.
        work_seconds: how long a piece of work takes.
        least_polls: polls that show ``processing`` before an end is told.
        outcomes: how the next predictions end; an empty text is a success.
        orders: the bodies of all requests for work that were taken, with the model.
        broke: the status that says that there is no money: 402 or 403.
        get_host: what ``urls.get`` names instead of here.
        retired: models that are no longer there.
    """

    routes: ClassVar[tuple[tuple[str, str, str], ...]] = (
        *Uploads.upload_routes,
        *Account.account_routes,
        ("GET", r"/outputs/(?P<id>[\w.-]+)", "get_output"),
        ("GET", r"/api/v3/predictions/(?P<id>[^/]+)(?:/result)?", "result"),
        ("POST", r"/api/v3/(?P<model>.+)", "submit"),
    )

    def __init__(self, port: int = 0) -> None:
        super().__init__(port)
        self.tier = "bronze"
        self.work_seconds = 0.02
        self.least_polls = 1
        self.outcomes: deque[str] = deque()
        self.orders: list[tuple[str, dict[str, Any]]] = []
        self.broke = 403
        self.get_host = ""
        self.retired: set[str] = set()
        self.predictions: dict[str, Prediction] = {}
        self._results: dict[str, tuple[bytes, str, float]] = {}

    def submit(self, call: Call) -> Answer:
        fault = self.begin(self.work)
        early = self._early(call, "submit")
        if early:
            return early
        name = call.match["model"]
        model = None if name in self.retired else MODELS.get(name)
        if model is None:
            return self._fail(404, f"model {name} not found")
        try:
            body = call.json() if call.content_type == "application/json" else None
        except ValueError:
            body = None
        wrong = _wrong_webhook(call) or model.fault(body)
        if wrong or not isinstance(body, dict):
            return self._fail(400, wrong)
        with self.lock:
            if fault in {"busy", "limit"} or self._over_the_limit(model):
                return self._too_often()
            return self._take(name, model, body)

    def _over_the_limit(self, model: Model) -> bool:
        video = model.makes == "video"
        most = TIERS[self.tier][1 if video else 0]
        since = time.monotonic() - _MINUTE
        count = sum(
            each.taken > since and each.video == video for each in self.predictions.values()
        )
        return count >= most

    def _take(self, name: str, model: Model, body: dict[str, Any]) -> Answer:
        files, fault = self._gather(body)
        try:
            sound = files.get("audio", [b""])[0]
            seconds = seconds_of(sound) if sound else 0.0
        except Wrong as wrong:
            fault, seconds = fault or wrong, 0.0
        cost = model.price(body, seconds)
        if self.billed + cost > self.funds:
            return self._fail(self.broke, "Insufficient balance, please top up")
        identifier = secrets.token_hex(16)
        outcome = self.outcomes.popleft() if self.outcomes else _told(body)
        prediction = Prediction(
            identifier, name, body, outcome, self.days, time.monotonic(), files, fault
        )
        self.predictions[identifier] = prediction
        self.orders.append((name, body))
        self.bill(name, _meaning(name, body, files), cost, identifier)
        self._go_on()
        return self._good(self._shown(prediction, "created"))

    def _gather(self, body: Mapping[str, Any]) -> tuple[dict[str, list[bytes]], Wrong | None]:
        files: dict[str, list[bytes]] = {}
        for name in _MEDIA:
            urls = body.get(name, [])
            for url in [urls] if isinstance(urls, str) else urls:
                data = self._fetch(url)
                if data is None:
                    return files, Wrong(1402, f"failed to download '{name}'")
                files.setdefault(name, []).append(data)
        return files, None

    def result(self, call: Call) -> Answer:
        fault = self.begin(self.polls)
        early = self._early(call, "result")
        if early:
            return early
        if fault in {"busy", "limit"}:
            return self._too_often()
        with self.lock:
            prediction = self.predictions.get(call.match["id"])
            if prediction is None or self.days - prediction.day >= DAYS_KEPT:
                return self._fail(404, "prediction not found")
            prediction.polls += 1
            self._go_on()
            status = self._status(prediction)
            shown = self._shown(prediction, status)
            if prediction.outcome == "foreign":
                shown["id"] = "0" * 32
            return self._good(shown)

    def _go_on(self) -> None:
        """Let time pass: work ends, and what waits begins."""
        now = time.monotonic()
        room = TIERS[self.tier][2]
        while True:
            running = [
                each for each in self.predictions.values() if each.started and not each.ended
            ]
            for each in running:
                assert each.started is not None
                if each.outcome != "stuck" and now - each.started >= self.work_seconds:
                    each.ended = each.started + self.work_seconds
                    self._end(each)
            running = [each for each in running if not each.ended]
            waiting = [each for each in self.predictions.values() if not each.started]
            begun = waiting[: max(0, room - len(running))]
            for each in begun:
                each.started = now
            if not begun:
                return

    def _status(self, prediction: Prediction) -> str:
        if not prediction.started:
            return "created"
        if not prediction.ended or prediction.polls <= self.least_polls:
            return "processing"
        if prediction.outcome in _ENDS:
            return prediction.outcome
        return "failed" if self._failure(prediction) else "completed"

    def _failure(self, prediction: Prediction) -> tuple[int | None, str] | None:
        if prediction.fault is not None:
            return prediction.fault.code, str(prediction.fault)
        return _FAILURES.get(prediction.outcome)

    def _end(self, prediction: Prediction) -> None:
        model = MODELS[prediction.model]
        try:
            if prediction.fault is None:
                check_files(model, prediction.files)
        except Wrong as wrong:
            prediction.fault = wrong
        if self._failure(prediction):
            self.refund(prediction.id)
            return
        if prediction.outcome in _ENDS:
            return
        result = made(prediction.id, model, prediction.body, prediction.files)
        if isinstance(result, str):
            prediction.outputs = [result]
        else:
            data, ending = result
            self._results[f"{prediction.id}.{ending}"] = (data, _TYPES[ending], self.days)
            prediction.outputs = [f"{self.url}/outputs/{prediction.id}.{ending}"]
            if prediction.outcome == "base64":
                prediction.outputs = [base64.b64encode(data).decode()]
        odd: Mapping[str, list[Any]] = {
            "empty": [],
            "private": ["https://169.254.169.254/latest/meta-data/x.png"],
            "number": [42],
            "lost": [f"{self.url}/outputs/{'0' * 32}.png"],
        }
        prediction.outputs = odd.get(prediction.outcome, prediction.outputs)

    def _shown(self, prediction: Prediction, status: str) -> dict[str, Any]:
        failure = self._failure(prediction) if status == "failed" else None
        done = status == "completed"
        outputs = (prediction.outputs or []) if done else []
        flags: list[bool] | None = [prediction.outcome == "flagged" for _ in outputs]
        if prediction.outcome == "no_flags":
            flags = None
        shown = {
            "id": prediction.id,
            "model": prediction.model,
            "outputs": outputs,
            "urls": {
                "get": f"{self.get_host or self.url}/api/v3/predictions/{prediction.id}/result"
            },
            "has_nsfw_contents": flags,
            "status": status,
            "created_at": datetime.now(UTC).isoformat(),
            "error": failure[1] if failure else "",
            "executionTime": round(self.work_seconds * 1000) if done else 0,
            "timings": {"inference": round(self.work_seconds * 1000) if done else 0},
        }
        if failure and failure[0] is not None:
            shown["code"] = failure[0]
        return shown

    def get_output(self, call: Call) -> Answer:
        self.begin(self.files)
        if "authorization" in call.headers:
            return Answer(400, b"the CDN takes no key")
        found = self._results.get(call.match["id"])
        if found is None or self.days - found[2] >= DAYS_KEPT:
            return Answer(404)
        return Answer(200, found[0], {"content-type": found[1]}, file=True)

    def webhook(self, identifier: str, moment: int) -> tuple[dict[str, str], bytes]:
        """Return headers and body of the message that tells of a prediction, signed."""
        with self.lock:
            self._go_on()
            prediction = self.predictions[identifier]
            told = self._shown(prediction, self._status(prediction)) | {"input": prediction.body}
        body = json.dumps(told).encode()
        key = self.secret.split("_", 1)[1].encode()
        signed = hmac.new(key, b"%s.%d.%s" % (identifier.encode(), moment, body), hashlib.sha256)
        return {
            "webhook-id": identifier,
            "webhook-timestamp": str(moment),
            "webhook-signature": f"v3,{signed.hexdigest()}",
        }, body


def _wrong_webhook(call: Call) -> str:
    webhook = call.query.get("webhook", "https://")
    return "" if webhook.startswith("https://") else "'webhook' must be an https URL"


def _told(body: Mapping[str, Any]) -> str:
    """Return the end that a prompt names in brackets; empty if it names none."""
    words = str(body.get("prompt", body.get("text", "")))
    return next((name for name in OUTCOMES if f"[{name}]" in words), "")


def _meaning(name: str, body: Mapping[str, Any], files: Mapping[str, list[bytes]]) -> str:
    """Return what names the work: addresses of uploads differ, their bytes do not."""
    plain = {key: value for key, value in body.items() if key not in _MEDIA}
    digests = {
        key: [hashlib.sha256(data).hexdigest() for data in each] for key, each in files.items()
    }
    text = json.dumps([name, plain, digests], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()
