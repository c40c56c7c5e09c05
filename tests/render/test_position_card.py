"""Who is positioned, in words: the line on alerts, the card, alerts of their own. Unknown is a dash, never a zero."""

from __future__ import annotations

import html
import re
from dataclasses import replace
from datetime import UTC, timedelta, timezone
from typing import get_args

import pytest

from altmonitor.commands.replies import HistoryShown, StatsShown
from altmonitor.commands.replies_market import ChangeShown, DivergenceShown, ScanShown, TrendShown
from altmonitor.core.alert import (
    Alert,
    AlertStats,
    Details,
    Kind,
    Positions,
    StoredAlert,
    TrackedMove,
    TrackedSide,
    WhaleLine,
)
from altmonitor.core.types import LANGUAGES, Fraction
from altmonitor.interfaces.queries import DivergenceFacts, WhoFacts
from altmonitor.positioning.history import ExtremeScan, NotEnoughSnapshots
from altmonitor.render.alert_parts import tracked_line
from altmonitor.render.alerts import alert_html
from altmonitor.render.blocks import reply_lines
from altmonitor.render.digest import digest_parts
from altmonitor.render.format import Style, without_markup
from altmonitor.render.position_card import profit_bar, push_card
from altmonitor.render.replies import reply_parts
from tests.positioning.samples import OVERVIEW, T0, with_sides
from tests.render.position_replies import CHANGE, FACTS, GAP, LONG_NAME, NOTHING, PICTURE, STATISTICS, TREND, entry
from tests.render.render_cases import PRICE, changed

EN = Style(lang="en", tz=UTC)
ZH = Style(lang="zh", tz=timezone(timedelta(hours=8)))
RU = Style(lang="ru", tz=timezone(timedelta(hours=3)))
WHALES = WhaleLine(
    age_s=180.0,
    long_entry=9.4,
    short_entry=10.6,
    long_profit_share=Fraction(0.6),
    short_profit_share=Fraction(0.25),
    oi_share=Fraction(0.174),
)


def whale_row(
    style: Style, *, whales: WhaleLine | None = WHALES, has_followed: bool = True, symbol: str = "ETHUSDT"
) -> str:
    details = Details(whales=whales, has_followed=has_followed)
    alert = Alert(
        key="price:ETHUSDT:PUMP:1m:1", ts=T0 / 1000, event_ms=T0, symbol=symbol, kind="price", direction="PUMP",
        price=10.0, change_pct=3.1, metric=3.1, details=details,
    )  # fmt: skip
    lines = alert_html(alert, style, maybe_repeated=False, has_buttons=True).split("\n")
    return next((line for line in lines if "🐋" in line or "smart-money" in line), "")


def read(text: str) -> str:
    return html.unescape(without_markup(text))


def card_text(facts: WhoFacts, style: Style) -> str:
    return read("\n".join(push_card(facts, style)))


def test_the_line_tells_both_sides_their_part_of_open_interest_and_its_age() -> None:
    assert read(whale_row(EN)) == (
        "🐋 Whales: long at 9.4, 60 % in profit · short at 10.6, 25 % in profit · followed traders hold 17.4 % of OI "
        "(3 min ago)"
    )
    assert "https://www.binance.com/en/smart-money/signal/ETHUSDT" in whale_row(EN)
    assert read(whale_row(ZH)) == (
        "🐋 巨鲸：多头均价 9.4，60 % 盈利 · 空头均价 10.6，25 % 盈利 · 被跟踪交易者占持仓 17.4 %（3 分钟前）"
    )
    assert "https://www.binance.com/zh-CN/smart-money/signal/ETHUSDT" in whale_row(ZH)


def test_an_unknown_side_is_a_dash_and_an_unknown_share_is_left_out() -> None:
    row = whale_row(EN, whales=WhaleLine(age_s=0.0, long_entry=9.4))
    assert read(row) == "🐋 Whales: long at 9.4, – in profit · short at –, – in profit"


def test_where_nobody_is_followed_there_is_neither_line_nor_link() -> None:
    assert whale_row(EN, whales=None, has_followed=False) == ""


