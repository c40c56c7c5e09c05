"""Who is positioned, as operations: shapes, units, what is missing and why, against the simulated exchange."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest

from altmonitor.operations.context import OperationContext
from altmonitor.operations.errors import (
    BadArgument,
    Blocked,
    NoMonitor,
    NotFound,
    OperationError,
    Unavailable,
    UnknownContract,
    Unreachable,
)
from altmonitor.operations.position_facts import Period
from altmonitor.operations.table import OPERATION_OF
from altmonitor.positioning.history import Snapshot
from altmonitor.positioning.picture import DISCLAIMER
from altmonitor.positioning.units import PERIODS
from altmonitor.sim.control import RestFault
from altmonitor.storage.snapshots import SnapshotsDb
from altmonitor.tracker.series import Liveness, Series
from tests.app.test_standalone import T0, asking
from tests.operations.operations_kit import Bench
from tests.tracker.samples import snapshot
from tests.tracker.workplace import OVERVIEW

LIVE = [
    *("get_smart_money", "get_top_trader", "get_open_interest", "get_full_picture", "get_funding"),
    *("render_panel", "render_push"),
]
SIDE = {
    *("traders", "smartMoneyUsd", "avgEntry", "profitPct", "whales", "whalesUsd", "whaleAvgEntry", "whaleProfitPct"),
}
ADVICE = re.compile(
    r"\b(buy|sell|should|recommend\w*|bullish|bearish|squeeze|signal to|opportunit\w+)\b", re.IGNORECASE
)


async def told(context: OperationContext, name: str, **arguments: object) -> Any:
    row = OPERATION_OF[name]
    return msgspec.to_builtins(await row.answer(context, row.read(arguments)))


async def test_each_part_has_its_shape_with_source_age_and_disclaimer(tmp_path: Path) -> None:
    async with asking(tmp_path) as (_, context):
        seen = await told(context, "get_smart_money", symbol="eth")
        assert set(seen) == {
            *("symbol", "longShortRatio", "headcountRatio", "totalNotionalUsd", "totalTraders", "long", "short"),
            *("signalDayAgeHours", "ageSec", "source", "note", "disclaimer"),
        }
        assert set(seen["long"]) == set(seen["short"]) == SIDE
        assert seen["symbol"] == "ETHUSDT"
        top = await told(context, "get_top_trader", symbol="ETH/USDT", period="1h")
        assert set(top) == {
            *("symbol", "period", "topAccountLsr", "topPositionLsr", "takerBuySellRatio", "takerBuyVol"),
            *("takerSellVol", "ageSec", "source", "disclaimer"),
        }
        assert top["period"] == "1h"
        held = await told(context, "get_open_interest", symbol="ETHUSDT")
        assert set(held) == {
            *("symbol", "oiNowUsd", "oiNowCoins", "oiChg5m", "oiChg15m", "oiChg1h", "oiChg4h"),
            *("ageSec", "source", "note", "disclaimer"),
        }
        assert isinstance(held["oiNowUsd"], int)
        whole = await told(context, "get_full_picture", symbol="eth")
        assert set(whole) == {
            *("symbol", "price", "priceBasis", "smartMoney", "topTrader", "openInterest", "funding"),
            *("smartMoneyShareOfOI", "source", "disclaimer"),
        }
        assert set(whole["topTrader"]) >= {"topPositionLsr", "takerBuySellRatio"}
        assert set(whole["openInterest"]) >= {"oiNowUsd", "oiChg1h", "oiChg4h"}
        assert set(whole["funding"]) == {
            *("ratePct", "intervalHours", "annualizedPct", "per10kPerSettlementUsd", "longPays"),
            *("nextFundingCountdown", "ageSec"),
        }
        assert whole["smartMoneyShareOfOI"] == round(whole["smartMoneyShareOfOI"], 3)
        assert {one["disclaimer"] for one in (seen, top, held, whole)} == {DISCLAIMER}
        assert {type(one["ageSec"]) for one in (seen, top, held)} == {int}


async def test_the_cost_of_funding_is_for_the_notional_that_was_named(tmp_path: Path) -> None:
    async with asking(tmp_path) as (_, context):
        usual = await told(context, "get_funding", symbol="eth")
        large = await told(context, "get_funding", symbol="eth", notionalUsd=1_000_000)
    assert usual["notionalUsd"] == 10_000
    assert usual["annualUsd"] == pytest.approx(usual["annualizedPct"] * 100, abs=1)
    assert large["perSettlementUsd"] == pytest.approx(100 * usual["perSettlementUsd"], abs=1)
    assert usual["settlementsPerDay"] == 24 / usual["intervalHours"]
    assert re.fullmatch(r"\d\d:\d\d:\d\d", usual["nextFundingCountdown"])


async def test_open_interest_and_funding_of_another_exchange_are_those_of_its_live_market() -> None:
    context = with_bybit(Bench())
    held = await told(context, "get_open_interest", symbol="sol", venue="bybit")
    assert (held["oiNowCoins"], held["oiNowUsd"], held["oiChg5m"]) == (1_100.0, 113_850, 10.0)
    assert [held[name] for name in ("oiChg15m", "oiChg1h", "oiChg4h", "ageSec")] == [None, None, None, 10]
    assert held["source"] == "Bybit: its table of open interest, as this monitor reads it"
    assert "15 minutes, 1 and 4 hours" in held["note"]
    paid = await told(context, "get_funding", symbol="sol", venue="bybit", notionalUsd=20_000)
    assert (paid["ratePct"], paid["intervalHours"], paid["perSettlementUsd"]) == (0.01, 8.0, 2.0)
    assert (paid["price"], paid["nextFundingCountdown"], paid["ageSec"]) == (103.4, "00:00:30", 12)
    assert paid["source"] == "Bybit: mark price and funding rate"
    with pytest.raises(NotFound, match="open interest of BTCUSDT at Bybit was not sampled yet"):
        await told(context, "get_open_interest", symbol="btc", venue="bybit")
    with pytest.raises(NotFound, match="no funding rate of BTCUSDT at Bybit was told lately"):
        await told(context, "get_funding", symbol="btc", venue="bybit")
    for name in ("get_open_interest", "get_funding"):
        with pytest.raises(BadArgument, match="okx is not watched here; watched: binance, bybit"):
            await told(context, name, symbol="sol", venue="okx")
        with pytest.raises(NoMonitor):
            await told(Bench().context(is_running=False), name, symbol="sol", venue="bybit")
        assert (await told(context, name, symbol="sol", venue="binance"))["source"].startswith("Binance: ")


async def test_who_is_positioned_is_refused_of_an_exchange_that_does_not_show_it_with_what_can_be_asked() -> None:
    context = with_bybit(Bench())
    for name in ("get_smart_money", "get_top_trader", "get_full_picture"):
        with pytest.raises(BadArgument, match=r"Binance alone shows them, not Bybit; get_divergence with venue=okx"):
            await told(context, name, symbol="sol", venue="bybit")
        with pytest.raises(BadArgument, match="venue must be one of"):
            await told(context, name, symbol="sol", venue="kraken")
        assert await told(context, name, symbol="sol", venue="binance")


async def test_where_another_exchange_comes_first_what_names_none_is_about_that_one() -> None:
    context = with_bybit(Bench())
    assert context.monitor is not None
    venues = dict(reversed(context.monitor.venues.items()))
    context = replace(context, monitor=replace(context.monitor, venues=venues))
    held = [await told(context, "get_open_interest", symbol="sol", **named) for named in ({}, {"venue": "binance"})]
    assert [one["source"].split(":")[0] for one in held] == ["Bybit", "Binance"]


def with_bybit(bench: Bench) -> OperationContext:
    """The same market at two exchanges."""
    context = bench.context()
    assert context.monitor is not None
    venues = {"binance": context.monitor.main, "bybit": context.monitor.main}
    return replace(context, monitor=replace(context.monitor, venues=venues))


async def test_a_panel_has_its_page_only_when_it_is_wanted_and_a_push_is_telegrams_html(tmp_path: Path) -> None:
    async with asking(tmp_path) as (_, context):
        drawn = await told(context, "render_panel", symbol="eth", lang="en")
        bare = await told(context, "render_panel", symbol="eth", includeHtml=False)
        push = await told(context, "render_push", symbol="eth", lang="en")
    assert drawn["html"].startswith("<!doctype html>")
    assert "http" not in drawn["html"]
    assert "html" not in bare
    assert set(drawn["summary"]) == {
        *("price", "totalNotionalUsd", "totalTraders", "longShortNotionalRatio", "long", "short", "topPositionLsr"),
        *("takerBsr", "smShareOfOI", "oiNowUsd"),
    }
    assert set(drawn["summary"]["long"]) == {"avgEntry", "profitPct", "whales"}
    assert len(push["html"]) <= 4096
    assert set(re.findall(r"</?(\w+)>", push["html"])) <= {"b", "i", "code"}


async def test_the_three_causes_stay_apart_for_every_part(tmp_path: Path) -> None:
    paths = (OVERVIEW, "/futures/data/openInterestHist", "/futures/data/topLongShortPositionRatio")
    paths = (*paths, "/fapi/v1/premiumIndex")
    seen: dict[str, list[type[OperationError]]] = {}
    for number, fault in enumerate((None, RestFault(status=503), RestFault(status=418, retry_after="300"))):
        async with asking(tmp_path / str(number)) as (exchange, context):
            if fault is not None:
                exchange.faults.rest.update(dict.fromkeys(paths, fault))
            for name in LIVE:
                with pytest.raises(OperationError) as refused:
                    await told(context, name, symbol="nosuch" if fault is None else "eth")
                seen.setdefault(name, []).append(type(refused.value))
                if isinstance(refused.value, Blocked):
                    assert 290_000 < (refused.value.until_ms or 0) - context.clock.now_ms() <= 300_000
                    assert "is not asked before" in refused.value.detail
    assert seen == {name: [UnknownContract, Unreachable, Blocked] for name in LIVE}


async def test_one_source_down_leaves_the_rest_and_the_answer_says_what_is_missing(tmp_path: Path) -> None:
    async with asking(tmp_path) as (exchange, context):
        exchange.faults.rest[OVERVIEW] = RestFault(status=503)
        whole = await told(context, "get_full_picture", symbol="eth")
        both = await told(context, "compare", first="btc", second="eth")
    assert whole["smartMoney"] is None
    assert whole["topTrader"] is not None
    (gone,) = whole["degraded"]
    assert (gone["part"], gone["cause"]) == ("smartMoney", "unreachable")
    assert "again in a minute" in gone["advice"]
    assert both["first"]["smartMoneyUsd"] is None
    assert both["first"]["degraded"][0]["part"] == "smartMoney"
    assert both["second"]["oiNowUsd"] > 0


async def test_two_contracts_stand_side_by_side_and_one_is_no_pair(tmp_path: Path) -> None:
    async with asking(tmp_path) as (_, context):
        both = await told(context, "compare", first="btc", second="eth")
        assert (both["first"]["symbol"], both["second"]["symbol"]) == ("BTCUSDT", "ETHUSDT")
        assert list(both["first"]) == list(both["second"])
        with pytest.raises(BadArgument, match="two different"):
            await told(context, "compare", first="btc", second="BTC/USDT")


async def track(path: Path, rows: Sequence[Snapshot], context: OperationContext) -> None:
    store = SnapshotsDb(path, clock=context.clock)
    await store.open()
    try:
        await store.begin_sweep(Series.SMART_MONEY, 1, Liveness())
        for row in rows:
            await store.put_snapshot(row, sweep_ms=1)
    finally:
        await store.close()


async def test_what_was_tracked_is_told_with_two_rows_and_explained_with_one(tmp_path: Path) -> None:
    tracked = ["get_change", "get_profit_trend", "render_chart"]
    async with asking(tmp_path) as (_, context):
        for name in tracked:
            with pytest.raises(Unavailable, match="altmonitor track"):
                await told(context, name, symbol="ETHUSDT")
        with pytest.raises(Unavailable, match="altmonitor track"):
            await told(context, "scan_extreme")
        await track(tmp_path / "snapshots.db", [snapshot("ETHUSDT", T0 - 3_000_000, long_qty=200.0)], context)
        for name in tracked:
            with pytest.raises(Unavailable, match="two are needed; run `altmonitor track`"):
                await told(context, name, symbol="ETHUSDT")
        await track(tmp_path / "snapshots.db", [snapshot("ETHUSDT", T0 - 60_000, long_qty=240.0)], context)
        change = await told(context, "get_change", symbol="eth")
        trend = await told(context, "get_profit_trend", symbol="eth")
        chart = await told(context, "render_chart", symbol="eth", hours=2)
        extremes = await told(context, "scan_extreme", limit=99)
    assert change["long"]["qtyChangePct"] == 20.0
    assert (change["openInterest"], change["topTraders"]) == (None, None)
    assert set(trend["long"]["profitPct"]) == {"from", "to", "change"}
    assert chart["points"] == 2
    assert chart["html"].startswith("<!doctype html>")
    assert "<svg" in chart["html"]
    assert extremes["scanned"] == 1
    assert {one["disclaimer"] for one in (change, trend, chart, extremes)} == {DISCLAIMER}


async def test_no_answer_and_no_description_advises(tmp_path: Path) -> None:
    def texts(value: Any) -> list[str]:
        if isinstance(value, str):
            return [value]
        inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
        return [text for one in inner for text in texts(one)]

    async with asking(tmp_path) as (_, context):
        answers = [await told(context, name, symbol="eth") for name in LIVE if not name.startswith("render")]
    found = [text for answer in answers for text in texts(answer) if ADVICE.search(text)]
    assert found == []
    taker = "the taker buy and sell volume"
    assert [row.name for row in OPERATION_OF.values() if ADVICE.search(row.summary.replace(taker, ""))] == []


def test_periods_are_those_of_the_exchange() -> None:
    assert get_args(Period) == PERIODS
