"""Followed traders, what they hold and held, and the sum of a pool of them, as they are told to programs.

Numbers are decimal text (digits, no exponent) as the venue sent them, ratios fractions of 1, times unix ms. None is
"the source does not tell it", never zero; `notes` of the answer say why.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from altmonitor.core.json_text import camel

__all__ = [
    "CloseType",
    "ClosedPosition",
    "CoinSignal",
    "CoinSignalPoint",
    "Direction",
    "PnlPoint",
    "PoolCoverage",
    "SignalNotional",
    "SignalRatios",
    "SignalWinRates",
    "Trader",
    "TraderName",
    "TraderOrder",
    "TraderPosition",
    "TraderSource",
    "TraderValue",
]

Direction = Literal["long", "short"]
CloseType = Literal["allClose", "partClose", "liquidateClose", "liquidateReceive", "adl"]


class TraderValue(msgspec.Struct, frozen=True, kw_only=True, rename=camel):
    pass


class PnlPoint(TraderValue, frozen=True, kw_only=True):
    """stat_time: the day, YYMMDD. value: profit so far, as a fraction."""

    stat_time: str
    value: str


class Trader(TraderValue, frozen=True, kw_only=True):
    """pnl: USD over the period asked for. asset: USD under management. max_drawdown: 0.2 = 20 %.

    onboard_duration: days. portrait: address of a picture. rates: oldest → newest.
    """

    author_id: str
    nick_name: str | None = None
    pnl: str | None = None
    pnl_ratio: str | None = None
    asset: str | None = None
    win_rate: str | None = None
    max_drawdown: str | None = None
    onboard_duration: str | None = None
    portrait: str | None = None
    rates: tuple[PnlPoint, ...] = ()


class TraderName(TraderValue, frozen=True, kw_only=True):
    author_id: str
    nick_name: str | None
    follower_count: str | None


class TraderPosition(TraderValue, frozen=True, kw_only=True):
    """pos: size as the venue counts it, negative for a short one in net mode. direction: from pos_side and that sign.

    notional_usd: at the last price; entry_notional_usd: at the entry price, which price alone does not move.
    position_intensity: notional_usd as a share of the trader's asset. upl: not yet realised.
    """

    pos_id: str
    inst_id: str
    inst_type: str | None
    pos_side: str | None
    direction: Direction | None
    pos_ccy: str | None
    quote_ccy: str | None
    pos: str | None
    lever: str | None
    avg_px: str | None
    last: str | None
    notional_usd: str | None
    entry_notional_usd: str | None
    upl: str | None
    pnl: str | None
    c_time: str | None
    position_intensity: str | None
    liquidation_px: str | None = None


class ClosedPosition(TraderValue, frozen=True, kw_only=True):
    """pnl: with fees and funding where the source has them; realized_pnl: of the price alone. fee: negative = paid."""

    pos_id: str
    inst_id: str
    inst_type: str | None
    pos_side: str | None
    lever: str | None
    mgn_mode: str | None
    quote_ccy: str | None
    open_avg_px: str | None
    close_avg_px: str | None
    close_amount: str | None
    realized_pnl: str | None
    pnl: str | None
    pnl_ratio: str | None
    fee: str | None
    funding_fee: str | None
    close_type: CloseType | None
    c_time: str | None
    u_time: str | None


class TraderOrder(TraderValue, frozen=True, kw_only=True):
    """px: asked for; null for a market order. value: in the quote currency."""

    ord_id: str
    inst_id: str
    inst_type: str | None
    side: str | None
    pos_side: str | None
    ord_type: str | None
    lever: str | None
    px: str | None
    avg_px: str | None
    sz: str | None
    value: str | None
    c_time: str | None
    fill_time: str | None
    u_time: str | None


class SignalNotional(TraderValue, frozen=True, kw_only=True):
    """USDT at entry prices: it moves when positions do, not when the price does. total_notional_vs_24h: a fraction."""

    long_notional_usdt: str | None
    short_notional_usdt: str | None
    net_notional_usdt: str | None
    total_notional_usdt: str | None
    total_notional_vs_24h: str | None
    smart_money_long_avg_entry: str | None
    smart_money_short_avg_entry: str | None


class SignalRatios(TraderValue, frozen=True, kw_only=True):
    """long_ratio, short_ratio: of heads; weighted_*: of notional. long_ratio_vs_*: now minus then."""

    long_ratio: str | None
    short_ratio: str | None
    weighted_long_ratio: str | None
    weighted_short_ratio: str | None
    long_ratio_vs_1h: str | None
    long_ratio_vs_24h: str | None
    long_ratio_vs_7d: str | None


class SignalWinRates(TraderValue, frozen=True, kw_only=True):
    """Of the traders that are long, and of those that are short: the mean of their win rates over the period."""

    avg_long_win_rate: str | None
    avg_short_win_rate: str | None


class CoinSignal(TraderValue, frozen=True, kw_only=True):
    """ccy: the coin or instrument. data_version: the UTC hour, yyyyMMddHH. A trader with both sides is one head in
    traders_with_position and stands in long_traders and in short_traders."""

    ccy: str
    data_version: str
    traders_with_position: int
    traders_qualified: int
    long_traders: int
    short_traders: int
    notional: SignalNotional
    long_short_ratio: SignalRatios
    win_rate: SignalWinRates


class CoinSignalPoint(TraderValue, frozen=True, kw_only=True):
    """One hour or day of the sum of a pool."""

    ccy: str
    data_version: str
    traders_with_position: int | None
    traders_qualified: int | None
    long_traders: int | None
    short_traders: int | None
    long_ratio: str | None
    short_ratio: str | None
    weighted_long_ratio: str | None
    weighted_short_ratio: str | None
    net_notional_usdt: str | None
    total_notional_usdt: str | None


class TraderSource(TraderValue, frozen=True, kw_only=True):
    """age_s: seconds since it was read; null where nothing says."""

    venue: str
    endpoint: str
    age_s: float | None


class PoolCoverage(TraderValue, frozen=True, kw_only=True):
    """read: traders whose positions were read; of: traders of the pool."""

    read: int
    of: int
