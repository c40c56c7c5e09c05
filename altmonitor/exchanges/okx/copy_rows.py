"""JSON of OKX's public copy trading → our values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from altmonitor.core.errors import BadAnswer
from altmonitor.core.json_text import decimal_of, decimal_text
from altmonitor.exchanges.okx.trader_rows import Row, count, day_stamp, direction_of, number, rows_of, word
from altmonitor.positioning.trader_pool import RATIO_PLACES, PoolPosition, PoolTrader
from altmonitor.positioning.traders import ClosedPosition, PnlPoint, Trader, TraderPosition

LINEAR: Final = ("USDT", "USDC", "USDS")


@dataclass(frozen=True, slots=True, kw_only=True)
class RankedTrader:
    row: Trader
    pool: PoolTrader
    followers: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RankingPage:
    """version: yyyyMMddHHmmss in UTC+8."""

    version: str
    total_pages: int
    traders: Sequence[RankedTrader]


@dataclass(frozen=True, slots=True, kw_only=True)
class LeadRanking:
    """traders: by id, in the venue's order. pages: read; of: that there are. read_s: monotonic."""

    version: str
    traders: Mapping[str, RankedTrader]
    pages: int
    of: int
    read_s: float

    def notes(self) -> tuple[str, ...]:
        return () if self.pages >= self.of else (f"only {self.pages} of {self.of} pages of the ranking were read",)


def page_of_ranking(data: object) -> RankingPage:
    """Raises: BadAnswer."""
    found = rows_of(data)
    if not found:
        raise BadAnswer("a ranking without a page")
    version, pages = word(found[0], "dataVer") or "", count(found[0], "totalPage")
    if not (version.isascii() and version.isdecimal() and len(version) == 14):
        raise BadAnswer("a ranking without its version")
    ranks = rows_of(found[0].get("ranks"))
    traders = [one for row in ranks if (one := _ranked(row)) is not None]
    if ranks and not traders:
        raise BadAnswer(f"none of {len(ranks)} traders is readable")
    return RankingPage(version=version, total_pages=pages or 1, traders=traders)


def merged_ranking(pages: Sequence[RankingPage], *, most_pages: int, read_s: float) -> LeadRanking:
    """A trader who stands on two pages counts once."""
    traders: dict[str, RankedTrader] = {}
    for page in pages:
        for one in page.traders:
            traders.setdefault(one.row.author_id, one)
    total = pages[0].total_pages
    return LeadRanking(version=pages[0].version, traders=traders, pages=min(total, most_pages), of=total, read_s=read_s)


def _ranked(row: Row) -> RankedTrader | None:
    code = word(row, "uniqueCode")
    if code is None:
        return None
    points = row.get("pnlRatios")
    told = Trader(
        author_id=code,
        nick_name=word(row, "nickName"),
        pnl=number(row, "pnl"),
        pnl_ratio=number(row, "pnlRatio"),
        asset=number(row, "aum"),
        win_rate=number(row, "winRatio"),
        onboard_duration=number(row, "leadDays"),
        portrait=word(row, "portLink"),
        rates=_points([one for one in points if isinstance(one, dict)] if isinstance(points, list) else []),
    )
    pool = PoolTrader(
        author_id=code,
        pnl=decimal_of(told.pnl),
        pnl_ratio=decimal_of(told.pnl_ratio),
        win_rate=decimal_of(told.win_rate),
        asset=decimal_of(told.asset),
    )
    return RankedTrader(row=told, pool=pool, followers=count(row, "copyTraderNum") or 0)


def _points(found: Sequence[Row]) -> tuple[PnlPoint, ...]:
    """Oldest → newest."""
    known = {
        at_ms: value
        for row in found
        if (at_ms := count(row, "beginTs")) is not None and (value := number(row, "pnlRatio")) is not None
    }
    return tuple(PnlPoint(stat_time=day_stamp(at_ms), value=known[at_ms]) for at_ms in sorted(known))


def lead_performance(author_id: str, stats: Sequence[Row], days: Sequence[Row], ranked: RankedTrader | None) -> Trader:
    """stats, days: of the period, the days newest first, both as the venue told them."""
    newest = max(days, key=lambda row: count(row, "beginTs") or 0, default={})
    known = None if ranked is None else ranked.row
    rates = _points(days)
    return Trader(
        author_id=author_id,
        nick_name=None if known is None else known.nick_name,
        pnl=number(newest, "pnl"),
        pnl_ratio=number(newest, "pnlRatio"),
        asset=None if known is None else known.asset,
        win_rate=number(stats[0], "winRatio") if stats else None,
        max_drawdown=_drawdown(rates),
        onboard_duration=None if known is None else known.onboard_duration,
        portrait=None if known is None else known.portrait,
        rates=rates,
    )


