"""Why something is told, or is not."""

from __future__ import annotations

from enum import Enum


class Verdict(Enum):
    """The reason of a decision; the same value feeds the counter, the log and the tests."""

    FIRE = "fire"
    ESCALATE = "escalate"  # the same move has doubled since it was told
    BELOW_THRESHOLD = "below threshold"
    SWITCHED_OFF = "switched off"
    MUTED = "muted"
    NOT_WATCHED = "not on the watchlist"
    NOT_ROUTED = "this kind of alert does not go there"
    COOLING_DOWN = "cooling down"
    TOLD_THIS_CANDLE = "already told for this candle"
    PLATEAU = "the same jump, already told"
    THIN_DAY = "24 h volume below the floor"
    THIN_OPEN_INTEREST = "open interest below the floor"
    THIN_CANDLE = "candle volume below the floor"
    FEW_CANDLES = "fewer than 5 candles to compare with"
    MEDIAN_ZERO = "the median volume is 0"
    REPEATED_CANDLE = "candle already counted"
    NO_VALUE = "no honest value"

    @property
    def is_told(self) -> bool:
        return self in (Verdict.FIRE, Verdict.ESCALATE)
