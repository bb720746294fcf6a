"""Short runs for a tuner, and the jury of people held out."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from kssgan.api import gallery_groups
from kssgan.errors import TrainingFailed, UsageError
from kssgan.training import gallery as recipe
from kssgan.training.config import resolve
from kssgan.training.gallery import Gallery
from kssgan.training.gallery_config import GalleryConfig
from kssgan.training.precision import Precision
from kssgan.training.prepared import Prepared
from kssgan.training.trials import GalleryTrials
from kssgan.types import IntArray

CPU = torch.device("cpu")
CHANGES = {
    "steps": 6,
    "batch": 4,
    "k": 2,
    "size": 32,
    "width": 4,
    "blocks": 1,
    "depth": 3,
    "twin_widths": [4, 8],
    "twin_features": 8,
    "n_critic": 1,
    "z": 3,
    "check": 6,
}


class Heard:
    def __init__(self) -> None:
        self.scores: dict[int, float] = {}
        self.losses: dict[int, float] = {}
        self.facts: dict[str, float] = {}

    def __call__(self, step: int, score: float, **beside: float) -> None:
        self.scores[step] = score

    def log(self, step: int, **values: float) -> None:
        self.losses[step] = values["loss"]

    def note(self, **facts: float) -> None:
        self.facts |= facts


def base(preset: str = "paper", **changes: object) -> GalleryConfig:
    found = resolve(preset, changes=CHANGES | changes)
    assert isinstance(found, GalleryConfig)
    return found


def training_groups(data: Prepared, config: GalleryConfig) -> IntArray:
    found = gallery_groups(data, config, held_out=False)
    assert found is not None
    return found


def trials(data: Prepared, config: GalleryConfig | None = None) -> GalleryTrials:
    return GalleryTrials(
        data, config or base(), lambda chosen: training_groups(data, chosen), device=CPU
    )


@pytest.mark.parametrize("method", ["mdav", "k-same"])
def test_people_held_out_are_in_no_group(prepared: Prepared, method: str) -> None:
    groups = training_groups(prepared, base(grouping=method))
    assert (groups[prepared.held_out] == -1).all()
    assert (groups[~prepared.held_out] >= 0).all()
    for group in np.unique(groups[groups >= 0]):
        assert len(np.unique(prepared.subject[groups == group])) >= 2
    assert gallery_groups(prepared, base(k=0)) is None
    everyone = gallery_groups(prepared, base(k=0), 3)
    assert everyone is not None
    assert (everyone >= 0).all()


def test_a_jury_of_people_held_out_judges_and_is_never_learnt_from(prepared: Prepared) -> None:
    groups = training_groups(prepared, base())
    precision = Precision("fp32", CPU)
    gallery = Gallery(prepared, base(), CPU, precision, groups=groups)
    gallery.begin(0, lambda: False)
    seen, _ = gallery.look()

    # Other pictures of people held out: another score of the same networks.
    free = [
        crop for crop, held in zip(prepared.packed, prepared.held_out, strict=True) if not held
    ]
    strangers = [
        free.pop() if held else crop
        for crop, held in zip(prepared.packed, prepared.held_out, strict=True)
    ]
    other = Gallery(replace(prepared, packed=strangers), base(), CPU, precision, groups=groups)
    other.begin(0, lambda: False)
    assert other.look()[0]["sliced"] != seen["sliced"]
    first, second = gallery.step(0), other.step(0)
    assert first == second
    everyone = Gallery(
        prepared, base(), CPU, precision, groups=gallery_groups(prepared, base())
    )
    everyone.begin(0, lambda: False)
    assert everyone.look()[0].keys() == seen.keys()


def test_every_label_is_asked_for_whatever_g_is_told(prepared: Prepared) -> None:
    groups = training_groups(prepared, base())
    for attributes, told in (((), (0, 1)), (("gender",), (1,))):
        config = base(attributes=list(attributes))
        gallery = Gallery(prepared, config, CPU, Precision("fp32", CPU), groups=groups)
        jury = gallery.jury(np.flatnonzero(prepared.held_out))
        assert jury.counts == (2, 2)
        assert jury.told == told
        assert set(jury.probes) == {0, 1}
        assert 0 <= gallery.figures(jury)["missed"] <= 1


def test_a_trial_tells_scores_losses_and_what_the_other_half_says(prepared: Prepared) -> None:
    one, heard, again = trials(prepared), Heard(), Heard()
    values = {"rate": 1e-3, "attributes": "gender", "grouping": "k-same", "n_critic": 2}
    score = one.score(values, heard)
    assert list(heard.scores) == [2, 4, 6]
    assert heard.scores[6] == score
    assert list(heard.losses) == [1, 2, 3, 4, 5, 6]
    assert heard.facts["held_out"] != score
    assert math.isfinite(heard.facts["held_out"])
    assert one.score(values, again) == score
    assert trials(prepared).score(values, Heard()) == score
    assert one.score({}, Heard()) != score


def test_values_are_words_and_options(prepared: Prepared) -> None:
    one = trials(prepared, base(attributes=["gender"]))
    names = ["rate", "attributes"]
    assert one.values(names) == {"rate": 1e-4, "attributes": "gender"}
    assert one.config({"attributes": "all"}).attributes == ()
    assert one.config({"attributes": "expression+gender"}).attributes == (
        "expression",
        "gender",
    )
    assert one.config(one.values(names)) == base(attributes=["gender"])
    with pytest.raises(UsageError, match="rate is -1"):
        one.score({"rate": -1.0}, Heard())
    with pytest.raises(UsageError, match="a batch of 900"):
        one.score({"batch": 900}, Heard())


def test_a_loss_that_is_no_number_fails_the_trial(
    prepared: Prepared, monkeypatch: pytest.MonkeyPatch
) -> None:
    step = recipe.Gallery.step

    def broken(self: Gallery, number: int) -> dict[str, float]:
        parts = step(self, number)
        return parts | {"critic.norm": math.nan} if number == 2 else parts

    monkeypatch.setattr(recipe.Gallery, "step", broken)
    with pytest.raises(TrainingFailed, match=r"critic.norm of step 3"):
        trials(prepared).score({}, Heard())


def test_stargan_has_trials_too(prepared: Prepared) -> None:
    heard = Heard()
    assert math.isfinite(trials(prepared, base("stargan")).score({}, heard))
    assert all(math.isfinite(loss) for loss in heard.losses.values())


def test_nobody_held_out_cannot_judge(prepared: Prepared) -> None:
    nobody = replace(prepared, held_out=np.zeros(len(prepared), bool))
    with pytest.raises(UsageError, match="0 people are held out"):
        trials(nobody)
