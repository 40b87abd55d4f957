"""The provider called ``local``: real work on this machine, without a key and without a network."""

import os

# onnxruntime (1.31 on Linux, too) else keeps a device id and a queue of events in the user's cache,
# and sends them to its maker. It looks at this when it is first imported, which is from here on.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

from providers.local.provider import LocalProvider

__all__ = ["LocalProvider"]
