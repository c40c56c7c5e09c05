"""Everything known about who is positioned in one contract, and the same as a JSON value."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Final

from altmonitor.positioning.funding import DEFAULT_NOTIONAL_USD, FundingCost, funding_countdown
from altmonitor.positioning.open_interest import OiVelocity
from altmonitor.positioning.pnl import MarkPrice, mark_or_nearest
from altmonitor.positioning.ratios import TopTraders
from altmonitor.positioning.share_of_oi import share_of_oi
from altmonitor.positioning.smart_money import (
    Overview,
    headcount_ratio,
    notional_ratio,
    notional_usd,
    side_block,
    signal_day_age_hours,
    whale_spread,
)
from altmonitor.positioning.units import Fraction, known, positive, rounded

NOTE: Final = (
    "longShortRatio is of position sizes; totalNotionalUsd adds both sides at entry prices; "
    "smartMoneyShareOfOI compares it with twice the open interest."
)
DISCLAIMER: Final = "Public exchange data as it stands, not investment advice."


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """Each part may be missing on its own: None is what the venue does not have, or could not be had.

    mark_price, next_funding_ms: of the funding answer.
    """

    symbol: str
    now_ms: int
    overview: Overview | None = None
    top_traders: TopTraders | None = None
    open_interest: OiVelocity | None = None
    funding: FundingCost | None = None
    mark_price: float | None = None
    next_funding_ms: int | None = None

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
    def smart_money_share_of_oi(self) -> Fraction | None:
        if self.overview is None or self.open_interest is None:
            return None
        return share_of_oi(notional_usd(self.overview), self.open_interest.usd)


def picture_values(picture: Picture) -> dict[str, object]:
    """Null for what is unknown, a part as a whole or a number in it. Percents are percents, shares fractions."""
    price = picture.price
    return {
        "symbol": picture.symbol,
        "price": None if price is None else price.price,
        "priceBasis": None if price is None else price.basis,
        "smartMoney": None if picture.overview is None else _smart_money(picture.overview, picture.now_ms),
        "topTrader": None if picture.top_traders is None else _top_trader(picture.top_traders, picture.now_ms),
        "openInterest": None if picture.open_interest is None else _open_interest(picture.open_interest),
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
        "totalNotionalUsd": rounded(notional_usd(overview), 0),
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


def _open_interest(found: OiVelocity) -> dict[str, object]:
    return {
        "oiNowUsd": rounded(found.usd, 0),
        "oiNowCoins": found.coins,
        "oiChg5m": rounded(found.change_5m_pct, 2),
        "oiChg15m": rounded(found.change_15m_pct, 2),
        "oiChg1h": rounded(found.change_1h_pct, 2),
        "oiChg4h": rounded(found.change_4h_pct, 2),
        "timestamp": found.time_ms,
    }


def _funding(cost: FundingCost, picture: Picture) -> dict[str, object]:
    per_10k = None if cost.notional_usd <= 0 else cost.per_settlement_usd * DEFAULT_NOTIONAL_USD / cost.notional_usd
    return {
        "ratePct": cost.rate_pct,
        "intervalHours": cost.interval_h,
        "annualizedPct": cost.annualized_pct,
        "per10kPerSettlementUsd": rounded(per_10k, 2),
        "longPays": cost.long_pays,
        "nextFundingCountdown": funding_countdown(picture.next_funding_ms, picture.now_ms),
    }


def _camel(values: dict[str, object]) -> dict[str, object]:
    def renamed(name: str) -> str:
        first, *rest = name.split("_")
        return first + "".join(part.capitalize() for part in rest)

    return {renamed(name): value for name, value in values.items()}
