"""How well the averaged generator does on people whom nobody trained on: figures and a sheet to look at."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from kssgan.losses.reconstruction import reconstruction
from kssgan.models.codes import PARTS, CodeTable, mix_codes
from kssgan.models.drawing import picture_u8
from kssgan.training.bank import Bank, Batch, gather
from kssgan.training.data import Photos, laplacian_variance, one_hot
from kssgan.training.networks import Networks
from kssgan.training.teacher import Lesson, Teacher
from kssgan.types import FloatArray, IntArray, U8Array

__all__ = ["Examiner", "category_shapes", "code_errors", "code_table", "fit_codes"]

_SHOWN = 10
_REAL = 64  # photos whose sharpness is the measure
_AT_ONCE = 8
_WORST = 3.0  # error of a code over its gender's median, at most
_FEWEST = 24  # codes; with fewer no head is given up


@dataclass(frozen=True)
class _Question:
    batch: Batch
    wanted: list[dict[str, str]]


class Examiner:
    """Asks the same questions at every check: groups of people held out, donors as taught and fresh codes.

    Without people held out the groups are of training people that the bank has not seen yet.

    Args:
        teacher: makes the questions.
        label: the attribute that the generator draws.
        count: how many.
    """

    def __init__(self, teacher: Teacher, *, label: str, count: int) -> None:
        photos = teacher.photos
        self._photos = photos
        self._label = label
        self.held_out = np.unique(photos.subject[photos.held_out]).size >= 2
        begin = 0 if self.held_out else 1 << 40
        lessons = [teacher.lesson(begin + n, held_out=self.held_out) for n in range(count)]
        self._questions = [
            self._question(lessons[start : start + _AT_ONCE])
            for start in range(0, count, _AT_ONCE)
        ]
        rows = photos.held_out if self.held_out else photos.train
        step = max(1, len(rows) // _REAL)
        self._real = rows[::step][:_REAL]
        self._sharpness = float(np.median(photos.sharpness[self._real]))

    def _question(self, lessons: list[Lesson]) -> _Question:
        # The last picture of one, the first of the next: all categories come up.
        chosen = [(lesson, i % len(lesson.pictures)) for i, lesson in enumerate(lessons)]
        batch = gather(chosen, np.zeros(len(chosen), bool))
        donors = self._photos.donors[batch.donor.cpu().numpy()]
        wanted = []
        for donor, category in zip(donors.tolist(), batch.label.tolist(), strict=True):
            found = {k: v for k, v in self._photos.attributes(donor).items() if k == "gender"}
            if category >= 0:
                found[self._label] = self._photos.scheme[self._label][category]
            wanted.append(found)
        return _Question(batch, wanted)

    @torch.no_grad()
    def examine(self, networks: Networks) -> tuple[dict[str, float], U8Array]:
        """Ask the averaged generator.

        Returns:
            Figures ("l1", "bands" against the teacher; "sharpness" with donors' codes, "sharpness_mixed" with
            fresh ones, "sharpness_taught", "sharpness_mean": medians as ratios to real photos), and a sheet
            (H, W, 3) uint8 with the rows S_g, drawn, taught, mixed, mixed otherwise, real.
        """
        table = code_table(networks, self._photos, fit_codes(self._photos))
        sums: dict[str, list[float]] = {"l1": [], "bands": []}
        sharp: dict[str, list[float]] = {"": [], "_mixed": [], "_taught": [], "_mean": []}
        rows: list[list[Tensor]] = [[] for _ in range(5)]
        for number, question in enumerate(self._questions):
            batch = question.batch
            own = self._draw(networks, batch, networks.average_codes(batch.donor))
            fresh = [
                self._draw(networks, batch, self._mixed(table, question, 2 * number + i))
                for i in range(2)
            ]
            for name, value in reconstruction(own, batch.picture).parts.items():
                sums[name].append(float(value))
            shown = (batch.surrogate, own, batch.picture, *fresh)
            for pictures, name in zip(shown, ("_mean", "", "_taught", "_mixed"), strict=False):
                sharp[name] += laplacian_variance((pictures + 1) / 2).tolist()
            for row, pictures in zip(rows, shown, strict=True):
                row.append(pictures)
        figures = {name: float(np.mean(values)) for name, values in sums.items()}
        for name, values in sharp.items():
            figures[f"sharpness{name}"] = float(np.median(values)) / max(self._sharpness, 1e-6)
        return figures, self._sheet(rows)

    def _mixed(self, table: CodeTable, question: _Question, seed: int) -> tuple[Tensor, Tensor]:
        tones = self._photos.tone[self._photos.donors[question.batch.donor.cpu().numpy()]]
        codes = [
            mix_codes(table, wanted, 1000 * seed + i, tone=tone)
            for i, (wanted, tone) in enumerate(zip(question.wanted, tones, strict=True))
        ]
        device = question.batch.surrogate.device
        return (
            torch.from_numpy(np.stack([vector for vector, _ in codes])).to(device),
            torch.from_numpy(np.stack([layout for _, layout in codes])).to(device),
        )

    def _draw(self, networks: Networks, batch: Batch, codes: tuple[Tensor, Tensor]) -> Tensor:
        generator = networks.average_generator
        width = generator.config.labels
        label = one_hot(batch.label.tolist(), width, batch.label.device) if width else None
        face = F.avg_pool2d(batch.face, 2)
        drawn: Tensor = generator(batch.surrogate, face, *codes, label)
        return drawn.float().clamp(-1, 1)

    def _sheet(self, rows: list[list[Tensor]]) -> U8Array:
        strips = [torch.cat(row)[:_SHOWN] for row in rows]
        count = len(strips[0])
        real = self._photos.crops(np.resize(self._real, count)) * 2 - 1
        sheet = torch.cat([torch.cat(list(strip), 2) for strip in (*strips, real)], 1)
        return picture_u8(sheet)


def category_shapes(photos: Photos, label: str) -> dict[str, FloatArray]:
    """Mean shape of each category over training people of whom every category is known.

    Person by person, so that faces differ by the category alone. Empty with fewer than two categories or two
    such people.

    Returns:
        By category, (468, 2) float32.
    """
    categories = photos.scheme.get(label, ())
    kinds = photos.category(label)
    points = photos.points.cpu().numpy()
    people = []
    for person in np.unique(photos.subject[photos.train]):
        rows = photos.train[photos.subject[photos.train] == person]
        shown = [rows[kinds[rows] == number] for number in range(len(categories))]
        if all(len(of_one) for of_one in shown):
            people.append([points[of_one].mean(0) for of_one in shown])
    if len(categories) < 2 or len(people) < 2:
        return {}
    return {
        category: np.mean([shown[number] for shown in people], axis=0).astype(np.float32)
        for number, category in enumerate(categories)
    }


def code_errors(networks: Networks, bank: Bank) -> FloatArray:
    """How far heads with a donor's own code lie from the composites that the bank holds.

    Returns:
        (D,) mean L1 over the pictures of a donor, of [-1, 1]; NaN where the bank has none.
    """
    generator, codes = networks.average_generator, networks.average_codes
    donors: list[int] = []
    errors: list[float] = []
    for lesson in bank.held():
        count = len(lesson.donors)
        batch = gather([(lesson, i) for i in range(count)], np.zeros(count, bool))
        width = generator.config.labels
        label = one_hot(batch.label.tolist(), width, batch.label.device) if width else None
        with torch.no_grad():
            drawn = generator.drawer(
                batch.surrogate, batch.face, *codes(batch.donor), label
            ).float()
        away = (drawn - F.avg_pool2d(batch.picture, 2)).abs().mean((1, 2, 3))
        donors += batch.donor.tolist()
        errors += away.tolist()
    count = len(codes.vector)
    shown = np.bincount(donors, minlength=count)
    total = np.bincount(donors, weights=errors, minlength=count)
    found: FloatArray = np.where(shown > 0, total / np.maximum(shown, 1), np.nan).astype(
        np.float32
    )
    return found


def fit_codes(photos: Photos, errors: FloatArray | None = None) -> IntArray:
    """Rows of the code table that are worth shipping.

    Where genders are known, a group takes its donors from its own gender, so donors of unknown gender are
    hardly ever taught. Others come up too seldom: their codes draw broken heads, and so would mixtures.

    Args:
        photos: the collection.
        errors: of :func:`code_errors`; None leaves nobody out for it.
    """
    genders = photos.category("gender")[photos.donors]
    known = np.flatnonzero(genders >= 0)
    rows: IntArray = known if len(known) >= PARTS else np.arange(len(photos.donors))
    if errors is None:
        return rows
    # Each gender by its own measure: long hair is harder to learn than short hair.
    kept: list[int] = []
    for gender in np.unique(genders[rows]):
        mine = rows[(genders[rows] == gender) & np.isfinite(errors[rows])]
        kept += [row for row in mine if errors[row] <= _WORST * np.median(errors[mine])]
    return np.sort(np.array(kept, np.int64)) if len(kept) >= _FEWEST else rows


def code_table(networks: Networks, photos: Photos, rows: IntArray) -> CodeTable:
    """Some of the averaged codes with what is known of their donors."""
    codes = networks.average_codes
    return CodeTable(
        codes.vector.detach().cpu().numpy()[rows],
        codes.layout.detach().cpu().numpy()[rows],
        photos.tone[photos.donors[rows]],
        photos.wall[photos.donors[rows]],
        [photos.attributes(int(row)) for row in photos.donors[rows]],
    )
