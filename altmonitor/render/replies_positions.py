"""Answers about who is positioned, as text: /who and /div."""

from __future__ import annotations

from collections.abc import Sequence

from altmonitor.commands.replies_market import (
    ChangeShown,
    CompareShown,
    DivergenceShown,
    ScanShown,
    TooFewRows,
    TrendShown,
    WhoShown,
)
from altmonitor.core.types import VENUE_TITLES
from altmonitor.interfaces.queries import StatisticsChange
from altmonitor.positioning.history import (
    NotEnoughSnapshots,
    PositionChange,
    ProfitTrend,
    QtyChange,
    ScanEntry,
    ShareMove,
    SideChange,
    SideTrend,
)
from altmonitor.positioning.picture import key_numbers
from altmonitor.positioning.statistics_history import RatioMove, Span
from altmonitor.render import format as n
from altmonitor.render.alert_parts import DASH, dashed
from altmonitor.render.blocks import reply_lines
from altmonitor.render.format import Style, joined
from altmonitor.render.position_card import missing_lines, push_card
from altmonitor.render.texts.reply_texts import say_reply


@reply_lines.register
def _who(reply: WhoShown, style: Style) -> list[str]:
    return push_card(reply.facts, style)


@reply_lines.register
def _compare(reply: CompareShown, style: Style) -> list[str]:
    lang = style.lang
    pair = [key_numbers(facts.picture) for facts in reply.facts]
    first, second = (n.symbol_text(one.symbol) for one in pair)
    rows = [
        ("compare_price", [n.price(one.price) for one in pair]),
        ("compare_smart", [n.usd(one.smart_money_usd) for one in pair]),
        ("compare_ratio", [n.ratio(one.notional_ratio) for one in pair]),
        ("compare_long_profit", [_whole(one.long_profit_pct) for one in pair]),
        ("compare_short_profit", [_whole(one.short_profit_pct) for one in pair]),
        ("compare_share", [n.share(one.smart_money_share_of_oi, 1) for one in pair]),
        ("compare_top", [n.ratio(one.top_position_lsr) for one in pair]),
        ("compare_accounts", [n.ratio(one.top_account_lsr) for one in pair]),
        ("compare_oi", [n.usd(one.oi_now_usd) for one in pair]),
        ("compare_oi_1h", [n.pct(one.oi_chg_1h) for one in pair]),
        ("compare_oi_4h", [n.pct(one.oi_chg_4h) for one in pair]),
        ("compare_funding", [n.pct(one.funding_annualized_pct) for one in pair]),
    ]
    lines = [say_reply(lang, "compare_title", first=first, second=second)]
    lines += [
        say_reply(lang, "compare_row", what=say_reply(lang, key), first=dashed(values[0]), second=dashed(values[1]))
        for key, values in rows
    ]
    for facts, name in zip(reply.facts, (first, second), strict=True):
        gone = missing_lines(facts.missing, style, now_ms=facts.picture.now_ms)
        lines += [f"<code>{name}</code> {line}" for line in gone]
    return [*lines, f"<i>{say_reply(lang, 'not_advice')}</i>"]


@reply_lines.register
def _too_few(reply: TooFewRows, style: Style) -> list[str]:
    found = reply.found
    span = n.duration(found.minutes * 60, style.lang)
    symbol = n.symbol_text(found.symbol)
    return [say_reply(style.lang, "who_too_few", symbol=symbol, rows=found.rows, span=span)]


@reply_lines.register
def _divergence(reply: DivergenceShown, style: Style) -> list[str]:
    facts, lang = reply.facts, style.lang
    found, symbol = facts.found, n.symbol_text(facts.symbol)
    if reply.venue is not None:
        symbol = f"{symbol} {VENUE_TITLES[reply.venue]}"
    if found is None:
        return [say_reply(lang, "div_none", symbol=symbol, period=facts.period)]
    gap = say_reply(lang, "div_gap", gap=f"<b>{n.signed(found.long_pct_gap)}</b>")
    time = n.when(found.time_ms, style.tz, reference_ms=reply.now_s * 1000)
    age = n.age(reply.now_s - found.time_ms / 1000, lang)
    return [
        say_reply(lang, "div_title", symbol=symbol, period=facts.period),
        say_reply(
            lang,
            "div_sides",
            crowd=n.unsigned_pct(found.retail_long_pct, 2),
            top=n.unsigned_pct(found.smart_money_long_pct, 2),
        ),
        joined(gap, say_reply(lang, f"div_{found.signal}")),
        f"<i>{say_reply(lang, 'as_of', time=time, age=age)}. {say_reply(lang, 'not_advice')}</i>",
    ]


@reply_lines.register
def _change(reply: ChangeShown, style: Style) -> list[str]:
    return [
        *_traders_change(reply.found, style),
        *_statistics_change(reply.statistics, style),
        f"<i>{say_reply(style.lang, 'not_advice')}</i>",
    ]


