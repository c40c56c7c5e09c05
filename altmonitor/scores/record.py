"""What became of signals: by confidence, against costs, and the share of an account such odds would bear."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from altmonitor.core.types import Fraction
from altmonitor.positioning.ratios import FEWEST_SAMPLES, kelly_share
from altmonitor.scores.composite import Confidence, TradeSide

SLIPPAGE_PCT: Final = 0.02
"""Of each side, assumed: it is not measured, because nothing is traded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SignalOutcome:
    """A signal and what the price did until its horizon. return_pct: in the direction of the signal, gross; None: it is
    still to come, or no price is known. entry_ts: unix seconds."""

    symbol: str
    direction: TradeSide
    confidence: Confidence
    entry_ts: int
    scorer: str
    return_pct: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ConfidenceRecord:
    """win_rate, avg_return_pct: None without samples. For a VETO `win_rate` is how often avoiding was right."""

    samples: int
    win_rate: float | None
    avg_return_pct: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Odds:
    """None where nothing is known."""

    samples: int
    win_rate: float | None
    reward_risk: float | None
    kelly_fraction: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CurvePoint:
    """Sums of percent per signal, not compounded: gross, after fees of both sides, after slippage too."""

    ts: int
    gross_pct: float
    net_of_fees_pct: float
    net_of_slippage_pct: float


def by_confidence(found: Sequence[SignalOutcome]) -> Mapping[Confidence, ConfidenceRecord]:
    """A signal that went on is a win; a VETO was right when what it kept out of did not go on."""
    names: tuple[Confidence, ...] = ("HIGH", "MEDIUM", "LOW", "VETO")
    return {name: _record([one for one in found if one.confidence == name], is_veto=name == "VETO") for name in names}


def _record(found: Sequence[SignalOutcome], *, is_veto: bool) -> ConfidenceRecord:
    returns = [one.return_pct for one in found if one.return_pct is not None]
    if not returns:
        return ConfidenceRecord(samples=0, win_rate=None, avg_return_pct=None)
    right = sum(value <= 0 for value in returns) if is_veto else sum(value > 0 for value in returns)
    return ConfidenceRecord(
        samples=len(returns), win_rate=right / len(returns), avg_return_pct=sum(returns) / len(returns)
    )


def odds(returns: Sequence[float]) -> Odds:
    """kelly_fraction: None with fewer than `FEWEST_SAMPLES`, or without a loss to compare with."""
    if not returns:
        return Odds(samples=0, win_rate=None, reward_risk=None, kelly_fraction=None)
    wins, losses = [one for one in returns if one > 0], [-one for one in returns if one < 0]
    win_rate = len(wins) / len(returns)
    has_both = bool(wins) and bool(losses)
    ratio = (sum(wins) / len(wins)) / (sum(losses) / len(losses)) if has_both else None
    share = None if ratio is None else kelly_share(win_rate=Fraction(win_rate), reward_risk=ratio, samples=len(returns))
    return Odds(samples=len(returns), win_rate=win_rate, reward_risk=ratio, kelly_fraction=share)


def curve(found: Sequence[SignalOutcome], *, fee_pct: float, slippage_pct: float = SLIPPAGE_PCT) -> list[CurvePoint]:
    """Of those with a known return, by entry. fee_pct, slippage_pct: of each side."""
    points, gross, fees, slipped = [], 0.0, 0.0, 0.0
    for one in sorted(found, key=lambda one: one.entry_ts):
        if one.return_pct is None:
            continue
        gross += one.return_pct
        fees += one.return_pct - 2 * fee_pct
        slipped += one.return_pct - 2 * (fee_pct + slippage_pct)
        points.append(
            CurvePoint(
                ts=one.entry_ts,
                gross_pct=gross,
                net_of_fees_pct=fees,
                net_of_slippage_pct=slipped,
            )
        )
    return points


__all__ = [
    "FEWEST_SAMPLES",
    "SLIPPAGE_PCT",
    "ConfidenceRecord",
    "CurvePoint",
    "Odds",
    "SignalOutcome",
    "by_confidence",
    "curve",
    "odds",
]
