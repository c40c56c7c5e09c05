"""Who is positioned in one contract, as the values of a panel; a page and a picture are drawn from them."""

from __future__ import annotations

from dataclasses import dataclass

from altmonitor.market.contracts import base_of
from altmonitor.positioning.picture import Picture
from altmonitor.positioning.pnl import traders_pnl_usd
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
from altmonitor.render.position_card import count
from altmonitor.render.style import Style, joined
from altmonitor.render.texts.reply_texts import say_reply
from altmonitor.render.whales import DASH, dashed

BASE_CHARS_MAX = 20

Fact = tuple[str, str]
"""Label and value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PanelSide:
    """is_gaining: None when nobody can say. profit_share: 0…1, None without traders; the bar beside `profit`."""

    name: str
    held_by: str
    is_gaining: bool | None
    badge: str
    facts: tuple[Fact, ...]
    profit: Fact
    profit_share: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """Texts as they stand, not escaped. long_share: where the bar between long and short is split,
    0.02…0.98; None when one side's size is not known. foot: when the positions were told."""

    base: str
    title: str
    price: str
    stats: tuple[Fact, ...]
    long_share: float | None
    sides: tuple[PanelSide, PanelSide]
    footer: tuple[Fact, ...]
    foot: str
    disclaimer: str


def panel_of(picture: Picture, style: Style) -> Panel:
    """Unknown numbers are dashes. Raises: ValueError without an overview: there is nobody to show."""
    seen = picture.overview
    if seen is None:
        raise ValueError(f"nobody's positions in {picture.symbol} are known")
    price = picture.price
    long, short = long_usd(seen), short_usd(seen)
    real = None if price is None or price.basis == "whale_entry" else price.price
    return Panel(
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


def _side(key: str, side: Side, price: float | None, style: Style) -> PanelSide:
    lang, gain = style.lang, traders_pnl_usd(side, price, is_long=key == "panel_long")
    is_gaining = None if not gain else gain > 0
    badge = "" if is_gaining is None else say_reply(lang, "in_profit" if is_gaining else "in_loss")
    return PanelSide(
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


def _footer(picture: Picture, style: Style) -> tuple[Fact, ...]:
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


def _disclaimer(picture: Picture, style: Style) -> str:
    price, text = picture.price, say_reply(style.lang, "not_advice")
    if price is None or price.basis != "open_interest":
        return text
    return say_reply(style.lang, "card_basis_open_interest") + " " + text


def _minute(unix_ms: int, style: Style) -> str:
    """`2026-08-28 23:00 UTC`."""
    date, clock, zone = n.date_and_time(unix_ms, style.tz).split(" ")
    return f"{date} {clock[:5]} {zone}"
