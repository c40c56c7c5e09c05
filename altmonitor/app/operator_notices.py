"""Operator notices: what changed in the program becomes one message each, for the log and for the chat."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path

from altmonitor.core.clock import Clock
from altmonitor.core.status import GuardStatus
from altmonitor.core.types import Destination
from altmonitor.interfaces.exchange import FeedEvent
from altmonitor.market.candles import MINUTE_MS
from altmonitor.render.notices import (
    BackAfter,
    BlindSince,
    ClockFine,
    ClockSkew,
    DatabaseSetAside,
    DiskFine,
    DiskTrouble,
    ExchangeBlockedNotice,
    ExchangeFree,
    Notice,
    SecondPollerNotice,
    SymbolsBack,
    SymbolsSilent,
    TelegramFine,
    TelegramTrouble,
    TopicLost,
)
from altmonitor.telegram.types import ListenerEvent

log = logging.getLogger(__name__)

SKEW_TOLD_MS = 2_000
SKEW_FINE_MS = 1_000


class OperatorNotices:
    """publish(news, not_to): hands a notice of news to the chats; `not_to` is left out (the chat that is in trouble).

    What the parts tell once per change arrives here once; this class only translates and remembers since when.
    """

    def __init__(self, *, clock: Clock, publish: Callable[[Notice, Destination | None], None]) -> None:
        self._clock = clock
        self._publish = publish
        self._blocked_since_ms: int | None = None
        self._disk_since_ms: int | None = None
        self._is_skewed = False
        self.symbols = 0

    def notify(self, notice: Notice, *, not_to: Destination | None = None) -> None:
        self._publish(notice, not_to)

    def on_feed_event(self, event: FeedEvent) -> None:
        at_ms, since_ms = event.at_ms, event.blind_since_ms
        if event.kind == "blind":
            symbols = len(event.symbols) or self.symbols
            self.notify(BlindSince(at_ms=at_ms, reason=event.reason, since_ms=since_ms, symbols=symbols))
        elif event.kind == "live" and since_ms is not None:
            self.notify_back(since_ms, at_ms)
        elif event.kind == "symbols_silent":
            self.notify(SymbolsSilent(at_ms=at_ms, symbols=event.symbols))
        elif event.kind == "symbols_back":
            self.notify(SymbolsBack(at_ms=at_ms, symbols=event.symbols))
        else:
            log.info("feed %s: %s", event.kind, event.reason or f"{event.attempts} attempts")

    def notify_back(self, since_ms: int, at_ms: int) -> None:
        """Nothing was seen from `since_ms` until `at_ms`."""
        missed = max(0, at_ms // MINUTE_MS - since_ms // MINUTE_MS)
        self.notify(BackAfter(at_ms=at_ms, since_ms=since_ms, missed_minutes=missed, is_filled=missed > 0))

    def on_guard(self, status: GuardStatus) -> None:
        now_ms = self._clock.now_ms()
        if status.state == "blocked" and status.until_ms is not None:
            self._blocked_since_ms = self._blocked_since_ms or now_ms
            self.notify(
                ExchangeBlockedNotice(
                    at_ms=now_ms, until_ms=status.until_ms, reason=status.reason, is_region=status.is_region
                )
            )
        elif status.state == "open" and self._blocked_since_ms is not None:
            self.notify(ExchangeFree(at_ms=now_ms, blocked_since_ms=self._blocked_since_ms))
            self._blocked_since_ms = None
        else:
            log.info("exchange budget: %s %s", status.state, status.reason)

    def on_chat_trouble(self, destination: Destination, reason: str) -> None:
        now_ms = self._clock.now_ms()
        if reason:
            self.notify(
                TelegramTrouble(at_ms=now_ms, chat=str(destination), reason=reason),
                not_to=destination,
            )
        else:
            self.notify(TelegramFine(at_ms=now_ms, chat=str(destination)))

    def on_topic_lost(self, destination: Destination, reason: str) -> None:
        self.notify(TopicLost(at_ms=self._clock.now_ms(), chat=str(destination), reason=reason))

    def on_listener_event(self, event: ListenerEvent) -> None:
        if event.kind == "second_poller":
            self.notify(SecondPollerNotice(at_ms=event.at_ms))
        else:
            log.info("telegram %s: %s", event.kind, event.reason)

    def on_storage_trouble(self, text: str) -> None:
        now_ms = self._clock.now_ms()
        if text:
            self._disk_since_ms = self._disk_since_ms or now_ms
            self.notify(DiskTrouble(at_ms=now_ms, reason=text))
        else:
            self.notify(DiskFine(at_ms=now_ms, since_ms=self._disk_since_ms))
            self._disk_since_ms = None

    def on_database_set_aside(self, path: Path) -> None:
        self.notify(DatabaseSetAside(at_ms=self._clock.now_ms(), kept_as=str(path)))

    def on_skew(self, skew_ms: float) -> None:
        """Our clock minus the exchange's; told when it becomes large and when it is small again."""
        now_ms = self._clock.now_ms()
        if not self._is_skewed and abs(skew_ms) >= SKEW_TOLD_MS:
            self._is_skewed = True
            self.notify(ClockSkew(at_ms=now_ms, skew_ms=skew_ms))
        elif self._is_skewed and abs(skew_ms) <= SKEW_FINE_MS:
            self._is_skewed = False
            self.notify(ClockFine(at_ms=now_ms))
