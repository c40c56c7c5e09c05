"""The panel as a picture, made for a phone like the charts: no letter is smaller than 22 pixels."""

from __future__ import annotations

from collections.abc import Sequence

from altmonitor.render.charts import canvas as ink
from altmonitor.render.charts.canvas import Canvas
from altmonitor.render.panel import Fact, PositionCard, PositionCardSide

WIDTH, HEIGHT = 900, 1280
_MARGIN, _PAD = 28, 26
_LEFT, _RIGHT = _MARGIN + _PAD, WIDTH - _MARGIN - _PAD
_ROW = 40
_TITLE_PX, _PRICE_PX, _VALUE_PX, _BODY_PX, _SMALL_PX = 44, 40, 32, 26, 22
_BAR, _THIN_BAR = 16, 12
_STATS_PX, _GAP = 136, 16
_ROOM_FOR_TITLE = 540


def panel_png(panel: PositionCard) -> bytes:
    """PNG of `WIDTH` × `HEIGHT`. Letters that no font of this machine has become `…`, see `canvas.runs`."""
    canvas = Canvas(WIDTH, HEIGHT)
    y = _header(canvas, panel)
    y = _stats(canvas, panel, y)
    for side, colour in zip(panel.sides, (ink.UP, ink.DOWN), strict=True):
        y = _side(canvas, side, colour, y)
    y = _frame(canvas, y, _ROW * len(panel.footer))
    y = _rows(canvas, panel.footer, y) + _PAD
    for text in (panel.foot, panel.disclaimer):
        y += 34
        canvas.text((_MARGIN, y), text, _SMALL_PX, ink.MUTED)
    return canvas.png()


def _header(canvas: Canvas, panel: PositionCard) -> float:
    base = 72
    width = canvas.text((_MARGIN, base), panel.base, _TITLE_PX, ink.TEXT, weight="bold")
    price = canvas.text((WIDTH - _MARGIN, base), panel.price, _PRICE_PX, ink.TEXT, side="right", weight="bold")
    if width + price < _ROOM_FOR_TITLE:
        canvas.text((_MARGIN + width + 16, base), panel.title, _BODY_PX, ink.MUTED)
    return base + 30


def _stats(canvas: Canvas, panel: PositionCard, top: float) -> float:
    y = _frame(canvas, top, _STATS_PX)
    step = (_RIGHT - _LEFT) / len(panel.stats)
    for destination, (label, value) in enumerate(panel.stats):
        canvas.text((_LEFT + destination * step, y + 20), label, _SMALL_PX, ink.MUTED)
        canvas.text((_LEFT + destination * step, y + 60), value, _VALUE_PX, ink.TEXT, weight="bold")
    bar = y + 86
    canvas.box(_LEFT, bar, _RIGHT, bar + _BAR, ink.HATCH)
    if panel.long_share is not None:
        split = _LEFT + (_RIGHT - _LEFT) * panel.long_share
        canvas.box(_LEFT, bar, split, bar + _BAR, ink.UP)
        canvas.box(split + 1, bar, _RIGHT, bar + _BAR, ink.DOWN)
    long, short = panel.sides
    canvas.text((_LEFT, bar + 48), long.name, _SMALL_PX, ink.UP)
    canvas.text((_RIGHT, bar + 48), short.name, _SMALL_PX, ink.DOWN, side="right")
    return top + _STATS_PX + 2 * _PAD + _GAP


def _side(canvas: Canvas, side: PositionCardSide, colour: ink.Colour, top: float) -> float:
    facts = (*side.facts, side.profit)
    height = _ROW * (len(facts) + 1) + 2 * _THIN_BAR
    y = _frame(canvas, top, height)
    canvas.box(_MARGIN, y - _PAD, _MARGIN + 7, y + height + _PAD, colour)
    width = canvas.text((_LEFT, y + 26), side.name, _BODY_PX, colour, weight="bold")
    canvas.text((_LEFT + width + 14, y + 26), side.held_by, _SMALL_PX, ink.MUTED)
    if side.is_gaining is not None:
        shade = ink.UP if side.is_gaining else ink.DOWN
        canvas.text((_RIGHT, y + 26), side.badge, _SMALL_PX, shade, side="right", weight="bold")
    y = _rows(canvas, facts, y + _ROW + 4)
    canvas.box(_LEFT, y + 4, _RIGHT, y + 4 + _THIN_BAR, ink.HATCH)
    if side.profit_share:
        canvas.box(_LEFT, y + 4, _LEFT + (_RIGHT - _LEFT) * side.profit_share, y + 4 + _THIN_BAR, colour)
    return top + height + 2 * _PAD + _GAP


def _rows(canvas: Canvas, facts: Sequence[Fact], top: float) -> float:
    y = top
    for label, value in facts:
        canvas.text((_LEFT, y + 26), label, _BODY_PX, ink.MUTED)
        canvas.text((_RIGHT, y + 26), value, _BODY_PX, ink.TEXT, side="right")
        y += _ROW
    return y


def _frame(canvas: Canvas, top: float, height: float) -> float:
    """A box for so much; returns where its inside begins."""
    bottom = top + height + 2 * _PAD
    canvas.box(_MARGIN, top, WIDTH - _MARGIN, bottom, ink.GRID)
    canvas.box(_MARGIN + 2, top + 2, WIDTH - _MARGIN - 2, bottom - 2, ink.BACKGROUND)
    return top + _PAD
