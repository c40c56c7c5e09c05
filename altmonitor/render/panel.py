"""Who is positioned in one contract, as the values of a panel; a page and a picture are drawn from them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from altmonitor.market.contracts import base_of
from altmonitor.positioning.open_interest import traders_pnl_usd
from altmonitor.positioning.picture import PositionPicture
from altmonitor.positioning.smart_money import (
    Overview,
    Side,
    entry_usd,
    long_bar_share,
    long_usd,
    notional_ratio,
    notional_usd,
    short_usd,
)
from altmonitor.render import format as n
from altmonitor.render.alert_parts import DASH, dashed
from altmonitor.render.format import Style, joined
from altmonitor.render.position_card import count
from altmonitor.render.texts.reply_texts import say_reply

BASE_CHARS_MAX = 20

Fact = tuple[str, str]
"""Label and value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionCardSide:
    """is_gaining: None when nobody can say. profit_share: 0…1, None without traders; the bar beside `profit`."""

    name: str
    held_by: str
    is_gaining: bool | None
    badge: str
    facts: tuple[Fact, ...]
    profit: Fact
    profit_share: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionCard:
    """Texts as they stand, not escaped. long_share: where the bar between long and short is split,
    0.02…0.98; None when one side's size is not known. foot: when the positions were told."""

    base: str
    title: str
    price: str
    stats: tuple[Fact, ...]
    long_share: float | None
    sides: tuple[PositionCardSide, PositionCardSide]
    footer: tuple[Fact, ...]
    foot: str
    disclaimer: str


def panel_of(picture: PositionPicture, style: Style) -> PositionCard:
    """Unknown numbers are dashes. Raises: ValueError without an overview: there is nobody to show."""
    seen = picture.overview
    if seen is None:
        raise ValueError(f"nobody's positions in {picture.symbol} are known")
    price = picture.price
    long, short = long_usd(seen), short_usd(seen)
    real = None if price is None or price.basis == "whale_entry" else price.price
    return PositionCard(
        base=_base(picture.symbol),
        title=say_reply(style.lang, "panel_title"),
        price=dashed(n.price(real)),
        stats=_stats(seen, style),
        long_share=None if long is None or short is None else long_bar_share(long, short),
        sides=(
            _side("panel_long", seen.long, real, style),
            _side("panel_short", seen.short, real, style),
        ),
        footer=_footer(picture, style),
        foot=say_reply(style.lang, "panel_foot", time=_minute(seen.captured_ms, style)),
        disclaimer=_disclaimer(picture, style),
    )


def _base(symbol: str) -> str:
    base = " ".join(base_of(symbol).split())
    return base if len(base) <= BASE_CHARS_MAX else base[:BASE_CHARS_MAX]


def _stats(seen: Overview, style: Style) -> tuple[Fact, ...]:
    return (
        (say_reply(style.lang, "panel_total"), dashed(n.usd(notional_usd(seen)))),
        (say_reply(style.lang, "panel_traders"), count(seen.total_traders)),
        (say_reply(style.lang, "panel_ratio"), dashed(n.ratio(notional_ratio(seen)))),
    )


def _side(key: str, side: Side, price: float | None, style: Style) -> PositionCardSide:
    lang, gain = style.lang, traders_pnl_usd(side, price, is_long=key == "panel_long")
    is_gaining = None if not gain else gain > 0
    badge = "" if is_gaining is None else say_reply(lang, "in_profit" if is_gaining else "in_loss")
    return PositionCardSide(
        name=say_reply(lang, key),
        held_by=say_reply(lang, "panel_count", traders=count(side.traders), whales=count(side.whales)),
        is_gaining=is_gaining,
        badge=badge,
        facts=(
            (
                say_reply(lang, "panel_position"),
                dashed(n.usd(entry_usd(side.traders_qty_coins, side.traders_avg_entry))),
            ),
            (say_reply(lang, "panel_entry"), dashed(n.price(side.traders_avg_entry))),
            (say_reply(lang, "panel_whale_entry"), dashed(n.price(side.whales_avg_entry))),
            (say_reply(lang, "panel_gain"), dashed(n.usd(gain, is_signed=True))),
        ),
        profit=(say_reply(lang, "panel_profit"), dashed(n.share(side.profit_share))),
        profit_share=side.profit_share,
    )


def _footer(picture: PositionPicture, style: Style) -> tuple[Fact, ...]:
    lang, top, held = style.lang, picture.top_traders, picture.open_interest
    usd, change = DASH, None
    if held is not None:
        usd = dashed(n.usd(held.usd))
        if held.change_4h_pct is not None:
            change = say_reply(lang, "panel_oi_4h", change=n.pct(held.change_4h_pct))
    return (
        (say_reply(lang, "panel_top"), DASH if top is None else dashed(n.ratio(top.positions.long_short_ratio))),
        (say_reply(lang, "panel_taker"), DASH if top is None else dashed(n.ratio(top.taker.buy_sell_ratio))),
        (say_reply(lang, "panel_share"), dashed(n.share(picture.smart_money_share_of_oi, 1))),
        (say_reply(lang, "panel_oi"), joined(usd, change)),
    )


