"""Write glTF 2.0 in its binary form (Khronos Group, "glTF 2.0 Specification", 2021)."""

from __future__ import annotations

import json
import struct
from typing import Any

import numpy as np
from numpy.typing import NDArray

from providers.local.motion.relief import Solid

_MAGIC, _VERSION = b"glTF", 2
_JSON, _BINARY = 0x4E4F534A, 0x004E4942
_FLOAT, _SHORT, _INT = 5126, 5123, 5125
_VERTICES, _INDICES = 34962, 34963
_TRIANGLES = 4
_LINEAR, _MIPMAPS, _CLAMP = 9729, 9987, 33071
_MOST_SHORT = 65_535
"""Numbers of vertices up to here are written as 16 bits; 65,535 itself means a restart."""


def write_glb(solid: Solid, texture: bytes, texture_type: str, name: str) -> bytes:
    """Return a GLB file with one mesh, one material and one texture.

    Args:
        solid: the mesh.
        texture: a PNG or JPEG file.
        texture_type: its media type.
        name: of the mesh, for who opens it.
    """
    short = len(solid.positions) <= _MOST_SHORT
    arrays: list[tuple[NDArray[Any], str, int, int]] = [
        (solid.positions.astype("<f4"), "VEC3", _FLOAT, _VERTICES),
        (_unit(solid.normals), "VEC3", _FLOAT, _VERTICES),
        (solid.places.astype("<f4"), "VEC2", _FLOAT, _VERTICES),
        (solid.faces.astype("<u2" if short else "<u4").ravel(), "SCALAR",
         _SHORT if short else _INT, _INDICES),
    ]  # fmt: skip
    binary = bytearray()
    views, accessors = [], []
    for array, kind, component, target in arrays:
        views.append(_view(binary, array.tobytes()) | {"target": target})
        accessors.append(
            {"bufferView": len(views) - 1, "componentType": component, "count": len(array),
             "type": kind}
        )  # fmt: skip
    accessors[0] |= {
        "min": [float(value) for value in arrays[0][0].min(axis=0)],
        "max": [float(value) for value in arrays[0][0].max(axis=0)],
    }
    views.append(_view(binary, texture))
    document = _document(views, accessors, texture_type, name) | {
        "buffers": [{"byteLength": len(binary)}]
    }
    text = json.dumps(document, separators=(",", ":"), sort_keys=True).encode()
    chunks = _chunk(_JSON, text, b" ") + _chunk(_BINARY, bytes(binary), b"\0")
    return struct.pack("<4sII", _MAGIC, _VERSION, 12 + len(chunks)) + chunks


def _unit(normals: NDArray[Any]) -> NDArray[Any]:
    """Return normals of length 1 also after they lost half of their digits."""
    single = normals.astype("<f4")
    return np.asarray(single / np.linalg.norm(single, axis=1, keepdims=True), "<f4")


def _view(binary: bytearray, data: bytes) -> dict[str, Any]:
    """Add ``data`` to ``binary`` where four divides the offset; return the view of it."""
    binary.extend(b"\0" * (-len(binary) % 4))
    view = {"buffer": 0, "byteOffset": len(binary), "byteLength": len(data)}
    binary.extend(data)
    return view


def _chunk(kind: int, data: bytes, filler: bytes) -> bytes:
    padded = data + filler * (-len(data) % 4)
    return struct.pack("<II", len(padded), kind) + padded


def _document(
    views: list[dict[str, Any]], accessors: list[dict[str, Any]], texture_type: str, name: str
) -> dict[str, Any]:
    attributes = {"POSITION": 0, "NORMAL": 1, "TEXCOORD_0": 2}
    primitive = {"attributes": attributes, "indices": 3, "material": 0, "mode": _TRIANGLES}
    surface = {
        "baseColorTexture": {"index": 0},
        "metallicFactor": 0.0,
        "roughnessFactor": 0.9,
    }
    return {
        "asset": {"version": "2.0", "generator": "Image Studio"},
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [{"mesh": 0, "name": name}],
        "meshes": [{"name": name, "primitives": [primitive]}],
        "materials": [{"name": name, "pbrMetallicRoughness": surface}],
        "textures": [{"sampler": 0, "source": 0}],
        "images": [{"bufferView": len(views) - 1, "mimeType": texture_type}],
        "samplers": [
            {"magFilter": _LINEAR, "minFilter": _MIPMAPS, "wrapS": _CLAMP, "wrapT": _CLAMP}
        ],
        "bufferViews": views,
        "accessors": accessors,
    }
