"""The pool of wallets over the simulated venue's sockets: what is seen, what changes, what is missing, what is kept."""

from __future__ import annotations

from pathlib import Path

import pytest

from altmonitor.collect.wallets import MOST_WEIGHT, round_seconds
from altmonitor.positioning.wallet_pool import WalletPicker, coin_totals
from altmonitor.positioning.wallets import Performance, Wallet
from altmonitor.sim.control import RestFault
from altmonitor.sim.hyperliquid import INFO
from altmonitor.sim.hyperliquid_wallets import STATS, address_of
from altmonitor.storage.wallets import WalletsFile
from tests.collect.wallet_kit import wallet_stage

ONE, TWO, THREE, FOUR = (address_of(number) for number in (101, 102, 103, 104))


async def test_a_wallets_open_add_cut_flip_and_close_are_seen_and_kept(tmp_path: Path) -> None:
    async with wallet_stage(tmp_path) as stage:
        stage.wallets.only(ONE)
        stage.wallets.hold(ONE)
        async with stage.watching() as collector:
            await stage.looked_again(collector, ONE)
            for size in (2.0, 3.0, 1.0, -4.0, 0.0):
                stage.wallets.hold(ONE, BTC=size)
                await stage.looked_again(collector, ONE)
            events = await collector.events(since_ms=0)
            assert [(one.kind, one.size_before, one.size_after) for one in reversed(events)] == [
                ("open", 0.0, 2.0),
                ("add", 2.0, 3.0),
                ("cut", 3.0, 1.0),
                ("flip", 1.0, -4.0),
                ("close", -4.0, 0.0),
            ]
            assert all(one.usd is not None and one.usd > 0 and one.from_ms < one.at_ms for one in events)
            assert await collector.events(since_ms=0, coin="ETH") == []
            assert [one.kind for one in await collector.events(since_ms=0, address=ONE, limit=2)] == ["close", "flip"]
            assert await collector.events(since_ms=stage.clock.now_ms() + 1) == []


async def test_half_of_the_wallets_unreachable_is_coverage_and_nothing_is_made_up(tmp_path: Path) -> None:
    async with wallet_stage(tmp_path) as stage:
        stage.wallets.only(ONE, TWO, THREE, FOUR)
        for address, size in ((ONE, 3.0), (TWO, 1.0), (THREE, -1.0), (FOUR, -1.0)):
            stage.wallets.hold(address, BTC=size)
        stage.wallets.unreachable = {THREE, FOUR}
        async with stage.watching() as collector:
            await stage.until(lambda: len(collector.now().states) == 2 and sum(collector.now().failing.values()) == 2)
            pool = collector.now()
            assert (pool.coverage, dict(pool.failing), pool.unavailable) == (0.5, {"no answer": 2}, "")
            totals = coin_totals(pool.states.values(), "BTC")
            assert (totals.wallets, totals.long_share, totals.short_usd, totals.weighted_ratio) == (2, 1.0, 0.0, None)
            stage.wallets.unreachable = set()
            await stage.until(lambda: collector.now().coverage == 1.0)
            assert await collector.events(since_ms=0) == [], "a first look after a failure is no event"
            stage.wallets.unreachable = {ONE, TWO, THREE, FOUR}
            await stage.until(lambda: not collector.now().states, within_s=40)
            gone = collector.now()
            assert (gone.coverage, dict(gone.failing)) == (0.0, {"no answer": 4})
            assert gone.unavailable != ""
            assert await collector.events(since_ms=0) == [], "who does not answer has closed nothing"


