"""Frames of the market streams, as the exchange sends them and as it should not."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from altmonitor.exchanges.binance.dialect import (
    NOT_A_KLINE,
    KlineFields,
    KlineFrame,
    decode_kline,
    decode_other,
)
from altmonitor.exchanges.ws.dialect import ShutdownNotice, Skipped, SubscribeAnswer
from altmonitor.market.candles import Kline, KlineUpdate
from altmonitor.market.contracts import ContractNews

KLINE = (
    '{"e":"kline","E":1787949652251,"s":"BTCUSDT","k":{"t":1787949600000, "T":1787949659999, "s":"BTCUSDT", "i":"1m",'
    ' "f":8031029259, "L":8031029892, "o":"77371.50", "c":"77397.90", "h":"77398.00", "l":"77371.50", "v":"11.684",'
    ' "n":622, "x":false, "q":"904136.93900", "V":"8.670", "Q":"670921.88190", "B":"0"}}'
)
COMBINED = f'{{"stream":"btcusdt@kline_1m","data":{KLINE}}}'
EXPECTED = KlineFrame(
    event_ms=1787949652251,
    symbol="BTCUSDT",
    kline=KlineFields(
        open_ms=1787949600000,
        open=77371.5,
        high=77398.0,
        low=77371.5,
        close=77397.9,
        quote_usdt=904136.939,
        taker_quote_usdt=670921.8819,
        trades=622,
        is_closed=False,
    ),
)
CONTRACT = (
    '{"e":"contractInfo","E":1790000000000,"s":"NEWUSDT","ps":"NEWUSDT","ct":"PERPETUAL","dt":4133404800000,'
    '"ot":1790000000000,"cs":"TRADING","bks":[{"bs":1,"bnf":0,"bnc":5000,"mmr":0.01,"cf":0,"mi":21,"ma":50}],"st":%d}'
)


def test_a_combined_candle_is_read_in_one_step() -> None:
    assert decode_kline(COMBINED.encode()).data == EXPECTED


def test_the_fields_of_a_candle_stand_in_the_order_of_the_text_where_each_is_found_at_once() -> None:
    begins = [
        KLINE.index(f'"{field.encode_name}":', KLINE.index('"k":')) for field in msgspec.structs.fields(KlineFields)
    ]
    assert begins == sorted(begins)


def test_a_bare_candle_is_read_too() -> None:
    assert decode_other(KLINE.encode()) == EXPECTED


def test_a_candle_is_what_the_house_calls_a_kline_update() -> None:
    update: KlineUpdate = decode_kline(COMBINED.encode()).data
    kline: Kline = update.kline
    assert (update.symbol, kline.close, kline.is_closed) == ("BTCUSDT", 77397.9, False)


def test_a_candle_without_trades_is_read() -> None:
    flat = COMBINED.replace('"n":622', '"n":0').replace('"f":8031029259', '"f":-1').replace("904136.93900", "0")
    update = decode_kline(flat.encode()).data
    assert (update.kline.trades, update.kline.quote_usdt) == (0, 0.0)


def test_chinese_symbols_are_read_as_they_are() -> None:
    text = COMBINED.replace('"s":"BTCUSDT"', '"s":"币安人生USDT"').replace("btcusdt", "币安人生usdt")
    assert decode_kline(text.encode()).data.symbol == "币安人生USDT"


def test_prices_far_below_one_keep_their_digits() -> None:
    assert decode_kline(COMBINED.replace("77397.90", "0.00000123").encode()).data.kline.close == 1.23e-06


def test_not_a_number_enters_here_and_must_be_refused_by_the_consumer() -> None:
    assert math.isnan(decode_kline(COMBINED.replace('"77397.90"', '"NaN"').encode()).data.kline.close)


def test_a_contract_notice_becomes_news() -> None:
    news = ContractNews(event_ms=1790000000000, symbol="NEWUSDT", status="TRADING", contract_type="PERPETUAL")
    assert decode_other((CONTRACT % 1).encode()) == news
    assert decode_other(f'{{"stream":"!contractInfo","data":{CONTRACT % 1}}}'.encode()) == news


def test_a_contract_notice_without_a_market_is_usd_margined() -> None:
    assert isinstance(decode_other((CONTRACT % 1).replace(',"st":1', "").encode()), ContractNews)


def test_coin_margined_contracts_are_not_ours() -> None:
    assert decode_other((CONTRACT % 2).encode()) is Skipped.COIN_MARGINED


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ('{"result":null,"id":7}', SubscribeAnswer(request_id=7)),
        ('{"result":["btcusdt@kline_1m"],"id":3}', SubscribeAnswer(request_id=3, streams=["btcusdt@kline_1m"])),
        ('{"result":[],"id":3}', SubscribeAnswer(request_id=3, streams=[])),
        (
            '{"error":{"code":2,"msg":"Invalid request: x"},"id":5}',
            SubscribeAnswer(request_id=5, error="2 Invalid request: x"),
        ),
        ('{"code":3,"msg":"Invalid JSON","id":6}', SubscribeAnswer(request_id=6, error="3 Invalid JSON")),
        ('{"error":{"code":3,"msg":"Invalid JSON"}}', SubscribeAnswer(request_id=None, error="3 Invalid JSON")),
        ('{"error":{"code":1},"id":null}', SubscribeAnswer(request_id=None, error="1")),
    ],
)
def test_answers_to_control_messages(text: str, answer: SubscribeAnswer) -> None:
    assert decode_other(text.encode()) == answer


def test_a_shutdown_notice_is_recognised_in_both_framings() -> None:
    assert decode_other(b'{"e":"serverShutdown","E":1770123456789}') == ShutdownNotice()
    assert decode_other(b'{"stream":"x","data":{"e":"serverShutdown","E":1}}') == ShutdownNotice()


@pytest.mark.parametrize(
    ("payload", "cause"),
    [
        (b"", Skipped.MALFORMED),
        (b"not json", Skipped.MALFORMED),
        (COMBINED[:-9].encode(), Skipped.MALFORMED),
        (COMBINED.encode() + b"x", Skipped.MALFORMED),
        (b'{"s":"\xff\xfe"}', Skipped.UNKNOWN_EVENT),
        (COMBINED.encode().replace(b'"s":"BTCUSDT","k"', b'"s":"\xff\xfe","k"'), Skipped.MALFORMED),
        (b"\x00\x01\x02", Skipped.MALFORMED),
        (b"[" * 100_000, Skipped.WRONG_SHAPE),
        (b'{"data":' * 100_000, Skipped.MALFORMED),
        (b"[1,2,3]", Skipped.WRONG_SHAPE),
        (b"42", Skipped.WRONG_SHAPE),
        (b"null", Skipped.WRONG_SHAPE),
        (b'{"stream":"btcusdt@kline_1m","data":[1]}', Skipped.WRONG_SHAPE),
        (b'{"e":"kline","E":1,"s":"BTCUSDT"}', Skipped.WRONG_SHAPE),
        (COMBINED.replace('"77397.90"', '""').encode(), Skipped.WRONG_SHAPE),
        (COMBINED.replace('"77397.90"', "null").encode(), Skipped.WRONG_SHAPE),
        (b'{"result":null,"id":"uuid"}', Skipped.WRONG_SHAPE),
        (b"{}", Skipped.UNKNOWN_EVENT),
        (b'{"stream":"x","data":null}', Skipped.WRONG_SHAPE),
        (b'{"e":"aggTrade","s":"BTCUSDT"}', Skipped.UNKNOWN_EVENT),
        (b'{"stream":"x","data":{"e":"somethingNew"}}', Skipped.UNKNOWN_EVENT),
    ],
    ids=lambda value: value.decode("latin1")[:30] if isinstance(value, bytes) else "",
)
def test_what_is_not_understood_has_a_cause_and_raises_nothing_unexpected(payload: bytes, cause: Skipped) -> None:
    with pytest.raises(NOT_A_KLINE):
        decode_kline(payload)
    assert decode_other(payload) is cause


def recorded() -> Path:
    return Path(__file__).parents[4] / "shared" / "data" / "ws" / "kline-through-close-2026-08-28.jsonl"


@pytest.mark.skipif(not recorded().exists(), reason="recorded frames are kept beside the checkout, not in it")
def test_recorded_frames_through_a_closing_candle() -> None:
    closed = [frame for frame in _recorded_candles() if frame.kline.is_closed]
    assert [frame.kline.open_ms for frame in closed] == [1787949600000]
    assert all(frame.symbol == "BTCUSDT" and frame.kline.low <= frame.kline.close for frame in _recorded_candles())


def _recorded_candles() -> Iterator[KlineFrame]:
    for line in recorded().read_text().splitlines():
        other = decode_other(json.loads(line)["payload"].encode())
        if isinstance(other, KlineFrame):
            yield other
        else:
            assert other == SubscribeAnswer(request_id=1)
