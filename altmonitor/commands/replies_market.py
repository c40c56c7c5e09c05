"""Answers about the market: what the facts say, or that there are none."""

from __future__ import annotations

from dataclasses import dataclass

from altmonitor.commands.facts import TOP_WINDOWS, Chart, FundingFacts, OpenInterestFacts, PriceFacts, Top
from altmonitor.commands.reply_buttons import Button
from altmonitor.detectors.verdict import Explanation


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

    chart: Chart


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
