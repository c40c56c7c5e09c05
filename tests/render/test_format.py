from __future__ import annotations

import math
import re
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from altmonitor.render import format as n
from tests.render.render_cases import AT_MS, read

UTC = ZoneInfo("UTC")
SHANGHAI = ZoneInfo("Asia/Shanghai")


@pytest.mark.parametrize(
    ("lang", "forms"),
    [
        ("en", {"one": [1], "many": [0, 2, 5, 11, 21]}),
        ("zh", {"one": [1], "many": [0, 2, 22]}),
        (
            "ru",
            {
                "one": [1, 21, 101],
                "few": [2, 3, 4, 22, 34, 102],
                "many": [0, 5, 10, 11, 12, 14, 19, 20, 25, 111, 112, 114],
            },
        ),
    ],
)
def test_the_form_beside_a_number(lang: str, forms: dict[str, list[int]]) -> None:
    assert {
        form: [count for count in counts if n.plural(count, lang) == form] for form, counts in forms.items()
    } == forms


def test_what_a_float_cannot_hold_decides_on_no_half() -> None:
    assert n.pct(3.0499999999999972, 1) == "+3.1 %"
    assert n.unsigned_pct(3.0499999999999972, 1) == "3.1 %"
    assert n.multiple(8.249999999999998) == "8.3×"
    assert n.share(0.62499999999999989, 0) == "63 %"
    assert n.ratio(1.0049999999999999) == "1.01"
    assert n.pct(3.0499, 1) == "+3.0 %"


any_float = st.none() | st.floats(allow_nan=True, allow_infinity=True)
known_price = st.floats(min_value=1e-12, max_value=1e9)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0.006161, "0.006161"),
        (3.1e-8, "0.000000031"),
        (1e-9, "0.000000001"),
        (0.0000123, "0.0000123"),
        (0.1234567, "0.12346"),
        (0.999999, "1"),
        (1.0, "1"),
        (2, "2"),
        (2.556, "2.556"),
        (2.55649, "2.5565"),
        (999.99999, "1,000"),
        (65432.1, "65,432.1"),
        (65432.123456, "65,432.12"),
        (123456.789, "123,456.789"),
        (118000.0, "118,000"),
        (0.0, "n/a"),
        (-1.0, "n/a"),
        (None, "n/a"),
        (math.nan, "n/a"),
        (math.inf, "n/a"),
        (1e300, "n/a"),
        (5e-324, "n/a"),
    ],
)
def test_a_price_prints_faithfully(value: float | None, shown: str) -> None:
    assert n.price(value) == shown


@pytest.mark.parametrize(
    ("value", "shown", "signed"),
    [
        (1.5e9, "$1.50B", "+$1.50B"),
        (4_200_000, "$4.20M", "+$4.20M"),
        (1500, "$1.5K", "+$1.5K"),
        (1234, "$1.2K", "+$1.2K"),
        (-1234, "−$1.2K", "−$1.2K"),
        (-2e6, "−$2.00M", "−$2.00M"),
        (999_949, "$999.9K", "+$999.9K"),
        (999_950, "$1.00M", "+$1.00M"),
        (999.6, "$1.0K", "+$1.0K"),
        (12.4, "$12", "+$12"),
        (0, "$0", "$0"),
        (-0.2, "$0", "$0"),
        (2.5e12, "$2,500.00B", "+$2,500.00B"),
        (None, "n/a", "n/a"),
        (math.nan, "n/a", "n/a"),
    ],
)
def test_dollars_are_scaled_and_the_sign_stands_first(value: float | None, shown: str, signed: str) -> None:
    assert n.usd(value) == shown
    assert n.usd(value, is_signed=True) == signed


def test_quantities_are_scaled_with_one_decimal() -> None:
    assert n.quantity(1500) == "1.5K"
    assert n.quantity(7.823e9) == "7.8B"
    assert n.quantity(950) == "950"
    assert n.quantity(-1500, is_signed=True) == "−1.5K"


