"""Four kinds of marks on a sheet, written as SVG or drawn as PNG. No library but Pillow, and no script."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape
from itertools import pairwise
from math import hypot
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from PIL import Image, ImageDraw

__all__ = ["INK", "Area", "Dot", "Mark", "Path", "Sheet", "Text"]

Place = tuple[float, float]

INK = "#1c2330"
_DOT = 3.0  # radius
_PNG = 1.5  # size of a PNG over that of the sheet
_SHARP = 3  # a PNG is drawn so much larger than the sheet, then reduced: smooth lines
_ANCHORS = {"start": "ls", "middle": "ms", "end": "rs"}


@dataclass(frozen=True, slots=True)
class Path:
    """A line through places; ``dash`` are lengths drawn and left out in turns."""

    places: Sequence[Place]
    colour: str
    width: float = 1.0
    dash: Sequence[float] = ()


@dataclass(frozen=True, slots=True)
class Area:
    """A filled outline."""

    places: Sequence[Place]
    colour: str
    opacity: float = 1.0


@dataclass(frozen=True, slots=True)
class Dot:
    """A small disc."""

    at: Place
    colour: str


@dataclass(frozen=True, slots=True)
class Text:
    """Words whose base line begins, ends or has its middle at a place; upright or turned to read upwards."""

    at: Place
    words: str
    anchor: Literal["start", "middle", "end"] = "start"
    size: int = 12
    turned: bool = False


Mark = Path | Area | Dot | Text


@dataclass(frozen=True, slots=True)
class Sheet:
    """Marks in the order in which they are laid down.

    Attributes:
        title: for readers who cannot see it.
        width: in units of the marks.
        height: likewise; y runs down.
        marks: what is on it.
    """

    title: str
    width: int
    height: int
    marks: list[Mark] = field(default_factory=list)

    def svg(self) -> str:
        """As an SVG document that loads nothing."""
        inside = "\n".join(_svg(mark) for mark in self.marks)
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {self.width} {self.height}" role="img" '
            f'font-family="system-ui, Helvetica, Arial, sans-serif">\n<title>{escape(self.title)}</title>\n'
            f'<rect width="{self.width}" height="{self.height}" fill="#ffffff"/>\n{inside}\n</svg>\n'
        )

    def png(self) -> bytes:
        """As a PNG of 1.5 times its size in pixels; equal marks, equal bytes with one version of Pillow."""
        from PIL import Image, ImageDraw

        large = (round(self.width * _SHARP), round(self.height * _SHARP))
        image = Image.new("RGB", large, "white")
        draw = ImageDraw.Draw(image, "RGBA")
        for mark in self.marks:
            _paint(image, draw, mark)
        size = (round(self.width * _PNG), round(self.height * _PNG))
        out = io.BytesIO()
        image.resize(size, Image.Resampling.LANCZOS).save(out, "PNG", optimize=True)
        return out.getvalue()


def _svg(mark: Mark) -> str:
    if isinstance(mark, Path):
        dash = " ".join(f"{length:g}" for length in mark.dash)
        return (
            f'<polyline points="{_places(mark.places)}" fill="none" stroke="{mark.colour}" '
            f'stroke-width="{mark.width:g}" stroke-dasharray="{dash or "none"}"/>'
        )
    if isinstance(mark, Area):
        return (
            f'<polygon points="{_places(mark.places)}" fill="{mark.colour}" '
            f'fill-opacity="{mark.opacity:g}"/>'
        )
    if isinstance(mark, Dot):
        x, y = mark.at
        return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="{_DOT:g}" fill="{mark.colour}"/>'
    x, y = mark.at
    turn = f' transform="rotate(-90 {x:.1f} {y:.1f})"' if mark.turned else ""
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{mark.anchor}" font-size="{mark.size}" '
        f'fill="{INK}"{turn}>{escape(mark.words)}</text>'
    )


def _places(places: Sequence[Place]) -> str:
    return " ".join(f"{x:.1f},{y:.1f}" for x, y in places)


def _paint(image: Image.Image, draw: ImageDraw.ImageDraw, mark: Mark) -> None:
    if isinstance(mark, Path):
        for piece in _pieces(mark.places, mark.dash):
            wide = max(1, round(mark.width * _SHARP))
            draw.line([_enlarged(place) for place in piece], mark.colour, wide, joint="curve")
    elif isinstance(mark, Area):
        if len(mark.places) > 2:
            shade = f"{mark.colour}{round(255 * mark.opacity):02x}"
            draw.polygon([_enlarged(place) for place in mark.places], fill=shade)
    elif isinstance(mark, Dot):
        x, y = _enlarged(mark.at)
        reach = _DOT * _SHARP
        draw.ellipse((x - reach, y - reach, x + reach, y + reach), fill=mark.colour)
    else:
        _write(image, draw, mark)


def _write(image: Image.Image, draw: ImageDraw.ImageDraw, text: Text) -> None:
    from PIL import Image, ImageDraw, ImageFont

    font = ImageFont.load_default(text.size * _SHARP)
    x, y = _enlarged(text.at)
    anchor = _ANCHORS[text.anchor]
    if not text.turned:
        draw.text((x, y), text.words, fill=INK, font=font, anchor=anchor)
        return
    # Turned about the place: drawn into a mask that is centred on it.
    half = round(draw.textlength(text.words, font=font)) + text.size * _SHARP
    mask = Image.new("L", (2 * half, 2 * half))
    ImageDraw.Draw(mask).text((half, half), text.words, fill=255, font=font, anchor=anchor)
    image.paste(INK, (round(x) - half, round(y) - half), mask.rotate(90))


def _enlarged(place: Place) -> Place:
    return place[0] * _SHARP, place[1] * _SHARP


def _pieces(places: Sequence[Place], dash: Sequence[float]) -> list[list[Place]]:
    """What is drawn of a dashed line.

    >>> _pieces([(0.0, 0.0), (10.0, 0.0)], (4, 2))
    [[(0.0, 0.0), (4.0, 0.0)], [(6.0, 0.0), (10.0, 0.0)]]
    """
    if not dash:
        return [list(places)] if len(places) > 1 else []
    found: list[list[Place]] = []
    turn, left, drawing = 0, float(dash[0]), True
    for (x0, y0), (x1, y1) in pairwise(places):
        length, done = hypot(x1 - x0, y1 - y0), 0.0
        while done < length - 1e-9:
            step = min(left, length - done)
            ends = [
                (x0 + (x1 - x0) * at / length, y0 + (y1 - y0) * at / length)
                for at in (done, done + step)
            ]
            if drawing and found and found[-1][-1] == ends[0]:
                found[-1].append(ends[1])
            elif drawing:
                found.append(ends)
            done, left = done + step, left - step
            if left <= 1e-9:
                turn += 1
                left, drawing = float(dash[turn % len(dash)]), turn % 2 == 0
    return found
