"""Liquidations over sockets of their own: contracts come and go, requests are refused, frames are odd."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from typing import Any

from altmonitor.core.errors import ExchangeUnreachable
from altmonitor.exchanges.binance.liquidations import BINANCE_LIQUIDATIONS
from altmonitor.exchanges.bybit.liquidations import BYBIT_LIQUIDATIONS, topic
from altmonitor.exchanges.okx.liquidations import okx_liquidations
from altmonitor.exchanges.ws.liquidations import LiquidationFeed, LiquidationStreams
from altmonitor.exchanges.ws.transport import CloseReason, OnFrames, TransportOptions
from altmonitor.market.liquidations import Liquidation
from tests.movable_clock import T0, MovableClock, at_work

OKX_LIQUIDATIONS = okx_liquidations({"SOL-USDT-SWAP": 1.0, "XRP-USDT-SWAP": 100.0}.get)


class Line:
    """A connection; `ask` says what the venue answers to a message."""

    name = "scripted"

    def __init__(self, on_frames: OnFrames, ask: Callable[[str], bytes | None]) -> None:
        self.on_frames = on_frames
        self.sent: list[str] = []
        self._ask = ask
        self._closed = asyncio.Event()

    @property
    def is_open(self) -> bool:
        return not self._closed.is_set()

    async def send_text(self, text: str) -> None:
        self.sent.append(text)
        answer = self._ask(text)
        if answer is not None:
            self.on_frames([answer])

    async def wait_closed(self) -> CloseReason:
        await self._closed.wait()
        return CloseReason(code=1006)

    async def close(self) -> None:
        self._closed.set()

    def abort(self) -> None:
        self._closed.set()


class Venue:
    """unknown: symbols whose topics are refused, and with them the whole request."""

    def __init__(self, streams: LiquidationStreams, symbols: Sequence[str]) -> None:
        self.clock = MovableClock(T0)
        self.symbols: Sequence[str] = list(symbols)
        self.is_wanted = True
        self.unknown: set[str] = set()
        self.refuses: bytes | None = None
        self.failures = 0
        self.lines: list[Line] = []
        self.told: list[Liquidation] = []
        self.feed = LiquidationFeed(
            "wss://venue.example",
            streams=streams,
            clock=self.clock,
            now_ms=self.clock.now_ms,
            open_transport=self._open,
            options=TransportOptions(),
            is_wanted=lambda: self.is_wanted,
            symbols=lambda: self.symbols,
            on_liquidations=self.told.extend,
        )

    async def _open(self, url: str, *, on_frames: OnFrames, options: TransportOptions) -> Any:
        if self.failures:
            self.failures -= 1
            raise ExchangeUnreachable("no")
        self.lines.append(Line(on_frames, self._answer))
        return self.lines[-1]

    def _answer(self, text: str) -> bytes | None:
        if self.refuses is not None:
            return self.refuses
        asked = json.loads(text)
        if asked["op"] == "ping":
            return b'{"success":true,"ret_msg":"pong","op":"ping"}'
        bad = [name for name in asked["args"] if name in {topic(symbol) for symbol in self.unknown}]
        said = {"success": not bad, "req_id": asked["req_id"], "op": "subscribe", "ret_msg": f"handler not found {bad}"}
        return json.dumps(said).encode()

    def topics(self, line: int = 0) -> list[list[str]]:
        """By request."""
        asked = [json.loads(text) for text in self.lines[line].sent]
        return [[name.removeprefix("allLiquidation.") for name in one["args"]] for one in asked if "args" in one]


async def test_a_connection_stays_when_contracts_come_and_go_and_asks_for_those_that_came() -> None:
    venue = Venue(BYBIT_LIQUIDATIONS, ["AUSDT", "BUSDT"])
    async with at_work(venue.feed.run(), on=venue.clock):
        await venue.clock.advance(3)
        venue.symbols = ["BUSDT", "CUSDT"]
        await venue.clock.advance(3)
        venue.symbols = ["AUSDT", "BUSDT", "CUSDT"]
        await venue.clock.advance(3)
        assert venue.topics() == [["AUSDT", "BUSDT"], ["CUSDT"]]
        venue.lines[0].abort()
        await venue.clock.advance(5)
        assert [line.is_open for line in venue.lines] == [False, True]
        assert sorted(venue.topics(1)[0]) == ["AUSDT", "BUSDT", "CUSDT"]
        venue.is_wanted = False
        await venue.clock.advance(3)
    assert venue.feed.connections == 0


async def test_where_one_request_is_for_all_nothing_happens_when_contracts_come_and_go() -> None:
    for streams in (BINANCE_LIQUIDATIONS, OKX_LIQUIDATIONS):
        venue = Venue(streams, ["AUSDT"])
        venue.refuses = b"pong"
        async with at_work(venue.feed.run(), on=venue.clock):
            for number in range(3):
                await venue.clock.advance(3)
                venue.symbols = [f"{number}USDT"]
        assert len(venue.lines) == 1
        assert len([text for text in venue.lines[0].sent if text != "ping"]) == 1


async def test_many_contracts_are_spread_over_requests_and_connections() -> None:
    venue = Venue(BYBIT_LIQUIDATIONS, [f"CONTRACT{number:04}USDT" for number in range(900)])
    async with at_work(venue.feed.run(), on=venue.clock):
        await venue.clock.advance(5)
        assert venue.feed.connections == 2
        venue.symbols = [*venue.symbols, *(f"NEW{number:04}USDT" for number in range(300))]
        await venue.clock.advance(8)
        assert venue.feed.connections == 2
        venue.symbols = [*venue.symbols, "MORE0000USDT", *(f"MORE{number:04}USDT" for number in range(1, 20))]
        await venue.clock.advance(8)
        assert venue.feed.connections == 3
    parts = [part for number in range(3) for part in venue.topics(number)]
    assert max(map(len, parts)) == 200
    assert sorted(symbol for part in parts for symbol in part) == sorted(venue.symbols)
    assert max(sum(len(topic(name)) for part in venue.topics(number) for name in part) for number in range(3)) <= 18_000


async def test_a_contract_that_the_venue_does_not_know_takes_none_of_its_neighbours_with_it() -> None:
    venue = Venue(BYBIT_LIQUIDATIONS, ["AUSDT", "BUSDT", "GONEUSDT", "DUSDT", "EUSDT"])
    venue.unknown = {"GONEUSDT"}
    async with at_work(venue.feed.run(), on=venue.clock):
        await venue.clock.advance(15)
    accepted = [part for part in venue.topics() if "GONEUSDT" not in part]
    assert sorted(symbol for part in accepted for symbol in part) == ["AUSDT", "BUSDT", "DUSDT", "EUSDT"]
    assert venue.topics().count(["GONEUSDT"]) == 1


async def test_a_venue_that_refuses_to_tell_any_is_asked_again_ever_more_rarely_and_said_once(caplog: Any) -> None:
    refused = b'{"event":"error","code":"60018","msg":"Wrong URL or channel","id":"1"}'
    venue = Venue(OKX_LIQUIDATIONS, ["SOLUSDT"])
    venue.refuses = refused
    async with at_work(venue.feed.run(), on=venue.clock):
        await venue.clock.advance(120)
        assert 4 <= len(venue.lines) <= 12
        assert caplog.text.count("liquidations are not told: 60018 Wrong URL or channel") == 1


async def test_an_odd_row_takes_none_of_its_neighbours_with_it() -> None:
    sol = {"instId": "SOL-USDT-SWAP", "details": [{"side": "sell", "bkPx": "150", "sz": "2", "ts": str(T0)}]}
    for odd in ({}, None, [], "x", {"instId": "XRP-USDT-SWAP", "details": [{"side": "sell", "bkPx": "", "sz": "2"}]}):
        frame = json.dumps({"arg": {"channel": "liquidation-orders"}, "data": [odd, sol]}).encode()
        assert [one.usd for one in OKX_LIQUIDATIONS.decode(frame)] == [300.0], odd
    row = {"T": T0, "s": "SOLUSDT", "S": "Buy", "v": "2", "p": "150"}
    for odd in ({}, None, {**row, "p": ""}, {**row, "T": "soon"}, {**row, "v": None}):
        frame = json.dumps({"topic": "allLiquidation.SOLUSDT", "data": [row, odd]}).encode()
        assert [one.usd for one in BYBIT_LIQUIDATIONS.decode(frame)] == [300.0], odd


async def test_what_happened_at_another_time_is_left_out_so_that_the_minutes_to_come_can_be_summed() -> None:
    venue = Venue(BYBIT_LIQUIDATIONS, ["SOLUSDT"])
    row = {"s": "SOLUSDT", "S": "Buy", "v": "2", "p": "150"}
    times = [T0 + 10**10, T0 - 3_600_000, 0, -5, 10**30, T0 + 5_000, T0 - 30_000]
    async with at_work(venue.feed.run(), on=venue.clock):
        await venue.clock.advance(2)
        frames = [json.dumps({"topic": "allLiquidation.SOLUSDT", "data": [{**row, "T": at}]}) for at in times]
        venue.lines[0].on_frames([frame.encode() for frame in frames])
    assert [one.event_ms - T0 for one in venue.told] == [5_000, -30_000]
    assert venue.feed.received == 2
    assert venue.feed.refused >= 4


async def test_a_connection_that_fails_or_ends_is_opened_again_and_asks_anew() -> None:
    venue = Venue(BYBIT_LIQUIDATIONS, ["SOLUSDT"])
    venue.failures = 2
    async with at_work(venue.feed.run(), on=venue.clock):
        await venue.clock.advance(20)
        assert venue.feed.connections == 1
        venue.lines[0].abort()
        await venue.clock.advance(30)
        assert venue.feed.connections == 1
        pings = [text for text in venue.lines[1].sent if "ping" in text]
    assert venue.topics(1) == [["SOLUSDT"]]
    assert pings == ['{"op":"ping"}']


async def test_a_bound_that_is_taken_away_and_set_again_at_once_is_followed_like_a_new_one() -> None:
    venue = Venue(BYBIT_LIQUIDATIONS, ["AUSDT"])
    async with at_work(venue.feed.run(), on=venue.clock):
        await venue.clock.advance(3)
        venue.is_wanted = False
        await venue.clock.advance(1.2)
        assert venue.feed.connections == 0
        venue.is_wanted = True
        await venue.clock.advance(5)
        assert [line.is_open for line in venue.lines] == [False, True]
        venue.symbols = ["AUSDT", "BUSDT"]
        await venue.clock.advance(3)
        assert venue.topics(1) == [["AUSDT"], ["BUSDT"]]


async def test_a_venue_that_could_not_be_reached_is_tried_at_once_when_a_bound_is_set_again() -> None:
    venue = Venue(BYBIT_LIQUIDATIONS, ["AUSDT"])
    venue.failures = 10_000
    async with at_work(venue.feed.run(), on=venue.clock):
        await venue.clock.advance(1_200)  # by now it is tried every few minutes
        venue.is_wanted = False
        await venue.clock.advance(3)
        venue.failures, venue.is_wanted = 0, True
        await venue.clock.advance(3)
        assert [line.is_open for line in venue.lines] == [True]


async def test_a_contract_that_left_and_came_back_over_another_connection_is_told_once() -> None:
    first, *others = [f"CONTRACT{number:04}USDT" for number in range(900)]
    venue = Venue(BYBIT_LIQUIDATIONS, [first, *others])
    row = {"T": T0, "s": first, "S": "Buy", "v": "2", "p": "10"}
    frame = json.dumps({"topic": topic(first), "data": [row]}).encode()
    async with at_work(venue.feed.run(), on=venue.clock):
        await venue.clock.advance(5)
        venue.symbols = others[:-1]
        await venue.clock.advance(3)
        venue.lines[0].on_frames([frame])
        assert venue.told == []
        venue.symbols = [first, *others]
        await venue.clock.advance(3)
        assert first in venue.topics(1)[-1]
        for line in venue.lines:
            line.on_frames([frame])
    assert [(one.symbol, one.usd) for one in venue.told] == [(first, 20.0)]