def _disclaimer(picture: PositionPicture, style: Style) -> str:
    price, text = picture.price, say_reply(style.lang, "not_advice")
    if price is None or price.basis != "open_interest":
        return text
    return say_reply(style.lang, "card_basis_open_interest") + " " + text


def _minute(unix_ms: int, style: Style) -> str:
    """`2026-08-28 23:00 UTC`."""
    date, clock, zone = n.date_and_time(unix_ms, style.tz).split(" ")
    return f"{date} {clock[:5]} {zone}"


# ---
# The panel as one dark page of HTML: every style stands inline, nothing is loaded from anywhere.


WIDTH_PX = 520
_GREEN, _RED, _TEXT, _MUTED, _LINE = "#26be8a", "#f64e62", "#e9eef3", "#929eab", "#222933"
_BOX = f"background:#131820;border:1px solid {_LINE};border-radius:12px;padding:14px 16px"


def panel_page(panel: PositionCard, *, lang: str) -> str:
    """A whole document; names from outside are escaped. lang: of its words."""
    sides = "".join(_side_panel_page(side, colour) for side, colour in zip(panel.sides, (_GREEN, _RED), strict=True))
    bar = _LINE
    if panel.long_share is not None:
        split = f"{panel.long_share * 100:.1f}%"
        bar = f"linear-gradient(90deg,{_GREEN} 0 {split},{_RED} {split} 100%)"
    long, short = (_e(side.name) for side in panel.sides)
    base = _e(panel.base)
    body = (
        f'<div style="display:flex;justify-content:space-between;align-items:baseline;gap:12px">'
        f'<div><div style="font-size:24px;font-weight:700;line-height:1.2">{base}</div>'
        f'<div style="color:{_MUTED}">{_e(panel.title)}</div></div>'
        f'<div style="font-size:22px;font-weight:700">{_e(panel.price)}</div></div>'
        f'<div style="{_BOX};margin-top:14px"><div style="display:flex;gap:12px">{_columns(panel.stats)}</div>'
        f'<div style="height:8px;border-radius:4px;margin-top:14px;background:{bar}"></div>'
        f'<div style="display:flex;justify-content:space-between;font-size:12px;margin-top:5px">'
        f'<span style="color:{_GREEN}">{long}</span><span style="color:{_RED}">{short}</span></div></div>'
        f"{sides}"
        f'<div style="{_BOX};margin-top:12px">{_rows(panel.footer)}</div>'
        f'<div style="color:{_MUTED};font-size:12px;margin-top:12px">{_e(panel.foot)}<br>{_e(panel.disclaimer)}</div>'
    )
    return (
        f'<!doctype html><html lang="{lang}"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width,initial-scale=1"><title>{base}</title></head>'
        f'<body style="margin:0;background:#0e1218;color:{_TEXT};font:15px/1.45 system-ui,sans-serif">'
        f'<div style="max-width:{WIDTH_PX}px;box-sizing:border-box;margin:0 auto;padding:18px">{body}</div>'
        "</body></html>\n"
    )


def _side_panel_page(side: PositionCardSide, colour: str) -> str:
    badge = ""
    if side.is_gaining is not None:
        shade = _GREEN if side.is_gaining else _RED
        badge = (
            f'<span style="border:1px solid {shade};color:{shade};border-radius:9px;padding:1px 9px;font-size:12px">'
            f"{_e(side.badge)}</span>"
        )
    filled = 0.0 if side.profit_share is None else side.profit_share * 100
    return (
        f'<div style="{_BOX};margin-top:12px;border-left:4px solid {colour}">'
        f'<div style="display:flex;justify-content:space-between;gap:12px;margin-bottom:6px">'
        f'<div><b style="color:{colour}">{_e(side.name)}</b> '
        f'<span style="color:{_MUTED};font-size:13px">{_e(side.held_by)}</span></div>{badge}</div>'
        f"{_rows((*side.facts, side.profit))}"
        f'<div style="height:6px;border-radius:3px;background:{_LINE};margin-top:6px;overflow:hidden">'
        f'<div style="height:6px;width:{filled:.1f}%;background:{colour}"></div></div></div>'
    )


def _columns(facts: Sequence[Fact]) -> str:
    return "".join(
        f'<div style="flex:1"><div style="color:{_MUTED};font-size:12px">{_e(label)}</div>'
        f'<div style="font-size:18px;font-weight:600">{_e(value)}</div></div>'
        for label, value in facts
    )


def _rows(facts: Sequence[Fact]) -> str:
    return "".join(
        f'<div style="display:flex;justify-content:space-between;gap:12px"><span style="color:{_MUTED}">{_e(label)}'
        f'</span><span style="white-space:nowrap">{_e(value)}</span></div>'
        for label, value in facts
    )


def _e(text: str) -> str:
    return n.escape(text)
