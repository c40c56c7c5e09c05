from __future__ import annotations

from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from altmonitor.core.alert import Alert, Details, VenueMove
from altmonitor.delivery.destination_style import MessageRenderer
from altmonitor.render.alerts import hash_tag
from altmonitor.render.kinds import chart_label
from tests.render.render_cases import AT_MS, OI, PRICE, VOLUME, changed, has_cjk, read

EN = MessageRenderer("en", ZoneInfo("UTC"))
ZH = MessageRenderer("zh", ZoneInfo("Asia/Shanghai"))
RU = MessageRenderer("ru", ZoneInfo("UTC"))


def seen(renderer: MessageRenderer, alert: Alert, *, maybe_repeated: bool = False) -> str:
    return read(renderer.alert(alert, maybe_repeated=maybe_repeated)).text


def test_a_price_alert_in_english_markup_included() -> None:
    assert EN.alert(PRICE, maybe_repeated=False) == (
        "📈 <b>PUMP</b> <code>SWARMSUSDT</code> <b>+5.21 %</b>\n"
        "in the 1 m candle, 39 s in · price ↑ · OI ↑\n"
        "Price <b>0.006161</b> · amplitude 7.40 %\n"
        "1 m volume $1.20M · taker buys 62 %\n"
        "OI +2.31 % in 41 s · long/short 1.42 (3 min ago)\n"
        "Funding +0.0100 % / 4 h\n"
        "24 h +12.40 %, volume $48.20M\n"
        "23:00:39 UTC · candle 23:00\n"
        '#SWARMS · <a href="https://www.binance.com/en/futures/SWARMSUSDT">Binance</a>'
        ' · <a href="https://www.tradingview.com/chart/?symbol=BINANCE:SWARMSUSDT.P">TradingView</a>'
    )


def test_a_price_alert_in_chinese() -> None:
    assert seen(ZH, PRICE) == (
        "📈 拉升 SWARMSUSDT +5.21 %\n"
        "1 分钟 K 线内，已走 39 秒 · 价格 ↑ · 持仓 ↑\n"
        "价格 0.006161 · 振幅 7.40 %\n"
        "1 分钟成交额 $1.20M · 主动买入 62 %\n"
        "持仓 41 秒内 +2.31 % · 多空比 1.42（3 分钟前）\n"
        "资金费率 +0.0100 % / 4 小时\n"
        "24 小时 +12.40 %，成交额 $48.20M\n"
        "07:00:39 UTC+08 · K 线 07:00\n"
        "#SWARMS · Binance · TradingView"
    )


def test_an_open_interest_alert_in_english() -> None:
    assert seen(EN, OI) == (
        "🔼 OI SURGE SWARMSUSDT +7.8 %\n"
        "in 5 m · price ↑ · OI ↑\n"
        "OI $48.20M · 7.8B SWARMS\n"
        "Price 0.006161 · +2.10 % in the same 5 m\n"
        "Long/short 1.42\n"
        "Funding −0.3750 %\n"
        "23:00:39 UTC\n"
        "#SWARMS · Binance · TradingView"
    )


def test_an_open_interest_alert_in_chinese() -> None:
    assert seen(ZH, changed(OI, direction="DOWN", metric=-7.82, oi_change=-7.82, quadrant="up_down")) == (
        "🔽 持仓骤降 SWARMSUSDT −7.8 %\n"
        "5 分钟内 · 价格 ↑ · 持仓 ↓\n"
        "持仓 $48.20M · 7.8B SWARMS\n"
        "价格 0.006161 · 5 分钟内 +2.10 %\n"
        "多空比 1.42\n"
        "资金费率 −0.3750 %\n"
        "07:00:39 UTC+08\n"
        "#SWARMS · Binance · TradingView"
    )


def test_a_volume_alert_in_english() -> None:
    assert seen(EN, VOLUME) == (
        "📊 VOLUME SWARMSUSDT 8.3×\n"
        "$4.20M in the 1 m candle, median of 20 candles $506.0K\n"
        "Price 0.006161 · −1.20 % in the candle\n"
        "Amplitude 2.04 % · taker buys 38 %\n"
        "23:01:00 UTC · candle 23:00\n"
        "#SWARMS · Binance · TradingView"
    )


