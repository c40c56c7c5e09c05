"""Everything known about who is positioned in one contract, and the same as a JSON value."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from statistics import median
from typing import Final, Literal

from altmonitor.core.types import Fraction
from altmonitor.positioning.funding import DEFAULT_NOTIONAL_USD, FundingCost, funding_countdown
from altmonitor.positioning.history import Snapshot
from altmonitor.positioning.open_interest import MarkPrice, OiVelocity, mark_or_nearest
from altmonitor.positioning.ratios import TopTraders
from altmonitor.positioning.smart_money import (
    Overview,
    headcount_ratio,
    notional_ratio,
    notional_usd,
    share_of_oi,
    side_block,
    signal_day_age_hours,
    whale_spread,
)
from altmonitor.positioning.units import Percent, amount, known, positive, rounded, whole_usd

__all__ = [
    "DISCLAIMER",
    "NOTE",
    "OUTAGE_STEPS",
    "PADDING",
    "PANEL_HEIGHT_PX",
    "WIDTH_PX",
    "KeyNumbers",
    "LineName",
    "PositionPicture",
    "SeriesChart",
    "SeriesLine",
    "SeriesPanel",
    "chart",
    "fill_interval",
    "key_numbers",
    "nearest_closes",
    "picture_values",
]

NOTE: Final = (
    "longShortRatio is of position sizes; totalNotionalUsd adds both sides at entry prices; "
    "smartMoneyShareOfOI compares it with twice the open interest."
)
DISCLAIMER: Final = "Public exchange data as it stands, not investment advice."


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionPicture:
    """Each part may be missing on its own: None is what the venue does not have, or could not be had.

    mark_price, next_funding_ms: of the funding answer, which the exchange gave at funding_told_ms.
    """

    symbol: str
    now_ms: int
    overview: Overview | None = None
    top_traders: TopTraders | None = None
    open_interest: OiVelocity | None = None
    funding: FundingCost | None = None
    mark_price: float | None = None
    next_funding_ms: int | None = None
    funding_told_ms: int | None = None

    @property
    def is_empty(self) -> bool:
        """Nobody's positions are known."""
        return self.overview is None and self.top_traders is None and self.open_interest is None

    @property
    def price(self) -> MarkPrice | None:
        """What profits are measured against."""
        if self.overview is None:
            mark = positive(self.mark_price)
            return None if mark is None else MarkPrice(price=mark, basis="mark")
        held = self.open_interest
        return mark_or_nearest(
            self.overview,
            mark_price=self.mark_price,
            oi_usd=None if held is None else held.usd,
            oi_coins=None if held is None else held.coins,
        )

    @property
    def funding_age_s(self) -> int | None:
        """None when it is not known when it was told."""
        return None if self.funding_told_ms is None else max(0, (self.now_ms - self.funding_told_ms) // 1000)

    @property
    def smart_money_share_of_oi(self) -> Fraction | None:
        if self.overview is None or self.open_interest is None:
            return None
        return share_of_oi(notional_usd(self.overview), self.open_interest.usd)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyNumbers:
    """By what two contracts are compared; None where it is not known.

    USD at entry prices; lsr: long / short; profits in whole percent of a side's traders; changes of open interest in
    percent of its coins; funding as percent of a year.
    """

    symbol: str
    price: float | None
    smart_money_usd: int | None
    notional_ratio: float | None
    long_profit_pct: Percent | None
    short_profit_pct: Percent | None
    smart_money_share_of_oi: Fraction | None
    top_position_lsr: float | None
    top_account_lsr: float | None
    oi_now_usd: int | None
    oi_chg_1h: float | None
    oi_chg_4h: float | None
    funding_annualized_pct: Percent | None
    age_sec: int | None


def key_numbers(picture: PositionPicture) -> KeyNumbers:
    """The numbers of one contract for a table of several."""
    seen, top, held, cost = picture.overview, picture.top_traders, picture.open_interest, picture.funding
    long, short = (None, None) if seen is None else (side_block(seen.long), side_block(seen.short))
    return KeyNumbers(
        symbol=picture.symbol,
        price=None if picture.price is None else picture.price.price,
        smart_money_usd=None if seen is None else whole_usd(notional_usd(seen)),
        notional_ratio=None if seen is None else rounded(notional_ratio(seen), 2),
        long_profit_pct=None if long is None else long.profit_pct,
        short_profit_pct=None if short is None else short.profit_pct,
        smart_money_share_of_oi=picture.smart_money_share_of_oi,
        top_position_lsr=None if top is None else top.positions.long_short_ratio,
        top_account_lsr=None if top is None else top.accounts.long_short_ratio,
        oi_now_usd=None if held is None else whole_usd(held.usd),
        oi_chg_1h=None if held is None else rounded(held.change_1h_pct, 2),
        oi_chg_4h=None if held is None else rounded(held.change_4h_pct, 2),
        funding_annualized_pct=None if cost is None else cost.annualized_pct,
        age_sec=None if seen is None else max(0, (picture.now_ms - seen.captured_ms) // 1000),
    )


def picture_values(picture: PositionPicture) -> dict[str, object]:
    """Null for what is unknown, a part as a whole or a number in it. Percents are percents, shares fractions."""
    price = picture.price
    return {
        "symbol": picture.symbol,
        "price": None if price is None else price.price,
        "priceBasis": None if price is None else price.basis,
        "smartMoney": None if picture.overview is None else _smart_money(picture.overview, picture.now_ms),
        "topTrader": None if picture.top_traders is None else _top_trader(picture.top_traders, picture.now_ms),
        "openInterest": None
        if picture.open_interest is None
        else _open_interest(picture.open_interest, picture.now_ms),
        "funding": None if picture.funding is None else _funding(picture.funding, picture),
        "smartMoneyShareOfOI": rounded(picture.smart_money_share_of_oi, 3),
        "disclaimer": DISCLAIMER,
    }


def _smart_money(overview: Overview, now_ms: int) -> dict[str, object]:
    return {
        "longShortRatio": known(overview.long_short_ratio),
        "headcountRatio": rounded(headcount_ratio(overview), 4),
        "notionalRatio": rounded(notional_ratio(overview), 2),
        "totalTraders": overview.total_traders,
        "totalNotionalUsd": whole_usd(notional_usd(overview)),
        "whaleSpread": rounded(whale_spread(overview), 4),
        "long": _camel(asdict(side_block(overview.long))),
        "short": _camel(asdict(side_block(overview.short))),
        "signalDayAgeHours": signal_day_age_hours(overview, now_ms),
        "ageSec": max(0, (now_ms - overview.captured_ms) // 1000),
        "note": NOTE,
    }


def _top_trader(found: TopTraders, now_ms: int) -> dict[str, object]:
    return {
        "period": found.period,
        "topAccountLsr": found.accounts.long_short_ratio,
        "topPositionLsr": found.positions.long_short_ratio,
        "takerBuySellRatio": found.taker.buy_sell_ratio,
        "takerBuyVol": found.taker.buy_coins,
        "takerSellVol": found.taker.sell_coins,
        "ageSec": max(0, (now_ms - found.oldest_ms) // 1000),
    }


def _open_interest(found: OiVelocity, now_ms: int) -> dict[str, object]:
    return {
        "oiNowUsd": whole_usd(found.usd),
        "oiNowCoins": found.coins,
        "oiChg5m": rounded(found.change_5m_pct, 2),
        "oiChg15m": rounded(found.change_15m_pct, 2),
        "oiChg1h": rounded(found.change_1h_pct, 2),
        "oiChg4h": rounded(found.change_4h_pct, 2),
        "timestamp": found.time_ms,
        "ageSec": max(0, (now_ms - found.time_ms) // 1000),
    }


def _funding(cost: FundingCost, picture: PositionPicture) -> dict[str, object]:
    per_10k = None if cost.notional_usd <= 0 else cost.per_settlement_usd * DEFAULT_NOTIONAL_USD / cost.notional_usd
    return {
        "ratePct": cost.rate_pct,
        "intervalHours": cost.interval_h,
        "annualizedPct": cost.annualized_pct,
        "per10kPerSettlementUsd": rounded(per_10k, 2),
        "longPays": cost.long_pays,
        "nextFundingCountdown": funding_countdown(picture.next_funding_ms, picture.now_ms),
        "ageSec": picture.funding_age_s,
    }


def _camel(values: dict[str, object]) -> dict[str, object]:
    def renamed(name: str) -> str:
        first, *rest = name.split("_")
        return first + "".join(part.capitalize() for part in rest)

    return {renamed(name): value for name, value in values.items()}


# ---
# What a chart of stored snapshots shows: three panels, each with lines of its own scale. Where it is drawn is open.


OUTAGE_STEPS: Final = 2.5
PADDING: Final = 0.08
WIDTH_PX: Final = 780
PANEL_HEIGHT_PX: Final = 150

LineName = Literal["long_qty", "short_qty", "long_whale_entry", "short_whale_entry", "mark_price"]

_HOUR_MS = 3_600_000


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesLine:
    """points: (time ms, value), oldest → newest; moments without a value are left out, so it may be empty."""

    name: LineName
    points: tuple[tuple[int, float], ...]

    @property
    def last(self) -> float | None:
        """None: nothing is known."""
        return self.points[-1][1] if self.points else None

    def runs(self, longest_step_ms: int) -> Sequence[Sequence[tuple[int, float]]]:
        """Stretches without a longer step in them, each to be drawn as one line; one point alone is a run, too."""
        found: list[list[tuple[int, float]]] = []
        for point in self.points:
            if found and point[0] - found[-1][-1][0] <= longest_step_ms:
                found[-1].append(point)
            else:
                found.append([point])
        return found


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesPanel:
    """low, high: the scale, 8 % wider than the values on either side; None without a value."""

    lines: tuple[SeriesLine, ...]
    low: float | None
    high: float | None

    def share_of_height(self, value: float) -> float:
        """0 at the bottom of the scale, 1 at the top. The panel must have a scale."""
        if self.low is None or self.high is None:
            raise ValueError("a panel without values has no scale")
        return (value - self.low) / (self.high - self.low)


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesChart:
    """panels: long size, short size, whale entries and mark price. points: snapshots in it. longest_step_ms: between
    two of them, a longer one is an outage. outages: (last before, first after), oldest → newest."""

    symbol: str
    from_ms: int
    to_ms: int
    points: int
    longest_step_ms: int
    outages: tuple[tuple[int, int], ...]
    panels: tuple[SeriesPanel, SeriesPanel, SeriesPanel]


def chart(
    symbol: str, rows: Sequence[Snapshot], *, mark_prices: Mapping[int, float] | None = None
) -> SeriesChart | None:
    """rows: of this symbol, in any order. mark_prices: by capture time, for rows that have none. None below 2 rows."""
    found = {row.time_ms: row for row in rows}
    if len(found) < 2:
        return None
    seen = [found[time_ms] for time_ms in sorted(found)]
    filled = mark_prices or {}
    long_qty = _line("long_qty", [(r.time_ms, amount(r.overview.long.traders_qty_coins)) for r in seen])
    short_qty = _line("short_qty", [(r.time_ms, amount(r.overview.short.traders_qty_coins)) for r in seen])
    prices = (
        # an average of 0 is an empty side: it would pull the axis down to 0
        _line("long_whale_entry", [(r.time_ms, positive(r.overview.long.whales_avg_entry)) for r in seen]),
        _line("short_whale_entry", [(r.time_ms, positive(r.overview.short.whales_avg_entry)) for r in seen]),
        _line("mark_price", [(r.time_ms, positive(r.mark_price) or positive(filled.get(r.time_ms))) for r in seen]),
    )
    times = [row.time_ms for row in seen]
    longest_step_ms = _longest_step_ms(times)
    return SeriesChart(
        symbol=symbol,
        longest_step_ms=longest_step_ms,
        outages=tuple(pair for pair in pairwise(times) if pair[1] - pair[0] > longest_step_ms),
        from_ms=seen[0].time_ms,
        to_ms=seen[-1].time_ms,
        points=len(seen),
        panels=(_panel(long_qty), _panel(short_qty), _panel(*prices)),
    )


def _longest_step_ms(times_ms: Sequence[int]) -> int:
    """By half more than two usual steps: one sweep that failed is no outage. times_ms: ascending, at least 2."""
    return round(OUTAGE_STEPS * median(later - earlier for earlier, later in pairwise(times_ms)))


def fill_interval(span_ms: int) -> str:
    """Length of the candles from which missing mark prices are filled, so that at most 1,000 cover the span."""
    if span_ms <= 16 * _HOUR_MS:
        return "1m"
    return "15m" if span_ms <= 72 * _HOUR_MS else "1h"


def nearest_closes(
    rows: Sequence[Snapshot], closes: Sequence[tuple[int, float]], *, interval_ms: int
) -> dict[int, float]:
    """Capture time → close of the candle around it, for rows without a mark price.

    closes: (open ms, close), in any order. A row in a hole between candles gets none.
    """
    by_open = {open_ms: close for open_ms, close in closes if positive(close) is not None}
    return {
        row.time_ms: by_open[open_ms]
        for row in rows
        if positive(row.mark_price) is None and (open_ms := row.time_ms // interval_ms * interval_ms) in by_open
    }


def _line(name: LineName, points: Sequence[tuple[int, float | None]]) -> SeriesLine:
    return SeriesLine(name=name, points=tuple((time_ms, value) for time_ms, value in points if value is not None))


def _panel(*lines: SeriesLine) -> SeriesPanel:
    values = [value for line in lines for _, value in line.points]
    if not values:
        return SeriesPanel(lines=lines, low=None, high=None)
    low, high = min(values), max(values)
    padding = PADDING * (high - low) or PADDING * abs(high) or 1.0  # a flat line lies in the middle
    return SeriesPanel(lines=lines, low=low - padding, high=high + padding)
