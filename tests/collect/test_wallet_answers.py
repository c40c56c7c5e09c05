"""What a chat is told of a coin's wallets, and of one wallet."""

from __future__ import annotations

from pathlib import Path

import pytest

from altmonitor.collect.wallet_answers import PoolAnswers
from altmonitor.collect.wallet_lookup import WalletLookups
from altmonitor.collect.wallets import WalletCollector
from altmonitor.core.clock import timeouts
from altmonitor.core.errors import ExchangeUnreachable, UnknownTrader
from altmonitor.exchanges.hyperliquid.wallets import HyperliquidWallets
from altmonitor.sim.hyperliquid_wallets import address_of
from tests.collect.wallet_kit import WalletStage, wallet_stage

ONE, TWO, THREE = (address_of(number) for number in (101, 102, 103))


def answers_of(stage: WalletStage, collector: WalletCollector) -> PoolAnswers:
    async def source() -> HyperliquidWallets:
        return stage.source

    lookup = WalletLookups(source, clock=stage.clock, answer_within_s=timeouts(stage.clock, 10.0))
    return PoolAnswers(collector, lookup, clock=stage.clock)


async def test_a_coins_wallets_with_their_sums_levels_and_moves(tmp_path: Path) -> None:
    async with wallet_stage(tmp_path) as stage:
        stage.wallets.only(ONE, TWO, THREE)
        for address, size in ((ONE, 3.0), (TWO, 1.0), (THREE, -2.0)):
            stage.wallets.hold(address, BTC=size)
        async with stage.watching() as collector:
            answers = answers_of(stage, collector)
            assert (await answers.whales("BTCUSDT")).unavailable != ""
            await stage.until(lambda: len(collector.now().states) == 3)
            stage.wallets.hold(TWO, BTC=5.0)
            await stage.looked_again(collector, TWO)
            found = await answers.whales("BTCUSDT")
            assert found.totals is not None
            assert (found.totals.long_wallets, found.totals.short_wallets, found.totals.weighted_long_share) == (
                2,
                1,
                pytest.approx(0.8, abs=0.01),
            )
            assert [(wallet.address, position.size) for wallet, position in found.largest] == [
                (TWO, 5.0),
                (ONE, 3.0),
                (THREE, -2.0),
            ]
            assert found.levels is not None
            assert found.price is not None
            levels = (*found.levels.long_levels, *found.levels.short_levels)
            assert levels or found.levels.without_price_usd > 0
            assert [(event.kind, event.address) for event in found.events] == [("add", TWO)]
            assert (found.counted, found.watched, found.unavailable) == (3, 3, "")
            assert found.age_s is not None
            nobody = await answers.whales("DOGEUSDT")
            assert nobody.totals is not None
            assert (nobody.totals.wallets, nobody.largest, nobody.levels, nobody.price) == (0, (), None, None)


async def test_one_wallet_now_watched_or_not(tmp_path: Path) -> None:
    async with wallet_stage(tmp_path) as stage:
        stage.wallets.only(ONE)
        stage.wallets.hold(ONE, BTC=1.0, ETH=500.0)
        async with stage.watching() as collector:
            answers = answers_of(stage, collector)
            await stage.looked_again(collector, ONE)
            found = await answers.wallet(f"  {ONE.upper().replace('0X', '0x')} ")
            assert found.wallet is not None
            worth = [one.notional_usd for one in found.positions]
            assert worth == sorted(worth, reverse=True)
            assert {one.coin for one in found.positions} == {"BTC", "ETH"}
            stranger = address_of(999)
            stage.wallets.unreachable = {TWO}
            assert (await answers.wallet(stranger)).wallet is None
            with pytest.raises(UnknownTrader, match="an address of 0x and 40 digits"):
                await answers.wallet("0x12")
            with pytest.raises(ExchangeUnreachable):
                await answers.wallet(TWO)
