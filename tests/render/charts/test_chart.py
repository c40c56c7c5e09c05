from __future__ import annotations

import threading
from datetime import UTC, timedelta, timezone
from importlib import resources
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageDraw

from altmonitor.market.candles import MINUTE_MS, Candle
from altmonitor.render.charts import canvas as ink
from altmonitor.render.charts.canvas import COVERED, Canvas, font, is_in, runs
from altmonitor.render.charts.chart import chart_png
from altmonitor.render.charts.layout import ChartSpec, Mark, Sheet, laid_out
from tests.effort import examples
from tests.render.charts.chart_cases import T0, Seen, candle, chart, pumped, zigzag


def sheet_of(spec: ChartSpec) -> Sheet:
    sheet = laid_out(spec)
    assert sheet is not None
    return sheet


def hatched_columns(sheet: Sheet, seen: Seen) -> set[int]:
    """Looked for where neither letters nor candles are."""
    return seen.columns_with(ink.HATCH, top=sheet.price.top, bottom=sheet.price.top + 30)


def test_a_chart_is_a_small_palette_picture_for_a_phone() -> None:
    png = chart_png(pumped())
    seen = Seen(png)
    assert (seen.image.format, seen.image.mode, seen.image.size) == ("PNG", "P", (900, 560))
    assert 8_000 < len(png) < 25_000
    assert len(seen.image.convert("RGB").getcolors(maxcolors=256) or []) <= 64


def test_the_same_chart_is_the_same_bytes_in_every_thread() -> None:
    first = chart_png(pumped())
    others: list[bytes] = []
    thread = threading.Thread(target=lambda: others.append(chart_png(pumped())))
    thread.start()
    thread.join()
    assert [chart_png(pumped()), *others] == [first, first]


def test_a_candle_that_rose_is_green_and_one_that_fell_is_red() -> None:
    spec = pumped()
    sheet, seen = sheet_of(spec), Seen(chart_png(spec))
    fell, rose = sheet.candles[-2], sheet.candles[-1]
    assert (fell.open, fell.close, rose.open, rose.close) == (100.4, 100.0, 100.0, 103.0)
    assert seen.at(sheet.middle(rose), sheet.price.axis.destination(101.0)) == ink.UP
    assert seen.at(sheet.middle(fell), sheet.price.axis.destination(100.3)) == ink.DOWN
    assert seen.at(sheet.middle(rose), sheet.price.axis.destination(99.9)) == ink.UP  # its wick
    assert seen.at(sheet.middle(rose), sheet.volume.bottom - 3) == ink.UP_VOLUME
    assert seen.at(sheet.middle(fell), sheet.volume.bottom - 2) == ink.DOWN_VOLUME


def test_candles_lie_from_left_to_right_and_higher_prices_higher() -> None:
    sheet = sheet_of(pumped())
    destinations = [sheet.middle(one) for one in sheet.candles]
    assert destinations == sorted(destinations)
    assert destinations[0] > 18
    assert destinations[-1] < sheet.right < 900
    assert sheet.price.axis.destination(103.2) < sheet.price.axis.destination(99.8)
    assert sheet.price.top <= sheet.price.axis.destination(103.2)
    assert sheet.price.axis.destination(99.8) <= sheet.price.bottom


def test_the_alerts_stretch_is_marked_through_all_panels_in_whole_candles() -> None:
    mark = Mark(time_ms=T0 - 90_000, from_ms=T0 - 200_000, label="OI +7.8 %", direction="up")
    spec = chart(*zigzag(30), marks=(mark,))
    sheet, seen = sheet_of(spec), Seen(chart_png(spec))
    banded = seen.columns_with(ink.BAND, top=sheet.volume.top, bottom=sheet.volume.top + 10)
    assert min(banded) == round(sheet.x(T0 - 4 * MINUTE_MS))
    assert max(banded) == round(sheet.x(T0 - 1 * MINUTE_MS)) - 1
    assert seen.has(ink.MARK)


def test_a_mark_on_the_border_of_two_candles_belongs_to_the_first() -> None:
    spec = chart(*zigzag(30), marks=(Mark(time_ms=T0, from_ms=T0 - MINUTE_MS, label="", direction="down"),))
    sheet, seen = sheet_of(spec), Seen(chart_png(spec))
    banded = seen.columns_with(ink.BAND, top=sheet.volume.top, bottom=sheet.volume.top + 10)
    assert (min(banded), max(banded)) == (round(sheet.x(T0 - MINUTE_MS)), round(sheet.x(T0)) - 1)


