"""What was told live beside what a replay of the same days tells: by key, and each difference with its reason."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from altmonitor.core.alert import Alert, Kind, event_key
from altmonitor.market.candles import MINUTE_MS
from altmonitor.market.open_interest import LONGEST_WINDOW_MS, WINDOW_TOLERANCE
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
EXPLAINED: Final = 6 * 3_600_000
"""So long after a difference of a symbol another one may follow from it, at most."""


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
    quiet_ms: int,
    runs: Sequence[MonitorRun] = (),
) -> Verification:
    """is_stored(symbol, open_ms): the store has that candle. is_sampled(symbol, at_ms): it has that sample of open
    interest and one to compare it with. quiet_ms: longest cooldown or episode. runs: of the monitor, where they are
    known."""
    told = {compared_key(one): one for one in live if one.kind in COMPARED}
    again = {compared_key(one): one for one in replayed if one.kind in COMPARED}
    both = told.keys() & again.keys()
    missed = [told[key] for key in told.keys() - both]
    extra = [again[key] for key in again.keys() - both]
    by_key = [{event_key(one.key): one for one in side.values()} for side in (told, again)]
    found: list[AlertDifference] = []
    last_ms: dict[str, int] = {}
    marked = [(one, True) for one in missed] + [(one, False) for one in extra]
    for one, is_live in sorted(marked, key=lambda pair: (pair[0].event_ms, pair[0].key)):
        others = extra if is_live else missed
        reason = _reason(one, others, is_live=is_live, is_stored=is_stored)
        if reason == "unknown" and _is_of_another_first(one, *by_key):
            reason = "within_the_minute"
        if reason == "unknown" and one.kind == "oi" and is_live and not is_sampled(one.symbol, one.event_ms):
            reason = "not_recorded"
        if reason == "unknown" and any(_reaches_before_start(each, runs) for each in _again(one, extra)):
            reason = "before_start"
        if reason == "unknown" and not is_live and any(_is_before(one, run) for run in runs):
            reason = "not_watched"
        if reason == "unknown" and one.event_ms - last_ms.get(one.symbol, -EXPLAINED) <= quiet_ms:
            reason = "after_a_difference"
        last_ms[one.symbol] = one.event_ms
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


def _is_of_another_first(one: Alert, told: Mapping[str, Alert], again: Mapping[str, Alert]) -> bool:
    """It doubles a move that both have told, but at another size or moment of its minute: then what doubles that is
    another price, and its episode ends at another time."""
    first_key = one.details.episode_key
    if one.kind != "price" or first_key is None:
        return False
    live, replayed = told.get(event_key(first_key)), again.get(event_key(first_key))
    if live is None or replayed is None:
        return False
    return (live.event_ms, live.metric) != (replayed.event_ms, replayed.metric)


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
