"""The object that a release is written with takes any classes with the right attributes."""

from __future__ import annotations

import numpy as np

from kssgan.deidentification import reports as hook
from kssgan.reporting import Reports


def test_fits_the_seam_of_the_room_that_writes_releases() -> None:
    pages: hook.Reports = Reports(limit=1)
    certificate = {
        "holds": True,
        "statement": "It holds.",
        "mode": "strict",
        "k_claimed": 2,
        "k_measured": 2,
        "k_declared": 2,
        "lookalikes_merged": 0,
        "lookalike_pairs": 0,
        "max_share": 0.5,
        "subjects": 4,
        "groups": {"count": 2, "sizes": [2, 2]},
        "cells": {"count": 2, "merged": 0},
        "photos": {"found": 4, "ignored": 0, "refused": 0, "released": 4},
        "information_loss": 50.0,
        "surrogate": "mean",
        "grouping": "mdav",
        "attributes": [],
        "image": {"format": "PNG", "size": [256, 256]},
        "versions": {},
        "weights": {},
    }
    name = "images/" + "0" * 32 + ".png"
    picture = hook.WrittenPicture("a" * 64, [name, name.replace("0", "1")], 2, {})
    html = pages.public(certificate, [picture])
    assert name in html
    assert "256 \u00d7 256 pixels" in html

    image = np.zeros((256, 256, 3), np.uint8)
    member = hook.MemberShown("anna", [hook.PictureShown("anna.jpg", image)], 0)
    group = hook.GroupShown(2, [member], [hook.PictureShown("shared", image)])
    page = "".join(
        pages.private(certificate, iter([group, group]), [("x.jpg", "no face found")])
    )
    assert page.count("<article") == 1
    assert "limit = 1" in page
    assert "x.jpg" in page
