"""Price: what one audience was told of it, and whether a move is news; escalation when a told move doubles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import floor, inf, log2

import msgspec

from altmonitor.core.alert import Alert, Direction
from altmonitor.detectors.verdict import Verdict
from altmonitor.market.book import Bounds, Silence, SymbolBook
from altmonitor.market.candles import MINUTE_MS, Kline
from altmonitor.market.math import TOLERANCE, change_pct, factor_of, reaches
from altmonitor.settings.settings import Settings

# ---
# Price: how far it moved within each window, measured once however many want to know.


ROLLING_MS = 60_000
ROLLING_SLACK_MS = 60_000
"""The price 60 s earlier is that of the last update before then; one that is a minute older still is too old."""

WINDOWS = (("5m", 5), ("15m", 15))
"""(name, minutes) of the windows over several candles."""

MINUTES_OF = dict(WINDOWS)
DIRECTIONS: tuple[Direction, ...] = ("PUMP", "DUMP")
MEASURED = ("1m", "60s", *MINUTES_OF)
"""Names of the windows that are measured at every update, in the order of `Reading`."""

WHOLE = "episode"
"""The window of a move that is measured from where its episode began."""
TWICE = 2.0
SILENT_MS = 30_000
"""So long at most a symbol is left unjudged. The prices of a minute ago are known so far ahead."""


class Move(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A measured price move. window: `1m` (against the candle's open), `60s`, `5m`, `15m` or `WHOLE`.

    span_s: what was really measured.
    """

    direction: Direction
    change_pct: float
    window: str
    span_s: float
    candle_ms: int
    event_ms: int


class Reading:
    """The changes of one symbol at one moment, percent by window, shortest first: own candle, 60 s, 5 and 15 minutes.

    A window without an honest value is absent.
    """

    __slots__ = ("_moves", "candle_ms", "changes", "event_ms", "rolling_s")

    def __init__(self, candle_ms: int, event_ms: int) -> None:
        self.candle_ms = candle_ms
        self.event_ms = event_ms
        self.rolling_s = ROLLING_MS / 1000  # since the price a minute earlier was sent
        self.changes: list[tuple[str, float]] = []
        self._moves: dict[str, Move] = {}

    def add(self, window: str, before: float | None, price: float) -> None:
        """What is no price, or not known, gives no change."""
        if before is not None and 0.0 < before < inf:
            change = change_pct(before, price)
            if abs(change) < inf:
                self.changes.append((window, change))

    def reached(self, settings: Settings) -> list[Move]:
        """The moves that reach their thresholds, in the order to judge them; often nothing.

        Shortest first. But where a longer one is so much larger that it would be told in the same breath as the
        escalation of the other, it goes first: then the reader is told the larger one alone.
        """
        found = [
            self._move(window, change)
            for window, change in self.changes
            if direction_of(window, change, settings) is not None
        ]
        if len(found) > 1:
            first = found[0]
            for move in found[1:]:
                if reaches(abs(move.change_pct), TWICE * abs(first.change_pct)):
                    first = move
            found.remove(first)
            found.insert(0, first)
        return found

    def _move(self, window: str, change: float) -> Move:
        known = self._moves.get(window)
        if known is None:
            known = self._moves[window] = Move(
                direction="PUMP" if change > 0 else "DUMP",
                change_pct=change,
                window=window,
                span_s=self.span_s(window),
                candle_ms=self.candle_ms,
                event_ms=self.event_ms,
            )
        return known

    def span_s(self, window: str) -> float:
        """Seconds from the price that was compared with until the event."""
        if window == "60s":
            return self.rolling_s
        inside_ms = min(MINUTE_MS, max(0, self.event_ms - self.candle_ms))
        return ((MINUTES_OF.get(window, 1) - 1) * MINUTE_MS + inside_ms) / 1000


