"""The page of `who chart`: outages stay empty, axes tell values and times, and a telephone shows it with a margin."""

from __future__ import annotations

import math
import re
from zoneinfo import ZoneInfo

from altmonitor.positioning.history import Snapshot
from altmonitor.positioning.picture import chart
from altmonitor.render.format import Style
from altmonitor.render.series_page import series_page
from tests.tracker.samples import snapshot

T0 = 1_790_000_100_000
QUARTER = 900_000
STYLE = Style(lang="en", tz=ZoneInfo("UTC"))


def row(number: int) -> Snapshot:
    return snapshot("ETHUSDT", T0 + number * QUARTER, long_qty=120_000 + 8_000 * math.sin(number / 9))


def page(*numbers: int, style: Style = STYLE) -> str:
    return series_page("ETHUSDT", chart("ETHUSDT", [row(number) for number in numbers]), style, disclaimer="No advice.")


def lines_of(html: str) -> list[int]:
    """How many points each line has."""
    return [len(points.split()) for points in re.findall(r'<polyline[^>]*points="([^"]*)"', html)]


def test_no_line_is_drawn_over_an_outage() -> None:
    whole = page(*range(40))
    torn = page(*range(10), *range(30, 40))
    assert lines_of(whole) == [40] * 5  # both sizes, both whales' entries, the mark price
    assert lines_of(torn) == [10] * 10
    assert torn.count('class="outage"') == 3
    assert "20 snapshots · 1 outage (grey)" in torn
    assert 'class="outage"' not in whole


def test_one_missed_sweep_is_no_outage_and_a_lone_row_between_two_is_a_dot() -> None:
    assert lines_of(page(*range(10), *range(11, 20))) == [19] * 5
    lone = page(*range(10), 25, *range(40, 50))
    assert lines_of(lone) == [10] * 10
    assert len(re.findall(r'<path d="M[0-9.]+,[0-9.]+h0"', lone)) == 5


def test_values_and_times_stand_at_the_axes() -> None:
    found = page(*range(40))
    assert re.findall(r'class="axis x"[^>]*>([^<]*)<', found)[:3] == ["16:00", "18:00", "20:00"]
    values = re.findall(r'class="axis y"[^>]*>([^<]*)<', found)
    assert {"115.0K", "120.0K", "125.0K"} <= set(values)
    assert "10.0" in values
    days = page(*range(0, 96 * 6, 4))
    assert re.findall(r'class="axis x"[^>]*>([^<]*)<', days)[:2] == ["09-22", "09-24"]


def test_a_telephone_gets_its_own_width_and_a_margin() -> None:
    found = page(*range(4))
    assert '<meta name="viewport" content="width=device-width,initial-scale=1">' in found
    assert "main{max-width:812px;margin:0 auto;padding:16px;box-sizing:border-box}" in found
    assert found.count('preserveAspectRatio="none"') == 3
    assert "<text" not in found  # words in a stretched picture would be stretched, too


def test_a_page_without_two_rows_says_what_to_do() -> None:
    assert "Two tracked snapshots are needed" in page(1)
