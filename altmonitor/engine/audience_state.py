"""One audience: what it wants to hear of, what it was told, and which episodes of its alerts last."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable

import msgspec

from altmonitor.core.alert import Alert, Kind
from altmonitor.core.types import Venue
from altmonitor.detectors.adaptive import UsualMinutes, adapted
from altmonitor.detectors.kinds import KINDS
from altmonitor.detectors.price import PriceMove
from altmonitor.detectors.sampled import SampledDetector
from altmonitor.detectors.verdict import Verdict
from altmonitor.detectors.volume import VolumeBurst
from altmonitor.engine.alert_ranks import RankLog
from altmonitor.engine.episodes import EpisodeOptions, Episodes
from altmonitor.market.book import SymbolBook
from altmonitor.market.quotes import DayTicker
from altmonitor.settings.audience import Audience
from altmonitor.settings.settings import Settings, venue_mark

MOST_CHANGES = 1_000
"""Of the settings of one audience; beyond this the oldest are forgotten."""


class AudienceState:
    """Everything here is of this audience alone; the market is measured elsewhere, once.

    since_ms: nothing is known of what it was told before. tells_ends: see `Episodes`. venue_mark: what mutes name the
    whole venue by.
    """

    def __init__(
        self,
        audience: Audience,
        *,
        since_ms: int,
        episodes: EpisodeOptions,
        venue: Venue = "binance",
        tells_ends: bool = True,
    ) -> None:
        self.audience = audience
        self.venue_mark = venue_mark(venue)
        self._changes = deque([(since_ms, audience)], maxlen=MOST_CHANGES)  # (event time, what holds since then)
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
        self._adapted: dict[str, Settings] = {}
        self.episodes = Episodes(episodes, tells_ends=tells_ends)
        self.ranks = RankLog(audience.tz, known_since_ms=since_ms)

    def apply(self, audience: Audience, at_ms: int) -> None:
        """at_ms: it holds from then on, event time."""
        if audience != self.audience:
            self._changes.append((at_ms, audience))
        if audience.tz != self.audience.tz:
            self.ranks.apply(audience.tz)
        self.audience = audience

    def in_force(self, from_ms: int, to_ms: int) -> tuple[Audience, ...]:
        """What held at some moment of [from_ms, to_ms), oldest → newest; empty where that is not known of all of it."""
        changes = list(self._changes)
        if from_ms < changes[0][0]:
            return ()
        ends_ms = [*(since_ms for since_ms, _ in changes[1:]), to_ms]
        return tuple(
            audience
            for (since_ms, audience), end_ms in zip(changes, ends_ms, strict=True)
            if max(since_ms, from_ms) < min(end_ms, to_ms)
        )

    def settings_of(self, symbol: str) -> Settings:
        if self._adapted and symbol in self._adapted:
            return self._adapted[symbol]
        return self.audience.settings.for_symbol(symbol)

    def adapt(self, symbol: str, usual: UsualMinutes) -> None:
        """What its minutes usually are; where that is not known the bounds that are set count."""
        settings = self.audience.settings.for_symbol(symbol)
        own = adapted(settings, usual)
        if own is settings:
            self._adapted.pop(symbol, None)
        else:
            self._adapted[symbol] = own

    def is_held(self, symbol: str) -> bool:
        """A sampled figure that was raised has not calmed down yet."""
        return any(memory.is_held(symbol) for memory in self.sampled.values())

    def filter_reason(
        self, kind: Kind, symbol: str, event_ms: int, day_of: Callable[[str], DayTicker | None]
    ) -> tuple[Verdict, int | None] | None:
        """What keeps everything of this kind and symbol from being told now, and until when (unix ms, None: no end).

        None: nothing does. day_of: of a symbol, None when it is not known, which keeps nothing back; asked only where
        there is a floor.
        """
        settings = self.audience.settings
        if kind not in self.audience.kinds:
            return Verdict.NOT_ROUTED, None
        if settings.muted:
            if self.venue_mark in settings.muted and settings.is_muted(self.venue_mark, event_ms / 1000):
                return Verdict.MUTED, None
            if settings.is_muted(symbol, event_ms / 1000):
                until_s = settings.muted_until_s(symbol)
                return Verdict.MUTED, None if until_s == math.inf else int(until_s) * 1000
        if not settings.is_watched(symbol):
            return Verdict.NOT_WATCHED, None
        floor_usdt = settings.for_symbol(symbol).min_24h_usdt
        if floor_usdt and (day := day_of(symbol)) is not None and day.quote_usdt < floor_usdt:
            return Verdict.THIN_DAY, None
        return None

    def placed(self, alert: Alert) -> Alert:
        """An alert that is about to be told, among those that were."""
        first_key, is_silent = self.episodes.place_of(alert)
        count, days = self.ranks.rank_of(alert)
        details = msgspec.structs.replace(
            alert.details, episode_key=first_key, is_silent=is_silent, today_count=count, largest_days=days
        )
        return msgspec.structs.replace(alert, details=details)

    def remember(self, alert: Alert, book: SymbolBook | None) -> Alert | None:
        """It is told. Returns what the first alert of an episode that was over before it learns, else None."""
        self.ranks.record(alert)
        self._remember_told(alert)
        return self.episodes.record(alert, book)

    def complete(self, final: Alert) -> Alert:
        """The candle of what was told while it ran is closed. Returns it with how large that is among those before."""
        self.volume.complete(final)
        self.episodes.complete(final)
        days = self.ranks.grow(final)
        if days is None:
            return final
        return msgspec.structs.replace(final, details=msgspec.structs.replace(final.details, largest_days=days))

    def restore(self, alert: Alert, first: Alert | None) -> None:
        """It was told before a restart. first: of its episode, where that is another alert and known.

        What `ranks` needs is restored by itself, because it goes back farther.
        """
        self._remember_told(alert)
        if first is not None:
            self.episodes.resume(first)
        self.episodes.record(alert, None)

    def adopt(self, alert: Alert) -> bool:
        """Another process found it and could not tell it. False: its event is known here. True: it is told from here
        on."""
        if not self._memories[alert.kind].is_news(alert, self.settings_of(alert.symbol)):
            return False
        self.ranks.record(alert)
        self.restore(alert, None)
        return True

    def forget_told(self, symbol: str) -> None:
        """Nothing that was remembered as told of it holds; what really was is restored afterwards."""
        for memory in self._memories.values():
            memory.forget_raised(symbol)
        self.episodes.forget(symbol)

    def _remember_told(self, alert: Alert) -> None:
        self._memories[alert.kind].remember(alert)

    def forget(self, symbol: str) -> None:
        """The contract left the exchange."""
        self._adapted.pop(symbol, None)
        for memory in self._memories.values():
            memory.forget(symbol)
        self.episodes.forget(symbol)
