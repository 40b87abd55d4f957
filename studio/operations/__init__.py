"""Everything that can be asked of the studio: one model per operation.

A new operation is a class here; its form, its columns in a batch, its place in the command line
and its validation are derived from it.
"""

from studio.operations.base import Operation, describe_problems, picture_fields
from studio.operations.create import Generate
from studio.operations.edit import RemoveBackground
from studio.operations.registry import OPERATIONS, operation_class, parse_operation
from studio.operations.social import SocialExport
from studio.operations.upscale import Upscale

__all__ = [
    "OPERATIONS",
    "Generate",
    "Operation",
    "RemoveBackground",
    "SocialExport",
    "Upscale",
    "describe_problems",
    "operation_class",
    "parse_operation",
    "picture_fields",
]
