from __future__ import annotations

import math
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import load as parse

from kssgan.errors import WeightsError
from kssgan.models.codes import (
    ALIKE,
    CLOSE,
    FIRSTS,
    LEAST,
    Codes,
    CodeTable,
    mix_codes,
    mixed_codes,
    mixture,
)
from kssgan.models.critic import Critic, CriticConfig
from kssgan.models.face_space import FaceSpace
from kssgan.models.generator import Generator, GeneratorConfig, face_alone
from kssgan.models.haar import haar, inverse_haar, softened, without_nyquist
from kssgan.models.stored import PublicMean, StoredGenerator, read_generator, write_generator
from kssgan.models.weights_file import about, packed, to_bytes, unpacked
from kssgan.types import FloatArray

SMALL = GeneratorConfig(
    size=64, widths=(6, 8, 10, 12), labels=2, style=5, layout=3, coarse=6, fine=5, blocks=2
)


def inputs(config: GeneratorConfig = SMALL, count: int = 2) -> tuple[torch.Tensor, ...]:
    torch.manual_seed(3)
    return (
        torch.rand(count, 3, config.size, config.size) * 2 - 1,
        face(config, count),
        torch.randn(count, config.style),
        torch.randn(count, config.layout, config.grid, config.grid),
        torch.eye(config.labels)[:count],
    )


