"""Who is positioned in one contract, as one message: /who."""

from __future__ import annotations

import math
from collections.abc import Sequence

from altmonitor.interfaces.queries import MissingPart, WhoFacts
from altmonitor.positioning.funding import funding_countdown
from altmonitor.positioning.open_interest import whales_pnl_usd
from altmonitor.positioning.picture import PositionPicture
from altmonitor.positioning.ratios import TopTraders
from altmonitor.positioning.smart_money import (
    Overview,
    Side,
    headcount_ratio,
    notional_usd,
    whale_notional_ratio,
    whale_spread,
    whale_usd,
)
from altmonitor.positioning.units import amount, to_percent
from altmonitor.render import format as n
from altmonitor.render.alert_parts import dashed
from altmonitor.render.format import Style, joined
from altmonitor.render.texts.reply_texts import say_reply

CELLS = 10


def push_card(facts: WhoFacts, style: Style) -> list[str]:
    """Lines of Telegram HTML. A number that is not known is a dash; a part that is missing is named with its cause."""
    picture = facts.picture
    price = None if picture.price is None else picture.price.price
    lines = [_title(facts, price, style), _market(facts, style)]
    if picture.overview is not None:
        lines += ["", *_whales(picture.overview, price, style), "", *_followed(picture.overview, picture, style)]
    if picture.top_traders is not None:
        lines.append(_top(picture.top_traders, style))
    lines += missing_lines(facts.missing, style, now_ms=picture.now_ms)
    return [*lines, f"<i>{_foot(picture, style)}</i>"]


def missing_lines(missing: Sequence[MissingPart], style: Style, *, now_ms: int) -> list[str]:
    return [
        say_reply(
            style.lang,
            "missing_" + found.cause.replace(" ", "_"),
            part=say_reply(style.lang, f"part_{found.part}"),
            time=n.when(found.until_ms, style.tz, reference_ms=now_ms),
        )
        for found in missing
    ]


def profit_bar(share: float | None) -> str:
    """`▰▰▰▰▰▰▰▰▰▱` for 0.87; '' when nobody is there."""
    if share is None:
        return ""
    filled = min(CELLS, max(0, math.floor(CELLS * share + 0.5)))
    return "▰" * filled + "▱" * (CELLS - filled)


def whales_of(overview: Overview) -> int | None:
    """Of both sides; None when either is not known."""
    long, short = overview.long.whales, overview.short.whales
    return None if long is None or short is None else long + short


def count(value: int | None) -> str:
    return dashed(n.NA) if value is None else f"{value:,}"


def _title(facts: WhoFacts, price: float | None, style: Style) -> str:
    symbol = n.symbol_text(facts.picture.symbol)
    title = say_reply(style.lang, "card_title", symbol=symbol, price=dashed(n.price(price)))
    change = facts.day_change_pct
    return joined(title, None if change is None else say_reply(style.lang, "card_day", change=n.pct(change)))


def _market(facts: WhoFacts, style: Style) -> str:
    lang, held, cost = style.lang, facts.picture.open_interest, facts.picture.funding
    oi = say_reply(lang, "card_oi", usd=dashed(n.NA))
    if held is not None:
        change, usd = held.change_4h_pct, dashed(n.usd(held.usd))
        oi = say_reply(lang, "card_oi", usd=usd)
        if change is not None:
            oi = say_reply(lang, "card_oi_4h", usd=usd, change=n.pct(change))
    funding = say_reply(lang, "card_funding", rate=dashed(n.NA))
    if cost is not None:
        rate = n.pct(cost.rate_pct, 4)
        left = funding_countdown(facts.picture.next_funding_ms, facts.picture.now_ms)
        funding = say_reply(lang, "card_funding", rate=rate)
        if left is not None:
            funding = say_reply(lang, "card_funding_next", rate=rate, left=left)
    volume = say_reply(lang, "card_volume", usd=dashed(n.usd(facts.day_quote_usdt)))
    return joined(volume, oi, funding)


def _whales(seen: Overview, price: float | None, style: Style) -> list[str]:
    title = say_reply(
        style.lang,
        "card_whales",
        usd=dashed(n.usd(whale_usd(seen, price))),
        count=count(whales_of(seen)),
        ratio=dashed(n.ratio(whale_notional_ratio(seen, price))),
    )
    return [title, *_side("card_long", seen.long, price, style), *_side("card_short", seen.short, price, style)]


def _side(key: str, side: Side, price: float | None, style: Style) -> list[str]:
    lang, gain = style.lang, whales_pnl_usd(side, price, is_long=key == "card_long")
    held = amount(side.whales_qty_coins)
    usd = None if held is None or price is None else held * price
    status = None if not gain else say_reply(lang, "in_profit" if gain > 0 else "in_loss")
    position = say_reply(
        lang,
        "card_position",
        usd=dashed(n.usd(usd)),
        entry=dashed(n.price(side.whales_avg_entry)),
        gain=dashed(n.usd(gain, is_signed=True)),
    )
    share = side.whale_profit_share
    bar = say_reply(lang, "card_bar", bar=profit_bar(share), share=dashed(n.share(share))).strip()
    return [joined(say_reply(lang, key, count=count(side.whales)), status), position, bar]


def _followed(seen: Overview, picture: PositionPicture, style: Style) -> list[str]:
    spread = whale_spread(seen)
    return [
        say_reply(
            style.lang,
            "card_followed",
            usd=dashed(n.usd(notional_usd(seen))),
            count=count(seen.total_traders),
            share=dashed(n.share(picture.smart_money_share_of_oi, 1)),
        ),
        say_reply(
            style.lang,
            "card_ratios",
            size=dashed(n.ratio(seen.long_short_ratio)),
            heads=dashed(n.ratio(headcount_ratio(seen))),
            spread=dashed(n.pct(None if spread is None else to_percent(spread))),
        ),
    ]


def _top(found: TopTraders, style: Style) -> str:
    return say_reply(
        style.lang,
        "card_top",
        period=found.period,
        positions=dashed(n.ratio(found.positions.long_short_ratio)),
        accounts=dashed(n.ratio(found.accounts.long_short_ratio)),
        taker=dashed(n.ratio(found.taker.buy_sell_ratio)),
    )


def _foot(picture: PositionPicture, style: Style) -> str:
    lang, seen, price = style.lang, picture.overview, picture.price
    at = None
    if seen is not None:
        at = say_reply(lang, "card_at", time=n.when(seen.captured_ms, style.tz, reference_ms=picture.now_ms))
    basis = None if price is None or seen is None else say_reply(lang, f"card_basis_{price.basis}")
    return " ".join(text for text in (at, basis, say_reply(lang, "not_advice")) if text)
