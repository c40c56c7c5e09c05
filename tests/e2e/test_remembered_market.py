"""A past that is remembered is the past that would have been computed."""

from __future__ import annotations

from collections.abc import Sequence

from altmonitor.market.candles import MINUTE_MS
from altmonitor.sim.market import SeededMarket
from altmonitor.sim.script import Event, Listing, Pump
from tests.e2e.remembered_market import BLOCK_MS, RememberedMarket
from tests.e2e.stage import START_MS, SYMBOLS

SPANS_MIN = ((600, 0), (99, 0), (700, 300), (3, -2), (0, 0), (2 * BLOCK_MS // MINUTE_MS, BLOCK_MS // MINUTE_MS))
"""From and to, in minutes before the start."""


def pasts(kind: type[SeededMarket], script: Sequence[Event], symbols: Sequence[str]) -> list[object]:
    market = kind(seed=3, start_ms=START_MS, symbols=40, frames_per_s=30, script=script)
    return [
        market.kline_rows(
            symbol,
            start_ms=START_MS - first * MINUTE_MS,
            end_ms=START_MS - last * MINUTE_MS,
            at_ms=START_MS + 90_000,
        )
        for symbol in symbols
        for first, last in SPANS_MIN
    ]


def test_it_is_the_same_with_events_ahead_and_behind_and_with_a_contract_that_comes() -> None:
    symbol = SYMBOLS[0]
    scripts: list[tuple[Event, ...]] = [
        (),
        (Pump(symbol, START_MS + 75_000, 4.0, over_s=5),),
        (Pump(symbol, START_MS - 200 * MINUTE_MS, 9.0, over_s=5),),
        (),
        (Listing("NEWUSDT", START_MS + 60_000),),
    ]
    for script in scripts:
        symbols = [SYMBOLS[0], "NEWUSDT", "NOSUCHUSDT"]
        assert pasts(RememberedMarket, script, symbols) == pasts(SeededMarket, script, symbols)
