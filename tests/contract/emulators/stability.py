"""Stability AI, REST v2beta, as strict as its specification; what is in a form is judged next door.

Order of a request: lock-out, body kind, size, fields, key, moderation, money, work. Fields come
before the key, as seen live.
"""

from __future__ import annotations

import base64
import hashlib
import json
import math
import unicodedata
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Literal

from tests.contract.emulators.base import (
    Answer,
    Call,
    Emulator,
    Part,
    clock,
    cube,
    json_answer,
    picture,
    read_picture,
)
from tests.contract.emulators.stability_checks import faults
from tests.contract.emulators.stability_rules import END_POINTS, Parts, price, text
from tests.contract.emulators.stability_sizes import size

LARGEST_REQUEST = 10 * 1024 * 1024
WINDOW_REQUESTS, WINDOW_SECONDS, LOCK_OUT_SECONDS = 150, 10, 60
KEPT_SECONDS = 24 * 3_600
FLAGGED = "gore"
"""A word that moderation denies before any work: 403, free."""
CELEBRITY = "celebrity"
"""A word that stands for a public figure: 422, free."""
BLURRED = "lingerie"
"""A word whose picture is filtered after it was made: 200, billed."""

_SLUGS = {
    400: "bad_request",
    401: "unauthorized",
    402: "payment_required",
    403: "content_moderation",
    404: "generation_not_found",
    413: "payload_too_large",
    422: "invalid_language",
    429: "rate_limit_exceeded",
    500: "internal_error",
}
_PILLOW = {"png": "PNG", "jpeg": "JPEG", "webp": "WEBP"}


@dataclass(frozen=True)
class Form:
    """A request for work that arrived, was understood and was let through."""

    path: str
    parts: Parts
    accept: str

    def text(self, name: str) -> str | None:
        return self.parts[name].text if name in self.parts else None

    def texts(self) -> dict[str, str]:
        return {name: part.text for name, part in self.parts.items() if part.filename is None}


@dataclass
class Job:
    """Work to be collected."""

    key: str
    form: Form
    begun: float
    polls: int = 0