def test_marks_outside_the_chart_are_not_drawn() -> None:
    marks = (
        Mark(time_ms=T0 - 3_600_000, label="old", direction="up"),
        Mark(time_ms=T0 + 3_600_000, label="later", direction="down"),
    )
    seen = Seen(chart_png(chart(*zigzag(30), marks=marks)))
    assert not seen.has(ink.MARK)
    assert not seen.has(ink.BAND)


def test_a_hole_is_hatched_and_no_candle_stands_in_it() -> None:
    candles = zigzag(30)
    spec = chart(*candles[:12], *candles[20:])
    sheet, seen = sheet_of(spec), Seen(chart_png(spec))
    hatched = hatched_columns(sheet, seen)
    left, right = round(sheet.x(candles[12].open_ms)), round(sheet.x(candles[20].open_ms))
    assert left < min(hatched) < left + 14
    assert right - 14 < max(hatched) < right
    # Half-way up the bodies, away from the dashes of the last price.
    row = round(sheet.price.axis.destination(100.2))
    solid = seen.columns_with(ink.UP, top=row, bottom=row + 1) | seen.columns_with(ink.DOWN, top=row, bottom=row + 1)
    assert len(solid) == 22 * sheet.body_px
    assert not [x for x in solid if left <= x < right]


def test_without_a_hole_nothing_is_hatched() -> None:
    assert not hatched_columns(sheet_of(chart(*zigzag(30))), Seen(chart_png(chart(*zigzag(30)))))


def test_an_impossible_candle_is_a_hole() -> None:
    candles = list(zigzag(30))
    candles[10] = candle(-19, 100.0, 101.0, high=100.5)  # its close lies above its high
    spec = chart(*candles)
    assert len(sheet_of(spec).candles) == 29
    assert hatched_columns(sheet_of(spec), Seen(chart_png(spec)))


def test_open_interest_has_a_panel_only_where_samples_are_known() -> None:
    assert Seen(chart_png(pumped())).has(ink.OI)
    bare = chart(*zigzag(30), open_interest=((T0 - 86_400_000, 5e6), (T0, float("nan")), (T0 + 1, 0.0)))
    assert sheet_of(bare).open_interest is None
    assert not Seen(chart_png(bare)).has(ink.OI)
    assert sheet_of(bare).price.bottom > sheet_of(pumped()).price.bottom


def test_a_gap_between_samples_is_not_bridged() -> None:
    early = [(T0 - (29 - i) * MINUTE_MS, 5e6) for i in range(8)]
    late = [(T0 - (7 - i) * MINUTE_MS, 5.1e6) for i in range(8)]
    spec = chart(*zigzag(30), open_interest=tuple(early + late))
    sheet = sheet_of(spec)
    assert sheet.open_interest is not None
    inked = Seen(chart_png(spec)).columns_with(
        ink.OI, top=sheet.open_interest.top + 28, bottom=sheet.open_interest.bottom
    )
    left, right = sheet.x(early[-1][0]) + 6, sheet.x(late[0][0]) - 6
    assert [x for x in inked if x < left]
    assert [x for x in inked if x > right]
    assert not [x for x in inked if left <= x <= right]


def test_one_candle_alone_is_not_blown_up() -> None:
    spec = chart(candle(0, 1.2, 1.38, high=1.42, low=1.15))
    sheet, seen = sheet_of(spec), Seen(chart_png(spec))
    assert sheet.body_px == 21
    assert sheet.x(T0 + MINUTE_MS) == sheet.right
    assert seen.at(sheet.middle(sheet.candles[0]), sheet.price.axis.destination(1.3)) == ink.UP


def test_a_flat_market_looks_flat() -> None:
    sheet = sheet_of(chart(*zigzag(30, base=1.0001, step=0.0001)))
    assert sheet.price.axis.destination(1.0001) - sheet.price.axis.destination(1.0002) < 15
    assert [label for _, label in sheet.ticks] == ["0.9995", "1.0000", "1.0005", "1.0010"]


