"""Operator notices: what changed in the program becomes one message each, for the log and for the chat."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from msgspec import structs

from altmonitor.core.causes import Cause
from altmonitor.core.clock import Clock, timeouts
from altmonitor.core.status import GuardStatus
from altmonitor.core.types import Destination, Venue
from altmonitor.delivery.deps import Resumption
from altmonitor.interfaces.exchange import FeedEvent
from altmonitor.market.candles import MINUTE_MS
from altmonitor.render.notices import (
    AlertsRefused,
    BackAfter,
    BlindSince,
    BotRefused,
    BrokerFine,
    BrokerTrouble,
    ClockFine,
    ClockSkew,
    DatabaseSetAside,
    DeliveryResumed,
    DestinationClosed,
    DestinationOpen,
    DiskFine,
    DiskTrouble,
    ExchangeBlockedNotice,
    ExchangeFree,
    Notice,
    OpenInterestBack,
    OpenInterestMissing,
    SecondPollerNotice,
    SettingsDamaged,
    SymbolsBack,
    SymbolsSilent,
    TopicFound,
    TopicLost,
    WebsiteBlocked,
)
from altmonitor.storage.state_file import LoadedState
from altmonitor.telegram.types import ListenerEvent

log = logging.getLogger(__name__)

SKEW_TOLD_MS = 2_000
SKEW_FINE_SHARE = 0.5


TOLD_FROM_S = 60.0
"""An interruption of delivery that held up no alert is told from this length on."""

Recipients = Destination | Literal["everybody", "operator"]
"""operator: the main chat, whose owner runs the program."""


SETTLED_AFTER_S = 2.0
"""Requests that were under way when a block began are refused too, each with an end of its own."""

SAME_END_MS = 60_000


@dataclass(slots=True)
class _Block:
    """told_until_ms: the end that was told last, None when nothing was told of this block."""

    status: GuardStatus | None = None
    since_ms: int | None = None
    told_until_ms: int | None = None

    def to_tell(self) -> GuardStatus | None:
        """The state with an end that nobody knows yet. A location that is not served stays so: told once."""
        status = self.status
        if status is None or status.state != "blocked" or status.until_ms is None:
            return None
        told_ms = self.told_until_ms
        if told_ms is not None and (status.is_region or status.until_ms <= told_ms + SAME_END_MS):
            return None
        self.told_until_ms = status.until_ms
        return status

    def take_end(self) -> int | None:
        """Since when, unix ms, what was told is over; once."""
        if self.status is None or self.status.state != "open" or self.since_ms is None:
            return None
        since_ms, was_told = self.since_ms, self.told_until_ms is not None
        self.since_ms = self.told_until_ms = None
        return since_ms if was_told else None


class OperatorNotices:
    """publish(notice, to): hands a notice to the chats it concerns.

    What the parts report once per change arrives here once; this class only translates and remembers since when.
    venue: whose market it speaks of, where there are several; each has notices of its own. sends_from_store: what is
    not stored is not sent, because another process sends.
    """

    def __init__(
        self,
        *,
        clock: Clock,
        publish: Callable[[Notice, Recipients], None],
        venue: Venue | None = None,
        sends_from_store: bool = False,
    ) -> None:
        self._clock = clock
        self._venue = venue
        self._sends_from_store = sends_from_store
        self._publish = publish
        self._exchange, self._website = _Block(), _Block()
        self._has_blocks = asyncio.Event()
        self._disk_since_ms: int | None = None
        self._is_skewed = False
        self._skew_told_ms = timeouts(clock, SKEW_TOLD_MS / 1000) * 1000
        self._closed: set[int] = set()
        self.symbols = 0

    def notify(self, notice: Notice, *, to: Recipients = "everybody") -> None:
        self._publish(notice, to)

    def notify_of_market(self, notice: Notice, *, to: Recipients = "everybody") -> None:
        """The same for what happened at the venue alone."""
        self.notify(notice if self._venue is None else structs.replace(notice, venue=self._venue), to=to)

    def on_feed_event(self, event: FeedEvent) -> None:
        at_ms, since_ms = event.at_ms, event.blind_since_ms
        if event.kind == "blind":
            symbols = len(event.symbols) or self.symbols
            self.notify_of_market(BlindSince(at_ms=at_ms, reasons=event.reasons, since_ms=since_ms, symbols=symbols))
        elif event.kind == "live" and since_ms is not None:
            self.notify_back(since_ms, at_ms, is_since_known=event.is_since_known)
        elif event.kind == "symbols_silent":
            self.notify_of_market(SymbolsSilent(at_ms=at_ms, symbols=event.symbols))
        elif event.kind == "symbols_back":
            self.notify_of_market(SymbolsBack(at_ms=at_ms, symbols=event.symbols))
        else:
            log.info("feed %s: %s", event.kind, "; ".join(map(str, event.reasons)) or f"{event.attempts} attempts")

    def notify_back(self, since_ms: int, at_ms: int, *, is_since_known: bool = True) -> None:
        """Nothing was seen from `since_ms` until `at_ms`. is_since_known: see `FeedEvent`."""
        missed = max(0, at_ms // MINUTE_MS - since_ms // MINUTE_MS)
        notice = BackAfter(
            at_ms=at_ms,
            since_ms=since_ms,
            missed_minutes=missed,
            is_filled=missed > 0,
            is_since_known=is_since_known,
        )
        self.notify_of_market(notice)

    async def run(self) -> None:
        """Until cancelled. Notices of blocks leave from here, once the requests under way have come back."""
        while True:
            await self._has_blocks.wait()
            await self._clock.sleep(SETTLED_AFTER_S)
            self._has_blocks.clear()
            now_ms = self._clock.now_ms()
            if (status := self._exchange.to_tell()) is not None and status.until_ms is not None:
                notice = ExchangeBlockedNotice(
                    at_ms=now_ms, until_ms=status.until_ms, reason=status.reason, is_region=status.is_region
                )
                self.notify_of_market(notice)
            if (status := self._website.to_tell()) is not None and status.until_ms is not None:
                self.notify(WebsiteBlocked(at_ms=now_ms, until_ms=status.until_ms, reason=status.reason))
            if (since_ms := self._exchange.take_end()) is not None:
                self.notify_of_market(ExchangeFree(at_ms=now_ms, blocked_since_ms=since_ms))
            if self._website.take_end() is not None:
                log.info("the website answers again")

    def on_guard(self, status: GuardStatus) -> None:
        """The exchange's requests are refused, or answered again."""
        log.info("exchange budget: %s %s", status.state, status.reason or "")
        self._note_block(self._exchange, status)

    def on_website(self, status: GuardStatus) -> None:
        """The same for its website. A budget that is used up is no news: the lines of a storm are left out."""
        self._note_block(self._website, status)

    def _note_block(self, block: _Block, status: GuardStatus) -> None:
        block.status = status
        if status.state == "blocked" and block.since_ms is None:
            block.since_ms = self._clock.now_ms()
        self._has_blocks.set()

    def on_closed(self, destination: Destination, reason: Cause) -> None:
        """The chat itself cannot be told, and the others are not concerned."""
        if destination.chat_id not in self._closed:
            self._closed.add(destination.chat_id)
            notice = DestinationClosed(at_ms=self._clock.now_ms(), chat=str(destination), reason=reason)
            self.notify(notice, to="operator")

    def on_resumed(self, destination: Destination, resumption: Resumption) -> None:
        """Nobody is told of a chat service that is away: nothing could be sent to anybody."""
        at_ms, since_ms, counts = resumption.at_ms, resumption.since_ms, resumption.late + resumption.given_up
        if resumption.is_closed and destination.chat_id in self._closed:
            self._closed.discard(destination.chat_id)
            self.notify(DestinationOpen(at_ms=at_ms, chat=str(destination)), to="operator")
        if counts or (since_ms is not None and at_ms - since_ms >= TOLD_FROM_S * 1000):
            notice = DeliveryResumed(
                at_ms=at_ms,
                since_ms=since_ms,
                reason=resumption.reason,
                late=resumption.late,
                given_up=resumption.given_up,
            )
            self.notify(notice, to=destination)

    def on_refused(self, destination: Destination, count: int, reason: Cause) -> None:
        notice = AlertsRefused(at_ms=self._clock.now_ms(), chat=str(destination), count=count, reason=reason)
        self.notify(notice, to="operator")

    def on_bot_refused(self, bot: int) -> None:
        self.notify(BotRefused(at_ms=self._clock.now_ms(), bot=bot), to="operator")

    def on_topic_lost(self, destination: Destination, reason: Cause) -> None:
        notice = TopicLost(at_ms=self._clock.now_ms(), chat=str(destination), reason=reason)
        self.notify(notice, to=destination)

    def on_topic_found(self, destination: Destination, diverted: int) -> None:
        self.notify(TopicFound(at_ms=self._clock.now_ms(), diverted=diverted), to=destination)

    def on_listener_event(self, event: ListenerEvent) -> None:
        if event.kind in ("second_poller", "webhook"):
            notice = SecondPollerNotice(at_ms=event.at_ms, is_webhook=event.kind == "webhook")
            self.notify(notice, to="operator")
        else:
            log.info("telegram %s: %s", event.kind, event.reason)

    def on_storage_trouble(self, cause: Cause | None) -> None:
        now_ms = self._clock.now_ms()
        if cause is not None:
            self._disk_since_ms = self._disk_since_ms or now_ms
            notice = DiskTrouble(at_ms=now_ms, reason=cause, is_waiting=self._sends_from_store)
            self.notify(notice, to="operator")
        else:
            self.notify(DiskFine(at_ms=now_ms, since_ms=self._disk_since_ms), to="operator")
            self._disk_since_ms = None

    def on_broker_trouble(self, cause: Cause, names: Sequence[str]) -> None:
        """names: of the processes that noticed, where it was not this one."""
        self.notify(BrokerTrouble(at_ms=self._clock.now_ms(), reason=cause, names=tuple(names)), to="operator")

    def on_broker_fine(self, since_ms: int) -> None:
        self.notify(BrokerFine(at_ms=self._clock.now_ms(), since_ms=since_ms), to="operator")

    def on_database_set_aside(self, path: Path) -> None:
        self.notify(DatabaseSetAside(at_ms=self._clock.now_ms(), kept_as=str(path)), to="operator")

    def on_settings_loaded(self, loaded: LoadedState, *, of: str) -> None:
        """of: where they are kept, for texts."""
        if loaded.unwritable:
            log.warning("changes made in the chat cannot be saved: %s", loaded.unwritable)
        if loaded.problem:
            log.warning("%s", loaded.problem)
            kept_as, is_left = str(loaded.aside or of), loaded.aside is None
            self.notify(SettingsDamaged(at_ms=self._clock.now_ms(), kept_as=kept_as, is_left=is_left), to="operator")

    def on_open_interest_missing(self, reason: Cause | None, percent: int) -> None:
        """percent: of the contracts of which figures came."""
        notice = OpenInterestMissing(at_ms=self._clock.now_ms(), reason=reason, percent=percent)
        self.notify_of_market(notice, to="operator")

    def on_open_interest_back(self, since_ms: int) -> None:
        self.notify_of_market(OpenInterestBack(at_ms=self._clock.now_ms(), since_ms=since_ms), to="operator")

    def on_skew(self, skew_ms: float) -> None:
        """Our clock minus the exchange's; told when it becomes large and when it is small again."""
        now_ms = self._clock.now_ms()
        if not self._is_skewed and abs(skew_ms) >= self._skew_told_ms:
            self._is_skewed = True
            self.notify_of_market(ClockSkew(at_ms=now_ms, skew_ms=skew_ms), to="operator")
        elif self._is_skewed and abs(skew_ms) <= self._skew_told_ms * SKEW_FINE_SHARE:
            self._is_skewed = False
            self.notify_of_market(ClockFine(at_ms=now_ms), to="operator")
