"""A chart as a picture: candles, volume, open interest, and the stretch an alert speaks of.

Made for a phone, where 900 pixels are about 340 points wide: no letter is smaller than 22 pixels.
"""

from __future__ import annotations

from itertools import pairwise
from statistics import median

from altmonitor.render import format as n
from altmonitor.render.charts import canvas as ink
from altmonitor.render.charts.canvas import Canvas, font
from altmonitor.render.charts.layout import (
    AXIS_PX,
    HEIGHT,
    LEFT,
    PANELS_BOTTOM,
    WIDTH,
    ChartSpec,
    Mark,
    Panel,
    Sheet,
    compact,
    holes,
    laid_out,
    moment_of,
    time_ticks,
)

# ---
# Each part of a chart, drawn onto a laid-out sheet.


_AXIS_GAP = 12
_LABEL_RISE = 8  # from a value's row down to the baseline of its label
_TAG_HALF = 16
_MARK_PX = 24
_TRIANGLE = 13
_HOLE_LABEL_LEAST = 60
_TIME_LABEL_SPACE = 110
_OI_LINE = 3
_BROKEN_AFTER = 3.0
"""A stretch without samples this many times as long as usual is not bridged by a line."""


def draw_grid(canvas: Canvas, sheet: Sheet) -> None:
    for tick, label in sheet.ticks:
        y = round(sheet.price.axis.destination(tick))
        canvas.box(LEFT, y, sheet.right, y, ink.GRID)
        if abs(y - sheet.price.axis.destination(sheet.candles[-1].close)) > _TAG_HALF + 10:
            canvas.text((sheet.right + _AXIS_GAP, y + _LABEL_RISE), label, AXIS_PX, ink.MUTED)
    for panel in (sheet.volume, sheet.open_interest):
        if panel is not None:
            canvas.box(LEFT, panel.bottom, sheet.right, panel.bottom, ink.GRID)
    _draw_times(canvas, sheet)


def draw_bands(canvas: Canvas, sheet: Sheet) -> None:
    """The stretches of the marks, behind everything else, in whole candles."""
    for mark in sheet.spec.marks:
        left, right = _stretch(sheet, mark)
        if left < right:
            canvas.box(left, sheet.price.top, right - 1, PANELS_BOTTOM - 1, ink.BAND)


def draw_holes(canvas: Canvas, sheet: Sheet) -> None:
    for from_ms, until_ms in holes(list(sheet.candles), sheet.spec.interval_ms):
        left, right = round(sheet.x(from_ms)), round(sheet.x(until_ms))
        frame = (left + 1, sheet.price.top, right, sheet.volume.bottom)
        canvas.hatch(frame, ink.HATCH)
        if right - left >= _HOLE_LABEL_LEAST:
            middle = (left + right) / 2
            row = (sheet.price.top + sheet.price.bottom) // 2
            canvas.box(middle - 25, row - 20, middle + 25, row + 10, ink.BACKGROUND)
            canvas.text((middle, row + 2), n.NA, AXIS_PX, ink.MUTED, side="middle")


def draw_candles(canvas: Canvas, sheet: Sheet) -> None:
    half = sheet.body_px // 2
    is_wide = sheet.body_px >= 9
    for candle in sheet.candles:
        is_up = candle.close >= candle.open
        middle, destination = sheet.middle(candle), sheet.price.axis.destination
        colour = ink.UP if is_up else ink.DOWN
        canvas.box(middle - is_wide, destination(candle.high), middle + is_wide, destination(candle.low), colour)
        top, bottom = destination(max(candle.open, candle.close)), destination(min(candle.open, candle.close))
        canvas.box(middle - half, top, middle + half, max(bottom, top + 1), colour)
        if candle.quote_usdt > 0:
            top = sheet.volume.axis.destination(candle.quote_usdt)
            shade = ink.UP_VOLUME if is_up else ink.DOWN_VOLUME
            canvas.box(middle - half, min(top, sheet.volume.bottom - 1), middle + half, sheet.volume.bottom - 1, shade)


