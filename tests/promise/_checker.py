"""The promise, checked anew from files, private map and what was painted.

Written from the text of ``docs/guarantee.md``. Nothing of the product is imported, so that a fault of the
product cannot hide in its judge. Every function returns sentences that begin with the number of a rule.
"""

from __future__ import annotations

import csv
import hashlib
import html
import json
import os
import re
import stat
import struct
import time
import zlib
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path, PurePosixPath

import numpy as np
from PIL import Image

SIDE = 256
EPOCH = 315532800  # 1980-01-01
TEXTS = ("manifest.csv", "certificate.json", "report.html")
SUFFIXES = {".png", ".jpg", ".jpeg", ".webp", ".gif", ".tif", ".tiff", ".bmp", ".avif"}
PER_PHOTO, PER_PERSON = ("expression",), ("gender", "age")
PAINTED_ROWS = 8


@dataclass(frozen=True)
class Truth:
    """What the painter knows.

    Attributes:
        human: who is on a photo, by its name; look-alikes are taken for one human.
        labels: by photo and attribute, in the release's own words; absent where not known.
        words: that must not turn up in a release.
        usable: photos with one usable face and a subject.
        ignored: files that are no photos.
    """

    human: Mapping[str, int]
    labels: Mapping[str, Mapping[str, str]]
    words: tuple[str, ...]
    usable: frozenset[str]
    ignored: int = 0


@dataclass(frozen=True)
class Case:
    """One finished release with everything that the data holder has.

    Attributes:
        release: the folder.
        photos: the originals.
        table: the private map.
        k: that was asked for.
        truth: what was painted.
        drawn: words that the surrogate can draw, by per-photo attribute.
        forced: per-photo labels that were set for the whole release.
    """

    release: Path
    photos: Path
    table: Path
    k: int
    truth: Truth
    drawn: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    forced: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def rows(self) -> list[dict[str, str]]:
        with self.table.open(newline="", encoding="utf-8", errors="surrogateescape") as file:
            return list(csv.DictReader(file))

    @cached_property
    def data(self) -> dict[str, bytes]:
        """Bytes of every picture file, by its name in the release."""
        return {f"images/{p.name}": p.read_bytes() for p in (self.release / "images").iterdir()}

    @cached_property
    def pictures(self) -> dict[str, list[str]]:
        """Files by the SHA-256 of their bytes."""
        found: dict[str, list[str]] = defaultdict(list)
        for name, data in sorted(self.data.items()):
            found[hashlib.sha256(data).hexdigest()].append(name)
        return dict(found)

    @cached_property
    def digest(self) -> dict[str, str]:
        return {name: sha for sha, names in self.pictures.items() for name in names}

    @cached_property
    def manifest(self) -> dict[str, dict[str, str]]:
        with (self.release / "manifest.csv").open(newline="", encoding="utf-8") as file:
            return {row.pop("file"): row for row in csv.DictReader(file)}

    @cached_property
    def originals(self) -> dict[str, set[str]]:
        """Photos behind every file."""
        found: dict[str, set[str]] = defaultdict(set)
        for row in self.rows:
            if row["released"]:
                found[row["released"]].add(row["original"])
        return dict(found)

    @cached_property
    def _looks(self) -> dict[str, bytes]:
        """What every file shows apart from the row that tells its label; equal within a group."""
        rows = slice(0, SIDE - PAINTED_ROWS) if self.drawn else slice(0, SIDE)
        return {
            name: hashlib.sha256(pixels(self.release / name)[rows].tobytes()).digest()
            for name in self.digest
        }

    @cached_property
    def persons(self) -> list[frozenset[str]]:
        """Photos of every person: subjects who share a file are one.

        Copies of one picture may show a human whose photos are declared people of their own with several
        expressions: files of one human whose pictures are of one group are one person's too.
        """
        edges = [(f"f{r['released']}", f"s{r['subject']}") for r in self.rows if r["released"]]
        edges += [
            (f"f{r['released']}", f"{self.truth.human[r['original']]}:{look}")
            for r in self.rows
            if r["released"] and (look := self._looks.get(r["released"])) is not None
        ]
        part = _parts(edges)
        photos: dict[str, set[str]] = defaultdict(set)
        for row in self.rows:
            if row["released"]:
                photos[part[f"f{row['released']}"]].add(row["original"])
        return [frozenset(names) for names in photos.values()]

    @cached_property
    def groups(self) -> list[tuple[list[frozenset[str]], list[str]]]:
        """Every group: its people, and its pictures. A person is in one group with all pictures."""
        released = {r["original"]: r["released"] for r in self.rows if r["released"]}
        edges = [
            (f"p{number}", f"d{self.digest.get(released[photo], '')}")
            for number, photos in enumerate(self.persons)
            for photo in photos
        ]
        for sha, names in self.pictures.items():
            edges.append((f"l{self._looks[names[0]].hex()}", f"d{sha}"))
        part = _parts(edges)
        people: dict[str, list[frozenset[str]]] = defaultdict(list)
        pictures: dict[str, set[str]] = defaultdict(set)
        for number, photos in enumerate(self.persons):
            people[part[f"p{number}"]].append(photos)
        for _, node in edges:
            pictures[part[node]].add(node[1:])
        return [(people[name], sorted(pictures[name])) for name in people]


