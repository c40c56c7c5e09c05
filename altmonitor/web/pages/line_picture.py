"""A small line chart as SVG: drawn on the server, readable without a script, with axes and with gaps where data is
missing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import tzinfo
from itertools import pairwise
from statistics import median
from typing import Final

from altmonitor.render import format as n
from altmonitor.render.charts.layout import round_ticks, time_ticks

WIDTH: Final = 760
HEIGHT: Final = 240
LEFT: Final = 56
RIGHT: Final = 12
TOP: Final = 10
BOTTOM: Final = 26
PADDING: Final = 0.08
GAP_STEPS: Final = 1.5
DAY_MS: Final = 86_400_000


@dataclass(frozen=True, slots=True, kw_only=True)
class LineSeries:
    """points: (unix ms, value), oldest → newest; what is missing is left out. tone: class of its colour."""

    name: str
    tone: str
    points: Sequence[tuple[int, float]]


@dataclass(frozen=True, slots=True, kw_only=True)
class AxisTick:
    at: float
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DrawnLine:
    """paths: `d` of one path a run without a gap. dots: points that stand alone."""

    name: str
    tone: str
    paths: tuple[str, ...]
    dots: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class LinePicture:
    lines: tuple[DrawnLine, ...]
    value_ticks: tuple[AxisTick, ...]
    time_ticks: tuple[AxisTick, ...]
    low: float
    high: float


def line_picture(series: Sequence[LineSeries], tz: tzinfo, *, shown: Callable[[float], str]) -> LinePicture | None:
    """shown: a value's label on the axis. None below two moments: there is no line."""
    moments = sorted({time_ms for one in series for time_ms, _ in one.points})
    values = [value for one in series for _, value in one.points]
    if len(moments) < 2:
        return None
    low, high = min(values), max(values)
    room = PADDING * (high - low) or PADDING * abs(high) or 1.0
    low, high = low - room, high + room
    first, last = moments[0], moments[-1]
    longest_ms = GAP_STEPS * median(later - earlier for earlier, later in pairwise(moments))

    def x(time_ms: float) -> float:
        return round(LEFT + (time_ms - first) / (last - first) * (WIDTH - LEFT - RIGHT), 1)

    def y(value: float) -> float:
        return round(TOP + (high - value) / (high - low) * (HEIGHT - TOP - BOTTOM), 1)

    times = time_ticks(first, last, tz, at_most=6)
    is_long = len(times) > 1 and times[1] - times[0] >= DAY_MS
    return LinePicture(
        lines=tuple(_drawn(one, longest_ms, x, y) for one in series),
        value_ticks=tuple(AxisTick(at=y(value), text=shown(value)) for value in round_ticks(low, high, at_most=5)),
        time_ticks=tuple(
            AxisTick(
                at=x(moment_ms),
                text=n.date_and_time(moment_ms, tz)[5:10] if is_long else n.clock_minute(moment_ms, tz),
            )
            for moment_ms in times
            if LEFT + 14 <= x(moment_ms) <= WIDTH - RIGHT - 14
        ),
        low=min(values),
        high=max(values),
    )


def _drawn(
    series: LineSeries, longest_ms: float, x: Callable[[float], float], y: Callable[[float], float]
) -> DrawnLine:
    runs: list[list[tuple[int, float]]] = []
    for point in series.points:
        if runs and point[0] - runs[-1][-1][0] <= longest_ms:
            runs[-1].append(point)
        else:
            runs.append([point])
    return DrawnLine(
        name=series.name,
        tone=series.tone,
        paths=tuple(
            "M" + "L".join(f"{x(time_ms)},{y(value)}" for time_ms, value in run) for run in runs if len(run) > 1
        ),
        dots=tuple((x(run[0][0]), y(run[0][1])) for run in runs if len(run) == 1),
    )
