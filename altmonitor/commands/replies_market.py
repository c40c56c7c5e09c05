"""Answers about the market: what the facts say, or that there are none. venue: None where only Binance is watched."""

from __future__ import annotations

from altmonitor.commands.replies import Button, DestinationReply, PlainReply
from altmonitor.core.causes import Cause
from altmonitor.core.types import Venue
from altmonitor.detectors.verdict import Explanation
from altmonitor.interfaces.queries import (
    TOP_WINDOWS,
    ChartPicture,
    DivergenceFacts,
    FundingFacts,
    OpenInterestFacts,
    PriceFacts,
    StatisticsChange,
    Top,
    WhoFacts,
)
from altmonitor.positioning.history import ExtremeScan, NotEnoughSnapshots, PositionChange, ProfitTrend

# ---
# Answers about who is positioned.


class WhoShown(PlainReply, frozen=True, kw_only=True):
    facts: WhoFacts


class CompareShown(PlainReply, frozen=True, kw_only=True):
    """facts: of two contracts, in the order typed."""

    facts: tuple[WhoFacts, WhoFacts]


class DivergenceShown(PlainReply, frozen=True, kw_only=True):
    """venue: None: of the main one."""

    facts: DivergenceFacts
    now_s: float
    venue: Venue | None = None


class ChangeShown(PlainReply, frozen=True, kw_only=True):
    """found: of the followed traders. statistics: of the tables beside them; never empty where found is none."""

    found: PositionChange | NotEnoughSnapshots
    statistics: StatisticsChange = StatisticsChange()


class TrendShown(PlainReply, frozen=True, kw_only=True):
    found: ProfitTrend


class ScanShown(PlainReply, frozen=True, kw_only=True):
    found: ExtremeScan


class TooFewRows(PlainReply, frozen=True, kw_only=True):
    found: NotEnoughSnapshots


# ---


class Explained(DestinationReply, frozen=True, kw_only=True):
    explanation: Explanation
    now_s: float
    venue: Venue | None = None


class TopShown(PlainReply, frozen=True, kw_only=True):
    top: Top
    now_s: float

    @property
    def buttons(self) -> tuple[Button, ...]:
        venue = "" if self.top.venue is None else f" {self.top.venue}"
        return tuple(Button(label_key=f"top_{window}", action=f"/top {window}{venue}") for window in TOP_WINDOWS)


class PriceShown(PlainReply, frozen=True, kw_only=True):
    facts: PriceFacts
    now_s: float


class OpenInterestShown(PlainReply, frozen=True, kw_only=True):
    facts: OpenInterestFacts
    now_s: float


class FundingShown(PlainReply, frozen=True, kw_only=True):
    facts: FundingFacts
    now_s: float


class ChartShown(PlainReply, frozen=True, kw_only=True):
    """To be sent as a picture; its text is the caption."""

    chart: ChartPicture


class NothingKnown(PlainReply, frozen=True, kw_only=True):
    """The symbol is listed, but nothing was received about it yet."""

    command: str
    symbol: str
    venue: Venue | None = None


class AnswerFailed(PlainReply, frozen=True, kw_only=True):
    """The exchange did not answer."""

    command: str
    problem: Cause
