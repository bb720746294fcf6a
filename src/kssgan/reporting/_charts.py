"""Line charts as PNG. Three kinds of marks, drawn with Pillow, which is there anyway."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from PIL import ImageDraw, ImageFont

__all__ = ["COLOURS", "Line", "line_chart"]

Point = tuple[float, float]

COLOURS = ("#2f5f9e", "#c05a1c", "#2f7d4f", "#6b4c9a", "#8a6d1d")
"""Told apart by people with each of the common kinds of colour blindness, and in grey."""

_INK, _SOFT, _GRID = "#1c2330", "#4a5568", "#d5dae3"
_SIZE = (960, 540)
_SHARP = 2  # drawn so much larger, then reduced: smooth lines
_LEFT, _RIGHT, _TOP, _BOTTOM = 86, 24, 82, 64
_TICKS = 6


@dataclass(frozen=True)
class Line:
    """One line of a chart.

    Attributes:
        name: in the legend.
        colour: "#rrggbb".
        points: (x, y), x rising.
        low: lower edge of a band, of the same x.
        high: upper edge.
    """

    name: str
    colour: str
    points: Sequence[Point]
    low: Sequence[Point] = ()
    high: Sequence[Point] = ()


def line_chart(lines: Sequence[Line], *, title: str, x: str, y: str) -> bytes:
    """Draw lines with their bands, axes with round numbers, and a legend.

    Args:
        lines: at least one point in all.
        title: above.
        x: what the horizontal axis counts.
        y: what the vertical axis counts.

    Returns:
        A PNG of 960 x 540 pixels; equal input, equal bytes.

    Raises:
        ValueError: there is no point, or one that is not finite.
    """
    from PIL import Image, ImageDraw, ImageFont

    every = [p for line in lines for part in (line.points, line.low, line.high) for p in part]
    if not every or not all(math.isfinite(value) for point in every for value in point):
        raise ValueError("a chart wants points, all of finite numbers")
    image = Image.new("RGB", (_SIZE[0] * _SHARP, _SIZE[1] * _SHARP), "white")
    paper = _Paper(
        ImageDraw.Draw(image, "RGBA"),
        _ends([px for px, _ in every], 0.0),
        _ends([py for _, py in every], 0.05),
        ImageFont.load_default(15 * _SHARP),
        ImageFont.load_default(19 * _SHARP),
    )
    paper.axes(title, x, y)
    for line in lines:
        paper.band(line)
    for line in lines:
        paper.line(line)
    paper.legend([line for line in lines if line.points])
    out = io.BytesIO()
    image.resize(_SIZE, Image.Resampling.LANCZOS).save(out, "PNG", optimize=True)
    return out.getvalue()


@dataclass(frozen=True)
class _Paper:
    draw: ImageDraw.ImageDraw
    xs: Point
    ys: Point
    font: ImageFont.FreeTypeFont | ImageFont.ImageFont
    large: ImageFont.FreeTypeFont | ImageFont.ImageFont

    def at(self, point: Point) -> Point:
        """Where a point lies on the paper."""
        (x0, x1), (y0, y1) = self.xs, self.ys
        wide, high = _SIZE[0] - _LEFT - _RIGHT, _SIZE[1] - _TOP - _BOTTOM
        px = _LEFT + wide * (point[0] - x0) / (x1 - x0)
        py = _TOP + high * (1 - (point[1] - y0) / (y1 - y0))
        return px * _SHARP, py * _SHARP

    def axes(self, title: str, x: str, y: str) -> None:
        """Grid, numbers and words."""
        draw, gap = self.draw, 8 * _SHARP
        for value in _ticks(*self.ys):
            start, end = self.at((self.xs[0], value)), self.at((self.xs[1], value))
            draw.line([start, end], fill=_GRID, width=_SHARP)
            at = (start[0] - gap, start[1])
            draw.text(at, f"{value:g}", fill=_SOFT, font=self.font, anchor="rm")
        for value in _ticks(*self.xs):
            start = self.at((value, self.ys[0]))
            draw.line([start, (start[0], start[1] + gap / 2)], fill=_SOFT, width=_SHARP)
            at = (start[0], start[1] + gap)
            draw.text(at, f"{value:g}", fill=_SOFT, font=self.font, anchor="mt")
        corner = self.at((self.xs[0], self.ys[0]))
        draw.line([corner, self.at((self.xs[1], self.ys[0]))], fill=_INK, width=_SHARP)
        middle = ((_LEFT + _SIZE[0] - _RIGHT) / 2 * _SHARP, (_SIZE[1] - 10) * _SHARP)
        draw.text(middle, x, fill=_INK, font=self.font, anchor="mb")
        head = (12 * _SHARP, 10 * _SHARP)
        draw.text(head, title, fill=_INK, font=self.large, anchor="lt")
        below = (12 * _SHARP, 34 * _SHARP)
        draw.text(below, y, fill=_SOFT, font=self.font, anchor="lt")

    def band(self, line: Line) -> None:
        """Fill between the edges."""
        edge = [self.at(point) for point in (*line.low, *reversed(line.high))]
        if len(edge) >= 4:
            self.draw.polygon(edge, fill=f"{line.colour}2a")

    def line(self, line: Line) -> None:
        """Draw through the points."""
        places = [self.at(point) for point in line.points]
        if len(places) > 1:
            self.draw.line(places, fill=line.colour, width=3 * _SHARP, joint="curve")
        dot = 3 * _SHARP
        for px, py in places if len(places) <= 40 else []:
            self.draw.ellipse((px - dot, py - dot, px + dot, py + dot), fill=line.colour)

    def legend(self, lines: Sequence[Line]) -> None:
        """Names at the top right."""
        right, top = float((_SIZE[0] - _RIGHT) * _SHARP), 56 * _SHARP
        for line in reversed(lines):
            wide = self.draw.textlength(line.name, font=self.font)
            at = (right - wide, top)
            self.draw.text(at, line.name, fill=_INK, font=self.font, anchor="lt")
            mark, middle = right - wide - 30 * _SHARP, top + 7 * _SHARP
            self.draw.line(
                [(mark, middle), (mark + 22 * _SHARP, middle)],
                fill=line.colour,
                width=4 * _SHARP,
            )
            right = mark - 22 * _SHARP


def _ends(values: Sequence[float], margin: float) -> Point:
    low, high = min(values), max(values)
    if low == high:
        return low - 0.5, high + 0.5
    room = margin * (high - low)
    return low - room, high + room


def _ticks(low: float, high: float) -> list[float]:
    """Round numbers inside a range, about six."""
    rough = (high - low) / _TICKS
    size = 10.0 ** math.floor(math.log10(rough))
    step = next(size * m for m in (1, 2, 5, 10) if size * m >= rough * 0.99)
    first = math.ceil(low / step - 1e-9)
    return [round(i * step, 12) for i in range(first, math.floor(high / step + 1e-9) + 1)]
