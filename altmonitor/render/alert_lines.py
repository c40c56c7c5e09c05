"""The lines of an alert between its headline and what every alert shows, by kind."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import get_args

from altmonitor.core.alert import Alert, Missing, Positions
from altmonitor.core.types import VENUE_TITLES, Venue
from altmonitor.detectors.conditions import METRIC_NOTE
from altmonitor.detectors.kinds import KINDS, UPWARDS
from altmonitor.market.contracts import base_of
from altmonitor.market.math import Way, way
from altmonitor.render import format as n
from altmonitor.render.alert_parts import dashed
from altmonitor.render.alert_values import asked_window, measured, number, price_window, window_of
from altmonitor.render.format import Style, fact_line, joined

_FRESH_S = 5.0  # the exchange counts open interest every few seconds, not when it is asked
_MISSING: tuple[str, ...] = get_args(Missing)
_ARROWS: Mapping[Way | None, str] = {"up": "↑", "down": "↓", None: "→"}


def price_lines(alert: Alert, style: Style) -> list[str]:
    details = alert.details
    was = details.told_before_pct
    now = n.pct(measured(alert))
    return [
        "" if was is None else style.say("was_now", before=n.pct(was), now=now),
        joined(price_window(alert, style), *_signs(alert, style, unknown=""), _own_bound(alert, style)),
        fact_line(style.say("price", price=n.price(alert.price)), _amplitude(alert, style)),
        fact_line(_candle_volume(alert, style), _taker_buys(alert, style)),
        fact_line(_oi_change(alert, style), _long_short(alert, style), _missing(alert, style)),
        fact_line(_funding(alert, style)),
    ]


def _own_bound(alert: Alert, style: Style) -> str:
    """`bound 2.1 % = 6σ for BTC`, `bound 9.4× = 2 × P95 for BTC`, where it follows from the contract's own minutes."""
    bound, sigmas, busy = alert.details.threshold, alert.details.threshold_sigmas, alert.details.threshold_busy_times
    if bound is None or (sigmas is None and busy is None):
        return ""
    if sigmas is not None:
        shown, origin = f"{n.exact(round(abs(bound), 2))} %", f"{n.exact(round(sigmas, 1))}σ"
    else:
        shown, origin = f"{n.exact(round(bound, 1))}×", f"{n.exact(round(busy or 0.0, 1))} × P95"
    return style.say("own_bound", symbol=n.symbol_text(base_of(alert.symbol)), bound=shown, origin=origin)


def oi_lines(alert: Alert, style: Style) -> list[str]:
    details = alert.details
    window = style.say(window_of(alert))
    coins = None
    if details.oi_contracts is not None:
        coins = style.say("coins", quantity=n.quantity(details.oi_contracts), base=n.symbol_text(base_of(alert.symbol)))
    moved = None  # the line above says n/a already
    if alert.change_pct is not None:
        moved = style.say("price_over_window", change=n.pct(alert.change_pct), window=window)
    return [
        joined(asked_window(alert, style), *_signs(alert, style)),
        fact_line(style.say("oi_size", usd=n.usd(details.oi_usd)), coins),
        fact_line(style.say("price", price=n.price(alert.price)), moved),
        fact_line(_long_short(alert, style)),
        fact_line(_funding(alert, style)),
    ]


def volume_lines(alert: Alert, style: Style) -> list[str]:
    details = alert.details
    volume = n.usd(details.quote_usdt)
    if details.median_usdt is None or details.baseline_count is None:
        compared = style.say("against_median_unknown", volume=volume)
    else:
        median, count = n.usd(details.median_usdt), details.baseline_count
        compared = style.say("against_median", volume=volume, median=median, count=count)
    moved = style.say("price_in_candle", change=n.pct(alert.change_pct))
    return [
        compared,
        _own_bound(alert, style),
        fact_line(style.say("price", price=n.price(alert.price)), moved),
        fact_line(_amplitude(alert, style), _taker_buys(alert, style)),
        fact_line(_oi_change(alert, style), _long_short(alert, style)),
        fact_line(_funding(alert, style)),
    ]


