"""The public page says what the certificate says, and nothing that belongs on the private side."""

from __future__ import annotations

import copy
import random
import re
import subprocess
import sys
from html.parser import HTMLParser
from typing import Any

import pytest

from kssgan.reporting import Surrogate, public_report

CERTIFICATE: dict[str, Any] = {
    "format": "kssgan-certificate/1",
    "holds": True,
    "statement": "Every picture stands for at least 3 people.",
    "mode": "strict",
    "k_claimed": 3,
    "k_measured": 3,
    "k_declared": 4,
    "lookalikes_merged": 1,
    "lookalike_pairs": 2,
    "max_share": 1 / 3,
    "subjects": 13,
    "groups": {"count": 3, "sizes": [3, 5, 4]},
    "cells": {"count": 3, "merged": 0},
    "photos": {"found": 31, "ignored": 2, "refused": 4, "released": 25},
    "information_loss": 71,
    "surrogate": "mean",
    "grouping": "mdav",
    "attributes": ["gender", "age"],
    "image": {"format": "PNG", "size": 256},
    "versions": {"kssgan": "0.1.0"},
    "weights": {"detector": "d" * 64},
}

VOID = {"meta", "img", "br", "hr", "input", "link", "rect"}


class Page(HTMLParser):
    """Collects tags and text, and checks that tags are balanced."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self._open: list[str] = []
        self.feed(html)
        self.close()
        assert self._open == [], f"left open: {self._open}"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self._open:
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attrs for name, attrs in self.tags if name == tag]


def _name(rng: random.Random) -> str:
    return f"images/{rng.getrandbits(128):032x}.png"


def _pictures(sizes: list[int], seed: int = 0) -> list[Surrogate]:
    rng = random.Random(seed)
    return [
        Surrogate(
            f"{i:064x}",
            [_name(rng) for _ in range(size)],
            size,
            {"gender": "female", "age": "20-29"},
        )
        for i, size in enumerate(sizes)
    ]


@pytest.fixture
def certificate() -> dict[str, Any]:
    return copy.deepcopy(CERTIFICATE)


def test_says_what_the_certificate_says(certificate: dict[str, Any]) -> None:
    page = Page(public_report(certificate, _pictures([3, 5, 4])))
    for words in (
        "The promise holds. Every picture stands for at least 3 people.",
        "k that was asked for 3",
        "counted on the written files 3",
        "though two of them might be one person 4",
        "files 0.3333",
        "represented 25",
        "refused 4",
        "ignored 2",
        "found 31",
        "Information loss 71 of 100",
        "2 pairs of people under different names look so alike",
        "1 name shares a group with such a look-alike and counts once together with it",
        "different pictures 3 in 12 files",
        "people, by name 13",
        "version of kssgan 0.1.0",
        "d" * 64,
        "PNG, 256 pixels, head crops",
    ):
        assert words in page.text


def test_a_broken_promise_comes_first_and_loud(certificate: dict[str, Any]) -> None:
    certificate.update(holds=False, statement="One picture stands for 2 people.", k_measured=2)
    html = public_report(certificate, _pictures([2, 5]))
    page = Page(html)
    assert "The promise does not hold." in page.text
    assert "The promise holds." not in page.text
    assert page.text.index("does not hold") < page.text.index("What is promised")
    assert 'class="verdict bad"' in html


def test_every_distinct_picture_once_in_the_order_of_names(certificate: dict[str, Any]) -> None:
    pictures = _pictures([3] * 40 + [5])
    images = Page(public_report(certificate, pictures)).all("img")
    sources = [image["src"] for image in images]
    assert sources == sorted(min(picture.files) for picture in pictures)
    assert all(image["alt"] and "people" in image["alt"] for image in images)


def test_order_of_groups_and_files_changes_nothing(certificate: dict[str, Any]) -> None:
    pictures = _pictures([3, 5, 4, 3, 3])
    expected = public_report(certificate, pictures)
    rng = random.Random(1)
    shuffled = [
        Surrogate(p.sha256, rng.sample(list(p.files), len(p.files)), p.people, p.attributes)
        for p in rng.sample(pictures, len(pictures))
    ]
    certificate["groups"]["sizes"] = [5, 4, 3]
    assert public_report(certificate, shuffled) == expected


def test_many_pictures_are_all_shown(certificate: dict[str, Any]) -> None:
    images = Page(public_report(certificate, _pictures([3] * 1500))).all("img")
    assert len({image["src"] for image in images}) == 1500
    assert all(image["loading"] == "lazy" for image in images)


def test_nothing_from_outside_no_script_no_clock(certificate: dict[str, Any]) -> None:
    html = public_report(certificate, _pictures([3, 3]))
    page = Page(html)
    assert not {"script", "link", "iframe", "object", "form", "video"} & {
        tag for tag, _ in page.tags
    }
    assert not re.search(r"https?:|//[a-z]|@import|url\(|\bon[a-z]+=", html)
    assert not re.search(r"\b(19|20)\d\d-\d\d|\d\d:\d\d", html)
    policy = next(
        m for m in page.all("meta") if m.get("http-equiv") == "Content-Security-Policy"
    )
    assert str(policy["content"]).startswith("default-src 'none'")


def test_no_file_is_named_but_the_pictures(certificate: dict[str, Any]) -> None:
    pictures = _pictures([3, 3])
    html = public_report(certificate, pictures)
    words = re.findall(
        r"[^\s\"'<>]+\.(?:png|jpe?g|gif|webp|tiff?|bmp|avif|heic)\b", html, re.IGNORECASE
    )
    assert sorted(words) == sorted(picture.files[0] for picture in map(_sorted_files, pictures))


def _sorted_files(picture: Surrogate) -> Surrogate:
    return Surrogate(picture.sha256, sorted(picture.files), picture.people, picture.attributes)


def test_accessible(certificate: dict[str, Any]) -> None:
    page = Page(public_report(certificate, _pictures([3, 3])))
    assert page.all("html") == [{"lang": "en"}]
    assert len(page.all("h1")) == 1
    assert len(page.all("main")) == 1
    assert len(page.all("title")) == 1
    assert any(meta.get("name") == "viewport" for meta in page.all("meta"))


def test_colours_have_contrast(certificate: dict[str, Any]) -> None:
    html = public_report(certificate, _pictures([3, 3]))
    colours = dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6})", html))
    white = "#ffffff"
    for ink, paper in [
        (colours["ink"], white),
        (colours["soft"], white),
        (colours["good"], colours["good-pale"]),
        (colours["bad"], colours["bad-pale"]),
    ]:
        assert _contrast(ink, paper) >= 4.5  # WCAG 2.1 AA


def _contrast(a: str, b: str) -> float:
    def luminance(colour: str) -> float:
        channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        r, g, b = (
            c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in channels
        )
        return 0.2126 * r + 0.7152 * g + 0.0722 * b

    high, low = sorted((luminance(a), luminance(b)), reverse=True)
    return (high + 0.05) / (low + 0.05)


def test_what_the_promise_does_not_cover_is_complete(certificate: dict[str, Any]) -> None:
    text = Page(public_report(certificate, _pictures([3, 3]))).text
    for limit in (
        "somebody is in the collection",
        "cannot be worked out again without the private map",
        "Signs of illness",
        "Hair, clothes and background",
        "Several collections",
        "Unequal knowledge",
        "Groups of people who are alike",
        "Networks trained on these very photos",
    ):
        assert limit in text


def test_labels_from_a_users_table_are_escaped(certificate: dict[str, Any]) -> None:
    certificate["attributes"] = ['"><script>', "age"]
    picture = Surrogate(
        "0" * 64,
        _pictures([3])[0].files,
        3,
        {'"><script>': "<img src=x>", "age": "a\u202eb\nc"},
    )
    html = public_report(certificate, [picture])
    page = Page(html)
    assert len(page.all("img")) == 1
    assert not page.all("script")
    assert "<img src=x>" in page.text
    assert "\u202e" not in html


def test_attributes_that_are_not_released_are_not_shown(certificate: dict[str, Any]) -> None:
    picture = Surrogate("0" * 64, _pictures([3])[0].files, 3, {"diagnosis": "malaria"})
    assert "malaria" not in public_report(certificate, [picture])


def test_names_that_are_not_random_are_refused_without_saying_them(
    certificate: dict[str, Any],
) -> None:
    for name in ("images/anna.png", "../x.png", "images/" + "0" * 32 + ".jpg", "/etc/passwd"):
        with pytest.raises(ValueError, match="not named images/<32 hex>") as caught:
            public_report(certificate, [Surrogate("0" * 64, [name], 3)])
        assert name not in str(caught.value)


def test_pictures_that_contradict_the_certificate_are_refused(
    certificate: dict[str, Any],
) -> None:
    with pytest.raises(ValueError, match="at least 2 people"):
        public_report(certificate, _pictures([2, 3]))
    first = _pictures([3])[0]
    with pytest.raises(ValueError, match="same SHA-256"):
        public_report(certificate, [first, first])
    with pytest.raises(ValueError, match="without pictures"):
        public_report(certificate, [])


def test_missing_keys_are_all_named(certificate: dict[str, Any]) -> None:
    del certificate["max_share"]
    del certificate["photos"]["refused"]
    with pytest.raises(ValueError, match=r"lacks max_share, photos\.refused"):
        public_report(certificate, _pictures([3]))


@pytest.mark.parametrize(
    ("pairs", "merged", "words"),
    [
        (0, 0, "No two people who were counted under different names look so alike"),
        (1, 0, "1 pair of people under different names looks so alike"),
        (5, 2, "2 names share a group with such a look-alike and count once together with it"),
    ],
)
def test_look_alikes_in_words(
    certificate: dict[str, Any], pairs: int, merged: int, words: str
) -> None:
    certificate.update(lookalike_pairs=pairs, lookalikes_merged=merged)
    assert words in Page(public_report(certificate, _pictures([3]))).text


def test_the_room_is_imported_without_heavy_packages() -> None:
    code = (
        "import sys, kssgan.reporting;"
        "heavy = {'torch', 'PIL', 'jinja2'} & set(sys.modules);"
        "sys.exit(f'loaded {heavy}' if heavy else 0)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_a_ledger_and_an_escrow_are_told(certificate: dict[str, Any]) -> None:
    pictures = _pictures([3, 5, 4])
    plain = public_report(certificate, pictures)
    assert "ledger" not in plain
    assert "pseudonymised" not in plain
    ledger = {"release": 2, "groups_as_before": 2, "groups_new": 1}
    told = Page(public_report({**certificate, "ledger": ledger, "escrow": True}, pictures)).text
    assert "The holder keeps a ledger" in told
    assert "pseudonymised, not anonymous" in told
