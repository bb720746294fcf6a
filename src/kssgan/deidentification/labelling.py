"""The labels of all photos: the user's, and where there is none what the analyser reads off the face.

A user's label always wins: for its photo, and for attributes that stay with a person for all photos of the
person. Only attributes that are in use are read off faces, and only categories that are known: whatever
else an analyser says never enters a release.

Reference: the automatic labelling of Algorithm 1 in Pan et al. 2019.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from kssgan.deidentification.look import Seen
from kssgan.grouping.attributes import KNOWN
from kssgan.grouping.cells import vote
from kssgan.grouping.labels import LabelScheme
from kssgan.grouping.subjects import Subjects

__all__ = ["AUTO", "NEARLY_ALL", "LabelSource", "Labelled", "label_photos"]

AUTO = ("expression", "gender", "age")
"""Attributes that are read off faces unless the caller says otherwise."""

NEARLY_ALL = 0.9
"""Share of the people whose attribute must be known before groups are formed inside it by default."""


@dataclass(frozen=True, slots=True)
class LabelSource:
    """Where the labels of one attribute come from.

    Attributes:
        of: what is counted.
        user: that the user labelled.
        probes: that were read off the face.
        unknown: the others.
    """

    of: Literal["photos", "people"]
    user: int
    probes: int
    unknown: int

    @property
    def total(self) -> int:
        """All that were counted."""
        return self.user + self.probes + self.unknown


@dataclass(frozen=True, slots=True)
class Labelled:
    """Labels of P photos.

    Attributes:
        scheme: attributes and categories that occur.
        values: per photo, category by attribute; attributes that are not known are absent.
        sources: by attribute in use of which anything is known.
    """

    scheme: LabelScheme
    values: tuple[Mapping[str, str], ...]
    sources: Mapping[str, LabelSource]

    def usual_within(self) -> tuple[str, ...]:
        """Attributes inside which groups are formed when the caller names none.

        Gender where it is known of nearly everybody, from whomever; the age band only where nearly all of it
        is the user's, since probes are too often wrong about it.
        """
        chosen = []
        for name, source in self.sources.items():
            known = source.user if name == "age" else source.user + source.probes
            if KNOWN[name].scope == "subject" and known >= NEARLY_ALL * source.total:
                chosen.append(name)
        return tuple(chosen)

    def as_before(self, usual: Collection[str]) -> Labelled:
        """Without attributes that only probes know of, where earlier releases said nothing of them.

        Args:
            usual: attributes of the earlier releases.
        """
        gone = {n for n, s in self.sources.items() if n not in usual and not s.user}
        if not gone:
            return self
        values = tuple({n: v for n, v in own.items() if n not in gone} for own in self.values)
        sources = {n: s for n, s in self.sources.items() if n not in gone}
        kept = tuple(a for a in self.scheme.attributes if a.name not in gone)
        return Labelled(LabelScheme(kept), values, sources)

    def words(self) -> str:
        """One sentence for the user on what was read off faces; empty if nothing was."""
        parts = [
            f"{name} of {source.probes:,} of {source.total:,} {source.of}"
            for name, source in self.sources.items()
            if source.probes
        ]
        if not parts:
            return ""
        return (
            f"Labels that no table gave were read off the faces and are sometimes wrong (docs/probes.md): "
            f"{', '.join(parts)}. Your own (--labels) go before them; --auto-label none leaves them out."
        )


def label_photos(
    photos: Sequence[Seen],
    subjects: Subjects,
    own: Sequence[Mapping[str, str]],
    scheme: LabelScheme,
    draws: Mapping[str, Sequence[str]],
    auto: Iterable[str],
) -> Labelled:
    """Fill the user's labels up with what was read off the faces.

    For a person's attribute the photos vote. Where they are undecided nothing is said.

    Args:
        photos: P usable photos.
        subjects: who is on them.
        own: per photo, the user's labels; never changed.
        scheme: attributes and categories of those.
        draws: per-photo attributes and categories that the surrogate can show.
        auto: attributes that may be read off faces.

    >>> seen = [Seen("a", "1", None, {"gender": "male", "age": "old"}), Seen("b", "2", None, {})]
    >>> import numpy as np
    >>> people = Subjects(("1", "2"), np.array([0, 1]), np.zeros((0, 2), int), 0, 2, "declared")
    >>> label_photos(seen, people, [{}, {}], LabelScheme(), {}, AUTO).values
    ({'gender': 'male'}, {})
    """
    values = [dict(value) for value in own]
    rows: dict[int, list[int]] = {}
    for row, subject in enumerate(subjects.photo_subject.tolist()):
        rows.setdefault(subject, []).append(row)
    auto = frozenset(auto)
    sources: dict[str, LabelSource] = {}
    for name, attribute in KNOWN.items():
        allowed = draws.get(name, ()) if attribute.scope == "photo" else attribute.categories
        said = [
            value if name in auto and (value := photo.attributes.get(name)) in allowed else None
            for photo in photos
        ]
        photo_wise = attribute.scope == "photo"
        count: Counter[str] = Counter()
        for together in [[row] for row in range(len(photos))] if photo_wise else rows.values():
            label, source = vote([own[row].get(name) for row in together]), "user"
            if label is None:
                label, source = _agreed([said[row] for row in together]), "probes"
            count[source if label is not None else "unknown"] += 1
            if label is not None:
                for row in together:
                    values[row].setdefault(name, label)
        used = name in draws or not photo_wise
        if used and (count["user"] or count["probes"]):
            of: Literal["photos", "people"] = "photos" if photo_wise else "people"
            sources[name] = LabelSource(of, count["user"], count["probes"], count["unknown"])
    found = {attribute.name: attribute for attribute in LabelScheme.of(values).attributes}
    kept = {attribute.name: attribute for attribute in scheme.attributes} | found
    order = [*(name for name in KNOWN if name in kept), *(n for n in kept if n not in KNOWN)]
    return Labelled(LabelScheme(tuple(kept[name] for name in order)), tuple(values), sources)


def _agreed(said: Iterable[str | None]) -> str | None:
    """What most say; None where nobody says anything or two categories are equally frequent."""
    ranked = Counter(value for value in said if value is not None).most_common(2)
    if not ranked or (len(ranked) == 2 and ranked[0][1] == ranked[1][1]):
        return None
    return ranked[0][0]
