"""Choose synthetic people that the recogniser tells from each other and from every training face.

Random people of 14 numbers come as close as real look-alikes do. So a random choice is pushed apart: the
embedding's change with each coefficient is measured (by drawing), the people take a short step that raises
the smallest distances, and so on; penalties keep them inside the distribution of their gender, with a
colour that skin has, and away from the training faces.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from kssgan.faces.align import recogniser_chip
from kssgan.faces.detect import Detector
from kssgan.faces.embed import Recogniser
from kssgan.testing._people_model import COMPONENTS, GRID, FaceModel, View, render
from kssgan.testing.people import view_of
from people_photos import PEOPLE

Array = npt.NDArray[np.float64]
Embeddings = npt.NDArray[np.float32]
CHOSEN = 24
CANDIDATES = 120
ROUNDS = 30
STEP = 0.4
REACH = 5.8
"""Length of a person's coefficients against the mean of the gender; of people it is 3.7 on average."""


def embed(images: Iterable[npt.NDArray[np.uint8]]) -> Embeddings:
    """(N, 128); a picture without exactly one face gets NaN."""
    detector, recogniser = Detector(), Recogniser()
    rows = []
    for image in images:
        faces = detector.detect(image)
        chip = recogniser_chip(image, faces[0].points) if len(faces) == 1 else None
        rows.append(np.full(128, np.nan) if chip is None else recogniser.embed(chip[None])[0])
    return np.array(rows, np.float32)


def distances(seen: npt.NDArray[np.floating]) -> Array:
    """(N, shots, 128) to (N, N): the closest photos of two people; of one person, the farthest."""
    flat = seen.astype(np.float64).reshape(-1, seen.shape[-1])
    squared = np.maximum(2 - 2 * flat @ flat.T, 0)
    n, shots = seen.shape[:2]
    pairs = np.sqrt(squared).reshape(n, shots, n, shots)
    between = pairs.min((1, 3))
    same = np.arange(n)
    between[same, same] = pairs.max((1, 3))[same, same]
    return np.asarray(between)


def nearest(seen: npt.NDArray[np.floating], real: Embeddings) -> Array:
    """(N, shots, 128), (M, 128) to (N,): the closest training photo."""
    squared = 2 - 2 * seen.astype(np.float64) @ real.T.astype(np.float64)
    return np.asarray(np.sqrt(np.maximum(squared, 0)).min((1, 2)))


class Looks:
    """Embeddings of the two photos of people, quickly: points are predicted from the coefficients.

    Light, smile, wall and grain are those of the photos; place, size and roll are not, since a chip has none.
    """

    def __init__(self, model: FaceModel, rng: np.random.Generator) -> None:
        self.model, self.recogniser = model, Recogniser()
        rows, detector = rng.standard_normal((60, COMPONENTS)) * 1.3, Detector()
        smiles = rng.uniform(0, 1.1, 60)
        found = [
            detector.detect(render(model, row, smile=smile, view=View(), size=288, seed=0))[0]
            for row, smile in zip(rows, smiles, strict=True)
        ]
        design = np.column_stack([np.ones(60), smiles, rows])
        ridge = design.T @ design + 0.3 * np.eye(COMPONENTS + 2)
        self.points = np.linalg.solve(ridge, design.T @ [face.points.ravel() for face in found])

    def __call__(self, rows: Array, people: npt.NDArray[np.int64]) -> Array:
        """(N, 14) and whose views, to (N, 2, 128), unit length."""
        chips = []
        for row, person in zip(rows, people, strict=True):
            for shot in range(2):
                taken = view_of(int(person), shot)
                taken["view"] = replace(taken["view"], zoom=1.0, turn=0.0, shift=(0.0, 0.0))
                points = np.r_[1, taken["smile"], row] @ self.points
                picture = render(self.model, row, **taken, size=288)
                chips.append(recogniser_chip(picture, points.reshape(5, 2).astype(np.float32)))
        return (
            self.recogniser.embed(np.stack(chips)).astype(np.float64).reshape(len(rows), 2, -1)
        )

    def slopes(self, rows: Array, at: Array) -> Array:
        """Change of each embedding with each coefficient, (N, 14, 2, 128)."""
        moved = (rows[:, None] + STEP * np.eye(COMPONENTS)).reshape(-1, COMPONENTS)
        seen = self(moved, np.repeat(np.arange(len(rows)), COMPONENTS))
        return (seen.reshape(len(rows), COMPONENTS, *at.shape[1:]) - at[:, None]) / STEP


