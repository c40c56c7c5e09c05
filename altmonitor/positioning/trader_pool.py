"""Who belongs to a pool of traders, and what the pool holds together.

Gates: a percentile (TOP20: as good as the best fifth) or a bound; all of them count, then the best `most` by one key
stay. Notional is counted at entry prices, so that a price alone does not move it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from operator import attrgetter
from typing import Final, Literal, get_args

from altmonitor.core.errors import UnknownTrader
from altmonitor.core.json_text import decimal_text
from altmonitor.positioning.traders import (
    CoinSignal,
    CoinSignalPoint,
    SignalNotional,
    SignalRatios,
    SignalWinRates,
)

__all__ = [
    "RATIO_PLACES",
    "SORT_KEYS",
    "USD_PLACES",
    "AumTier",
    "CoinBefore",
    "CoinPast",
    "CoinSum",
    "DrawdownTier",
    "PnlTier",
    "PoolFilter",
    "PoolPosition",
    "PoolTrader",
    "SortBy",
    "WinRateTier",
    "chosen_coins",
    "coin_point",
    "coin_signal",
    "coin_sums",
    "in_order",
    "page_of",
    "qualified",
]

SortBy = Literal["pnl", "pnlRatio"]
PnlTier = Literal["PNL_ANY", "PNL_TOP50", "PNL_TOP20", "PNL_TOP5"]
WinRateTier = Literal["WR_ANY", "WR_GE_50", "WR_GE_80"]
DrawdownTier = Literal["MR_ANY", "MR_LE_20", "MR_LE_50"]
AumTier = Literal["AUM_ANY", "AUM_TOP50", "AUM_TOP20", "AUM_TOP5"]
SORT_KEYS: Final[tuple[SortBy, ...]] = get_args(SortBy)

RATIO_PLACES: Final = 6
USD_PLACES: Final = 2
_SHARE_KEPT: Final[Mapping[str, int]] = {"TOP50": 50, "TOP20": 20, "TOP5": 5}
"""Percent of those whose value is known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolFilter:
    """most: traders that stay at the end, 1…2000."""

    sort_by: SortBy = "pnl"
    period_days: int = 7
    pnl_tier: PnlTier = "PNL_ANY"
    win_rate_tier: WinRateTier = "WR_ANY"
    max_drawdown_tier: DrawdownTier = "MR_ANY"
    aum_tier: AumTier = "AUM_ANY"
    most: int = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolTrader:
    """None: not known; then no gate about it is passed. pnl, asset: USD; the others fractions."""

    author_id: str
    pnl: Decimal | None = None
    pnl_ratio: Decimal | None = None
    win_rate: Decimal | None = None
    max_drawdown: Decimal | None = None
    asset: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolPosition:
    """entry_notional: USD at the entry price, above 0 for either side."""

    author_id: str
    base: str
    is_long: bool
    entry_notional: Decimal
    entry_price: Decimal


def in_order(traders: Iterable[PoolTrader], sort_by: SortBy) -> list[PoolTrader]:
    """The best first; those without the value last; equal ones by their id, so that two calls agree."""
    value_of = attrgetter("pnl" if sort_by == "pnl" else "pnl_ratio")

    def rank(trader: PoolTrader) -> tuple[bool, Decimal, str]:
        value = value_of(trader)
        return value is None, -(value or Decimal(0)), trader.author_id

    return sorted(traders, key=rank)


def page_of(
    order: Sequence[str], after: str | None, before: str | None, limit: int, *, of: str = "trader"
) -> tuple[Sequence[str], str | None]:
    """Ids of one page, and where the next one begins. of: what they name. Raises: UnknownTrader for a cursor that is
    not in the order."""
    for cursor in (after, before):
        if cursor is not None and cursor not in order:
            raise UnknownTrader(f"no {of} {cursor[:42]!r} in this list to go on from")
    start = 0 if after is None else order.index(after) + 1
    if before is not None:
        start = max(start, order.index(before) - limit)
        limit = min(limit, order.index(before) - start)
    page = order[start : start + limit]
    return page, page[-1] if page and start + limit < len(order) else None


