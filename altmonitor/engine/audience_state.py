"""One audience: what it was told, what it wants to hear of, and what that makes of an alert."""

from __future__ import annotations

import msgspec

from altmonitor.core.alert import Alert, Direction, Kind
from altmonitor.detectors.open_interest import OiSurge
from altmonitor.detectors.price import PriceMove
from altmonitor.detectors.verdict import Verdict
from altmonitor.engine import alert_factory as compose
from altmonitor.engine.episodes import Episodes
from altmonitor.engine.standing import Standing
from altmonitor.interfaces.exchange import DayTicker
from altmonitor.market.book import SymbolBook
from altmonitor.settings.audience import Audience
from altmonitor.settings.settings import Settings


class Hearing:
    """Everything here is of this audience alone; the market is measured elsewhere, once.

    since_ms: nothing is known of what it was told before.
    """

    def __init__(self, audience: Audience, *, since_ms: int) -> None:
        self.audience = audience
        self.price = PriceMove()
        self.oi = OiSurge()
        self.episodes = Episodes()
        self.standing = Standing(audience.tz, known_since_ms=since_ms)
        self._volume_told_ms: dict[tuple[str, Direction], int] = {}

    def use(self, audience: Audience) -> None:
        if audience.tz != self.audience.tz:
            self.standing.use(audience.tz)
        self.audience = audience

    def settings_of(self, symbol: str) -> Settings:
        return self.audience.settings.for_symbol(symbol)

    def gate(self, kind: Kind, symbol: str, event_ms: int, day: DayTicker | None) -> tuple[Verdict, int | None] | None:
        """What keeps everything of this kind and symbol from being told now, and until when (unix ms, None: no end).

        None: nothing does. day: None when it is not known, which keeps nothing back.
        """
        settings = self.audience.settings
        if kind not in self.audience.kinds:
            return Verdict.NOT_ROUTED, None
        if settings.is_muted(symbol, event_ms / 1000):
            until_s = settings.muted[symbol]
            return Verdict.MUTED, None if until_s is None else until_s * 1000
        if not settings.is_watched(symbol):
            return Verdict.NOT_WATCHED, None
        floor_usdt = settings.for_symbol(symbol).min_24h_usdt
        if floor_usdt and day is not None and day.quote_usdt < floor_usdt:
            return Verdict.THIN_DAY, None
        return None

    def volume_cooldown(self, symbol: str, direction: Direction, event_ms: int) -> tuple[Verdict, int | None] | None:
        told_ms = self._volume_told_ms.get((symbol, direction))
        cooldown_ms = self.settings_of(symbol).cooldown_sec * 1000
        if told_ms is not None and abs(event_ms - told_ms) < cooldown_ms:
            return Verdict.COOLING_DOWN, told_ms + cooldown_ms
        return None

    def placed(self, alert: Alert) -> Alert:
        """An alert that is about to be told, among those that were."""
        alert = self.episodes.placed(alert)
        count, days = self.standing.place(alert)
        return msgspec.structs.replace(
            alert, details=msgspec.structs.replace(alert.details, today_count=count, largest_days=days)
        )

    def remember(self, alert: Alert, book: SymbolBook | None) -> Alert | None:
        """It is told. Returns what the first alert of an episode that was over before it learns, else None."""
        self.standing.note(alert)
        self._remember_told(alert)
        return self.episodes.note(alert, book)

    def restore(self, alert: Alert, first: Alert | None) -> None:
        """It was told before a restart. first: of its episode, where that is another alert and known.

        What `standing` needs is restored by itself, because it goes back farther.
        """
        self._remember_told(alert)
        if first is not None:
            self.episodes.resume(first)
        self.episodes.note(alert, None)

    def _remember_told(self, alert: Alert) -> None:
        symbol, direction = alert.symbol, alert.direction
        if alert.kind == "price":
            self.price.remember(symbol, compose.price_finding_of(alert), key=alert.key)
        elif alert.kind == "oi":
            self.oi.remember(symbol, direction, alert.event_ms)
        else:
            told = symbol, direction
            self._volume_told_ms[told] = max(alert.event_ms, self._volume_told_ms.get(told, 0))

    def forget(self, symbol: str) -> None:
        """The contract left the exchange."""
        self.price.forget(symbol)
        self.oi.forget(symbol)
        self.episodes.forget(symbol)
        for direction in ("UP", "DOWN"):
            self._volume_told_ms.pop((symbol, direction), None)