@pytest.mark.parametrize(
    ("renderer", "headline"),
    [
        (EN, "📊 VOLUME SWARMSUSDT 8.3× so far, 23 s in"),
        (ZH, "📊 放量 SWARMSUSDT 目前 8.3×，本根 K 线已走 23 秒"),
        (RU, "📊 ОБЪЁМ SWARMSUSDT 8.3× пока что, прошло 23 с"),
    ],
)
def test_a_burst_whose_candle_runs_says_how_far_it_is(renderer: MessageRenderer, headline: str) -> None:
    running = changed(VOLUME, details={"running_s": 23.0})
    assert seen(renderer, running).splitlines()[0] == headline
    assert chart_label(running) == "Vol ≥ 8.3×"
    completed = changed(VOLUME, details={"running_s": 23.0, "is_completed": True})
    assert seen(renderer, completed) == seen(renderer, VOLUME)


def test_a_volume_alert_in_chinese() -> None:
    assert seen(ZH, VOLUME) == (
        "📊 放量 SWARMSUSDT 8.3×\n"
        "1 分钟成交额 $4.20M，前 20 根 K 线中位数 $506.0K\n"
        "价格 0.006161 · 本根 K 线 −1.20 %\n"
        "振幅 2.04 % · 主动买入 38 %\n"
        "07:01:00 UTC+08 · K 线 07:00\n"
        "#SWARMS · Binance · TradingView"
    )


def test_an_escalation_says_what_was_told_before() -> None:
    dump = changed(
        PRICE, direction="DUMP", metric=-6.45, change_pct=-6.45, quadrant="down_up", details={"told_before_pct": -3.1}
    )
    assert seen(EN, dump).splitlines()[:3] == [
        "📉 DUMP SWARMSUSDT −6.45 %",
        "was −3.10 %, now −6.45 %",
        "in the 1 m candle, 39 s in · price ↓ · OI ↑",
    ]
    assert seen(ZH, dump).splitlines()[:2] == ["📉 砸盘 SWARMSUSDT −6.45 %", "此前 −3.10 %，现在 −6.45 %"]


def test_a_rolling_alert_shows_the_span_really_measured_and_no_candle() -> None:
    rolling = changed(PRICE, note="60s", details={"window_s": 58.7})
    assert seen(EN, rolling).splitlines()[1] == "within 58.7 s · price ↑ · OI ↑"
    assert seen(EN, rolling).splitlines()[-2] == "23:00:39 UTC"
    assert seen(ZH, changed(rolling, details={"window_s": 60.0})).splitlines()[1] == "60 秒内 · 价格 ↑ · 持仓 ↑"


@pytest.mark.parametrize(
    ("note", "span_s", "shown"),
    [
        ("5m", 300.0, "in 5 m"),
        ("5m", 297.1, "in 5 m"),
        ("5m", 296.9, "in 5 m (measured over 296.9 s)"),
        ("1m", 60.4, "in 1 m"),
        ("1m", 64.2, "in 1 m (measured over 64.2 s)"),
        ("1m", None, "in 1 m"),
    ],
)
def test_an_open_interest_window_tells_its_real_span_when_it_differs(
    note: str, span_s: float | None, shown: str
) -> None:
    alert = changed(OI, note=note, details={"window_s": span_s})
    assert seen(EN, alert).splitlines()[1] == f"{shown} · price ↑ · OI ↑"


def test_the_second_of_the_candle_and_the_clock_are_the_same() -> None:
    at_ms = (PRICE.candle_ms or 0) + 28_600
    alert = msgspec.structs.replace(changed(PRICE, details={"window_s": 28.6}), event_ms=at_ms)
    told = seen(EN, alert).splitlines()
    assert told[1].startswith("in the 1 m candle, 28 s in · ")
    assert "23:00:28 UTC · candle 23:00" in told


def test_amplitude_and_change_are_rounded_alike() -> None:
    noisy = (103.05 - 100.0) / 100.0 * 100.0
    assert noisy < 3.05
    told = seen(EN, msgspec.structs.replace(PRICE, metric=noisy, change_pct=noisy, amplitude=noisy))
    assert "+3.05 %" in told
    assert "amplitude 3.05 %" in told


