"""Klines as the exchange writes them: bytes for the socket, rows for REST, values for tests."""

from __future__ import annotations

from dataclasses import dataclass

from altmonitor.market.candles import MINUTE_MS, Candle
from altmonitor.sim.contracts import SimContract

KlineRow = list[int | str]
"""openTime, o, h, l, c, volume, closeTime, quoteVolume, trades, takerBuyBase, takerBuyQuote, "0" """


@dataclass(frozen=True, slots=True)
class Frame:
    """One push. `stream`: its name, as subscribed. `event`: JSON bytes without the combined wrapper."""

    event_ms: int
    stream: str
    event: bytes


def kline_stream(symbol: str) -> str:
    return f"{symbol.lower()}@kline_1m"


def candle_of(row: KlineRow) -> Candle:
    return Candle(
        open_ms=int(row[0]),
        open=float(row[1]),
        high=float(row[2]),
        low=float(row[3]),
        close=float(row[4]),
        quote_usdt=float(row[7]),
        taker_quote_usdt=float(row[10]),
        trades=int(row[8]),
    )


def kline_event(symbol: str, row: KlineRow, *, event_ms: int, is_closed: bool) -> bytes:
    """The bare event of a kline stream for a REST row."""
    opened, o, h, low, c, volume, closes, quote, trades, taker_qty, taker_quote, _ = row
    first = int(opened) // MINUTE_MS * 10_000
    last = first + int(trades) - 1
    if trades == 0:
        first = last = -1
    closed = "true" if is_closed else "false"
    return (
        f'{{"e":"kline","E":{event_ms},"s":"{symbol}","k":{{"t":{opened},"T":{closes},"s":"{symbol}","i":"1m",'
        f'"f":{first},"L":{last},"o":"{o}","c":"{c}","h":"{h}","l":"{low}","v":"{volume}","n":{trades},"x":{closed},'
        f'"q":"{quote}","V":"{taker_qty}","Q":"{taker_quote}","B":"0"}}}}'
    ).encode()


def force_order(symbol: str, *, is_long: bool, coins: float, price: float, at_ms: int) -> Frame:
    """A liquidation on the stream of all contracts. A long position ends with a SELL."""
    side = "SELL" if is_long else "BUY"
    text = (
        f'{{"e":"forceOrder","E":{at_ms},"o":{{"s":"{symbol}","S":"{side}","o":"LIMIT","f":"IOC","q":"{coins:.6f}",'
        f'"p":"{price:.8f}","ap":"{price:.8f}","X":"FILLED","l":"{coins:.6f}","z":"{coins:.6f}","T":{at_ms},'
        f'"ps":"{symbol}","st":1}}}}'
    )
    return Frame(at_ms, "!forceOrder@arr", text.encode())


_BRACKETS = '"bks":[{"bs":1,"bnf":0,"bnc":5000,"mmr":0.01,"cf":0,"mi":21,"ma":50}],'


def contract_event(contract: SimContract, status: str, *, event_ms: int, has_brackets: bool = False) -> Frame:
    """A listing, a settlement or (with brackets) a bracket change on the contract-info stream."""
    brackets = _BRACKETS if has_brackets else ""
    text = (
        f'{{"e":"contractInfo","E":{event_ms},"s":"{contract.symbol}","ps":"{contract.symbol}",'
        f'"ct":"{contract.contract_type}","dt":{contract.delivery_ms},"ot":{contract.onboard_ms},"cs":"{status}",{brackets}"st":1}}'
    )
    return Frame(event_ms, "!contractInfo", text.encode())
