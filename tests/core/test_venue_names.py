"""One coin has one name over all venues, and each venue is asked by its own."""

from __future__ import annotations

from altmonitor.core.venue_names import (
    coin_of,
    hyperliquid_coin,
    multiple_of,
    name_at,
    okx_instrument,
    symbol_of_hyperliquid,
    symbol_of_okx,
)

SPELLINGS = (
    # ours, OKX's, Hyperliquid's
    ("BTCUSDT", "BTC-USDT-SWAP", "BTC"),
    ("PEPEUSDT", "PEPE-USDT-SWAP", "PEPE"),
    ("1000PEPEUSDT", "1000PEPE-USDT-SWAP", "kPEPE"),
    ("1INCHUSDT", "1INCH-USDT-SWAP", "1INCH"),
    ("KASUSDT", "KAS-USDT-SWAP", "KAS"),
    ("币安人生USDT", "币安人生-USDT-SWAP", "币安人生"),
)


def test_names_go_to_the_venue_and_come_back() -> None:
    for ours, okx, hyperliquid in SPELLINGS:
        assert (okx_instrument(ours), symbol_of_okx(okx)) == (okx, ours)
        assert (hyperliquid_coin(ours), symbol_of_hyperliquid(hyperliquid)) == (hyperliquid, ours)
        assert (name_at("binance", ours), name_at("bybit", ours)) == (ours, ours)
    assert symbol_of_hyperliquid("xyz:TSLA") == "xyz:TSLA"
    assert name_at("hyperliquid", "xyz:TSLA") == "xyz:TSLA"


def test_only_usdt_perpetuals_of_okx_have_a_name_of_ours() -> None:
    assert [symbol_of_okx(name) for name in ("BTC-USD-SWAP", "BTC-USDT-260327", "BTC-USDT", "-USDT-SWAP", "")] == [
        None
    ] * 5


def test_contracts_of_the_same_coin_are_known_whatever_their_multiple() -> None:
    same = {"PEPEUSDT": 1.0, "1000PEPEUSDT": 1e3, "10000PEPEUSDT": 1e4, "1000000PEPEUSDT": 1e6, "1MPEPEUSDT": 1e6}
    assert {coin_of(symbol) for symbol in same} == {"PEPE"}
    assert {symbol: multiple_of(symbol) for symbol in same} == same
    assert [coin_of(symbol) for symbol in ("1INCHUSDT", "xyz:TSLA", "TSLAUSDT", "1000USDT")] == [
        "1INCH",
        "TSLA",
        "TSLA",
        "1000",
    ]
