"""Who is positioned, as lines for a terminal. A number that is not known is a dash."""

from __future__ import annotations

from collections.abc import Mapping

from altmonitor.collect.positioning_lookup import Absent
from altmonitor.interfaces.queries import Part
from altmonitor.positioning.history import (
    ExtremeScan,
    PositionChange,
    ProfitTrend,
    QtyChange,
    ScanEntry,
    ShareMove,
    SideChange,
)
from altmonitor.positioning.picture import DISCLAIMER, PositionPicture
from altmonitor.positioning.ratios import TopTraders
from altmonitor.positioning.smart_money import (
    Overview,
    Side,
    headcount_ratio,
    notional_usd,
    side_block,
    whale_spread,
)
from altmonitor.positioning.statistics_history import RatioMove, Span, StoredOiChange, StoredRatioChange
from altmonitor.positioning.units import to_percent
from altmonitor.render import format as n
from altmonitor.render.format import Style

DASH = "–"
_BASIS = {"mark": "mark price", "open_interest": "implied by open interest", "whale_entry": "whales' entries"}
_PART_NAMES: Mapping[Part, str] = {
    "smartMoney": "smart money",
    "topTrader": "top traders",
    "openInterest": "open interest",
    "funding": "funding",
}


def picture_lines(picture: PositionPicture, absent: Mapping[Part, Absent], style: Style) -> list[str]:
    price = picture.price
    told = DASH if price is None else f"{n.price(price.price)} ({_BASIS[price.basis]})"
    lines = [f"{picture.symbol}  price {told}  {n.date_and_time(picture.now_ms, style.tz)}"]
    if picture.overview is not None:
        lines += _overview(picture.overview, picture)
    if picture.top_traders is not None:
        lines += _top_traders(picture.top_traders, picture.now_ms)
    if (held := picture.open_interest) is not None:
        changes = (held.change_5m_pct, held.change_15m_pct, held.change_1h_pct, held.change_4h_pct)
        told = "  ".join(f"{w} {_d(n.pct(c))}" for w, c in zip(("5m", "15m", "1h", "4h"), changes, strict=True))
        lines.append(f"open interest  {_d(n.usd(held.usd))}  {_d(n.quantity(held.coins))} coins  {told}")
    if (cost := picture.funding) is not None:
        lines.append(
            f"funding        {n.pct(cost.rate_pct, 4)} per {cost.interval_h:g} h  {n.pct(cost.annualized_pct)} a year"
        )
    lines += [absent_line(name, found, style, now_ms=picture.now_ms) for name, found in absent.items()]
    return [*lines, DISCLAIMER]


def absent_line(name: Part, absent: Absent, style: Style, *, now_ms: int) -> str:
    return f"{_PART_NAMES[name]}: {cause_text(absent, style, now_ms=now_ms)}"


def cause_text(absent: Absent, style: Style, *, now_ms: int) -> str:
    if absent.cause == "no data":
        return "no data for this symbol"
    if absent.cause == "not tracked":
        return "no fresh row is stored"
    if absent.cause == "blocked":
        return f"blocked until {n.when(absent.until_ms, style.tz, reference_ms=now_ms)}"
    return f"cannot be reached ({absent.reason})"


def change_lines(found: PositionChange, style: Style) -> list[str]:
    lines = [_span(found, style), f"price {_d(n.price(found.mark_price))}"]
    for name, side in (("long", found.long), ("short", found.short)):
        lines.append(_side_change(name, side))
        lines.append(f"  whales {_qty(side.whale_qty)}  average entry {_d(n.price(side.whale_avg_entry))}")
    return lines


def statistics_lines(oi: StoredOiChange | None, ratios: StoredRatioChange | None) -> list[str]:
    """What changed in the other two tables; nothing where fewer than two rows are stored."""
    lines = []
    if oi is not None:
        lines.append(
            f"open interest  {_qty(oi.coins)}  {_d(n.usd(oi.from_usd))} → {_d(n.usd(oi.to_usd))}{_over(oi.span)}"
        )
    if ratios is not None:
        lines.append(f"top traders    positions {_ratio_move(ratios.positions)}{_over(ratios.span)}")
        lines.append(f"               accounts {_ratio_move(ratios.accounts)}")
    return lines


def _ratio_move(move: RatioMove) -> str:
    return f"{move.from_long_pct:.2f} % → {move.to_long_pct:.2f} % long ({n.signed(move.change_pct)} points)"


