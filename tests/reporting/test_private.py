"""The private page warns, shows who became what, and stays small in memory."""

from __future__ import annotations

import base64
import io
import re
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from PIL import Image

from kssgan.reporting import GroupRow, Member, Picture, private_report

CERTIFICATE: dict[str, Any] = {
    "holds": True,
    "statement": "Every picture stands for at least 2 people.",
    "k_claimed": 2,
    "groups": {"count": 3},
}


def _flat(red: int, green: int, blue: int) -> np.ndarray[Any, np.dtype[np.uint8]]:
    return np.full((256, 256, 3), (red, green, blue), dtype=np.uint8)


def _row(tag: str) -> GroupRow:
    members = [
        Member(f"{tag}{i}", [Picture(f"{tag}{i}.jpg", _flat(10, 20 * i, 30))]) for i in (0, 1)
    ]
    return GroupRow(2, members, [Picture("age: 20-29", _flat(200, 0, 0))])


def test_banner_originals_surrogates_and_refusals() -> None:
    html = "".join(
        private_report(
            [_row("a"), _row("b"), _row("c")],
            certificate=CERTIFICATE,
            refused=[("blurred.jpg", "no face found")],
        )
    )
    assert "PRIVATE: keep secret, do not release" in html
    assert html.count("<article") == 3
    assert all(f"{tag}{i}.jpg" in html for tag in "abc" for i in (0, 1))
    assert "<td>blurred.jpg</td><td>no face found</td>" in html
    assert "This page shows all 3 groups" in html
    row = html[html.index("<article") : html.index("</article>")]
    assert row.index("ORIGINALS") < row.index("SURROGATES")
    assert "<script" not in html
    assert not re.search(r"https?:", html)


def test_thumbnails_are_small_jpegs_of_the_right_picture() -> None:
    html = "".join(private_report([_row("a")], certificate=CERTIFICATE))
    uris = re.findall(r'src="data:image/jpeg;base64,([^"]+)"', html)
    assert len(uris) == 3
    with Image.open(io.BytesIO(base64.b64decode(uris[-1]))) as picture:
        assert picture.size == (128, 128)
        red, green, blue = np.asarray(picture, dtype=float).mean(axis=(0, 1))
    assert red == pytest.approx(200, abs=3)
    assert max(green, blue) < 5


def test_names_cannot_break_the_page_or_its_encoding() -> None:
    member = Member(
        "<b>Zo\u00eb</b>", [Picture('x"><script>\n\udcff\u202e.jpg', _flat(1, 2, 3))]
    )
    html = "".join(
        private_report(
            [GroupRow(2, [member])],
            certificate=CERTIFICATE,
            refused=[("<i>\udc80", "unreadable file")],
        )
    )
    html.encode("utf-8")
    assert "<script" not in html
    assert "&lt;b&gt;Zo\u00eb&lt;/b&gt;" in html
    assert r"\n\xff\u202e.jpg" in html
    assert r"&lt;i&gt;\x80" in html


def test_limit_is_stated_and_rows_beyond_it_are_never_made() -> None:
    made = []

    def rows() -> Iterator[GroupRow]:
        for tag in "abc":
            made.append(tag)
            yield _row(tag)

    html = "".join(private_report(rows(), certificate=CERTIFICATE, limit=2))
    assert made == ["a", "b"]
    assert html.count("<article") == 2
    assert "the first 2 of 3 groups (limit = 2)" in " ".join(html.split())


def test_rows_are_read_one_at_a_time_as_the_page_grows() -> None:
    made = 0

    def rows() -> Iterator[GroupRow]:
        nonlocal made
        for i in range(3):
            made += 1
            yield _row(f"tag{i}x")

    ahead = 0
    written = 0
    for piece in private_report(rows(), certificate=CERTIFICATE, limit=None):
        written += piece.count("<article")
        ahead = max(ahead, made - written)
    assert (made, written) == (3, 3)
    assert ahead <= 1


def test_photos_that_are_not_shown_are_counted() -> None:
    members = [
        Member("anna", [Picture("a.jpg", _flat(1, 1, 1))], more=4),
        Member("ben", [], more=1),
    ]
    html = "".join(private_report([GroupRow(2, members)], certificate=CERTIFICATE))
    assert "and 4 more photos" in html
    assert "1 photo, not shown" in html


def test_wrong_input() -> None:
    with pytest.raises(ValueError, match="limit=0"):
        private_report([], certificate=CERTIFICATE, limit=0)
    bad = GroupRow(1, [Member("a", [Picture("a", np.zeros((4, 4, 3), np.float32))])])  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="uint8 was wanted"):
        "".join(private_report([bad], certificate=CERTIFICATE))
