"""Findings → alerts: which number goes into which column. No decision is made here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import inf, isfinite

import msgspec

from altmonitor.core.alert import Alert, Details, FundingElsewhere, Kind
from altmonitor.core.types import Venue, of_venue
from altmonitor.detectors import volume as volume_burst
from altmonitor.detectors.adaptive import busy_times, sigmas_of
from altmonitor.detectors.conditions import METRIC_NOTE, Crossing
from altmonitor.detectors.kinds import KINDS
from altmonitor.detectors.price import PriceFinding, threshold_of
from altmonitor.detectors.sampled import SampleFinding
from altmonitor.detectors.verdict import Verdict
from altmonitor.detectors.volume import VolumeFinding
from altmonitor.market.book import SymbolBook
from altmonitor.market.candles import Kline
from altmonitor.market.math import change_pct, quadrant
from altmonitor.market.plausibility import is_candle
from altmonitor.market.quotes import DayTicker, Funding
from altmonitor.positioning.funding import VenueFunding
from altmonitor.settings.settings import Settings


class AlertContext(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What is known around an alert at its moment. oi_newest: (time_ms, contracts). is_late: found in hindsight."""

    now_ms: int
    event_ms: int
    day: DayTicker | None
    funding: Funding | None
    funding_hours: float
    oi_newest: tuple[int, float] | None
    is_late: bool = False
    venue: Venue = "binance"
    fundings_of: Callable[[str], Sequence[VenueFunding]] = lambda symbol: ()


def price_alert(symbol: str, kline: Kline, finding: PriceFinding, settings: Settings, around: AlertContext) -> Alert:
    """settings: of the audience, for this symbol; here and below."""
    move = finding.move
    oi_contracts = around.oi_newest[1] if around.oi_newest else None
    threshold = finding.threshold or threshold_of(move.window, move.direction, settings)
    return Alert(
        key=of_venue(around.venue, _price_key(symbol, finding)),
        venue=around.venue,
        ts=around.now_ms / 1000,
        event_ms=move.event_ms,
        candle_ms=move.candle_ms,
        symbol=symbol,
        kind="price",
        direction=move.direction,
        price=kline.close,
        change_pct=move.change_pct,
        amplitude=_amplitude(kline),
        metric=move.change_pct,
        note=move.window,
        late=around.is_late,
        details=_details(
            around,
            threshold=threshold,
            threshold_sigmas=None if finding.threshold else sigmas_of(move.window, threshold, settings),
            window_s=move.span_s,
            told_before_pct=finding.told_before_pct,
            episode_key=finding.episode_key,
            oi_contracts=oi_contracts,
            oi_usd=None if oi_contracts is None else oi_contracts * kline.close,
            quote_usdt=_finite(kline.quote_usdt),
            taker_buy_share=_taker_buy_share(kline),
        ),
    )


def _price_key(symbol: str, finding: PriceFinding) -> str:
    move = finding.move
    key = f"price:{symbol}:{move.direction}:{move.window}:{move.candle_ms}"
    return f"{key}:x{finding.step}" if finding.verdict is Verdict.ESCALATE else key


def volume_alert(symbol: str, kline: Kline, finding: VolumeFinding, settings: Settings, around: AlertContext) -> Alert:
    """Of a candle that still runs what it has so far; its key does not change when the direction does."""
    return Alert(
        key=of_venue(around.venue, f"vol:{symbol}:{finding.direction}:1m:{kline.open_ms}"),
        venue=around.venue,
        ts=around.now_ms / 1000,
        event_ms=around.event_ms,
        candle_ms=kline.open_ms,
        symbol=symbol,
        kind="vol",
        direction=finding.direction,
        price=kline.close,
        change_pct=change_pct(kline.open, kline.close),
        amplitude=_amplitude(kline),
        metric=finding.ratio,
        note="1m",
        late=around.is_late,
        details=_details(
            around,
            threshold=settings.vol_burst_mult,
            threshold_busy_times=busy_times(settings),
            window_s=60.0,
            running_s=None if kline.is_closed else max(0, around.event_ms - kline.open_ms) / 1000,
            quote_usdt=kline.quote_usdt,
            median_usdt=finding.median_usdt,
            baseline_count=finding.baseline_count,
            taker_buy_share=_taker_buy_share(kline),
        ),
    )