class Plausible:
    """Penalties for people that could hardly be: rare coefficients, or a colour that skin has not."""

    def __init__(self, model: FaceModel, rows: Array, male: npt.NDArray[np.bool_]) -> None:
        # An even bit further out than the genders' means, so that both are easy to see.
        self.means = np.array([rows[~male].mean(0), rows[male].mean(0)]) * 1.1
        within = np.cov((rows - self.means[male.astype(int)] / 1.1).T)
        self.root = np.linalg.cholesky(within)
        self.white = torch.tensor(np.linalg.inv(self.root).T.copy())
        cheeks = (slice(56, 64), slice(36, 60))
        mean = model.colours.reshape(GRID, 3, GRID, 3, 3).mean((1, 3))[cheeks].mean((0, 1))
        self.mean_skin = torch.tensor(mean)
        self.skin_by = torch.tensor(model.colours_by[:, cheeks[0], cheeks[1]].mean((1, 2)))
        hue, bright = self._skin(torch.tensor(rows))
        self.line = torch.linalg.lstsq(self._basis(bright), hue).solution
        self.width = (hue - self._basis(bright) @ self.line).std(0)
        self.dark, self.light = np.percentile(bright.numpy(), [3, 97])

    def _skin(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        red, green, blue = (self.mean_skin + rows @ self.skin_by).unbind(1)
        return torch.stack([red - green, green - blue], 1), (red + green + blue) / 3

    @staticmethod
    def _basis(bright: Tensor) -> Tensor:
        return torch.stack([torch.ones_like(bright), bright, bright**2], 1)

    def __call__(self, rows: Tensor, means: Tensor) -> Tensor:
        """Mean penalty, 0 where everybody could be."""
        away = (rows - means) @ self.white
        rare = torch.relu(away.norm(dim=1) - REACH) ** 2 * 5
        odd = (torch.relu(away.abs() - 2.6) ** 2).mean(1)
        hue, bright = self._skin(rows)
        off = (hue - self._basis(bright) @ self.line).abs() / self.width
        colour = (torch.relu(off - 1) ** 2).mean(1)
        shade = (
            torch.relu((self.dark - bright) / 5) ** 2
            + torch.relu((bright - self.light) / 5) ** 2
        )
        return (rare + odd + 0.5 * colour + 0.5 * shade).mean()


def step(
    rows: Array,
    at: Array,
    slopes: Array,
    real: Tensor,
    means: Tensor,
    plausible: Plausible,
    far: float,
) -> Array:
    """The people after one step of at most about ``far`` that raises the smallest distances."""
    start, e0, by = torch.tensor(rows), torch.tensor(at), torch.tensor(slopes)
    move = torch.zeros_like(start, requires_grad=True)
    optimiser = torch.optim.Adam([move], lr=0.02)
    whose = torch.arange(len(rows)).repeat_interleave(at.shape[1])
    apart = whose[:, None] != whose
    for _ in range(400):
        now = e0 + torch.einsum("nc,ncsd->nsd", move, by)
        now = torch.nn.functional.normalize(now, dim=2).flatten(0, 1)
        squared = torch.clamp(2 - 2 * now @ now.T, min=1e-6)
        smallest = torch.logsumexp(-60 * squared.sqrt()[apart], 0) / 60
        likeness = torch.sqrt(torch.clamp(2 - 2 * now @ real.T, min=1e-6))
        loss = smallest + plausible(start + move, means)
        loss = loss + 0.1 * torch.relu(0.41 - likeness).sum()
        loss = loss + (torch.relu(move.norm(dim=1) - far) ** 2).mean() * 5
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
    return np.asarray((start + move).detach().numpy(), np.float64)


def spread(distance: Array, male: npt.NDArray[np.int64]) -> list[int]:
    """People far from each other, genders in turn: from each start the farthest next; the best start wins."""
    best: list[int] = []
    best_worst = -1.0
    for first in np.flatnonzero(male == 0):
        chosen = [int(first)]
        while len(chosen) < CHOSEN:
            reach = distance[chosen].min(0)
            reach[chosen] = -1
            other = male != male[chosen[-1]]
            chosen.append(int(np.where(other, reach, reach - 10).argmax()))
        block = distance[np.ix_(chosen, chosen)]
        worst = float(block[~np.eye(CHOSEN, dtype=bool)].min())
        if worst > best_worst:
            best, best_worst = chosen, worst
    return best


def _closest(seen: Array) -> float:
    return float(distances(seen)[~np.eye(len(seen), dtype=bool)].min())


def _crowding(seen: Array) -> float:
    """A smooth stand-in for minus the smallest distance; smaller is better."""
    flat = seen.reshape(-1, seen.shape[-1])
    whose = np.repeat(np.arange(len(seen)), seen.shape[1])
    apart = np.sqrt(np.maximum(2 - 2 * flat @ flat.T, 0))[whose[:, None] != whose]
    return float(np.logaddexp.reduce(-60 * apart)) / 60


def choose(
    model: FaceModel,
    rows: Array,
    male: npt.NDArray[np.bool_],
    real: Embeddings,
    *,
    start: tuple[Array, npt.NDArray[np.int64]] | None = None,
    minutes: float = 30.0,
) -> tuple[Array, npt.NDArray[np.int64]]:
    """Coefficients of the chosen people, (24, 14), and their genders, 1 male, in turn.

    Args:
        model: the model as it will be shipped.
        rows: (102, 14) coefficients of the training people.
        male: (102,).
        real: (M, 128) embeddings of the training photos.
        start: people and genders of an earlier run, to be pushed further; drawn afresh if left out.
        minutes: after which no further round is begun.
    """
    stop = time.monotonic() + 60 * minutes
    rng = np.random.default_rng(20)
    looks, plausible = Looks(model, rng), Plausible(model, rows, male)
    if start is None:
        gender = np.arange(CANDIDATES) % 2
        noise = rng.standard_normal((CANDIDATES, COMPONENTS))
        noise *= 4.6 / np.linalg.norm(noise, axis=1, keepdims=True)
        drawn = plausible.means[gender] + noise @ plausible.root.T
        first = spread(distances(looks(drawn, np.arange(CANDIDATES) % CHOSEN)), gender)
        people, gender = drawn[first], gender[first]
    else:
        people, gender = start
    order = np.arange(CHOSEN)
    means, known = torch.tensor(plausible.means[gender]), torch.tensor(real.astype(np.float64))
    best, at = people, looks(people, order)
    best_score, slopes, far, since = -_crowding(at), looks.slopes(best, at), 0.5, 0
    for turn in range(ROUNDS):
        if time.monotonic() > stop:
            break
        people = step(best, at, slopes, known, means, plausible, far)
        came = looks(people, order)
        better = -_crowding(came) > best_score
        print(
            f"round {turn}: closest two {_closest(came):.3f}, nearest real "
            f"{nearest(came, real).min():.3f}, step {far:.2f}, {'better' if better else 'undone'}",
            flush=True,
        )
        # Broyden's update: what the step taught about the slopes, whether or not it is kept.
        move = people - best
        missed = came - at - np.einsum("nc,ncsd->nsd", move, slopes)
        length = np.maximum((move**2).sum(1), 1e-9)[:, None]
        slopes = slopes + np.einsum("nc,nsd->ncsd", move / length, missed)
        since = 0 if better else since + 1
        far = min(far * 1.3, 0.8) if better else far * 0.5
        if better:
            best, best_score, at = people, -_crowding(came), came
        if since == 3:
            slopes, far, since = looks.slopes(best, at), 0.4, 0
    return best.astype(np.float16).astype(np.float64), gender


def report(seen: Embeddings, real: Embeddings) -> None:
    """What the shipped people measure, in their final photos."""
    between = distances(seen)
    others = between[~np.eye(len(between), dtype=bool)]
    likeness = nearest(seen, real)
    print(f"not found: {int(np.isnan(seen[..., 0]).sum())} of {seen[..., 0].size} photos")
    print(f"same person, farthest photos: {np.diag(between).max():.3f}")
    print(
        f"different people, closest photos: {others.min():.3f}, median {np.median(others):.3f}"
    )
    print(f"nearest training photo: {likeness.min():.3f}, median {np.median(likeness):.3f}")
    apart = np.linalg.norm(real[:PEOPLE, None] - real[None, :PEOPLE], axis=-1)
    apart += 9 * np.eye(PEOPLE)
    print(f"(nearest other real person of a real one: {apart.min():.3f}, ", end="")
    print(f"median {np.median(apart.min(0)):.3f})")
