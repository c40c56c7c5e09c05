"""How many alerts a day each threshold gives, as a picture: a curve per kind, what is set now, what is proposed, and
what the days that were held back say of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import ceil, floor, log10
from typing import Final

from altmonitor.render.charts.canvas import GRID, MARK, MUTED, OI, TEXT, UP, Canvas, Colour, Point

WIDTH: Final = 1_000
PANEL_HEIGHT: Final = 300
HEAD: Final = 70
LEFT, RIGHT, TOP, BOTTOM = 90, 40, 46, 44
LEAST: Final = 0.1
"""Alerts a day below which a curve lies on the floor."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TuningPanel:
    """curve: (threshold, alerts a day), by threshold. now, then: (threshold, alerts a day); now None where the kind is
    set to something that is on no curve. held_out: alerts a day of the days held back, at `then`. unit: `%` or `×`."""

    title: str
    unit: str
    curve: Sequence[Point]
    now: Point | None
    then: Point
    held_out: float


def tuning_chart(title: str, panels: Sequence[TuningPanel]) -> bytes:
    """A PNG; the same bytes for the same values."""
    canvas = Canvas(WIDTH, HEAD + PANEL_HEIGHT * len(panels))
    canvas.text((LEFT, 34), title, 22, TEXT, weight="bold")
    at = canvas.text((LEFT, 58), "● now", 16, OI) + LEFT
    at += canvas.text((at + 24, 58), "● proposed", 16, MARK) + 24
    canvas.text((at + 24, 58), "● proposed, on the days held back", 16, UP)
    for number, panel in enumerate(panels):
        _draw(canvas, panel, HEAD + PANEL_HEIGHT * number)
    return canvas.png()


def _draw(canvas: Canvas, panel: TuningPanel, top: int) -> None:
    frame = LEFT, top + TOP, WIDTH - RIGHT, top + PANEL_HEIGHT - BOTTOM
    steps = [step for step, _ in panel.curve]
    rates = [rate for _, rate in panel.curve]
    high = max(1, ceil(log10(max(*rates, panel.held_out, panel.then[1], panel.now[1] if panel.now else 0, 1.0))))
    low = floor(log10(LEAST))
    first, last = log10(min(steps)), log10(max(steps))

    def place(step: float, rate: float) -> Point:
        x = (log10(min(max(step, min(steps)), max(steps))) - first) / max(last - first, 1e-9)
        y = (log10(max(rate, LEAST)) - low) / (high - low)
        return frame[0] + x * (frame[2] - frame[0]), frame[3] - y * (frame[3] - frame[1])

    canvas.text((LEFT, top + 28), panel.title, 18, TEXT, weight="bold")
    for power in range(low, high + 1):
        y = round(place(steps[0], 10.0**power)[1])
        canvas.dashes(frame[0], frame[2], y, GRID)
        canvas.text((frame[0] - 10, y + 5), f"{10.0**power:g}", 14, MUTED, side="right")
    shown = -100.0
    for step in steps:
        x, _ = place(step, 1.0)
        if x - shown > 48:
            canvas.text((x, frame[3] + 22), f"{step:g}{panel.unit}", 14, MUTED, side="middle")
            shown = x
    canvas.line([place(*point) for point in panel.curve], TEXT, width=2, frame=_around(frame), has_dot=False)
    if panel.now is not None:
        _dot(canvas, place(*panel.now), OI)
    _dot(canvas, place(*panel.then), MARK)
    _dot(canvas, place(panel.then[0], panel.held_out), UP)


def _around(frame: tuple[int, int, int, int]) -> tuple[int, int, int, int]:
    return frame[0] - 6, frame[1] - 6, frame[2] + 6, frame[3] + 6


def _dot(canvas: Canvas, at: Point, colour: Colour) -> None:
    canvas.dot(at, 6, colour)