def _traders_change(found: PositionChange | NotEnoughSnapshots, style: Style) -> list[str]:
    if isinstance(found, NotEnoughSnapshots):
        return _too_few(TooFewRows(found=found), style)
    return [
        _span(found, style),
        say_reply(style.lang, "who_price", price=dashed(n.price(found.mark_price))),
        *_side_change("who_side_long", found.long, style),
        *_side_change("who_side_short", found.short, style),
    ]


def _statistics_change(found: StatisticsChange, style: Style) -> list[str]:
    lines = []
    if (oi := found.open_interest) is not None:
        before, now = dashed(n.usd(oi.from_usd)), dashed(n.usd(oi.to_usd))
        told = say_reply(style.lang, "who_open_interest", qty=_qty(oi.coins, style), before=before, now=now)
        lines.append(joined(told, _over(oi.span, style)))
    if (ratios := found.top_traders) is not None:
        moves = {"positions": _long_move(ratios.positions, style), "accounts": _long_move(ratios.accounts, style)}
        told = say_reply(style.lang, "who_top_traders", **moves)
        lines.append(joined(told, _over(ratios.span, style)))
    return lines


def _long_move(move: RatioMove, style: Style) -> str:
    before, now = (n.unsigned_pct(percent, 2) for percent in (move.from_long_pct, move.to_long_pct))
    return say_reply(style.lang, "who_share", before=before, now=now, change=n.signed(move.change_pct))


def _over(span: Span, style: Style) -> str:
    told = n.duration(span.minutes * 60, style.lang)
    return say_reply(style.lang, "who_over", span=told, rows=span.samples)


def _side_change(key: str, side: SideChange, style: Style) -> list[str]:
    lang = style.lang
    before, now = (dashed(n.price(entry)) for entry in (side.from_avg_entry, side.to_avg_entry))
    whale_entry = dashed(n.price(side.whale_avg_entry))
    return [
        say_reply(lang, key, qty=_qty(side.qty, style)),
        joined(
            say_reply(lang, "who_entry", before=before, now=now),
            say_reply(lang, "who_whales", qty=_qty(side.whale_qty, style), entry=whale_entry),
        ),
    ]


@reply_lines.register
def _trend(reply: TrendShown, style: Style) -> list[str]:
    found = reply.found
    return [
        _span(found, style),
        say_reply(style.lang, "who_side_long", qty=_side_trend(found.long, style)),
        say_reply(style.lang, "who_side_short", qty=_side_trend(found.short, style)),
        f"<i>{say_reply(style.lang, 'not_advice')}</i>",
    ]


def _side_trend(side: SideTrend, style: Style) -> str:
    traders, whales = (_share(move, style) for move in (side.traders, side.whales))
    return say_reply(style.lang, "who_trend", traders=traders, whales=whales)


@reply_lines.register
def _scan(reply: ScanShown, style: Style) -> list[str]:
    found, lang = reply.found, style.lang
    if not found.scanned:
        return [say_reply(lang, "who_scan_none")]
    return [
        say_reply(lang, "who_scan", count=found.scanned),
        *_rows("who_most_long", found.most_long, style),
        *_rows("who_most_short", found.most_short, style),
        f"<i>{say_reply(lang, 'not_advice')}</i>",
    ]


def _rows(key: str, entries: Sequence[ScanEntry], style: Style) -> list[str]:
    if not entries:
        return []
    rows = [
        say_reply(
            style.lang,
            "who_scan_row",
            symbol=n.symbol_text(entry.symbol),
            ratio=dashed(n.ratio(entry.long_short_ratio)),
            long=_whole(entry.long_profit_pct),
            short=_whole(entry.short_profit_pct),
            age=n.age(entry.age_min * 60, style.lang),
        )
        for entry in entries
    ]
    return [say_reply(style.lang, key), *rows]


def _span(found: PositionChange | ProfitTrend, style: Style) -> str:
    lang = style.lang
    title = say_reply(
        lang,
        "who_span",
        symbol=n.symbol_text(found.symbol),
        period=n.period(found.from_ms, found.to_ms, style.tz, is_dated=True),
        span=n.duration(found.span_minutes * 60, lang),
        rows=found.samples,
    )
    asked = n.duration(found.asked_minutes * 60, lang)
    return joined(title, say_reply(lang, "who_span_off", asked=asked) if found.is_span_off else None)


def _qty(qty: QtyChange, style: Style) -> str:
    change = say_reply(style.lang, "who_new") if qty.is_new else dashed(n.pct(qty.change_pct))
    before, now = (dashed(n.quantity(coins)) for coins in (qty.from_coins, qty.to_coins))
    return say_reply(style.lang, "who_qty", before=before, now=now, change=change)


def _share(move: ShareMove, style: Style) -> str:
    change = dashed(n.signed(move.change_pct, 0))
    return say_reply(style.lang, "who_share", before=_whole(move.from_pct), now=_whole(move.to_pct), change=change)


def _whole(percent: float | None) -> str:
    return DASH if percent is None else n.unsigned_pct(percent, 0)
