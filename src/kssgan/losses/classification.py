"""Whether a picture shows the attributes and the group that it should (Eq. 5 and 6)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from kssgan.losses.parts import Loss, precise

__all__ = ["UNKNOWN", "classification"]

UNKNOWN = -1
"""Category of an attribute that nobody knows; it teaches nothing."""


def classification(
    attributes: Sequence[Tensor],
    categories: Tensor,
    group: Tensor | None = None,
    groups: Tensor | None = None,
) -> Loss:
    """Cross-entropy of each attribute, and of the group, each over the pictures where it is known.

    Of photographs with the labels that they have it is L_cls^r, which the critic learns (Eq. 5); of drawings
    with the labels asked for it is L_cls^f, which the generator learns (Eq. 6).

    Args:
        attributes: (B, categories) logits, one tensor for each of A attributes.
        categories: (B, A) int64; -1 is unknown.
        group: (B, groups) logits or None.
        groups: (B,) int64, needed with ``group``; -1 is unknown.

    Returns:
        Parts "attributes", the sum over attributes, and "group".
    """
    known = [
        _cross_entropy(logits, column)
        for logits, column in zip(attributes, categories.unbind(1), strict=True)
    ]
    zero = torch.zeros((), device=categories.device)
    on_attributes = torch.stack(known).sum() if known else zero
    on_group = zero
    if group is not None and groups is not None:
        on_group = _cross_entropy(group, groups)
    parts = {"attributes": on_attributes, "group": on_group}
    return Loss(on_attributes + on_group, parts)


def _cross_entropy(logits: Tensor, wanted: Tensor) -> Tensor:
    # Nothing known is no loss, where the mean over nothing would be NaN.
    total = F.cross_entropy(precise(logits), wanted, ignore_index=UNKNOWN, reduction="sum")
    return total / (wanted != UNKNOWN).sum().clamp(min=1)
