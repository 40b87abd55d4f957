"""The WaveSpeed emulator's uploads: in two steps, and by a form as of old."""

from __future__ import annotations

import base64
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import ClassVar

from tests.contract.emulators.base import Answer, Call, Faults
from tests.contract.emulators.wavespeed_shapes import DAYS_KEPT, Shapes

_LARGEST_UPLOAD = 200 * 1024 * 1024


@dataclass
class Stored:
    """A file; without data while its PUT is awaited."""

    name: str
    content_type: str
    size: int
    day: float
    token: str = ""
    data: bytes | None = None


class Uploads(Shapes):
    """Takes files.

    Attributes:
        uploads: faults of everything to do with uploads.
        new_uploads: whether the two-step uploads are there; else they answer ``gone``.
        storage: where uploads are PUT, if not here.
        stored: all files, by their ids.
    """

    upload_routes: ClassVar[tuple[tuple[str, str, str], ...]] = (
        ("POST", r"/api/v3/media/uploads", "ask_upload"),
        ("PUT", r"/storage/(?P<id>[\w.-]+)", "put_upload"),
        ("POST", r"/api/v3/media/upload/binary", "form_upload"),
        ("GET", r"/media/(?P<id>[\w.-]+)", "get_upload"),
    )

    def __init__(self, port: int = 0) -> None:
        super().__init__(port)
        self.uploads = Faults()
        self.new_uploads = True
        self.gone = 404
        self.storage = ""
        self.stored: dict[str, Stored] = {}

    def ask_upload(self, call: Call) -> Answer:
        fault = self.begin(self.uploads)
        early = self._early(call, "ask_upload")
        if early:
            return early
        if not self.new_uploads:
            return self._fail(self.gone, "not found")
        if fault in {"busy", "limit"}:
            return self._too_often()
        return self._asked_upload(call)

    def _asked_upload(self, call: Call) -> Answer:
        body = self._object(
            call, {"filename": str, "size": int, "content_type": str}, "content_type"
        )
        if isinstance(body, Answer):
            return body
        if not body["filename"] or not 0 < body["size"] <= _LARGEST_UPLOAD:
            return self._fail(400, "property 'size' is invalid")
        identifier, token = secrets.token_hex(16), secrets.token_hex(8)
        kind = body.get("content_type", "application/octet-stream")
        with self.lock:
            self.stored[identifier] = Stored(body["filename"], kind, body["size"], self.days, token)
        expires = datetime.now(UTC) + timedelta(minutes=15)
        return self._good(
            {
                "type": kind.partition("/")[0],
                "download_url": f"{self.url}/media/{identifier}",
                "filename": body["filename"],
                "size": body["size"],
                "upload": {
                    "method": "PUT",
                    "url": f"{self.storage or self.url}/storage/{identifier}?signature={token}",
                    "headers": {"Content-Type": kind, "x-amz-meta-token": token},
                    "expires_at": expires.isoformat(),
                },
            }
        )

    def put_upload(self, call: Call) -> Answer:
        fault = self.begin(self.uploads)
        if fault in {"busy", "limit"}:
            return Answer(503, b"slow down")
        stored = self.stored.get(call.match["id"])
        if stored is None or call.query.get("signature") != stored.token:
            return Answer(403, b"<Error>SignatureDoesNotMatch</Error>")
        if "authorization" in call.headers:
            return Answer(400, b"<Error>Only one auth mechanism allowed</Error>")
        if (
            call.headers.get("content-type") != stored.content_type
            or call.headers.get("x-amz-meta-token") != stored.token
        ):
            return Answer(403, b"<Error>headers are not as signed</Error>")
        if len(call.body) != stored.size:
            return Answer(400, b"<Error>EntityTooSmall</Error>")
        with self.lock:
            stored.data = call.body
        return Answer(200)

    def form_upload(self, call: Call) -> Answer:
        fault = self.begin(self.uploads)
        refused = self._refused(call)
        if refused:
            return refused
        if fault in {"busy", "limit"}:
            return self._too_often()
        try:
            parts = call.parts()
        except ValueError:
            return self._fail(400, "the body must be multipart")
        if [part.name for part in parts] != ["file"] or not parts[0].filename:
            return self._fail(400, "exactly one file is expected in 'file'")
        part, identifier = parts[0], secrets.token_hex(16)
        with self.lock:
            self.stored[identifier] = Stored(
                part.filename or "", part.content_type, len(part.data), self.days, data=part.data
            )
        return self._good(
            {
                "type": part.content_type.partition("/")[0],
                "download_url": f"{self.url}/media/{identifier}",
                "filename": part.filename,
                "size": len(part.data),
            }
        )

    def get_upload(self, call: Call) -> Answer:
        data = self._held(call.match["id"])
        if data is None:
            return Answer(404)
        return Answer(200, data, {"content-type": self.stored[call.match["id"]].content_type})

    def _held(self, identifier: str) -> bytes | None:
        stored = self.stored.get(identifier)
        if stored is None or self.days - stored.day >= DAYS_KEPT:
            return None
        return stored.data

    def _fetch(self, url: str) -> bytes | None:
        """Return what a model would fetch at an address; outside of here there is nothing."""
        if url.startswith("data:"):
            head, _, text = url.partition(",")
            return base64.b64decode(text) if head.endswith(";base64") else None
        prefix = f"{self.url}/media/"
        return self._held(url.removeprefix(prefix)) if url.startswith(prefix) else None