def _over(span: Span) -> str:
    return f"  in {span.minutes:g} min, {span.samples} rows"


def trend_lines(found: ProfitTrend, style: Style) -> list[str]:
    lines = [_span(found, style), "in profit"]
    for name, side in (("long", found.long), ("short", found.short)):
        lines.append(f"{name:<5}  traders {_share(side.traders)}  whales {_share(side.whales)}")
    return [*lines, DISCLAIMER]


def scan_lines(found: ExtremeScan) -> list[str]:
    lines = [f"{found.scanned} contracts"]
    for title, entries in (("most long", found.most_long), ("most short", found.most_short)):
        lines.append(title)
        lines += [_entry(entry) for entry in entries] or [f"  {DASH}"]
    return [*lines, DISCLAIMER]


def _overview(seen: Overview, picture: PositionPicture) -> list[str]:
    share, spread = picture.smart_money_share_of_oi, whale_spread(seen)
    age_s = max(0.0, (picture.now_ms - seen.captured_ms) / 1000)
    return [
        f"smart money    {_d(n.usd(notional_usd(seen)))} at entry prices  {_d(n.share(share, 1))} of open interest  "
        f"{_count(seen.total_traders)} traders  {n.age(age_s)} old",
        f"  long/short   {_d(n.ratio(seen.long_short_ratio))} by size  {_d(n.ratio(headcount_ratio(seen)))} by heads  "
        f"whale spread {_d(n.pct(None if spread is None else to_percent(spread)))}",
        _side("long", seen.long),
        _side("short", seen.short),
    ]


def _side(name: str, side: Side) -> str:
    block = side_block(side)
    return (
        f"  {name:<5}        {_count(block.traders)} traders {_d(n.usd(block.smart_money_usd))} "
        f"entry {_d(n.price(block.avg_entry))} in profit {_percent(block.profit_pct)} · "
        f"{_count(block.whales)} whales {_d(n.usd(block.whales_usd))} entry {_d(n.price(block.whale_avg_entry))} "
        f"in profit {_percent(block.whale_profit_pct)}"
    )


def _top_traders(found: TopTraders, now_ms: int) -> list[str]:
    age_s = max(0.0, (now_ms - found.oldest_ms) / 1000)
    return [
        f"top traders    positions {n.ratio(found.positions.long_short_ratio)} "
        f"({n.share(found.positions.long_share, 2)} long)  accounts {n.ratio(found.accounts.long_short_ratio)} "
        f"({n.share(found.accounts.long_share, 2)} long)  {found.period}, {n.age(age_s)} old",
        f"taker trades   {n.ratio(found.taker.buy_sell_ratio)} bought/sold",
    ]


def _span(found: PositionChange | ProfitTrend, style: Style) -> str:
    told = f"{found.symbol}  {n.period(found.from_ms, found.to_ms, style.tz, is_dated=True)}"
    told += f"  {found.span_minutes:g} min, {found.samples} rows"
    return told + (f" (asked for {found.asked_minutes:g} min)" if found.is_span_off else "")


def _side_change(name: str, side: SideChange) -> str:
    entries = f"{_d(n.price(side.from_avg_entry))} → {_d(n.price(side.to_avg_entry))}"
    return f"{name:<5}  {_qty(side.qty)}  average entry {entries}"


def _qty(qty: QtyChange) -> str:
    moved = "new" if qty.is_new else _d(n.pct(qty.change_pct))
    return f"{_d(n.quantity(qty.from_coins))} → {_d(n.quantity(qty.to_coins))} coins ({moved})"


def _share(move: ShareMove) -> str:
    change = DASH if move.change_pct is None else f"{n.signed(move.change_pct, 0)} points"
    return f"{_percent(move.from_pct)} → {_percent(move.to_pct)} ({change})"


def _entry(entry: ScanEntry) -> str:
    return (
        f"  {n.symbol_text(entry.symbol):<16} long/short {entry.long_short_ratio:>9.4f}  in profit: long "
        f"{_percent(entry.long_profit_pct)} of {_count(entry.long_traders)}, short {_percent(entry.short_profit_pct)} "
        f"of {_count(entry.short_traders)}  {entry.age_min:g} min old"
    )


def _percent(value: float | None) -> str:
    return DASH if value is None else f"{value:.0f} %"


def _count(value: int | None) -> str:
    return DASH if value is None else f"{value:,}"


def _d(shown: str) -> str:
    return DASH if shown == n.NA else shown
