"""What all parts of the WaveSpeed emulator share: the key, the envelope, and what it keeps."""

from __future__ import annotations

import hmac
from collections import defaultdict, deque
from collections.abc import Mapping
from typing import Any, ClassVar

from tests.contract.emulators.base import Answer, Call, Emulator, json_answer

DAYS_KEPT = 7
"""How long predictions, their files and uploads are kept."""


class Shapes(Emulator):
    """How WaveSpeed speaks.

    Attributes:
        retry_after: seconds told with a 429; ``None`` tells none.
        days: how many days have passed since it began.
        funds: millionths of a dollar that may be spent.
        scripted: answers to the next requests, by the method that would have given them; the key
            is looked at before.
    """

    name: ClassVar[str] = "wavespeed"
    key: ClassVar[str] = "wsk_emulator_5f2c9a7e1b3d4860"
    unit: ClassVar[str] = "micro-USD"

    def __init__(self, port: int = 0) -> None:
        super().__init__(port)
        self.retry_after: float | None = None
        self.days = 0.0
        self.funds = 100_000_000
        self.scripted: dict[str, deque[Answer]] = defaultdict(deque)

    def _fail(self, status: int, message: str, headers: Mapping[str, str] | None = None) -> Answer:
        return json_answer(status, {"code": status, "message": message}, headers)

    def _good(self, data: Any) -> Answer:
        return json_answer(200, {"code": 200, "message": "success", "data": data})

    def not_found(self, call: Call) -> Answer:
        return self._refused(call) or self._fail(404, "not found")

    def broken(self) -> Answer:
        return self._fail(500, "Internal Server Error")

    def _refused(self, call: Call) -> Answer | None:
        """Return the answer to a request without the right key; it comes before all else."""
        given = call.headers.get("authorization", "")
        if hmac.compare_digest(given.encode(), f"Bearer {self.key}".encode()):
            return None
        return self._fail(401, "Unauthorized: invalid API key")

    def _too_often(self) -> Answer:
        told = {"retry-after": f"{self.retry_after:g}"} if self.retry_after is not None else None
        return self._fail(429, "Rate limit exceeded for your account level", told)

    def _object(self, call: Call, names: Mapping[str, type], optional: str = "") -> Any:
        """Return a JSON body with exactly these fields, or the answer that refuses it."""
        try:
            body = call.json() if call.content_type == "application/json" else None
        except ValueError:
            body = None
        if not isinstance(body, dict):
            return self._fail(400, "the body must be a JSON object")
        for name in body:
            if name not in names:
                return self._fail(400, f"additional property '{name}' is not allowed")
        for name, kind in names.items():
            if name in body and isinstance(body[name], kind):
                continue
            if name in body or name != optional:
                return self._fail(400, f"property '{name}' is invalid or missing")
        return body

    def _early(self, call: Call, method: str) -> Answer | None:
        """Return the answer that comes before all else: no key, or one that was scripted."""
        refused = self._refused(call)
        if refused is None and self.scripted[method]:
            return self.scripted[method].popleft()
        return refused