@pytest.mark.parametrize(
    ("low", "high", "labels"),
    [
        (0.00000031, 0.00000035, ["0.00000031", "0.00000032", "0.00000033", "0.00000034", "0.00000035"]),
        (104_000.0, 105_600.0, ["104,000", "104,500", "105,000", "105,500"]),
        (0.9, 1.1, ["0.90", "0.95", "1.00", "1.05", "1.10"]),
    ],
)
def test_prices_of_every_size_have_readable_labels(low: float, high: float, labels: list[str]) -> None:
    assert [label for _, label in sheet_of(chart(candle(-1, low, high), candle(0, high, low))).ticks] == labels


def test_a_chart_reaches_back_at_most_240_candles() -> None:
    sheet = sheet_of(chart(candle(-5_000), *zigzag(300)))
    assert (len(sheet.candles), sheet.candles[0].open_ms) == (240, T0 - 239 * MINUTE_MS)


@pytest.mark.parametrize("candles", [(), (candle(0, float("nan")),), (candle(0, 0.0, 0.0),), (candle(0, quote=-1.0),)])
def test_without_a_candle_there_is_no_chart(candles: tuple[Candle, ...]) -> None:
    with pytest.raises(ValueError, match="no candle of SOLUSDT can be drawn"):
        chart_png(chart(*candles))


ANY_FLOAT = st.floats() | st.sampled_from([1e-300, 1e300, 5e-324, 1e-18, 1e18, 1e-9, 1.0])
PRICES = st.floats(1e-18, 1e18) | st.floats(0.9, 1.1)
MOMENTS = st.integers(-(2**60), 2**60) | st.integers(T0 - 86_400_000, T0 + 86_400_000)
ZONES = st.sampled_from(
    [UTC, ZoneInfo("America/St_Johns"), ZoneInfo("Pacific/Kiritimati"), timezone(-timedelta(hours=23, minutes=59))]
)


@st.composite
def some_candles(draw: st.DrawFn) -> Candle:
    low, first, last, high = sorted(draw(st.tuples(PRICES, PRICES, PRICES, PRICES)))
    moment = draw(MOMENTS | st.integers(-50, 50).map(lambda minute: T0 + minute * MINUTE_MS))
    if draw(st.booleans()):
        first, last = last, first
    if draw(st.integers(0, 9)) == 0:
        high = draw(ANY_FLOAT)
    quote = draw(st.floats(0, 1e18) | ANY_FLOAT)
    return Candle(open_ms=moment, open=first, high=high, low=low, close=last, quote_usdt=quote)


MARKS = st.builds(
    Mark,
    time_ms=MOMENTS,
    from_ms=MOMENTS | st.none(),
    label=st.text(max_size=12),
    direction=st.sampled_from(["up", "down"]),
)


@settings(max_examples=examples(120))
@given(
    candles=st.lists(some_candles(), max_size=40),
    ordered=st.booleans(),
    samples=st.lists(st.tuples(MOMENTS, ANY_FLOAT | st.floats(1, 1e12)), max_size=20),
    marks=st.lists(MARKS, max_size=4),
    words=st.text(max_size=30),
    zone=ZONES,
)
def test_whatever_the_exchange_sends_there_is_a_picture_or_one_clear_error(
    candles: list[Candle],
    ordered: bool,
    samples: list[tuple[int, float]],
    marks: list[Mark],
    words: str,
    zone: timezone,
) -> None:
    if ordered:
        candles = sorted(candles, key=lambda one: one.open_ms)
    spec = chart(
        *candles, symbol=words, open_interest=tuple(samples), marks=tuple(marks), title=words, subtitle=words, tz=zone
    )
    if laid_out(spec) is None:
        with pytest.raises(ValueError, match="can be drawn"):
            chart_png(spec)
    else:
        assert Seen(chart_png(spec)).image.size == (900, 560)


def test_every_colour_is_drawn_as_it_is() -> None:
    flat = [ink.BACKGROUND, ink.GRID, ink.HATCH, ink.TEXT, ink.MUTED, ink.UP, ink.DOWN]
    flat += [ink.UP_VOLUME, ink.DOWN_VOLUME, ink.OI, ink.MARK, ink.BAND]
    canvas = Canvas(10, len(flat))
    for row, colour in enumerate(flat):
        canvas.box(0, row, 9, row, colour)
    seen = Seen(canvas.png())
    assert [seen.at(5, row) for row in range(len(flat))] == flat


