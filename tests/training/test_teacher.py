from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from kssgan.errors import UsageError
from kssgan.surrogate._mesh import OVAL
from kssgan.training import check, means
from kssgan.training import teacher as teacher_module
from kssgan.training.bank import Bank
from kssgan.training.check import category_shapes, fit_codes
from kssgan.training.compose import compose
from kssgan.training.data import Photos, laplacian_variance
from kssgan.training.groups import draw_group
from kssgan.training.means import mean_picture, public_means
from kssgan.training.prepared import Prepared
from kssgan.training.regions import blur, regions
from kssgan.training.teacher import Teacher
from kssgan.training.warps import ANCHORS, Spline

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def photos(prepared: Prepared) -> Photos:
    return Photos(prepared, CPU)


def test_groups_never_mix_held_out_people(photos: Photos) -> None:
    train, away = set(photos.subject[photos.train]), set(photos.subject[photos.held_out])
    assert train
    assert away
    assert not train & away
    sizes = set()
    for number in range(200):
        for rows, allowed in ((photos.train, train), (photos.held_out, away)):
            group = draw_group(photos, rows, "expression", np.random.default_rng(number))
            subjects = [set(photos.subject[member]) for member in group.members]
            assert all(len(s) == 1 for s in subjects)
            assert len(set.union(*subjects)) == len(subjects) >= 2
            assert set.union(*subjects) <= allowed
            for category, members in group.targets:
                rows_of = np.concatenate(members)
                assert set(photos.subject[rows_of]) <= allowed
                if category >= 0:
                    assert (photos.category("expression")[rows_of] == category).all()
            sizes.add(len(subjects))
    assert min(sizes) == 2
    assert max(sizes) >= 6


def test_shapes_of_a_label_come_from_people_who_show_every_category(prepared: Prepared) -> None:
    landmarks = prepared.landmarks.copy()
    happy = prepared.labels[:, 0] == 1
    landmarks[happy, 0, 1] += 5
    landmarks[prepared.labels[:, 0] < 0] += 50  # not asked
    landmarks[prepared.held_out] += 50  # not looked at
    photos = Photos(replace(prepared, landmarks=landmarks), CPU)
    shapes = category_shapes(photos, "expression")
    assert list(shapes) == ["neutral", "happy"]
    apart = shapes["happy"] - shapes["neutral"]
    assert apart[0, 1] == pytest.approx(5, abs=1e-3)
    assert np.abs(np.delete(apart, 0, 0)).max() < 1e-3
    assert shapes["neutral"].mean() < 200
    assert category_shapes(photos, "gender") == {}  # nobody has both
    assert category_shapes(photos, "age") == {}


def test_look_alikes_are_gathered_as_often_as_strangers(prepared: Prepared) -> None:
    """Groups of a release hold people who look alike, so lessons must."""
    n = len(prepared.subject)
    line = np.stack([np.cos(prepared.subject / 9), np.sin(prepared.subject / 9)], 1)
    photos = Photos(
        replace(prepared, embedding=line.astype(np.float32), held_out=np.zeros(n, bool)), CPU
    )
    spans = []
    for number in range(200):
        rng = np.random.default_rng(number)
        group = draw_group(photos, photos.train, "gender", rng)
        people = photos.subject[group.rows]
        if len(np.unique(people)) == 3:
            spans.append(int(people.max() - people.min()))
    assert len(spans) > 20
    assert 0.25 < np.mean(np.array(spans) <= 6) < 0.95
    assert max(spans) > 8


def test_donors_are_training_people_and_never_members(photos: Photos) -> None:
    teacher = Teacher(photos, label="expression", seed=3, pictures=3)
    train = set(photos.subject[photos.train])
    for number in range(3):
        for held_out in (False, True):
            group, _ = teacher.group(number, held_out=held_out)
            lesson = teacher.lesson(number, held_out=held_out)
            donors = set(photos.subject[photos.donors[lesson.donors.numpy()]])
            assert donors <= train
            assert not donors & set(photos.subject[group.rows])
            assert lesson.people == len(group.members)


