"""What was told live beside what a replay of the same days tells: by key, and each difference with its reason."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, Literal

from altmonitor.core.alert import Alert, Kind, event_key
from altmonitor.detectors.price import MINUTES_OF, TWICE, WHOLE
from altmonitor.engine.episodes import Episode
from altmonitor.market.candles import MINUTE_MS
from altmonitor.market.math import reaches
from altmonitor.market.open_interest import LONGEST_WINDOW_MS, WINDOW_TOLERANCE
from altmonitor.replay.replay_options import ReplayOptions
from altmonitor.replay.selection import OI_MEMORY_MS
from altmonitor.replay.store import HistoryStore
from altmonitor.storage.run_log import MonitorRun

COMPARED: Final[frozenset[Kind]] = frozenset({"price", "vol", "oi"})
SHORTEST_BACK_MS: Final = int(LONGEST_WINDOW_MS * (1 - WINDOW_TOLERANCE))
NEAR_MS: Final = 2 * MINUTE_MS
"""The same move told by another window, or a minute earlier because the way within a minute is a convention."""

Reason = Literal[
    "sixty_seconds",
    "within_the_minute",
    "not_recorded",
    "before_start",
    "not_watched",
    "after_a_difference",
    "late",
    "unknown",
]
REASONS: Final[dict[Reason, str]] = {
    "sixty_seconds": "told against the price 60 s earlier, which candles do not hold",
    "within_the_minute": "the same move, told by another window, size or step: the way within a minute is a convention",
    "not_recorded": "its minute or sample is not in the store (a kill loses the samples of ten minutes)",
    "before_start": "compared with a sample of an earlier run, which the monitor does not know after a start",
    "not_watched": "the monitor did not run in its minute, and what it had from history afterwards did not tell it",
    "after_a_difference": "cooldown or episode of an earlier difference",
    "late": "told late, for minutes that nobody watched",
    "unknown": "no reason is known",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class QuietTimes:
    """So long at most what was told keeps other things from being told. cooldown_ms: the longest one. episode_ms:
    without an alert, until an episode is over."""

    cooldown_ms: int
    episode_ms: int

    @classmethod
    def of(cls, options: ReplayOptions) -> QuietTimes:
        return cls(
            cooldown_ms=max(one.settings.longest_cooldown_s for one in options.audiences) * 1000,
            episode_ms=int(options.episodes.episode_quiet_min * MINUTE_MS),
        )

    def after(self, alert: Alert) -> int:
        """Of its kind, symbol and direction. A change of open interest has to leave its window first."""
        window_ms = MINUTES_OF.get(alert.note or "", 1) * MINUTE_MS
        return max(self.cooldown_ms, self.cooldown_ms + OI_MEMORY_MS if alert.kind == "oi" else window_ms)


@dataclass(frozen=True, slots=True, kw_only=True)
class AlertDifference:
    """is_live: told live and not by the replay; else the other way round."""

    key: str
    event_ms: int
    is_live: bool
    reason: Reason


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """matched, live: keys that candles and samples can give again, by kind. differences: oldest first, those of
    `rolling` among them: price alerts told live against the price 60 s earlier, which candles do not hold."""

    matched: dict[Kind, int]
    live: dict[Kind, int]
    differences: tuple[AlertDifference, ...]
    rolling: int = 0

    @property
    def share(self) -> float:
        """Of the live price and volume keys, 0…1; 1 without any."""
        total = self.live.get("price", 0) + self.live.get("vol", 0)
        return (self.matched.get("price", 0) + self.matched.get("vol", 0)) / total if total else 1.0


def verify(
    live: Iterable[Alert],
    replayed: Iterable[Alert],
    *,
    is_stored: Callable[[str, int], bool],
    is_sampled: Callable[[str, int], bool] = lambda symbol, at_ms: True,
    quiet: QuietTimes,
    runs: Sequence[MonitorRun] = (),
) -> Verification:
    """is_stored(symbol, open_ms): the store has that candle. is_sampled(symbol, at_ms): it has that sample of open
    interest and one to compare it with. runs: of the monitor, where they are known."""
    told = {compared_key(one): one for one in live if one.kind in COMPARED}
    again = {compared_key(one): one for one in replayed if one.kind in COMPARED}
    both = told.keys() & again.keys()
    missed = [told[key] for key in told.keys() - both]
    extra = [again[key] for key in again.keys() - both]
    sides = {True: _Side(told.values(), quiet), False: _Side(again.values(), quiet)}
    found: list[AlertDifference] = []
    before: list[Alert] = []
    marked = [(one, True) for one in missed] + [(one, False) for one in extra]
    for one, is_live in sorted(marked, key=lambda pair: (pair[0].event_ms, pair[0].key)):
        others = extra if is_live else missed
        reason = _reason(one, others, is_live=is_live, is_stored=is_stored)
        if reason == "unknown" and sides[not is_live].keeps_back(one, sides[is_live]):
            reason = "within_the_minute"
        if reason == "unknown" and one.kind == "oi" and is_live and not is_sampled(one.symbol, one.event_ms):
            reason = "not_recorded"
        if reason == "unknown" and any(_reaches_before_start(each, runs) for each in _again(one, extra)):
            reason = "before_start"
        if reason == "unknown" and not is_live and any(_is_before(one, run) for run in runs):
            reason = "not_watched"
        if reason == "unknown" and _follows(one, before, own=sides[is_live], other=sides[not is_live], quiet=quiet):
            reason = "after_a_difference"
        before.append(one)
        found.append(AlertDifference(key=event_key(one.key), event_ms=one.event_ms, is_live=is_live, reason=reason))
    return Verification(
        matched=dict(Counter(told[key].kind for key in both)),
        live=dict(Counter(one.kind for one in told.values() if not _is_rolling(one))),
        differences=tuple(found),
        rolling=sum(_is_rolling(one) for one in told.values()),
    )


def compared_key(alert: Alert) -> str:
    """Of the event. A burst is that of its candle: the direction in its key is the one it had when it was told, up to a
    minute before its close."""
    if alert.kind == "vol" and alert.candle_ms is not None:
        return f"vol:{alert.symbol}:{alert.candle_ms}"
    return event_key(alert.key)


def _is_rolling(alert: Alert) -> bool:
    return alert.kind == "price" and alert.note == "60s"


def _reason(one: Alert, others: Sequence[Alert], *, is_live: bool, is_stored: Callable[[str, int], bool]) -> Reason:
    near = [
        other
        for other in others
        if (other.symbol, other.kind) == (one.symbol, one.kind) and abs(other.event_ms - one.event_ms) <= NEAR_MS
    ]
    if is_live and one.candle_ms is not None and not is_stored(one.symbol, one.candle_ms):
        return "not_recorded"
    if one.late:
        return "late"
    alike = [other for other in near if other.direction == one.direction]
    if one.note == "60s" or any(other.note == "60s" for other in alike):
        return "sixty_seconds"
    if one.kind == "price" and alike:
        return "within_the_minute"
    return "unknown"


class _Side:
    """All that one of the two has told."""

    def __init__(self, alerts: Iterable[Alert], quiet: QuietTimes) -> None:
        self._quiet = quiet
        self._by_key: dict[str, Alert] = {}
        self._by_event: dict[str, Alert] = {}
        self._by_symbol: dict[str, list[Alert]] = {}
        for one in sorted(alerts, key=lambda alert: alert.event_ms):
            self._by_key[event_key(one.key)] = self._by_event[compared_key(one)] = one
            self._by_symbol.setdefault(one.symbol, []).append(one)

    def of(self, symbol: str) -> Sequence[Alert]:
        return self._by_symbol.get(symbol, ())

    def keeps_back(self, one: Alert, other: _Side) -> bool:
        """This side has not told `one`, a price that the other one has, and by its own alerts could not: something that
        both have told it had told at another moment or size of its minute, so its cooldown or its episode was another
        one, or what had to double was larger. What its alerts would have let through has another reason."""
        if one.kind != "price":
            return False
        before = [each for each in self.of(one.symbol) if each.event_ms <= one.event_ms and not each.late]
        moved = [each for each in before if self._is_told_otherwise(each, other)]
        if one.note == WHOLE:
            told = self._episode_of(one, other)
            return any(each in moved for each in told) and not self.tells_whole(one, other)
        alike = [
            each
            for each in moved
            if (each.kind, each.direction) == ("price", one.direction)
            and one.event_ms - each.event_ms < self._quiet.after(one)
        ]
        if one.note not in MINUTES_OF:
            alike = alike[-1:]  # the last one told counts; for longer windows the largest in sight
        return bool(alike) and not reaches(_size(one), TWICE * max(map(_size, alike)))

    def _is_told_otherwise(self, each: Alert, other: _Side) -> bool:
        """Both have told it, but not alike."""
        twin = other._by_event.get(compared_key(each))
        return twin is not None and (each.event_ms, each.metric) != (twin.event_ms, twin.metric)

    def tells_whole(self, one: Alert, other: _Side) -> bool:
        """By its own alerts this side, too, would have told this whole move: in the episode as it had it the price had
        doubled. False where it had no such episode."""
        told = self._episode_of(one, other)
        if not told or one.price is None:
            return False
        episode = Episode.begun_by(told[0])
        for each in told[1:]:
            episode.join(each)
        whole = episode.wholes.get(one.direction)
        if whole is None or one.event_ms - episode.last_ms >= self._quiet.episode_ms:
            return False
        return reaches(abs(whole.total_pct(one.price)), TWICE * whole.largest_pct)

    def _episode_of(self, one: Alert, other: _Side) -> list[Alert]:
        """What this side told before in the episode in which the other side told `one`, its first alert first; empty
        where this side did not tell that one."""
        first = other._by_key.get(event_key(one.details.episode_key or ""))
        first = None if first is None else self._by_event.get(compared_key(first))
        if first is None:
            return []
        first_key = event_key(first.key)
        members = [each for each in self.of(one.symbol) if event_key(each.details.episode_key or "") == first_key]
        return [first, *(each for each in members if each.event_ms < one.event_ms and each is not first)]


def _size(alert: Alert) -> float:
    return abs(alert.metric or 0.0)


def _follows(one: Alert, before: Sequence[Alert], *, own: _Side, other: _Side, quiet: QuietTimes) -> bool:
    """That one side alone had told something before may be why one alone has told this. before: earlier differences."""
    of_symbol = [each for each in before if each.symbol == one.symbol]
    if one.note == WHOLE:  # an episode that was begun, or kept up, as long as there was no pause
        is_kept_up = any(_has_no_pause(each, one, own, other, quiet.episode_ms) for each in of_symbol)
        return is_kept_up and not other.tells_whole(one, own)
    return any(each in other.of(one.symbol) and _cools(each, one, quiet) for each in of_symbol)


def _cools(told: Alert, one: Alert, quiet: QuietTimes) -> bool:
    """A cooldown is of the symbol, kind and direction, of a burst that is known at its close alone; a price that has
    doubled is told within it."""
    if told.kind != one.kind or (one.kind != "vol" and told.direction != one.direction):
        return False
    is_doubled = one.kind == "price" and _size(told) > 0 and reaches(_size(one), TWICE * _size(told))
    return one.event_ms - told.event_ms <= quiet.after(one) and not is_doubled


def _has_no_pause(first: Alert, last: Alert, own: _Side, other: _Side, episode_ms: int) -> bool:
    """Between them neither side was silent for so long."""
    told = {each.event_ms for side in (own, other) for each in side.of(last.symbol)}
    moments = [first.event_ms, *sorted(ms for ms in told if first.event_ms < ms < last.event_ms), last.event_ms]
    return all(after - ms <= episode_ms for ms, after in pairwise(moments))


def _again(one: Alert, extra: Sequence[Alert]) -> list[Alert]:
    """What the replay alone tells from the same reading; perhaps over another window."""
    return [
        each
        for each in extra
        if (each.symbol, each.kind, each.direction, each.event_ms)
        == (one.symbol, one.kind, one.direction, one.event_ms)
    ]


def _reaches_before_start(one: Alert, runs: Sequence[MonitorRun]) -> bool:
    """Open interest that was compared with a sample of another run of the monitor than its own."""
    if one.kind != "oi" or one.details.window_s is None:
        return False
    before_ms = one.event_ms - one.details.window_s * 1000
    return any(before_ms < run.began_ms <= one.event_ms for run in runs)


def _is_before(one: Alert, run: MonitorRun) -> bool:
    """In a minute of which that run has seen nothing or not all, and no run before it either."""
    seen_ms = run.seen_before_ms or 0
    return seen_ms <= one.event_ms and one.minute_ms <= run.began_ms


def sampled_in(store: HistoryStore) -> Callable[[str, int], bool]:
    """`is_sampled` of stored open interest."""

    def is_sampled(symbol: str, at_ms: int) -> bool:
        stamps = store.open_interest(symbol, at_ms - OI_MEMORY_MS, at_ms + 1).time_ms
        before = stamps[stamps <= at_ms - SHORTEST_BACK_MS]
        return len(stamps) > 0 and int(stamps[-1]) == at_ms and len(before) > 0

    return is_sampled
