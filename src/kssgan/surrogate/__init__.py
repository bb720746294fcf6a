"""Surrogates: the one picture that a group shares (the paper's initial surrogate I0 and latent z0)."""

from __future__ import annotations

from kssgan.surrogate.mean import MeanSurrogate

__all__ = ["MeanSurrogate"]