def _parts(edges: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Connected parts: every node's representative."""
    near: dict[str, set[str]] = defaultdict(set)
    for a, b in edges:
        near[a].add(b)
        near[b].add(a)
    part: dict[str, str] = {}
    for start in near:
        todo = [start]
        while todo:
            node = todo.pop()
            if node not in part:
                part[node] = start
                todo += near[node]
    return part


def pixels(path: Path) -> np.ndarray:
    """(256, 256, 3) float: how a painted photo or a released picture looks."""
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB").resize((SIDE, SIDE), 0), float)


def rule_1(case: Case) -> list[str]:
    """Equal bytes; one file per person and cell; nobody has more than 1/k."""
    found = []
    if set(case.originals) != set(case.data):
        found.append("1: files of the release and of the map differ")
    looks = Counter(
        pixels(case.release / names[0]).tobytes() for names in case.pictures.values()
    )
    if max(looks.values()) > 1:
        found.append("1: equal pixels in unequal bytes")
    for people, pictures in case.groups:
        for sha in pictures:
            names = case.pictures.get(sha, [])
            own = [sum(bool(case.originals[n] & photos) for n in names) for photos in people]
            if max(own) > 1:
                found.append("1: a person has several files of one picture")
            if sum(own) and max(own) * case.k > sum(own):
                found.append(f"1: a person has {max(own)} of {sum(own)} files")
    for photos in case.persons:
        label = defaultdict(set)
        for row in case.rows:
            if row["original"] in photos:
                label[tuple(case.manifest.get(row["released"], {}).values())].add(
                    row["released"]
                )
        if any(len(names) > 1 for names in label.values()):
            found.append("1: a person has several files of one cell")
    said = json.loads((case.release / "certificate.json").read_text())
    if said["max_share"] * case.k > 1 + 1e-9:
        found.append("1: the certificate's max_share is above 1/k")
    return found


def rule_2(case: Case) -> list[str]:
    """k people behind every picture; labels follow the picture, the group, the vote by people."""
    found = []
    for sha, names in case.pictures.items():
        photos = set().union(*(case.originals.get(n, set()) for n in names))
        people = sum(bool(photos & person) for person in case.persons)
        if people < case.k:
            found.append(f"2: a picture stands for {people} people, {case.k} were promised")
        if len({tuple(case.manifest[n].items()) for n in names if n in case.manifest}) > 1:
            found.append(f"2: picture {sha[:8]} has two labels")
    allowed = {*PER_PERSON, *case.drawn}
    columns = {name for row in case.manifest.values() for name in row}
    if not columns <= allowed:
        found.append("2: another column of the tables is released")
    for people, pictures in case.groups:
        files = [name for sha in pictures for name in case.pictures.get(sha, [])]
        for name in columns & set(PER_PERSON):
            values = {case.manifest[file][name] for file in files}
            if len(values) != 1:
                found.append(f"2: {name} is not constant in a group")
            elif values != {"unknown"} or _votes(case, people, name):
                found += _wins(case, people, name, *values)
        for name in columns & set(PER_PHOTO):
            found += _cells(case, people, name)
    for name in columns & set(case.drawn):
        for file, row in case.manifest.items():
            grey = pixels(case.release / file)[-PAINTED_ROWS:]
            words = (*case.drawn[name],)
            shown = words.index(row[name]) if row[name] in words else 9
            if not (grey == 20 * (1 + shown)).all():
                found.append("2: a picture does not show its label")
    return found


def _votes(case: Case, people: Iterable[frozenset[str]], name: str) -> list[set[str]]:
    """What each person may vote for: the most frequent label among the photos, all of equals."""
    votes = []
    for photos in people:
        known = Counter(
            case.truth.labels[photo][name]
            for photo in photos
            if name in case.truth.labels[photo]
        )
        most = max(known.values(), default=0)
        if most:
            votes.append({value for value, times in known.items() if times == most})
    return votes


def _wins(case: Case, people: list[frozenset[str]], name: str, value: str) -> list[str]:
    votes = _votes(case, people, name)
    for_it = sum(value in vote for vote in votes)
    sure = Counter(next(iter(vote)) for vote in votes if len(vote) == 1)
    if not for_it or any(times > for_it for other, times in sure.items() if other != value):
        return [f"2: {name} of a group is not what most of its people are"]
    return []


def _cells(case: Case, people: list[frozenset[str]], name: str) -> list[str]:
    """Labels that k people carry stay; the others take the most common one, counted in people."""
    forced = case.forced.get(name)
    shown = {
        row["original"]: case.manifest[row["released"]][name]
        for row in case.rows
        if row["released"] in case.manifest
    }
    own = {
        photo: value
        if (value := case.truth.labels[photo].get(name)) in case.drawn[name]
        else None
        for photos in people
        for photo in photos
    }
    if forced:
        own = dict.fromkeys(own, forced)
    carry = Counter(v for photos in people for v in {own[p] for p in photos} if v is not None)
    unknown = sum(any(own[p] is None for p in photos) for photos in people)
    found = []
    for photo, value in own.items():
        if value is not None and carry[value] >= case.k and shown[photo] != value:
            found.append(f"2: {name} of a photo was changed though k people carry it")
        elif shown[photo] != value:
            # Who says nothing may make any of the nearly most common the most common.
            least = max(carry.values(), default=0) - unknown
            if carry[shown[photo]] < least or (not carry and shown[photo] != "unknown"):
                found.append(f"2: a photo took a {name} that is not the group's most common")
    return found


def rule_3(case: Case) -> list[str]:
    """Every picture of a group is the mean of its people, each the mean of their photos."""
    found = []
    rows = slice(0, SIDE - PAINTED_ROWS) if case.drawn else slice(0, SIDE)
    for people, pictures in case.groups:
        each = [np.mean([pixels(case.photos / p) for p in photos], axis=0) for photos in people]
        wanted = np.mean(each, axis=0)[rows]
        for sha in pictures:
            if sha not in case.pictures:
                continue
            picture = pixels(case.release / case.pictures[sha][0])[rows]
            if np.abs(picture - wanted).max() > 0.51:
                found.append("3: a picture is not the equal mean of its whole group")
            for photos in people:
                if any(
                    np.abs(pixels(case.photos / p)[rows] - picture).mean() < 2 for p in photos
                ):
                    found.append("3: a picture is a member's own photo")
    return found


def rule_4(case: Case) -> list[str]:
    """Nothing but pixels, random names, one date, one order, no name of yours."""
    found = []
    paths = sorted(case.release.rglob("*"))
    names = {path.relative_to(case.release).as_posix() for path in paths}
    pattern = re.compile(r"images/[0-9a-f]{32}\.png")
    if {n for n in names if not pattern.fullmatch(n)} != {"images", *TEXTS}:
        found.append("4: a file is there that does not belong there")
    for path in (case.release, *paths):
        status = path.lstat()
        folder = stat.S_ISDIR(status.st_mode)
        if not folder and (not stat.S_ISREG(status.st_mode) or status.st_nlink != 1):
            found.append("4: a link")
        if status.st_mtime_ns != EPOCH * 10**9:
            found.append("4: a time of making or of the photo")
        if stat.S_IMODE(status.st_mode) != (0o755 if folder else 0o644):
            found.append("4: a mode that differs")
    for data in {case.data[names[0]] for names in case.pictures.values()}:
        found += [f"4: {what}" for what in _beside_pixels(data)]
    listed = [
        line.split(",")[0] for line in (case.release / "manifest.csv").read_text().split()
    ]
    if listed[0] != "file" or listed[1:] != sorted(case.data):
        found.append("4: the manifest is not in the order of the random names")
    texts = {name: (case.release / name).read_text("utf-8") for name in TEXTS}
    day = time.strftime("%Y-%m-%d"), time.strftime("%d.%m.%Y"), time.strftime("%d %b %Y")
    for name, text in texts.items():
        seen = f"{text}\n{html.unescape(text)}".casefold()
        if any(word.casefold() in seen for word in (*case.truth.words, *day)):
            found.append(f"4: {name} says a name or a date of yours")
        mentioned = set(re.findall(r"[\w/.-]+\.(?:png|jpe?g|gif|webp)\b", text))
        if not mentioned <= set(case.data):
            found.append(f"4: {name} names a picture that is not in the release")
    raw = b"".join({case.data[names[0]] for names in case.pictures.values()}).lower()
    if any(word.lower().encode() in raw for word in case.truth.words):
        found.append("4: a picture file says a name of yours")
    return found


def _beside_pixels(data: bytes) -> list[str]:
    """What a PNG holds beside 256 x 256 pixels of 8-bit RGB."""
    if data[:8] != b"\x89PNG\r\n\x1a\n":
        return ["a picture that is no PNG"]
    at, stream, kinds = 8, b"", []
    while at + 12 <= len(data):
        (length,), kind = struct.unpack(">I", data[at : at + 4]), data[at + 4 : at + 8]
        kinds.append(kind)
        body = data[at + 8 : at + 8 + length]
        if kind == b"IHDR" and body != struct.pack(">IIBBBBB", SIDE, SIDE, 8, 2, 0, 0, 0):
            return ["a picture of another size or kind"]
        stream += body if kind == b"IDAT" else b""
        at += 12 + length
        if kind == b"IEND":
            break
    found = []
    if set(kinds) != {b"IHDR", b"IDAT", b"IEND"}:
        found.append("a picture with metadata")
    if at != len(data):
        found.append("bytes behind a picture")
    unpack = zlib.decompressobj()
    if len(unpack.decompress(stream)) != SIDE * (1 + 3 * SIDE) or unpack.unused_data:
        found.append("bytes that belong to no pixel")
    return found


def rule_4_twice(one: Case, two: Case) -> list[str]:
    """Two runs with one seed share pictures, not names."""
    found = []
    if set(one.data) & set(two.data):
        found.append("4: two runs share a file name")
    labelled = [
        Counter((c.digest[n], *c.manifest[n].items()) for n in c.manifest) for c in (one, two)
    ]
    if labelled[0] != labelled[1]:
        found.append("4: two runs with one seed differ in more than names")
    said = [(c.release / "certificate.json").read_bytes() for c in (one, two)]
    if said[0] != said[1]:
        found.append("4: two runs with one seed have different certificates")
    return found


def rule_5(case: Case) -> list[str]:
    """found = ignored + refused + released, and nothing refused is in the release."""
    found = []
    photos, ignored = set(), 0
    for folder, folders, names in os.walk(case.photos):
        links = [n for n in folders if Path(folder, n).is_symlink()]
        assert not links, "painted collections link no folders"
        for name in names:
            relative = Path(folder, name).relative_to(case.photos)
            hidden = any(part.startswith(".") for part in relative.parts)
            if hidden or relative.suffix.lower() not in SUFFIXES:
                ignored += 1
            else:
                photos.add(relative.as_posix())
    mapped = [row["original"] for row in case.rows]
    if sorted(mapped) != sorted(photos) or ignored != case.truth.ignored:
        found.append("5: a photo is not in the map, or twice")
    refused = [row for row in case.rows if row["reason"]]
    if any(bool(row["reason"]) == bool(row["released"]) for row in case.rows):
        found.append("5: a photo is neither refused nor released, or both")
    if {row["original"] for row in case.rows if row["released"]} != case.truth.usable:
        found.append("5: released photos are not those with a face and a subject")
    said = json.loads((case.release / "certificate.json").read_text())["photos"]
    counts = {
        "found": len(photos) + ignored,
        "ignored": ignored,
        "refused": len(refused),
        "released": len(mapped) - len(refused),
    }
    if said != counts or counts["found"] != sum(counts.values()) - counts["found"]:
        found.append("5: the counts of the certificate are not those of the files")
    released = [pixels(case.release / names[0]) for names in case.pictures.values()]
    for row in refused:
        path = case.photos / row["original"]
        if not path.is_file():
            continue
        if path.read_bytes() in case.data.values():
            found.append("5: a refused photo is in the release, byte for byte")
        try:
            looks = pixels(path)
        except OSError:
            continue
        if any(np.abs(looks - picture).mean() < 2 for picture in released):
            found.append("5: a refused photo is in the release, written anew")
    if not set(case.data) <= set(case.originals):
        found.append("5: a file of the release stands for no photo")
    return found


def rule_7(case: Case) -> list[str]:
    """True humans, not names: nobody counts twice behind a picture."""
    found = []
    for names in case.pictures.values():
        behind = [
            {case.truth.human[photo] for photo in case.originals.get(name, ())}
            for name in names
        ]
        everyone = set().union(*behind)
        if sum(map(len, behind)) != len(everyone):
            found.append("7: one human has two files of one picture under two names")
        if len(everyone) < case.k:
            found.append(
                f"7: {len(everyone)} humans are behind a picture, {case.k} were promised"
            )
    return found


RULES: tuple[Callable[[Case], list[str]], ...] = (
    rule_1,
    rule_2,
    rule_3,
    rule_4,
    rule_5,
    rule_7,
)


def every_rule(case: Case) -> list[str]:
    """All sentences of all rules, each once."""
    return sorted({sentence for rule in RULES for sentence in rule(case)})


def stems(names: Iterable[str]) -> tuple[str, ...]:
    """Words of photo names that are long enough to be looked for."""
    return tuple(
        {
            part
            for n in names
            for part in PurePosixPath(n).with_suffix("").parts
            if len(part) > 4
        }
    )
