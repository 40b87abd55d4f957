"""A thin client of the HTTP API: httpx, keys, idempotency, and errors as exceptions.

::

    with Client("http://127.0.0.1:4220/api/image-studio", key) as studio:
        picture = studio.upload(Path("picture.png"))
        run = studio.wait(studio.run("remove_background", image=picture["id"])["id"])
        Path("cut.png").write_bytes(studio.download(run["assets"][0]))

Needs nothing of the studio but this file; answers are the JSON that docs/api.md describes.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

_ENDS = frozenset({"done", "failed", "cancelled", "crashed"})
_BUSY = frozenset({429, 502, 503, 504})
_BEAT = "beat"
_TRIES = 5
_LONGEST_PAUSE = 30.0

_PLACES = {"/assets": "before", "/library/search": "after", "/library/duplicates": "after"}
"""What a list calls the place of its next page, where that is no offset."""

Document = dict[str, Any]


class Refused(Exception):
    """The API refused a request, or could not answer it.

    Attributes:
        status: the HTTP status.
        code: fixed; docs/errors.md has all.
        problem: the whole answer (RFC 9457).
    """

    def __init__(self, status: int, problem: Mapping[str, Any]) -> None:
        self.status = status
        self.code = str(problem.get("code", "unexpected"))
        self.problem = dict(problem)
        super().__init__(f"{self.code}: {problem.get('detail', '')}")


class Client:
    """Speaks to one studio, with one key.

    Args:
        address: of the API with its prefix.
        key: an API key (``isk_…``).
        timeout: seconds for one answer.
        transport: instead of the network; for tests.
    """

    def __init__(
        self,
        address: str,
        key: str,
        *,
        timeout: float = 60,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._http = httpx.Client(
            base_url=address,
            headers={"Authorization": f"Bearer {key}"},
            timeout=timeout,
            transport=transport,
        )

    def __enter__(self) -> Self:
        """Return the client."""
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        """Close its connections."""
        self.close()

    def close(self) -> None:
        """Close its connections."""
        self._http.close()

    def request(self, method: str, path: str, **arguments: Any) -> httpx.Response:
        """Ask for a path; what is busy is asked again, where that does nothing twice.

        Args:
            arguments: of httpx; ``again`` says that a POST may be sent twice.

        Raises:
            Refused: the answer is an error.
            httpx.TransportError: there is no answer.
        """
        named = "Idempotency-Key" in arguments.get("headers", {})
        safe = arguments.pop("again", False) or named or method in {"GET", "PUT", "DELETE"}
        for attempt in range(1, _TRIES + 1):
            last = attempt == _TRIES or not safe
            try:
                answer = self._http.request(method, path, **arguments)
            except httpx.TransportError:
                if last:
                    raise
                time.sleep(min(_LONGEST_PAUSE, 0.5 * 2**attempt))
                continue
            if answer.status_code in _BUSY and not last:
                time.sleep(_pause(answer, attempt))
                continue
            if answer.is_error:
                raise Refused(answer.status_code, _problem(answer))
            return answer
        raise AssertionError("unreachable: the last attempt returns or raises")

    def quote(self, operation: str, **fields: Any) -> Document:
        """Return what an operation would cost; ``token`` keeps the price."""
        return self._json("POST", "/quotes", json={"operation": operation, **fields})

    def run(self, operation: str, *, key: str = "", **fields: Any) -> Document:
        """Start an operation and return its run.

        Args:
            key: the idempotency key; one is made up for this call, if not given.
        """
        return self._run(f"/operations/{operation}", fields, key)

    def batch(self, file: str, *, key: str = "", **options: Any) -> Document:
        """Start a batch of an asset or an https address and return its run."""
        return self._run("/batches", {"file": file, **options}, key)

    def batch_again(
        self, batch: str, rows: str = "failed", *, key: str = "", **options: Any
    ) -> Document:
        """Do rows of a batch again (failed, unknown, failed_and_unknown, rest); return the run."""
        return self._run(f"/batches/{batch}/retry", {"rows": rows, **options}, key)

    def batch_file(self, batch: str, which: str, **query: Any) -> bytes:
        """Return what a batch left: ``manifest``, ``errors``, ``sheet`` or ``files`` (a ZIP).

        Nothing, where there is none; ``query`` has, say, the manifest's ``format``.
        """
        return self.request("GET", f"/batches/{batch}/{which}", params=query).content

    def again(self, asset: str, *, key: str = "", **changes: str) -> Document:
        """Run again what made an asset, with changes as text by their fields; return the run."""
        return self._run(f"/assets/{asset}/again", {"changes": changes}, key)

    def bring_in(self, *sources: str, key: str = "") -> Document:
        """Import what is at https addresses and in uploaded ZIP files; return the run."""
        return self._run("/library/imports", {"sources": list(sources)}, key)

    def search(self, **filters: Any) -> Iterator[Document]:
        """Yield the assets that fit all filters, page by page; ``saved`` searches by a name."""
        for page in self.pages("/library/search", **filters):
            yield from page["assets"]

    def act(self, do: str, *assets: str, **fields: Any) -> Document:
        """Do something to assets, such as ``act("tag", asset, tag="autumn")``; its ``id`` undoes.

        It says how things shall be, so that it is asked again where there was no answer.
        """
        body = {"do": do, "assets": list(assets), **fields}
        return self._json("POST", "/library/actions", json=body, again=True)

    def undo(self, action: str) -> Document:
        """Take back what was done to assets."""
        return self._json("POST", f"/library/actions/{action}/undo")

    def get(self, path: str, **query: Any) -> Document:
        """Return the document at any path that only tells: ``/prices`` and others."""
        return self._json("GET", path, params=query)

    def put(self, path: str, **fields: Any) -> Document:
        """Store something at any path that takes it: ``/library/saved/foxes``, say."""
        return self._json("PUT", path, json=fields)

    def delete(self, path: str, **query: Any) -> None:
        """Remove what is at a path."""
        self.request("DELETE", path, params=query)

    def find(self, run: str) -> Document:
        """Return a run."""
        return self._json("GET", f"/runs/{run}")

    def wait(self, run: str, *, seconds: float = 600) -> Document:
        """Follow a run until it has ended, and return it.

        Raises:
            TimeoutError: it has not ended within so many seconds.
        """
        until = time.monotonic() + seconds
        for _ in self.follow(run, until=until):
            pass
        found = self.find(run)
        if found["status"] not in _ENDS:
            raise TimeoutError(f"run {run} has not ended within {seconds:g} seconds")
        return found

    def follow(self, run: str, *, until: float | None = None) -> Iterator[Document]:
        """Yield what changed of a run, until it has ended; streams that break are taken up again.

        Args:
            until: when to stop, by ``time.monotonic``; never before its end, if not given.
        """
        last = ""
        while until is None or time.monotonic() < until:
            headers = {"Last-Event-ID": last} if last else {}
            try:
                with self._http.stream("GET", f"/runs/{run}/events", headers=headers) as answer:
                    if answer.status_code == httpx.codes.NO_CONTENT:
                        return
                    if answer.status_code not in _BUSY:
                        self._check(answer)
                        for kind, seen, document in _events(answer.iter_lines()):
                            if kind != _BEAT:
                                last = seen
                                yield document
                            if kind == "end":
                                return
                            if until is not None and time.monotonic() >= until:
                                return
            except httpx.TransportError:
                pass
            time.sleep(1)

    def upload(self, file: Path | bytes, name: str = "") -> Document:
        """Bring a file in and return its asset; the same bytes again are the same asset."""
        data = file if isinstance(file, bytes) else file.read_bytes()
        known = name or (file.name if isinstance(file, Path) else "file")
        return self._json("POST", "/uploads", files={"file": (known, data)})

    def download(self, asset: Mapping[str, Any]) -> bytes:
        """Return the bytes of an asset, by a link that is good now."""
        link = self._json("GET", f"/assets/{asset['id']}")["url"]
        # The link is signed: the key must not go along, whoever serves it.
        answer = httpx.get(link, timeout=self._http.timeout)
        if answer.is_error:
            raise Refused(answer.status_code, _problem(answer))
        return answer.content

    def pages(self, path: str, **query: Any) -> Iterator[Document]:
        """Yield the pages of a list: ``/assets``, ``/runs``, ``/batches/{batch}/rows``."""
        place = _PLACES.get(path, "offset")
        following: Any = None
        while True:
            more = {} if following is None else {place: following}
            page = self._json("GET", path, params={**query, **more})
            yield page
            following = page.get("next")
            if following is None:
                return

    def _run(self, path: str, body: Document, key: str) -> Document:
        """Start something and return its run; sent again, it is the same run."""
        headers = {"Idempotency-Key": key or str(uuid.uuid4())}
        run: Document = self._json("POST", path, json=body, headers=headers)["run"]
        return run

    def _json(self, method: str, path: str, **arguments: Any) -> Document:
        document: Document = self.request(method, path, **arguments).json()
        return document

    @staticmethod
    def _check(answer: httpx.Response) -> None:
        if answer.is_error:
            answer.read()
            raise Refused(answer.status_code, _problem(answer))


def _events(lines: Iterator[str]) -> Iterator[tuple[str, str, Document]]:
    """Yield the events of a stream: kind, id, what they tell; and its beats."""
    told: dict[str, str] = {}
    for line in lines:
        if not line:
            if "data" in told:
                yield told.get("event", ""), told.get("id", ""), json.loads(told["data"])
            told = {}
            continue
        name, _, value = line.partition(":")
        if name:
            told[name] = value.removeprefix(" ")
        else:
            yield _BEAT, "", {}


def _problem(answer: httpx.Response) -> Document:
    try:
        document = answer.json()
    except ValueError:
        document = None
    return document if isinstance(document, dict) else {"detail": answer.text[:200]}


def _pause(answer: httpx.Response, attempt: int) -> float:
    told = answer.headers.get("retry-after", "")
    return min(_LONGEST_PAUSE, float(told) if told.isdecimal() else 0.5 * 2**attempt)
