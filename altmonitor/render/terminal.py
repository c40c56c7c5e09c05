"""Who is positioned, as lines and tables for a terminal. A number that is not known is a dash."""

from __future__ import annotations

from collections.abc import Mapping

from rich.console import RenderableType

from altmonitor.collect.positioning_lookup import Absent
from altmonitor.interfaces.queries import Part
from altmonitor.positioning.history import (
    ExtremeScan,
    PositionChange,
    ProfitTrend,
    QtyChange,
    ScanEntry,
    ShareMove,
)
from altmonitor.positioning.picture import DISCLAIMER, PositionPicture
from altmonitor.positioning.ratios import TopTraders
from altmonitor.positioning.smart_money import (
    Overview,
    headcount_ratio,
    notional_usd,
    side_block,
    whale_spread,
)
from altmonitor.positioning.statistics_history import RatioMove, Span, StoredOiChange, StoredRatioChange
from altmonitor.positioning.units import to_percent
from altmonitor.render import format as n
from altmonitor.render.format import Style
from altmonitor.render.tables import indented, labelled, table

DASH = "–"
_BASIS = {"mark": "mark price", "open_interest": "implied by open interest", "whale_entry": "whales' entries"}
_PART_NAMES: Mapping[Part, str] = {
    "smartMoney": "smart money",
    "topTrader": "top traders",
    "openInterest": "open interest",
    "funding": "funding",
}


def picture_lines(picture: PositionPicture, absent: Mapping[Part, Absent], style: Style) -> list[RenderableType]:
    price = picture.price
    told = DASH if price is None else f"{n.price(price.price)} ({_BASIS[price.basis]})"
    lines: list[RenderableType] = [f"{picture.symbol}  price {told}  {n.date_and_time(picture.now_ms, style.tz)}"]
    if picture.overview is not None:
        lines += [labelled([("smart money", _overview(picture.overview, picture))]), _sides(picture.overview)]
    rest = [] if picture.top_traders is None else _top_traders(picture.top_traders, picture.now_ms)
    if (held := picture.open_interest) is not None:
        changes = (held.change_5m_pct, held.change_15m_pct, held.change_1h_pct, held.change_4h_pct)
        told = "  ".join(f"{w} {_d(n.pct(c))}" for w, c in zip(("5m", "15m", "1h", "4h"), changes, strict=True))
        rest.append(("open interest", f"{_d(n.usd(held.usd))}  {_d(n.quantity(held.coins))} coins  {told}"))
    if (cost := picture.funding) is not None:
        rate = f"{n.pct(cost.rate_pct, 4)} per {cost.interval_h:g} h"
        rest.append(("funding", f"{rate}  {n.pct(cost.annualized_pct)} a year"))
    lines += [labelled(rest)] if rest else []
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


def change_lines(found: PositionChange, style: Style) -> list[RenderableType]:
    rows = []
    for name, side in (("long", found.long), ("short", found.short)):
        entries = f"{_d(n.price(side.from_avg_entry))} → {_d(n.price(side.to_avg_entry))}"
        rows.append((name, _qty(side.qty), entries))
        rows.append((f"{name}, whales", _qty(side.whale_qty), _d(n.price(side.whale_avg_entry))))
    sides = table(("", "size", "average entry"), rows, words=(0, 1, 2))
    return [_span(found, style), f"price {_d(n.price(found.mark_price))}", sides]


def statistics_lines(oi: StoredOiChange | None, ratios: StoredRatioChange | None) -> list[RenderableType]:
    """What changed in the other two tables; nothing where fewer than two rows are stored."""
    rows = []
    if oi is not None:
        usd = f"{_d(n.usd(oi.from_usd))} → {_d(n.usd(oi.to_usd))}"
        rows.append(("open interest", f"{_qty(oi.coins)}  {usd}{_over(oi.span)}"))
    if ratios is not None:
        rows.append(("top traders", f"positions {_ratio_move(ratios.positions)}{_over(ratios.span)}"))
        rows.append(("", f"accounts {_ratio_move(ratios.accounts)}"))
    return [labelled(rows)] if rows else []


def _ratio_move(move: RatioMove) -> str:
    return f"{move.from_long_pct:.2f} % → {move.to_long_pct:.2f} % long ({n.signed(move.change_pct)} points)"


def _over(span: Span) -> str:
    return f"  in {span.minutes:g} min, {span.samples} rows"


