"""Why something is told, or is not."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from altmonitor.core.alert import Kind, StoredAlert
from altmonitor.core.types import Destination


class Rule(NamedTuple):
    """A kind and the window it is judged over: `price_1m`."""

    kind: Kind
    window: str

    def __str__(self) -> str:
        return f"{self.kind}_{self.window}"


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleCheck:
    """One rule at one moment, as it was judged for one destination.

    value, threshold: in the unit of the kind; value None: no honest value, threshold None: off.
    from_ms … to_ms: the window really measured. sample_age_s: of the newest sample used.
    floor_usd, measured_usd: for a verdict that something is too thin.
    until_ms: when the reason ends (cooldown, mute); None: it has no end of its own.
    sigmas, busy_times: how many times the contract's usual minute, or its busy one, the threshold is, where it follows
    from that.
    is_late: judged afterwards, in history, not in its own minute.
    """

    rule: Rule
    verdict: Verdict
    value: float | None = None
    threshold: float | None = None
    from_ms: int | None = None
    to_ms: int | None = None
    sample_age_s: float | None = None
    floor_usd: float | None = None
    measured_usd: float | None = None
    until_ms: int | None = None
    is_late: bool = False
    sigmas: float | None = None
    busy_times: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """Why there was, or was not, an alert. at_ms: the moment explained (exchange's event time).

    checks: in the order of `kinds.RULES`; for each the judgement of that minute nearest to telling, or that none is
    known. told: alerts of that minute; None: that is not known either. destination: for whom it was judged.
    gap: why nothing but stored alerts is known of the whole minute, None: it was seen and judged. known_from_ms: how
    far back judgements are kept; None: nothing was judged yet.
    """

    symbol: str
    destination: Destination
    at_ms: int
    is_now: bool
    checks: tuple[RuleCheck, ...] = ()
    told: tuple[StoredAlert, ...] | None = ()
    gap: Verdict | None = None
    known_from_ms: int | None = None


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
    RAISED_THIS_CANDLE = "already told for this candle"
    PLATEAU = "the same jump, already told"
    THIN_DAY = "24 h volume below the floor"
    THIN_OPEN_INTEREST = "open interest below the floor"
    THIN_CANDLE = "candle volume below the floor"
    FEW_CANDLES = "fewer than 5 candles to compare with"
    MEDIAN_ZERO = "the median volume is 0"
    REPEATED_CANDLE = "candle already counted"
    NO_VALUE = "no honest value"
    # of a minute that is over
    NOT_KEPT = "what was decided is not kept"
    NOT_SEEN = "nothing was seen in that minute"
    NOT_LISTED = "not watched yet in that minute"
    SETTINGS_CHANGED = "the settings were changed in that minute"
    BETWEEN_UPDATES = "only the extreme of the candle, between two updates"

    __hash__ = object.__hash__  # an enum's own is written in Python, and every judgement is counted

    @property
    def is_raised(self) -> bool:
        return self in (Verdict.FIRE, Verdict.ESCALATE)
