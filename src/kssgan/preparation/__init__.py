"""Preparation: a collection of photos in, one file for training out."""

from __future__ import annotations

from kssgan.preparation.prepare import Preparation, prepare

__all__ = ["Preparation", "prepare"]