def funding_lines(alert: Alert, style: Style) -> list[str]:
    bound = alert.details.threshold
    return [
        "" if bound is None else fact_line(style.say("funding_bound", bound=f"{n.exact(bound)} %")),
        fact_line(style.say("price", price=n.price(alert.price))),
        fact_line(_funding(alert, style)),
        fact_line(_fundings_elsewhere(alert, style)),
    ]


SAMPLED_LIQUIDATIONS: Mapping[Venue, str] = MappingProxyType({"binance": "Binance", "okx": "OKX"})
"""Venues that tell at most one a second of a contract: what they tell is a lower bound."""


def liquidation_lines(alert: Alert, style: Style) -> list[str]:
    is_long = alert.direction not in UPWARDS
    sampler = SAMPLED_LIQUIDATIONS.get(alert.venue)
    return [
        fact_line(style.say("liq_longs" if is_long else "liq_shorts", usd=number("liq", measured(alert)))),
        "" if sampler is None else fact_line(style.say("liq_sampled", venue=sampler)),
        fact_line(style.say("price", price=n.price(alert.price))),
        fact_line(_funding(alert, style)),
    ]


def basis_lines(alert: Alert, style: Style) -> list[str]:
    bound = alert.details.threshold
    return [
        "" if bound is None else fact_line(style.say("basis_bound", bound=f"{n.exact(bound)} %")),
        fact_line(style.say("price", price=n.price(alert.price))),
        fact_line(_funding(alert, style)),
        fact_line(_fundings_elsewhere(alert, style)),
    ]


def condition_lines(alert: Alert, style: Style) -> list[str]:
    moved = None
    if alert.change_pct is not None:
        moved = style.say("price_over_window", change=n.pct(alert.change_pct), window=style.say(window_of(alert)))
    value = "" if alert.note != METRIC_NOTE or alert.metric is None else fact_line(f"= {n.exact(alert.metric)}")
    return [
        value,
        fact_line(style.say("price", price=n.price(alert.price)), moved),
        fact_line(_funding(alert, style)),
    ]


def _signs(alert: Alert, style: Style, *, unknown: str = n.NA) -> tuple[str, str]:
    """Which way price and open interest went; names only. unknown: what stands for a sign that is not known, '' to
    leave it out."""
    price, oi = _arrow(alert.change_pct), _arrow(alert.oi_change)
    if alert.quadrant is not None:  # of an older database: without the numbers
        price, oi = (_ARROWS["up" if sign == "up" else "down"] for sign in alert.quadrant.split("_"))
    signs = {"price_sign": price or unknown, "oi_sign": oi or unknown}
    shown = [style.say(key, sign=sign) if sign else "" for key, sign in signs.items()]
    return shown[0], shown[1]


def _arrow(change: float | None) -> str | None:
    return None if change is None or change != change else _ARROWS[way(change)]


def _amplitude(alert: Alert, style: Style) -> str | None:
    """Of the running candle, so only where the alert is about it."""
    if alert.amplitude is None or window_of(alert) != "1m":
        return None
    return style.say("amplitude", amplitude=n.unsigned_pct(alert.amplitude, KINDS["price"].decimals))


def _candle_volume(alert: Alert, style: Style) -> str | None:
    volume = alert.details.quote_usdt
    return None if volume is None else style.say("candle_volume", volume=n.usd(volume))


def _taker_buys(alert: Alert, style: Style) -> str | None:
    share = alert.details.taker_buy_share
    return None if share is None else style.say("taker_buys", share=n.share(share))


def _oi_change(alert: Alert, style: Style) -> str | None:
    change, span_s = alert.oi_change, alert.details.oi_span_s
    if change is None:
        return None
    if span_s is None:  # stored by an older version, which compared over a minute
        return _aged(style.say("oi_change", change=n.pct(change)), alert.details.oi_age_s, style)
    shown = style.say("oi_change_over", change=n.pct(change), span=n.span(span_s, style.lang, decimals=0))
    age_s = alert.details.oi_age_s
    return shown if age_s is None or age_s < _FRESH_S else _aged(shown, age_s, style)