def test_the_link_is_shown_alone_and_the_line_without_it() -> None:
    assert re.fullmatch(r'<a href="https://[^"]+/signal/ETHUSDT">Whales</a>', whale_row(EN, whales=None))
    assert "<a" not in whale_row(EN, has_followed=False)


def test_a_chinese_symbol_is_spelled_in_the_link_as_an_address() -> None:
    assert "signal/%E5%B8%81%E5%AE%89USDT" in whale_row(EN, symbol="币安USDT")


def test_the_card_in_english() -> None:
    assert card_text(FACTS, EN).split("\n") == [
        "👥 ETHUSDT perpetual 10 · 24 h +1.58 %",
        "24 h volume $1.35B · OI $10.0K (4 h +4.05 %) · funding +0.0050 % (next in 00:27:08)",
        "",
        "Whales $3.2K · 29 of them · long/short 1.29",
        "🟢 Long 20 · in profit",
        "$1.8K at 9.4 · gain +$108",
        "▰▰▰▰▰▰▱▱▱▱ 60 % in profit",
        "🔴 Short 9 · in profit",
        "$1.4K at 10.6 · gain +$84",
        "▰▰▰▰▰▰▰▱▱▱ 67 % in profit",
        "",
        "All followed $3.5K at entry · 190 traders · 17.4 % of OI",
        "long/short 1.33 by size, 1.11 by heads · whale entries apart +12.77 %",
        "Top traders (5m) positions 1.25 · accounts 1.64 · taker buy/sell 1.50",
        "Positions as of 14:15:00 UTC. Measured at the mark price. Public exchange data, not advice.",
    ]


def test_a_loss_shows_a_minus_and_nobody_no_bar() -> None:
    picture = replace(PICTURE, mark_price=9.0, overview=with_sides(short={"whales": 0, "profit_whales": 0}))
    card = card_text(replace(FACTS, picture=picture), EN)
    assert "🟢 Long 20 · in loss\n$1.6K at 9.4 · gain −$72\n" in card
    assert "🔴 Short 0 · in profit\n$1.3K at 10.6 · gain +$224\n– in profit\n" in card


def test_without_a_price_and_a_ticker_there_are_dashes_and_no_nan() -> None:
    overview = with_sides(long={"whales_qty_coins": None}, short={"whales_qty_coins": None})
    picture = replace(PICTURE, mark_price=float("nan"), open_interest=None, funding=None, overview=overview)
    card = card_text(replace(FACTS, picture=picture, day_change_pct=None, day_quote_usdt=None), EN)
    assert card.startswith("👥 ETHUSDT perpetual –\n24 h volume – · OI – · funding –\n")
    assert "Whales – · 29 of them · long/short –" in card
    assert "nan" not in card.lower()


def test_what_is_missing_is_named_with_its_own_cause() -> None:
    assert card_text(NOTHING, EN).split("\n")[2:] == [
        "followed traders: refused until 18:15:00 UTC",
        "top traders: cannot be reached now",
        "open interest: no data for this symbol",
        "funding: no fresh row is stored",
        "Public exchange data, not advice.",
    ]


@pytest.mark.parametrize(
    ("share", "filled"), [(0.87, 9), (0.0, 0), (1.0, 10), (0.04, 0), (0.05, 1), (0.25, 3), (0.349, 3)]
)
def test_the_bar_has_ten_cells(share: float, filled: int) -> None:
    assert profit_bar(share) == "▰" * filled + "▱" * (10 - filled)


@pytest.mark.parametrize("style", [EN, ZH, RU], ids=["en", "zh", "ru"])
def test_the_card_fits_a_message_and_a_nasty_name_stays_text(style: Style) -> None:
    card = "\n".join(push_card(replace(FACTS, picture=replace(PICTURE, symbol=LONG_NAME)), style))
    assert len(card) < 4096
    assert "&lt;&amp;&quot;" in card
    assert re.sub(r"</?(b|i|code)>", "", card).count("<") == 0