class StabilityEmulator(Emulator):
    """Stability AI.

    Attributes:
        forms: requests for work that were carried out, in order.
        balances: by key, in tenths of a credit.
        polls_needed: how often a result is "in-progress" before it is there.
        polled: when results were asked for, in seconds.
        now: the clock; a test may put another in its place.
        retry_after: the header of a 429, which is not documented and therefore not sent.
        unknown_fields: whether fields that it does not know are an error (not known either).
        json_headers: whether JSON comes with ``finish-reason`` and ``seed`` headers, too.
        answer_json: whether pictures come as JSON whatever was accepted.
        filter_next: whether the next picture is filtered, for work without words.
        denied: whether the key has no right to do anything.
        retired: end points that are no longer there.
        instead: what is answered in place of the next answers, for shapes that no document has.
    """

    name: ClassVar[str] = "stability"
    key: ClassVar[str] = "sk-emulated0123456789abcdef"
    unit: ClassVar[str] = "tenth of a credit"
    other_key: ClassVar[str] = "sk-another0123456789abcdef"
    routes: ClassVar[tuple[tuple[str, str, str], ...]] = (
        ("POST", r"/v2beta/(stable-image|3d)/.+", "work_on"),
        ("GET", r"/v2beta/results/(?P<id>[^/]+)", "result"),
        ("GET", r"/v1/user/balance", "balance"),
    )

    def __init__(self, port: int = 0) -> None:
        super().__init__(port)
        self.forms: list[Form] = []
        self.jobs: dict[str, Job] = {}
        self.balances = {self.key: 100_000, self.other_key: 100_000}
        self.stale_balance = self.balances[self.key]
        self.polls_needed = 2
        self.polled: list[float] = []
        self.now: Callable[[], float] = clock
        self.retry_after: str | None = None
        self.unknown_fields: Literal["ignore", "reject"] = "ignore"
        self.json_headers = False
        self.answer_json = False
        self.filter_next = False
        self.denied = False
        self.retired: set[str] = set()
        self.instead: deque[Answer] = deque()
        self._recent: deque[float] = deque()
        self._locked_until = -math.inf

    def not_found(self, call: Call) -> Answer:
        """Answer for an address that there is not."""
        return _error(404, f"path: {call.method} {call.path} does not exist", name="not_found")

    def broken(self) -> Answer:
        """Answer the fault ``error``."""
        return _error(500, "An unexpected server error has occurred, please try again later.")

    def answer(self, call: Call) -> Answer:
        """Count every request of any kind before anything else is looked at."""
        if self._over_limit():
            self._local.fault = None
            return self._limited()
        return super().answer(call)

    # --- the three things that can be asked

    def work_on(self, call: Call) -> Answer:
        """Answer a request for work."""
        if call.path not in END_POINTS or call.path in self.retired:
            return self.not_found(call)
        if self.instead:
            return self.instead.popleft()
        form = _read_form(call)
        if isinstance(form, Answer):
            return form
        refusal = self._judge(form) or self._key_refusal(call) or self._moderate(form)
        if refusal:
            return refusal
        if self.begin(self.work) in {"busy", "limit"}:
            return self._limited()
        return self._carry_out(form, _bearer(call))

    def result(self, call: Call) -> Answer:
        """Answer the question for a result."""
        with self.lock:
            self.polled.append(self.now())
        if self.instead:
            return self.instead.popleft()
        identifier = call.match["id"]
        if call.headers.get("accept", "*/*") not in {"*/*", "application/json"}:
            return _error(400, "accept: must be */* or application/json")
        if len(identifier) != 64:
            return _error(400, "id: must be 64 hexadecimal digits")
        refusal = self._key_refusal(call)
        if refusal:
            return refusal
        if self.begin(self.polls) in {"busy", "limit"}:
            return self._limited()
        return self._result_of(identifier, call)

    def balance(self, call: Call) -> Answer:
        """Answer what is left: what was left some time ago, as seen live."""
        if self.instead:
            return self.instead.popleft()
        if _bearer(call) not in self.balances:
            message = f"Incorrect API key provided: {_bearer(call)}. You can find your API key at …"
            return json_answer(401, {"id": "e0", "name": "unauthorized", "message": message})
        return json_answer(200, {"credits": self.stale_balance / 10})

    # --- refusals, in the order in which they come

    def _over_limit(self) -> bool:
        with self.lock:
            now = self.now()
            if now < self._locked_until:
                return True
            while self._recent and now - self._recent[0] >= WINDOW_SECONDS:
                self._recent.popleft()
            self._recent.append(now)
            if len(self._recent) <= WINDOW_REQUESTS:
                return False
            self._locked_until = now + LOCK_OUT_SECONDS
            self._recent.clear()
            return True

    def _limited(self) -> Answer:
        headers = {"retry-after": self.retry_after} if self.retry_after else {}
        words = (
            "You have exceeded the rate limit of 150 requests within a 10 second period, and have "
            "been timed out for 60 seconds."
        )
        return _error(429, words, identifier="rate_limit_exceeded", headers=headers)

    def _judge(self, form: Form) -> Answer | None:
        rules = END_POINTS[form.path]
        allowed = {"picture": {"*/*", "image/*", "application/json"}}
        if form.accept not in allowed.get(rules.kind, {"*/*", "application/json"}):
            return _error(400, "accept: must be one of image/*, application/json")
        wrong = faults(rules.checks, rules.required, form.parts)
        if self.unknown_fields == "reject":
            wrong += [f"{name}: unknown field" for name in form.parts.keys() - rules.checks.keys()]
        if not wrong and (across := rules.rule(form.parts)):
            wrong = [across]
        if not wrong and rules.mask and "mask" not in form.parts:
            image = read_picture(form.parts["image"].data)
            wrong = [] if "A" in image.getbands() else ["mask: required"]
        return _error(400, *wrong) if wrong else None

    def _key_refusal(self, call: Call) -> Answer | None:
        if _bearer(call) not in self.balances:
            return _error(401, "authorization: invalid or missing header value")
        if self.denied:
            return _error(403, "this key may not do that", name="forbidden")
        return None

    def _moderate(self, form: Form) -> Answer | None:
        words = " ".join(part.text for name, part in form.parts.items() if "prompt" in name).lower()
        if FLAGGED in words:
            return _error(
                403,
                "Your request was flagged by our content moderation system, as a result your "
                "request was denied and you were not charged.",
            )
        if CELEBRITY in words:
            return _error(422, "prompt: names a public figure", name="public_figure")
        if not all(_is_latin(letter) for letter in words):
            return _error(422, "English is the only supported language for this service.")
        return None

    # --- work

    def _carry_out(self, form: Form, key: str) -> Answer:
        amount = price(form.path, form.parts)
        identifier = ""
        with self.lock:
            if self.balances[key] < amount:
                self._local.fault = None
                return _error(
                    402,
                    "You lack sufficient credits to make this request. Please purchase more "
                    "credits at https://platform.stability.ai/account/credits and try again.",
                )
            self.balances[key] -= amount
            self.forms.append(form)
            if END_POINTS[form.path].kind == "id":
                identifier = hashlib.sha256(f"{_work(form)}{len(self.jobs)}".encode()).hexdigest()
                self.jobs[identifier] = Job(key, form, self.now())
            self.bill(form.path, _work(form), amount, identifier)
        if identifier:
            return json_answer(200, {"id": identifier}, {"x-request-id": "req-submit"})
        return self._deliver(form, form.accept)

    def _result_of(self, identifier: str, call: Call) -> Answer:
        with self.lock:
            job = self.jobs.get(identifier)
            if job is None or job.key != _bearer(call) or self.now() - job.begun > KEPT_SECONDS:
                return _error(404, "id: the generation either does not exist or has expired.")
            job.polls += 1
            pending = job.polls <= self.polls_needed
        if pending:
            return json_answer(202, {"id": identifier, "status": "in-progress"})
        if self.fault is None:
            self.begin(self.files)
        return self._deliver(job.form, call.headers.get("accept", "*/*"))

    def _deliver(self, form: Form, accept: str) -> Answer:
        if END_POINTS[form.path].kind == "model":
            headers = {"content-type": "model/gltf-binary", "x-request-id": "req-model"}
            return Answer(200, cube(), headers, file=True)
        kind = text(form.parts, "output_format", "png")
        words = " ".join(form.texts().values()).lower()
        blurred = BLURRED in words or self.filter_next
        self.filter_next = False
        made = picture(
            "blurred" if blurred else _work(form),
            *size(form.path, form.parts),
            _PILLOW[kind],
            alpha=form.path.endswith("remove-background"),
        )
        reason = "CONTENT_FILTERED" if blurred else "SUCCESS"
        seed = int(text(form.parts, "seed", "0")) or 4_242_424_242
        told = {"finish-reason": reason, "seed": str(seed)}
        headers = {"x-request-id": f"req-{len(self.bills)}"}
        if accept == "application/json" or self.answer_json:
            values = {
                "image": base64.b64encode(made).decode(),
                "seed": seed,
                "finish_reason": reason,
            }
            headers |= {"content-type": f"application/json; type=image/{kind}"}
            headers |= told if self.json_headers else {}
            return Answer(200, json.dumps(values).encode(), headers, file=True)
        headers |= {"content-type": f"image/{kind}", **told}
        return Answer(200, made, headers, file=True)


