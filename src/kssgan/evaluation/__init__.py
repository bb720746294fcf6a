"""Methods against each other on one folder of photos: privacy and utility, by k and seed.

This room introduces others to each other, as ``api`` does: it asks baselines and the generator for pictures
and the auditing room for figures.
"""

from __future__ import annotations

from kssgan.evaluation.methods import METHODS
from kssgan.evaluation.run import Evaluation, evaluate

__all__ = ["METHODS", "Evaluation", "evaluate"]
