"""Stored alerts as pages and as counts."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest

from altmonitor.core.alert import AlertStats
from altmonitor.core.errors import StorageError
from altmonitor.operations.alerts import (
    AlertsArguments,
    StatsArguments,
    SymbolAlertsArguments,
    alert_stats,
    get_alerts,
    get_symbol_alerts,
)
from altmonitor.operations.errors import BadArgument, Unavailable
from altmonitor.operations.table import OPERATION_OF
from tests.operations.operations_kit import NOW_MS, Bench


async def test_pages_follow_each_other_until_there_is_no_cursor() -> None:
    context = Bench().context()
    first = await get_alerts(context, AlertsArguments(limit=3))
    assert [entry.id for entry in first.alerts] == [99, 98, 97]
    assert first.alerts[0].delivery == "sent"
    assert first.next_cursor is not None
    second = await get_alerts(context, AlertsArguments(limit=3, cursor=first.next_cursor))
    assert [entry.id for entry in second.alerts] == [96]
    assert second.next_cursor is None


async def test_one_contracts_alerts_are_found_in_any_spelling_also_when_it_is_listed_no_more() -> None:
    context = Bench().context()
    found = await get_symbol_alerts(context, SymbolAlertsArguments(symbol="sol/usdt"))
    assert [entry.symbol for entry in found.alerts] == ["SOLUSDT", "SOLUSDT"]
    assert (await get_symbol_alerts(context, SymbolAlertsArguments(symbol="LUNA"))).alerts == ()


async def test_alerts_of_one_exchange_are_told_by_themselves_and_no_other_word_is_taken() -> None:
    bench = Bench()
    first, *others = bench.alerts.told
    there = replace(first, alert=msgspec.structs.replace(first.alert, venue="bybit", key="bybit:" + first.alert.key))
    bench.alerts.told = (there, *others)

    async def keys(name: str, **given: str) -> list[str]:
        row = OPERATION_OF[name]
        page = await row.answer(bench.context(), row.read(given))
        return [entry.key for entry in page.alerts]

    assert await keys("get_alerts", venue="bybit") == [there.alert.key]
    assert await keys("get_symbol_alerts", symbol="SOLUSDT", venue="bybit") == [there.alert.key]
    assert await keys("get_alerts", venue="binance") == [row.alert.key for row in others]
    assert await keys("get_alerts", venue="okx") == []
    assert await keys("get_alerts") == [row.alert.key for row in bench.alerts.told]
    with pytest.raises(BadArgument, match="venue must be one of binance, bybit, hyperliquid, okx, not 'Bybit'"):
        await keys("get_alerts", venue="Bybit")


async def test_a_cursor_that_nobody_gave_is_refused() -> None:
    context = Bench().context()
    for cursor in ("x", "????", "bnVsbA", "W10", "WzEsIDJd" * 9, "Wy0xLC0xXQ", "W05hTiwxXQ"):
        with pytest.raises(BadArgument, match="next_cursor"):
            await get_alerts(context, AlertsArguments(cursor=cursor))


async def test_counts_are_of_the_hours_asked_for() -> None:
    bench = Bench()
    bench.alerts.stats_answer = AlertStats(total=3, by_kind={"price": 2, "vol": 1}, by_symbol=[("SOLUSDT", 3)])
    found = await alert_stats(bench.context(), StatsArguments(hours=2))
    assert bench.alerts.asked[-1] == {"since_s": NOW_MS / 1000 - 7_200, "top": 10}
    assert (found.hours, found.total, found.by_kind) == (2, 3, {"price": 2, "vol": 1})
    assert [(row.symbol, row.count) for row in found.by_symbol] == [("SOLUSDT", 3)]


async def test_a_database_that_does_not_answer_is_unavailable_with_its_reason() -> None:
    bench = Bench()
    bench.alerts.problem = "alerts.db cannot be read"
    row = OPERATION_OF["get_alerts"]
    with pytest.raises(StorageError):
        await get_alerts(bench.context(), AlertsArguments())
    with pytest.raises(Unavailable, match=r"alerts\.db cannot be read"):
        await row.answer(bench.context(), AlertsArguments())