def face(config: GeneratorConfig, count: int) -> torch.Tensor:
    """A square in the middle."""
    side = config.size // 2
    found = torch.zeros(count, 1, side, side)
    found[:, :, side // 4 : -side // 4, side // 4 : -side // 4] = 1
    return found


def test_haar_is_inverted_and_keeps_lengths() -> None:
    torch.manual_seed(0)
    image = torch.randn(2, 3, 10, 6, dtype=torch.float64)
    bands = haar(image)
    assert bands.shape == (2, 12, 5, 3)
    torch.testing.assert_close(inverse_haar(bands), image)
    torch.testing.assert_close(bands.norm(), image.norm())


def test_haar_by_hand() -> None:
    bands = haar(torch.tensor([[[[1.0, 2.0], [3.0, 5.0]]]]))
    assert bands.flatten().tolist() == [5.5, -1.5, -2.5, 0.5]


def test_an_untrained_generator_returns_the_face_at_half_size() -> None:
    generator = Generator(SMALL)
    surrogate, *rest = inputs()
    small = torch.nn.functional.avg_pool2d(surrogate, 2)
    shown = face_alone(small, rest[0])
    with torch.no_grad():
        drawn = generator.drawer(small, *rest)
        torch.testing.assert_close(drawn, shown, atol=1e-6, rtol=0)
        whole = generator(surrogate, *rest)
    doubled = torch.nn.functional.interpolate(shown, scale_factor=2.0, mode="bicubic")
    torch.testing.assert_close(whole, without_nyquist(doubled), atol=1e-6, rtol=0)


def test_what_lies_outside_the_face_never_comes_through() -> None:
    """The hair, clothes and background of the members are not even looked at."""
    generator = trained()
    surrogate, seen, *rest = inputs()
    outside = torch.nn.functional.interpolate(1 - seen, scale_factor=2.0, mode="nearest")
    other = surrogate * (1 - outside) + torch.rand_like(surrogate) * outside
    with torch.no_grad():
        assert torch.equal(generator(other, seen, *rest), generator(surrogate, seen, *rest))


def test_around_the_face_lies_its_mean_colour() -> None:
    surrogate, seen, *_ = inputs()
    small = torch.nn.functional.avg_pool2d(surrogate, 2)
    shown = face_alone(small, seen)
    inside = seen[0, 0] == 1
    torch.testing.assert_close(shown[0, :, inside], small[0, :, inside], atol=1e-6, rtol=0)
    tone = small[0, :, inside].mean(1)
    torch.testing.assert_close(
        shown[0, :, ~inside], tone[:, None].expand_as(shown[0, :, ~inside]), atol=1e-6, rtol=0
    )


def test_the_refiner_never_sees_more_of_the_surrogate_than_half_its_size() -> None:
    """What a mean of two or three people holds beyond half size, marks and moles, cannot come through."""
    generator = trained()
    surrogate, *rest = inputs()
    fine = torch.randn_like(surrogate)
    fine = fine - torch.nn.functional.interpolate(
        torch.nn.functional.avg_pool2d(fine, 2), scale_factor=2.0, mode="nearest"
    )
    with torch.no_grad():
        torch.testing.assert_close(
            generator(surrogate + fine, *rest), generator(surrogate, *rest), atol=1e-4, rtol=0
        )


def test_the_refiner_has_a_short_reach() -> None:
    refiner = trained().refiner
    picture = torch.rand(1, 3, 96, 96) * 2 - 1
    other = picture.clone()
    other[:, :, :16, :16] += 0.5
    with torch.no_grad():
        changed = (refiner(other) - refiner(picture)).abs().amax((0, 1))
    assert changed[:32, :32].max() > 1e-3
    assert changed[96:, :].max() < 1e-6
    assert changed[:, 96:].max() < 1e-6


def test_nothing_of_the_grid_stays_in_the_picture() -> None:
    """A drawing moved by a whole pixel gives a picture moved by two: no pattern sticks to its place."""
    refiner = trained().refiner
    picture = torch.rand(1, 3, 64, 64) * 2 - 1
    smooth = torch.nn.functional.avg_pool2d(picture, 5, 1, 2)
    with torch.no_grad():
        one, two = refiner(smooth), refiner(smooth.roll((1, 1), (2, 3)))
    apart = (one.roll((2, 2), (2, 3)) - two)[:, :, 32:-32, 32:-32]
    away = one - torch.nn.functional.interpolate(smooth, scale_factor=2.0, mode="bicubic")
    assert away.std() > 0.02
    assert apart.abs().mean() < 0.02 * away.std()


def trained() -> Generator:
    """Weights away from their zeros."""
    torch.manual_seed(1)
    generator = Generator(SMALL)
    for part in (generator.drawer, generator.refiner):
        torch.nn.init.normal_(part.out.weight, std=0.1)
    for name, value in generator.named_parameters():
        if name.endswith("strength"):
            torch.nn.init.constant_(value, 0.3)
        if name.endswith("second.weight"):
            torch.nn.init.normal_(value, std=0.1)
    return generator


def test_code_label_and_noise_matter_once_trained() -> None:
    generator = trained()
    *given, style, layout, label = inputs()
    with torch.no_grad():
        plain = generator(*given, style, layout, label)
        assert torch.equal(plain, generator(*given, style, layout, label))
        for changed in (
            generator(*given, style + 1, layout, label),
            generator(*given, style, layout + 1, label),
            generator(*given, style, layout, label.flip(0)),
            generator(*given, style, layout, label, noise=torch.Generator().manual_seed(1)),
        ):
            assert (changed - plain).abs().max() > 1e-4


def test_modulation_equals_scaled_weights() -> None:
    """The short cut (scale inputs, divide outputs) against one kernel per sample."""
    torch.manual_seed(2)
    layer = Generator(SMALL).drawer.bottom
    x, style = torch.randn(2, 12, 4, 4), torch.randn(2, 128)
    scale = layer.affine(style)
    for i in range(2):
        kernel = layer.weight * scale[i][None, :, None, None]
        kernel = kernel / (kernel.square().sum((1, 2, 3), keepdim=True) + 1e-6).sqrt()
        framed = torch.nn.functional.pad(x[i : i + 1], (1, 1, 1, 1), "replicate")
        wanted = torch.nn.functional.conv2d(framed, kernel, layer.bias)
        wanted = torch.where(wanted > 0, wanted, wanted * 0.2) * math.sqrt(2)
        torch.testing.assert_close(
            layer(x, style, None)[i : i + 1], wanted, atol=1e-5, rtol=1e-4
        )


def test_default_generator_fits_its_budget() -> None:
    total = sum(p.numel() for p in Generator(GeneratorConfig(labels=8)).parameters())
    assert 2 * total < 14 * 2**20


def test_critic_judges_places() -> None:
    critic = Critic(CriticConfig((4, 6, 8), labels=2))
    surrogate, *_, label = inputs()
    scores = critic(torch.cat([surrogate, surrogate], 1), label)
    assert scores.shape == (2, 1, 8, 8)
    far = surrogate.clone()
    far[:, :, :4, :4] += 1
    changed = (critic(torch.cat([surrogate, far], 1), label) != scores).flatten()
    assert changed[0]
    assert not changed[63]
    alone = Critic(CriticConfig((4, 6), channels=3))
    scores, features = alone.look(surrogate)
    assert torch.equal(scores, alone(surrogate))
    assert [f.shape[1:] for f in features] == [(4, 32, 32), (6, 16, 16)]


def table(donors: int = 12) -> CodeTable:
    rng = np.random.default_rng(0)
    return CodeTable(
        rng.normal(size=(donors, 5)).astype(np.float32),
        rng.normal(size=(donors, 3, 4, 4)).astype(np.float32),
        rng.random((donors, 3)).astype(np.float32),
        np.full((donors, 3), 0.5, np.float32),
        [
            {
                "gender": "female" if i % 2 else "male",
                "expression": "happy" if i < 6 else "neutral",
            }
            for i in range(donors)
        ],
    )


def test_mixtures_have_several_donors_of_the_wanted_kind() -> None:
    codes = table()
    for seed in range(40):
        mix = mixture(codes, {"gender": "male", "expression": "happy"}, seed)
        assert len({row for row, _ in mix}) == 3
        assert {row for row, _ in mix} == {0, 2, 4}
        assert sum(weight for _, weight in mix) == pytest.approx(1)
        assert min(weight for _, weight in mix) >= LEAST - 1e-12


def test_wishes_give_way_in_order() -> None:
    codes = table()
    rows = {
        r for s in range(30) for r, _ in mixture(codes, {"gender": "male", "age": "young"}, s)
    }
    assert rows == {0, 2, 4, 6, 8, 10}  # nobody's age is known, so nobody is passed over for it
    rows = {
        r
        for s in range(30)
        for r, _ in mixture(codes, {"gender": "male", "expression": "sad"}, s)
    }
    assert rows == {0, 2, 4, 6, 8, 10}


def test_mixed_codes_are_fresh_repeatable_and_between_their_parts() -> None:
    codes = table(400)
    first = mix_codes(codes, {}, 7)
    assert all(
        np.array_equal(a, b) for a, b in zip(first, mix_codes(codes, {}, 7), strict=True)
    )
    for seed in range(20):
        vector, layout = mix_codes(codes, {}, seed)
        mix = mixture(codes, {}, seed)
        np.testing.assert_allclose(layout, sum(w * codes.layout[r] for r, w in mix), atol=1e-5)
        assert np.linalg.norm(codes.vector - vector, axis=1).min() > 0.2


def test_a_layout_may_be_one_donor_s_in_some_rows() -> None:
    codes = table(40)
    mix = mixture(codes, {}, 3)
    vector, layout = mixed_codes(codes, mix)
    grid = layout.shape[-1]
    share = np.zeros(grid, np.float32)
    share[-1], share[-2] = 1, 0.5
    one = mix[1][0]
    same, found = mixed_codes(codes, mix, one=(one, share))
    np.testing.assert_array_equal(same, vector)
    np.testing.assert_array_equal(found[:, :-2], layout[:, :-2])
    np.testing.assert_allclose(found[:, -1], codes.layout[one][:, -1], atol=1e-6)
    half = (codes.layout[one][:, -2] + layout[:, -2]) / 2
    np.testing.assert_allclose(found[:, -2], half, atol=1e-6)
    assert np.abs(codes.layout[one] - layout)[:, -2:].min() > 0


def test_heads_that_differ_in_everything_are_not_mixed() -> None:
    """Two kinds of heads far apart, say of two studios: no mixture has parts of both."""
    codes = table(40)
    far = (np.arange(40) % 2)[:, None]
    codes = replace(codes, vector=codes.vector + 9 * far.astype(np.float32))
    for seed in range(30):
        rows = [row for row, _ in mixture(codes, {}, seed)]
        assert len({row % 2 for row in rows}) == 1
        assert len(set(rows)) == 3


def test_heads_that_look_alike_are_mixed_whatever_their_codes() -> None:
    codes = table(40)
    rng = np.random.default_rng(1)
    look = rng.random(40)
    apart = np.abs(look[:, None] - look).astype(np.float32)
    for seed in range(30):
        first, *others = (row for row, _ in mixture(codes, {}, seed, apart=apart))
        nearer = [(apart[first] < apart[first, other]).sum() for other in others]
        assert max(nearer) <= CLOSE


def test_heads_that_look_too_different_are_not_mixed_and_lonely_ones_are_passed_over() -> None:
    codes = table(40)
    look = np.linspace(0, 6, 40)
    look[0] = 50  # like nobody
    apart = np.abs(look[:, None] - look).astype(np.float32)
    seen = set()
    for seed in range(60):
        rows = [row for row, _ in mixture(codes, {}, seed, apart=apart)]
        assert max(apart[rows[0], row] for row in rows[1:]) <= ALIKE
        seen |= set(rows)
    assert 0 not in seen
    assert len(seen) > 30


def test_long_hair_is_not_mixed_with_short() -> None:
    """It hung in stumps beside the jaw and stood in puffs beside the brows."""
    codes = table(40)
    alike = np.zeros((40, 40), np.float32)
    ears, jaw = np.tile(np.float32([4, 8, 30, 36]), 10), np.repeat(np.float32([0, 24]), 20)
    reach = np.stack([ears, jaw], 1)
    seen = set()
    for seed in range(60):
        rows = [row for row, _ in mixture(codes, {}, seed, apart=alike, reach=reach)]
        assert (np.ptp(reach[rows], axis=0) < 20).all()
        seen |= set(rows)
    assert len(seen) > 30
    # As long as there are three of a length.
    lengths = np.float32(20) * np.arange(40, dtype=np.float32)[:, None]
    assert len({row for row, _ in mixture(codes, {}, 0, apart=alike, reach=lengths)}) == 3


def test_the_others_look_like_each_other_too() -> None:
    codes = table(40)
    look = ALIKE * 0.45 * np.arange(40)  # two neighbours on either side are like a head
    apart = np.abs(look[:, None] - look).astype(np.float32)
    for seed in range(60):
        rows = [row for row, _ in mixture(codes, {}, seed, apart=apart)]
        assert apart[np.ix_(rows, rows)].max() <= ALIKE
    # Where the first is between two kinds, it is still mixed.
    chain = np.abs(np.subtract.outer([0, 1, 2], [0, 1, 2])).astype(np.float32) * ALIKE
    three = replace(
        codes,
        vector=codes.vector[:3],
        layout=codes.layout[:3],
        tone=codes.tone[:3],
        wall=codes.wall[:3],
        attributes=codes.attributes[:3],
    )
    assert {row for row, _ in mixture(three, {}, 0, apart=chain)} == {0, 1, 2}


def test_a_head_that_only_two_are_like_is_never_the_first() -> None:
    """Its mixture would always be of the same three."""
    codes = table(40)
    look = np.repeat([0.0, 9.0], [37, 3])
    apart = np.abs(look[:, None] - look).astype(np.float32)
    seen = {row for seed in range(80) for row, _ in mixture(codes, {}, seed, apart=apart)}
    assert seen <= set(range(37))
    assert len(seen) > 25


def test_what_is_wanted_of_the_first_is_not_asked_of_the_others() -> None:
    codes = table(40)
    known = [{**a, "age": "old" if i < 6 else "young"} for i, a in enumerate(codes.attributes)]
    codes = replace(codes, attributes=known)
    firsts, others = set(), set()
    for seed in range(60):
        first, *rest = (row for row, _ in mixture(codes, {}, seed, first=[{"age": "old"}]))
        firsts.add(first)
        others |= set(rest)
    assert firsts == set(range(6))
    assert len(others - set(range(6))) > 6
    # Where nobody has it, anybody is first.
    strange = [mixture(codes, {}, seed, first=[{"age": "unheard of"}]) for seed in range(5)]
    assert strange == [mixture(codes, {}, seed) for seed in range(5)]


def test_half_of_the_firsts_are_of_the_nearest_kind() -> None:
    """However many are of a kind: two kinds that are as near are as likely."""
    codes = table(FIRSTS + 20)
    wishes = [{"age": "middle"}, {"age": "young"}, {"age": "old"}]
    draws = 400

    def firsts(ages: list[str], *, alone: bool) -> Counter[str]:
        known = replace(codes, attributes=[{"age": age} for age in ages])
        heads = (
            mixture(known, {}, seed, first=wishes, alone=alone)[0][0] for seed in range(draws)
        )
        return Counter(ages[row] for row in heads)

    many = ["young"] * 30 + ["middle"] * 10 + ["old"] * (FIRSTS - 20)
    for alone in (False, True):  # ten are too few to stay alone
        found = firsts(many, alone=alone)
        for age, share in (("middle", 0.5), ("young", 0.25), ("old", 0.25)):
            assert found[age] / draws == pytest.approx(share, abs=0.07), age
    enough = ["young"] * 15 + ["middle"] * FIRSTS + ["old"] * 5
    assert set(firsts(enough, alone=True)) == {"middle"}
    assert firsts(enough, alone=False)["young"] / draws == pytest.approx(0.25, abs=0.07)
    # One middle-aged donor too few.
    assert set(firsts(["young", *enough[:14], *enough[16:], "old"], alone=True)) > {"middle"}
    nobody = ["young"] * (FIRSTS + 10) + ["old"] * 5 + [""] * 5
    assert firsts(nobody, alone=True)["old"] / draws == pytest.approx(0.5, abs=0.07)
    assert not firsts(nobody, alone=True)[""]


def test_walls_are_as_likely_as_among_all_donors(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 20 donors before each of two walls all may be the first before one, and four before the other."""
    codes = table(40)
    wall = np.full((40, 3), 0.8, np.float32)
    wall[20:] = (0.2, 0.3, 0.8)
    # Before the blue wall seven have hair of one length, which is enough, three of them of another age.
    reach = np.zeros((40, 1), np.float32)
    reach[27:, 0] = 20 * np.arange(1, 14)
    ages = [{"age": "old" if 24 <= row < 27 else "young"} for row in range(40)]
    draws = 400

    def last_four(wall: FloatArray) -> float:
        known = replace(codes, wall=wall, attributes=ages)
        mixes = (
            mixture(known, {}, seed, reach=reach, first=[{"age": "young"}])
            for seed in range(draws)
        )
        heads = [mix[0][0] for mix in mixes]
        assert set(heads) == set(range(24))
        return sum(row >= 20 for row in heads) / draws

    monkeypatch.setattr("kssgan.models.codes.RARER", 4.0)
    assert last_four(wall) == pytest.approx(0.5, abs=0.07)
    assert last_four(wall[:1].repeat(40, 0)) == pytest.approx(4 / 24, abs=0.06), "one wall"
    # Four before a wall are not made so likely that they come again and again.
    monkeypatch.setattr("kssgan.models.codes.RARER", 1.2)
    assert last_four(wall) == pytest.approx(1.2 * 4 / (1.2 * 4 + 0.6 * 20), abs=0.07)


def test_a_head_s_skin_is_like_the_face_s() -> None:
    """One of the nearest third, or of all that are near: where many are, a third would be always the same."""
    codes = table(30)
    tone = np.full((30, 3), 0.5, np.float32)
    tone[:, 0] = [0.5 + 0.003 * i if i < 24 else 0.9 for i in range(30)]
    codes = replace(codes, tone=tone)

    def firsts(of: FloatArray) -> set[int]:
        return {mixture(codes, {}, seed, tone=of)[0][0] for seed in range(400)}

    assert firsts(tone[0]) == set(range(24))
    assert firsts(np.array([0.2, 0.5, 0.5], np.float32)) == set(range(10))


def test_walls_of_two_colours_are_not_mixed_and_odd_ones_are_passed_over() -> None:
    codes = table(20)
    wall = np.full((20, 3), 0.8, np.float32)
    wall[:8] = (0.2, 0.3, 0.8)
    wall[8:10] = (0.9, 0.1, 0.1)  # only two of a kind
    codes = replace(codes, wall=wall)
    seen = set()
    for seed in range(60):
        rows = [row for row, _ in mixture(codes, {}, seed)]
        assert len({tuple(wall[row]) for row in rows}) == 1
        seen |= set(rows)
    assert seen == set(range(20)) - {8, 9}
    odd = replace(codes, wall=np.linspace(0, 20, 60).reshape(20, 3).astype(np.float32))
    assert len({row for row, _ in mixture(odd, {}, 0)}) == 3


def test_training_mixes_codes_as_drawing_does() -> None:
    codes = table()
    mix = mixture(codes, {}, 5)
    module = Codes(12, SMALL)
    with torch.no_grad():
        module.vector.copy_(torch.from_numpy(codes.vector))
        module.layout.copy_(torch.from_numpy(codes.layout))
        found = module.mixed(
            torch.tensor([[r for r, _ in mix]]), torch.tensor([[w for _, w in mix]])
        )
    for mine, theirs in zip(found, mix_codes(codes, {}, 5), strict=True):
        np.testing.assert_allclose(mine[0].numpy(), theirs, atol=1e-5)


def test_flipped_codes_mirror_the_layout_alone() -> None:
    module = Codes(3, SMALL)
    vector, layout = module(torch.tensor([1, 1]), torch.tensor([False, True]))
    assert torch.equal(vector[0], vector[1])
    assert torch.equal(layout[0].flip(2), layout[1])


def test_too_few_donors_cannot_be_mixed() -> None:
    with pytest.raises(ValueError, match="2 donors came"):
        mix_codes(table(2), {}, 0)


def stored() -> StoredGenerator:
    return StoredGenerator(
        trained(), table(), {"expression": ("neutral", "happy")}, {"steps": 1}
    )


def test_a_stored_generator_draws_the_same_to_half_precision() -> None:
    mine = stored()
    data = write_generator(mine)
    assert data == write_generator(mine)
    theirs = read_generator(data)
    assert theirs.labels == {"expression": ("neutral", "happy")}
    assert theirs.codes.attributes[3] == {"gender": "female", "expression": "happy"}
    with torch.no_grad():
        a, b = mine.generator(*inputs()), theirs.generator(*inputs())
    assert (a - b).abs().max() < 0.02
    assert write_generator(theirs) == data


def test_stored_shapes_come_back_to_the_last_bit() -> None:
    rng = np.random.default_rng(0)
    shapes = {
        "expression": {
            name: rng.uniform(0, 256, (468, 2)).astype(np.float32)
            for name in ("happy", "neutral")
        }
    }
    theirs = read_generator(write_generator(replace(stored(), shapes=shapes)))
    assert theirs.shapes.keys() == shapes.keys()
    for name, shape in shapes["expression"].items():
        np.testing.assert_array_equal(theirs.shapes["expression"][name], shape)
    wrong = {"expression": {"happy": np.zeros((5, 2), np.float32)}}
    with pytest.raises(WeightsError):
        read_generator(write_generator(replace(stored(), shapes=wrong)))


def test_public_means_come_back_as_they_were_to_half_a_grey_level() -> None:
    line = np.linspace(0.2, 0.8, 256, dtype=np.float32)
    image = np.stack([line[None] * np.ones((256, 1), np.float32)] * 3, -1)
    points = np.random.default_rng(0).uniform(0, 256, (468, 2)).astype(np.float32)
    public = {
        ("female", "happy"): PublicMean(image, points, 40),
        ("", ""): PublicMean(image / 2, points, 80),
    }
    data = write_generator(replace(stored(), public=public))
    theirs = read_generator(data).public
    assert theirs.keys() == public.keys()
    for name, mean in public.items():
        assert theirs[name].people == mean.people
        np.testing.assert_array_equal(theirs[name].points, mean.points)
        assert np.abs(theirs[name].image_01 - mean.image_01)[:, 2:-2].max() < 0.6 / 255
    wrong = {("", ""): PublicMean(image, points[:5], 3)}
    with pytest.raises(WeightsError):
        read_generator(write_generator(replace(stored(), public=wrong)))


def test_large_layers_are_packed_without_loss() -> None:
    rng = np.random.default_rng(0)
    layers = np.zeros((2, 300, 300), np.int8)
    layers[:, ::7] = rng.integers(-128, 128, layers[:, ::7].shape, dtype=np.int8)
    noise = rng.integers(0, 256, (300, 300), dtype=np.uint8)
    tensors = {
        "layers": torch.from_numpy(layers),
        "noise": torch.from_numpy(noise),  # does not shrink
        "small": torch.zeros(10, dtype=torch.uint8),
        "weights": torch.zeros(90000).half(),
    }
    found, kinds = packed(tensors)
    assert kinds == {"layers": ["int8", [2, 300, 300]]}
    assert found["layers"].numel() < layers.size / 4
    back = unpacked(found, kinds)
    assert back.keys() == tensors.keys()
    for name, value in tensors.items():
        assert back[name].dtype == value.dtype
        assert torch.equal(back[name], value)


def test_a_packed_tensor_that_is_damaged_or_of_another_size_is_refused() -> None:
    found, kinds = packed({"layers": torch.zeros(300, 300, dtype=torch.uint8)})
    stream = found["layers"]
    for shape in ([300, 299], [300, 301], [3, 300, 300]):
        with pytest.raises(ValueError, match="were wanted"):
            unpacked(found, {"layers": ["uint8", shape]})
    with pytest.raises(ValueError, match="were wanted"):
        unpacked({"layers": stream[: len(stream) // 2]}, kinds)
    with pytest.raises(ValueError, match="damaged"):
        unpacked({"layers": stream.flip(0)}, kinds)
    # A stream of many zeros does not fill the memory: one byte too many is enough to refuse it.
    bomb, _ = packed({"layers": torch.zeros(2**26, dtype=torch.uint8)})
    with pytest.raises(ValueError, match="of 11 bytes came, 10 were wanted"):
        unpacked(bomb, {"layers": ["uint8", [10]]})


def test_weights_of_the_version_before_are_read() -> None:
    """Whose layers were not packed."""
    data = write_generator(stored())
    said = {k: v for k, v in (about(data) or {}).items() if k != "packed"}
    before = to_bytes(parse(data), {**said, "format": "kssgan-generator/3"})
    assert write_generator(read_generator(before)) == data


def test_other_or_damaged_weights_are_refused() -> None:
    data = write_generator(stored())
    for bad in (
        b"",
        b"<html>",
        data[: len(data) // 2],
        data.replace(b"generator/4", b"generator/9"),
    ):
        with pytest.raises(WeightsError):
            read_generator(bad)


def test_softening_by_hand() -> None:
    spot = torch.zeros(1, 1, 5, 5)
    spot[0, 0, 2, 2] = 16
    middle = torch.tensor([[1.0, 2, 1], [2, 4, 2], [1, 2, 1]])
    torch.testing.assert_close(softened(spot)[0, 0, 1:4, 1:4], middle)
    assert torch.equal(softened(torch.ones(2, 3, 4, 4)), torch.ones(2, 3, 4, 4))


def test_what_alternates_from_pixel_to_pixel_is_taken_away_and_the_rest_stays() -> None:
    x = torch.arange(64.0)
    for frequency, gain in ((0.0, 1.0), (0.125, 1.0), (0.25, 0.9375), (0.5, 0.0)):
        wave = torch.cos(2 * math.pi * frequency * x)
        for image in (wave.expand(64, 64), wave[:, None].expand(64, 64)):
            done = without_nyquist(image[None, None])[0, 0, 8:-8, 8:-8]
            torch.testing.assert_close(done, gain * image[8:-8, 8:-8], atol=2e-3, rtol=0)


def test_a_face_space_comes_back_to_a_256th() -> None:
    rng = np.random.default_rng(1)
    space = FaceSpace(
        rng.uniform(0, 256, (468, 2)).astype(np.float32),
        rng.normal(size=(2, 128, 128, 3)).astype(np.float32),
        rng.normal(size=(1, 468, 2)).astype(np.float32),
        {"": np.eye(3, dtype=np.float32), "male": np.tri(3, dtype=np.float32)},
        {"happy": rng.normal(size=(128, 128, 3)).astype(np.float32)},
    )
    data = write_generator(replace(stored(), space=space))
    assert data == write_generator(replace(stored(), space=space))
    theirs = read_generator(data).space
    assert theirs is not None
    np.testing.assert_array_equal(theirs.points, space.points)
    np.testing.assert_array_equal(theirs.shapes, space.shapes)
    assert np.abs(theirs.pictures - space.pictures).max() <= np.abs(space.pictures).max() / 253
    assert theirs.spread.keys() == space.spread.keys()
    np.testing.assert_array_equal(theirs.spread["male"], space.spread["male"])
    np.testing.assert_allclose(theirs.kinds["happy"], space.kinds["happy"], atol=2e-3)
    assert read_generator(write_generator(stored())).space is None
    wrong = replace(space, spread={"": np.eye(2, dtype=np.float32)})
    with pytest.raises(WeightsError):
        read_generator(write_generator(replace(stored(), space=wrong)))


def test_codes_have_the_same_gradient_every_time() -> None:
    """Rows that come three times and more: their gradients are added up in one order on any threads."""
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        codes = Codes(8, GeneratorConfig(layout=16))
        donors = torch.tensor(
            [[3, 5, 7], [3, 2, 1], [3, 5, 7], [3, 4, 4], [5, 3, 3], [3, 3, 3]]
        )
        weights = torch.rand(donors.shape, generator=torch.Generator().manual_seed(0))

        def gradient() -> torch.Tensor:
            codes.zero_grad()
            codes.mixed(donors, weights)[1].pow(3).sum().backward()
            codes(donors.flatten())[1].sin().sum().backward()
            assert codes.layout.grad is not None
            return codes.layout.grad.clone()

        first = gradient()
        assert all(torch.equal(first, gradient()) for _ in range(30))
    finally:
        torch.set_num_threads(threads)


def test_faces_trained_on_are_kept() -> None:
    rows = np.random.default_rng(0).normal(size=(9, 128)).astype(np.float32)
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    found = read_generator(write_generator(replace(stored(), trained_on=unit))).trained_on
    assert found is not None
    assert np.abs(found - unit).max() < 1e-3
    assert np.abs(np.linalg.norm(found, axis=1) - 1).max() < 1e-6
    assert read_generator(write_generator(stored())).trained_on is None
    for wrong in (np.full((2, 128), np.nan, np.float32), unit[:0], unit[0]):
        with pytest.raises(WeightsError):
            read_generator(write_generator(replace(stored(), trained_on=wrong)))
