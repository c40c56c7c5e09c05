"""What is known of the market, as values: the answers to /top, /price, /oi, /funding, /chart and /why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

TopWindow = Literal["1m", "5m", "1h", "24h"]
TOP_WINDOWS: tuple[TopWindow, ...] = ("1m", "5m", "1h", "24h")


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
