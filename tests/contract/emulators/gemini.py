"""The Gemini Developer API (generateContent), as strict as what is known of it.

Order of a request: size, key, model, JSON and its names, values, quota, moderation, work. What is
in a request is judged in ``gemini_checks.py``, what is answered is made in ``gemini_answers.py``.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from tests.contract.emulators.base import Answer, Call, Emulator, Faults, json_answer
from tests.contract.emulators.gemini_answers import (
    INNER,
    TRICK,
    Work,
    count,
    values_of,
    work_name,
)
from tests.contract.emulators.gemini_checks import BadRequestError, Order, judge
from tests.contract.emulators.gemini_tables import LISTED, MODELS

LARGEST_REQUEST = 20_000_000


class GeminiEmulator(Emulator):
    """The Gemini Developer API.

    Attributes:
        orders: requests that were in order and were carried out.
        tricks: odd ways to answer, in brackets, for work without words.
        greedy: whether everything counts as many tokens as it can.
        reply: what a text model writes, instead of something that fits the schema.
        retry_delay: of a 429; ``None`` sends the short form without details.
        quota: what a 429 is about: the minute, the day, or nothing granted at all.
        busy: words of a 503.
        broken_status: the status of the fault ``error``.
        gone: models that are not there any more for this key.
        wrapped: whether errors come inside a list of one.
        refusal: refuses each request so: status, name, words.
        too_large_status: 400 or 413.
        page: models on a page of the list at most.
    """

    name: ClassVar[str] = "gemini"
    key: ClassVar[str] = "AIzaEmulated0123456789abcdefghijklmnopq"
    unit: ClassVar[str] = "micro-credit (US$ 10^-8)"
    routes: ClassVar[tuple[tuple[str, str, str], ...]] = (
        ("POST", r"/v1beta/models/(?P<model>[^/:]+):generateContent", "generate"),
        ("GET", r"/v1beta/models", "models"),
    )

    def __init__(self, port: int = 0) -> None:
        super().__init__(port)
        self.reset()

    def reset(self) -> None:
        """Forget everything, as if it had just been started."""
        self.bills.clear()
        self.requests.clear()
        self.work, self.polls, self.files = Faults(), Faults(), Faults()
        self.slow_seconds = 1.0
        self.orders: list[Order] = []
        self.tricks = ""
        self.greedy = False
        self.reply: str | None = None
        self.retry_delay: str | None = "0.05s"
        self.quota: Literal["minute", "day", "none"] = "minute"
        self.busy = "The model is overloaded. Please try again later."
        self.broken_status = 500
        self.gone: set[str] = set()
        self.wrapped = False
        self.refusal: tuple[int, str, str] | None = None
        self.too_large_status = 400
        self.page = 1_000

    # --- what can be asked

    def generate(self, call: Call) -> Answer:
        """Answer a request for work."""
        name = call.match["model"]
        refusal = self._size_refusal(call) or self._key_refusal(call) or self._model_refusal(name)
        if refusal:
            return refusal
        try:
            order = judge(name, MODELS[name], call.json())
        except (BadRequestError, ValueError) as error:  # ValueError: it is no JSON
            return self._error(400, "INVALID_ARGUMENT", str(error))
        met = self.begin(self.work)
        if met == "busy":
            return self._error(503, "UNAVAILABLE", self.busy)
        if met == "limit":
            return self._limited(name)
        return self._carry_out(order)

    def models(self, call: Call) -> Answer:
        """Answer which models there are, page by page."""
        refusal = self._key_refusal(call)
        if refusal:
            return refusal
        if self.begin(self.polls) in {"busy", "limit"}:
            return self._error(503, "UNAVAILABLE", self.busy)
        size = min(int(call.query.get("pageSize", "50")), self.page)
        start = int(call.query.get("pageToken", "0"))
        there = [name for name in LISTED if name not in self.gone]
        values: dict[str, Any] = {"models": [_listed(each) for each in there[start : start + size]]}
        if start + size < len(there):
            values["nextPageToken"] = str(start + size)
        return json_answer(200, values)

    def not_found(self, call: Call) -> Answer:
        """Answer for an address that there is not: a page of Google's, not JSON."""
        return Answer(404, b"<html><title>Error 404 (Not Found)!!1</title></html>")

    def broken(self) -> Answer:
        """Answer the fault ``error``."""
        names = {500: "INTERNAL", 504: "DEADLINE_EXCEEDED"}
        words = "An internal error has occurred. Please retry or report."
        if self.broken_status not in names:
            return Answer(self.broken_status, b"<html>Bad gateway</html>")
        return self._error(self.broken_status, names[self.broken_status], words)

    # --- refusals

    def _size_refusal(self, call: Call) -> Answer | None:
        if len(call.body) <= LARGEST_REQUEST:
            return None
        words = f"Request payload size exceeds the limit: {LARGEST_REQUEST} bytes."
        return self._error(self.too_large_status, "INVALID_ARGUMENT", words)

    def _key_refusal(self, call: Call) -> Answer | None:
        key = call.headers.get("x-goog-api-key")
        if not key:
            return self._error(
                403,
                "PERMISSION_DENIED",
                "Method doesn't allow unregistered callers (callers without established identity).",
            )
        if key != self.key:
            reason = {
                "@type": "type.googleapis.com/google.rpc.ErrorInfo",
                "reason": "API_KEY_INVALID",
                "domain": "googleapis.com",
            }
            words = "API key not valid. Please pass a valid API key."
            return self._error(400, "INVALID_ARGUMENT", words, reason)
        if self.refusal:
            return self._error(*self.refusal)
        return None

    def _model_refusal(self, name: str) -> Answer | None:
        if name in self.gone:
            return self._error(
                404,
                "NOT_FOUND",
                f"This model models/{name} is no longer available to new users. Please update your "
                "code to use models/gemini-9-image.",
            )
        if name not in MODELS:
            return self._error(
                404,
                "NOT_FOUND",
                f"models/{name} is not found for API version v1beta, or is not supported for "
                "generateContent. Call ListModels to see the list of available models.",
            )
        return None

    def _limited(self, model: str) -> Answer:
        words = "You exceeded your current quota, please check your plan and billing details."
        if self.retry_delay is None:
            return self._error(
                429, "RESOURCE_EXHAUSTED", "Resource has been exhausted (e.g. check quota)."
            )
        kind = "PerDay" if self.quota == "day" else "PerMinute"
        value = "0" if self.quota == "none" else "10"
        violation = {
            "quotaMetric": "generativelanguage.googleapis.com/generate_requests",
            "quotaId": f"GenerateRequests{kind}PerProjectPerModel",
            "quotaDimensions": {"model": model, "location": "global"},
            "quotaValue": value,
        }
        return self._error(
            429,
            "RESOURCE_EXHAUSTED",
            f"{words}\n* Quota exceeded for metric: generate_requests, limit: {value}, "
            f"model: {model}",
            {"@type": "type.googleapis.com/google.rpc.QuotaFailure", "violations": [violation]},
            {"@type": "type.googleapis.com/google.rpc.Help", "links": []},
            {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": self.retry_delay},
        )

    def _error(self, status: int, name: str, words: str, *details: Mapping[str, Any]) -> Answer:
        error = {"code": status, "message": words, "status": name}
        if details:
            error["details"] = list(details)
        values = {"error": error}
        return json_answer(status, [values] if self.wrapped else values)

    # --- work

    def _carry_out(self, order: Order) -> Answer:
        found = dict(TRICK.findall(order.text + self.tricks))
        work = Work(order, MODELS[order.model], found, self.fault, self.greedy, self.reply)
        count(work)
        values = values_of(work)
        with self.lock:
            self.orders.append(order)
            values["responseId"] = f"resp-{len(self.orders)}"
            if work.amount and "block" not in found:
                self.bill(order.model, work_name(order), work.amount)
        return Answer(
            200,
            json.dumps(values).encode(),
            {"content-type": "application/json; charset=UTF-8"},
            file=self.fault not in INNER,
        )


EMULATOR = GeminiEmulator


def _listed(name: str) -> dict[str, Any]:
    method = "embedContent" if "embedding" in name else "generateContent"
    return {"name": f"models/{name}", "supportedGenerationMethods": [method, "countTokens"]}