@pytest.mark.parametrize(
    ("value", "decimals", "shown"),
    [
        (4.05, 2, "+4.05 %"),
        (-5.215, 2, "−5.22 %"),
        (5.215, 2, "+5.22 %"),
        (20.0, 1, "+20.0 %"),
        (100 / 9, 1, "+11.1 %"),
        (0.01, 4, "+0.0100 %"),
        (-0.004, 2, "0.00 %"),
        (0.0, 2, "0.00 %"),
        (1234.5, 1, "+1,234.5 %"),
        (None, 2, "n/a"),
        (math.nan, 2, "n/a"),
    ],
)
def test_percent_is_signed_with_a_real_minus(value: float | None, decimals: int, shown: str) -> None:
    assert n.pct(value, decimals) == shown


def test_shares_multiples_and_ratios_have_their_own_forms() -> None:
    assert n.share(0.62) == "62 %"
    assert n.share(0.62, 2) == "62.00 %"
    assert n.unsigned_pct(7.4) == "7.4 %"
    assert n.multiple(8.3) == "8.3×"
    assert n.multiple(6.0) == "6.0×"
    assert n.multiple(1234.5) == "1,235×"
    assert n.ratio(1.4) == "1.40"
    assert (n.share(None), n.multiple(None), n.ratio(math.nan), n.unsigned_pct(None)) == ("n/a",) * 4


@pytest.mark.parametrize(
    ("value", "shown"),
    [(2.75, "2.75"), (3.0, "3"), (-3.0, "−3"), (1e-7, "0.0000001"), (1e6, "1000000"), (180, "180"), (math.inf, "n/a")],
)
def test_a_setting_is_echoed_without_losing_a_digit(value: float, shown: str) -> None:
    assert n.exact(value) == shown


@given(st.floats(min_value=-1e12, max_value=1e12))
def test_an_echoed_setting_reads_back_as_the_same_number(value: float) -> None:
    assert float(n.exact(value).replace("−", "-")) == value


@pytest.mark.parametrize(
    ("seconds", "en", "zh"),
    [
        (0, "0 s", "0 秒"),
        (42, "42 s", "42 秒"),
        (59.7, "1 min", "1 分钟"),
        (250, "4 min 10 s", "4 分钟 10 秒"),
        (3600, "1 h", "1 小时"),
        (11_100, "3 h 5 min", "3 小时 5 分钟"),
        (190_000, "2 d 4 h", "2 天 4 小时"),
        (-3, "0 s", "0 秒"),
        (None, "n/a", "n/a"),
    ],
)
def test_a_duration_has_its_two_largest_units(seconds: float | None, en: str, zh: str) -> None:
    assert n.duration(seconds) == en
    assert n.duration(seconds, "zh") == zh


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(42.4, "42 s"), (119, "119 s"), (190, "3 min"), (7199, "119 min"), (7200, "2 h"), (172_800, "2 d"), (None, "n/a")],
)
def test_an_age_has_one_unit(seconds: float | None, shown: str) -> None:
    assert n.age(seconds) == shown


def test_a_measured_window_keeps_its_tenth() -> None:
    assert n.span(60.0) == "60 s"
    assert n.span(58.72) == "58.7 s"
    assert n.span(298.0, "zh") == "298 秒"


def test_a_time_names_its_zone_by_offset() -> None:
    assert n.when(AT_MS, UTC) == "23:00:39 UTC"
    assert n.when(AT_MS, SHANGHAI) == "07:00:39 UTC+08"
    assert n.when(AT_MS, ZoneInfo("America/New_York")) == "19:00:39 UTC−04"
    assert n.when(1_767_225_600_000, ZoneInfo("America/New_York")) == "19:00:00 UTC−05"
    assert n.when(AT_MS, ZoneInfo("Asia/Kolkata")) == "04:30:39 UTC+05:30"
    assert n.when(AT_MS, ZoneInfo("America/St_Johns")) == "20:30:39 UTC−02:30"


def test_a_time_names_its_day_when_the_reader_is_on_another_one() -> None:
    assert n.when(AT_MS, UTC, reference_ms=AT_MS + 3_560_000) == "23:00:39 UTC"
    assert n.when(AT_MS, UTC, reference_ms=AT_MS + 3_600_000) == "2026-08-28 23:00:39 UTC"
    assert n.when(AT_MS, SHANGHAI, reference_ms=AT_MS + 3_600_000) == "07:00:39 UTC+08"
    assert n.date_and_time(AT_MS, SHANGHAI) == "2026-08-29 07:00:39 UTC+08"
    assert n.clock_minute(AT_MS, UTC) == "23:00"
    assert n.clock_minute(AT_MS, UTC, is_dated=True) == "08-28 23:00"


