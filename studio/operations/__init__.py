"""Everything that can be asked of the studio: one model per operation.

A new operation is a class here; its form, its columns in a batch, its place in the command line
and its validation are derived from it.
"""

from studio.operations.base import (
    InputKind,
    Operation,
    describe_problems,
    input_fields,
    inputs_given,
)
from studio.operations.control import Sketch, Structure, StyleGuide, StyleTransfer
from studio.operations.create import EnhancePrompt, Generate
from studio.operations.edit import (
    EditImage,
    Erase,
    FaceSwap,
    Inpaint,
    Outpaint,
    RemoveBackground,
    ReplaceBackground,
    SearchRecolor,
    SearchReplace,
)
from studio.operations.files import Compress, Convert
from studio.operations.library import TagImage
from studio.operations.persona import Persona, Settled, read_persona, without_words, worn
from studio.operations.registry import OPERATIONS, operation_class, parse_operation
from studio.operations.social import SocialExport
from studio.operations.transform import ImageTo3D, ImageToVideo, TalkingAvatar
from studio.operations.upscale import Upscale, UpscaleConservative, UpscaleCreative

__all__ = [
    "OPERATIONS",
    "Compress",
    "Convert",
    "EditImage",
    "EnhancePrompt",
    "Erase",
    "FaceSwap",
    "Generate",
    "ImageTo3D",
    "ImageToVideo",
    "Inpaint",
    "InputKind",
    "Operation",
    "Outpaint",
    "Persona",
    "RemoveBackground",
    "ReplaceBackground",
    "SearchRecolor",
    "SearchReplace",
    "Settled",
    "Sketch",
    "SocialExport",
    "Structure",
    "StyleGuide",
    "StyleTransfer",
    "TagImage",
    "TalkingAvatar",
    "Upscale",
    "UpscaleConservative",
    "UpscaleCreative",
    "describe_problems",
    "input_fields",
    "inputs_given",
    "operation_class",
    "parse_operation",
    "read_persona",
    "without_words",
    "worn",
]