@pytest.mark.parametrize(
    ("span_s", "shown"), [(None, "60 s"), (60.4, "60 s"), (59.2, "60 s"), (61.5, "61.5 s"), (103.0, "103 s")]
)
def test_a_change_over_another_span_than_60_s_names_that(span_s: float | None, shown: str) -> None:
    alert = changed(PRICE, note="60s", details={"window_s": span_s})
    assert seen(EN, alert).splitlines()[1].startswith(f"within {shown} · ")


@pytest.mark.parametrize(
    ("span_s", "shown"),
    [
        (0.25, "in the 1 m candle, 0 s in"),
        (59.4, "in the 1 m candle, 59 s in"),
        (59.6, "in the 1 m candle, 59 s in"),
        (60.0, "in the 1 m candle"),
        (-3.0, "in the 1 m candle"),
        (float("nan"), "in the 1 m candle"),
    ],
)
def test_a_candle_that_is_over_is_not_said_to_run(span_s: float, shown: str) -> None:
    assert seen(EN, changed(PRICE, details={"window_s": span_s})).splitlines()[1].startswith(f"{shown} · ")


@pytest.mark.parametrize(
    ("alert", "words"),
    [
        (changed(PRICE, quadrant="up_up"), "price ↑ · OI ↑"),
        (changed(PRICE, quadrant="up_down"), "price ↑ · OI ↓"),
        (changed(PRICE, quadrant="down_up"), "price ↓ · OI ↑"),
        (changed(PRICE, quadrant="down_down"), "price ↓ · OI ↓"),
        (changed(PRICE, quadrant=None, oi_change=None), "price ↑"),
        (changed(PRICE, quadrant=None, oi_change=0.0), "price ↑ · OI →"),
        (changed(OI, quadrant=None, change_pct=None), "price n/a · OI ↑"),
        (changed(OI, quadrant=None, change_pct=0.0), "price → · OI ↑"),
        (changed(OI, quadrant=None, change_pct=-0.004), "price → · OI ↑"),
        (changed(PRICE, quadrant=None, oi_change=0.004), "price ↑ · OI →"),
        (changed(PRICE, quadrant="down_up", change_pct=None, oi_change=None), "price ↓ · OI ↑"),
    ],
)
def test_the_quadrant_is_two_arrows(alert: Alert, words: str) -> None:
    assert seen(EN, alert).splitlines()[1].endswith(f" · {words}")


def test_what_is_not_known_yet_is_left_out() -> None:
    bare = changed(PRICE, amplitude=None, oi_change=None, lsr=None, quadrant=None, candle_ms=None)
    assert seen(EN, msgspec.structs.replace(bare, details=Details())) == (
        "📈 PUMP SWARMSUSDT +5.21 %\n"
        "in the 1 m candle · price ↑\n"
        "Price 0.006161\n"
        "23:00:39 UTC\n"
        "#SWARMS · Binance · TradingView"
    )


def oi_line(renderer: MessageRenderer, alert: Alert) -> str:
    return seen(renderer, alert).splitlines()[4]


def test_open_interest_beside_a_move_names_its_span_and_its_age_only_where_it_is_old() -> None:
    assert oi_line(EN, changed(PRICE, details={"oi_span_s": 117.6})).startswith("OI +2.31 % in 118 s · ")
    assert oi_line(EN, changed(PRICE, details={"oi_age_s": 4.9})).startswith("OI +2.31 % in 41 s · ")
    assert oi_line(EN, changed(PRICE, details={"oi_age_s": 17.0})).startswith("OI +2.31 % in 41 s (17 s ago) · ")
    assert oi_line(RU, PRICE) == "ОИ +2.31 % за 41 с · лонг/шорт 1.42 (3 мин назад)"


def test_an_alert_of_an_older_version_says_what_was_compared_then() -> None:
    old = changed(PRICE, details={"oi_span_s": None, "oi_age_s": 42.0})
    assert oi_line(EN, old) == "OI 1 m +2.31 % (42 s ago) · long/short 1.42 (3 min ago)"


