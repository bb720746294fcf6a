"""Judge a release by its files and arrays, never by the word of whatever made it.

``run`` is the audit: it counts (``guarantee``), looks for leaks, and then asks ``recognition`` for everything
that needs faces: what is ``shown``, ``copies``, ``reconstruct``, the ``naive`` attack, ``donors``.
"""

from __future__ import annotations

from kssgan.auditing.report import AuditReport, Control, Problem
from kssgan.auditing.run import audit
from kssgan.faces.onnx_recogniser import OnnxSettings

__all__ = ["AuditReport", "Control", "OnnxSettings", "Problem", "audit"]
