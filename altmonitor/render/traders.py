"""Answers to /whales and /trader as text: numbers and what is missing, no advice."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from altmonitor.commands.traders import CoinOfPoolShown, NoTradersKnown, TraderPictureShown
from altmonitor.core.json_text import decimal_of
from altmonitor.interfaces.traders import ProviderName
from altmonitor.positioning.traders import CoinSignal, Trader, TraderOrder, TraderPosition
from altmonitor.render import format as n
from altmonitor.render.alert_parts import DASH
from altmonitor.render.blocks import reply_lines
from altmonitor.render.format import Style
from altmonitor.render.texts.reply_texts import say_reply

PROVIDER_TITLES: Final[dict[ProviderName, str]] = {
    "hyperliquid": "Hyperliquid",
    "okx_copy": "OKX, copy trading",
    "okx_key": "OKX",
}
POSITIONS_SHOWN: Final = 6
NAME_CHARS_MAX: Final = 40


def _number(text: str | None) -> float | None:
    found = decimal_of(text)
    return None if found is None else float(found)


def _usd(text: str | None, *, is_signed: bool = False) -> str:
    value = _number(text)
    return DASH if value is None else n.usd(value, is_signed=is_signed)


def _share(text: str | None) -> str:
    value = _number(text)
    return DASH if value is None else n.share(value, 1)


def _price(text: str | None) -> str:
    value = _number(text)
    return DASH if value is None else n.price(value)


def _name(text: str) -> str:
    line = " ".join(text.split())
    return n.escape(line if len(line) <= NAME_CHARS_MAX else line[: NAME_CHARS_MAX - 1] + "…")


@reply_lines.register
def _coin_of_pool(reply: CoinOfPoolShown, style: Style) -> list[str]:
    found, lang = reply.found, style.lang
    title = say_reply(lang, "whales_title", coin=n.symbol_text(found.base), provider=PROVIDER_TITLES[found.provider])
    signal = found.signal
    if signal is None or not signal.traders_with_position:
        return [title, say_reply(lang, "whales_nobody", traders=0 if signal is None else signal.traders_qualified)]
    lines = [
        title,
        say_reply(
            lang,
            "whales_pool",
            holders=signal.traders_with_position,
            traders=signal.traders_qualified,
            days=found.period_days,
        ),
        *_sides(signal, lang),
        say_reply(
            lang,
            "whales_share",
            heads=_share(signal.long_short_ratio.long_ratio),
            usd=_share(signal.long_short_ratio.weighted_long_ratio),
        ),
    ]
    if found.coverage is not None and found.coverage.read < found.coverage.of:
        lines.append(say_reply(lang, "whales_partly", read=found.coverage.read, of=found.coverage.of))
    return [*lines, f"<i>{say_reply(lang, 'not_advice')}</i>"]


def _sides(signal: CoinSignal, lang: str) -> list[str]:
    notional = signal.notional
    return [
        say_reply(lang, key, heads=heads, usd=_usd(usd), entry=_price(entry))
        if heads
        else say_reply(lang, f"{key}_nobody")
        for key, heads, usd, entry in (
            ("whales_long", signal.long_traders, notional.long_notional_usdt, notional.smart_money_long_avg_entry),
            ("whales_short", signal.short_traders, notional.short_notional_usdt, notional.smart_money_short_avg_entry),
        )
    ]


@reply_lines.register
def _trader_picture(reply: TraderPictureShown, style: Style) -> list[str]:
    found, lang = reply.found, style.lang
    ranked = found.performance
    name = _name(ranked.nick_name) if ranked is not None and ranked.nick_name else ""
    lines = [
        say_reply(
            lang,
            "trader_title",
            name=f"<b>{name}</b> " if name else "",
            id=n.escape(found.author_id),
            provider=PROVIDER_TITLES[found.provider],
        )
    ]
    if ranked is not None:
        lines.append(_success(ranked, found.period_days, lang))
    elif "performance" not in found.missing:
        lines.append(say_reply(lang, "trader_not_ranked"))
    if "positions" not in found.missing:
        lines += _positions(found.positions, lang)
    if found.orders:
        lines.append(say_reply(lang, "trader_orders"))
        lines += [_order(one, style, now_s=reply.now_s) for one in found.orders]
    if found.missing:
        parts = ", ".join(say_reply(lang, f"trader_part_{part}") for part in found.missing)
        lines.append(say_reply(lang, "trader_missing", parts=parts, provider=PROVIDER_TITLES[found.provider]))
    return [*lines, f"<i>{say_reply(lang, 'not_advice')}</i>"]


def _success(ranked: Trader, days: int, lang: str) -> str:
    return say_reply(
        lang,
        "trader_success",
        days=days,
        pnl=_usd(ranked.pnl, is_signed=True),
        ratio=DASH if (ratio := _number(ranked.pnl_ratio)) is None else n.pct(ratio * 100, 1),
        wins=_share(ranked.win_rate),
        fall=_share(ranked.max_drawdown),
    )


def _positions(held: Sequence[TraderPosition], lang: str) -> list[str]:
    if not held:
        return [say_reply(lang, "trader_flat")]
    lines = [
        say_reply(
            lang,
            "trader_position",
            instrument=n.symbol_text(one.inst_id),
            side=say_reply(lang, f"trader_{one.direction}") if one.direction else DASH,
            lever=_plain(one.lever),
            usd=_usd(one.notional_usd or one.entry_notional_usd),
            entry=_price(one.avg_px),
            upl=_usd(one.upl, is_signed=True),
        )
        for one in held[:POSITIONS_SHOWN]
    ]
    if len(held) > POSITIONS_SHOWN:
        lines.append(say_reply(lang, "trader_more", count=len(held) - POSITIONS_SHOWN))
    return [say_reply(lang, "trader_open"), *lines]


def _plain(text: str | None) -> str:
    value = _number(text)
    return DASH if value is None else n.exact(value)


def _order(one: TraderOrder, style: Style, *, now_s: float) -> str:
    at_ms = decimal_of(one.fill_time or one.c_time)
    side = f"trader_{one.side}" if one.side in ("buy", "sell") else ""
    return say_reply(
        style.lang,
        "trader_order",
        time=DASH if at_ms is None else n.when(int(at_ms), style.tz, reference_ms=now_s * 1000),
        instrument=n.symbol_text(one.inst_id),
        side=say_reply(style.lang, side) if side else DASH,
        usd=_usd(one.value),
        price=_price(one.avg_px),
    )


@reply_lines.register
def _no_traders(reply: NoTradersKnown, style: Style) -> list[str]:
    return [say_reply(style.lang, f"no_traders_{reply.command}", word=_name(reply.word))]
