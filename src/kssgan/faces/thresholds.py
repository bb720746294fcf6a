"""How close is close (first values; see benchmarks/recognition.py)."""

from __future__ import annotations

__all__ = ["COPY", "FAR_1E3", "FAR_1E3_FACE_ONLY", "LOOK_ALIKE", "SAME_PERSON"]

SAME_PERSON = 0.38
LOOK_ALIKE = 0.46
COPY = 0.25
FAR_1E3 = 0.40
FAR_1E3_FACE_ONLY = 0.40