async def test_a_state_that_cannot_be_read_closes_nothing(tmp_path: Path) -> None:
    async with wallet_stage(tmp_path) as stage:
        stage.wallets.only(ONE)
        stage.wallets.hold(ONE, BTC=1.0, ETH=2.0)
        async with stage.watching() as collector:
            await stage.looked_again(collector, ONE)
            stage.exchange.faults.rest[f"{INFO}#clearinghouseState"] = RestFault(truncate=True)
            await stage.until(lambda: dict(collector.now().failing) == {"an unreadable answer": 1})
            stage.exchange.faults.rest.clear()
            found = await stage.looked_again(collector, ONE)
            assert [one.coin for one in found.positions] == ["BTC", "ETH"]
            assert await collector.events(since_ms=0) == []


async def test_a_restart_goes_on_and_tells_what_happened_in_between_once(tmp_path: Path) -> None:
    async with wallet_stage(tmp_path, speed=400) as stage:
        stage.wallets.only(ONE, TWO)
        stage.wallets.hold(ONE, BTC=1.0)
        stage.wallets.hold(TWO, BTC=-1.0)
        async with stage.watching(count=2) as collector:
            await stage.looked_again(collector, TWO)
            await stage.looked_again(collector, ONE)
            await collector.events(since_ms=0)
            before = collector.now().states[ONE]
        stage.wallets.hold(ONE, BTC=-1.0)
        lists = stage.exchange.stats.requests(f"{STATS}/leaderboard")
        async with stage.watching(count=2) as collector:
            first = collector.now()
            assert first.states[ONE].positions == before.positions, "known before anything is asked"
            since_ms = await collector.watched_since_ms()
            assert since_ms is not None
            assert since_ms <= before.as_of_ms
            await stage.looked_again(collector, ONE)
            (flip,) = await collector.events(since_ms=0)
            assert (flip.kind, flip.address, flip.from_ms) == ("flip", ONE, before.as_of_ms)
        assert stage.exchange.stats.requests(f"{STATS}/leaderboard") == lists, "read within the last hour"
        async with stage.watching(count=2) as collector:
            await stage.looked_again(collector, ONE)
            assert len(await collector.events(since_ms=0)) == 1


async def test_vaults_and_market_makers_are_marked_and_not_counted_with_traders(tmp_path: Path) -> None:
    async with wallet_stage(tmp_path, speed=300) as stage, stage.watching(count=60) as collector:
        await stage.until(lambda: len(collector.now().states) == 60)
        pool = collector.now()
        assert (pool.marked("vault"), pool.marked("market_maker")) == (3, 6)
        assert len(pool.of_roles()) == 54
        assert {pool.wallets[address_of(number)].role for number in (1, 2, 3)} == {"vault"}


async def test_another_process_reads_the_pool_from_the_file(tmp_path: Path) -> None:
    async with wallet_stage(tmp_path) as stage:
        stage.wallets.only(ONE)
        stage.wallets.hold(ONE, BTC=1.0)
        file = WalletsFile(stage.file, clock=stage.clock)
        nothing = await file.snapshot()
        assert (nothing.coverage, nothing.unavailable) == (
            None,
            "no wallets are watched: set HYPERLIQUID_WALLETS, or VENUES with hyperliquid",
        )
        assert await file.watched_since_ms() is None
        async with stage.watching() as collector:
            await stage.looked_again(collector, ONE)
            stage.wallets.hold(ONE, BTC=5.0)
            await stage.looked_again(collector, ONE)
            await collector.events(since_ms=0)
            pool = await file.snapshot()
            assert (pool.coverage, pool.unavailable, list(pool.wallets)) == (1.0, "", [ONE])
            assert pool.states[ONE].positions[0].size == 5.0
            assert pool.round_s == 300.0
            assert [one.kind for one in await file.events(since_ms=0)] == ["add"]
            assert await file.watched_since_ms() == await collector.watched_since_ms()


