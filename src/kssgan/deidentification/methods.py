"""The surrogate methods by the names that the command line knows."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from functools import cached_property, lru_cache
from pathlib import Path
from typing import get_args

import numpy as np
import torch
from torch import Tensor

from kssgan import weights
from kssgan.deidentification.asked import SurrogateName
from kssgan.deidentification.gallery import GallerySurrogate
from kssgan.deidentification.nobody import Nobody
from kssgan.errors import UsageError
from kssgan.models.ageing import Ageing
from kssgan.models.codes import mixed_codes, mixture
from kssgan.models.drawing import on_one_thread, picture_u8
from kssgan.models.face_space import FaceSpace, Features
from kssgan.models.refiner import doubled
from kssgan.models.stored import StoredGenerator, read_generator
from kssgan.models.stored_gallery import is_gallery, read_gallery
from kssgan.surrogate.even_skin import with_even_skin
from kssgan.surrogate.expression import express, foreign, upright
from kssgan.surrogate.face_detail import with_face_detail
from kssgan.surrogate.hairline import parted
from kssgan.surrogate.head_detail import (
    Layer,
    Placed,
    below_brows,
    placed,
    with_head_detail,
)
from kssgan.surrogate.lenders_outline import narrowed
from kssgan.surrogate.lent import (
    SHAPE,
    TEXTURE,
    evenly_lit,
    lent,
    level_at_rim,
    missing_texture,
    texture,
    without,
)
from kssgan.surrogate.outline import Outline, one_outline, reach, with_grain
from kssgan.surrogate.restraint import LOWER, public_share, restrained, restrained_shape
from kssgan.surrogate.shape import ShapeMean, moved, skin_tone
from kssgan.surrogate.shape_method import ShapeMeanSurrogate
from kssgan.surrogate.sight import sight
from kssgan.surrogate.teeth import with_teeth
from kssgan.surrogate.warp import Warp
from kssgan.types import FloatArray, SurrogateMethod, U8Array

__all__ = ["GeneratorSurrogate", "make_method", "trained_method"]

_HEAD = ("gender",)
"""Attributes of a group that choose whose codes are mixed. Those of a photo do not: all pictures of a group
show one head. Age chooses the first donor alone."""


class GeneratorSurrogate(ShapeMeanSurrogate):
    """G(S_g, z_g, c): a photograph of nobody, drawn from the group's shape-normalised mean.

    S_g of few people is drawn towards a mean of public people first, so that no member weighs more than in a
    mean of sixteen. z_g has two parts, both drawn by the group's seed: the features of a person who does not
    exist, which S_g is lent, and a head: the mixed codes of three donors. Below the brows it is laid out as
    that of the middle one of the three. The head gets one crisp outline before a plain wall; where it agrees
    with this donor's, the donor lends strands of hair, brought to that outline and to the drawn hairline,
    never anything of a face. The fine detail of the face is a mean of eight public people. A picture that
    comes out near to a face trained on is drawn again, with all others of its group.
    One picture is drawn at a time, on one thread: its bytes depend on the group, the label, the seed and the
    machine's build of torch, never on neighbours or the number of cores.

    Args:
        stored: the generator, its codes and the labels it knows.
        otherwise: (468, 2) mean shape for a group in which no face has reliable landmarks.
        version: digest of the weights, for the certificate.

    Reference: kSS-GAN (Pan et al. 2019), Algorithm 2; the head's code in place of a random z.
    """

    name = "generator"

    def __init__(
        self, stored: StoredGenerator, *, otherwise: FloatArray, version: str = ""
    ) -> None:
        super().__init__(otherwise=otherwise)
        self._stored = stored
        self._known = {
            name: {a[name] for a in stored.codes.attributes if name in a} for name in _HEAD
        }
        self.version = version
        self.draws: Mapping[str, Sequence[str]] = stored.labels
        space = stored.space
        self._common = None if space is None else Warp(space.points)
        self._levelled = None if space is None else level_at_rim(space.points)
        self._nobody = None if stored.trained_on is None else Nobody(stored.trained_on)
        self.public = {
            name: ShapeMean(mean.image_01, mean.points, mean.people)
            for name, mean in stored.public.items()
        }

    def draw(self, surrogate: ShapeMean, label: Mapping[str, str], *, seed: int) -> U8Array:
        """Draw S_g as the label says; a category that G does not know is drawn as unknown."""
        return self.draw_all(surrogate, [label], seed=seed)[0]

    def draw_all(
        self, surrogate: ShapeMean, labels: Sequence[Mapping[str, str]], *, seed: int
    ) -> Sequence[U8Array]:
        """All pictures of a group, one for each label.

        Where one is a near copy of a face that the weights were trained on, all are drawn with another seed;
        see :class:`~kssgan.deidentification.nobody.Nobody`.

        Raises:
            PromiseError: they are so with every seed that is tried.
        """

        def drawn(seed: int) -> list[U8Array]:
            return [self._drawn(surrogate, label, seed) for label in labels]

        return drawn(seed) if self._nobody is None else self._nobody.drawn(drawn, seed)

    def _drawn(self, surrogate: ShapeMean, label: Mapping[str, str], seed: int) -> U8Array:
        age, ageing = self._age(surrogate, label), self._stored.ageing
        known = label if age is None or ageing is None else {**label, "age": ageing.band(age)}
        # By S_g as it is: all pictures of a group show one head.
        mix = self._mix(surrogate, label, age, seed)
        lender = self._lender(mix)
        style, layout = self._codes(mix, lender, surrogate)
        surrogate, warp = self._prepared(surrogate, label, age, seed)
        code = torch.tensor(
            [
                [float(label.get(name) == category)]
                for name, categories in self._stored.labels.items()
                for category in categories
            ]
        ).reshape(1, -1)
        noise = torch.Generator().manual_seed(seed)
        generator = self._stored.generator
        seen = sight(surrogate.points)
        with on_one_thread():
            head = generator.head(
                torch.from_numpy(surrogate.image_01).permute(2, 0, 1)[None] * 2 - 1,
                torch.from_numpy(seen)[None, None],
                torch.from_numpy(style)[None],
                torch.from_numpy(layout)[None],
                code if code.shape[1] else None,
                noise=noise,
            )
            smooth_01 = _image_01(doubled(head))
            warp = warp or Warp(surrogate.points)
            lent = self._placed(lender, surrogate, warp, seen)
            outline = one_outline(smooth_01, seen, surrogate.points)
            if lent:
                outline = narrowed(outline, lent)
            smooth_01 = outline.cut(smooth_01)
            smooth_01 = parted(smooth_01, surrogate.points, skin_tone(surrogate), outline.wall)
            drawn_01 = smooth_01
            # What is lent all its fine detail needs none made up.
            if not (self._stored.detail and self._stored.face):
                drawn_01 = outline.cut(_image_01(generator.refiner(head, noise=noise)))
            found = self._finished(
                drawn_01, smooth_01, outline, surrogate, known, lent, warp, seed, seen
            )
        return picture_u8(torch.from_numpy(found).permute(2, 0, 1) * 2 - 1)

    def head(
        self, surrogate: ShapeMean, label: Mapping[str, str], *, seed: int
    ) -> tuple[tuple[int, float], ...]:
        """Which donors' codes make the head of a group, and how much of each; see :func:`mixture`."""
        return self._mix(surrogate, label, self._age(surrogate, label), seed)

    def code(
        self, surrogate: ShapeMean, label: Mapping[str, str], *, seed: int
    ) -> tuple[FloatArray, FloatArray]:
        """z_g, the code of a group's head: vector (style,) and map (layout, grid, grid), float32."""
        mix = self.head(surrogate, label, seed=seed)
        return self._codes(mix, self._lender(mix), surrogate)

    def _codes(
        self, mix: Sequence[tuple[int, float]], lender: int | None, surrogate: ShapeMean
    ) -> tuple[FloatArray, FloatArray]:
        """The mixed code; below the brows the layout is that of the donor who lends, by S_g as it is."""
        codes = self._stored.codes
        if lender is None:
            return mixed_codes(codes, mix)
        share = below_brows(surrogate.points, codes.layout.shape[-1])
        return mixed_codes(codes, mix, one=(lender, share))

    def _mix(
        self, surrogate: ShapeMean, label: Mapping[str, str], age: float | None, seed: int
    ) -> tuple[tuple[int, float], ...]:
        wanted = {n: label[n] for n in _HEAD if label.get(n) in self._known[n]}
        detail = self._stored.detail
        ages = () if age is None else self._head_ages(age)
        return mixture(
            self._stored.codes,
            wanted,
            seed,
            tone=skin_tone(surrogate),
            apart=detail.apart if detail else None,
            reach=self._reach if detail else None,
            first=[{"age": band} for band in ages],
            # Nobody young has a bald crown where there are enough young heads.
            alone=self._stored.ageing is not None and ages[:1] == self._stored.ageing.bands[:1],
        )

    def _finished(
        self,
        picture_01: FloatArray,
        smooth_01: FloatArray,
        outline: Outline,
        surrogate: ShapeMean,
        label: Mapping[str, str],
        lent: Placed | None,
        warp: Warp,
        seed: int,
        seen: FloatArray,
    ) -> FloatArray:
        """What was drawn, (256, 256, 3), with strands, even skin, a face's detail, teeth and a wall's grain.

        ``smooth_01`` is what was drawn before it was refined; ``warp`` leads to the shape of S_g; ``seen`` is
        what G saw of S_g.
        """
        points, tone = surrogate.points, skin_tone(surrogate)
        if lent:
            picture_01 = with_head_detail(picture_01, smooth_01, lent, outline)
        picture_01 = with_even_skin(picture_01, points, seen=seen, wall=outline.wall)
        if faces := self._stored.face:
            category = next((label.get(name, "") for name in self._stored.labels), "")
            gender, age = label.get("gender", ""), label.get("age", "")
            fine = faces.draw(gender, category, seed, age=age)
            picture_01 = with_face_detail(
                picture_01,
                points,
                tone,
                fine,
                faces.points,
                warp,
                seen=seen,
                around=lent.around if lent else None,
            )
        return with_grain(with_teeth(picture_01, points), outline, seed)

    def _lender(self, mix: Sequence[tuple[int, float]]) -> int | None:
        """Which donor lends strands, and the layout below the brows; None where no donor does."""
        heads = self._stored.detail
        return heads.lender(mix, self._reach[:, 0]) if heads else None

    def _placed(
        self, row: int | None, surrogate: ShapeMean, warp: Warp, seen: FloatArray
    ) -> Placed | None:
        """What a donor lends, where the face of S_g is; None where none does."""
        heads = self._stored.detail
        if heads is None or row is None:
            return None
        layer = Layer(heads.logs(row), heads.coarse[row], heads.points[row])
        return placed(layer, surrogate.points, skin_tone(surrogate), warp, seen=seen)

    @cached_property
    def _reach(self) -> FloatArray:
        """(D, 2) float32, how far the donors' heads reach beyond their faces, beside ears and jaw."""
        detail = self._stored.detail
        heads = () if detail is None else zip(detail.coarse, detail.points, strict=True)
        return np.array([reach(*head) for head in heads], np.float32)

    def _age(self, surrogate: ShapeMean, label: Mapping[str, str]) -> float | None:
        """Where S_g lies among the age bands: as labelled, else as it looks; None where nothing is known."""
        ageing = self._stored.ageing
        told = None if ageing is None else ageing.place(label.get("age", ""))
        return self._read_age(surrogate) if told is None else told

    def _read_age(self, mean: ShapeMean) -> float | None:
        ageing, space = self._stored.ageing, self._stored.space
        if not ageing or not space or not self._common:
            return None
        return _age_of(mean, ageing, space, self._common)

    def _head_ages(self, age: float) -> tuple[str, ...]:
        """The bands of age that a head may be of: the nearest, and those beside it."""
        assert self._stored.ageing is not None
        bands, own = tuple(self._stored.ageing.bands), self._stored.ageing.band(age)
        at = bands.index(own)
        return (own, *bands[max(at - 1, 0) : at], *bands[at + 1 : at + 2])

    def _prepared(
        self, surrogate: ShapeMean, label: Mapping[str, str], age: float | None, seed: int
    ) -> tuple[ShapeMean, Warp | None]:
        """S_g as G sees it: no member weighs much, it looks like one person, and has the wanted expression.

        All of it is one warp: a picture that is warped twice is twice as soft.

        Returns:
            S_g, and the warp to its shape where one was needed.
        """
        public = self._public(label)
        points = restrained_shape(surrogate, public) if public else surrogate.points
        space, ageing = self._stored.space, self._stored.ageing
        younger = self._younger(public, surrogate.people, age) if public else 0.0
        if younger and ageing:
            points = points + np.float32(younger) * ageing.moved
        gender = label.get("gender", "")
        features = space and space.draw(gender, seed, texture=TEXTURE, shape=SHAPE)
        if features:
            points = points + features.moved
        lower = 0.0
        for name, shapes in self._stored.shapes.items():
            wanted = label.get(name, "")
            lower = max(lower, LOWER * foreign(surrogate.points, wanted, shapes))
            points = upright(express(points, wanted, shapes), shapes)
        if points is surrogate.points:
            return surrogate, None
        warp = Warp(points)
        if public:
            found = restrained(surrogate, public, points=points, warp=warp, lower=lower)
        else:
            found = moved(surrogate, points, warp)
        return (self._lent(found, features, label, younger, warp) if features else found), warp

    def _lent(
        self,
        mean: ShapeMean,
        features: Features,
        label: Mapping[str, str],
        younger: float,
        warp: Warp,
    ) -> ShapeMean:
        """S_g with the features, and with what it lacks of the wanted expression's and the age's texture."""
        space, ratio = self._stored.space, evenly_lit(features.ratio, features.points)
        if self._levelled:
            ratio = self._levelled(ratio)
        for name in self._stored.labels:
            way = space and space.way(label.get(name, ""))
            if way and self._common is not None:
                lacks = missing_texture(mean, *way, features.points, self._common)
                ratio = without(ratio, way[1]) + lacks
        if ageing := self._stored.ageing:
            ratio = ratio + np.float32(younger) * ageing.texture
        return lent(mean, ratio, features.points, warp)

    def _younger(self, public: ShapeMean, people: int, age: float | None) -> float:
        """By how many bands S_g with its public part looks younger than without."""
        share = public_share(people)
        if not share or age is None:
            return 0.0
        return share * (age - (self._read_age(public) or 0.0))

    def _public(self, label: Mapping[str, str]) -> ShapeMean | None:
        """The public mean nearest to the label."""
        categories = [*(label.get(name, "") for name in self._stored.labels), ""]
        for gender in (label.get("gender", ""), ""):
            for category in categories:
                if (gender, category) in self.public:
                    return self.public[gender, category]
        return None


