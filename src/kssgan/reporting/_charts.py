"""Line charts and scatter charts: what goes where. :class:`Sheet` writes them as SVG or PNG."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import ceil, floor, isfinite, log10

from kssgan.reporting._marks import Area, Dot, Mark, Path, Sheet, Text
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
    "#7a4a2b",
)
_DASHES: tuple[tuple[float, ...], ...] = (
    (),
    (6, 3),
    (2, 3),
    (8, 3, 2, 3),
    (12, 4),
    (4, 2),
    (10, 2, 2, 2),
)
_GRID = "#d5dae3"
_WIDTH, _HEIGHT = 640, 380
_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 168, 36, 52
_MANY = 40  # places of a line from which on they get no dots
_Scale = Callable[[float], float]


@dataclass(frozen=True, slots=True)
class Line:
    """A series.

    Attributes:
        name: for the key.
        values: (x, middle, low, high), x rising; low and high are the band over seeds.
        colour: "#rrggbb"; empty: the next of the chart's own.
    """

    name: str
    values: Sequence[tuple[float, float, float, float]]
    colour: str = ""


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
    lines: Sequence[Line],
    places: Sequence[str] | None = None,
    *,
    title: str,
    x: str,
    y: str,
    from_zero: bool = True,
) -> Sheet:
    """Lines with bands.

    Args:
        lines: at least one value in all.
        places: names of the places 0, 1, ... of the x axis; left out, x are numbers.
        title: above.
        x: below.
        y: at the left.
        from_zero: whether the y axis begins at 0.

    Raises:
        ValueError: there is no value, or one that is not finite.
    """
    every = [value for line in lines for value in line.values]
    if not every or not all(isfinite(part) for value in every for part in value):
        raise ValueError("a chart wants points, all of finite numbers")
    low = 0.0 if from_zero else min(lowest for _, _, lowest, _ in every)
    ticks = _ticks(low, max(max(highest for *_, highest in every), low + 1e-9))
    up = _scale(ticks[0], ticks[-1], _HEIGHT - _BOTTOM, _TOP)
    marks = _frame(title, x, y) + _rows(ticks, up)
    if places is None:
        start, end = min(at for at, *_ in every), max(at for at, *_ in every)
        across = _scale(start, max(end, start + 1e-9), _LEFT, _WIDTH - _RIGHT)
        inside = [t for t in _ticks(start, max(end, start + 1e-9)) if start <= t <= end]
        names = [(tick, number(tick)) for tick in inside]
    else:
        across = _scale(-0.5, max(1, len(places)) - 0.5, _LEFT, _WIDTH - _RIGHT)
        names = [(float(place), name) for place, name in enumerate(places)]
    marks += [Text((across(at), _HEIGHT - _BOTTOM + 18), name, "middle") for at, name in names]
    for n, line in enumerate(lines):
        colour = line.colour or _COLOURS[n % len(_COLOURS)]
        tops = [(across(at), up(highest)) for at, _, _, highest in line.values]
        lows = [(across(at), up(lowest)) for at, _, lowest, _ in reversed(line.values)]
        course = [(across(at), up(middle)) for at, middle, _, _ in line.values]
        marks.append(Area(tops + lows, colour, 0.15))
        marks.append(Path(course, colour, 2, _DASHES[n % len(_DASHES)]))
        marks += [Dot(at, colour) for at in (course if len(course) <= _MANY else [])]
    marks += _key([(line.name, line.colour) for line in lines])
    return Sheet(title, _WIDTH, _HEIGHT, marks)


def scatter_chart(points: Sequence[Point], *, title: str, x: str, y: str) -> Sheet:
    """Points with labels, joined within a series, both axes from 0 (or below, where a value is)."""
    x_ticks = _ticks(min(0.0, *(p.x for p in points)), max(1e-9, *(p.x for p in points)))
    y_ticks = _ticks(min(0.0, *(p.y for p in points)), max(1e-9, *(p.y for p in points)))
    across = _scale(x_ticks[0], x_ticks[-1], _LEFT, _WIDTH - _RIGHT)
    up = _scale(y_ticks[0], y_ticks[-1], _HEIGHT - _BOTTOM, _TOP)
    marks = _frame(title, x, y) + _rows(y_ticks, up)
    below = _HEIGHT - _BOTTOM + 18
    marks += [Text((across(t), below), number(t), "middle") for t in x_ticks]
    series = list(dict.fromkeys(point.series for point in points))
    for n, name in enumerate(series):
        colour = _COLOURS[n % len(_COLOURS)]
        own = [point for point in points if point.series == name]
        course = [(across(p.x), up(p.y)) for p in own]
        marks.append(Path(course, colour, 0.6, _DASHES[n % len(_DASHES)]))
        for point, at in zip(own, course, strict=True):
            marks.append(Dot(at, colour))
            if point.label:
                marks.append(Text((at[0] + 6, at[1] - 5), point.label, size=10))
    return Sheet(title, _WIDTH, _HEIGHT, marks + _key([(name, "") for name in series]))


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


def _scale(low: float, high: float, start: float, end: float) -> _Scale:
    return lambda value: start + (end - start) * (value - low) / (high - low)


def _frame(title: str, x: str, y: str) -> list[Mark]:
    return [
        Text((_LEFT, 20), title, size=14),
        Text(((_LEFT + _WIDTH - _RIGHT) / 2, _HEIGHT - 12), x, "middle"),
        Text((16, (_TOP + _HEIGHT - _BOTTOM) / 2), y, "middle", turned=True),
    ]


def _rows(ticks: Sequence[float], up: _Scale) -> list[Mark]:
    marks: list[Mark] = []
    for tick in ticks:
        height = up(tick)
        marks.append(Path([(_LEFT, height), (_WIDTH - _RIGHT, height)], _GRID))
        marks.append(Text((_LEFT - 8, height + 4), number(tick, 4), "end"))
    return marks


def _key(series: Sequence[tuple[str, str]]) -> list[Mark]:
    """Names with their colours, at the right."""
    marks: list[Mark] = []
    left = _WIDTH - _RIGHT + 14
    for n, (name, own) in enumerate(series):
        height, colour = _TOP + 10 + 20 * n, own or _COLOURS[n % len(_COLOURS)]
        sample = [(left, height), (left + 24, height)]
        marks.append(Path(sample, colour, 2, _DASHES[n % len(_DASHES)]))
        marks.append(Text((left + 30, height + 4), name))
    return marks
