"""Frames of every kind of damage between good ones: nothing is raised, everything counted, the good ones arrive."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Sequence
from datetime import UTC
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from altmonitor.exchanges.binance.dialect import BINANCE, decode_other
from altmonitor.exchanges.exchange_clock import ExchangeClock
from altmonitor.exchanges.ws.connection import FeedConnection, Overlap, Shared
from altmonitor.exchanges.ws.dialect import ShutdownNotice, Skipped
from altmonitor.exchanges.ws.transport import CloseReason, OnFrames, TransportOptions
from altmonitor.exchanges.ws.watchdog import DataProgress
from altmonitor.interfaces.exchange import FeedEvent
from altmonitor.market.candles import KlineUpdate
from altmonitor.market.contracts import ContractNews
from altmonitor.render.alerts import alert_html
from altmonitor.render.format import Style
from altmonitor.sim.control import GARBAGE
from tests.effort import examples
from tests.exchanges.binance.test_dialect import COMBINED, CONTRACT, KLINE
from tests.fakes import Market
from tests.fuzz import NONSENSE, broken, encoded
from tests.movable_clock import MovableClock

REAL: list[Any] = [
    json.loads(COMBINED),
    json.loads(KLINE),
    json.loads(CONTRACT % 1),
    {"stream": "!contractInfo", "data": json.loads(CONTRACT % 1)},
    {"result": None, "id": 1},
    {"result": ["btcusdt@kline_1m"], "id": 3},
    {"error": {"code": 2, "msg": "Invalid request"}, "id": 1},
    {"e": "serverShutdown", "E": 1_790_000_000_000},
]
BAD = st.one_of(NONSENSE, st.sampled_from(GARBAGE), *(broken(frame) for frame in REAL))


def good(number: int) -> bytes:
    frame = json.loads(COMBINED)
    frame["data"]["s"] = f"GOOD{number}USDT"
    return encoded(frame)


class Sink:
    """Everything goes on into a real engine, as in the program."""

    def __init__(self) -> None:
        self.market = Market("BTCUSDT", "NEWUSDT", *(f"GOOD{number}USDT" for number in range(40)))
        self.symbols: list[str] = []
        self.contracts = 0

    def on_kline(self, update: KlineUpdate) -> None:
        self.symbols.append(update.symbol)
        self.market.engine.on_kline(update)

    def on_contract(self, news: ContractNews) -> None:
        self.contracts += 1

    def on_feed_event(self, event: FeedEvent) -> None:
        raise AssertionError("a connection tells no events")


class Line:
    """A socket that only hands over its `on_frames`."""

    name = "line"

    async def send_text(self, text: str) -> None:
        raise AssertionError("nobody drives this connection")

    async def wait_closed(self) -> CloseReason:
        return CloseReason(code=1006)

    async def close(self) -> None:
        return

    def abort(self) -> None:
        return


class Bench:
    def __init__(self) -> None:
        self.sink = Sink()
        clock = MovableClock()
        self.shared = Shared(
            url="ws://exchange",
            dialect=BINANCE,
            clock=clock,
            exchange_clock=ExchangeClock(clock),
            sink=self.sink,
            open_transport=self._open,
            options=TransportOptions(),
        )
        self.connection = FeedConnection(self.shared, progress=DataProgress(30_000), silence_limit_s=lambda: 30.0)
        asyncio.run(self.connection.open())

    async def _open(self, url: str, *, on_frames: OnFrames, options: TransportOptions) -> Line:
        self.on_frames = on_frames
        return Line()

    @property
    def accounted(self) -> int:
        """Frames that are found in some count."""
        return self.shared.frames + sum(self.shared.skipped.values()) + self.sink.contracts


def mixed(bad: Sequence[bytes]) -> list[bytes]:
    return [frame for number, strange in enumerate(bad) for frame in (good(number), strange)]


@settings(max_examples=examples(400))
@given(st.lists(BAD, min_size=1, max_size=8))
@example([b'{"stream":"x","data":' * 50_000])
@example([COMBINED.encode().replace(b"1787949652251", b"9" * 400)])
@example([COMBINED.encode().replace(b'"77397.90"', b'"NaN"')])
def test_nothing_is_raised_everything_is_counted_and_good_frames_arrive(bad: list[bytes]) -> None:
    bench = Bench()
    bench.on_frames(mixed(bad))
    shutdowns = sum(isinstance(decode_other(frame), ShutdownNotice) for frame in bad)
    assert bench.accounted + shutdowns == 2 * len(bad)
    assert set(bench.shared.skipped) <= set(Skipped)
    arrived = [symbol for symbol in bench.sink.symbols if symbol.startswith("GOOD")]
    assert arrived == [f"GOOD{number}USDT" for number in range(len(bad))]
    assert bench.connection.first_data_s is not None


@settings(max_examples=examples(150))
@given(st.lists(BAD, min_size=1, max_size=8))
def test_two_overlapping_connections_bear_as_much(bad: list[bytes]) -> None:
    bench = Bench()
    bench.connection.overlap = Overlap()
    bench.on_frames(mixed(bad))
    bench.on_frames(mixed(bad))
    arrived = [symbol for symbol in bench.sink.symbols if symbol.startswith("GOOD")]
    assert arrived == [f"GOOD{number}USDT" for number in range(len(bad))]  # each once


@settings(max_examples=examples(150))
@given(st.lists(BAD, min_size=1, max_size=8))
def test_frames_alone_that_are_no_data_are_no_sign_of_life(bad: list[bytes]) -> None:
    bench = Bench()
    bench.on_frames(bad)
    assert (bench.connection.first_data_s is not None) == (bench.shared.frames > 0)
    assert bench.shared.frames == len(bench.sink.symbols)


NUMBERS = st.one_of(
    st.floats().map(repr),
    st.sampled_from(["0", "-0.0", "1e308", "1e-320", "5e-324", "NaN", "Infinity", "-1", "77397.90", "77371.50"]),
)


@settings(max_examples=examples(400))
@given(
    st.lists(
        st.fixed_dictionaries(
            {"o": NUMBERS, "h": NUMBERS, "l": NUMBERS, "c": NUMBERS, "q": NUMBERS, "Q": NUMBERS},
            optional={
                "x": st.booleans(),
                "n": st.integers(-1, 10**9),
                "t": st.sampled_from([0, -1, 1787949600000, 1787949660000, 2**62]),
            },
        ),
        max_size=12,
    ),
    st.lists(st.sampled_from([-(2**62), 0, 1787949652251, 1787949712251, 2**62]), min_size=12, max_size=12),
)
def test_no_number_upsets_the_engine_behind_or_becomes_an_alert_that_cannot_be_told(
    candles: list[dict[str, Any]], times_ms: list[int]
) -> None:
    bench = Bench()
    frames = []
    for candle, event_ms in zip(candles, times_ms, strict=False):
        frame = json.loads(COMBINED)
        frame["data"]["k"] |= candle
        frame["data"]["E"] = event_ms
        frames.append(encoded(frame))
    bench.on_frames([*frames, good(0)])
    assert bench.sink.symbols[-1] == "GOOD0USDT"
    for alert in bench.sink.market.sink.alerts:
        told = [alert.price, alert.change_pct, alert.metric, alert.amplitude]
        assert all(value is None or abs(value) < float("inf") for value in told), alert
        html = alert_html(alert, Style(lang="en", tz=UTC), maybe_repeated=True)
        assert re.search(r"\b(nan|inf)\b", html, re.IGNORECASE) is None, html