def test_letters_and_lines_are_those_of_a_true_colour_picture() -> None:
    image = Image.new("RGB", (200, 120), ink.BACKGROUND)
    pen = ImageDraw.Draw(image)
    pen.rectangle((0, 60, 199, 119), fill=ink.BAND)
    pen.text((round(10.0), 40.25), "+4.02 % Ж", fill=ink.TEXT, font=font(24, "bold"), anchor="ls")
    pen.text((round(150 - font(22).getlength("12:30") / 2), 100), "12:30", fill=ink.MARK, font=font(22), anchor="ls")
    mask = Image.new("L", (600, 360), 0)
    ImageDraw.Draw(mask).line([(30, 165), (240, 30), (570, 150)], fill=255, width=9, joint="curve")
    image.paste(ink.OI, (0, 0, 200, 120), mask.reduce(3))
    canvas = Canvas(200, 120)
    canvas.box(0, 60, 199, 119, ink.BAND)
    canvas.text((10, 40.25), "+4.02 % Ж", 24, ink.TEXT, weight="bold")
    canvas.text((150, 100), "12:30", 22, ink.MARK, side="middle")
    canvas.line([(10, 55), (80, 10), (190, 50)], ink.OI, width=3, frame=(0, 0, 200, 120), has_dot=False)
    seen = Seen(canvas.png())

    def off(x: int, y: int) -> int:
        wanted = image.getpixel((x, y))
        assert isinstance(wanted, tuple)
        return max(abs(a - b) for a, b in zip(seen.at(x, y), wanted, strict=True))

    offs = [off(x, y) for y in range(120) for x in range(200)]
    assert sum(offs) / len(offs) < 1.0  # the 64 colours hold no shade of everything over everything
    assert sum(one > 40 for one in offs) < 60


def test_what_lies_outside_of_the_sheet_is_cut_off() -> None:
    canvas = Canvas(60, 40)
    canvas.box(-20, -20, -1, -1, ink.UP)
    canvas.box(-5, 20, 3, 22, ink.UP)
    canvas.box(58, 38, 90, 90, ink.DOWN)
    canvas.text((-10, 5), "over the edge", 20, ink.TEXT)
    canvas.text((50, 60), "below", 20, ink.TEXT)
    canvas.text((500, 500), "away", 20, ink.TEXT)
    canvas.triangle((0, 0), 12, ink.MARK, is_up=True)
    canvas.dot((60, 0), 6, ink.OI)
    canvas.line([(-50, -50), (-10, -10)], ink.OI, width=2, frame=(0, 0, 60, 40), has_dot=True)
    canvas.hatch((50, 30, 80, 60), ink.HATCH)
    seen = Seen(canvas.png())
    assert [seen.at(0, 21), seen.at(3, 22), seen.at(4, 22), seen.at(59, 39)] == [
        ink.UP,
        ink.UP,
        ink.BACKGROUND,
        ink.DOWN,
    ]
    assert (seen.at(1, 8), seen.at(58, 2)) == (ink.MARK, ink.OI)


@pytest.mark.parametrize("weight", ["book", "bold"])
def test_every_listed_letter_is_brought_along(weight: str) -> None:
    letters = font(20, "bold" if weight == "bold" else "book")
    unknown = bytes(letters.getmask("\uffff"))

    def is_drawn(code: int) -> bool:
        return bytes(letters.getmask(chr(code))) != unknown or chr(code).isspace()

    listed = [code for first, last in COVERED for code in range(first, last + 1)]
    assert [hex(code) for code in listed if not is_drawn(code)] == []
    assert {"П", "ё", "ß", "−", "×", "·", "…", "↑", "▲"} <= {chr(code) for code in listed}


def test_the_licence_of_the_letters_is_beside_them() -> None:
    names = {entry.name for entry in resources.files("altmonitor.render.charts").joinpath("fonts").iterdir()}
    assert {"DejaVuSansCondensed.ttf", "DejaVuSansCondensed-Bold.ttf", "LICENSE-DejaVu.txt"} <= names


def test_what_no_font_can_show_becomes_one_ellipsis() -> None:
    assert [text for text, _ in runs("\ue000\ue001USDT", 20)] == ["…USDT"]
    assert [text for text, _ in runs("A\ue000B\ue001…", 20)] == ["A…B……"]
    assert runs("", 20) == []


def test_a_chinese_symbol_is_shown_or_shortened_but_never_boxes() -> None:
    shown = "".join(text for text, _ in runs("币安人生USDT", 36, "bold"))
    assert shown in ("币安人生USDT", "…USDT")
    assert not is_in("币", COVERED)
    assert len(chart_png(chart(*zigzag(30), symbol="币安人生USDT"))) > 5_000
