"""Tiny releases made by hand, so that the audit is never judged by the product it judges."""

from __future__ import annotations

import csv
import os
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from kssgan.auditing import AuditReport, audit
from kssgan.testing.fakes import PaintedAnalyser, paint_photo


class CropAnalyser(PaintedAnalyser):
    """The painted analyser with the part that embeds crops, so that face-only attacks run."""

    def embed_crops(self, crops: np.ndarray) -> np.ndarray:
        blocks = crops.reshape(len(crops), 8, 32, 8, 32, 3).mean((2, 4))
        vectors = (blocks - blocks.mean((1, 2, 3), keepdims=True)).reshape(len(crops), -1)
        norms = np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
        return (vectors / norms).astype(np.float32)


@dataclass
class Made:
    """A release under construction: photos on one side, files on the other."""

    folder: Path
    rows: list[tuple[str, str, str, str]] = field(default_factory=list)
    manifest: list[tuple[str, ...]] = field(default_factory=list)
    columns: tuple[str, ...] = ()

    @property
    def photos(self) -> Path:
        return self.folder / "photos"

    @property
    def release(self) -> Path:
        return self.folder / "release"

    @property
    def map_path(self) -> Path:
        return self.folder / "map.csv"

    def photo(self, person: int, shot: int = 0, **kwargs: Any) -> str:
        name = f"family{person:02d}_visit{shot}.png"
        paint_photo(self.photos / name, person, shot, **kwargs)
        return name

    def crop(self, name: str) -> np.ndarray:
        with Image.open(self.photos / name) as image:
            return np.asarray(image.convert("RGB").resize((256, 256), 0), np.float64)

    def mean(self, people: Sequence[Sequence[str]]) -> np.ndarray:
        each = [np.mean([self.crop(n) for n in names], axis=0) for names in people]
        return np.rint(np.mean(each, axis=0)).astype(np.uint8)

    def file(self, picture: np.ndarray, name: str | None = None, **save: Any) -> str:
        relative = f"images/{name or secrets.token_hex(16)}.png"
        path = self.release / relative
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture).save(path, **save)
        return relative

    def add(self, original: str, subject: str, released: str = "", reason: str = "") -> None:
        self.rows.append((original, subject, released, reason))

    def group(
        self,
        people: dict[str, Sequence[str]],
        *,
        picture: np.ndarray | None = None,
        name: Callable[[], str | None] = lambda: None,
        label: tuple[str, ...] = (),
        **save: Any,
    ) -> list[str]:
        """One cell: the same picture once for each person, all of whose photos map to that file."""
        shown = self.mean(list(people.values())) if picture is None else picture
        files = []
        for subject, photos in people.items():
            file = self.file(shown, name(), **save)
            files.append(file)
            self.manifest.append((file, *label))
            for photo in photos:
                self.add(photo, subject, file)
        return files

    def person(self, number: int, shots: int = 1) -> list[str]:
        return [self.photo(number, shot) for shot in range(shots)]

    def people(self, numbers: Sequence[int], shots: int = 1) -> dict[str, list[str]]:
        return {f"P-{n:03d}x": self.person(n, shots) for n in numbers}

    def finish(self) -> Made:
        with self.map_path.open("w", newline="", encoding="utf-8") as out:
            writer = csv.writer(out, lineterminator="\n")
            writer.writerow(("original", "subject", "released", "reason"))
            writer.writerows(sorted(self.rows))
        with (self.release / "manifest.csv").open("w", newline="", encoding="utf-8") as out:
            writer = csv.writer(out, lineterminator="\n")
            writer.writerow(("file", *self.columns))
            writer.writerows(sorted(self.manifest))
        for path in self.release.rglob("*"):
            os.utime(path, (315532800, 315532800))
        return self

    def audit(self, **kwargs: Any) -> AuditReport:
        self.finish()
        return audit(
            self.release,
            originals=self.photos,
            map_path=self.map_path,
            analyser=kwargs.pop("analyser", CropAnalyser()),
            **kwargs,
        )


@pytest.fixture
def made(tmp_path: Path) -> Made:
    folder = Made(tmp_path)
    folder.photos.mkdir()
    folder.release.mkdir()
    return folder


@pytest.fixture
def good(made: Made) -> Made:
    """Three groups of three people with one to three photos each, and a refused photo."""
    for g in range(3):
        numbers = range(3 * g, 3 * g + 3)
        made.group({f"P-{n:03d}x": made.person(n, 1 + n % 3) for n in numbers})
    paint_photo(made.photos / "nobody.png", kind="no_face")
    made.add("nobody.png", "P-000x", "", "no face found")
    return made