def test_a_donor_whose_tone_nobody_has_is_taught_too(
    prepared: Prepared, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The palest head is near to no group's mean; untaught, it would be fog in every mixture."""
    photos = Photos(replace(prepared, labels=np.full_like(prepared.labels, -1)), CPU)
    rows = photos.donors
    photos.opening[:] = 0  # any mouth fits
    photos.tone[:] = np.linspace(0.4, 0.6, len(photos.tone))[:, None]
    palest = len(rows) - 1
    photos.tone[rows[palest]] = 1.0
    teacher = Teacher(photos, label="expression", seed=3, pictures=1)
    closed = torch.zeros(468, 2)
    closed[33, 0] = 1  # eyes that are not in one place

    def times() -> np.ndarray:
        found = np.zeros(len(rows), int)
        for number in range(300):
            group, rng = teacher.group(number)
            found[teacher._donors(group, -1, closed, torch.empty(0), 1, rng)] += 1
        return found

    half = times()
    monkeypatch.setattr(teacher_module, "_ANY_TONE", 0.0)
    near_alone = times()
    # Not never, as groups are large beside so few people that at times hardly a stranger is left.
    assert near_alone[palest] < near_alone.sum() / len(rows) / 2
    assert half[palest] > 1.5 * near_alone[palest]


def test_a_lesson_is_a_function_of_its_number(photos: Photos) -> None:
    first = Teacher(photos, label="expression", seed=3, pictures=2)
    other = Teacher(photos, label="expression", seed=3, pictures=2)
    other.lesson(8)
    a, b = first.lesson(5), other.lesson(5)
    for name in ("surrogate", "pictures", "donors", "labels", "face"):
        assert torch.equal(getattr(a, name), getattr(b, name)), name
    assert not torch.equal(a.surrogate, first.lesson(6).surrogate)


def test_a_ghosted_photograph_is_to_be_given_back(photos: Photos) -> None:
    """Its S_g is soft where copies disagree, and its answer is the donor's portrait itself."""
    teacher = Teacher(photos, label="expression", seed=3, pictures=3, ghosted=1.0)
    for number in range(3):
        lesson = teacher.lesson(number)
        row = photos.donors[lesson.donors.numpy()]
        assert row[0] in photos.train
        portrait = (photos.crops(row) * 255).round()
        assert torch.equal(lesson.pictures.float(), portrait)
        assert lesson.labels.tolist() == photos.category("expression")[row].tolist()
        soft = laplacian_variance(lesson.surrogate[None].float() / 255)
        assert soft < 0.8 * laplacian_variance(portrait / 255)
        face = lesson.face[0] > 128
        half = [
            torch.nn.functional.avg_pool2d(i.float(), 2)
            for i in (lesson.surrogate[None], portrait)
        ]
        apart = (half[0] - half[1]).abs().mean((0, 1))[face].mean()
        assert 0.5 < apart < 40  # the same person, not the same picture
        assert torch.equal(lesson.surrogate, teacher.lesson(number).surrogate)
    assert teacher.lesson(0, held_out=True).people > 1


def test_the_share_of_ghosted_photographs(photos: Photos) -> None:
    teacher = Teacher(photos, label="expression", seed=3, pictures=2, ghosted=0.5)
    plain = Teacher(photos, label="expression", seed=3, pictures=2)
    lessons = [teacher.lesson(number) for number in range(24)]
    ghosts = [lesson.people == 1 for lesson in lessons]
    assert 5 <= sum(ghosts) <= 19
    other = ghosts.index(False)
    assert torch.equal(lessons[other].pictures, plain.lesson(other).pictures)
    bank = Bank(teacher, size=24, refresh=0.0, seed=1)
    assert len(bank.batch(0, 24).donor) == 24


def test_the_mean_weighs_people_not_photos(photos: Photos) -> None:
    one, two = (
        photos.train[photos.subject[photos.train] == 0],
        photos.train[photos.subject[photos.train] == 1],
    )
    shape = photos.points[0]
    spline = Spline(shape)
    even = mean_picture(photos, [one, two], spline)
    more = mean_picture(photos, [np.concatenate([one] * 3), two], spline)
    torch.testing.assert_close(even, more, atol=2e-4, rtol=0)


def test_public_means_are_of_training_people_and_of_many(
    photos: Photos, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert public_means(photos, "expression") == {}  # ten people are too few
    monkeypatch.setattr(means, "_FEWEST", 4)
    found = public_means(photos, "expression")
    assert found["", ""].people == len(set(photos.subject[photos.train]))
    assert found["", "happy"].people < found["", ""].people
    for mean in found.values():
        assert mean.people >= 4
        assert mean.image_01.shape == (256, 256, 3)
        assert 0 <= mean.image_01.min() <= mean.image_01.max() <= 1


def test_codes_that_draw_badly_or_never_came_up_are_left_out(
    photos: Photos, monkeypatch: pytest.MonkeyPatch
) -> None:
    count = len(photos.donors)
    errors = np.full(count, 0.05, np.float32)
    errors[0], errors[1], errors[2] = np.nan, 0.9, 0.055
    rows = fit_codes(photos, errors)
    assert set(rows) == set(fit_codes(photos))  # so few donors that nobody is given up
    monkeypatch.setattr(check, "_FEWEST", 3)
    assert set(fit_codes(photos)) - set(fit_codes(photos, errors)) == {0, 1}


def test_splines_move_landmarks_to_the_shape(photos: Photos) -> None:
    """A dot on each anchor of the picture must come to lie on the target's anchor."""
    source, target = photos.points[0], photos.points[6]
    field = Spline(target).fields(source[None])[0]
    anchors = target[list(ANCHORS)]
    at = (anchors + 0.5) / 256 * 2 - 1
    found = torch.nn.functional.grid_sample(
        field.permute(2, 0, 1)[None], at[None, None], align_corners=False
    )[0, :, 0].T
    wanted = source[list(ANCHORS)]
    assert ((found * 256 - 0.5) - wanted).norm(dim=1).mean() < 0.6
    corner = field[0, 0] * 256
    assert (corner - 1.0).abs().max() < 3  # the crop's corner stays nearly where it was


def test_a_spline_to_the_same_shape_changes_nothing(photos: Photos) -> None:
    crop = photos.crops(np.array([0]))
    same = Spline(photos.points[0])(crop, photos.points[:1])
    assert (same - crop)[..., 2:-2, 2:-2].abs().max() < 1e-3


def test_compositions_keep_the_means_tone_and_the_donors_surroundings(photos: Photos) -> None:
    where = regions(photos.points[0])
    donor = Spline(photos.points[0])(photos.crops(np.array([2])), photos.points[2:3]).clamp(
        0, 1
    )
    mean = torch.tensor([0.45, 0.35, 0.30]).view(3, 1, 1).expand(3, 256, 256)
    made = compose(mean, donor, where)
    patch = torch.nn.functional.interpolate(where.patch, scale_factor=2)[0, 0] > 0.5
    torch.testing.assert_close(made[0][:, patch].mean(1), mean[:, 0, 0], atol=0.02, rtol=0)
    top = slice(0, 24)
    change = made[0, :, top].log() - donor[0, :, top].clamp(min=0.02).log()
    assert change.abs().max() < 0.4  # hair and wall follow the exposure at most


def test_blur_keeps_sums_and_spreads() -> None:
    image = torch.zeros(1, 1, 64, 64)
    image[0, 0, 32, 32] = 1
    for sigma in (1.0, 2.5, 6.0):
        soft = blur(image, sigma)
        assert soft.sum().item() == pytest.approx(1, rel=0.02)
        y = torch.arange(64.0)
        row = soft[0, 0].sum(1)
        middle = (row * y).sum() / row.sum()
        spread = ((row * (y - middle) ** 2).sum() / row.sum()).sqrt().item()
        assert spread == pytest.approx(sigma, rel=0.12)


def test_masks_lie_on_the_face(photos: Photos) -> None:
    where = regions(photos.points[0])
    middle = photos.points[0][list(OVAL)].mean(0) / 2
    x, y = middle.round().long().tolist()
    assert where.inner[0, 0, y, x] > 0.99
    assert where.far[0, 0, y, x] < 0.01
    assert where.inner[0, 0, 2, 2] == 0
    assert where.far[0, 0, 2, 2] > 0.95


def test_laplacian_variance_by_hand() -> None:
    """A checkerboard of 0 and 1: the Laplacian is +-8 * 255 at every inner pixel."""
    board = (torch.arange(6)[:, None] + torch.arange(6)) % 2
    picture = board.float().expand(1, 3, 6, 6)
    assert laplacian_variance(picture).item() == pytest.approx((4 * 255) ** 2, rel=1e-4)


def test_unreliable_landmarks_take_no_part(prepared: Prepared) -> None:
    reliable = prepared.reliable.copy()
    reliable[:4] = False
    photos = Photos(replace(prepared, reliable=reliable), CPU)
    assert not {0, 1, 2, 3} & set(photos.train.tolist())
    assert not {0, 1} & set(photos.subject[photos.donors].tolist())


def test_too_few_people_or_donors_are_refused(prepared: Prepared) -> None:
    with pytest.raises(UsageError, match="1 subject"):
        Photos(replace(prepared, held_out=prepared.subject > 0), CPU)
    turned = prepared.landmarks.copy()
    turned[:, 1, 0] += 40
    with pytest.raises(UsageError, match="frontal"):
        Photos(replace(prepared, landmarks=turned), CPU)


def test_a_bank_holds_what_its_step_says(photos: Photos) -> None:
    def bank() -> Bank:
        teacher = Teacher(photos, label="expression", seed=1, pictures=2)
        return Bank(teacher, size=3, refresh=0.5, seed=1)

    going, fresh = bank(), bank()
    for step in range(4):
        going.batch(step, 2)
    assert list(going.wanted(3)) == [1, 2, 3]
    a, b = going.batch(4, 2), fresh.batch(4, 2)
    assert torch.equal(a.picture, b.picture)
    assert torch.equal(a.donor, b.donor)
    assert a.picture.abs().max() <= 1


def test_fewer_donors_are_some_of_all_and_the_same_every_time(
    prepared: Prepared, photos: Photos
) -> None:
    few = Photos(prepared, CPU, donors=5)
    assert len(few.donors) == 5
    assert set(few.donors) < set(photos.donors)
    assert few.donors.tolist() == Photos(prepared, CPU, donors=5).donors.tolist()


def test_few_donors_are_as_many_of_every_kind_and_nobody_twice(prepared: Prepared) -> None:
    labels = prepared.labels.copy()
    gender = list(prepared.scheme).index("gender")
    people = np.unique(prepared.subject[~prepared.held_out])
    women = people[:3]  # few, each with several photos
    labels[:, gender] = np.where(np.isin(prepared.subject, women), 0, 1)
    every = Photos(replace(prepared, labels=labels), CPU)
    few = Photos(replace(prepared, labels=labels), CPU, donors=6)
    assert (every.category("gender")[every.donors] == 0).mean() < 0.4
    chosen = few.category("gender")[few.donors]
    assert (chosen == 0).sum() == (chosen == 1).sum() == 3
    assert len(np.unique(few.subject[few.donors])) == 6