def test_the_gap_is_told_with_both_sides_and_when_it_was() -> None:
    reply = DivergenceShown(facts=DivergenceFacts(symbol="ETHUSDT", period="5m", found=GAP), now_s=T0 / 1000 + 60)
    assert [read(line) for line in reply_lines(reply, EN)] == [
        "⚖️ ETHUSDT crowd and top traders (5m)",
        "long: 65.75 % of all accounts · 55.54 % of the top traders' positions",
        "gap −10.21 points · the crowd is the longer one, by 8 points or more",
        "as of 14:15:00 UTC (60 s ago). Public exchange data, not advice.",
    ]


def test_change_and_trend_name_what_is_missing_with_a_dash() -> None:
    change = [read(line) for line in reply_lines(ChangeShown(found=CHANGE), EN)]
    assert change[2:4] == ["🟢 Long 200 → 240 (+20.00 %)", "entry 9.5 → 9.5 · whales 180 → – (–), entry 9.4"]
    trend = [read(line) for line in reply_lines(TrendShown(found=TREND), EN)]
    assert trend[1] == "🟢 Long traders 55 % → 40 % (−15 points) · whales 60 % → 60 % (0 points) in profit"


def test_change_tells_of_open_interest_and_top_traders_too_also_where_they_are_all_there_is() -> None:
    told = {
        lang: [
            read(line)
            for line in reply_lines(ChangeShown(found=CHANGE, statistics=STATISTICS), Style(lang=lang, tz=UTC))
        ][-3:-1]
        for lang in LANGUAGES
    }
    assert told == {
        "en": [
            "📦 Open interest 1.0K → 1.0K (+3.50 %), $10.0K → $10.4K · in 49 min, 2 rows",
            "🏛 Top traders, share of longs: positions 62.15 % → 59.54 % (−2.61 points), "
            "accounts 62.15 % → 59.54 % (−2.61 points) · in 49 min, 2 rows",
        ],
        "zh": [
            "📦 持仓量 1.0K → 1.0K（+3.50 %），$10.0K → $10.4K · 49 分钟内，2 行数据",
            "🏛 大户多头占比：按持仓 62.15 % → 59.54 %（−2.61 个百分点），"
            "按账户 62.15 % → 59.54 %（−2.61 个百分点） · 49 分钟内，2 行数据",
        ],
        "ru": [
            "📦 Открытый интерес было 1.0K, стало 1.0K (+3.50 %), $10.0K → $10.4K · за 49 мин, записей: 2",
            "🏛 Крупные трейдеры, доля лонгов: по позициям 62.15 % → 59.54 % (−2.61 п. п.), "
            "по счетам 62.15 % → 59.54 % (−2.61 п. п.) · за 49 мин, записей: 2",
        ],
    }
    few = ChangeShown(found=NotEnoughSnapshots(symbol="ETHUSDT", rows=1, minutes=60), statistics=STATISTICS)
    alone = [read(line) for line in reply_lines(few, EN)]
    assert alone[0].startswith("👥 ETHUSDT: rows stored in the last 1 h: 1, two are needed.")
    assert alone[1:3] == told["en"]


def test_a_scan_shows_that_all_are_short_as_zero() -> None:
    found = ExtremeScan(scanned=40, most_long=(entry("ETHUSDT", 11.4),), most_short=(entry("SOLUSDT", 0.0),))
    lines = [read(line) for line in reply_lines(ScanShown(found=found), EN)]
    assert lines[4] == "SOLUSDT 0.00 · in profit: long 55 %, short – · 12 min old"


def position(metric: float | None = 20.0, **known: float) -> Alert:
    found = Positions(**{"from_coins": 200.0, "to_coins": 240.0, "minutes": 28.0, "entry": 9.5} | known)
    return Alert(
        key="position:ETHUSDT:long:add:4:1", ts=T0 / 1000, event_ms=T0, symbol="ETHUSDT", kind="position",
        direction="UP", price=10.0, metric=metric, note="long", details=Details(positions=found), id=7,
    )  # fmt: skip