def qualified(traders: Sequence[PoolTrader], pool: PoolFilter) -> list[PoolTrader]:
    """Those who pass every gate, each measured on all `traders`; then the best `pool.most`."""
    passed = [
        trader
        for trader, *passes in zip(
            traders,
            _best([trader.pnl for trader in traders], pool.pnl_tier),
            _best([trader.asset for trader in traders], pool.aum_tier),
            strict=True,
        )
        if all(passes) and _wins_enough(trader, pool.win_rate_tier) and _fell_little(trader, pool.max_drawdown_tier)
    ]
    return in_order(passed, pool.sort_by)[: pool.most]


def _best(values: Sequence[Decimal | None], tier: str) -> list[bool]:
    """Of each value, whether it is among the best so many percent of those known. Equal ones are in together."""
    percent = _SHARE_KEPT.get(tier.partition("_")[2])
    if percent is None:
        return [True] * len(values)
    known = sorted((value for value in values if value is not None), reverse=True)
    kept = -(-len(known) * percent // 100)
    return [value is not None and kept > 0 and value >= known[kept - 1] for value in values]


def _wins_enough(trader: PoolTrader, tier: WinRateTier) -> bool:
    if tier == "WR_ANY":
        return True
    return trader.win_rate is not None and trader.win_rate * 100 >= int(tier.rpartition("_")[2])


def _fell_little(trader: PoolTrader, tier: DrawdownTier) -> bool:
    if tier == "MR_ANY":
        return True
    return trader.max_drawdown is not None and trader.max_drawdown * 100 <= int(tier.rpartition("_")[2])


@dataclass(frozen=True, slots=True, kw_only=True)
class CoinBefore:
    """The same sum some time ago. total_notional: USD."""

    total_notional: Decimal | None
    long_ratio: Decimal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CoinPast:
    """None: no history of that age."""

    hour: CoinBefore | None = None
    day: CoinBefore | None = None
    week: CoinBefore | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CoinSum:
    """What the traders of a pool hold of one coin. *_entry: average entry price weighted by notional; None: nobody."""

    base: str
    longs: frozenset[str]
    shorts: frozenset[str]
    long_notional: Decimal
    short_notional: Decimal
    long_entry: Decimal | None
    short_entry: Decimal | None

    @property
    def holders(self) -> int:
        """Traders, those with both sides once."""
        return len(self.longs | self.shorts)

    @property
    def total_notional(self) -> Decimal:
        return self.long_notional + self.short_notional

    @property
    def long_ratio(self) -> Decimal | None:
        """Longs among those who hold it, 0…1; None: nobody does."""
        return _share(Decimal(len(self.longs)), Decimal(self.holders))


def coin_sums(positions: Iterable[PoolPosition]) -> dict[str, CoinSum]:
    """By coin, the one most traders hold first."""
    by_base: dict[str, list[PoolPosition]] = {}
    for position in positions:
        by_base.setdefault(position.base, []).append(position)
    sums = [_sum(base, held) for base, held in by_base.items()]
    sums.sort(key=lambda one: (-one.holders, -one.total_notional, one.base))
    return {one.base: one for one in sums}


def _sum(base: str, held: Sequence[PoolPosition]) -> CoinSum:
    longs, shorts = [one for one in held if one.is_long], [one for one in held if not one.is_long]
    return CoinSum(
        base=base,
        longs=frozenset(one.author_id for one in longs),
        shorts=frozenset(one.author_id for one in shorts),
        long_notional=sum((one.entry_notional for one in longs), Decimal(0)),
        short_notional=sum((one.entry_notional for one in shorts), Decimal(0)),
        long_entry=_entry(longs),
        short_entry=_entry(shorts),
    )


def _entry(held: Sequence[PoolPosition]) -> Decimal | None:
    weight = sum((one.entry_notional for one in held), Decimal(0))
    return _share(sum((one.entry_notional * one.entry_price for one in held), Decimal(0)), weight)


def chosen_coins(sums: Mapping[str, CoinSum], *, bases: Sequence[str], top: int) -> list[CoinSum]:
    """Those named, in that order, also where nobody holds one; without names the `top` that most traders hold."""
    if not bases:
        return list(sums.values())[:top]
    return [sums.get(base) or _sum(base, ()) for base in bases]


def coin_signal(
    found: CoinSum, *, traders: Mapping[str, PoolTrader], data_version: str, past: CoinPast | None = None
) -> CoinSignal:
    """traders: the whole pool, by id. What needs history is null without it."""
    before = past or CoinPast()
    return CoinSignal(
        ccy=found.base,
        data_version=data_version,
        traders_with_position=found.holders,
        traders_qualified=len(traders),
        long_traders=len(found.longs),
        short_traders=len(found.shorts),
        notional=SignalNotional(
            long_notional_usdt=decimal_text(found.long_notional, places=USD_PLACES),
            short_notional_usdt=decimal_text(found.short_notional, places=USD_PLACES),
            net_notional_usdt=decimal_text(found.long_notional - found.short_notional, places=USD_PLACES),
            total_notional_usdt=decimal_text(found.total_notional, places=USD_PLACES),
            total_notional_vs_24h=_change(found.total_notional, before.day),
            smart_money_long_avg_entry=decimal_text(found.long_entry, places=8),
            smart_money_short_avg_entry=decimal_text(found.short_entry, places=8),
        ),
        long_short_ratio=SignalRatios(
            long_ratio=decimal_text(found.long_ratio, places=RATIO_PLACES),
            short_ratio=_ratio_text(Decimal(len(found.shorts)), Decimal(found.holders)),
            weighted_long_ratio=_ratio_text(found.long_notional, found.total_notional),
            weighted_short_ratio=_ratio_text(found.short_notional, found.total_notional),
            long_ratio_vs_1h=_moved(found.long_ratio, before.hour),
            long_ratio_vs_24h=_moved(found.long_ratio, before.day),
            long_ratio_vs_7d=_moved(found.long_ratio, before.week),
        ),
        win_rate=SignalWinRates(
            avg_long_win_rate=_mean_win_rate(found.longs, traders),
            avg_short_win_rate=_mean_win_rate(found.shorts, traders),
        ),
    )


def coin_point(found: CoinSum, *, traders_qualified: int, data_version: str) -> CoinSignalPoint:
    """The same sum as one bucket of a series."""
    return CoinSignalPoint(
        ccy=found.base,
        data_version=data_version,
        traders_with_position=found.holders,
        traders_qualified=traders_qualified,
        long_traders=len(found.longs),
        short_traders=len(found.shorts),
        long_ratio=decimal_text(found.long_ratio, places=RATIO_PLACES),
        short_ratio=_ratio_text(Decimal(len(found.shorts)), Decimal(found.holders)),
        weighted_long_ratio=_ratio_text(found.long_notional, found.total_notional),
        weighted_short_ratio=_ratio_text(found.short_notional, found.total_notional),
        net_notional_usdt=decimal_text(found.long_notional - found.short_notional, places=USD_PLACES),
        total_notional_usdt=decimal_text(found.total_notional, places=USD_PLACES),
    )


def _share(part: Decimal, whole: Decimal) -> Decimal | None:
    return part / whole if whole else None


def _ratio_text(part: Decimal, whole: Decimal) -> str | None:
    return decimal_text(_share(part, whole), places=RATIO_PLACES)


def _change(total: Decimal, before: CoinBefore | None) -> str | None:
    if before is None or not before.total_notional:
        return None
    return decimal_text((total - before.total_notional) / before.total_notional, places=RATIO_PLACES)


def _moved(now: Decimal | None, before: CoinBefore | None) -> str | None:
    if now is None or before is None or before.long_ratio is None:
        return None
    return decimal_text(now - before.long_ratio, places=RATIO_PLACES)


def _mean_win_rate(heads: frozenset[str], traders: Mapping[str, PoolTrader]) -> str | None:
    rates = [rate for head in heads if head in traders and (rate := traders[head].win_rate) is not None]
    return _ratio_text(sum(rates, Decimal(0)), Decimal(len(rates)))
