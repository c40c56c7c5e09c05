"""Bodies of the smart-money overview: every number, and everything that is none."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from altmonitor.core.errors import BadAnswer
from altmonitor.exchanges.binance.smart_money import read_overview
from altmonitor.positioning.smart_money import Overview, Side

CAPTURED = 1_790_000_040_000
DATA: dict[str, object] = {
    "symbol": "BTCUSDT",
    "updateTime": 1785139140000,
    "totalPositions": 3500,
    "totalTraders": 190,
    "longShortRatio": 1.2,
    "longTraders": 100,
    "longTradersQty": 200,
    "longTradersAvgEntryPrice": 9.5,
    "shortTraders": 90,
    "shortTradersQty": 150,
    "shortTradersAvgEntryPrice": 10.5,
    "longWhales": 10,
    "longWhalesQty": 180,
    "longWhalesAvgEntryPrice": 9.4,
    "shortWhales": 9,
    "shortWhalesQty": 140,
    "shortWhalesAvgEntryPrice": 10.6,
    "longProfitTraders": 70,
    "longProfitWhales": 7,
    "shortProfitTraders": 60,
    "shortProfitWhales": 6,
}
READ = Overview(
    symbol="BTCUSDT",
    captured_ms=CAPTURED,
    signal_day_ms=1785139140000,
    total_positions=3500.0,
    total_traders=190,
    long_short_ratio=1.2,
    long=Side(
        traders=100,
        traders_qty_coins=200.0,
        traders_avg_entry=9.5,
        whales=10,
        whales_qty_coins=180.0,
        whales_avg_entry=9.4,
        profit_traders=70,
        profit_whales=7,
    ),
    short=Side(
        traders=90,
        traders_qty_coins=150.0,
        traders_avg_entry=10.5,
        whales=9,
        whales_qty_coins=140.0,
        whales_avg_entry=10.6,
        profit_traders=60,
        profit_whales=6,
    ),
)


def body(data: object = None, *, code: object = "000000", **changed: object) -> bytes:
    """changed: fields of the data; ... leaves one out."""
    whole = {name: value for name, value in {**DATA, **changed}.items() if value is not ...}
    return json.dumps(
        {"code": code, "message": None, "messageDetail": None, "data": whole if data is None else data, "success": True}
    ).encode()


def read(given: bytes) -> Overview | None:
    return read_overview(given, symbol="BTCUSDT", captured_ms=CAPTURED)


def read_well(given: bytes) -> Overview:
    found = read(given)
    assert found is not None
    return found


def test_all_nineteen_numbers_and_the_daily_stamp_are_read() -> None:
    assert read(body()) == READ


def test_numbers_may_come_as_text() -> None:
    as_text = {name: str(value) for name, value in DATA.items() if name != "symbol"}
    assert read(body(**as_text)) == READ


@pytest.mark.parametrize("odd", [..., None, "", "many", "NaN", "Infinity", "1e400", True, [], {"a": 1}, -1, "-0.5"])
def test_what_is_no_number_is_absent_and_spoils_no_other(odd: object) -> None:
    found = read_well(body(longWhalesQty=odd, totalTraders=odd, shortTradersAvgEntryPrice=odd, updateTime=odd))
    assert found.long.whales_qty_coins is None
    assert found.total_traders is None
    assert found.short.traders_avg_entry is None
    assert found.signal_day_ms is None
    assert found.long.traders_qty_coins == 200.0


def test_a_zero_count_stays_zero_and_an_entry_price_of_zero_is_none() -> None:
    found = read_well(body(longWhales=0, longWhalesQty=0, longProfitWhales=0, longWhalesAvgEntryPrice=0))
    long = found.long
    assert (long.whales, long.whales_qty_coins, long.profit_whales, long.whales_avg_entry) == (0, 0.0, 0, None)


def test_half_a_trader_is_none() -> None:
    assert read_well(body(longTraders=12.5)).long.traders is None


def test_more_in_profit_than_there_are_is_absent() -> None:
    found = read_well(body(longTraders=347, longProfitTraders=999))
    assert (found.long.traders, found.long.profit_traders, found.long.profit_share) == (347, None, None)


@pytest.mark.parametrize(
    "nothing",
    [
        b"",
        b"  \n",
        body(code="000002"),
        body(code=-1),
        json.dumps({"code": "000000", "data": None}).encode(),
        json.dumps({"code": "000000"}).encode(),
        json.dumps({"code": "000000", "data": {}}).encode(),
        json.dumps({"code": "000000", "data": {"symbol": "BTCUSDT", "totalTraders": None}}).encode(),
    ],
)
def test_nothing_for_this_symbol_is_none(nothing: bytes) -> None:
    assert read(nothing) is None


@pytest.mark.parametrize(
    "bad",
    [
        b"<html><body>sign in</body></html>",
        b"[]",
        b"null",
        b'"text"',
        b"{}",
        b'{"code":"000000","data":',
        b'{"code":"000000","data":[1]}',
        b'{"code":"000000","data":"BTCUSDT"}',
        b'{"code":"000000","data":{"longTradersQty":NaN}}',
        b"\xff\xfe",
        body(symbol="ETHUSDT"),
        body(symbol=7),
    ],
)
def test_what_is_not_the_endpoints_answer_is_a_bad_answer(bad: bytes) -> None:
    with pytest.raises(BadAnswer):
        read(bad)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(list(DATA)), inner, max_size=4),
    max_leaves=6,
)


@given(st.dictionaries(st.sampled_from([name for name in DATA if name != "symbol"]), json_values))
def test_whatever_the_fields_hold_the_numbers_that_come_out_are_possible(changed: dict[str, object]) -> None:
    try:
        found = read(body(**changed))
    except BadAnswer:
        return
    if found is None:
        return
    for side in (found.long, found.short):
        for value in (side.traders_qty_coins, side.traders_avg_entry, side.whales_qty_coins, side.whales_avg_entry):
            assert value is None or 0 <= value < math.inf
        assert side.profit_share is None or 0 <= side.profit_share <= 1
        assert side.whale_profit_share is None or 0 <= side.whale_profit_share <= 1


@given(st.binary(max_size=60))
def test_any_bytes_are_an_overview_nothing_or_a_bad_answer(given_bytes: bytes) -> None:
    try:
        found = read(given_bytes)
    except BadAnswer:
        return
    assert found is None
