"""Price: what one audience was told of it, and whether a move is news; escalation when a told move doubles."""

from __future__ import annotations

from dataclasses import dataclass
from math import floor, log2

from altmonitor.core.alert import Direction
from altmonitor.detectors.price_reading import MINUTES_OF, ROLLING_MS, TWICE, Move, threshold_of
from altmonitor.detectors.verdict import Verdict
from altmonitor.market.candles import MINUTE_MS
from altmonitor.market.math import TOLERANCE, reaches
from altmonitor.settings.settings import Settings

REMEMBERED_CANDLES = 128
"""History may come hours after a hole, and by then many newer alerts of the symbol were told."""
REMEMBERED_SIZES = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceFinding:
    """A move, what was decided, and for an escalation what was told before.

    step: 0 for a first alert; each doubling of the threshold counts one, so keys of one candle stay different.
    until_ms: when what keeps it silent is over, event time.
    """

    move: Move
    verdict: Verdict
    step: int = 0
    told_before_pct: float | None = None
    episode_key: str | None = None
    until_ms: int | None = None


@dataclass(slots=True, kw_only=True)
class Told:
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
        self._told: dict[tuple[str, Direction], Told] = {}

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
            verdict=Verdict.TOLD_THIS_CANDLE if is_told_candle else Verdict.COOLING_DOWN,
            told_before_pct=told.change_pct,
            episode_key=told.episode_key,
            until_ms=max(told.event_ms + quiet_ms, move.candle_ms + MINUTE_MS if is_told_candle else 0),
        )

    def remember(self, symbol: str, finding: PriceFinding, *, key: str) -> None:
        """The finding was told as the alert `key`."""
        move = finding.move
        before = self._told.get((symbol, move.direction))
        covered = (move.candle_ms - MINUTE_MS, move.candle_ms) if move.window == "60s" else (move.candle_ms,)
        candles = covered if before is None else (*before.candles, *covered)[-REMEMBERED_CANDLES:]
        is_newest = before is None or move.event_ms >= before.event_ms  # hindsight may tell an older one later
        larger = [] if before is None else [one for one in before.sizes if abs(one[1]) > abs(move.change_pct)]
        self._told[symbol, move.direction] = Told(
            event_ms=move.event_ms if before is None or is_newest else before.event_ms,
            change_pct=move.change_pct if before is None or is_newest else before.change_pct,
            candles=candles,
            episode_key=finding.episode_key or key,
            sizes=(*larger, (move.event_ms, move.change_pct))[-REMEMBERED_SIZES:],
        )

    def forget(self, symbol: str) -> None:
        for direction in ("PUMP", "DUMP"):
            self._told.pop((symbol, direction), None)

    def last_told_ms(self, symbol: str, direction: Direction) -> int | None:
        told = self._told.get((symbol, direction))
        return None if told is None else told.event_ms


def _judge_window(move: Move, told: Told, settings: Settings, cooldown_ms: int) -> PriceFinding:
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
