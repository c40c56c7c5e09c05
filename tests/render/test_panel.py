"""The panel: a page that needs nothing from outside, a picture of its own size, and no number that is not known."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC
from html.parser import HTMLParser
from io import BytesIO

import pytest
from PIL import Image

from altmonitor.positioning.picture import PositionPicture
from altmonitor.render.charts.canvas import BACKGROUND, DOWN, HATCH, UP, runs
from altmonitor.render.charts.panel import HEIGHT, WIDTH, panel_png
from altmonitor.render.format import Style
from altmonitor.render.panel import panel_of, panel_page
from tests.positioning.samples import T0, with_sides
from tests.render.position_replies import PICTURE

EN, ZH, RU = (Style(lang=lang, tz=UTC) for lang in ("en", "zh", "ru"))
SPLIT = with_sides(
    long={"traders_qty_coins": 3.0, "traders_avg_entry": 10.0},
    short={"traders_qty_coins": 1.0, "traders_avg_entry": 10.0},
)


class Words(HTMLParser):
    """Every text, and every tag with its attributes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.tags: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


def page(picture: PositionPicture = PICTURE, style: Style = EN) -> str:
    return panel_page(panel_of(picture, style), lang=style.lang)


def words(picture: PositionPicture = PICTURE, style: Style = EN) -> list[str]:
    return [text.strip() for text in Words(page(picture, style)).texts if text.strip()]


def test_the_page_tells_everything_in_order() -> None:
    assert words() == [
        *("ETH", "ETH", "Who is positioned", "10"),
        *("Position", "$3.5K", "Traders", "190", "L/S by USD", "1.21"),
        *("Long", "Short"),
        *("Long", "100 traders, 20 whales", "in profit"),
        *("Position", "$1.9K", "Average entry", "9.5", "Whales' entry", "9.4"),
        *("Estimated gain", "+$100", "In profit", "55 %"),
        *("Short", "90 traders, 9 whales", "in profit"),
        *("Position", "$1.6K", "Average entry", "10.5", "Whales' entry", "10.6"),
        *("Estimated gain", "+$75", "In profit", "67 %"),
        *("Top traders long/short", "1.25", "Taker buy/sell", "1.50"),
        *("Followed, of open interest", "17.4 %", "Open interest", "$10.0K · 4 h +4.05 %"),
        *("altmonitor · 2026-09-21 14:15 UTC", "Public exchange data, not advice."),
    ]


@pytest.mark.parametrize("style", [EN, ZH, RU], ids=["en", "zh", "ru"])
def test_the_page_loads_nothing_and_runs_nothing(style: Style) -> None:
    shown = page(style=style)
    assert not re.search(r"https?:|//|url\(|@import|<script|<img|<link| on\w+=", shown)
    assert set(Words(shown).tags) <= {"html", "head", "meta", "title", "body", "div", "span", "b", "br"}
    assert "max-width:520px" in shown


def test_a_symbol_that_is_markup_is_text_and_a_long_one_is_cut() -> None:
    picture = replace(PICTURE, symbol="<img src=x onerror=alert(1)>" + "X" * 40 + "USDT")
    assert "img" not in Words(page(picture)).tags
    assert words(picture)[0] == "<img src=x onerror=a"


def test_three_to_one_is_a_ratio_of_three_and_three_quarters_of_the_bar() -> None:
    picture = replace(PICTURE, overview=SPLIT)
    assert words(picture)[9] == "3.00"
    assert "#26be8a 0 75.0%,#f64e62 75.0% 100%" in page(picture)


def test_a_price_that_is_no_number_shows_neither_gain_nor_badge() -> None:
    picture = replace(PICTURE, mark_price=float("nan"), open_interest=None)
    shown = words(picture)
    assert shown[3] == "–"
    assert "in profit" not in shown
    assert "in loss" not in shown
    assert shown.count("–") == 5  # price, two gains, part of open interest, open interest
    assert "nan" not in page(picture).lower()


def test_a_price_that_follows_from_open_interest_is_said_to() -> None:
    picture = replace(PICTURE, mark_price=None)
    assert words(picture)[-1] == ("Measured at the price that open interest implies. Public exchange data, not advice.")


def test_a_side_of_unknown_size_splits_no_bar() -> None:
    picture = replace(PICTURE, overview=with_sides(long={"traders_avg_entry": None}))
    assert "linear-gradient" not in page(picture)
    assert words(picture)[5] == "–"


def test_there_is_no_panel_of_nobody() -> None:
    with pytest.raises(ValueError, match="nobody's positions in ETHUSDT are known"):
        panel_of(PositionPicture(symbol="ETHUSDT", now_ms=T0), EN)


def test_english_holds_no_chinese_sign() -> None:
    assert not re.search(r"[\u3000-\u9fff\uff00-\uffef]", page())


def pixels(picture: PositionPicture, style: Style = EN) -> Image.Image:
    image = Image.open(BytesIO(panel_png(panel_of(picture, style))))
    assert image.format == "PNG"
    return image.convert("RGB")


@pytest.mark.parametrize("style", [EN, ZH, RU], ids=["en", "zh", "ru"])
def test_the_picture_has_its_size_and_a_free_edge(style: Style) -> None:
    image = pixels(PICTURE, style)
    assert image.size == (WIDTH, HEIGHT) == (900, 1280)
    edge = [image.getpixel((x, y)) for x in (0, 14, 885, 899) for y in range(0, HEIGHT, 7)]
    edge += [image.getpixel((x, HEIGHT - 8)) for x in range(0, WIDTH, 7)]
    assert set(edge) == {BACKGROUND}


def colours_of_the_bar(picture: PositionPicture) -> list[tuple[int, int, int]]:
    image = pixels(picture)
    row = [image.getpixel((x, 222)) for x in range(54, 846)]
    return [colour for colour in row if isinstance(colour, tuple)]  # type: ignore[misc]


def test_the_picture_splits_its_bar_by_size_or_not_at_all() -> None:
    bar = colours_of_the_bar(replace(PICTURE, overview=SPLIT))
    assert set(bar) == {UP, DOWN}
    assert bar.count(UP) == pytest.approx(0.75 * 792, abs=2)
    unknown = replace(PICTURE, overview=with_sides(long={"traders_avg_entry": None}))
    assert set(colours_of_the_bar(unknown)) == {HATCH}


@pytest.mark.parametrize("style", [EN, ZH, RU], ids=["en", "zh", "ru"])
def test_no_line_of_the_page_wraps_on_a_telephone(style: Style) -> None:
    """375 pixels less margins and padding leave 303 for a row, and a third of that less gaps for each figure above."""
    panel = panel_of(PICTURE, style)
    rows = [*panel.footer, *(fact for side in panel.sides for fact in (*side.facts, side.profit))]
    wide = [label for label, value in rows if width(label, 15) + width(value, 15) + 12 > 303]
    wide += [label for label, _ in panel.stats if width(label, 12) > 93]
    assert wide == []


def width(text: str, size_px: int) -> float:
    return sum(used.getlength(piece) for piece, used in runs(text, size_px))
