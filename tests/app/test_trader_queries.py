"""Which provider a chat's question goes to, and what comes of its parts."""

from __future__ import annotations

import pytest

from altmonitor.app.trader_queries import LiveTraderQueries
from altmonitor.core.errors import ExchangeUnreachable, UnknownTrader
from altmonitor.interfaces.traders import NamedTraders, OverviewRequest, PositionsRequest, TraderAnswer
from altmonitor.positioning.trader_pool import PoolFilter
from altmonitor.positioning.traders import CoinSignal, TraderPosition
from tests.exchanges.okx.traders_kit import trader_stage
from tests.operations.standing_traders import CODES, StandingTraders


class Silent(StandingTraders):
    async def overview(self, request: OverviewRequest) -> TraderAnswer[CoinSignal]:
        raise ExchangeUnreachable("no answer")


class Forgetful(StandingTraders):
    async def positions(self, request: PositionsRequest) -> TraderAnswer[TraderPosition]:
        raise UnknownTrader("nobody of that name")


def queries(*providers: StandingTraders) -> LiveTraderQueries:
    return LiveTraderQueries({one.name: one for one in providers})


async def test_a_pool_is_asked_as_the_provider_can_give_it() -> None:
    wallets, copy = StandingTraders("hyperliquid", frozenset({"overview"})), StandingTraders("okx_copy")
    found = await queries(wallets, copy).whales("BTC")
    assert found is not None
    assert (found.provider, found.period_days) == ("okx_copy", 90)
    assert found.signal is not None
    assert (found.signal.ccy, found.signal.long_traders) == ("BTC", 1)
    assert copy.asked == [OverviewRequest(pool=PoolFilter(period_days=90, most=20), bases=("BTC",))]
    assert wallets.asked == [OverviewRequest(pool=PoolFilter(), bases=("BTC",))]


async def test_who_does_not_answer_is_passed_over_and_told_only_when_nobody_else_can() -> None:
    copy = StandingTraders("okx_copy")
    found = await queries(Silent("hyperliquid"), copy).whales("BTC")
    assert found is not None
    assert found.provider == "okx_copy"
    with pytest.raises(ExchangeUnreachable):
        await queries(Silent("hyperliquid"), StandingTraders("okx_copy", frozenset({"overview"}))).whales("BTC")
    assert await queries(StandingTraders("okx_copy", frozenset({"overview"}))).whales("BTC") is None
    assert await queries().whales("BTC") is None


async def test_a_trader_is_three_questions_at_once_and_one_refused_leaves_the_others() -> None:
    copy = StandingTraders("okx_copy", frozenset({"orders_history"}))
    found = await queries(copy).trader(CODES[0])
    assert found is not None
    assert found.missing == ("orders",)
    assert found.performance is not None
    assert len(found.positions) == 1
    assert len(copy.asked) == 3
    assert NamedTraders(author_ids=(CODES[0],), sort_by="pnl", period_days=30) in copy.asked
    assert await queries(Forgetful("okx_copy")).trader(CODES[0]) is None
    assert await queries(copy).trader("0x" + "0" * 40) is None


async def test_a_scripted_chat_finds_a_coin_and_then_a_trader_at_the_simulated_exchange() -> None:
    async with trader_stage(read_within_s=12.0) as stage:
        chat = LiveTraderQueries({"okx_copy": stage.copy, "okx_key": stage.key})
        pool = await chat.whales("BTC")
        assert pool is not None
        assert pool.provider == "okx_key"
        assert pool.signal is not None
        assert pool.signal.traders_qualified == 60
        one = stage.exchange.okx_traders.all[0]
        person = await chat.trader(one.author_id)
        assert person is not None
        assert person.performance is not None
        assert person.performance.nick_name == one.name
        assert (person.missing, len(person.orders)) == ((), 3)
        other = next(one for one in stage.exchange.okx_traders.all if not one.is_gone and not one.code.isdecimal())
        copied = await chat.trader(other.code)
        assert copied is not None
        assert (copied.provider, copied.missing) == ("okx_copy", ("orders",))
        assert await chat.trader("FFFFFFFFFFFFFFFF") is None
