"""What one of several feeds gets of the market, so that the one that gets most of it leads.

A feed says of each source whether it has it steadily; one that leads also whether it has lacked it for longer than is
worth waiting for. In between lies what comes and goes, and nobody gives anything up for that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import inf
from typing import Final, Literal, NamedTuple

from altmonitor.core.causes import Cause
from altmonitor.core.clock import Clock
from altmonitor.core.health import SWEPT_SHARE_MIN, is_open_interest_missing
from altmonitor.core.status import VenueStatus
from altmonitor.core.types import Venue

LOOK_EVERY_S: Final = 1.0
STEADY_S: Final = 60.0
"""A source counts as had after so long without interruption."""
LONG_BLOCK_S: Final = 120.0
"""A block that ends sooner is waited for."""
BLOCK_SETTLES_S: Final = 20.0
"""Another feed with the same address meets the block within this time, and then has no more to offer."""
DEAD_S: Final = 90.0
DEAD_PERIODS: Final = 1.5
"""Open interest of which nothing came is lacked after so many seconds and sweeps, whichever is longer."""
LONGEST_S: Final = 300.0
"""What pauses, comes back and pauses again is lacked after so long without a time in which all was well."""
BLIND_S: Final = 60.0
"""Prices of a venue that is not seen are lacked after so long."""

What = Literal["prices", "figures"]
"""prices: what the exchange sends by itself. figures: what it is asked for, open interest first of all."""


class MarketSource(NamedTuple):
    venue: Venue
    what: What


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedReach:
    """now: sources that are well at this moment. steadily: those of them that have been for a while. lacks: those that
    have not come for longer than is waited for, with the reason where one is known."""

    now: frozenset[MarketSource] = frozenset()
    steadily: frozenset[MarketSource] = frozenset()
    lacks: Mapping[MarketSource, Cause | None] = field(default_factory=dict)


class _SourceState(NamedTuple):
    """kind: as long as it stays the same, the patience runs. patience_s: infinite where nothing is lacked."""

    kind: Literal["well", "poor", "blind", "paused", "blocked", "dead"]
    patience_s: float = inf
    cause: Cause | None = None


class ReachWatch:
    """statuses: of every venue that is watched."""

    def __init__(self, statuses: Callable[[], Sequence[VenueStatus]], *, clock: Clock) -> None:
        self._statuses = statuses
        self._clock = clock
        self._looked_s = float("-inf")
        self._reach = FeedReach()
        self._since: dict[MarketSource, tuple[str, float]] = {}  # kind of its state, and since when, monotonic
        self._well_s: dict[MarketSource, float] = {}  # when it was well, or was looked at first

    def look(self) -> FeedReach:
        """To be called every second or so; more often costs nothing."""
        now_s = self._clock.monotonic()
        if now_s - self._looked_s >= LOOK_EVERY_S:
            self._looked_s, self._reach = now_s, self._look(now_s)
        return self._reach

    def _look(self, now_s: float) -> FeedReach:
        now, steadily, lacks = set(), set(), {}
        for source, state in self._states():
            kind, since_s = self._since.get(source, ("", now_s))
            if kind != state.kind:
                since_s = now_s
                self._since[source] = state.kind, since_s
            for_s = now_s - since_s
            well_s = self._well_s.setdefault(source, now_s)
            if state.kind == "well":
                self._well_s[source] = now_s
                now.add(source)
                if for_s >= STEADY_S:
                    steadily.add(source)
            elif for_s >= state.patience_s or (state.kind != "poor" and now_s - well_s >= LONGEST_S):
                lacks[source] = state.cause
        return FeedReach(now=frozenset(now), steadily=frozenset(steadily), lacks=lacks)

    def _states(self) -> Iterator[tuple[MarketSource, _SourceState]]:
        now_ms = self._clock.now_ms()
        for status in self._statuses():
            yield MarketSource(status.venue, "prices"), _prices(status)
            yield MarketSource(status.venue, "figures"), _figures(status, now_ms)


def _prices(status: VenueStatus) -> _SourceState:
    is_seen = status.feed.symbols_expected > 0 and not status.feed.is_blind
    return _SourceState("well") if is_seen else _SourceState("blind", BLIND_S)


def _figures(status: VenueStatus, now_ms: int) -> _SourceState:
    guard, sweep = status.guard, status.sweep
    if guard.state == "blocked":
        is_long = guard.until_ms is not None and guard.until_ms - now_ms > LONG_BLOCK_S * 1000
        return _SourceState("blocked" if is_long else "paused", BLOCK_SETTLES_S if is_long else inf, guard.reason)
    if is_open_interest_missing(sweep):
        return _SourceState("dead", max(DEAD_S, DEAD_PERIODS * sweep.period_s), sweep.trouble)
    return _SourceState("well" if sweep.coverage >= SWEPT_SHARE_MIN and guard.state != "probing" else "poor")
