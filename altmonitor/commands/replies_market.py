"""Answers about the market: what the facts say, or that there are none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from altmonitor.commands.reply_buttons import Button
from altmonitor.detectors.verdict import Explanation
from altmonitor.positioning.divergence import Divergence
from altmonitor.positioning.history import ExtremeScan, NotEnoughSnapshots, PositionChange, ProfitTrend
from altmonitor.positioning.picture import PositionPicture

# ---
# What can be known about who is positioned, and who is asked for it.


@dataclass(frozen=True, slots=True, kw_only=True)
class MissingPart:
    """part: `smartMoney`, `topTrader`, `openInterest` or `funding`. cause: `blocked` (not asked before until_ms),
    `unreachable`, `no data` (for this symbol), `not tracked`."""

    part: str
    cause: str
    until_ms: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WhoFacts:
    """day_*: of the last 24 h, percent and USDT; None when not known. missing: why a part of the picture is None."""

    picture: PositionPicture
    day_change_pct: float | None = None
    day_quote_usdt: float | None = None
    missing: tuple[MissingPart, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DivergenceFacts:
    """found: None when crowd and top traders have no bucket in common."""

    symbol: str
    period: str
    found: Divergence | None


class PositionQueries(Protocol):
    """Questions to the exchange, its website and what a tracker stored.

    May raise ExchangeError; the last three StorageError.
    """

    async def who(self, symbol: str) -> WhoFacts: ...
    async def divergence(self, symbol: str, *, period: str) -> DivergenceFacts: ...
    async def change(self, symbol: str, *, minutes: int) -> PositionChange | NotEnoughSnapshots: ...
    async def trend(self, symbol: str, *, minutes: int) -> ProfitTrend | NotEnoughSnapshots: ...
    async def scan(self, *, limit: int) -> ExtremeScan: ...


# ---
# Answers about who is positioned.


@dataclass(frozen=True, slots=True, kw_only=True)
class WhoShown:
    facts: WhoFacts


@dataclass(frozen=True, slots=True, kw_only=True)
class DivergenceShown:
    facts: DivergenceFacts
    now_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeShown:
    found: PositionChange


@dataclass(frozen=True, slots=True, kw_only=True)
class TrendShown:
    found: ProfitTrend


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanShown:
    found: ExtremeScan


@dataclass(frozen=True, slots=True, kw_only=True)
class TooFewRows:
    found: NotEnoughSnapshots


PositionReply = WhoShown | DivergenceShown | ChangeShown | TrendShown | ScanShown | TooFewRows


# ---
# What is known of the market, as values: the answers to /top, /price, /oi, /funding, /chart and /why.


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
class ChartPicture:
    """png: the picture. from_ms … to_ms: what it shows."""

    symbol: str
    png: bytes
    from_ms: int
    to_ms: int


# ---


@dataclass(frozen=True, slots=True, kw_only=True)
class Explained:
    explanation: Explanation
    now_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TopShown:
    top: Top
    now_s: float

    @property
    def buttons(self) -> tuple[Button, ...]:
        return tuple(Button(label_key=f"top_{window}", action=f"/top {window}") for window in TOP_WINDOWS)


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceShown:
    facts: PriceFacts
    now_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenInterestShown:
    facts: OpenInterestFacts
    now_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class FundingShown:
    facts: FundingFacts
    now_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ChartShown:
    """To be sent as a picture; its text is the caption."""

    chart: ChartPicture


@dataclass(frozen=True, slots=True, kw_only=True)
class NothingKnown:
    """The symbol is listed, but nothing was received about it yet."""

    command: str
    symbol: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerFailed:
    """The exchange did not answer. problem: one line for a person."""

    command: str
    problem: str


AnswerReply = (
    Explained | TopShown | PriceShown | OpenInterestShown | FundingShown | ChartShown | NothingKnown | AnswerFailed
)
