"""A video and a 3D model say how they came to be, and are otherwise what they were."""

from __future__ import annotations

import json
import struct
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from studio import media
from studio.media_labels import marked, source_of
from tests.unit.studio.test_media import model, picture, sound, video

_XMP = UUID("be7acfcb-97a9-42e8-9c71-999491e3afac").bytes
_C2PA = UUID("d8fec3d6-1b0e-483c-9297-5828877ec481").bytes


def box(name: bytes, body: bytes, size: int | None = None) -> bytes:
    return struct.pack(">I4s", len(body) + 8 if size is None else size, name) + body


def glb(said: dict[str, Any], *chunks: tuple[bytes, bytes]) -> bytes:
    text = json.dumps(said).encode()
    text += b" " * (-len(text) % 4)
    body = b"".join(
        struct.pack("<I4s", len(each), name) + each for name, each in ((b"JSON", text), *chunks)
    )
    return struct.pack("<4sII", b"glTF", 2, 12 + len(body)) + body


def said_in(data: bytes) -> dict[str, Any]:
    (length,) = struct.unpack_from("<I", data, 12)
    said = json.loads(data[20 : 20 + length])
    assert isinstance(said, dict)
    return said


def test_a_video_says_it_behind_its_last_box(tmp_path: Path) -> None:
    plain = video(tmp_path)
    labelled = marked(plain, "trainedAlgorithmicMedia")
    assert labelled.startswith(plain)
    size, name, identity = struct.unpack_from(">I4s16s", labelled, len(plain))
    assert (size, name, identity) == (len(labelled) - len(plain), b"uuid", _XMP)
    assert (source_of(plain), source_of(labelled)) == ("", "trainedAlgorithmicMedia")
    assert media.look(labelled) == media.look(plain)
    assert marked(labelled, "algorithmicMedia") == labelled, "it says something already"


@pytest.mark.parametrize(
    "ending",
    [
        box(b"uuid", _C2PA + b"signed"),
        box(b"mdat", b"to the end of the file", 0),
        box(b"free", b"longer than the file", 900),
        b"\0\0",
        box(b"free", b"", 7),
    ],
    ids=["signed", "open", "too long", "a piece", "too short"],
)
def test_a_video_that_has_to_stay_as_it_is_does(tmp_path: Path, ending: bytes) -> None:
    data = video(tmp_path) + ending
    assert marked(data, "trainedAlgorithmicMedia") == data


def test_a_large_box_is_passed_over(tmp_path: Path) -> None:
    body = b"free space"
    data = video(tmp_path) + struct.pack(">I4sQ", 1, b"free", 16 + len(body)) + body
    assert source_of(marked(data, "algorithmicMedia")) == "algorithmicMedia"


def test_a_model_says_it_in_its_json_and_keeps_its_shape() -> None:
    shape = bytes(range(16))
    before = {
        "asset": {"version": "2.0", "generator": "é"},
        "extensionsUsed": ["KHR_materials_unlit"],
        "extensions": {"EXT_other": {"a": 0.1}},
    }
    plain = glb(before, (b"BIN\0", shape))
    labelled = marked(plain, "algorithmicMedia")
    assert (source_of(plain), source_of(labelled)) == ("", "algorithmicMedia")
    assert media.look(labelled) == media.look(plain)
    assert labelled.endswith(struct.pack("<I4s", len(shape), b"BIN\0") + shape)
    assert len(labelled) % 4 == 0
    said = said_in(labelled)
    assert said["extensionsUsed"] == ["KHR_materials_unlit", "KHR_xmp_json_ld"]
    assert said["extensions"]["EXT_other"] == {"a": 0.1}
    assert said["asset"]["extensions"] == {"KHR_xmp_json_ld": {"packet": 0}}
    assert said["asset"]["generator"] == "é"
    assert marked(labelled, "trainedAlgorithmicMedia") == labelled, "it says something already"


@pytest.mark.parametrize("said", [[], {"asset": 7}, {"asset": {}, "extensions": []}])
def test_a_model_that_is_not_built_as_it_should_be_stays_as_it_is(said: Any) -> None:
    data = glb(said)
    assert marked(data, "algorithmicMedia") == data
    assert source_of(data) == ""


def test_nothing_is_said_of_nothing_and_in_no_other_file(tmp_path: Path) -> None:
    for data in (picture(), sound(1), b'{"tags": []}', b"words", b""):
        assert marked(data, "algorithmicMedia") == data
    for data in (video(tmp_path), model()):
        assert marked(data, "") == data
