"""Run enlarging networks tile by tile in ``ncnn``, straight from their published files."""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import ncnn
import numpy as np
from numpy.typing import NDArray

from studio.errors import ProviderUnavailable, SetupIncomplete

Bytes = NDArray[np.uint8]

FACTOR = 4
"""How many times wider and higher all networks here make a picture."""


@dataclass(frozen=True)
class Network:
    """A network that takes ``data``, RGB of 0..1, and gives ``output``, four times as large.

    Attributes:
        name: for people.
        graph: the file ``.param``.
        parameters: the file ``.bin``.
        tile: pixels of a tile's side that are kept; bounds memory whatever the picture's size.
        overlap: pixels around a tile that are computed and thrown away, so that no seams show.
    """

    name: str
    graph: Path
    parameters: Path
    tile: int
    overlap: int


_nets: dict[tuple[int, Path], Any] = {}
_nets_lock = threading.Lock()
_room = threading.BoundedSemaphore(2)
"""At most two pictures at a time: each keeps two cores busy."""


def enlarge(rgb: Bytes, network: Network) -> Bytes:
    """Return a picture (height, width, 3) four times as wide and high.

    Raises:
        SetupIncomplete: the installed ncnn cannot read the network.
        ProviderUnavailable: ncnn ran short of memory; another try may succeed.
    """
    with _room:
        return _tiled(rgb, network, _net(network))


def _tiled(rgb: Bytes, network: Network, net: Any) -> Bytes:
    """Enlarge tile by tile; the picture's rim is repeated outwards so that it has neighbours."""
    height, width = rgb.shape[:2]
    overlap = network.overlap
    rim = cv2.copyMakeBorder(rgb, *(overlap,) * 4, cv2.BORDER_REPLICATE)
    large = np.empty((height * FACTOR, width * FACTOR, 3), np.uint8)
    for top in range(0, height, network.tile):
        for left in range(0, width, network.tile):
            rows, columns = min(network.tile, height - top), min(network.tile, width - left)
            tile = rim[top : top + rows + 2 * overlap, left : left + columns + 2 * overlap]
            inside = slice(overlap * FACTOR, -overlap * FACTOR)
            y, x = top * FACTOR, left * FACTOR
            target = large[y : y + rows * FACTOR, x : x + columns * FACTOR]
            target[:] = _enlarged(tile, net)[inside, inside]
    return large


def _enlarged(tile: Bytes, net: Any) -> Bytes:
    """Run the network on one tile, (height, width, 3) to four times that."""
    values = np.ascontiguousarray(tile.transpose(2, 0, 1), np.float32)
    values /= 255
    # ncnn.Mat shares the array's memory, and the array must live until it has been copied:
    # a temporary here, or a missing clone, gives garbage in the tile's first pixels.
    copied = ncnn.Mat(values).clone()
    extractor = net.create_extractor()
    extractor.input("data", copied)
    status, output = extractor.extract("output")
    if status != 0:
        raise ProviderUnavailable(
            f"ncnn could not enlarge a tile (status {status}); memory may be short.",
            provider="local",
        )
    drawn = np.array(output).transpose(1, 2, 0)
    return np.asarray(np.rint(np.clip(drawn, 0, 1) * 255), np.uint8)


def _net(network: Network) -> Any:
    """Return this process's one network; extractors made from it are independent.

    Half precision is off: it gives nothing on x86 and other results on ARM.
    """
    key = (os.getpid(), network.parameters)
    with _nets_lock:
        if key not in _nets:
            net = ncnn.Net()
            net.opt.num_threads = 2
            net.opt.use_vulkan_compute = False
            net.opt.use_fp16_storage = False
            net.opt.use_fp16_packed = False
            net.opt.use_fp16_arithmetic = False
            graph, parameters = str(network.graph), str(network.parameters)
            if net.load_param(graph) != 0 or net.load_model(parameters) != 0:
                raise SetupIncomplete(
                    f"The installed ncnn cannot read {network.name}.", field="weights"
                )
            _nets[key] = net
        return _nets[key]