def _long_short(alert: Alert, style: Style) -> str | None:
    shown = style.say("long_short", ratio=n.ratio(alert.lsr))
    return None if alert.lsr is None else _aged(shown, alert.details.lsr_age_s, style)


def _missing(alert: Alert, style: Style) -> str | None:
    """What was asked for in vain, and why; what is still being asked for is not said to be missing."""
    oi = alert.details.oi_missing if alert.oi_change is None else None
    ratio = alert.details.lsr_missing if alert.lsr is None else None
    if oi is not None and oi == ratio:
        return style.say("missing_both", reason=_reason(oi, style))
    return joined(
        None if oi is None else style.say("missing_oi", reason=_reason(oi, style)),
        None if ratio is None else style.say("missing_ratio", reason=_reason(ratio, style)),
    )


def _reason(missing: str, style: Style) -> str:
    return style.say(f"missing_{missing if missing in _MISSING else 'no_answer'}")


def _aged(shown: str, age_s: float | None, style: Style) -> str:
    return shown if age_s is None else style.say("aged", value=shown, age=n.age(age_s, style.lang))


def _fundings_elsewhere(alert: Alert, style: Style) -> str | None:
    """`funding elsewhere, per 8 h: Bybit +0.0100 %, OKX −0.0200 %`; None where no other venue's is known."""
    rates = []
    for row in alert.details.fundings:
        rate = n.pct(row.rate_8h_pct, 4)
        rate = style.say("funding_told", rate=rate) if row.is_predicted else rate
        rates.append(f"{VENUE_TITLES[row.venue]} {rate}")
    return style.say("funding_elsewhere", rates=", ".join(rates)) if rates else None


def _funding(alert: Alert, style: Style) -> str | None:
    rate, hours = alert.details.funding_rate, alert.details.funding_hours
    if rate is None:
        return None
    shown = n.pct(rate * 100, 4)
    return (
        style.say("funding", rate=shown)
        if hours is None
        else style.say("funding_every", rate=shown, hours=n.exact(hours))
    )


def position_lines(alert: Alert, style: Style) -> list[str]:
    found = alert.details.positions or Positions()
    sides = style.say(
        "position_sides",
        side=style.say("side_short" if alert.note == "short" else "side_long"),
        before=dashed(n.quantity(found.from_coins)),
        now=dashed(n.quantity(found.to_coins)),
        span=n.duration(None if found.minutes is None else found.minutes * 60, style.lang),
    )
    entry, price = dashed(n.price(found.entry)), dashed(n.price(alert.price))
    return [fact_line(sides), fact_line(style.say("position_price", entry=entry, price=price))]


def divergence_lines(alert: Alert, style: Style) -> list[str]:
    found = alert.details.positions or Positions()
    crowd, top = (dashed(n.unsigned_pct(pct, 2)) for pct in (found.crowd_long_pct, found.top_long_pct))
    return [
        fact_line(style.say("gap_sides", crowd=crowd, top=top, period=n.escape(alert.note))),
        fact_line(style.say("gap_top_longer" if alert.direction == "UP" else "gap_crowd_longer")),
    ]


def listing_key(alert: Alert) -> str:
    return f"listing_{alert.note}" if alert.note in ("listed", "announced", "gone", "renamed") else "listing_listed"


def listing_lines(alert: Alert, style: Style) -> list[str]:
    at_ms, old_name = alert.details.contract_ms, alert.details.old_name
    key = "listing_since" if alert.note in ("listed", "renamed") else "listing_until"
    return [
        fact_line(style.say("listing_was", name=f"<code>{n.symbol_text(old_name)}</code>")) if old_name else "",
        fact_line(style.say(key, time=n.date_and_time(at_ms, style.tz))) if at_ms else "",
    ]