def test_a_period_says_day_and_zone_no_more_often_than_needed() -> None:
    assert n.period(AT_MS - 58_000, AT_MS, UTC, is_dated=False) == "22:59:41 – 23:00:39 UTC"
    assert n.period(AT_MS - 58_000, AT_MS, UTC, is_dated=True) == "2026-08-28 22:59:41 – 23:00:39 UTC"
    assert n.period(AT_MS, AT_MS + 3_600_000, UTC, is_dated=False) == "2026-08-28 23:00:39 – 2026-08-29 00:00:39 UTC"
    assert n.period(AT_MS, AT_MS + 300, UTC, is_dated=False) == "23:00:39 UTC"
    clocks_back_ms = 1_792_890_000_000  # 2026-10-25 01:00 UTC, summer time ends in Berlin
    assert (
        n.period(clocks_back_ms - 60_000, clocks_back_ms, ZoneInfo("Europe/Berlin"), is_dated=False)
        == "02:59:00 UTC+02 – 02:00:00 UTC+01"
    )


def test_a_stamp_no_calendar_holds_is_not_available() -> None:
    assert n.when(10**17, UTC) == "n/a"
    assert n.when(None, UTC) == "n/a"
    assert n.date_and_time(math.inf, UTC) == "n/a"
    assert n.period(-(10**17), AT_MS, UTC, is_dated=True) == "n/a"


def test_numpy_numbers_are_numbers() -> None:
    assert n.pct(np.float64(7.82), 1) == "+7.8 %"
    assert n.price(np.float64(0.006161)) == "0.006161"
    assert n.usd(np.float64(48_200_000)) == "$48.20M"


def test_escaping_leaves_nothing_a_parser_could_take_for_markup() -> None:
    assert n.escape('<b>&"x"') == "&lt;b&gt;&amp;&quot;x&quot;"
    assert n.escape("币安人生USDT") == "币安人生USDT"
    assert n.escape("a\x00b\ud800c\u202ed") == "a�b�c�d"


def test_a_symbol_stays_on_one_line_and_has_an_end() -> None:
    assert n.symbol_text("1000PEPEUSDT") == "1000PEPEUSDT"
    assert n.symbol_text("A\n<B>") == "A &lt;B&gt;"
    assert n.symbol_text("A" * 5000) == "A" * 63 + "…"


def test_length_is_counted_in_utf_16_units() -> None:
    assert n.utf16_len("abc") == 3
    assert n.utf16_len("币") == 1
    assert n.utf16_len("📈") == 2
    assert n.utf16_len("\ud800") == 1


@given(st.text())
def test_escaped_text_reads_back_with_only_unshowable_characters_replaced(text: str) -> None:
    seen = read(n.escape(text)[:4000].rsplit("&", 1)[0]).text
    assert len(seen) <= len(text)
    for before, after in zip(text, seen, strict=False):
        assert after in (before, "\ufffd")


@given(any_float)
def test_no_number_is_ever_printed_with_an_exponent_or_a_hyphen(value: float | None) -> None:
    shown = [
        n.price(value),
        n.usd(value),
        n.usd(value, is_signed=True),
        n.quantity(value),
        n.pct(value),
        n.pct(value, 1),
        n.share(value),
        n.multiple(value),
        n.ratio(value),
        n.duration(value),
        n.age(value),
        n.span(value),
    ]
    for text in shown:
        assert re.fullmatch(r"n/a|[+−]?\$?[\d,]+(\.\d+)?[KMB×]?( (%|s|min|h|d))?( \d+ (s|min|h))?", text), text
        assert len(text) <= 40


@given(known_price)
def test_a_price_loses_at_most_its_sixth_digit(value: float) -> None:
    assert float(n.price(value).replace(",", "")) == pytest.approx(value, rel=5.1e-5)


@given(st.floats(min_value=-1e15, max_value=1e15))
def test_the_sign_shown_is_the_sign_of_the_number(value: float) -> None:
    for shown in (n.pct(value), n.usd(value, is_signed=True)):
        digits_are_zero = not re.search(r"[1-9]", shown)
        assert digits_are_zero or shown.startswith("+" if value > 0 else "−")
        assert not digits_are_zero or shown[0] not in "+−"
