"""How Google judges a request: names that it knows, kinds of values, what a model is able to do."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.contract.emulators.base import read_picture
from tests.contract.emulators.gemini_tables import Model

MOST_PICTURES = 14
MIME = {
    "image/png": "PNG",
    "image/jpeg": "JPEG",
    "image/webp": "WEBP",
    "image/heic": "HEIF",
    "image/heif": "HEIF",
}
CATEGORIES = ("HARASSMENT", "HATE_SPEECH", "SEXUALLY_EXPLICIT", "DANGEROUS_CONTENT")
THRESHOLDS = (
    "BLOCK_LOW_AND_ABOVE",
    "BLOCK_MEDIUM_AND_ABOVE",
    "BLOCK_ONLY_HIGH",
    "BLOCK_NONE",
    "OFF",
)
TYPES = ("STRING", "NUMBER", "INTEGER", "BOOLEAN", "ARRAY", "OBJECT")
SCHEMA = {
    *("type", "format", "title", "description", "nullable", "enum", "maxItems", "minItems"),
    *("properties", "required", "propertyOrdering", "items", "minimum", "maximum", "anyOf"),
}


_SNAKE = re.compile(r"[a-z]+(_[a-z0-9]+)+")


class BadRequestError(Exception):
    """A 400 of status INVALID_ARGUMENT."""


@dataclass
class Order:
    """A request that is in order.

    Attributes:
        pictures: the input pictures' formats and sizes.
        config: ``generationConfig`` in camelCase.
    """

    model: str
    text: str = ""
    pictures: list[tuple[str, tuple[int, int]]] = field(default_factory=list)
    config: dict[str, Any] = field(default_factory=dict)
    body: Any = None

    @property
    def ratio(self) -> str:
        return str(self.config.get("imageConfig", {}).get("aspectRatio", "1:1"))

    @property
    def level(self) -> str:
        return str(self.config.get("thinkingConfig", {}).get("thinkingLevel", ""))


_TREE: Mapping[str, Any] = {
    "contents": {
        "role": None,
        "parts": {
            "text": None,
            "inlineData": {"mimeType": None, "data": None},
            "fileData": {"mimeType": None, "fileUri": None},
            "thought": None,
            "thoughtSignature": None,
        },
    },
    "systemInstruction": {"role": None, "parts": {"text": None}},
    "safetySettings": {"category": None, "threshold": None},
    "generationConfig": {
        "responseModalities": None,
        "imageConfig": {"aspectRatio": None, "imageSize": None},
        "thinkingConfig": {"thinkingLevel": None, "includeThoughts": None, "thinkingBudget": None},
        "candidateCount": None,
        "seed": None,
        "maxOutputTokens": None,
        "stopSequences": None,
        "temperature": None,
        "topP": None,
        "topK": None,
        "responseMimeType": None,
        "responseSchema": None,
        "responseJsonSchema": None,
    },
    "tools": {"googleSearch": {}},
}
"""The names that are known; ``None`` is a leaf."""


def camel(name: str) -> str:
    """Return a name in camelCase: Google's parser takes both."""
    if not _SNAKE.fullmatch(name):
        return name
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


def _known(value: Any, tree: Mapping[str, Any], where: str) -> Any:
    """Return the value with its names in camelCase."""
    if isinstance(value, list):
        return [_known(each, tree, f"{where}[{i}]") for i, each in enumerate(value)]
    if not isinstance(value, dict):
        raise BadRequestError(f"Invalid value at '{where}': must be a message.")
    found = {}
    for name, inner in value.items():
        key = camel(name)
        if key not in tree:
            raise BadRequestError(
                f"Invalid JSON payload received. Unknown name \"{name}\" at '{where}': "
                "Cannot find field."
            )
        deeper = tree[key]
        found[key] = (
            inner if deeper is None else _known(inner, deeper, f"{where}.{name}".strip("."))
        )
    return found


def judge(name: str, model: Model, body: Any) -> Order:
    """Return a request in order; ``BadRequestError`` for one that is not."""
    if not isinstance(body, dict):
        raise BadRequestError("Invalid JSON payload received. The root must be a message.")
    said = _known(body, _TREE, "")
    order = Order(name, config=said.get("generationConfig", {}), body=body)
    _contents(order, said.get("contents"))
    _safety(said.get("safetySettings", []))
    if said.get("tools") and name == "gemini-3.1-flash-lite-image":
        raise BadRequestError("Search as tool is not enabled for this model")
    _plain_config(order.config)
    (_drawing if model.draws else _writing)(order, model)
    _thinking(order, model)
    return order


def _contents(order: Order, contents: Any) -> None:
    if not isinstance(contents, list) or not contents:
        raise BadRequestError("* GenerateContentRequest.contents: contents is not specified")
    for content in contents:
        if content.get("role", "user") not in {"user", "model"}:
            raise BadRequestError("Please use a valid role: user, model.")
        parts = content.get("parts")
        if not isinstance(parts, list) or not parts:
            raise BadRequestError("* contents.parts must not be empty.")
        for part in parts:
            _part(order, part)
    if not order.text.strip():
        raise BadRequestError("A request needs a text part.")
    if len(order.pictures) > MOST_PICTURES:
        raise BadRequestError(f"Too many images: at most {MOST_PICTURES} are supported.")


