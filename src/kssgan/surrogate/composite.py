"""Composite surrogates: the group's mean face on the head of a public donor.

The donor's portrait is warped to the group's mean shape. Inside the face its tone at every place (what is
left after a blur of 1.2 px at 256) becomes that of the group's mean; what is finer stays the donor's, so the
picture is as sharp as a photograph. Only the forehead, which on a mean is a blend of hair, the temples and
where glasses are worn keep the donor's own shading and take the wide tones of the skin around. The same
change of tone is continued over the donor's ears, neck and bald scalp; hair and clothes stay the donor's and
follow in brightness and saturation, as if all had been taken by one camera. A plain wall takes the tones of
the wall in the group's mean, smooth from side to side; a donor's wall that is not plain stays.

A mean of several people has less contrast than one person's face, so what it differs from its own wide tones
counts more than once.

Tones change by factors, not by sums: shading, pores and single hairs keep their contrast, and dark gaps
between hairs do not turn grey. Nothing of an individual of the group enters: the result is a function of the
group's mean and of the donor.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from kssgan.surrogate._donor_looks import edges, glasses
from kssgan.surrogate._mesh import EYE_CORNERS, LIP_GAP
from kssgan.surrogate._regions import COARSE, Regions, doubled, reduced, regions, soften, step
from kssgan.surrogate._skin import DARK, skin_colour, skin_likelihood, snap
from kssgan.surrogate._walls import find_wall, plain_tones, share_of_wall
from kssgan.surrogate.donors import Donor
from kssgan.surrogate.shape import ShapeMean
from kssgan.surrogate.warp import Warp
from kssgan.types import CROP_SIZE, FloatArray, U8Array

__all__ = ["composite"]

_WORK = 512  # side of the donor's crop, and of all fine work
# Blur that parts the mean's tones from the donor's detail, in coarse pixels: 1.2 px of a 256 px picture. At
# 4 px faces are as sharp, but a recogniser knows the donor again (distance 0.24 instead of 0.34).
_FINEST = 0.6
_LEVELS = 5  # of coarser tones, each twice as wide
_WIDE = 3  # the first level that is too wide for eyes, brows and mouth: skin alone counts
_CONTRAST = np.float32(
    0.6
)  # share given again of what a mean differs from its blur: averaging took it
_CONTRAST_BLUR = 4.0  # coarse pixels
# Share of the mean's tones that is not trusted where glasses are worn and at the temples, by level.
_DOUBT = (np.float32(0.9), np.float32(0.85), np.float32(0.6))
_GRAIN = 1.6  # blur below which detail is grain: pores, single hairs, lashes; pixels at 512
_WINDOW = 5  # coarse pixels; frames of glasses are narrower
_STANDS_OUT = np.float32(0.15)  # how far the mean's skin may lie beside its surroundings
_COLOURED = np.float32(0.08)  # how far the colour of ears and neck may lie beside the face's
# How far the donor's own shading may lie beside its cheeks: lighter foreheads, lighter skin below the eyes,
# and darker lids.
_LIGHTER, _BESIDE_NOSE, _DARKER = np.float32(0.15), np.float32(0.06), np.float32(0.35)
_UNLIKE = np.float32(0.5)  # change of tone beside the face's at which detail is no longer lent
_FOLLOWS = np.float32(
    0.75
)  # share of the face's change of brightness that the rest of the picture takes
_USUAL = 0.088  # spread of the Laplacian of a portrait at 256, of usual sharpness
_CRISP, _CRISP_BLUR = np.float32(0.3), 11.0  # more of a face's fine contrast; pixels at 512
_CRISP_MOST = np.float32(0.3)  # what lies farther from around gains no more: lashes, nostrils
_GLINT, _LINE = (
    np.float32(0.10),
    np.float32(0.13),
)  # most that skin is lighter, darker than around


@dataclass(frozen=True, slots=True, eq=False)
class _Tone:
    """How the donor's tones must change, at the coarse size.

    Attributes:
        gain: (128, 128, 3) logarithm of the factor.
        applied: (128, 128) how much of it holds: 1 on the face, the probability of skin elsewhere.
        face: (128, 128) the face without hair or wall at its outline.
        light: how much lighter the picture around the face becomes.
        saturation: factor of its colour; 1 changes nothing.
    """

    gain: FloatArray
    applied: FloatArray
    face: FloatArray
    light: np.float32
    saturation: np.float32


def composite(
    mean: ShapeMean, donor: Donor, *, details: Sequence[Donor] = (), size: int = CROP_SIZE
) -> U8Array:
    """Put the group's mean face on a donor's head.

    A recogniser knows a person by the finest detail of eyes, nose and mouth too. With donors for ``details``
    no part of the face is the head's own, and no donor's face is whole: the tones, which all parts share, are
    the mean's, so that the parts meet without a seam.

    Args:
        mean: of the group; its shape is used, and its tones inside the face and on the wall.
        donor: portrait whose hair, neck and clothes are shown, its background where that is not plain, and
            its fine detail where no other donor's is.
        details: other portraits. The first lends the fine detail of eyes and brows, the last that of the rest
            of the face.
        size: side of the result, at most 512; work is done at 512 px.

    Returns:
        (size, size, 3) uint8; the same bytes for the same arguments on one machine.

    Raises:
        ValueError: ``size`` is outside 1..512.
    """
    from PIL import Image

    from kssgan.surrogate import _torch_warp

    if not 1 <= size <= _WORK:
        raise ValueError(f"size {size} came; 1..{_WORK} was wanted")
    warp = Warp(mean.points)
    where = regions(mean.points)
    where = replace(where, lenses=where.lenses * _worn(mean))
    picture, face = _changed(mean, donor, warp, where)
    if details:
        target = reduced(np.ascontiguousarray(picture.transpose(1, 2, 0)), _WORK // COARSE)
        rest, shown = _lent(target, mean, details[-1], warp, where)
        eyes, seen = rest, shown
        if details[0] is not details[-1]:
            eyes, seen = _lent(target, mean, details[0], warp, where)
        parts = np.stack([where.around_eyes * seen, (1 - where.around_eyes) * shown])
        # The forehead stays the head's: it tells little of a person, and strands of hair may lie over it.
        parts[1] *= 1 - where.forehead
        parts *= where.inner * face
        of_eyes, of_rest = _torch_warp.enlarge(parts.astype(np.float32), _WORK)
        picture += of_eyes * (eyes - picture) + of_rest * (rest - picture)
    picture = _crisp(picture, where.inner * face * (1 - where.lips))
    done = np.rint(np.clip(picture, 0, 1) * np.float32(255)).astype(np.uint8).transpose(1, 2, 0)
    if size == _WORK:
        return np.ascontiguousarray(done)
    return np.asarray(
        Image.fromarray(np.ascontiguousarray(done)).resize(
            (size, size), Image.Resampling.BICUBIC
        )
    )


def _crisp(picture: FloatArray, face: FloatArray) -> FloatArray:
    """Give a face the fine contrast of one person's; (3, 512, 512), about 0..1.

    A mean's tones and a part of each donor's detail have less of it than photographs of either have. Not
    lips: between them a mean has a blend of teeth and gaps, which only becomes darker.

    Args:
        picture: (3, 512, 512), about 0..1.
        face: (128, 128) weights of the face.
    """
    from kssgan.surrogate import _torch_warp

    logs = np.log(np.clip(picture, 0, 1) + DARK)
    light = logs.mean(0)
    fine = light - soften(light, _CRISP_BLUR)
    there = _torch_warp.enlarge(face[None], _WORK)[0]
    more: FloatArray = (
        np.exp(logs + there * _CRISP * _CRISP_MOST * np.tanh(fine / _CRISP_MOST)) - DARK
    )
    return more


def _worn(mean: ShapeMean) -> np.float32:
    """1 where a member seems to wear glasses, whose ghost must not be shown; 0.8 where surely none does.

    Not less, as a donor's own shading is crisper than the mean's; with all of it, its edge below shows.
    """
    large = np.rint(doubled(mean.image_01) * np.float32(255)).astype(np.uint8)
    evidence = glasses(large, ((mean.points + 0.5) * 2 - 0.5).astype(np.float32))
    return np.float32(0.8 + 0.2 * step(np.array((evidence + 9) / 3, np.float32)))


def _warped(donor: Donor, warp: Warp) -> tuple[FloatArray, FloatArray]:
    """A donor's portrait in the mean's shape, (3, 512, 512) and (128, 128, 3), both in [0, 1]."""
    from kssgan.surrogate import _torch_warp

    field = warp.sources(donor.points, size=_WORK)
    head = _torch_warp.sample(donor.crop_u8[None], field[None], _WORK)[0] / np.float32(255)
    return head, reduced(np.ascontiguousarray(head.transpose(1, 2, 0)), _WORK // COARSE)


def _changed(
    mean: ShapeMean, donor: Donor, warp: Warp, where: Regions
) -> tuple[FloatArray, FloatArray]:
    """The whole composite of one donor.

    Returns:
        (3, 512, 512), about 0..1, and (128, 128) weights of the face without hair or wall at its outline.
    """
    from kssgan.surrogate import _torch_warp

    head, small = _warped(donor, warp)
    small_mean = reduced(mean.image_01, CROP_SIZE // COARSE)
    tone = _tone(small_mean, small, where)
    slopes, offsets = snap(tone.applied, small)
    base = _low(small, where.oval, _FINEST).mean(-1)
    maps = [tone.gain, slopes, offsets, base, where.skin * tone.face, where.inner * tone.face]
    planes = _torch_warp.enlarge(np.dstack(maps).transpose(2, 0, 1), _WORK)
    gain, slopes, (offsets, base, tamed, inside) = planes[:3], planes[3:6], planes[6:]
    applied = np.clip((slopes * head).sum(0) + offsets, 0, 1)
    applied = np.maximum(applied, inside)
    level = _level(head.mean(0))
    logs = np.log(head + DARK)
    around = (tone.saturation - 1) * (logs - logs.mean(0)) + tone.light
    change = gain * applied + around * (1 - applied)
    logs += change + _details(logs.mean(0), base, change.mean(0), tamed, level)
    picture: FloatArray = np.exp(logs) - DARK
    picture += _other_wall(small_mean, small, head, where, tone)
    closed = _mouth_differs(mean, donor)
    if closed > 0:
        lips = _torch_warp.enlarge(where.lips[None], _WORK) * closed
        picture += lips * (
            _torch_warp.enlarge(mean.image_01.transpose(2, 0, 1), _WORK) - picture
        )
    return picture, tone.face


def _other_wall(
    mean: FloatArray, small: FloatArray, head: FloatArray, where: Regions, tone: _Tone
) -> FloatArray:
    """What to add to a composite so that its wall has the tones of the wall in the mean.

    Args:
        mean: (128, 128, 3) in [0, 1].
        small: (128, 128, 3) the warped donor, the same.
        head: (3, 512, 512) the warped donor.
        where: masks of the mean.
        tone: how the composite's tones were changed.

    Returns:
        (3, 512, 512), or zeros where one of the walls is not seen or the donor's is not plain.
    """
    from kssgan.surrogate import _torch_warp

    came, wanted = find_wall(small, where.oval, head.mean(0)), find_wall(mean, where.oval)
    if not (came.plain and wanted.seen):
        return np.zeros_like(head)
    share, colours, _ = share_of_wall(head, came)
    logs = np.log(colours + DARK)
    logs += (tone.saturation - 1) * (logs - logs.mean(0)) + tone.light
    plain = np.exp(plain_tones(mean, wanted)).transpose(2, 0, 1)
    result: FloatArray = share * (_torch_warp.enlarge(plain, _WORK) - np.exp(logs))
    return result


def _lent(
    target: FloatArray, mean: ShapeMean, donor: Donor, warp: Warp, where: Regions
) -> tuple[FloatArray, FloatArray]:
    """A donor's fine detail on the tones of a face that is already composed.

    Args:
        target: (128, 128, 3) the composed picture.
        mean: whose mouth it shows.
        donor: who lends.
        warp: onto the mean's shape.
        where: masks of the mean.

    Returns:
        (3, 512, 512), about 0..1, and (128, 128) weights of where it may be shown.
    """
    from scipy.ndimage import grey_erosion

    from kssgan.surrogate import _torch_warp

    face, small = _warped(donor, warp)
    skin = step((grey_erosion(skin_likelihood(small, where), (7, 7)) - 0.3) / 0.5)
    # Single hairs, earrings and the wall beside a cheek are as narrow as the margin.
    shown = soften(1 - np.minimum(where.rim * 2, 1) * (1 - skin), 1.0)
    # Teeth lie elsewhere in each mouth: two people's would be seen at once.
    shown = shown * (1 - np.minimum(2 * soften(where.mouth, 1.0), 1))
    shown = shown * (1 - where.lips * np.float32(_mouth_differs(mean, donor)))
    own = _low(small, where.oval, _FINEST)
    gain = _low(target, where.oval, _FINEST) - own
    # What must change much more than the rest of the face is no skin: a shadow, a strand, make-up.
    away = soften(gain, 1.0) - np.median(gain[where.patch > 0.5], axis=0)
    shown = shown * np.exp(-((away / _UNLIKE) ** 2).sum(-1))
    planes = _torch_warp.enlarge(
        np.dstack([gain, own.mean(-1), where.skin]).transpose(2, 0, 1), _WORK
    )
    change, base, tamed = planes[:3], planes[3], planes[4]
    logs = np.log(face + DARK)
    logs += change + _details(logs.mean(0), base, change.mean(0), tamed, _level(face.mean(0)))
    picture: FloatArray = np.exp(logs) - DARK
    return picture, shown.astype(np.float32)


def _tone(mean: FloatArray, head: FloatArray, where: Regions) -> _Tone:
    """Compare the tones of mean and warped donor, both (128, 128, 3) in [0, 1]."""
    from scipy.ndimage import grey_closing

    skin = skin_likelihood(head, where)
    face = 1 - where.rim * (1 - skin)
    ghosts = _ghosts(mean, where)
    mean = _cleaned(mean, ghosts, where)
    trusted = where.inner * face * (1 - ghosts) * (1 - where.above)
    gain = _gain(mean, head, trusted, where)
    gain = gain - _flush(head, skin, where) - _shine(head, skin, where)
    # The shadow between chin and neck belongs to both: left as it was, it would be a second outline.
    filled = grey_closing(skin, (9, 9)) * step(where.near * 2) * (1 - where.upper)
    applied = np.maximum(np.maximum(where.inner * face, skin), filled)
    heavy = where.inner * trusted * where.skin
    light, saturation = _exposure(mean, head, heavy)
    return _Tone(gain, applied, face.astype(np.float32), light, saturation)


def _flush(head: FloatArray, skin: FloatArray, where: Regions) -> FloatArray:
    """How much more colour than the face the donor's ears and neck have than is usual; (128, 128, 3).

    Red ears and necks in warm shadow are seen on photographs, but a face of another tone makes them orange.
    """
    weights = skin * (1 - where.inner) + np.float32(1e-5)
    around = _low(head, weights, 2.0)
    own = np.log(head + DARK)[where.patch > 0.5].mean(0)
    away = (around - around.mean(-1, keepdims=True)) - (own - own.mean())
    excess = away - _COLOURED * np.tanh(away / _COLOURED)
    result: FloatArray = excess * (1 - where.inner)[..., None]
    return result.astype(np.float32)


def _shine(head: FloatArray, skin: FloatArray, where: Regions) -> FloatArray:
    """How much lighter, darker or more coloured the donor's skin is than its cheeks, beyond what is usual.

    Counted where the donor's own shading is kept: on the forehead and where glasses are worn; (128, 128, 3).
    """
    shows = where.skin * skin
    kept = np.maximum(where.lenses, where.above) * np.minimum(soften(shows, 1.0), shows)
    around = _low(head, shows + np.float32(1e-5), 2.0)
    away = around - np.log(head + DARK)[where.patch > 0.5].mean(0)
    light = away.mean(-1, keepdims=True)
    colour = away - light
    lighter = _LIGHTER + (_BESIDE_NOSE - _LIGHTER) * where.lenses[..., None]
    limit = np.where(light > 0, lighter, _DARKER)
    excess = light - limit * np.tanh(light / limit)
    excess = excess + colour - _COLOURED * np.tanh(colour / _COLOURED)
    result: FloatArray = excess * kept[..., None]
    return result.astype(np.float32)


def _cleaned(mean: FloatArray, ghosts: FloatArray, where: Regions) -> FloatArray:
    """The mean with what stands out on its skin held back, and with the contrast of one person's face.

    Frames of glasses and strands are filled in.
    """
    from scipy.ndimage import grey_closing

    trusted = where.inner * where.skin * (1 - ghosts) + np.float32(1e-5)
    logs = np.log(mean + DARK)
    # Dark lines narrower than the window vanish in a closing; the shading of a face is wider.
    filled = grey_closing(logs, (_WINDOW, _WINDOW, 1)) - logs
    thin = step((filled.mean(-1) - 0.02) / 0.05) * where.skin
    logs = logs + thin[..., None] * filled
    away = logs - _low(np.exp(logs) - DARK, trusted, 5.0)
    held = _STANDS_OUT * np.tanh(away / _STANDS_OUT)
    logs = logs + (held - away) * where.skin[..., None]
    fine = logs - _low(np.exp(logs) - DARK, where.oval + np.float32(1e-4), _CONTRAST_BLUR)
    # Not between the lips: a blend of teeth and gaps only becomes darker.
    where_lost = where.inner * (1 - np.minimum(2 * soften(where.mouth, 1.0), 1))
    result: FloatArray = np.exp(logs + _CONTRAST * where_lost[..., None] * fine) - DARK
    return result.astype(np.float32)


def _gain(
    mean: FloatArray, head: FloatArray, trusted: FloatArray, where: Regions
) -> FloatArray:
    """Logarithm of mean over donor, from coarse to fine; (128, 128, 3).

    Each level holds where enough of the trusted face lies within its blur; elsewhere the level before it,
    twice as wide, holds on. So the gain continues smoothly beyond the face and over what is not trusted.

    The forehead takes only what is coarse, from the skin below: on a mean it is a blend of people's hair, and
    a donor's own forehead, changed as a whole, has no bands. Where glasses are worn no fine tone is taken.
    """
    doubted = np.maximum(where.lenses, where.rim * where.upper)
    gain = coarse = np.zeros((1, 1, 3), np.float32)
    for level in range(_LEVELS - 1, -1, -1):
        held = where.skin if level >= _WIDE else 1 - doubted * _DOUBT[level]
        weights = trusted * held
        weights = weights + np.float32(1e-5)
        blur = _FINEST if level == 0 else 2.5
        ratio = _low(mean, weights, blur, level) - _low(head, weights, blur, level)
        if level == _LEVELS - 1:
            gain = ratio
            continue
        known = step(soften(reduced(weights, 1 << level), blur) / np.float32(0.6))
        if level == 0:
            # Teeth are mostly the donor's: the mean's lie elsewhere and would show through.
            known = known * (1 - np.float32(0.5) * soften(where.mouth, 1.0))
        gain = doubled(gain)
        gain = gain + known[..., None] * (ratio - gain)
        if level == _WIDE:
            coarse = gain
    for _ in range(_WIDE):
        coarse = doubled(coarse)
    result: FloatArray = gain + where.above[..., None] * (coarse - gain)
    return result.astype(np.float32)


def _low(image: FloatArray, weights: FloatArray, blur: float, level: int = 0) -> FloatArray:
    """Logarithm of the weighted blur; nothing from outside the weights bleeds in.

    Args:
        image: (128, 128, 3) in [0, 1].
        weights: (128, 128).
        blur: sigma in pixels of the level.
        level: halvings of the size before the blur.
    """
    both = np.dstack([image * weights[..., None], weights])
    smooth = soften(reduced(both, 1 << level), blur) + np.float32(1e-9)
    result: FloatArray = np.log(smooth[..., :3] / smooth[..., 3:] + DARK)
    return result


def _ghosts(mean: FloatArray, where: Regions) -> FloatArray:
    """Where forehead and outline of the mean show a blend of hair or background instead of skin."""
    logs = soften(np.log(mean + DARK), 1.5)
    away: FloatArray = (logs - np.median(logs[where.patch > 0.5], axis=0)).astype(np.float32)
    darker = step((-away[..., 1] - 0.06) / 0.16)
    tinted: FloatArray = np.maximum(
        np.abs(away[..., 0] - away[..., 1]), np.abs(away[..., 1] - away[..., 2])
    )
    hidden = np.maximum(where.forehead, where.upper * where.rim)
    blend = hidden * np.maximum(darker, step((tinted - 0.05) / 0.12))
    other = 1 - soften(skin_colour(mean, where.patch), 1.0)
    result: FloatArray = np.maximum(blend, np.maximum(where.forehead, where.rim) * other)
    return result


def _level(grey: FloatArray) -> np.float32:
    """Factor that brings a portrait's grain nearer to that of a usual one; 1 changes nothing.

    Portraits come more or less sharp; surrogates should not tell by it whose head they show.
    """
    factor: np.float32 = np.clip(
        _USUAL / max(edges(reduced(grey, 2)), 1e-4), 0.75, 1.5, dtype=np.float32
    )
    return factor


def _details(
    light: FloatArray,
    base: FloatArray,
    change: FloatArray,
    skin: FloatArray,
    level: np.float32,
) -> FloatArray:
    """What to add to the fine detail, all (512, 512) logarithms.

    Glints and deep lines of the skin are held back. The finest grain, which factors would make coarser where
    the picture becomes lighter and weaker where it becomes darker, keeps most of the contrast it had.

    Args:
        light: brightness of the donor.
        base: the same, blurred.
        change: how much lighter each place becomes.
        skin: weights of the smooth skin.
        level: factor for all of the finest grain.
    """
    grain = light - soften(light, _GRAIN)
    middle = light - base - grain
    limit = np.where(middle > 0, _GLINT, _LINE)
    kept = level * np.exp(np.clip(np.float32(-0.8) * change, -0.5, 0.5))
    result: FloatArray = skin * (limit * np.tanh(middle / limit) - middle) + (kept - 1) * grain
    return result


def _exposure(
    mean: FloatArray, head: FloatArray, skin: FloatArray
) -> tuple[np.float32, np.float32]:
    """How hair and clothes follow the face: its brightness and saturation.

    Skin of one colour is paler in one studio and warmer in another, and so is everything around it. Were
    the face alone to change, it would look pasted: grey on an orange neck. A factor on all colour leaves grey
    walls grey; a cast would tint them.

    Args:
        mean: (128, 128, 3) in [0, 1].
        head: the warped donor, the same.
        skin: (128, 128) weights.

    Returns:
        Light and saturation; see :class:`_Tone`.
    """
    weights = skin[..., None] / (skin.sum() + np.float32(1e-6))
    wanted, came = ((np.log(image + DARK) * weights).sum((0, 1)) for image in (mean, head))
    light = np.clip(_FOLLOWS * (wanted.mean() - came.mean()), -0.45, 0.15)
    wanted, came = wanted - wanted.mean(), came - came.mean()
    saturation = np.clip((wanted @ came) / (came @ came + 1e-4), 0.45, 1.6)
    return np.float32(light), np.float32(saturation)


def _mouth_differs(mean: ShapeMean, donor: Donor) -> float:
    """1 where one mouth is open and the other shut, so that the mean's own lips are shown."""

    def opening(points: FloatArray) -> float:
        apart = np.linalg.norm(points[LIP_GAP[1]] - points[LIP_GAP[0]])
        eyes = np.linalg.norm(points[EYE_CORNERS[1]] - points[EYE_CORNERS[0]])
        return float(apart / eyes)

    difference = abs(opening(mean.points) - opening(donor.points))
    return float(step(np.array((difference - 0.06) / 0.08, np.float32)))