@pytest.mark.parametrize(
    ("missing", "en", "zh", "ru"),
    [
        ("blocked", "the exchange blocks our requests", "交易所暂时拒绝请求", "биржа не принимает запросы"),
        ("budget", "the request budget is used up", "请求额度已用完", "лимит запросов исчерпан"),
        ("no_sample", "no sample from before the move", "波动之前没有样本", "нет замера до движения"),
        (
            "stale",
            "the exchange's last count is older than the move",
            "交易所最近一次统计早于波动",
            "последний подсчёт биржи старше движения",
        ),
        ("no_answer", "the exchange did not answer in time", "交易所未及时应答", "биржа не ответила вовремя"),
        ("too_many", "too many alerts at once", "同时提醒过多", "слишком много алертов сразу"),
        ("of a later version", "the exchange did not answer in time", "交易所未及时应答", "биржа не ответила вовремя"),
    ],
)
def test_what_could_not_be_learned_is_said_with_the_reason(missing: str, en: str, zh: str, ru: str) -> None:
    alert = changed(PRICE, quadrant=None, oi_change=None, details={"oi_missing": missing})
    assert oi_line(EN, alert) == f"Long/short 1.42 (3 min ago) · no OI: {en}"
    assert oi_line(ZH, alert) == f"多空比 1.42（3 分钟前） · 无持仓变化：{zh}"
    assert oi_line(RU, alert) == f"Лонг/шорт 1.42 (3 мин назад) · ОИ нет: {ru}"


def test_a_reason_for_both_is_said_once_and_none_where_the_number_is_known() -> None:
    neither = changed(PRICE, quadrant=None, oi_change=None, lsr=None)
    blocked = changed(neither, details={"oi_missing": "blocked", "lsr_missing": "blocked"})
    assert oi_line(EN, blocked) == "No OI, no long/short: the exchange blocks our requests"
    apart = changed(neither, details={"oi_missing": "no_sample", "lsr_missing": "no_answer"})
    assert oi_line(EN, apart) == (
        "No OI: no sample from before the move · no long/short: the exchange did not answer in time"
    )
    known = changed(PRICE, details={"oi_missing": "blocked", "lsr_missing": "blocked"})
    assert oi_line(EN, known) == "OI +2.31 % in 41 s · long/short 1.42 (3 min ago)"


def test_an_open_interest_alert_without_a_price_still_tells_contracts() -> None:
    alert = changed(OI, price=None, change_pct=None, quadrant=None, details={"oi_usd": None})
    assert seen(EN, alert).splitlines()[1:4] == ["in 5 m · price n/a · OI ↑", "OI n/a · 7.8B SWARMS", "Price n/a"]


def test_an_alert_found_afterwards_says_so_first_and_carries_its_day() -> None:
    late = changed(PRICE, late=True, details={"window_s": 60.0})
    lines = seen(EN, late).splitlines()
    assert lines[0] == "⏳ LATE 📈 PUMP SWARMSUSDT +5.21 %"
    assert lines[-2] == "2026-08-28 23:00:39 UTC · candle 23:00 · found afterwards, told late"
    lines = seen(ZH, late).splitlines()
    assert lines[0] == "⏳ 迟到 📈 拉升 SWARMSUSDT +5.21 %"
    assert lines[-2] == "2026-08-29 07:00:39 UTC+08 · K 线 07:00 · 事后补查发现，非实时"


def test_a_possible_repeat_is_marked_with_the_alerts_number() -> None:
    assert seen(EN, PRICE, maybe_repeated=True).splitlines()[-2] == "#512 may have reached you already"
    assert seen(ZH, PRICE, maybe_repeated=True).splitlines()[-2] == "#512 可能已经发送过"
    assert "#512" not in seen(EN, PRICE)


def test_a_chinese_symbol_is_shown_as_it_is_and_encoded_in_links() -> None:
    shown = read(EN.alert(changed(PRICE, symbol="币安人生USDT"), maybe_repeated=False))
    assert shown.text.splitlines()[0] == "📈 PUMP 币安人生USDT +5.21 %"
    assert shown.text.splitlines()[-1] == "Binance · TradingView"
    assert shown.links == [
        "https://www.binance.com/en/futures/%E5%B8%81%E5%AE%89%E4%BA%BA%E7%94%9FUSDT",
        "https://www.tradingview.com/chart/?symbol=BINANCE:%E5%B8%81%E5%AE%89%E4%BA%BA%E7%94%9FUSDT.P",
    ]


def test_chinese_readers_get_the_chinese_page_of_the_exchange() -> None:
    assert read(ZH.alert(PRICE, maybe_repeated=False)).links[0] == "https://www.binance.com/zh-CN/futures/SWARMSUSDT"


