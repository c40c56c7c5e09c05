"""What is known of the market, as values: the answers to /top, /price, /oi, /funding, /chart and /why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from altmonitor.commands.ports import ToldAlert
from altmonitor.core.alert import Kind
from altmonitor.core.types import Destination
from altmonitor.detectors.verdict import Verdict

TopWindow = Literal["1m", "5m", "1h", "24h"]
TOP_WINDOWS: tuple[TopWindow, ...] = ("1m", "5m", "1h", "24h")

Rule = Literal["price_1m", "price_60s", "price_5m", "price_15m", "oi_1m", "oi_5m", "vol"]
RULES: tuple[Rule, ...] = ("price_1m", "price_60s", "price_5m", "price_15m", "oi_1m", "oi_5m", "vol")


@dataclass(frozen=True, slots=True, kw_only=True)
class TopRow:
    """change_pct: over the window asked for. day_quote_usdt: quote volume of 24 h; None: not known."""

    symbol: str
    change_pct: float
    price: float
    day_quote_usdt: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Top:
    """rising, falling: the largest move first, each at most as many as asked. symbols: how many were compared.

    as_of_ms: event time of the newest price among them; None without any.
    """

    window: TopWindow
    rising: Sequence[TopRow]
    falling: Sequence[TopRow]
    symbols: int
    as_of_ms: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceFacts:
    """changes: (window such as `1m`, percent or None where it is not known), shortest first. *_age_s: of the sample."""

    symbol: str
    price: float
    event_ms: int
    changes: tuple[tuple[str, float | None], ...]
    day_quote_usdt: float | None = None
    day_high: float | None = None
    day_low: float | None = None
    mark_price: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenInterestFacts:
    """contracts: base coins. usd: at the last price. change_*_pct: None where no honest value exists."""

    symbol: str
    contracts: float
    usd: float | None
    sampled_ms: int
    change_1m_pct: float | None = None
    change_5m_pct: float | None = None
    span_1m_s: float | None = None  # what was really measured
    span_5m_s: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FundingFacts:
    """rate: fraction per interval (0.0001 = 0.01 %), as it stands for the next settlement. interval_h: hours."""

    symbol: str
    rate: float
    as_of_ms: int
    interval_h: float | None = None
    next_ms: int | None = None
    mark_price: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """png: the picture. from_ms … to_ms: what it shows."""

    symbol: str
    png: bytes
    from_ms: int
    to_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleCheck:
    """One rule at one moment, as it was judged for one destination.

    value, threshold: percent, for `vol` multiples of the median; value None: no honest value, threshold None: off.
    from_ms … to_ms: the window really measured. sample_age_s: of the newest sample used.
    floor_usd, measured_usd: for a verdict that something is too thin.
    until_ms: when the reason ends (cooldown, mute); None: it has no end of its own.
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

    @property
    def kind(self) -> Kind:
        if self.rule == "vol":
            return "vol"
        return "oi" if self.rule.startswith("oi") else "price"


@dataclass(frozen=True, slots=True, kw_only=True)
class Explanation:
    """Why there was, or was not, an alert. at_ms: the moment explained (exchange's event time).

    checks: in the order of `RULES`, those that were judged in that minute; for each the judgement nearest to telling.
    told: alerts of that minute. place: for whom it was judged. known_from_ms: how far back judgements are kept;
    None: nothing was judged yet.
    """

    symbol: str
    place: Destination
    at_ms: int
    is_now: bool
    checks: tuple[RuleCheck, ...] = ()
    told: tuple[ToldAlert, ...] = ()
    known_from_ms: int | None = None
