"""Accounts of Hyperliquid as its adapter reads them: bodies from here, and the simulated venue over real sockets."""

from __future__ import annotations

import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from altmonitor.core.errors import BadAnswer, BudgetExhausted, ExchangeBlocked, ExchangeError, ExchangeUnreachable
from altmonitor.exchanges.hyperliquid import wallet_bodies as bodies
from altmonitor.exchanges.hyperliquid.rest import PER_S, PROBE, REQUESTS, WEIGHT_PER_MINUTE, WEIGHT_SHARES
from altmonitor.exchanges.hyperliquid.wallets import HyperliquidWallets
from altmonitor.exchanges.rest.budget import LimitPool
from altmonitor.exchanges.rest.client import venue_guard
from altmonitor.interfaces.exchange import Priority
from altmonitor.positioning.wallet_fills import closed_trades
from altmonitor.positioning.wallets import Wallet
from altmonitor.sim.control import RestFault
from altmonitor.sim.hyperliquid_wallets import STATS, address_of, fill
from tests.sim.exchange_kit import Scene, scene

LAST = Priority.TRACKING


@contextlib.asynccontextmanager
async def source_of(world: Scene) -> AsyncIterator[HyperliquidWallets]:
    url = f"{world.exchange.rest_url}/hyperliquid"
    guard = venue_guard(
        url,
        clock=world.clock,
        requests=REQUESTS,
        per_s=PER_S,
        probe=PROBE,
        weights=LimitPool(limit=WEIGHT_PER_MINUTE, window_s=60.0),
        weight_shares=WEIGHT_SHARES,
    )
    source = HyperliquidWallets(url, f"{url}/stats", clock=world.clock, guard=guard, trust_env=False, within_s=5.0)
    await source.start()
    try:
        yield source
    finally:
        await source.stop()


def leader(address: str, **changed: Any) -> dict[str, Any]:
    windows = [[name, {"pnl": "12.5", "roi": "0.01", "vlm": "900"}] for name in ("day", "week", "month", "allTime")]
    row = {"ethAddress": address, "accountValue": "1000.5", "windowPerformances": windows, "prize": 0}
    return row | {"displayName": None} | changed


def split(text: bytes, *, depth: int, pieces: int) -> list[bytes]:
    splitter, rows = bodies.RowSplitter(depth), list[bytes]()
    for start in range(0, len(text), pieces):
        rows += splitter.feed(text[start : start + pieces])
    assert splitter.is_complete
    return rows


def test_rows_are_cut_out_wherever_the_pieces_end_and_whatever_stands_in_texts() -> None:
    names = ['a "quoted" name', "braces }{ }}", "back\\slash\\", 'ends in \\"', "日本語", ""]
    rows = [leader(address_of(at), displayName=name) for at, name in enumerate(names, 1)]
    text = json.dumps({"leaderboardRows": rows}, ensure_ascii=False).encode()
    for pieces in (1, 2, 3, 7, 64, len(text)):
        found = [bodies.read_leader(row) for row in split(text, depth=1, pieces=pieces)]
        assert [wallet.name for wallet in found if wallet] == names, pieces
    inner = json.dumps([{"summary": {"vaultAddress": address_of(3), "isClosed": closed}} for closed in (False, True)])
    assert [bodies.read_vault(row) for row in split(inner.encode(), depth=0, pieces=5)] == [address_of(3), None]


def test_a_row_that_never_ends_is_refused_and_odd_rows_are_none() -> None:
    splitter = bodies.RowSplitter(1)
    splitter.feed(b'{"leaderboardRows":[{"ethAddress":"' + b"x" * 65_536)
    with pytest.raises(BadAnswer, match="does not end"):
        splitter.feed(b"x" * 1_000_000)
    good = bodies.read_leader(json.dumps(leader(address_of(1).upper().replace("0X", "0x"))).encode())
    assert good is not None
    assert (good.address, good.account_usd, good.over("week").pnl_usd) == (address_of(1), 1000.5, 12.5)
    for odd in (
        leader("0x12"),
        leader(address_of(1), accountValue="NaN"),
        leader(address_of(1), accountValue=None),
        leader(address_of(1), windowPerformances="none"),
        {},
    ):
        assert bodies.read_leader(json.dumps(odd).encode()) is None, odd
    holed = bodies.read_leader(json.dumps(leader(address_of(1), windowPerformances=[["day", {"pnl": "x"}]])).encode())
    assert holed is not None
    assert (holed.over("day").pnl_usd, holed.over("month").pnl_usd) == (None, None), "not known is not 0"


def position(**changed: Any) -> dict[str, Any]:
    row: dict[str, Any] = {
        "coin": "BTC",
        "szi": "-2.5",
        "leverage": {"type": "isolated", "value": 20, "rawUsd": "1.0"},
        "entryPx": "90000.0",
        "positionValue": "250000.0",
        "unrealizedPnl": "-25000.0",
        "returnOnEquity": "-2.0",
        "liquidationPx": None,
        "marginUsed": "12500.0",
        "maxLeverage": 40,
    }
    return {"type": "oneWay", "position": row | changed}


def state_body(*positions: dict[str, Any], **changed: Any) -> bytes:
    body: dict[str, Any] = {"marginSummary": {"accountValue": "1e6"}, "assetPositions": list(positions), "time": 5}
    return json.dumps(body | changed).encode()


