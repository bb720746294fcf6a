"""Every method that keeps k keeps the contract: written once in ``kssgan.testing.contract``."""

from __future__ import annotations

from collections.abc import Sequence

from kssgan.baselines import KSameEigen, KSameFurthest, KSameM, KSamePixel, KSameSelect
from kssgan.faces.landmarks import mean_shape
from kssgan.surrogate.shape_method import ShapeMeanSurrogate
from kssgan.testing.contract import SurrogateContract
from kssgan.types import PhotoFace, SurrogateMethod

People = Sequence[Sequence[PhotoFace]]


class TestPixel(SurrogateContract):
    def make(self, people: People) -> SurrogateMethod:
        return KSamePixel().fit(people)


class TestSelect(SurrogateContract):
    def make(self, people: People) -> SurrogateMethod:
        return KSameSelect().fit(people)


class TestFurthest(SurrogateContract):
    def make(self, people: People) -> SurrogateMethod:
        return KSameFurthest().fit(people)


class TestEigen(SurrogateContract):
    def make(self, people: People) -> SurrogateMethod:
        return KSameEigen(energy=0.9).fit(people)


class TestM(SurrogateContract):
    def make(self, people: People) -> SurrogateMethod:
        return KSameM(energy=0.9).fit(people)


class TestShapeMean(SurrogateContract):
    def make(self, people: People) -> SurrogateMethod:
        return ShapeMeanSurrogate(otherwise=mean_shape())


class TestGenerator(SurrogateContract):
    def make(self, people: People) -> SurrogateMethod:
        from kssgan.deidentification.methods import make_method

        return make_method("generator")
