"""Questions to the market: what is asked of whom, and what is said when there is no answer."""

from __future__ import annotations

import pytest

from altmonitor.commands.record import UptimeShown
from altmonitor.commands.replies import Placed, QueryFailed, Refused, SymbolsRefused
from altmonitor.commands.replies_market import (
    AnswerFailed,
    ChartShown,
    Explained,
    FundingShown,
    NothingKnown,
    OpenInterestShown,
    PriceShown,
    TopShown,
)
from altmonitor.core.errors import ExchangeError, StorageError
from altmonitor.settings.audience import Overrides
from altmonitor.settings.state import State
from tests.commands.executor_kit import GROUP, MAIN, NOW_S, Desk


@pytest.mark.parametrize(
    ("text", "kind", "asked"),
    [
        ("/top", TopShown, ("top", "1h", 10)),
        ("/top 24H", TopShown, ("top", "24h", 10)),
        ("/price sol", PriceShown, ("price", "SOLUSDT")),
        ("/oi SOL/USDT", OpenInterestShown, ("oi", "SOLUSDT")),
        ("/funding $sol", FundingShown, ("funding", "SOLUSDT")),
        ("/chart solusdt", ChartShown, ("chart", "SOLUSDT")),
        ("/why sol", Explained, ("why", "SOLUSDT", None, MAIN)),
    ],
)
async def test_the_listed_symbol_is_asked_for(text: str, kind: type, asked: tuple[object, ...]) -> None:
    desk = Desk()
    assert isinstance(await desk(text), kind)
    assert desk.market.asked == [asked]


@pytest.mark.parametrize("command", ["price", "oi", "funding", "chart"])
async def test_what_is_not_known_yet_is_said(command: str) -> None:
    assert await Desk()(f"/{command} btc") == NothingKnown(command=command, symbol="BTCUSDT")


@pytest.mark.parametrize("command", ["price", "oi", "funding", "chart", "why"])
async def test_an_unlisted_symbol_is_not_asked_for(command: str) -> None:
    desk = Desk()
    reply = await desk(f"/{command} pepe")
    assert isinstance(reply, SymbolsRefused)
    assert reply.unlisted[0].suggestions == ("1000PEPEUSDT",)
    assert desk.market.asked == []


@pytest.mark.parametrize("text", ["/top", "/price sol", "/oi sol", "/funding sol", "/chart sol", "/why sol"])
async def test_an_exchange_or_a_database_that_does_not_answer_is_said_not_raised(text: str) -> None:
    desk = Desk()
    desk.market.problem = ExchangeError("no answer within 10 s")
    assert await desk(text) == AnswerFailed(command=text.split()[0][1:], problem="no answer within 10 s")
    desk.market.problem = StorageError("alerts.db is locked")
    assert await desk(text) == QueryFailed(command=text.split()[0][1:], problem="alerts.db is locked")


@pytest.mark.parametrize(
    ("typed", "zone", "at_ms"),
    [
        ("12:05", "UTC", 1_789_992_300_000),  # today, 2026-09-21
        ("14:13:20", "UTC", 1_790_000_000_000),  # this very second
        ("14:14", "UTC", 1_789_913_640_000),  # has not been yet today: yesterday's
        ("2026-09-20 23:59", "UTC", 1_789_948_740_000),
        ("12:05", "Europe/Berlin", 1_789_985_100_000),
        ("0:30", "Asia/Shanghai", 1_789_921_800_000),
    ],
)
async def test_a_time_is_read_in_the_zone_of_the_chat_and_was_before_now(typed: str, zone: str, at_ms: int) -> None:
    desk = Desk(state=State(main=Overrides(tz=zone)))
    assert isinstance(await desk(f"/why sol {typed}"), Explained)
    assert desk.market.asked == [("why", "SOLUSDT", at_ms, MAIN)]


async def test_the_future_is_not_explained() -> None:
    assert isinstance(await Desk()("/why sol 2026-09-21 14:14"), Refused)


async def test_why_is_asked_for_the_destination_it_is_typed_in() -> None:
    desk = Desk(destinations=(MAIN, GROUP))
    reply = await desk("/why sol", at=GROUP)
    assert isinstance(reply, Placed)
    assert reply.destination == GROUP
    assert desk.market.asked == [("why", "SOLUSDT", None, GROUP)]


async def test_uptime_counts_from_the_start_and_names_only_what_was_restarted() -> None:
    assert await Desk()("/uptime") == UptimeShown(
        since_ms=(NOW_S - 3600) * 1000, now_s=NOW_S, version="1.2.3", restarts={"delivery": 2}, blind_s=12.5
    )