def _drawdown(rates: Sequence[PnlPoint]) -> str | None:
    """The deepest fall of 1 + profit from a day's end to a later one, as a fraction. None without days."""
    peak, deepest = Decimal(1), Decimal(0)
    for point in rates:
        worth = 1 + (decimal_of(point.value) or Decimal(0))
        peak = max(peak, worth)
        deepest = max(deepest, (peak - worth) / peak)
    return decimal_text(deepest, places=RATIO_PLACES) if rates else None


def contract_values(found: Sequence[Row]) -> dict[str, Decimal]:
    """Coins in one contract, by instrument: of linear ones."""
    values: dict[str, Decimal] = {}
    for row in found:
        name, value, times = word(row, "instId"), decimal_of(row.get("ctVal")), decimal_of(row.get("ctMult"))
        if name and value and word(row, "ctType") == "linear":
            values[name] = value * (times or 1)
    return values


def lead_position(row: Row, sizes: Mapping[str, Decimal]) -> TraderPosition | None:
    """sizes: coins in one contract. None for one that the trader hides."""
    name, position_id, size = word(row, "instId"), word(row, "subPosId"), decimal_of(row.get("subPos"))
    entry, last = decimal_of(row.get("openAvgPx")), decimal_of(row.get("markPx"))
    if not (name and position_id and size):
        return None
    coins = abs(size) * sizes[name] if name in sizes else None
    base, _, rest = name.partition("-")
    return TraderPosition(
        pos_id=position_id,
        inst_id=name,
        inst_type=word(row, "instType"),
        pos_side=word(row, "posSide"),
        direction=direction_of(word(row, "posSide"), decimal_text(size)),
        pos_ccy=base,
        quote_ccy=rest.partition("-")[0] or None,
        pos=decimal_text(size),
        lever=number(row, "lever"),
        avg_px=decimal_text(entry),
        last=decimal_text(last),
        notional_usd=_worth(coins, last),
        entry_notional_usd=_worth(coins, entry),
        upl=number(row, "upl"),
        pnl=None,
        c_time=number(row, "openTime"),
        position_intensity=None,
    )


def _worth(coins: Decimal | None, price: Decimal | None) -> str | None:
    return None if coins is None or price is None else decimal_text(coins * price, places=4)


def lead_closed_position(row: Row) -> ClosedPosition | None:
    """None for a row that does not say which one, or of what."""
    name, position_id = word(row, "instId"), word(row, "subPosId")
    if not (name and position_id):
        return None
    return ClosedPosition(
        pos_id=position_id,
        inst_id=name,
        inst_type=word(row, "instType"),
        pos_side=direction_of(word(row, "posSide"), number(row, "subPos")),
        lever=number(row, "lever"),
        mgn_mode=word(row, "mgnMode"),
        quote_ccy=word(row, "ccy"),
        open_avg_px=number(row, "openAvgPx"),
        close_avg_px=number(row, "closeAvgPx"),
        close_amount=(number(row, "subPos") or "").removeprefix("-") or None,
        realized_pnl=number(row, "pnl"),
        pnl=number(row, "pnl"),
        pnl_ratio=number(row, "pnlRatio"),
        fee=None,
        funding_fee=None,
        close_type=None,
        c_time=number(row, "openTime"),
        u_time=number(row, "closeTime"),
    )


def pool_positions(
    author_id: str, positions: Sequence[TraderPosition], sizes: Mapping[str, Decimal]
) -> list[PoolPosition]:
    """Linear ones with a known size: coin-margined ones are none of the sums."""
    found = []
    for one in positions:
        notional, entry = decimal_of(one.entry_notional_usd), decimal_of(one.avg_px)
        if one.inst_id not in sizes or one.quote_ccy not in LINEAR or not notional or not entry or not one.direction:
            continue
        found.append(
            PoolPosition(
                author_id=author_id,
                base=one.pos_ccy or "",
                is_long=one.direction == "long",
                entry_notional=notional,
                entry_price=entry,
            )
        )
    return found