def live(
    book: SymbolBook, kline: Kline, *, windows: Sequence[tuple[str, int]] = WINDOWS, is_rolling: bool = True
) -> Reading:
    """Of the newest state of the running candle. windows: those of several candles that anybody asks for; is_rolling:
    somebody asks for the one of 60 s."""
    event_ms, price = book.event_ms, kline.close
    reading = Reading(kline.open_ms, event_ms)
    reading.add("1m", kline.open, price)
    before = _minute_ago(book) if is_rolling else None
    if before is not None:
        reading.rolling_s = (event_ms - before[0]) / 1000
        reading.add("60s", before[1], price)
    for window, minutes in windows:
        reading.add(window, book.open_before(minutes), price)
    return reading


def _minute_ago(book: SymbolBook) -> tuple[int, float] | None:
    """(event time, price); None where that is not known."""
    moment_ms = book.event_ms - ROLLING_MS
    return book.ring.at(moment_ms, not_before_ms=moment_ms - ROLLING_SLACK_MS)


def references(book: SymbolBook, kline: Kline, *, is_rolling: bool = True) -> dict[str, list[float]]:
    """What the prices of the next `SILENT_MS` will be compared with, as long as the candle lasts. is_rolling: somebody
    asks for the window of 60 s."""
    found = {"1m": [kline.open]}
    if is_rolling:
        before, moment_ms = _minute_ago(book), book.event_ms - ROLLING_MS
        found["60s"] = book.ring.between(moment_ms, moment_ms + SILENT_MS)
        if before is not None:
            found["60s"].append(before[1])
    if book.has_windows:
        for window, minutes in WINDOWS:
            price = book.open_before(minutes)
            found[window] = [] if price is None else [price]
    return {window: prices for window, prices in found.items() if prices}


def of_windows(book: SymbolBook, kline: Kline) -> Reading:
    """The same, of the windows of several candles alone."""
    reading = Reading(kline.open_ms, book.event_ms)
    for window, minutes in WINDOWS:
        reading.add(window, book.open_before(minutes), kline.close)
    return reading


def threshold_of(window: str, direction: Direction, settings: Settings) -> float:
    """Percent, with its sign; 0 when that window is off."""
    if window == "60s" and not settings.rolling:
        return 0.0
    if window in MINUTES_OF:
        size = settings.move_5m_pct if window == "5m" else settings.move_15m_pct
        return size if direction == "PUMP" else -size
    return settings.pump_threshold if direction == "PUMP" else settings.dump_threshold


def direction_of(window: str, change: float, settings: Settings) -> Direction | None:
    """None below the threshold."""
    direction: Direction = "PUMP" if change > 0 else "DUMP"
    threshold = threshold_of(window, direction, settings)
    return direction if threshold and reaches(change, threshold) else None


def is_reached(change: float, settings: Settings) -> bool:
    """By the threshold of any window."""
    return any(direction_of(window, change, settings) is not None for window in MEASURED)


def bounds_of(settings: Settings) -> Bounds:
    """A little too wide: the exact comparison follows."""
    sizes = ((5, settings.move_5m_pct), (15, settings.move_15m_pct))
    return Bounds(
        rise=factor_of(settings.pump_threshold),
        fall=factor_of(settings.dump_threshold),
        windows=tuple((minutes, factor_of(size), factor_of(-size)) for minutes, size in sizes if size),
    )


# ---


REMEMBERED_CANDLES = 128
"""History may come hours after a hole, and by then many newer alerts of the symbol were told."""
REMEMBERED_SIZES = 8