def completed_volume_alert(told: Alert, kline: Kline) -> Alert:
    """What was told while its candle ran, with what that one had at its close and nothing else in its details."""
    usual_usdt = told.details.median_usdt
    return msgspec.structs.replace(
        told,
        direction=volume_burst.direction_of(kline),
        price=kline.close,
        change_pct=change_pct(kline.open, kline.close),
        amplitude=_amplitude(kline),
        metric=_finite(kline.quote_usdt / usual_usdt) if usual_usdt else told.metric,
        lsr=None,
        oi_change=None,
        quadrant=None,
        details=Details(
            quote_usdt=_finite(kline.quote_usdt), taker_buy_share=_taker_buy_share(kline), is_completed=True
        ),
    )


def sample_alert(
    kind: Kind, finding: SampleFinding, book: SymbolBook | None, price: float | None, around: AlertContext
) -> Alert:
    """Of a kind that is sampled. Beside a change of open interest stands what the price did over the same span."""
    sample, is_oi = finding.sample, KINDS[kind].column == "oi_change"
    before = None
    if book is not None and is_oi:
        before = book.price_before(sample.at_ms - int(finding.span_s * 1000))
    moved = change_pct(before, book.price) if book is not None and before is not None and book.price > 0 else None
    oi_usd = None if price is None or sample.contracts is None else sample.contracts * price
    return Alert(
        key=of_venue(around.venue, f"{kind}:{sample.symbol}:{finding.direction}:{finding.window}:{sample.at_ms}"),
        venue=around.venue,
        ts=around.now_ms / 1000,
        event_ms=sample.at_ms,
        symbol=sample.symbol,
        kind=kind,
        direction=finding.direction,
        price=price,
        change_pct=moved,
        oi_change=finding.value if is_oi else None,
        metric=finding.value,
        quadrant=quadrant(moved, finding.value),
        note=finding.window,
        details=_details(
            around,
            threshold=finding.threshold,
            window_s=finding.span_s,
            oi_contracts=sample.contracts,
            oi_usd=oi_usd,
            fundings=_fundings_elsewhere(kind, sample.symbol, around),
        ),
    )


def _fundings_elsewhere(kind: Kind, symbol: str, around: AlertContext) -> tuple[FundingElsewhere, ...]:
    """Beside what is read of the tables of funding; percent with six decimals."""
    sampling = KINDS[kind].sampling
    if sampling is None or sampling.source != "tables":
        return ()
    return tuple(
        FundingElsewhere(
            venue=row.venue, rate_8h_pct=round(row.rate_8h * 100, 6), is_predicted=row.source == "predicted"
        )
        for row in around.fundings_of(symbol)
        if row.venue != around.venue
    )


def condition_alert(crossing: Crossing, price: float | None, around: AlertContext) -> Alert:
    """price: last price, for those about something else too."""
    condition, is_move = crossing.condition, crossing.note not in ("price", "funding", METRIC_NOTE)
    return Alert(
        key=of_venue(around.venue, f"condition:{condition.key}:{condition.symbol}:{around.event_ms}"),
        venue=around.venue,
        ts=around.now_ms / 1000,
        event_ms=around.event_ms,
        symbol=condition.symbol,
        kind="condition",
        direction="UP" if crossing.side == "up" else "DOWN",
        price=price,
        change_pct=crossing.value if is_move else None,
        metric=crossing.value,
        note=crossing.note,
        late=around.is_late,
        details=_details(around, threshold=crossing.level, condition=condition.text, condition_id=condition.id),
    )


def _details(around: AlertContext, **known: object) -> Details:
    day, funding = around.day, around.funding
    if around.oi_newest is not None:
        known["oi_age_s"] = max(0, around.event_ms - around.oi_newest[0]) / 1000
    if funding is not None:
        known |= {
            "funding_rate": funding.rate,
            "funding_hours": around.funding_hours,
            "next_funding_ms": funding.next_ms,
        }
    if day is not None:
        known |= {"day_change_pct": day.change_pct, "day_quote_usdt": day.quote_usdt}
    return Details(**known)  # type: ignore[arg-type]


def _amplitude(kline: Kline) -> float | None:
    """None where the candle cannot be: only the prices that decide are checked for every frame."""
    return (kline.high - kline.low) / kline.open * 100.0 if is_candle(kline) else None


def _taker_buy_share(kline: Kline) -> float | None:
    share = kline.taker_quote_usdt / kline.quote_usdt if kline.quote_usdt > 0 else inf
    return share if isfinite(share) else None


def _finite(value: float) -> float | None:
    return value if isfinite(value) else None