@lru_cache(maxsize=16)
def _age_of(mean: ShapeMean, ageing: Ageing, space: FaceSpace, common: Warp) -> float:
    """Kept, as all pictures of a group are of one mean, and many groups share the public ones."""
    return ageing.read(texture(mean, space.points, common))


def _image_01(pictures_pm1: Tensor) -> FloatArray:
    """The first of (B, 3, H, W) in [-1, 1] as (H, W, 3) in [0, 1]."""
    image: FloatArray = ((pictures_pm1[0].clamp(-1, 1) + 1) / 2).permute(1, 2, 0).numpy()
    return image


def trained_method(path: Path) -> SurrogateMethod:
    """The method of weights that ``kssgan train`` wrote.

    Args:
        path: RUN, of which ``generator.safetensors`` is taken, or a file.

    Raises:
        UsageError: it cannot be read.
        WeightsError: it is no generator's file, or damaged.
    """
    from kssgan.faces.landmarks import mean_shape

    file = path / "generator.safetensors" if path.is_dir() else path
    try:
        data = file.read_bytes()
    except OSError as error:
        raise UsageError(
            f"the weights cannot be read ({type(error).__name__}); give RUN of kssgan train, or its "
            "generator.safetensors"
        ) from None
    version = f"weights={hashlib.sha256(data).hexdigest()}"
    if is_gallery(data):
        return GallerySurrogate(read_gallery(data), otherwise=mean_shape(), version=version)
    return GeneratorSurrogate(read_generator(data), otherwise=mean_shape(), version=version)


def make_method(name: SurrogateName) -> SurrogateMethod:
    """The method of that name that needs no donors, with the shipped weights.

    Raises:
        UsageError: another name.
        WeightsError: shipped weights are missing or damaged.
    """
    from kssgan.faces.landmarks import mean_shape

    if name == "mean":
        return ShapeMeanSurrogate(otherwise=mean_shape())
    if name == "generator":
        return GeneratorSurrogate(
            read_generator(weights.read("generator")),
            otherwise=mean_shape(),
            version=f"generator={weights.digest('generator')[:16]}",
        )
    names = ", ".join(get_args(SurrogateName))
    raise UsageError(f"surrogate {name!r} came; one of {names} was wanted")
