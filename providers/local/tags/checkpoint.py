"""Read the numbers out of a PyTorch checkpoint without PyTorch, and without running what is in it.

The format is that of ``torch.save`` before PyTorch 1.6 (``torch/serialization.py``,
``_legacy_save``): five pickles (a magic number, a protocol version, facts on the machine, the
tensors' outlines, the keys of their storages), then for each key the count as int64 and the values.

A pickle may name any function of any module to be called. This reader knows four names, and what
they stand for here only holds numbers; a file with any other name in it is refused.
"""

from __future__ import annotations

import math
import pickle
from collections import OrderedDict
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np
from numpy.typing import NDArray

from studio.errors import SetupIncomplete

_MAGIC = 0x1950A86A20F9469CFC6C
_PROTOCOL = 1001
_BROKEN = (
    pickle.UnpicklingError, ValueError, TypeError, LookupError, AttributeError, EOFError,
)  # fmt: skip
"""What reading something else, or a part of it, ends with."""


class _Outline(NamedTuple):
    """A tensor without its values: the arguments of ``_rebuild_tensor_v2``."""

    storage: tuple[Any, ...]
    offset: int
    size: tuple[int, ...]
    stride: tuple[int, ...]
    requires_grad: bool
    hooks: object

    @property
    def key(self) -> str:
        """Which storage the values are in."""
        return str(self.storage[2])

    @property
    def kind(self) -> np.dtype[Any]:
        """What kind of numbers they are."""
        return np.dtype(str(self.storage[1]))


_KNOWN: dict[tuple[str, str], Any] = {
    ("collections", "OrderedDict"): OrderedDict,
    ("torch._utils", "_rebuild_tensor_v2"): _Outline,
    ("torch", "FloatStorage"): "<f4",
    ("torch", "LongStorage"): "<i8",
}


class _Outlines(pickle.Unpickler):
    """Reads outlines of tensors, and nothing that could do anything."""

    def find_class(self, module: str, name: str) -> Any:
        """Return what stands for one of the four names."""
        if (module, name) not in _KNOWN:
            raise pickle.UnpicklingError(f"it names {module}.{name}")
        return _KNOWN[module, name]

    def persistent_load(self, pid: Any) -> Any:
        """Return a storage as the checkpoint names it: kind, key, place, count, view."""
        return pid


def read_checkpoint(path: Path) -> dict[str, NDArray[Any]]:
    """Return the tensors of a checkpoint by their names.

    Raises:
        SetupIncomplete: it is no such checkpoint, or holds more than numbers.
    """
    try:
        with path.open("rb") as file:
            return _read(file)
    except _BROKEN as error:
        raise SetupIncomplete(
            f"{path.name} is no checkpoint that can be read here: {error}.", field="weights"
        ) from error


def _read(file: BinaryIO) -> dict[str, NDArray[Any]]:
    if (_Outlines(file).load(), _Outlines(file).load()) != (_MAGIC, _PROTOCOL):
        raise ValueError("it does not begin as one")
    _Outlines(file).load()  # facts on the machine that wrote it
    outlines: dict[str, _Outline] = _Outlines(file).load()
    storages = {each.key: each for each in outlines.values()}
    values = {key: _values(file, storages[key]) for key in _Outlines(file).load()}
    return {name: _shaped(each, values[each.key]) for name, each in outlines.items()}


def _values(file: BinaryIO, outline: _Outline) -> NDArray[Any]:
    """Return the next storage's values."""
    count = int.from_bytes(file.read(8), "little")
    if count != outline.storage[4]:
        raise ValueError(f"a storage of {count} values, where {outline.storage[4]} were announced")
    return np.frombuffer(file.read(count * outline.kind.itemsize), outline.kind, count)


def _shaped(outline: _Outline, values: NDArray[Any]) -> NDArray[Any]:
    """Return one tensor; its values may lie in any order, but all in its storage."""
    size, steps = outline.size, outline.stride
    if len(size) != len(steps) or min((*size, *steps, outline.offset), default=0) < 0:
        raise ValueError("a tensor of no possible shape")
    last = outline.offset + sum((n - 1) * step for n, step in zip(size, steps, strict=True))
    if math.prod(size) and last >= len(values):
        raise ValueError("a tensor that reaches beyond its storage")
    if not math.prod(size):
        return np.zeros(size, outline.kind)
    wide = [step * outline.kind.itemsize for step in steps]
    return np.lib.stride_tricks.as_strided(values[outline.offset :], size, wide).copy()
