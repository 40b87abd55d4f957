"""Redaction: keys are found in any form, and nothing else is taken away."""

from __future__ import annotations

import base64
from collections.abc import Callable
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from providers.redaction import MASK, Redactor

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_+/.="
KEYS = st.text(ALPHABET, min_size=24, max_size=80)
AROUND = st.text(" .,;:!?\n\t(){}'\"", max_size=30)


def redactor(*secrets: str) -> Redactor:
    return Redactor(SecretStr(secret) for secret in secrets)


@given(KEYS, AROUND, AROUND)
def test_a_known_key_is_found_wherever_it_stands(key: str, before: str, after: str) -> None:
    assert redactor(f"Bearer {key}")(f"{before}{key}{after}") == f"{before}{MASK}{after}"


@given(KEYS, st.binary(max_size=20), st.binary(max_size=20))
def test_a_key_inside_of_base64_is_found(key: str, before: bytes, after: bytes) -> None:
    text = base64.b64encode(before + key.encode() + after).decode()
    told = redactor(key)(f"it was {text} then")
    assert MASK in told
    # What is left of it is at its ends: not enough to have a part of the key that matters.
    encoded = base64.b64encode(bytes(len(before) % 3) + key.encode()).decode()
    assert encoded[6:-6] not in told
    assert told.startswith("it was ")
    assert told.endswith(" then")


@pytest.mark.parametrize("encode", [base64.b64encode, base64.urlsafe_b64encode])
@pytest.mark.parametrize("before", [b"", b"u", b"u:"])
def test_both_alphabets_of_base64_are_known(
    encode: Callable[[bytes], bytes], before: bytes
) -> None:
    """They differ where these signs stand."""
    key = "~~~???>>>" * 4
    told = redactor(key)(encode(before + key.encode()).decode())
    assert MASK in told
    assert len(told) < len(MASK) + 8


@given(KEYS)
def test_a_key_in_percent_codes_is_found(key: str) -> None:
    assert quote(key, safe="")[:14] not in redactor(key)(f"?key={quote(key, safe='')}&x=1")


@given(KEYS, st.integers(12, 79))
def test_a_key_that_was_cut_off_is_found(key: str, length: int) -> None:
    assert key[:12] not in redactor(key)(f"bad key {key[:length]}…")


def test_the_longer_of_two_keys_goes_first() -> None:
    assert redactor("abcdefg", "abcdefghijkl")("x abcdefghijkl y abcdefg") == f"x {MASK} y {MASK}"


@pytest.mark.parametrize(
    "secret", ["", "ab", "12345", "Bearer ", "Key", "Bearer", "token", "Basic"]
)
def test_what_is_no_secret_takes_nothing_away(secret: str) -> None:
    words = "A Bearer token, the Key or a Basic one: ab, 12345."
    assert redactor(secret)(words) == words


@pytest.mark.parametrize(
    "words",
    [
        "Incorrect API key provided: sk-ab…. You can find it on the page.",
        "hf-inference does not serve black-forest-labs/FLUX.1-dev",
        "task-runner sk-1 and disk_usage",
        "The Key is missing; 1024x1024 is not a size that sd3.5-large-turbo makes",
        "prediction 9f0c4a1be1b34a5c8f0d2b7f8a1c2d3e failed",
    ],
)
def test_usual_words_stay(words: str) -> None:
    assert redactor(f"Bearer {'q' * 40}")(words) == words


@pytest.mark.parametrize(
    "key",
    [
        "sk-" + "a1" * 24,
        "sk_" + "a1" * 10,
        "hf_" + "Ab1" * 11,
        "wsk_" + "f" * 20,
        "r8_" + "f" * 37,
        "whsec_" + "a" * 32,
        "AIzaSy" + "B" * 33,
    ],
)
def test_what_looks_like_a_key_is_taken_out_without_knowing_it(key: str) -> None:
    assert redactor()(f"provided: {key}.") in {f"provided: {MASK}.", f"provided: {MASK}"}
    assert key not in redactor()(f"Authorization: Bearer {key}")


def test_all_texts_of_values_are_gone_through() -> None:
    key = "q7" * 20
    values = {"a": key, "b": [key, 1, None, True, 2.5], "c": {"d": (key,)}, key: 1}
    assert redactor(key).values(values) == {
        "a": MASK,
        "b": [MASK, 1, None, True, 2.5],
        "c": {"d": [MASK]},
        MASK: 1,
    }
