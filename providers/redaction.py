"""Keys are taken out of whatever is told: messages, logs, facts.

Stability's old end points repeat the key in their errors, for one
(``Incorrect API key provided: sk-…``). Known keys are found as they are, in any case, as
``%``-codes and in base64 (also inside something longer, such as ``user:key``), and when a text was
cut off in their middle, as long as 12 characters are left. What only looks like a key is found
too. A key that was hashed, reversed or spelled in hexadecimal is not.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import quote

from pydantic import SecretStr

_SHORTEST = 6
"""Characters; a shorter "secret" would take half of every text away."""
_HEAD = 12
"""Characters by which a key is known that was cut off."""
_SCHEMES = frozenset({"basic", "bearer", "key", "token"})
"""First words of an ``Authorization``: no secrets."""

_LOOKS_LIKE_A_KEY = re.compile(
    r"""
    \b(?:sk|wsk|r8|whsec|pk)[-_][A-Za-z0-9_-]{8,}   # Stability, WaveSpeed, Replicate, ...
    | \bhf_[A-Za-z0-9]{16,}                         # Hugging Face; "hf-inference" is a service
    | \bAIza[A-Za-z0-9_-]{20,}                      # Google
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
        forms = {
            form
            for word in words
            if len(word) >= _SHORTEST and word.lower() not in _SCHEMES
            for form in _forms(word)
        }
        longest_first = sorted(forms, key=len, reverse=True)
        patterns = [re.escape(form) for form in longest_first]
        patterns += [_cut_off(form) for form in longest_first if len(form) > _HEAD]
        self._known = re.compile("|".join(patterns), re.IGNORECASE) if patterns else None

    def __call__(self, text: str) -> str:
        """Return ``text`` without keys."""
        if self._known is not None:
            text = self._known.sub(MASK, text)
        return _LOOKS_LIKE_A_KEY.sub(MASK, text)

    def values(self, value: Any) -> Any:
        """Return JSON values with the keys taken out of all texts in them."""
        if isinstance(value, str):
            return self(value)
        if isinstance(value, dict):
            return {self.values(name): self.values(each) for name, each in value.items()}
        if isinstance(value, list | tuple):
            return [self.values(each) for each in value]
        return value


def _forms(word: str) -> Iterator[str]:
    """Yield the ways in which a key may be written."""
    yield word
    yield quote(word, safe="")
    # Where a key begins inside of what was encoded decides how it looks: one of three ways. The
    # digits at its ends are left away, as they depend on its neighbours too.
    for before, shared in ((0, 0), (1, 2), (2, 3)):
        encoded = b64encode(bytes(before) + word.encode()).decode()
        inner = encoded[shared : (before + len(word.encode())) * 8 // 6]
        yield inner
        yield inner.translate(str.maketrans("+/", "-_"))


def _cut_off(form: str) -> str:
    """Return the pattern of a key of which only the beginning is there."""
    return rf"{re.escape(form[:_HEAD])}[\w+/=%~-]*"