async def test_every_hour_the_pool_is_kept_as_it_stood(tmp_path: Path) -> None:
    async with wallet_stage(tmp_path, speed=1_200) as stage:
        stage.wallets.only(ONE, TWO)
        stage.wallets.hold(ONE, BTC=1.0)
        stage.wallets.hold(TWO, kPEPE=-1_000.0)
        async with stage.watching() as collector:
            first_ms = stage.clock.now_ms() // 3_600_000 * 3_600_000
            await stage.until(lambda: stage.clock.now_ms() > first_ms + 2 * 3_600_000 + 120_000, within_s=60)
            hours = await collector.hours([first_ms, first_ms + 3_600_000, first_ms + 9 * 3_600_000])
            assert [(hour.hour_ms - first_ms, hour.wallets) for hour in hours] == [(0, 2), (3_600_000, 2)]
            held = {position.coin: position for state in hours[1].states for position in state.positions}
            assert {coin: one.size for coin, one in held.items()} == {"BTC": 1.0, "kPEPE": -1_000.0}
            assert held["kPEPE"].symbol == "1000PEPEUSDT"
            assert held["BTC"].entry_usd is not None
            (only,) = await collector.hours([first_ms], base="PEPE")
            assert [one.coin for state in only.states for one in state.positions] == ["kPEPE"]
            assert {state.address for state in only.states} == {ONE, TWO}, "who holds nothing of it was looked at too"


async def test_a_block_pauses_the_asking_and_is_said(tmp_path: Path) -> None:
    async with wallet_stage(tmp_path) as stage:
        stage.wallets.only(ONE)
        stage.exchange.faults.rest[INFO] = RestFault(status=429, retry_after="600")
        async with stage.watching() as collector:
            await stage.until(lambda: stage.exchange.stats.requests(f"{INFO}#clearinghouseState") > 0)
            await stage.until(lambda: "is not asked before" in collector.now().unavailable)
            asked = stage.exchange.stats.requests(INFO)
            assert asked <= 2
            stage.exchange.faults.rest.clear()
            await stage.until(lambda: collector.now().coverage == 1.0)
            assert collector.now().unavailable == ""


async def test_a_large_pool_never_weighs_more_than_453_in_a_minute(tmp_path: Path) -> None:
    async with wallet_stage(tmp_path, speed=20) as stage:
        stage.wallets.only(*(address_of(number) for number in range(1, 3_001)))
        async with stage.watching(count=3_000) as collector:
            began_ms = stage.clock.now_ms()
            await stage.until(lambda: stage.clock.now_ms() > began_ms + 150_000, within_s=60)
            assert stage.source.guard_status().weight_used <= MOST_WEIGHT + 6, "three may be under way"
            asked = stage.exchange.stats.most_requests_in(60_000, f"{INFO}#clearinghouseState")
            assert 150 < asked <= MOST_WEIGHT / 2 * 1.1, "what was late on a busy machine arrives with the next ones"
            assert len(collector.now().wallets) == 3_000
            assert collector.now().round_s == pytest.approx(794.7, abs=0.1)


def test_13600_wallets_an_hour_cost_453_of_the_weight_of_a_minute_and_few_cost_less() -> None:
    for wallets, seconds in ((0, 300.0), (200, 300.0), (1_132, 300.0), (13_600, pytest.approx(3_602.6, abs=0.1))):
        assert round_seconds(wallets) == seconds
    for wallets in (1, 200, 1_132, 1_133, 5_000, 13_600):
        assert wallets * 2 / (round_seconds(wallets) / 60) <= MOST_WEIGHT + 1e-9


def test_half_are_picked_for_their_worth_and_half_for_what_they_earned() -> None:
    picker = WalletPicker(4)
    for number in range(1, 101):
        month = Performance(pnl_usd=1_000.0 - number)
        picker.offer(Wallet(address=address_of(number), account_usd=float(number), performance={"month": month}))
    picker.offer(Wallet(address=address_of(200), account_usd=0.0))
    assert [wallet.account_usd for wallet in picker.picked()] == [100.0, 99.0, 1.0, 2.0]
    few = WalletPicker(10)
    few.offer(Wallet(address=address_of(1), account_usd=5.0))
    assert len(few.picked()) == 1
