"""What is allowed, in people's words, of what pydantic found wrong; and the patterns of text."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

COLOUR = "^(#[0-9a-fA-F]{6})?$"
PERSONA_NAME = "^([a-z0-9][a-z0-9_-]{0,39})?$"
PERSONA_WORD = r"^[^,;\n]+$"
WEB_ADDRESS = r"^(https?://\S+)?$"
URL_PREFIX = "^(/[A-Za-z0-9._~-]+)*$"

PATTERNS: Mapping[str, str] = MappingProxyType(
    {
        COLOUR: "a colour such as #1b2a49, or empty",
        PERSONA_NAME: "1 to 40 of a-z, 0-9, _ and -, or empty",
        PERSONA_WORD: "text without commas, semicolons and line breaks",
        WEB_ADDRESS: "an address that begins with http:// or https://, or empty",
        URL_PREFIX: "a path such as /api/image-studio, without a slash at its end, or empty",
    }
)
"""What each pattern stands for, to be said after "must be"."""

_RULES = {
    "missing": "is required",
    "extra_forbidden": "is not a field of this {what}",
    "bool_parsing": "must be true or false",
    "bool_type": "must be true or false",
    "float_parsing": "must be a number",
    "float_type": "must be a number",
    "finite_number": "must be a number",
    "int_from_float": "must be a whole number",
    "int_parsing": "must be a whole number",
    "int_parsing_size": "must be a whole number of fewer digits",
    "int_type": "must be a whole number",
    "list_type": "must be a list",
    "string_type": "must be text",
    "tuple_type": "must be a list",
    "greater_than_equal": "must be at least {ge}",
    "less_than_equal": "must be at most {le}",
    "literal_error": "must be {expected}",
    "string_too_long": "must have at most {max_length} characters",
    "string_too_short": "must have at least {min_length} characters",
}
"""By the kind of pydantic's finding, whose context is filled in."""


def rule(finding: Mapping[str, Any], what: str = "request") -> str:
    """Say what one of pydantic's findings (``ValidationError.errors``) allows instead.

    Args:
        what: the field belongs to.
    """
    kind, context = finding["type"], {"what": what, **finding.get("ctx", {})}
    if kind == "value_error":
        return str(context.get("error", finding["msg"]))
    if kind == "string_too_short" and context["min_length"] == 1:
        return "must not be empty"
    if kind == "string_pattern_mismatch":
        return "must be " + PATTERNS.get(context["pattern"], f"like {context['pattern']}")
    words = _RULES.get(kind)
    message = str(finding["msg"])
    return words.format_map(context) if words else message[:1].lower() + message[1:]
