"""What a file of weights says of itself, read from its head alone."""

from __future__ import annotations

import json
from typing import Any

__all__ = ["about"]


def about(data: bytes) -> dict[str, Any] | None:
    """Our entry in the head of a safetensors file; empty where it has none, None where there is no head."""
    try:
        length = int.from_bytes(data[:8], "little")
        head = json.loads(data[8 : 8 + length])
        found = json.loads(head.get("__metadata__", {}).get("kssgan", "{}"))
    except (ValueError, AttributeError, RecursionError):
        return None
    return found if isinstance(found, dict) else {}
