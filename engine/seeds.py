"""Seeds that are left to the studio."""

from __future__ import annotations

import hashlib

from studio.operations import Operation


def with_seed(operation: Operation, key: str) -> Operation:
    """Choose a seed where the request leaves it to the studio; the same key, the same seed."""
    if getattr(operation, "seed", 0) != -1:
        return operation
    digest = hashlib.sha256(key.encode()).digest()
    return operation.model_copy(update={"seed": int.from_bytes(digest[:4], "big") >> 1})
