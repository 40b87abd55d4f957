"""The chat router of the Hugging Face emulator: OpenAI's language, JSON schemas, pictures."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from tests.contract.emulators.huggingface_rules import CHAT, Wrong, image, number, only, text, whole

POLICIES = frozenset({"fastest", "cheapest", "preferred"})
FIELDS = {
    *("model", "messages", "max_tokens", "temperature", "top_p", "seed", "stop", "stream"),
    "response_format",
}


class NotSupported(Exception):
    """No provider that is enabled serves the model."""


def checked(body: Any) -> tuple[str, str, dict[str, Any] | None, str]:
    """Return model, provider, schema (if it is kept to) and all words of a request.

    Raises:
        NotSupported: nobody serves the model.
        Wrong: the body is not right.
    """
    if not isinstance(body, dict):
        raise Wrong("body", "must be a JSON object")
    only(body, FIELDS, {"model", "messages"})
    if next(iter(body)) != "model":
        raise Wrong("model", "must be the first field: the router reads a small part only")
    model, _, provider = text(body["model"], "model").partition(":")
    served = CHAT.get(model, {})
    if provider in POLICIES or not provider:
        provider = next(iter(served), "")
    if provider not in served:
        raise NotSupported(body["model"])
    words = _messages(body["messages"])
    if "max_tokens" in body:
        whole(body["max_tokens"], "max_tokens", 1, 32_768)
    if "temperature" in body:
        number(body["temperature"], "temperature", 0, 2)
    schema = _schema(body.get("response_format"))
    return model, provider, schema if served[provider] else None, words


def _messages(messages: Any) -> str:
    if not isinstance(messages, list) or not messages:
        raise Wrong("messages", "must be a list")
    words = []
    for message in messages:
        only(message, {"role", "content"}, {"role", "content"})
        if message["role"] not in {"system", "user", "assistant"}:
            raise Wrong("role", "must be system, user or assistant")
        content = message["content"]
        words += [content] if isinstance(content, str) else [_part(each) for each in content]
    return "\n".join(text(each, "content") for each in words)


def _part(part: Any) -> str:
    if part.get("type") == "text":
        return text(part.get("text"), "text")
    if part.get("type") != "image_url":
        raise Wrong("type", "must be text or image_url")
    width, height = image(part["image_url"].get("url"), "image_url")
    return f"<{width}x{height}>"


def _schema(told: Any) -> dict[str, Any] | None:
    if told is None:
        return None
    only(told, {"type", "json_schema"}, {"type", "json_schema"})
    inner = told["json_schema"]
    if told["type"] != "json_schema":
        raise Wrong("response_format", "must be json_schema")
    only(inner, {"name", "strict", "schema", "description"}, {"name", "schema"})
    schema = inner["schema"]
    if inner.get("strict"):
        if schema.get("additionalProperties") is not False:
            raise Wrong("schema", "'additionalProperties' is required to be false")
        if sorted(schema.get("required", [])) != sorted(schema.get("properties", {})):
            raise Wrong("schema", "'required' must name every property")
    assert isinstance(schema, dict)
    return schema


def written(schema: Mapping[str, Any] | None, words: str) -> str:
    """Return what the model writes: a value for each property of the schema, or prose."""
    if schema is None:
        return "I see a lighthouse at the sea."
    samples: Mapping[str, Any] = {
        "caption": "A red lighthouse at the sea.",
        "tags": ["lighthouse", "sea", "sea", "", "coast", "sky"],
        "objects": ["lighthouse", "rocks"],
        "colors": ["red", "blue"],
        "faces": 0,
        "safe_for_work": True,
        "prompt": f"{words.splitlines()[-1].removeprefix('Words: ')}, in soft evening light",
    }
    return json.dumps({name: samples[name] for name in schema["properties"]}, ensure_ascii=False)