def _error(
    status: int,
    *texts: str,
    name: str = "",
    identifier: str = "4f1d5a",
    headers: dict[str, str] | None = None,
) -> Answer:
    values = {"id": identifier, "name": name or _SLUGS[status], "errors": list(texts)}
    return json_answer(status, values, {"x-request-id": "req-error", **(headers or {})})


def _bearer(call: Call) -> str:
    scheme, _, key = call.headers.get("authorization", "").partition(" ")
    return key if scheme == "Bearer" else ""


def _read_form(call: Call) -> Form | Answer:
    if not call.content_type:
        return _error(400, "content-type: required")
    if call.content_type != "multipart/form-data":
        return _error(400, "content-type: must be multipart/form-data")
    if len(call.body) > LARGEST_REQUEST:
        return _error(413, "body: payloads cannot be larger than 10MiB in size")
    try:
        parts = call.parts()
    except ValueError:
        return _error(400, "body: malformed multipart")
    named: dict[str, Part] = {}
    for part in parts:
        if part.name in named:
            return _error(400, f"{part.name}: must be given once")
        named[part.name] = part
    return Form(call.path, named, call.headers.get("accept", "*/*"))


def _is_latin(letter: str) -> bool:
    return not letter.isalpha() or unicodedata.name(letter, "").startswith("LATIN")


def _work(form: Form) -> str:
    """Return what names the work: the same request, the same work."""
    digest = hashlib.sha256(form.path.encode())
    for name in sorted(form.parts):
        digest.update(f"\0{name}\0".encode() + form.parts[name].data)
    return digest.hexdigest()
