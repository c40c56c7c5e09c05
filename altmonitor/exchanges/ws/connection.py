"""One socket's life: open, subscribe, hand over frames, notice that it is dead, end."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from altmonitor.core.causes import Cause, CauseCode
from altmonitor.core.clock import Clock
from altmonitor.exchanges.exchange_clock import ExchangeClock
from altmonitor.exchanges.ws.dialect import Dialect, HeartbeatAnswer, ShutdownNotice, Skipped, SubscribeAnswer
from altmonitor.exchanges.ws.subscriptions import SubscriptionLedger
from altmonitor.exchanges.ws.transport import CloseReason, OpenTransport, Transport, TransportOptions
from altmonitor.exchanges.ws.watchdog import DataProgress, PauseWatch
from altmonitor.interfaces.exchange import FeedSink
from altmonitor.market.candles import KlineUpdate
from altmonitor.market.contracts import ContractNews

_SEND_WITHIN_S: Final = 10.0
_IDLE_INTERVAL_S: Final = 1.0
"""Between two looks at a connection that has nothing to ask: its data is watched to the second."""

UNROUTED: Final = "is the address routed (…/market)?"
"""Asked only where data never came: the exchange accepts connections and subscriptions on addresses that carry none."""


@dataclass(slots=True, kw_only=True)
class Shared:
    """What all connections of a feed have in common. unheard: symbols without data since the feed last looked: within a
    second hardly one is left, so that a frame costs a look into a set of a few, not a write into a table of all."""

    url: str
    dialect: Dialect
    clock: Clock
    exchange_clock: ExchangeClock
    sink: FeedSink
    open_transport: OpenTransport
    options: TransportOptions
    frames: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    unheard: set[str] = field(default_factory=set)


class Overlap:
    """Remembers what came while two connections carry the same streams, so that each update counts once."""

    def __init__(self) -> None:
        self._seen: set[tuple[object, ...]] = set()

    def is_new(self, update: KlineUpdate) -> bool:
        return self._note((update.symbol, update.event_ms, update.kline.open_ms, update.kline.is_closed))

    def is_news(self, news: ContractNews) -> bool:
        return self._note((news.symbol, news.event_ms, news.status))

    def _note(self, key: tuple[object, ...]) -> bool:
        before = len(self._seen)
        self._seen.add(key)
        return len(self._seen) > before


class FeedConnection:
    """Not reusable. `end` may be called at any time; `hold` then returns soon. Moments are of the exchange's clock."""

    def __init__(self, shared: Shared, *, progress: DataProgress, silence_limit_s: Callable[[], float | None]) -> None:
        """progress: of the share it belongs to. silence_limit_s: asked again and again; None while no data is
        expected."""
        self.ledger = SubscriptionLedger(shared.dialect)
        self.opened_s = 0.0
        self.first_data_s: float | None = None
        self.last_data_s: float | None = None
        self.is_open = False
        self.is_muted = False
        self.overlap: Overlap | None = None
        self.is_leaving = False
        self.transport_name = ""
        self._shared = shared
        self._progress = progress
        self._decode = shared.dialect.decode_kline
        self._not_a_kline = shared.dialect.not_a_kline
        self._on_kline = shared.sink.on_kline
        self._silence_limit_s = silence_limit_s
        self._transport: Transport | None = None
        self._patient_until_s = 0.0
        self._why: Cause | None = None

    async def open(self) -> None:
        """Raises `HandshakeRefused` or `ExchangeUnreachable`."""
        shared = self._shared
        self._transport = await shared.open_transport(
            shared.url + shared.dialect.path, on_frames=self._on_frames, options=shared.options
        )
        self.transport_name = self._transport.name
        self.opened_s = shared.exchange_clock.now_s()
        self.is_open = True

    async def hold(self) -> Cause:
        """Until the connection ends; returns why. Raises what the sink raised."""
        transport = self._transport
        if transport is None:
            raise RuntimeError("hold before open")
        try:
            async with asyncio.TaskGroup() as tasks:
                driver = tasks.create_task(self._drive(transport), name="feed control messages")
                reason = await transport.wait_closed()
                driver.cancel()
        finally:
            self.is_open = False
            transport.abort()
        if reason.error is not None:
            raise reason.error
        return self._why or _closed(reason)

    def end(self, why: Cause) -> None:
        self._why = self._why or why
        if self._transport is not None:
            self._transport.abort()

    async def leave(self) -> None:
        """End politely, when another connection has taken over; frames still coming are dropped."""
        self.is_muted = True
        self._why = Cause(CauseCode.OTHER, "replaced as planned")
        if self._transport is not None:
            await self._transport.close()

    @property
    def _last_sign_s(self) -> float:
        return self.opened_s if self.last_data_s is None else self.last_data_s

    @property
    def is_carrying(self) -> bool:
        """Everything is subscribed and compared, and data comes."""
        return self.ledger.is_settled and self.first_data_s is not None

    @property
    def data_flowed_s(self) -> float:
        """How long data has flowed, from the first to the last data frame."""
        if self.first_data_s is None or self.last_data_s is None:
            return 0.0
        return self.last_data_s - self.first_data_s

    async def _drive(self, transport: Transport) -> None:
        clock, dialect = self._shared.clock, self._shared.dialect
        heartbeat_s = self.opened_s + dialect.heartbeat_s
        pause = PauseWatch(_IDLE_INTERVAL_S)
        while True:
            now_s = self._shared.exchange_clock.now_s()
            message = self.ledger.next_message(now_s)
            if message is not None:
                await self._send(transport, message)
            elif dialect.heartbeat and now_s >= heartbeat_s:
                heartbeat_s = now_s + dialect.heartbeat_s
                await self._send(transport, dialect.heartbeat)
            self.ledger.expire(now_s)
            if self.ledger.trouble is not None:
                self.end(self.ledger.trouble)
            if not pause.was_long(now_s):
                self._watch_data(now_s)
            is_idle = self.ledger.is_settled
            await clock.sleep(max(dialect.control_interval_s, _IDLE_INTERVAL_S if is_idle else 0.0))

    async def _send(self, transport: Transport, message: str) -> None:
        try:
            async with self._shared.clock.timeout(_SEND_WITHIN_S):
                await transport.send_text(message)
        except TimeoutError:
            self.end(Cause(CauseCode.REFUSED_CONTROL, "the exchange does not take our messages"))

    def _watch_data(self, now_s: float) -> None:
        limit_s = self._silence_limit_s()
        if limit_s is None:
            self._patient_until_s = now_s
        elif now_s - max(self._last_sign_s, self._patient_until_s) >= limit_s:
            has_had_data = self._progress.last_event_ms is not None
            self.end(silence(self.ledger, now_s - self._last_sign_s, has_had_data=has_had_data))

    def _on_frames(self, frames: list[bytes]) -> None:
        if self.is_muted or self.overlap is not None:
            self._on_frames_of_two(frames)
            return
        decode, not_a_kline, on_kline, unheard = self._decode, self._not_a_kline, self._on_kline, self._shared.unheard
        others = 0
        for payload in frames:
            try:
                update = decode(payload).data
            except not_a_kline:
                others += 1
                self._on_other(payload)
                continue
            if update.symbol in unheard:
                unheard.remove(update.symbol)
            on_kline(update)
        if others < len(frames):
            self._note_data(len(frames) - others, update.event_ms)

    def _on_frames_of_two(self, frames: list[bytes]) -> None:
        klines = newest_ms = 0
        for payload in frames:
            try:
                update = self._decode(payload).data
            except self._not_a_kline:
                self._on_other(payload)
            else:
                klines += 1
                newest_ms = update.event_ms
                self._hand_over(update)
        if klines:
            self._note_data(klines, newest_ms)

    def _hand_over(self, update: KlineUpdate) -> None:
        """The careful way: a muted connection is not heard, and of two that overlap each update counts once."""
        if not self.is_muted and (self.overlap is None or self.overlap.is_new(update)):
            self._shared.unheard.discard(update.symbol)
            self._on_kline(update)

    def _note_data(self, count: int, newest_ms: int) -> None:
        """newest_ms: event time of the last of them."""
        shared = self._shared
        shared.frames += count
        self.last_data_s = shared.exchange_clock.now_s()
        self._progress.record(newest_ms, now_s=self.last_data_s, wall_ms=shared.clock.now_ms())
        if self.first_data_s is None:
            self.first_data_s = self.last_data_s

    def _on_other(self, payload: bytes) -> None:
        other = self._shared.dialect.decode_other(payload)
        match other:
            case SubscribeAnswer():
                if not self.ledger.on_answer(other):
                    self._shared.skipped[Skipped.UNMATCHED_ANSWER] += 1
            case ContractNews():
                if not self.is_muted and (self.overlap is None or self.overlap.is_news(other)):
                    self._shared.sink.on_contract(other)
            case ShutdownNotice():
                self.is_leaving = True
            case Skipped():
                self._shared.skipped[other] += 1
            case HeartbeatAnswer():
                pass
            case tuple():
                self._note_data(len(other), other[-1].event_ms)
                for update in other:
                    self._hand_over(update)
            case _:
                # A candle outside its usual envelope: understood, though not expected on this address.
                self._note_data(1, other.event_ms)
                self._hand_over(other)


def silence(ledger: SubscriptionLedger, silent_s: float, *, has_had_data: bool) -> Cause:
    """Why an open connection counts as dead. has_had_data: the share it carries has, over whichever connection."""
    line = f"no data for {silent_s:.0f} s, {ledger.acknowledged_count()} of {ledger.wanted_count} streams acknowledged"
    values = {"seconds": round(silent_s)}
    if has_had_data:
        return Cause(CauseCode.NO_DATA, line, values)
    return Cause(CauseCode.NOT_ROUTED, f"{line}; {UNROUTED}", values)


def _closed(reason: CloseReason) -> Cause:
    said = f" {reason.text}" if reason.text else ""
    return Cause(CauseCode.CLOSED, f"closed ({reason.code}{said})", {"status": reason.code})
