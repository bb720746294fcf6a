"""Line charts and scatter charts as SVG, written by hand: no library, no script, nothing loaded."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape
from math import ceil, floor, log10

from kssgan.reporting._text import number

__all__ = ["Line", "Point", "line_chart", "scatter_chart"]

_COLOURS = (
    "#2f5f9e",
    "#c2571a",
    "#0b7a4b",
    "#8a3ea8",
    "#a01c3c",
    "#6b7280",
    "#b08900",
    "#111827",
    "#0e8a9c",
)
_DASHES = ("", "6 3", "2 3", "8 3 2 3", "12 4", "4 2", "", "6 3", "2 3")
_WIDTH, _HEIGHT = 640, 380
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 168, 36, 52


@dataclass(frozen=True, slots=True)
class Line:
    """A series over places on the x axis.

    Attributes:
        name: for the key.
        values: (place, middle, low, high); low and high are the band over seeds.
    """

    name: str
    values: Sequence[tuple[int, float, float, float]]


@dataclass(frozen=True, slots=True)
class Point:
    """One point of a scatter chart.

    Attributes:
        series: for colour and key.
        label: beside it; may be empty.
        x: place.
        y: place.
    """

    series: str
    label: str
    x: float
    y: float


def line_chart(
    lines: Sequence[Line], places: Sequence[str], *, title: str, x: str, y: str
) -> str:
    """Lines with bands over named places, y from 0.

    Args:
        lines: at least one value each.
        places: names of the places 0, 1, ... of the x axis.
        title: above.
        x: below.
        y: at the left.
    """
    highest = max((high for line in lines for *_, high in line.values), default=1.0)
    ticks = _ticks(0.0, max(highest, 1e-9))
    inner = _WIDTH - _LEFT - _RIGHT
    step = inner / max(1, len(places))

    def at(place: float) -> float:
        return _LEFT + step * (place + 0.5)

    up = _scale(0.0, ticks[-1])
    parts = _frame(title, x, y)
    parts += _rows(ticks, up)
    parts += [
        _text(at(i), _HEIGHT - _BOTTOM + 18, name, "middle") for i, name in enumerate(places)
    ]
    for n, line in enumerate(lines):
        colour = _COLOURS[n % len(_COLOURS)]
        tops = [f"{at(p):.1f},{up(high):.1f}" for p, _, _, high in line.values]
        lows = [f"{at(p):.1f},{up(low):.1f}" for p, _, low, _ in reversed(line.values)]
        parts.append(
            f'<polygon points="{" ".join(tops + lows)}" fill="{colour}" fill-opacity="0.15"/>'
        )
        course = " ".join(f"{at(p):.1f},{up(middle):.1f}" for p, middle, _, _ in line.values)
        parts.append(
            f'<polyline points="{course}" fill="none" stroke="{colour}" stroke-width="2" '
            f'stroke-dasharray="{_DASHES[n % len(_DASHES)]}"/>'
        )
        parts += [_dot(at(p), up(middle), colour) for p, middle, _, _ in line.values]
    return _whole(parts + _key([line.name for line in lines]), title)


def scatter_chart(points: Sequence[Point], *, title: str, x: str, y: str) -> str:
    """Points with labels, joined within a series, both axes from 0 (or below, where a value is)."""
    x_ticks = _ticks(min(0.0, *(p.x for p in points)), max(1e-9, *(p.x for p in points)))
    y_ticks = _ticks(min(0.0, *(p.y for p in points)), max(1e-9, *(p.y for p in points)))
    inner = _WIDTH - _LEFT - _RIGHT

    def at(value: float) -> float:
        return _LEFT + inner * (value - x_ticks[0]) / (x_ticks[-1] - x_ticks[0])

    up = _scale(y_ticks[0], y_ticks[-1])
    parts = _frame(title, x, y)
    parts += _rows(y_ticks, up)
    parts += [_text(at(t), _HEIGHT - _BOTTOM + 18, number(t), "middle") for t in x_ticks]
    series = list(dict.fromkeys(point.series for point in points))
    for n, name in enumerate(series):
        colour = _COLOURS[n % len(_COLOURS)]
        own = [point for point in points if point.series == name]
        course = " ".join(f"{at(p.x):.1f},{up(p.y):.1f}" for p in own)
        parts.append(
            f'<polyline points="{course}" fill="none" stroke="{colour}" stroke-opacity="0.4" '
            f'stroke-dasharray="{_DASHES[n % len(_DASHES)]}"/>'
        )
        for p in own:
            parts.append(_dot(at(p.x), up(p.y), colour))
            if p.label:
                parts.append(_text(at(p.x) + 6, up(p.y) - 5, p.label, "start", size=10))
    return _whole(parts + _key(series), title)


def _ticks(low: float, high: float) -> list[float]:
    """Round values from at or below ``low`` to at or above ``high``, five or so.

    >>> _ticks(0.0, 0.93)
    [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]
    """
    rough = (high - low) / 5
    unit = 10.0 ** floor(log10(rough))
    step = next(unit * m for m in (1, 2, 5, 10) if unit * m >= rough * 0.999)
    first, last = floor(low / step + 1e-9), ceil(high / step - 1e-9)
    return [round(i * step, 10) for i in range(first, last + 1)]


def _scale(low: float, high: float) -> Callable[[float], float]:
    inner = _HEIGHT - _TOP - _BOTTOM
    return lambda value: _HEIGHT - _BOTTOM - inner * (value - low) / (high - low)


def _frame(title: str, x: str, y: str) -> list[str]:
    middle = (_TOP + _HEIGHT - _BOTTOM) / 2
    return [
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="#ffffff"/>',
        _text(_LEFT, 20, title, "start", size=14),
        _text((_LEFT + _WIDTH - _RIGHT) / 2, _HEIGHT - 12, x, "middle"),
        f'<text x="16" y="{middle}" text-anchor="middle" font-size="12" fill="#1c2330" '
        f'transform="rotate(-90 16 {middle})">{escape(y)}</text>',
    ]


def _rows(ticks: Sequence[float], up: Callable[[float], float]) -> list[str]:
    parts = []
    for tick in ticks:
        height = up(tick)
        parts.append(
            f'<line x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{height:.1f}" y2="{height:.1f}" '
            'stroke="#d5dae3"/>'
        )
        parts.append(_text(_LEFT - 8, height + 4, number(tick, 4), "end"))
    return parts


def _key(names: Sequence[str]) -> list[str]:
    parts, left = [], _WIDTH - _RIGHT + 14
    for n, name in enumerate(names):
        height = _TOP + 10 + 20 * n
        parts.append(
            f'<line x1="{left}" x2="{left + 24}" y1="{height}" y2="{height}" stroke-width="2" '
            f'stroke="{_COLOURS[n % len(_COLOURS)]}" stroke-dasharray="{_DASHES[n % len(_DASHES)]}"/>'
        )
        parts.append(_text(left + 30, height + 4, name, "start"))
    return parts


def _dot(x: float, y: float, colour: str) -> str:
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>'


def _text(x: float, y: float, text: str, anchor: str, *, size: int = 12) -> str:
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}" fill="#1c2330">'
        f"{escape(text)}</text>"
    )


def _whole(parts: Sequence[str], title: str) -> str:
    inside = "\n".join(parts)
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}" role="img" '
        f'font-family="system-ui, Helvetica, Arial, sans-serif">\n<title>{escape(title)}</title>\n{inside}\n'
        f"</svg>\n"
    )
