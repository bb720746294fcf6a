"""What every surrogate method must keep, written once: inherit it and say how to make the method.

    class TestMine(SurrogateContract):
        def make(self, people): return MyMethod()

No test framework is needed to import it; pytest finds the inherited ``test_`` functions.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache

import numpy as np

from kssgan.types import CROP_SIZE, DetectedFace, PhotoFace, SurrogateMethod, U8Array

__all__ = ["SurrogateContract", "contract_people"]

_POINTS = np.zeros((5, 2), np.float32)
People = Sequence[Sequence[PhotoFace]]


@cache
def contract_people(count: int = 6, photos: int = 2) -> tuple[tuple[PhotoFace, ...], ...]:
    """Smooth painted heads with a face's mesh, alike in nothing but the places of their features.

    Args:
        count: people.
        photos: of each; the second photo of the last person has no reliable landmarks.
    """
    from kssgan.faces.landmarks import mean_shape

    shape, people = mean_shape(), []
    for person in range(count):
        rng = np.random.default_rng([11, person])
        turn = np.eye(2) + rng.normal(0, 0.03, (2, 2))
        points = (shape - 128) @ turn.T + 128 + rng.normal(0, 2, 2)
        own = []
        for shot in range(photos):
            picture = _smooth(np.random.default_rng([12, person, shot]))
            embedding = rng.normal(size=8)
            embedding /= np.linalg.norm(embedding)
            lost = person == count - 1 and shot == 1
            own.append(
                PhotoFace(
                    picture,
                    embedding.astype(np.float32),
                    DetectedFace((64, 64, 192, 224), 0.9, _POINTS),
                    landmarks=None if lost else (points + 0.5 * shot).astype(np.float32),
                )
            )
        people.append(tuple(own))
    return tuple(people)


def _smooth(rng: np.random.Generator) -> U8Array:
    from scipy.ndimage import zoom

    coarse = rng.uniform(40, 215, (9, 9, 3))
    picture = zoom(coarse, (CROP_SIZE / 9, CROP_SIZE / 9, 1), order=3)
    found: U8Array = np.clip(np.rint(picture), 0, 255).astype(np.uint8)
    return found


class SurrogateContract:
    """Rules of :class:`kssgan.types.SurrogateMethod`. Each test makes its method anew."""

    label: Mapping[str, str] = {}

    def make(self, people: People) -> SurrogateMethod:
        """The method under test; ``people`` is a gallery that it may learn from."""
        raise NotImplementedError

    def _drawn(self, method: SurrogateMethod, people: People, seed: int = 3) -> bytes:
        picture = method.draw(method.surrogate(people), self.label, seed=seed)
        assert picture.shape == (CROP_SIZE, CROP_SIZE, 3)
        assert picture.dtype == np.uint8
        return picture.tobytes()

    def test_it_is_a_surrogate_method_with_a_name(self) -> None:
        method = self.make(contract_people())
        assert isinstance(method, SurrogateMethod)
        assert method.name
        assert method.name == method.name.lower()

    def test_no_order_of_people_or_photos_changes_a_bit(self) -> None:
        people = contract_people()
        method = self.make(people)
        turned = [tuple(reversed(own)) for own in reversed(people)]
        assert self._drawn(method, people) == self._drawn(method, turned)

    def test_the_order_of_the_gallery_changes_nothing_either(self) -> None:
        people = contract_people()
        turned = [tuple(reversed(own)) for own in reversed(people)]
        assert self._drawn(self.make(people), people) == self._drawn(self.make(turned), people)

    def test_people_weigh_the_same_however_many_photos(self) -> None:
        people = contract_people()
        method = self.make(people)
        more = [people[0] * 5, *people[1:]]
        assert self._drawn(method, people) == self._drawn(method, more)

    def test_bytes_are_a_function_of_the_arguments(self) -> None:
        people = contract_people()
        method = self.make(people)
        first = self._drawn(method, people)
        self._drawn(method, people[:3], seed=9)
        assert self._drawn(method, people) == first
        assert self._drawn(self.make(people), people) == first

    def test_every_member_counts(self) -> None:
        people = contract_people()
        method = self.make(people)
        whole = self._drawn(method, people)
        for out in range(len(people)):
            assert self._drawn(method, [*people[:out], *people[out + 1 :]]) != whole

    def test_names_embeddings_and_scores_do_not_count(self) -> None:
        people = contract_people()
        method = self.make(people)
        other = [
            [replace(face, embedding=-face.embedding, attributes={"a": "b"}) for face in own]
            for own in people
        ]
        assert self._drawn(method, people) == self._drawn(method, other)

    def test_every_size_of_group(self) -> None:
        people = contract_people()
        method = self.make(people)
        for size in range(2, len(people) + 1):
            self._drawn(method, people[:size])

    def test_the_picture_is_no_members_photo(self) -> None:
        people = contract_people()
        method = self.make(people)
        picture = method.draw(method.surrogate(people), self.label, seed=3).astype(np.int16)
        for own in people:
            for face in own:
                assert np.abs(picture - face.crop).mean() > 5