def draw_last_price(canvas: Canvas, sheet: Sheet) -> None:
    last = sheet.candles[-1]
    colour, text = (ink.UP, ink.BACKGROUND) if last.close >= last.open else (ink.DOWN, ink.TEXT)
    y = round(sheet.price.axis.destination(last.close))
    canvas.dashes(LEFT, sheet.right, y, colour)
    label = n.price(last.close)
    width = font(AXIS_PX, "bold").getlength(label)
    left = sheet.right + _AXIS_GAP // 2
    canvas.box(left, y - _TAG_HALF, left + width + _AXIS_GAP, y + _TAG_HALF, colour)
    canvas.text((left + _AXIS_GAP // 2, y + _LABEL_RISE), label, AXIS_PX, text, weight="bold")


def draw_volume_words(canvas: Canvas, sheet: Sheet) -> None:
    panel, last = sheet.volume, sheet.candles[-1]
    _words(canvas, panel, "Vol", n.usd(last.quote_usdt), ink.MUTED)
    if panel.axis.high > last.quote_usdt:
        row = panel.top + 24 + _LABEL_RISE
        canvas.text((sheet.right + _AXIS_GAP, row), n.usd(panel.axis.high), AXIS_PX, ink.MUTED)


def draw_open_interest(canvas: Canvas, sheet: Sheet) -> None:
    panel = sheet.open_interest
    if panel is None:
        return
    frame = (LEFT, panel.top, sheet.right + 8, panel.bottom)
    for piece in _unbroken(list(sheet.samples)):
        points = [(sheet.x(time_ms), panel.axis.destination(contracts)) for time_ms, contracts in piece]
        has_dot = len(piece) == 1 or piece[-1] is sheet.samples[-1]
        canvas.line(points, ink.OI, width=_OI_LINE, frame=frame, has_dot=has_dot)
    first, last = sheet.samples[0][1], sheet.samples[-1][1]
    change = n.pct((last - first) / first * 100) if len(sheet.samples) > 1 else ""
    _words(canvas, panel, "OI", f"{compact(last)}  {change}", ink.OI)
    for value in (panel.axis.high, panel.axis.low):
        row = panel.axis.destination(value) + _LABEL_RISE
        canvas.text((sheet.right + _AXIS_GAP, min(row, panel.bottom)), compact(value), AXIS_PX, ink.MUTED)


def draw_marks(canvas: Canvas, sheet: Sheet) -> None:
    """Newest first; a label that would cover another one is left out, its sign stays."""
    taken: list[tuple[float, float]] = []
    for mark in reversed(sheet.spec.marks):
        left, right = _stretch(sheet, mark)
        if left >= right:
            continue
        _draw_sign(canvas, sheet, mark)
        width = font(_MARK_PX, "bold").getlength(mark.label)
        middle = min(max((left + right) / 2, LEFT + width / 2), sheet.right - width / 2)
        room = (middle - width / 2 - 8, middle + width / 2 + 8)
        if mark.label and all(room[1] <= a or b <= room[0] for a, b in taken):
            taken.append(room)
            row = (middle, sheet.price.top + _MARK_PX)
            canvas.text(row, mark.label, _MARK_PX, ink.MARK, side="middle", weight="bold")


def _draw_sign(canvas: Canvas, sheet: Sheet, mark: Mark) -> None:
    """Beside the newest candle of the stretch, on the side the move came from."""
    inside = [candle for candle in sheet.candles if candle.open_ms <= mark.time_ms]
    if not inside:
        return
    candle = inside[-1]
    destination, is_up = sheet.price.axis.destination, mark.direction == "up"
    row = destination(candle.low) + 6 if is_up else destination(candle.high) - 6
    row = min(row, sheet.price.bottom + 8 - _TRIANGLE) if is_up else max(row, sheet.price.top + _TRIANGLE)
    canvas.triangle((sheet.middle(candle), row), _TRIANGLE, ink.MARK, is_up=is_up)


def _stretch(sheet: Sheet, mark: Mark) -> tuple[int, int]:
    """Pixel columns [left, right) of the candles the mark touches; empty when none is on the sheet."""
    step = sheet.spec.interval_ms
    from_ms = mark.time_ms if mark.from_ms is None else min(mark.from_ms, mark.time_ms)
    first = (from_ms - sheet.from_ms) // step * step + sheet.from_ms
    # A moment on the border between two candles ends the first of them.
    last = -(-(max(mark.time_ms, from_ms + 1) - sheet.from_ms) // step) * step + sheet.from_ms
    first, last = max(first, sheet.from_ms), min(last, sheet.until_ms)
    return round(sheet.x(first)), round(sheet.x(last))


def _unbroken(samples: list[tuple[int, float]]) -> list[list[tuple[int, float]]]:
    gaps = [after[0] - before[0] for before, after in pairwise(samples)]
    longest = _BROKEN_AFTER * median(gaps) if gaps else 0.0
    pieces = [[samples[0]]]
    for sample, gap in zip(samples[1:], gaps, strict=True):
        if gap > longest:
            pieces.append([])
        pieces[-1].append(sample)
    return pieces


def _words(canvas: Canvas, panel: Panel, name: str, words: str, colour: ink.Colour) -> None:
    width = canvas.text((LEFT + 2, panel.top + 20), name, AXIS_PX, colour, weight="bold")
    canvas.text((LEFT + 12 + width, panel.top + 20), words, AXIS_PX, ink.MUTED)


def _draw_times(canvas: Canvas, sheet: Sheet) -> None:
    tz = sheet.spec.tz
    at_most = max(2, (sheet.right - LEFT) // _TIME_LABEL_SPACE)
    for tick_ms in time_ticks(sheet.from_ms, sheet.until_ms, tz, at_most=at_most):
        x = round(sheet.x(tick_ms))
        canvas.box(x, sheet.price.top, x, PANELS_BOTTOM + 6, ink.GRID)
        if LEFT + 20 <= x <= sheet.right - 32:
            label = n.clock_minute(tick_ms, tz)
            canvas.text((x, HEIGHT - 14), label, AXIS_PX, ink.MUTED, side="middle")
    moment = moment_of(sheet.until_ms, tz)
    if moment is not None:
        canvas.text((sheet.right + _AXIS_GAP, HEIGHT - 14), n.zone(moment), AXIS_PX, ink.MUTED)


# ---


_TITLE_PX, _SUBTITLE_PX = 36, 24
_TITLE_BASE, _SUBTITLE_BASE = 46, 80


def chart_png(spec: ChartSpec) -> bytes:
    """PNG of `WIDTH` × `HEIGHT` in a fixed palette: the same chart is the same bytes on the same machine.

    About 6 ms of computing. Raises ValueError when there is no candle that can be drawn.
    """
    sheet = laid_out(spec)
    if sheet is None:
        raise ValueError(f"no candle of {spec.symbol} can be drawn")
    canvas = Canvas(WIDTH, HEIGHT)
    draw_bands(canvas, sheet)
    draw_grid(canvas, sheet)
    draw_holes(canvas, sheet)
    draw_last_price(canvas, sheet)
    draw_candles(canvas, sheet)
    draw_volume_words(canvas, sheet)
    draw_open_interest(canvas, sheet)
    draw_marks(canvas, sheet)
    _draw_header(canvas, sheet)
    return canvas.png()


def _draw_header(canvas: Canvas, sheet: Sheet) -> None:
    spec, candles = sheet.spec, sheet.candles
    right = WIDTH - LEFT
    first, last = candles[0].open, candles[-1].close
    canvas.text((LEFT, _TITLE_BASE), spec.title or spec.symbol, _TITLE_PX, ink.TEXT, weight="bold")
    canvas.text((right, _TITLE_BASE), n.price(last), _TITLE_PX, ink.TEXT, side="right", weight="bold")
    canvas.text((LEFT, _SUBTITLE_BASE), spec.subtitle, _SUBTITLE_PX, ink.MUTED)
    change = n.pct((last - first) / first * 100)
    colour = ink.MUTED if last == first else ink.UP if last > first else ink.DOWN
    width = canvas.text((right, _SUBTITLE_BASE), change, _SUBTITLE_PX, colour, side="right", weight="bold")
    shown_s = (candles[-1].open_ms + spec.interval_ms - candles[0].open_ms) / 1000
    canvas.text((right - width - 12, _SUBTITLE_BASE), n.duration(shown_s), _SUBTITLE_PX, ink.MUTED, side="right")