def _part(order: Order, part: Mapping[str, Any]) -> None:
    data = [name for name in ("text", "inlineData", "fileData") if name in part]
    if len(data) != 1:
        raise BadRequestError("* contents.parts.data: required oneof field 'data' must have one")
    if data == ["text"]:
        if not isinstance(part["text"], str):
            raise BadRequestError("Invalid value at 'contents[0].parts[0].text' (TYPE_STRING)")
        order.text += part["text"]
    elif data == ["inlineData"]:
        order.pictures.append(_picture(part["inlineData"]))
    else:
        raise BadRequestError("You do not have permission to access the File, or it is gone.")


def _picture(blob: Mapping[str, Any]) -> tuple[str, tuple[int, int]]:
    kind, text = blob.get("mimeType"), blob.get("data")
    if kind not in MIME:
        raise BadRequestError(f"Unsupported MIME type: {kind}")
    try:
        data = base64.b64decode(str(text), validate=True)
    except ValueError:
        raise BadRequestError(
            "Invalid value at 'contents[0].parts[1].inline_data.data' (TYPE_BYTES), "
            "Base64 decoding failed"
        ) from None
    try:
        image = read_picture(data)
    except ValueError:
        raise BadRequestError("Unable to process input image.") from None
    if image.format != MIME[str(kind)]:
        raise BadRequestError("Unable to process input image.")
    return str(image.format), image.size


def _safety(settings: Any) -> None:
    for each in settings:
        category = str(each.get("category", "")).removeprefix("HARM_CATEGORY_")
        if category not in CATEGORIES or each.get("threshold") not in THRESHOLDS:
            raise BadRequestError("Invalid value at 'safety_settings[0]'")


_CHECKS: Mapping[str, Callable[[Any], bool]] = {
    "candidateCount": lambda value: type(value) is int and value == 1,
    "seed": lambda value: type(value) is int and -(2**31) <= value < 2**31,
    "maxOutputTokens": lambda value: type(value) is int and 1 <= value <= 32_768,
    # Declared deprecated for these models: whoever sends one is told.
    "temperature": lambda _: False,
    "topP": lambda _: False,
    "topK": lambda _: False,
}


def _plain_config(config: Mapping[str, Any]) -> None:
    for name, fits in _CHECKS.items():
        if name in config and not fits(config[name]):
            raise BadRequestError(f"Invalid value at 'generation_config.{name}': {config[name]}")


def _drawing(order: Order, model: Model) -> None:
    config, image = order.config, order.config.get("imageConfig", {})
    modalities = config.get("responseModalities", ["TEXT", "IMAGE"])
    if not isinstance(modalities, list) or sorted(modalities) not in (["IMAGE"], ["IMAGE", "TEXT"]):
        raise BadRequestError("The requested combination of response modalities is not supported.")
    if {"responseMimeType", "responseSchema", "responseJsonSchema"} & config.keys():
        raise BadRequestError("JSON mode is not enabled for this model")
    if "aspectRatio" in image and image["aspectRatio"] not in model.ratios:
        raise BadRequestError(f"Aspect ratio {image['aspectRatio']} is not supported.")
    if "imageSize" in image and not (model.nameable and image["imageSize"] in model.tokens):
        raise BadRequestError(f"Image size {image['imageSize']} is not supported by this model.")


def _writing(order: Order, _: Model) -> None:
    config = order.config
    if "imageConfig" in config:
        raise BadRequestError("Aspect ratio is not enabled for this model")
    if "IMAGE" in config.get("responseModalities", []):
        raise BadRequestError("The requested combination of response modalities is not supported.")
    if "responseSchema" in config and "responseJsonSchema" in config:
        raise BadRequestError("response_schema and response_json_schema are mutually exclusive.")
    if "responseSchema" in config:
        if config.get("responseMimeType") != "application/json":
            raise BadRequestError("A schema is only supported with application/json.")
        _schema(config["responseSchema"])


def _schema(schema: Any) -> None:
    if not isinstance(schema, dict) or schema.get("type") not in TYPES:
        raise BadRequestError("Invalid value at 'generation_config.response_schema.type'")
    unknown = schema.keys() - SCHEMA
    if unknown:
        raise BadRequestError(
            f'Invalid JSON payload received. Unknown name "{min(unknown)}" at '
            "'generation_config.response_schema': Cannot find field."
        )
    if schema["type"] == "ARRAY" and "items" not in schema:
        raise BadRequestError("response_schema.items: missing field.")
    properties = schema.get("properties", {})
    if schema["type"] == "OBJECT" and not properties:
        raise BadRequestError("response_schema.properties: should be non-empty for OBJECT type")
    if not set(schema.get("required", [])) <= properties.keys():
        raise BadRequestError("response_schema.required: property is not defined")
    for inner in (*properties.values(), *([schema["items"]] if "items" in schema else [])):
        _schema(inner)


def _thinking(order: Order, model: Model) -> None:
    config = order.config.get("thinkingConfig", {})
    if "thinkingBudget" in config:
        raise BadRequestError("Thinking budget is not supported for this model.")
    if "thinkingLevel" in config and config["thinkingLevel"] not in model.levels:
        raise BadRequestError("Thinking level is not supported for this model.")
    if not isinstance(config.get("includeThoughts", False), bool):
        raise BadRequestError("Invalid value at 'generation_config.thinking_config'")
