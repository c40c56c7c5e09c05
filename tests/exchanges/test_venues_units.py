"""The unit table of each venue: one proof a row, from a frame to USD and to the side that was closed."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from altmonitor.core.types import VENUE_NAMES, Venue
from altmonitor.exchanges.adapter import Units
from altmonitor.exchanges.binance import adapter as binance
from altmonitor.exchanges.binance import liquidations as binance_liquidations
from altmonitor.exchanges.bybit import bodies as bybit_bodies
from altmonitor.exchanges.bybit import liquidations as bybit_liquidations
from altmonitor.exchanges.bybit import units as bybit
from altmonitor.exchanges.hyperliquid import adapter as hyperliquid
from altmonitor.exchanges.okx import bodies as okx_bodies
from altmonitor.exchanges.okx import units as okx
from altmonitor.exchanges.okx.liquidations import okx_liquidations
from altmonitor.market.liquidations import Liquidation

DATA = Path(__file__).parents[3] / "shared" / "data" / "ws" / "liquidation_frames_2026.jsonl"
OKX = okx_liquidations({"SOL-USDT-SWAP": 1.0, "CNPY-USDT-SWAP": 10.0}.get)
DECODE: dict[Venue, Callable[[bytes], list[Liquidation]]] = {
    "binance": binance_liquidations.decode,
    "bybit": bybit_liquidations.decode,
    "okx": OKX.decode,
}
UNITS: dict[Venue, Units] = {
    "binance": binance.UNITS,
    "bybit": bybit.UNITS,
    "okx": okx.UNITS,
    "hyperliquid": hyperliquid.UNITS,
}


def frame(venue: Venue, letter: str) -> bytes:
    """Ten SOL at 150."""
    bodies: dict[Venue, object] = {
        "binance": {
            "stream": "!forceOrder@arr",
            "data": {
                "e": "forceOrder",
                "E": 2,
                "o": {"s": "SOLUSDT", "S": letter, "q": "12", "p": "149", "ap": "150", "z": "10", "T": 1, "st": 1},
            },
        },
        "bybit": {
            "topic": "allLiquidation.SOLUSDT",
            "type": "snapshot",
            "ts": 2,
            "data": [{"T": 1, "s": "SOLUSDT", "S": letter, "v": "10", "p": "150"}],
        },
        "okx": {
            "arg": {"channel": "liquidation-orders", "instType": "SWAP"},
            "data": [
                {
                    "details": [{"bkPx": "150", "posSide": "net", "side": letter, "sz": "10", "ts": "1"}],
                    "instId": "SOL-USDT-SWAP",
                    "instType": "SWAP",
                }
            ],
        },
    }
    return json.dumps(bodies[venue]).encode()


@pytest.mark.parametrize(
    ("venue", "long", "short"), [("binance", "SELL", "BUY"), ("bybit", "Buy", "Sell"), ("okx", "sell", "buy")]
)
def test_the_letter_of_each_venue_means_the_same_side_and_the_same_dollars(venue: Venue, long: str, short: str) -> None:
    assert UNITS[venue].long_liquidated == long
    for letter, is_long in ((long, True), (short, False)):
        assert DECODE[venue](frame(venue, letter)) == [
            Liquidation(symbol="SOLUSDT", is_long=is_long, price=150.0, usd=1_500.0, event_ms=1)
        ]
    assert DECODE[venue](frame(venue, "?")) == []


@pytest.mark.parametrize("venue", DECODE)
def test_what_is_no_liquidation_is_none(venue: Venue) -> None:
    odd = [b"", b"{}", b"[]", b"null", b"pong", b'{"data":1}', b"\xff", b'{"topic":"tickers.BTCUSDT","data":[]}']
    whole = frame(venue, UNITS[venue].long_liquidated)
    odd += [whole[:at] for at in range(1, len(whole), 7)]
    odd += [whole.replace(b'"150"', price) for price in (b'"NaN"', b'"-1"', b'"0"', b'"1e999"', b"null", b'""')]
    assert [found for text in odd if (found := DECODE[venue](text))] == []


def test_the_table_of_every_venue_is_complete() -> None:
    assert set(UNITS) == set(VENUE_NAMES)
    assert {name: (units.venue, units.oi_sides, units.funding_hours) for name, units in UNITS.items()} == {
        "binance": ("binance", 1, 8.0),
        "bybit": ("bybit", 2, 8.0),
        "okx": ("okx", 1, 8.0),
        "hyperliquid": ("hyperliquid", 1, 1.0),
    }


def test_bybits_open_interest_is_halved_where_only_both_sides_are_told() -> None:
    both = bybit_bodies.BybitTickerWire(symbol="SOLUSDT", open_interest="1000")
    single = bybit_bodies.BybitTickerWire(symbol="SOLUSDT", open_interest="1000", single_open_interest="501.5")
    assert (both.one_side(7).contracts, single.one_side(7).contracts) == (500.0, 501.5)


def test_okxs_open_interest_is_the_same_in_contracts_and_in_coins() -> None:
    row = okx_bodies.OkxOpenInterestWire(inst_id="BTC-USDT-SWAP", ts="7", oi="2500", oi_ccy="25")
    bare = okx_bodies.OkxOpenInterestWire(inst_id="BTC-USDT-SWAP", ts="7", oi="2500")
    found, computed = row.coins(0.01), bare.coins(0.01)
    assert found is not None
    assert computed is not None
    assert (found.contracts, computed.contracts) == (25.0, 25.0)
    assert bare.coins(None) is None


@pytest.mark.skipif(not DATA.is_file(), reason="no real frames beside this checkout (../shared/data/ws)")
def test_real_frames_of_three_venues_are_read_to_the_dollar() -> None:
    frames = [json.loads(line) for line in DATA.read_text("utf-8").splitlines()]
    found = []
    for row in frames:
        venue = row["origin"].split()[0].split("-")[0]
        if venue in DECODE:
            found += [(venue, one) for one in DECODE[venue](row["payload"].encode())]
    assert [(venue, one.symbol, one.is_long, round(one.usd, 2)) for venue, one in found] == [
        ("binance", "ILVUSDT", True, 449.27),
        ("binance", "COTIUSDT", False, 6314.67),
        ("bybit", "ICPUSDT", True, 50.92),
        ("bybit", "MARSCOINUSDT", False, 303.07),
        ("okx", "CNPYUSDT", False, 8894.19),
    ]