class PriceFinding(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A move, what was decided, and for an escalation what was told before.

    step: 0 for a first alert; each doubling of the threshold counts one, so keys of one candle stay different.
    threshold: the bound that was reached, where that is not the setting's. until_ms: when what keeps it silent is over,
    event time.
    """

    move: Move
    verdict: Verdict
    step: int = 0
    threshold: float | None = None
    told_before_pct: float | None = None
    episode_key: str | None = None
    until_ms: int | None = None


class RaisedMove(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The last price alert of one symbol and direction. sizes: (event_ms, percent) of those before that were larger
    than all after them, oldest → newest, itself last."""

    event_ms: int
    change_pct: float
    candles: tuple[int, ...]
    episode_key: str
    sizes: tuple[tuple[int, float], ...]


class PriceMove:
    """Holds what was told."""

    def __init__(self) -> None:
        self._told: dict[tuple[str, Direction], RaisedMove] = {}

    def judge(self, symbol: str, move: Move, settings: Settings) -> PriceFinding:
        """New, an escalation of what was told, or already known. Changes nothing; `remember` does, once it is told."""
        told = self._told.get((symbol, move.direction))
        if told is None:
            return PriceFinding(move=move, verdict=Verdict.FIRE)
        cooldown_ms = settings.cooldown_sec * 1000
        if move.window in MINUTES_OF:
            return _judge_window(move, told, settings, cooldown_ms)
        # A 60 s move stays in sight for 60 s, whatever the cooldown: it is one move.
        quiet_ms = cooldown_ms if move.window == "1m" else max(cooldown_ms, ROLLING_MS)
        is_cooling = abs(move.event_ms - told.event_ms) < quiet_ms  # hindsight may look at what came before
        is_told_candle = move.candle_ms in told.candles
        if not is_cooling and not is_told_candle:
            return PriceFinding(move=move, verdict=Verdict.FIRE)
        if reaches(abs(move.change_pct), TWICE * abs(told.change_pct)):
            return PriceFinding(
                move=move,
                verdict=Verdict.ESCALATE,
                step=max(1, _doublings(move, settings)),
                told_before_pct=told.change_pct,
                episode_key=told.episode_key,
            )
        return PriceFinding(
            move=move,
            verdict=Verdict.RAISED_THIS_CANDLE if is_told_candle else Verdict.COOLING_DOWN,
            told_before_pct=told.change_pct,
            episode_key=told.episode_key,
            until_ms=max(told.event_ms + quiet_ms, move.candle_ms + MINUTE_MS if is_told_candle else 0),
        )

    def silence(
        self, symbol: str, at: Reading, references: Mapping[str, Sequence[float]], settings: Settings
    ) -> Silence:
        """After a move that was no news: how far a price must go to be, while it is compared with these and the candle
        lasts. references: window → prices, never empty. at: candle and moment."""
        above, below, until_ms = inf, 0.0, at.event_ms + SILENT_MS
        for direction in DIRECTIONS:
            told = self._told.get((symbol, direction))
            for window, prices in references.items():
                pct = abs(threshold_of(window, direction, settings))
                if not pct:
                    continue
                if told is not None:
                    told_pct, end_ms = _news_after(told, window, at, settings.cooldown_sec * 1000)
                    pct, until_ms = max(pct, told_pct), min(until_ms, end_ms)
                if direction == "PUMP":
                    above = min(above, min(prices) * factor_of(pct))
                else:
                    below = max(below, max(prices) * factor_of(-pct))
        return Silence(above=above, below=below, until_ms=until_ms)

    def remember(self, alert: Alert) -> None:
        """It was told."""
        move = _move_of(alert)
        before = self._told.get((alert.symbol, move.direction))
        covered = (move.candle_ms - MINUTE_MS, move.candle_ms) if move.window == "60s" else (move.candle_ms,)
        candles = covered if before is None else (*before.candles, *covered)[-REMEMBERED_CANDLES:]
        is_newest = before is None or move.event_ms >= before.event_ms  # hindsight may tell an older one later
        larger = [] if before is None else [one for one in before.sizes if abs(one[1]) > abs(move.change_pct)]
        self._told[alert.symbol, move.direction] = RaisedMove(
            event_ms=move.event_ms if before is None or is_newest else before.event_ms,
            change_pct=move.change_pct if before is None or is_newest else before.change_pct,
            candles=candles,
            episode_key=alert.details.episode_key or alert.key,
            sizes=(*larger, (move.event_ms, move.change_pct))[-REMEMBERED_SIZES:],
        )

    def is_news(self, alert: Alert, settings: Settings) -> bool:
        """Of an alert that another process found: nothing of its move was told by this one."""
        move, told = _move_of(alert), self._told.get((alert.symbol, alert.direction))
        if told is None or alert.details.told_before_pct is None:
            return self.judge(alert.symbol, move, settings).verdict.is_raised
        in_sight_ms = max(settings.cooldown_sec * 1000, MINUTES_OF.get(move.window, 1) * MINUTE_MS)
        return not any(
            abs(move.event_ms - event_ms) < in_sight_ms and reaches(abs(pct), abs(move.change_pct))
            for event_ms, pct in told.sizes
        )

    def forget(self, symbol: str) -> None:
        self.forget_raised(symbol)

    def forget_raised(self, symbol: str) -> None:
        """Nothing of it was told."""
        for direction in ("PUMP", "DUMP"):
            self._told.pop((symbol, direction), None)


def _move_of(alert: Alert) -> Move:
    change = alert.metric if alert.metric is not None else (alert.change_pct or 0.0)
    return Move(
        direction=alert.direction,
        change_pct=change,
        window=alert.note or "1m",
        span_s=alert.details.window_s or 60.0,
        candle_ms=alert.candle_ms or alert.event_ms,
        event_ms=alert.event_ms,
    )


def _news_after(told: RaisedMove, window: str, at: Reading, cooldown_ms: int) -> tuple[float, int]:
    """What a move of that window must reach although something was told, percent without sign, and until when."""
    if window in MINUTES_OF:
        quiet_ms = max(cooldown_ms, MINUTES_OF[window] * MINUTE_MS)
        in_sight = [one for one in told.sizes if abs(at.event_ms - one[0]) < quiet_ms]
        largest = max((abs(pct) for _, pct in in_sight), default=0.0)
        return TWICE * largest, min((ms + quiet_ms for ms, _ in in_sight), default=at.event_ms + SILENT_MS)
    quiet_ms = cooldown_ms if window == "1m" else max(cooldown_ms, ROLLING_MS)
    if at.candle_ms in told.candles:
        return TWICE * abs(told.change_pct), at.event_ms + SILENT_MS
    if abs(at.event_ms - told.event_ms) >= quiet_ms:
        return 0.0, at.event_ms + SILENT_MS
    return TWICE * abs(told.change_pct), told.event_ms + quiet_ms


def _judge_window(move: Move, told: RaisedMove, settings: Settings, cooldown_ms: int) -> PriceFinding:
    """A move stays in sight of its window as long as that is: whatever was told of it by any window counts."""
    quiet_ms = max(cooldown_ms, MINUTES_OF[move.window] * MINUTE_MS)
    in_sight = [one for one in told.sizes if abs(move.event_ms - one[0]) < quiet_ms]
    if not in_sight:
        return PriceFinding(move=move, verdict=Verdict.FIRE)
    largest = max(in_sight, key=lambda one: abs(one[1]))
    is_doubled = reaches(abs(move.change_pct), TWICE * abs(largest[1]))
    return PriceFinding(
        move=move,
        verdict=Verdict.ESCALATE if is_doubled else Verdict.COOLING_DOWN,
        step=max(0, _doublings(move, settings)) if is_doubled else 0,
        told_before_pct=largest[1],
        episode_key=told.episode_key,
        until_ms=None if is_doubled else max(ms for ms, _ in in_sight) + quiet_ms,
    )


def _doublings(move: Move, settings: Settings) -> int:
    threshold = threshold_of(move.window, move.direction, settings)
    return floor(log2(move.change_pct / threshold * (1 + TOLERANCE)))
