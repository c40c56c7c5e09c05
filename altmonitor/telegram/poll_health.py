"""Is anybody listening? What failed and good polls add up to: how long to wait, and what to tell once."""

from __future__ import annotations

import logging
from collections.abc import Callable

from altmonitor.core.backoff import backoff_s
from altmonitor.core.clock import Clock
from altmonitor.core.errors import DeliveryError, RetryLater, SecondPoller
from altmonitor.telegram.types import ListenerEvent

DEAF_AFTER_S = 60.0
AWAY_AFTER_S = 300.0
ALONE_AFTER_S = 120.0  # two pollers end each other's polls in turn: one good poll proves nothing
FIRST_BACKOFF_S = 1.0
LAST_BACKOFF_S = 60.0

log = logging.getLogger(__name__)


class PollHealth:
    def __init__(self, clock: Clock, news: Callable[[ListenerEvent], None]) -> None:
        self._clock = clock
        self._news = news
        self._started_s = clock.monotonic()
        self._ok_s: float | None = None
        self._ok_ms = 0
        self._attempts = 0
        self._is_deaf = False
        self._conflict_s: float | None = None
        self._conflict = ""

    @property
    def conflict(self) -> str:
        """Why commands go astray, '' when they do not."""
        return "" if self._conflict_s is None else self._conflict

    def last_ok_age_s(self) -> float | None:
        """Since Telegram answered last; None: it has not yet."""
        return None if self._ok_s is None else self._clock.monotonic() - self._ok_s

    def after_failure(self, error: DeliveryError) -> float:
        """Seconds to wait before the next attempt: capped, with jitter, never less than Telegram asked for."""
        self._attempts += 1
        now_s = self._clock.monotonic()
        if isinstance(error, SecondPoller):
            if self._conflict_s is None:
                log.warning("%s", error)
                self._tell("webhook" if error.is_webhook else "second_poller", str(error))
            self._conflict_s, self._conflict = now_s, str(error)
        quiet_s = now_s - (self._started_s if self._ok_s is None else self._ok_s)
        if quiet_s >= DEAF_AFTER_S and not self._is_deaf and not isinstance(error, SecondPoller):
            self._is_deaf = True
            log.warning("no commands could be read for %.0f s: %s", quiet_s, error)
            self._tell("unreachable", str(error))
        wait_s = backoff_s(self._attempts, first_s=FIRST_BACKOFF_S, longest_s=LAST_BACKOFF_S)
        return max(wait_s, error.retry_after_s) if isinstance(error, RetryLater) else wait_s

    def after_answer(self) -> bool:
        """True when the one before was so long ago that what came meanwhile may be old."""
        now_s, now_ms = self._clock.monotonic(), self._clock.now_ms()
        was_away = False
        if self._ok_s is not None:
            # The wall clock too: the other one stands still while a laptop sleeps.
            was_away = max(now_s - self._ok_s, (now_ms - self._ok_ms) / 1000) > AWAY_AFTER_S
        if self._conflict_s is not None and now_s - self._conflict_s >= ALONE_AFTER_S:
            self._conflict_s = None
            self._tell("alone")
        if self._is_deaf:
            self._is_deaf = False
            log.info("commands can be read again, attempts: %d", self._attempts + 1)
            self._tell("reachable")
        self._attempts = 0
        self._ok_s, self._ok_ms = now_s, now_ms
        return was_away

    def _tell(self, kind: str, reason: str = "") -> None:
        self._news(ListenerEvent(kind=kind, at_ms=self._clock.now_ms(), reason=reason))
