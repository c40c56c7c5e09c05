"""Answers about the market: what the facts say, or that there are none."""

from __future__ import annotations

from dataclasses import dataclass

from altmonitor.commands.reply_buttons import Button
from altmonitor.detectors.verdict import Explanation
from altmonitor.interfaces.queries import (
    TOP_WINDOWS,
    ChartPicture,
    DivergenceFacts,
    FundingFacts,
    OpenInterestFacts,
    PriceFacts,
    Top,
    WhoFacts,
)
from altmonitor.positioning.history import ExtremeScan, NotEnoughSnapshots, PositionChange, ProfitTrend

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