GAP_ALERT = Alert(
    key="divergence:ETHUSDT:crowd_over_long:1", ts=T0 / 1000, event_ms=T0, symbol="ETHUSDT", kind="divergence",
    direction="DOWN", metric=-10.21, note="5m", id=8,
    details=Details(positions=Positions(crowd_long_pct=65.75, top_long_pct=55.54)),
)  # fmt: skip


def alert_text(alert: Alert, style: Style = EN) -> list[str]:
    return [read(line) for line in alert_html(alert, style, maybe_repeated=False, has_buttons=True).split("\n")]


def test_a_position_alert_tells_side_sizes_time_entry_and_price() -> None:
    assert alert_text(position()) == [
        "📌 POSITION ETHUSDT +20.00 %",
        "Followed traders, long side: 200 → 240 in 28 min",
        "Average entry 9.5 · mark price 10",
        "14:15:00 UTC",
        "#ETH",
    ]
    assert alert_text(position(metric=None, from_coins=0.0))[0] == "📌 POSITION ETHUSDT new"


def test_a_gap_alert_tells_both_shares_and_which_is_longer() -> None:
    assert alert_text(GAP_ALERT) == [
        "⚖️ GAP ETHUSDT −10.21 points",
        "Long: 65.75 % of all accounts, 55.54 % of the top traders' positions (5m)",
        "The crowd is the longer one, by 8 points or more",
        "14:15:00 UTC",
        "#ETH",
    ]


def test_in_a_digest_they_stand_under_their_own_headings() -> None:
    parts = digest_parts([position(), GAP_ALERT], EN, late=False, maybe_repeated=False)
    text = read(parts[0].html).replace("\u00a0", " ")
    assert "📌 POSITION\nETHUSDT +20.00 %" in text
    assert "⚖️ GAP\nETHUSDT −10.21 points" in text


def test_an_overview_told_as_zero_traders_has_no_share() -> None:
    overview = replace(OVERVIEW, long=replace(OVERVIEW.long, whales=0), short=replace(OVERVIEW.short, whales=0))
    card = card_text(replace(FACTS, picture=replace(PICTURE, overview=overview)), EN)
    assert "Whales $3.2K · 0 of them" in card
    assert card.count("\n– in profit") == 2


@pytest.mark.parametrize("style", [EN, ZH, RU], ids=["en", "zh", "ru"])
def test_every_kind_of_alert_can_be_counted_and_listed(style: Style) -> None:
    counted = StatsShown(hours=24, stats=AlertStats(total=6, by_kind=dict.fromkeys(get_args(Kind), 1)))
    assert all(reply_parts(counted, style))
    rows = [StoredAlert(alert=alert, delivery="sent") for alert in (position(), GAP_ALERT)]
    listed = "\n".join(reply_parts(HistoryShown(alerts=rows, limit=5, symbol=None, kind=None, now_s=T0 / 1000), style))
    assert "+20.00 %" in listed
    assert "−10.21" in listed


def test_an_alert_of_a_tracked_symbol_appends_its_last_change_and_trend() -> None:
    moved = TrackedMove(
        minutes=49.0,
        long=TrackedSide(
            from_coins=1_000.0, to_coins=1_200.0, change_pct=20.0, from_profit_pct=70.0, to_profit_pct=55.0
        ),
        short=TrackedSide(from_coins=150.0),
    )
    told = changed(PRICE, details={"tracked": moved})
    said = {style.lang: tracked_line(told, style) for style in (EN, ZH, RU)}
    assert said["en"] in alert_html(told, EN, maybe_repeated=False)
    assert said == {
        "en": "📌 Followed traders in 49 min: long 1.0K → 1.2K (+20.00 %), in profit 70 → 55 % · short 150 → –",
        "zh": "📌 被跟踪交易者 49 分钟内：多头 1.0K → 1.2K (+20.00 %)，盈利 70 → 55 % · 空头 150 → –",
        "ru": "📌 Трейдеры сайта за 49 мин: лонг 1.0K → 1.2K (+20.00 %), в плюсе 70 → 55 % · шорт 150 → –",
    }
    assert tracked_line(PRICE, EN) == ""