def test_a_state_is_read_field_by_field() -> None:
    found = bodies.read_state(
        state_body(position(), position(coin="kPEPE", szi="10", liquidationPx="0.5"), position(coin="SOL", szi="0.0")),
        address_of(1),
        as_of_ms=77,
    )
    btc, pepe = found.positions
    assert (btc.coin, btc.symbol, btc.size, btc.is_long, btc.is_cross) == ("BTC", "BTCUSDT", -2.5, False, False)
    assert (btc.entry, btc.notional_usd, btc.mark_price, btc.entry_usd) == (90_000.0, 250_000.0, 100_000.0, 225_000.0)
    assert (btc.leverage, btc.margin_usd, btc.upnl_usd, btc.liquidation_price) == (20, 12_500.0, -25_000.0, None)
    assert (pepe.symbol, pepe.liquidation_price, pepe.as_of_ms) == ("1000PEPEUSDT", 0.5, 77)
    assert (found.address, found.account_usd, found.as_of_ms) == (address_of(1), 1e6, 77)


def test_one_position_that_cannot_be_read_spoils_the_whole_answer() -> None:
    for body in (
        state_body(position(), position(szi="much")),
        state_body(position(szi="NaN")),
        state_body(position(positionValue="-1")),
        state_body(position(positionValue=None)),
        state_body(marginSummary={"accountValue": "inf"}),
        state_body(assetPositions=None),
        b"null",
        b"{}",
        b"<html>",
        state_body(position())[:-10],
    ):
        with pytest.raises(BadAnswer):
            bodies.read_state(body, address_of(1), as_of_ms=0)


async def test_the_leaderboard_and_the_vaults_come_from_their_files_and_are_asked_few_times_an_hour() -> None:
    async with scene() as world, source_of(world) as source:
        seen: list[Wallet] = []
        assert await source.leaderboard(seen.append) == 60
        assert [wallet.address for wallet in seen] == list(world.exchange.hyperliquid.wallets.addresses)
        assert {wallet.name for wallet in seen if wallet.name} >= {'Trader "7" {x}'}
        assert await source.vaults() == {address_of(1), address_of(2), address_of(3)}
        assert world.exchange.hyperliquid.used == 0, "files weigh nothing"
        for _ in range(8):
            with contextlib.suppress(ExchangeError):
                await source.vaults()
        with pytest.raises(BudgetExhausted):
            await source.vaults()
        assert world.exchange.stats.requests() == 9


async def test_a_leaderboard_that_is_cut_off_blocked_or_a_web_page_is_an_error() -> None:
    for fault, expected in (
        (RestFault(truncate=True), BadAnswer),
        (RestFault(html_200=True), BadAnswer),
        (RestFault(status=503), ExchangeUnreachable),
        (RestFault(status=404), BadAnswer),
        (RestFault(status=429), ExchangeBlocked),
    ):
        async with scene() as world, source_of(world) as source:
            world.faults.rest[f"{STATS}/leaderboard"] = fault
            with pytest.raises(expected):
                await source.leaderboard(lambda wallet: None)


async def test_what_a_wallet_holds_costs_two_and_weighs_in_the_venues_own_budget() -> None:
    async with scene() as world, source_of(world) as source:
        wallets = world.exchange.hyperliquid.wallets
        wallets.hold(address_of(9), BTC=1.5, ETH=-20.0)
        found = await source.state(address_of(9), priority=LAST)
        assert [(one.coin, one.size) for one in found.positions] == [("BTC", 1.5), ("ETH", -20.0)]
        assert found.as_of_ms == world.clock.now_ms()
        assert all(one.entry and one.notional_usd > 0 and one.leverage for one in found.positions)
        assert world.exchange.hyperliquid.used == 2
        assert source.guard_status().weight_used == 2
        nobody = await source.state("0x" + "ee" * 20, priority=LAST)
        assert (nobody.positions, nobody.account_usd) == ((), 0.0)
        with pytest.raises(ValueError, match="not an address"):
            await source.state("0xnobody", priority=LAST)


async def test_fills_and_the_curve_of_an_account_are_read() -> None:
    async with scene() as world, source_of(world) as source:
        who = address_of(4)
        world.exchange.hyperliquid.wallets.trade(
            who,
            [
                fill("BTC", "B", 2.0, 100.0, time_ms=1_000, start=0.0, tid=7),
                fill("@107", "B", 5.0, 1.0, time_ms=1_500, start=0.0, tid=8),
                fill("BTC", "A", 2.0, 90.0, time_ms=2_000, start=2.0, tid=9, pnl=-20.0, liquidated=who),
            ],
        )
        fills = await source.fills(who, priority=LAST)
        assert [(one.id, one.is_buy, one.start_size, one.liquidated) for one in fills] == [
            ("9", False, 2.0, who),
            ("7", True, 0.0, ""),
        ]
        (trade,) = closed_trades(fills)
        assert (trade.pnl_usd, trade.fee_usd, trade.close_type) == (-20.0, 1.0, "liquidateClose")
        curve = await source.equity(who, priority=LAST)
        assert set(curve.pnl_usd) == {"day", "week", "month", "allTime"}
        assert len(curve.pnl_usd["week"]) == len(curve.account_usd["week"]) == 13
        assert curve.pnl_usd["week"][0][1] == 0.0
