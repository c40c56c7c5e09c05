"""Price: ± percent of the candle's open, and against the price 60 s earlier; escalation when a told move doubles."""

from __future__ import annotations

from dataclasses import dataclass
from math import floor, inf, log2

from altmonitor.alert import Direction
from altmonitor.control.settings import Settings
from altmonitor.detectors.verdict import Verdict
from altmonitor.market.book import SymbolBook
from altmonitor.market.kline import MINUTE_MS, Kline
from altmonitor.market.percent import TOLERANCE, change_pct, reaches

ROLLING_MS = 60_000
ROLLING_SLACK_MS = 60_000
"""The price 60 s earlier is that of the last update before then; one that is a minute older still is too old."""

ESCALATION_FACTOR = 2.0
REMEMBERED_CANDLES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Move:
    """A measured price move. window: `1m` (against the candle's open) or `60s`. span_s: what was really measured."""

    direction: Direction
    change_pct: float
    window: str
    span_s: float
    candle_ms: int
    event_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceFinding:
    """A move, what was decided, and for an escalation what was told before.

    step: 0 for a first alert; each doubling of the threshold counts one, so keys of one candle stay different.
    """

    move: Move
    verdict: Verdict
    step: int = 0
    told_before_pct: float | None = None
    episode_key: str | None = None


@dataclass(slots=True, kw_only=True)
class Told:
    """The last price alert of one symbol and direction."""

    event_ms: int
    change_pct: float
    candles: tuple[int, ...]
    episode_key: str


class PriceMove:
    """Holds what was told.

    rise, fall: smallest factors of a price change that can reach a threshold, for `SymbolBook.aim`.
    """

    def __init__(self, settings: Settings) -> None:
        self._told: dict[tuple[str, Direction], Told] = {}
        self.use(settings)

    def use(self, settings: Settings) -> None:
        self._pump = settings.pump_threshold
        self._dump = settings.dump_threshold
        self._cooldown_ms = settings.cooldown_sec * 1000
        # A little too wide: the exact comparison follows.
        self.rise = (1 + self._pump / 100) * (1 - TOLERANCE)
        self.fall = max(0.0, (1 + self._dump / 100) * (1 + TOLERANCE))
        self._is_rolling = settings.rolling

    def look(self, book: SymbolBook, kline: Kline) -> tuple[Move, ...]:
        """What a live frame beyond the book's `pump_at` or `dump_at` moved, in the order to judge it; often nothing.

        The candle's own move goes first, unless the 60 s one is so much larger that it would be told in the same
        breath as the escalation of the other: then the reader is told the larger one alone.
        """
        own = self.candle_move(kline, book.event_ms)
        rolling = self._rolling_move(book) if self._is_rolling else None
        if own is None or rolling is None:
            return tuple(move for move in (own, rolling) if move is not None)
        is_larger = reaches(abs(rolling.change_pct), ESCALATION_FACTOR * abs(own.change_pct))
        return (rolling, own) if is_larger else (own, rolling)

    def candle_move(self, kline: Kline, event_ms: int) -> Move | None:
        """The move of a candle against its open, if it reaches a threshold; an open that is no price gives none."""
        if not 0.0 < kline.open < inf:
            return None
        change = change_pct(kline.open, kline.close)
        direction = self._direction(change)
        if direction is None:
            return None
        span_s = min(MINUTE_MS, max(0, event_ms - kline.open_ms)) / 1000
        return Move(
            direction=direction,
            change_pct=change,
            window="1m",
            span_s=span_s,
            candle_ms=kline.open_ms,
            event_ms=event_ms,
        )

    def missed_moves(self, candle: Kline, event_ms: int) -> list[Move]:
        """What a closed candle that nobody watched would have touched: its extremes against its open."""
        if not 0.0 < candle.open < inf:
            return []
        found = []
        for extreme in (candle.high, candle.low):
            change = change_pct(candle.open, extreme)
            direction = self._direction(change)
            if direction is not None:
                span_s = MINUTE_MS / 1000
                found.append(
                    Move(
                        direction=direction,
                        change_pct=change,
                        window="1m",
                        span_s=span_s,
                        candle_ms=candle.open_ms,
                        event_ms=event_ms,
                    )
                )
        return found

    def _rolling_move(self, book: SymbolBook) -> Move | None:
        event_ms = book.event_ms
        moment_ms = event_ms - ROLLING_MS
        before = book.ring.at(moment_ms, not_before_ms=moment_ms - ROLLING_SLACK_MS)
        if before is None:
            return None
        change = change_pct(before[1], book.price)
        direction = self._direction(change)
        if direction is None:
            return None
        return Move(
            direction=direction,
            change_pct=change,
            window="60s",
            span_s=ROLLING_MS / 1000,
            candle_ms=book.open_ms,
            event_ms=event_ms,
        )

    def _direction(self, change: float) -> Direction | None:
        if reaches(change, self._pump):
            return "PUMP"
        if reaches(change, self._dump):
            return "DUMP"
        return None

    def judge(self, symbol: str, move: Move) -> PriceFinding:
        """New, an escalation of what was told, or already known. Changes nothing; `remember` does, once it is told."""
        told = self._told.get((symbol, move.direction))
        if told is None:
            return PriceFinding(move=move, verdict=Verdict.FIRE)
        # A 60 s move stays in sight for 60 s, whatever the cooldown: it is one move.
        quiet_ms = self._cooldown_ms if move.window == "1m" else max(self._cooldown_ms, ROLLING_MS)
        is_cooling = abs(move.event_ms - told.event_ms) < quiet_ms  # hindsight may look at what came before
        is_told_candle = move.candle_ms in told.candles
        if not is_cooling and not is_told_candle:
            return PriceFinding(move=move, verdict=Verdict.FIRE)
        if reaches(abs(move.change_pct), ESCALATION_FACTOR * abs(told.change_pct)):
            return PriceFinding(
                move=move,
                verdict=Verdict.ESCALATE,
                step=self._step(move),
                told_before_pct=told.change_pct,
                episode_key=told.episode_key,
            )
        return PriceFinding(
            move=move,
            verdict=Verdict.TOLD_THIS_CANDLE if is_told_candle else Verdict.COOLING_DOWN,
            told_before_pct=told.change_pct,
            episode_key=told.episode_key,
        )

    def _step(self, move: Move) -> int:
        threshold = self._pump if move.direction == "PUMP" else self._dump
        return max(1, floor(log2(move.change_pct / threshold * (1 + TOLERANCE))))

    def remember(self, symbol: str, finding: PriceFinding, *, key: str) -> None:
        """The finding was told as the alert `key`."""
        move = finding.move
        before = self._told.get((symbol, move.direction))
        candles = (move.candle_ms,) if before is None else (*before.candles, move.candle_ms)[-REMEMBERED_CANDLES:]
        is_newest = before is None or move.event_ms >= before.event_ms  # hindsight may tell an older one later
        self._told[symbol, move.direction] = Told(
            event_ms=move.event_ms if before is None or is_newest else before.event_ms,
            change_pct=move.change_pct if before is None or is_newest else before.change_pct,
            candles=candles,
            episode_key=finding.episode_key or key,
        )

    def forget(self, symbol: str) -> None:
        for direction in ("PUMP", "DUMP"):
            self._told.pop((symbol, direction), None)
