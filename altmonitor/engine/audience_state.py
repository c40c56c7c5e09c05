"""One audience: what it was told, what it wants to hear of, and what that makes of an alert."""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterable
from datetime import UTC, datetime, tzinfo
from typing import NamedTuple
from zoneinfo import ZoneInfo

import msgspec

from altmonitor.core.alert import Alert, Direction, Kind, StoredSize
from altmonitor.detectors.kinds import KINDS
from altmonitor.detectors.price import PriceMove
from altmonitor.detectors.sampled import SampledDetector
from altmonitor.detectors.verdict import Verdict
from altmonitor.detectors.volume import VolumeBurst
from altmonitor.engine.episodes import EpisodeOptions, Episodes
from altmonitor.market.book import SymbolBook
from altmonitor.market.quotes import DayTicker
from altmonitor.settings.audience import Audience
from altmonitor.settings.settings import Settings

# ---
# How an alert stands beside what its readers were told before: which one today, the largest in how many days.


DAY_MS = 86_400_000
RECENT_MS = 2 * DAY_MS
"""No local day is longer, in any zone."""

Row = tuple[str, Kind, Direction, str]
_ONE_MINUTE = {"60s": "1m"}
"""Both are moves of one minute, and one move is told by one of them."""


class AlertRank(NamedTuple):
    """As `Details` has them."""

    today_count: int
    largest_days: int | None


class RankLog:
    """Of one audience. known_since_ms: nothing is known of before."""

    def __init__(self, tz: str, *, known_since_ms: int) -> None:
        self._known_since_ms = known_since_ms
        self._told_ms: dict[tuple[str, Kind], list[int]] = {}
        self._larger: dict[Row, list[tuple[int, float]]] = {}  # (event_ms, size), each larger than all after it
        self.apply(tz)

    def apply(self, tz: str) -> None:
        self._tz: tzinfo = UTC if tz == "UTC" else ZoneInfo(tz)

    def destination(self, alert: Alert) -> AlertRank:
        """Of an alert that is about to be told, this one included. Late ones are not compared: newer ones are known."""
        told_ms = self._told_ms.get((alert.symbol, alert.kind), ())
        day = self._day_of(alert.event_ms)
        near = (ms for ms in told_ms if abs(ms - alert.event_ms) < RECENT_MS)
        return AlertRank(
            today_count=1 + sum(self._day_of(ms) == day for ms in near),
            largest_days=None if alert.late else self._largest_days(alert),
        )

    def record(self, alert: Alert) -> None:
        """It was told."""
        self._note(row_of(alert.symbol, alert.kind, alert.direction, alert.note), alert.event_ms, size_of(alert))

    def restore(self, told: Iterable[StoredSize], *, known_since_ms: int | None) -> None:
        """What is stored; known_since_ms: of the oldest that is, None without any."""
        if known_since_ms is not None:
            self._known_since_ms = min(self._known_since_ms, known_since_ms)
        for one in told:
            self._note(row_of(one.symbol, one.kind, one.direction, one.note), one.event_ms, one.size)

    def _note(self, row: Row, event_ms: int, size: float) -> None:
        told_ms = self._told_ms.setdefault(row[:2], [])
        insort(told_ms, event_ms)
        while told_ms[0] < told_ms[-1] - RECENT_MS:
            del told_ms[0]
        before = self._larger.get(row, [])
        if before and before[-1][0] > event_ms:  # told late, or restored after something newer
            before = sorted([*before, (event_ms, size)])
            self._larger[row] = [one for at, one in enumerate(before) if all(one[1] > x[1] for x in before[at + 1 :])]
            return
        while before and before[-1][1] <= size:
            before.pop()
        self._larger[row] = [*before, (event_ms, size)]

    def _largest_days(self, alert: Alert) -> int | None:
        size = size_of(alert)
        larger = self._larger.get(row_of(alert.symbol, alert.kind, alert.direction, alert.note), ())
        since_ms = next((ms for ms, known in reversed(larger) if known > size), self._known_since_ms)
        days = (alert.event_ms - since_ms) // DAY_MS
        return days if days >= 1 else None

    def _day_of(self, unix_ms: int) -> int:
        return datetime.fromtimestamp(unix_ms / 1000, tz=self._tz).toordinal()


def row_of(symbol: str, kind: Kind, direction: Direction, note: str) -> Row:
    """What is compared with one another."""
    return symbol, kind, direction, _ONE_MINUTE.get(note, note)


def size_of(alert: Alert) -> float:
    return abs(alert.metric or 0.0)


# ---


class AudienceState:
    """Everything here is of this audience alone; the market is measured elsewhere, once.

    since_ms: nothing is known of what it was told before.
    """

    def __init__(self, audience: Audience, *, since_ms: int, episodes: EpisodeOptions) -> None:
        self.audience = audience
        self.price = PriceMove()
        self.volume = VolumeBurst()
        self.sampled = {
            kind: spec.sampling.detector(spec.sampling) for kind, spec in KINDS.items() if spec.sampling is not None
        }
        self._memories: dict[Kind, PriceMove | VolumeBurst | SampledDetector] = {
            "price": self.price,
            "vol": self.volume,
            **self.sampled,
        }
        self.episodes = Episodes(episodes)
        self.standing = RankLog(audience.tz, known_since_ms=since_ms)

    def apply(self, audience: Audience) -> None:
        if audience.tz != self.audience.tz:
            self.standing.apply(audience.tz)
        self.audience = audience

    def settings_of(self, symbol: str) -> Settings:
        return self.audience.settings.for_symbol(symbol)

    def filter_reason(
        self, kind: Kind, symbol: str, event_ms: int, day: DayTicker | None
    ) -> tuple[Verdict, int | None] | None:
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

    def placed(self, alert: Alert) -> Alert:
        """An alert that is about to be told, among those that were."""
        alert = self.episodes.placed(alert)
        count, days = self.standing.destination(alert)
        return msgspec.structs.replace(
            alert, details=msgspec.structs.replace(alert.details, today_count=count, largest_days=days)
        )

    def remember(self, alert: Alert, book: SymbolBook | None) -> Alert | None:
        """It is told. Returns what the first alert of an episode that was over before it learns, else None."""
        self.standing.record(alert)
        self._remember_told(alert)
        return self.episodes.record(alert, book)

    def restore(self, alert: Alert, first: Alert | None) -> None:
        """It was told before a restart. first: of its episode, where that is another alert and known.

        What `standing` needs is restored by itself, because it goes back farther.
        """
        self._remember_told(alert)
        if first is not None:
            self.episodes.resume(first)
        self.episodes.record(alert, None)

    def _remember_told(self, alert: Alert) -> None:
        self._memories[alert.kind].remember(alert)

    def forget(self, symbol: str) -> None:
        """The contract left the exchange."""
        for memory in self._memories.values():
            memory.forget(symbol)
        self.episodes.forget(symbol)
