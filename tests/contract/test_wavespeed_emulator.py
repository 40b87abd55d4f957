"""The WaveSpeed emulator itself: it refuses what the real service refuses, and bills like it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.contract.emulators.base import Answer
from tests.contract.emulators.wavespeed import WaveSpeedEmulator
from tests.contract.wavespeed_kit import mask, photo, sound

QWEN = "wavespeed-ai/qwen-image/text-to-image"
IDEOGRAM = "ideogram-ai/ideogram-v3-turbo"
VIDEO = "alibaba/wan-2.5/image-to-video"
TALK = "wavespeed-ai/infinitetalk"
SWAP = "wavespeed-ai/image-face-swap"
URL = "https://example.com/a.png"


class Client:
    """Speaks to the emulator as anybody could."""

    def __init__(self, emulator: WaveSpeedEmulator, http: httpx.Client) -> None:
        self.emulator = emulator
        self.http = http
        self.headers = {"Authorization": f"Bearer {emulator.key}"}

    def post(self, path: str, **more: Any) -> httpx.Response:
        options = {"headers": self.headers} | more
        return self.http.post(f"{self.emulator.url}/api/v3/{path}", **options)

    def get(self, path: str) -> dict[str, Any]:
        reply = self.http.get(f"{self.emulator.url}/api/v3/{path}", headers=self.headers)
        body: dict[str, Any] = reply.json()
        return body

    def upload(self, data: bytes, name: str = "a.png") -> str:
        reply = self.post("media/upload/binary", files={"file": (name, data, "image/png")})
        return str(reply.json()["data"]["download_url"])

    def submit(self, model: str, body: dict[str, Any]) -> str:
        reply = self.post(model, json=body)
        assert reply.status_code == 200, reply.text
        return str(reply.json()["data"]["id"])

    def end(self, identifier: str) -> dict[str, Any]:
        """Poll until the prediction has ended."""
        for _ in range(200):
            data: dict[str, Any] = self.get(f"predictions/{identifier}/result")["data"]
            if data["status"] not in {"created", "processing"}:
                return data
            time.sleep(0.01)
        raise AssertionError("it never ended")


@pytest.fixture
def client() -> Iterator[Client]:
    with WaveSpeedEmulator() as emulator, httpx.Client(verify=False, trust_env=False) as http:  # noqa: S501 - loopback
        yield Client(emulator, http)


@pytest.mark.parametrize(
    ("model", "body"),
    [
        (QWEN, {"prompt": "a", "steps": 5}),
        (QWEN, {"prompt": "a", "size": "1024x1024"}),
        (QWEN, {"prompt": "a", "size": "255*1024"}),
        (QWEN, {"prompt": "a", "size": "1024*1537"}),
        (QWEN, {"prompt": "a", "seed": 2_147_483_648}),
        (QWEN, {"prompt": "a", "seed": 1.5}),
        (QWEN, {"prompt": "a", "seed": True}),
        (QWEN, {"prompt": "a", "output_format": "gif"}),
        (QWEN, {"prompt": ""}),
        (QWEN, {}),
        (QWEN, []),
        (IDEOGRAM, {"prompt": "a", "seed": 1}),
        (IDEOGRAM, {"prompt": "a", "negative_prompt": "b"}),
        (IDEOGRAM, {"prompt": "a", "width": 1024}),
        (IDEOGRAM, {"prompt": "a", "enable_sync_mode": True}),
        (IDEOGRAM, {"prompt": "a", "aspect_ratio": "3:2"}),
        (IDEOGRAM, {"prompt": "a", "style": "auto"}),
        (IDEOGRAM, {"prompt": "a", "reference_images": [URL] * 4}),
        (IDEOGRAM, {"prompt": "a", "image": "a.png"}),
        ("wavespeed-ai/qwen-image/edit", {"prompt": "a", "images": [URL]}),
        ("wavespeed-ai/qwen-image/edit-plus", {"prompt": "a", "images": [URL] * 4}),
        ("wavespeed-ai/qwen-image/edit-plus", {"prompt": "a", "images": []}),
        ("alibaba/wan-2.5/image-edit", {"prompt": "a", "images": [URL] * 3}),
        ("alibaba/wan-2.5/text-to-image", {"prompt": "a", "size": "767*1024"}),
        (VIDEO, {"prompt": "a", "image": URL, "duration": 2}),
        (VIDEO, {"prompt": "a", "image": URL, "duration": 11}),
        (VIDEO, {"prompt": "a", "image": URL, "duration": "5"}),
        (VIDEO, {"prompt": "a", "image": URL, "resolution": "4k"}),
        (TALK, {"image": URL}),
        (TALK, {"image": URL, "audio": URL, "resolution": "1080p"}),
        (SWAP, {"image": URL, "face_image": URL, "target_index": 11}),
        (f"{SWAP}-pro", {"image": URL, "face_image": URL, "target_index": 0}),
        ("wavespeed-ai/image-upscaler", {"image": URL, "target_resolution": "16k"}),
        ("wavespeed-ai/molmo2/prompt-optimizer", {"prompt": "a"}),
        ("wavespeed-ai/molmo2/prompt-optimizer", {"text": "a", "style": "oil"}),
        ("wavespeed-ai/image-captioner", {"image": URL, "detail_level": "all"}),
        ("bria/expand", {"image": URL, "canvas_size": [1, 2]}),
    ],
)
def test_what_no_schema_allows(client: Client, model: str, body: Any) -> None:
    reply = client.post(model, json=body)
    assert reply.status_code == 400
    assert reply.json()["code"] == 400
    assert client.emulator.bills == []


def test_the_key_comes_before_all_else(client: Client) -> None:
    for headers in ({}, {"Authorization": client.emulator.key}, {"Authorization": "Bearer x"}):
        for path in (QWEN, "no/such-model", "media/uploads", "model/price"):
            assert client.post(path, headers=headers, json={"bad": 1}).status_code == 401
    assert client.post("no/such-model", json={}).status_code == 404
    assert client.get("predictions/unknown/result")["code"] == 404


def test_bodies_are_json(client: Client) -> None:
    assert client.post(QWEN, data={"prompt": "a"}).status_code == 400
    assert client.post(QWEN, content=b"{", headers=client.headers).status_code == 400
    assert client.post(f"{QWEN}?webhook=http://a.b", json={"prompt": "a"}).status_code == 400
    assert client.post(f"{QWEN}?webhook=https://a.b", json={"prompt": "a"}).status_code == 200


def _asked(client: Client, size: int) -> dict[str, Any]:
    asked = {"filename": "a.png", "size": size, "content_type": "image/png"}
    place: dict[str, Any] = client.post("media/uploads", json=asked).json()["data"]["upload"]
    return place


def test_uploads_are_put_as_signed(client: Client) -> None:
    data = photo()
    place = _asked(client, len(data))
    url, headers = place["url"], place["headers"]
    put = client.http.put
    assert put(url, content=data, headers=headers | client.headers).status_code == 400
    assert put(url, content=data).status_code == 403
    assert put(url, content=data[:-1], headers=headers).status_code == 400
    assert put(url.partition("?")[0], content=data, headers=headers).status_code == 403
    assert put(url, content=data, headers=headers).status_code == 200


@pytest.mark.parametrize(
    "body",
    [{}, {"filename": "a"}, {"filename": "a", "size": 0}, {"filename": "a", "size": "1"},
     {"filename": "a", "size": 201 * 1024 * 1024}, {"filename": "a", "size": 1, "type": "b"}],
)  # fmt: skip
def test_uploads_are_asked_for_rightly(client: Client, body: dict[str, Any]) -> None:
    assert client.post("media/uploads", json=body).status_code == 400


def test_forms_hold_one_file(client: Client) -> None:
    for files in ({"image": ("a.png", b"x")}, [("file", ("a", b"x")), ("file", ("b", b"x"))]):
        assert client.post("media/upload/binary", files=files).status_code == 400
    assert client.post("media/upload/binary", data={"file": "x"}).status_code == 400


@pytest.mark.parametrize(
    ("model", "body", "files", "code"),
    [
        (IDEOGRAM, {"prompt": "a"}, {"image": photo(), "mask_image": mask(10, 10)}, 1401),
        (IDEOGRAM, {"prompt": "a"}, {"mask_image": mask()}, 1400),
        (IDEOGRAM, {"prompt": "a"}, {"image": b"no picture"}, 1402),
        (IDEOGRAM, {"prompt": "a", "image": URL}, {}, 1402),
        (VIDEO, {"prompt": "a"}, {"image": photo(), "audio": b"OggS"}, 1401),
        (VIDEO, {"prompt": "a"}, {"image": photo(), "audio": b"ID3" + bytes(15_000_000)}, 1401),
        (TALK, {}, {"image": photo(), "audio": sound(601)}, 1401),
    ],
)
def test_files_are_looked_at_and_failures_refunded(
    client: Client, model: str, body: dict[str, Any], files: dict[str, bytes], code: int
) -> None:
    urls = {name: client.upload(data) for name, data in files.items()}
    ended = client.end(client.submit(model, body | urls))
    assert (ended["status"], ended["code"], ended["outputs"]) == ("failed", code, [])
    assert [bill.refunded for bill in client.emulator.bills] == [True]


def test_wan_edit_minds_pixels(client: Client) -> None:
    url = client.upload(photo("p", 383, 600))
    ended = client.end(
        client.submit("alibaba/wan-2.5/image-edit", {"images": [url], "prompt": "a"})
    )
    assert ended["code"] == 1401


@pytest.mark.parametrize(
    ("seconds", "resolution", "cost"),
    [(1, "480p", 150_000), (5, "480p", 150_000), (5.1, "480p", 300_000), (11, "720p", 900_000)],
)
def test_talk_is_sold_by_begun_five_seconds(
    client: Client, seconds: float, resolution: str, cost: int
) -> None:
    body = {"image": client.upload(photo()), "audio": client.upload(sound(seconds))}
    client.submit(TALK, body | {"resolution": resolution})
    assert client.emulator.billed == cost


def test_the_same_work_is_known_again(client: Client) -> None:
    """Another upload of the same bytes is the same work; another seed is not."""
    for seed in (1, 2, 1):
        body = {"prompt": "a", "image": client.upload(photo()), "seed": seed}
        client.submit("wavespeed-ai/qwen-image/edit", body)
    assert len(client.emulator.twice) == 1


def test_what_is_told_while_it_waits(client: Client) -> None:
    client.emulator.work_seconds = 60
    ids = [client.submit(QWEN, {"prompt": f"{number}"}) for number in range(5)]
    told = [client.get(f"predictions/{each}")["data"]["status"] for each in ids]
    assert told == ["processing"] * 3 + ["created"] * 2
    client.emulator.tier = "silver"
    assert client.get(f"predictions/{ids[4]}/result")["data"]["status"] == "processing"


def test_a_minute_has_ten_pictures_and_five_videos(client: Client) -> None:
    url = client.upload(photo())
    for most, model, body in (
        (10, QWEN, {"prompt": "a"}),
        (5, VIDEO, {"prompt": "a", "image": url}),
    ):
        told = [client.post(model, json=body).status_code for _ in range(most + 1)]
        assert told == [200] * most + [429]


def test_a_video_lasts_five_seconds_where_nothing_else_is_said(client: Client) -> None:
    url = client.upload(photo())
    ended = client.end(client.submit(VIDEO, {"prompt": "a", "image": url}))
    assert ended["status"] == "completed"
    assert client.http.get(ended["outputs"][0]).content[4:8] == b"ftyp"


def test_a_week_later_everything_is_gone(client: Client) -> None:
    identifier = client.submit(QWEN, {"prompt": "a"})
    (url,) = client.end(identifier)["outputs"]
    upload = client.upload(photo())
    client.emulator.days = 6.9
    assert [client.http.get(each).status_code for each in (url, upload)] == [200, 200]
    client.emulator.days = 7
    assert [client.http.get(each).status_code for each in (url, upload)] == [404, 404]
    assert client.get(f"predictions/{identifier}/result")["code"] == 404


def test_a_prompt_can_tell_how_it_ends(client: Client) -> None:
    ended = client.end(client.submit(QWEN, {"prompt": "a nude [moderated]"}))
    assert (ended["status"], ended["code"]) == ("failed", 1200)
    assert ended["has_nsfw_contents"] == []
    flagged = client.end(client.submit(QWEN, {"prompt": "a [flagged]"}))
    assert (flagged["status"], flagged["has_nsfw_contents"]) == ("completed", [True])


def test_broken_is_told_in_its_own_shape(client: Client) -> None:
    assert isinstance(client.emulator.broken(), Answer)
    client.emulator.work.next.append("error")
    reply = client.post(QWEN, json={"prompt": "a"})
    assert (reply.status_code, reply.json()["code"]) == (500, 500)
    assert len(client.emulator.bills) == 1
