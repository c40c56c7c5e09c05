"""Answers about who is positioned."""

from __future__ import annotations

from dataclasses import dataclass

from altmonitor.commands.position_facts import DivergenceFacts, WhoFacts
from altmonitor.positioning.history import Change, NotEnoughHistory
from altmonitor.positioning.scan import ExtremeScan
from altmonitor.positioning.trend import ProfitTrend


@dataclass(frozen=True, slots=True, kw_only=True)
class WhoShown:
    facts: WhoFacts


@dataclass(frozen=True, slots=True, kw_only=True)
class DivergenceShown:
    facts: DivergenceFacts
    now_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeShown:
    found: Change


@dataclass(frozen=True, slots=True, kw_only=True)
class TrendShown:
    found: ProfitTrend


@dataclass(frozen=True, slots=True, kw_only=True)
class ScanShown:
    found: ExtremeScan


@dataclass(frozen=True, slots=True, kw_only=True)
class TooFewRows:
    found: NotEnoughHistory


PositionReply = WhoShown | DivergenceShown | ChangeShown | TrendShown | ScanShown | TooFewRows
