"""A strict reader of GLB: what glTF 2.0 demands of the files that we write is asserted."""

from __future__ import annotations

import io
import json
import struct
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

COMPONENTS = {5123: ("<u2", 2), 5125: ("<u4", 4), 5126: ("<f4", 4)}
WIDTHS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3}


@dataclass(frozen=True)
class Read:
    positions: NDArray[Any]
    normals: NDArray[Any]
    places: NDArray[Any]
    faces: NDArray[Any]
    texture: Image.Image


def read_glb(data: bytes) -> Read:
    document, binary = _chunks(data)
    assert document["asset"]["version"] == "2.0"
    views = [_view(view, binary) for view in document["bufferViews"]]
    for one, two in zip(document["bufferViews"], document["bufferViews"][1:], strict=False):
        assert one["byteOffset"] + one["byteLength"] <= two["byteOffset"]
    (scene,) = document["scenes"]
    (number,) = scene["nodes"]
    assert document["scene"] == 0
    mesh = document["meshes"][document["nodes"][number]["mesh"]]
    (primitive,) = mesh["primitives"]
    assert primitive["mode"] == 4
    assert set(primitive["attributes"]) == {"POSITION", "NORMAL", "TEXCOORD_0"}
    arrays = {
        name: _array(document, views, accessor, 34_962)
        for name, accessor in primitive["attributes"].items()
    }
    faces = _array(document, views, primitive["indices"], 34_963)
    assert len({len(array) for array in arrays.values()}) == 1
    bounds = document["accessors"][primitive["attributes"]["POSITION"]]
    assert np.array_equal(np.float32(bounds["min"]), arrays["POSITION"].min(axis=0))
    assert np.array_equal(np.float32(bounds["max"]), arrays["POSITION"].max(axis=0))
    assert np.abs(np.linalg.norm(arrays["NORMAL"], axis=1) - 1).max() < 1e-5
    assert arrays["TEXCOORD_0"].min() >= 0
    assert arrays["TEXCOORD_0"].max() <= 1
    assert len(faces) % 3 == 0
    # Every vertex is used, none is beyond, and the largest number of the type is not among them.
    assert np.array_equal(np.unique(faces), np.arange(len(arrays["POSITION"])))
    assert faces.max() < np.iinfo(faces.dtype).max
    return Read(
        arrays["POSITION"],
        arrays["NORMAL"],
        arrays["TEXCOORD_0"],
        faces.reshape(-1, 3),
        _texture(document, views, document["materials"][primitive["material"]]),
    )


def _chunks(data: bytes) -> tuple[dict[str, Any], bytes]:
    magic, version, length = struct.unpack_from("<4sII", data)
    assert (magic, version, length) == (b"glTF", 2, len(data))
    size, kind = struct.unpack_from("<I4s", data, 12)
    assert (kind, size % 4) == (b"JSON", 0)
    text = data[20 : 20 + size]
    second, kind = struct.unpack_from("<I4s", data, 20 + size)
    assert (kind, second % 4) == (b"BIN\0", 0)
    binary = data[28 + size :]
    assert len(binary) == second
    document = json.loads(text, parse_constant=refuse)
    assert text.rstrip(b" ").endswith(b"}")
    (buffer,) = document["buffers"]
    assert set(buffer) == {"byteLength"}
    assert 0 <= len(binary) - buffer["byteLength"] < 4
    return document, binary[: buffer["byteLength"]]


def refuse(name: str) -> None:
    raise AssertionError(f"{name} is no JSON")


def _view(view: dict[str, Any], binary: bytes) -> tuple[bytes, int]:
    assert view["buffer"] == 0
    first, length = view["byteOffset"], view["byteLength"]
    assert first >= 0 < length
    assert first + length <= len(binary)
    assert first % 4 == 0
    return binary[first : first + length], view.get("target", 0)


def _array(
    document: dict[str, Any], views: list[tuple[bytes, int]], number: int, target: int
) -> NDArray[Any]:
    accessor = document["accessors"][number]
    data, marked = views[accessor["bufferView"]]
    assert marked == target
    kind, size = COMPONENTS[accessor["componentType"]]
    width = WIDTHS[accessor["type"]]
    assert len(data) == accessor["count"] * width * size
    array = np.frombuffer(data, kind)
    assert np.isfinite(array).all()
    return array if width == 1 else array.reshape(-1, width)


def _texture(
    document: dict[str, Any], views: list[tuple[bytes, int]], material: dict[str, Any]
) -> Image.Image:
    texture = document["textures"][material["pbrMetallicRoughness"]["baseColorTexture"]["index"]]
    assert texture["sampler"] < len(document["samplers"])
    source = document["images"][texture["source"]]
    data, target = views[source["bufferView"]]
    assert target == 0
    image = Image.open(io.BytesIO(data))
    image.load()
    assert Image.MIME[image.format or ""] == source["mimeType"]
    return image
