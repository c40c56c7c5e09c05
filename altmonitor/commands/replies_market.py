"""Answers about the market: what the facts say, or that there are none."""

from __future__ import annotations

from dataclasses import dataclass

from altmonitor.commands.replies import Button, DestinationReply, PlainReply
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
class WhoShown(PlainReply):
    facts: WhoFacts


@dataclass(frozen=True, slots=True, kw_only=True)
class DivergenceShown(PlainReply):
    facts: DivergenceFacts
    now_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeShown(PlainReply):
    found: PositionChange


@dataclass(frozen=True, slots=True, kw_only=True)
class TrendShown(PlainReply):
    found: ProfitTrend


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanShown(PlainReply):
    found: ExtremeScan


@dataclass(frozen=True, slots=True, kw_only=True)
class TooFewRows(PlainReply):
    found: NotEnoughSnapshots


# ---


@dataclass(frozen=True, slots=True, kw_only=True)
class Explained(DestinationReply):
    explanation: Explanation
    now_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TopShown(PlainReply):
    top: Top
    now_s: float

    @property
    def buttons(self) -> tuple[Button, ...]:
        return tuple(Button(label_key=f"top_{window}", action=f"/top {window}") for window in TOP_WINDOWS)


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceShown(PlainReply):
    facts: PriceFacts
    now_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenInterestShown(PlainReply):
    facts: OpenInterestFacts
    now_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class FundingShown(PlainReply):
    facts: FundingFacts
    now_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ChartShown(PlainReply):
    """To be sent as a picture; its text is the caption."""

    chart: ChartPicture


@dataclass(frozen=True, slots=True, kw_only=True)
class NothingKnown(PlainReply):
    """The symbol is listed, but nothing was received about it yet."""

    command: str
    symbol: str


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerFailed(PlainReply):
    """The exchange did not answer. problem: one line for a person."""

    command: str
    problem: str