def trend_lines(found: ProfitTrend, style: Style) -> list[RenderableType]:
    rows = [
        (name, _share(side.traders), _share(side.whales))
        for name, side in (("long", found.long), ("short", found.short))
    ]
    shares = table(("in profit", "traders", "whales"), rows, words=(0, 1, 2))
    return [_span(found, style), shares, DISCLAIMER]


def scan_lines(found: ExtremeScan) -> list[RenderableType]:
    lines: list[RenderableType] = [f"{found.scanned} contracts"]
    for title, entries in (("most long", found.most_long), ("most short", found.most_short)):
        columns = (title, "long/short", "longs", "in profit", "shorts", "in profit", "old")
        lines.append(table(columns, [_entry(entry) for entry in entries] or [(DASH, *[""] * 6)]))
    return [*lines, DISCLAIMER]


def _overview(seen: Overview, picture: PositionPicture) -> str:
    share, spread = picture.smart_money_share_of_oi, whale_spread(seen)
    age_s = max(0.0, (picture.now_ms - seen.captured_ms) / 1000)
    return (
        f"{_d(n.usd(notional_usd(seen)))} at entry prices  {_d(n.share(share, 1))} of open interest  "
        f"{_count(seen.total_traders)} traders  {n.age(age_s)} old\n"
        f"long/short {_d(n.ratio(seen.long_short_ratio))} by size  {_d(n.ratio(headcount_ratio(seen)))} by heads  "
        f"whale spread {_d(n.pct(None if spread is None else to_percent(spread)))}"
    )


def _sides(seen: Overview) -> RenderableType:
    rows = []
    for name, side in (("long", seen.long), ("short", seen.short)):
        block = side_block(side)
        rows += [
            (
                name,
                _count(block.traders),
                _d(n.usd(block.smart_money_usd)),
                _d(n.price(block.avg_entry)),
                _percent(block.profit_pct),
            ),
            (
                f"{name}, whales",
                _count(block.whales),
                _d(n.usd(block.whales_usd)),
                _d(n.price(block.whale_avg_entry)),
                _percent(block.whale_profit_pct),
            ),
        ]
    return indented(table(("", "traders", "size", "entry", "in profit"), rows))


def _top_traders(found: TopTraders, now_ms: int) -> list[tuple[str, str]]:
    age_s = max(0.0, (now_ms - found.oldest_ms) / 1000)
    ratios = (
        f"positions {n.ratio(found.positions.long_short_ratio)} ({n.share(found.positions.long_share, 2)} long)  "
        f"accounts {n.ratio(found.accounts.long_short_ratio)} ({n.share(found.accounts.long_share, 2)} long)  "
        f"{found.period}, {n.age(age_s)} old"
    )
    return [("top traders", ratios), ("taker trades", f"{n.ratio(found.taker.buy_sell_ratio)} bought/sold")]


def _span(found: PositionChange | ProfitTrend, style: Style) -> str:
    told = f"{found.symbol}  {n.period(found.from_ms, found.to_ms, style.tz, is_dated=True)}"
    told += f"  {found.span_minutes:g} min, {found.samples} rows"
    return told + (f" (asked for {found.asked_minutes:g} min)" if found.is_span_off else "")


def _qty(qty: QtyChange) -> str:
    moved = "new" if qty.is_new else _d(n.pct(qty.change_pct))
    return f"{_d(n.quantity(qty.from_coins))} → {_d(n.quantity(qty.to_coins))} coins ({moved})"


def _share(move: ShareMove) -> str:
    change = DASH if move.change_pct is None else f"{n.signed(move.change_pct, 0)} points"
    return f"{_percent(move.from_pct)} → {_percent(move.to_pct)} ({change})"


def _entry(entry: ScanEntry) -> tuple[str, ...]:
    return (
        n.symbol_text(entry.symbol),
        f"{entry.long_short_ratio:.4f}",
        _count(entry.long_traders),
        _percent(entry.long_profit_pct),
        _count(entry.short_traders),
        _percent(entry.short_profit_pct),
        f"{entry.age_min:g} min",
    )


def _percent(value: float | None) -> str:
    return DASH if value is None else f"{value:.0f} %"


def _count(value: int | None) -> str:
    return DASH if value is None else f"{value:,}"


def _d(shown: str) -> str:
    return DASH if shown == n.NA else shown
