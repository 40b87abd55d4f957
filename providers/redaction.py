"""Keys are taken out of whatever is told: messages, logs, facts.

Stability's old end points repeat the key in their errors, for one
(``Incorrect API key provided: sk-…``).
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from pydantic import SecretStr

_SHORTEST = 6
"""Characters; a shorter "secret" would take half of every text away."""

_LOOKS_LIKE_A_KEY = re.compile(
    r"""
    \b(?:sk|hf|wsk|r8|whsec|pk)[-_][A-Za-z0-9_-]{8,}   # Stability, Hugging Face, WaveSpeed, ...
    | \bAIza[A-Za-z0-9_-]{20,}                         # Google
    | (?<=[Bb]earer\ )\S{8,}
    | (?<=[Kk]ey\ )[A-Za-z0-9_-]{24,}
    """,
    re.VERBOSE,
)

MASK = "[key]"
"""What stands in place of a key."""


class Redactor:
    """Takes known keys, and what looks like one, out of texts.

    Args:
        secrets: the keys in use; whole header values such as ``Bearer sk-…`` are taken apart.
    """

    def __init__(self, secrets: Iterable[SecretStr]) -> None:
        words = {word for secret in secrets for word in secret.get_secret_value().split()}
        self._known = sorted((w for w in words if len(w) >= _SHORTEST), key=len, reverse=True)

    def __call__(self, text: str) -> str:
        """Return ``text`` without keys."""
        for word in self._known:
            text = text.replace(word, MASK)
        return _LOOKS_LIKE_A_KEY.sub(MASK, text)