@pytest.mark.parametrize(
    ("symbol", "tag"),
    [
        ("SWARMSUSDT", "#SWARMS"),
        ("1000PEPEUSDT", "#1000PEPE"),
        ("4USDT", "#4USDT"),
        ("币安人生USDT", None),
        ("BTC-USDT", None),
        ("A B", None),
        ("1234", None),
        ("A" * 65 + "USDT", None),
    ],
)
def test_a_hash_tag_is_made_only_where_it_can_be_searched(symbol: str, tag: str | None) -> None:
    assert hash_tag(symbol) == tag


def test_english_has_no_chinese_in_it() -> None:
    for alert in (PRICE, OI, VOLUME, changed(PRICE, late=True, details={"told_before_pct": 3.0})):
        assert not has_cjk(EN.alert(alert, maybe_repeated=True))


def test_a_rate_is_told_per_its_interval() -> None:
    assert "Funding −0.3750 % / 8 h" in seen(EN, changed(OI, details={"funding_hours": 8.0}))
    assert "Funding +0.0000 %" not in seen(EN, changed(OI, details={"funding_rate": 0.0}))
    assert "Funding 0.0000 %" in seen(EN, changed(OI, details={"funding_rate": 0.0}))


numbers = st.none() | st.floats(allow_nan=True, allow_infinity=True)
symbols = st.text(min_size=1, max_size=12) | st.text(min_size=60, max_size=3000)
details = st.builds(
    Details,
    threshold=numbers,
    window_s=numbers,
    told_before_pct=numbers,
    oi_contracts=numbers,
    oi_usd=numbers,
    oi_age_s=numbers,
    quote_usdt=numbers,
    median_usdt=numbers,
    baseline_count=st.none() | st.integers(0, 500),
    taker_buy_share=numbers,
    funding_rate=numbers,
    funding_hours=st.none() | st.floats(min_value=0.5, max_value=24),
    day_change_pct=numbers,
    day_quote_usdt=numbers,
    lsr_age_s=numbers,
)
alerts = st.tuples(
    st.sampled_from(["price", "oi", "vol"]), st.booleans(), symbols, details, st.lists(numbers, min_size=6, max_size=6)
).map(
    lambda drawn: Alert(
        key="k",
        ts=0.0,
        id=7,
        event_ms=AT_MS,
        candle_ms=AT_MS if drawn[1] else None,
        symbol=drawn[2],
        kind=drawn[0],
        direction=("PUMP" if drawn[1] else "DUMP") if drawn[0] == "price" else ("UP" if drawn[1] else "DOWN"),
        details=drawn[3],
        price=drawn[4][0],
        change_pct=drawn[4][1],
        oi_change=drawn[4][2],
        amplitude=drawn[4][3],
        lsr=drawn[4][4],
        metric=drawn[4][5],
        late=drawn[1],
    )
)


@given(alerts, st.sampled_from([EN, ZH]), st.booleans())
def test_whatever_an_alert_holds_telegram_can_take_the_message(
    alert: Alert, renderer: MessageRenderer, maybe_repeated: bool
) -> None:
    shown = read(renderer.alert(alert, maybe_repeated=maybe_repeated))
    assert shown.text.strip()


@given(alerts, st.sampled_from([EN, ZH]))
def test_no_unknown_number_shows_as_python_would_write_it(alert: Alert, renderer: MessageRenderer) -> None:
    shown = seen(renderer, changed(alert, symbol="XUSDT")).replace("Binance", "")
    assert not any(word in shown for word in ("None", "nan", "inf", "e+", "e-"))


