"""REST bodies → values: odd rows are left out, damaged wholes are errors, nothing else ever escapes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from altmonitor.core.errors import BadAnswer
from altmonitor.exchanges.binance import bodies as wire
from altmonitor.exchanges.rest.client import One, Read, Rows
from altmonitor.market.candles import Candle
from altmonitor.market.contracts import Contract
from altmonitor.market.quotes import DayTicker, Funding, LongShortRatio, OpenInterest

TICKERS = Rows(wire.DayTickerWire)
KLINES = Rows(wire.KlineWire)
ROW = b'{"symbol":"SOLUSDT","lastPrice":"150.25","priceChangePercent":"-2.5","quoteVolume":"1000000"}'


def test_numbers_are_read_as_text_and_as_numbers() -> None:
    as_text = Rows(wire.LongShortRatioWire).read(
        b'[{"symbol":"BTCUSDT","longShortRatio":"1.8105","longAccount":"0.64","timestamp":"1583139900000"}]'
    )
    as_number = Rows(wire.LongShortRatioWire).read(
        b'[{"symbol":"BTCUSDT","longShortRatio":1.8105,"longAccount":0.64,"timestamp":1583139900000}]'
    )
    expected = [LongShortRatio(symbol="BTCUSDT", ratio=1.8105, time_ms=1583139900000)]
    assert as_text.values == as_number.values == expected


def test_each_kind_of_row_becomes_its_value() -> None:
    assert One(wire.OpenInterestWire).read(
        b'{"openInterest":"10659.509","symbol":"\xe5\xb8\x81\xe5\xae\x89\xe4\xba\xba\xe7\x94\x9fUSDT","time":1589437530011}'
    ).parse() == OpenInterest(symbol="币安人生USDT", contracts=10659.509, time_ms=1589437530011)
    assert TICKERS.read(b"[" + ROW + b"]").values == [
        DayTicker(symbol="SOLUSDT", last_price=150.25, change_pct=-2.5, quote_usdt=1_000_000.0)
    ]
    assert Rows(wire.PremiumIndexWire).read(
        b'[{"symbol":"BTCUSDT","markPrice":"11793.63","indexPrice":"11781.8","lastFundingRate":"-0.00038",'
        b'"interestRate":"0.0001","nextFundingTime":1597392000000,"time":1597370495002}]'
    ).values == [
        Funding(
            symbol="BTCUSDT",
            rate=-0.00038,
            mark_price=11793.63,
            index_price=11781.8,
            next_ms=1597392000000,
            time_ms=1597370495002,
        )
    ]
    assert Rows(wire.FundingInfoWire).read(
        b'[{"symbol":"BLZUSDT","adjustedFundingRateCap":"0.025","fundingIntervalHours":4,"disclaimer":false}]'
    ).values == [("BLZUSDT", 4.0)]
    assert Rows(wire.ContractWire).read(
        b'[{"symbol":"AAPLUSDT","status":"TRADING","contractType":"TRADIFI_PERPETUAL","quoteAsset":"USDT",'
        b'"baseAsset":"AAPL","onboardDate":1569398400000,"deliveryDate":4133404800000,"filters":[{"x":1}]}]'
    ).values == [
        Contract(
            symbol="AAPLUSDT",
            status="TRADING",
            contract_type="TRADIFI_PERPETUAL",
            quote_asset="USDT",
            base_asset="AAPL",
            onboard_ms=1569398400000,
            delivery_ms=4133404800000,
        )
    ]


def test_a_kline_row_becomes_a_candle_and_its_end() -> None:
    found = KLINES.read(
        b'[[1499040000000,"0.016","0.8","0.0157","0.0158","148976.1",1499040059999,"2434.19",308,"1756.87","28.46","0"]]'
    )
    assert found.values == [
        (
            Candle(
                open_ms=1499040000000,
                open=0.016,
                high=0.8,
                low=0.0157,
                close=0.0158,
                quote_usdt=2434.19,
                taker_quote_usdt=28.46,
                trades=308,
                is_closed=True,
            ),
            1499040059999,
        )
    ]


@pytest.mark.parametrize(
    "odd",
    [
        b"null",
        b"7",
        b'"text"',
        b"[]",
        b"{}",
        ROW.replace(b'"150.25"', b'"NaN"'),
        ROW.replace(b'"150.25"', b'"Infinity"'),
        ROW.replace(b'"150.25"', b'"-1"'),
        ROW.replace(b'"150.25"', b'""'),
        ROW.replace(b'"150.25"', b"null"),
        ROW.replace(b'"150.25"', b"1e999"),
        ROW.replace(b"SOLUSDT", b""),
        ROW.replace(b"SOLUSDT", b"SOL USDT"),
        ROW.replace(b"SOLUSDT", b"SOL\\u0000USDT"),
        ROW.replace(b"SOLUSDT", b"S" * 65),
        ROW.replace(b'"symbol"', b'"name"'),
    ],
)
def test_one_odd_row_is_left_out_and_the_others_are_kept(odd: bytes) -> None:
    found = TICKERS.read(b"[" + ROW + b"," + odd + b"," + ROW + b"]")
    assert [row.symbol for row in found.values] == ["SOLUSDT", "SOLUSDT"]
    assert found.skipped == 1


@pytest.mark.parametrize(
    "row",
    [
        b'[1,"1","0.9","0.9","1","1",2,"1",1,"1","1","0"]',  # high below open
        b'[1,"1","2","1.5","1.6","1",2,"1",1,"1","1","0"]',  # low above open
        b'[1,"nan","2","0.5","1.6","1",2,"1",1,"1","1","0"]',
        b'[1,"1","2","0.5","1.6","1",2,"-1",1,"1","1","0"]',
        b'[0,"1","2","0.5","1.6","1",2,"1",1,"1","1","0"]',
        b'[1,"1","2","0.5"]',
    ],
)
def test_an_impossible_candle_is_left_out(row: bytes) -> None:
    good = b'[60000,"1","2","0.5","1.6","1",119999,"1",1,"1","1","0"]'
    found = KLINES.read(b"[" + row + b"," + good + b"]")
    assert [candle.open_ms for candle, _ in found.values] == [60_000]
    assert found.skipped == 1


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "empty answer"),
        (b"  \n", "empty answer"),
        (b"<!DOCTYPE html><html></html>", "a web page"),
        (b'[{"symbol":"SOL', "damaged JSON"),
        (b'{"code":-1000,"msg":"x"}', "not a list"),
        (b"[1,2,3]", "none of 3 rows"),
        (b"\xff\xfe[", "damaged JSON"),
        (b"[" * 100_000, "recursion"),
    ],
)
def test_a_damaged_whole_is_an_error_that_says_what_came(body: bytes, words: str) -> None:
    with pytest.raises(BadAnswer, match=words):
        TICKERS.read(body)


def test_an_empty_list_is_an_answer() -> None:
    assert TICKERS.read(b"[]").values == []


def test_a_weight_limit_is_told_per_minute() -> None:
    found = Rows(wire.RateLimitWire).read(
        b'[{"rateLimitType":"REQUEST_WEIGHT","interval":"MINUTE","intervalNum":1,"limit":2400},'
        b'{"rateLimitType":"ORDERS","interval":"MINUTE","intervalNum":1,"limit":1200},'
        b'{"rateLimitType":"REQUEST_WEIGHT","interval":"MINUTE","intervalNum":5,"limit":5000}]'
    )
    assert found.values == [2400, None, 1000]


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"[]", b'{"msg":"no code"}', b'{"code":"x"}', b"\xff", b"[" * 100_000]
)
def test_what_is_not_the_exchanges_error_is_none(body: bytes) -> None:
    assert wire.read_error(body) is None


def test_an_error_text_is_cut_and_cleaned() -> None:
    error = wire.read_error(b'{"code":-1121,"msg":"Invalid\\u001b[31m symbol' + b"." * 500 + b'"}')
    assert error is not None
    assert error.code == -1121
    assert error.msg.startswith("Invalid[31m symbol.")
    assert len(error.msg) < 201


READERS = [
    Rows(kind)
    for kind in (wire.KlineWire, wire.DayTickerWire, wire.PremiumIndexWire, wire.FundingInfoWire, wire.ContractWire)
]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda children: (
        st.lists(children, max_size=13)
        | st.dictionaries(st.sampled_from(["symbol", "lastPrice", "quoteVolume", "code", "x"]), children, max_size=5)
    ),
    max_leaves=40,
)


def reads(body: bytes) -> Iterator[Read[object]]:
    """What the readers make of it; those who refuse it say so with BadAnswer and nothing else."""
    for reader in READERS:
        with suppress(BadAnswer):
            yield reader.read(body)


@given(st.binary(max_size=400))
def test_no_bytes_break_a_reader(body: bytes) -> None:
    assert all(found.values or json.loads(body) == [] for found in reads(body))


@given(JSON)
def test_no_json_breaks_a_reader(value: object) -> None:
    rows = len(value) if isinstance(value, list) else -1
    assert all(len(found.values) + found.skipped == rows for found in reads(json.dumps(value).encode()))