def test_the_same_move_at_other_venues_is_a_line_each_with_who_was_first_as_far_as_the_clocks_know() -> None:
    moves = (
        VenueMove(venue="bybit", size=2.9, event_ms=AT_MS, ahead_s=0.44, within_s=0.2),
        VenueMove(venue="okx", size=-3.1, event_ms=AT_MS, ahead_s=-1.26, within_s=0.3),
        VenueMove(venue="hyperliquid", size=3.0, event_ms=AT_MS, ahead_s=0.1, within_s=0.3),
        VenueMove(venue="binance", size=3.0, event_ms=AT_MS),
    )
    alert = msgspec.structs.replace(PRICE, details=msgspec.structs.replace(PRICE.details, venues=moves))
    found = {
        lang: [line for line in seen(renderer, alert).splitlines() if line.startswith("🌐")]
        for lang, renderer in (("en", EN), ("zh", ZH), ("ru", RU))
    }
    assert found["en"] == [
        "🌐 also +2.90 % on Bybit, first by 0.4 ± 0.2 s",
        "🌐 also −3.10 % on OKX, later by 1.3 ± 0.3 s",
        "🌐 also +3.00 % on Hyperliquid, at the same moment (± 0.3 s)",
        "🌐 also +3.00 % on Binance",
    ]
    assert found["zh"][0] == "🌐 Bybit 同样 +2.90 %，早 0.4 ± 0.2 秒"
    assert found["ru"][:2] == [
        "🌐 на Bybit тоже +2.90 %, раньше на 0.4 ± 0.2 с",
        "🌐 на OKX тоже −3.10 %, позже на 1.3 ± 0.3 с",
    ]


def test_a_listing_says_what_happened_and_since_or_until_when() -> None:
    found = []
    for renderer in (EN, ZH, RU):
        for note, direction in (("listed", "UP"), ("announced", "DOWN"), ("gone", "DOWN")):
            alert = Alert(
                key=f"bybit:listing:NEWUSDT:{note}:1",
                ts=AT_MS / 1000,
                event_ms=AT_MS,
                symbol="NEWUSDT",
                kind="listing",
                direction=direction,  # type: ignore[arg-type]
                note=note,
                details=Details(contract_ms=AT_MS, is_silent=True),
                venue="bybit",
            )
            found.append(seen(renderer, alert).splitlines()[:2])
    assert found[0] == ["🆕 LISTED NEWUSDT new contract Bybit", found[0][1]]
    assert found[0][1].startswith("Traded since 20")
    assert found[1][0] == "🪦 DELISTING NEWUSDT its end is announced Bybit"
    assert found[3][0] == "🆕 上市 NEWUSDT 新合约 Bybit"
    assert found[8][0] == "🪦 ДЕЛИСТИНГ NEWUSDT больше не торгуется Bybit"


def test_an_alert_of_another_venue_names_it_first_and_leads_there() -> None:
    pages = {
        "bybit": ("Bybit", "https://www.bybit.com/trade/usdt/SWARMSUSDT", "BYBIT:SWARMSUSDT.P"),
        "okx": ("OKX", "https://www.okx.com/trade-swap/swarms-usdt-swap", "OKX:SWARMSUSDT.P"),
        "hyperliquid": ("Hyperliquid", "https://app.hyperliquid.xyz/trade/SWARMS", ""),
    }
    for venue, (title, page, chart) in pages.items():
        html = EN.alert(msgspec.structs.replace(PRICE, venue=venue), maybe_repeated=False)  # type: ignore[arg-type]
        assert html.splitlines()[0].endswith(f" {title}")
        assert f'<a href="{page}">{title}</a>' in html
        assert (f"symbol={chart}" in html) if chart else ("tradingview" not in html)
        assert "binance.com" not in html


def test_a_bound_that_follows_the_contract_is_explained_on_the_alert() -> None:
    own = changed(PRICE, details={"threshold": -2.1, "threshold_sigmas": 6.0})
    for lang, words in (
        ("en", "bound 2.1 % = 6σ for"),
        ("zh", "阈值 2.1 % ="),
        ("ru", "порог 2.1 % = 6σ для"),
    ):
        assert words in seen(MessageRenderer(lang, ZoneInfo("UTC")), own), lang
        assert words not in seen(MessageRenderer(lang, ZoneInfo("UTC")), PRICE), lang
    burst = changed(VOLUME, details={"threshold": 8.4, "threshold_busy_times": 2.0})
    for lang, words in (
        ("en", "bound 8.4× = 2 × P95 for"),
        ("zh", "阈值 8.4× ="),
        ("ru", "порог 8.4× = 2 × P95 для"),
    ):
        assert words in seen(MessageRenderer(lang, ZoneInfo("UTC")), burst), lang
        assert words not in seen(MessageRenderer(lang, ZoneInfo("UTC")), VOLUME), lang
