"""The face of every kind of alert: its lines, its number, its section of a digest, its label on a chart.

One row a kind, the counterpart of `detectors/kinds.py`. The lines of a kind stand here beside the row.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import floor
from types import MappingProxyType
from typing import get_args

from altmonitor.core.alert import Alert, Kind, Missing, Positions
from altmonitor.core.types import VENUE_TITLES, Venue
from altmonitor.detectors.conditions import METRIC_NOTE
from altmonitor.detectors.kinds import KINDS, UPWARDS, WINDOW_S
from altmonitor.detectors.price import WHOLE
from altmonitor.market.contracts import base_of
from altmonitor.market.math import Way, way
from altmonitor.render import format as n
from altmonitor.render.alert_parts import dashed
from altmonitor.render.format import Style, fact_line, joined
from altmonitor.settings.settings import Unit

_PRICES_APART_S = 1.0  # the price of a minute ago is from the last update before then
_SAME_SPAN = 0.01  # share by which a measured window may differ from the asked one without being worth a word
_CONDITION_CHARS_MAX = 40
_FRESH_S = 5.0  # the exchange counts open interest every few seconds, not when it is asked
_MISSING: tuple[str, ...] = get_args(Missing)
_ARROWS: Mapping[Way | None, str] = {"up": "↑", "down": "↓", None: "→"}


def headline_key(alert: Alert) -> str:
    """Key of the headline word in the texts: `PUMP`, `OI_UP`, `VOLUME`, `CONDITION` …"""
    return KINDS[alert.kind].headline_key(alert.direction)


def measured(alert: Alert) -> float | None:
    """What was compared with the threshold: percent, for volume a multiple."""
    return KINDS[alert.kind].measured(alert)


def number(kind: Kind, value: float | None, *, decimals: int | None = None) -> str:
    """`+5.21 %`, `8.3×`, as this kind is measured. decimals: None for as many as its messages show."""
    spec = KINDS[kind]
    if spec.unit is Unit.MULTIPLE:
        return n.multiple(value)
    if spec.unit is Unit.USD:
        return n.usd(None if value is None else abs(value))
    return n.pct(value, spec.decimals if decimals is None else decimals)


def value_text(alert: Alert, style: Style) -> str:
    """The number of the headline, as HTML."""
    return FACES[alert.kind].value(alert, style)


def chart_label(alert: Alert) -> str:
    """`+5.21 %`, `OI +7.8 %`, `Vol 8.3×`, without a word of any language. Not escaped."""
    return FACES[alert.kind].chart_label(alert)


def window_of(alert: Alert) -> str:
    """`1m`, `5m`, `15m` or `60s`; rows of older databases have no note and were measured over the candle."""
    return alert.note if alert.note in WINDOW_S else "1m"


def condition_text(alert: Alert) -> str:
    """What was asked for, as it was typed, on one line."""
    return n.symbol_text(alert.details.condition or n.NA)


def _price_lines(alert: Alert, style: Style) -> list[str]:
    details = alert.details
    was = details.told_before_pct
    now = n.pct(measured(alert))
    return [
        "" if was is None else style.say("was_now", before=n.pct(was), now=now),
        joined(_price_window(alert, style), *_signs(alert, style, unknown=""), _own_bound(alert, style)),
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


def _oi_lines(alert: Alert, style: Style) -> list[str]:
    details = alert.details
    window = style.say(window_of(alert))
    coins = None
    if details.oi_contracts is not None:
        coins = style.say("coins", quantity=n.quantity(details.oi_contracts), base=n.symbol_text(base_of(alert.symbol)))
    moved = None  # the line above says n/a already
    if alert.change_pct is not None:
        moved = style.say("price_over_window", change=n.pct(alert.change_pct), window=window)
    return [
        joined(_asked_window(alert, style), *_signs(alert, style)),
        fact_line(style.say("oi_size", usd=n.usd(details.oi_usd)), coins),
        fact_line(style.say("price", price=n.price(alert.price)), moved),
        fact_line(_long_short(alert, style)),
        fact_line(_funding(alert, style)),
    ]


def _volume_lines(alert: Alert, style: Style) -> list[str]:
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


def _funding_lines(alert: Alert, style: Style) -> list[str]:
    bound = alert.details.threshold
    return [
        "" if bound is None else fact_line(style.say("funding_bound", bound=f"{n.exact(bound)} %")),
        fact_line(style.say("price", price=n.price(alert.price))),
        fact_line(_funding(alert, style)),
        fact_line(_fundings_elsewhere(alert, style)),
    ]


SAMPLED_LIQUIDATIONS: Mapping[Venue, str] = MappingProxyType({"binance": "Binance", "okx": "OKX"})
"""Venues that tell at most one a second of a contract: what they tell is a lower bound."""


def _liquidation_lines(alert: Alert, style: Style) -> list[str]:
    is_long = alert.direction not in UPWARDS
    sampler = SAMPLED_LIQUIDATIONS.get(alert.venue)
    return [
        fact_line(style.say("liq_longs" if is_long else "liq_shorts", usd=number("liq", measured(alert)))),
        "" if sampler is None else fact_line(style.say("liq_sampled", venue=sampler)),
        fact_line(style.say("price", price=n.price(alert.price))),
        fact_line(_funding(alert, style)),
    ]


def _basis_lines(alert: Alert, style: Style) -> list[str]:
    bound = alert.details.threshold
    return [
        "" if bound is None else fact_line(style.say("basis_bound", bound=f"{n.exact(bound)} %")),
        fact_line(style.say("price", price=n.price(alert.price))),
        fact_line(_funding(alert, style)),
        fact_line(_fundings_elsewhere(alert, style)),
    ]


def _condition_lines(alert: Alert, style: Style) -> list[str]:
    moved = None
    if alert.change_pct is not None:
        moved = style.say("price_over_window", change=n.pct(alert.change_pct), window=style.say(window_of(alert)))
    value = "" if alert.note != METRIC_NOTE or alert.metric is None else fact_line(f"= {n.exact(alert.metric)}")
    return [
        value,
        fact_line(style.say("price", price=n.price(alert.price)), moved),
        fact_line(_funding(alert, style)),
    ]


def _price_window(alert: Alert, style: Style) -> str:
    span_s = alert.details.window_s
    if window_of(alert) in ("5m", "15m"):
        return style.say("in_window", window=style.say(window_of(alert)))
    if window_of(alert) == WHOLE:
        return style.say("in_episode", span=n.duration(span_s, style.lang))
    if window_of(alert) == "60s":
        asked_s = WINDOW_S["60s"]
        is_as_asked = span_s is None or abs(span_s - asked_s) <= _PRICES_APART_S
        return style.say("in_span", span=n.span(asked_s if is_as_asked else span_s, style.lang))
    if span_s is None or not 0 <= span_s < WINDOW_S["1m"]:  # over, or no number
        return style.say("in_candle")
    return style.say("in_candle_at", span=n.duration(floor(span_s), style.lang))  # as the clock below counts


def over_text(alert: Alert, style: Style) -> str:
    """`in 1 m`, `within 103 s`: what its number was measured over, in a few words; '' where that has no name."""
    if alert.note not in KINDS[alert.kind].windows:
        return ""
    if alert.note == "60s":
        return _price_window(alert, style)
    if KINDS[alert.kind].sampling is not None:
        return _asked_window(alert, style)
    return style.say("in_window", window=style.say(alert.note))


def _asked_window(alert: Alert, style: Style) -> str:
    window = window_of(alert)
    span_s = alert.details.window_s
    asked_s = WINDOW_S[window]
    if span_s is None or abs(span_s - asked_s) <= asked_s * _SAME_SPAN:
        return style.say("in_window", window=style.say(window))
    return style.say("in_window_measured", window=style.say(window), span=n.span(span_s, style.lang))


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


def _position_lines(alert: Alert, style: Style) -> list[str]:
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


def _divergence_lines(alert: Alert, style: Style) -> list[str]:
    found = alert.details.positions or Positions()
    crowd, top = (dashed(n.unsigned_pct(pct, 2)) for pct in (found.crowd_long_pct, found.top_long_pct))
    return [
        fact_line(style.say("gap_sides", crowd=crowd, top=top, period=n.escape(alert.note))),
        fact_line(style.say("gap_top_longer" if alert.direction == "UP" else "gap_crowd_longer")),
    ]


def _listing_key(alert: Alert) -> str:
    return f"listing_{alert.note}" if alert.note in ("listed", "announced", "gone", "renamed") else "listing_listed"


def _listing_lines(alert: Alert, style: Style) -> list[str]:
    at_ms, old_name = alert.details.contract_ms, alert.details.old_name
    key = "listing_since" if alert.note in ("listed", "renamed") else "listing_until"
    return [
        fact_line(style.say("listing_was", name=f"<code>{n.symbol_text(old_name)}</code>")) if old_name else "",
        fact_line(style.say(key, time=n.date_and_time(at_ms, style.tz))) if at_ms else "",
    ]


# ---
# How the number of a kind is shown.


def _plain_value(alert: Alert, style: Style) -> str:
    return number(alert.kind, measured(alert))


def _volume_value(alert: Alert, style: Style) -> str:
    """`9.0× so far, 23 s in` as long as its candle runs."""
    value = number("vol", measured(alert))
    if not alert.is_running:
        return value
    return style.say("so_far", value=value, span=n.duration(floor(alert.details.running_s or 0.0), style.lang))


def _volume_entry(alert: Alert) -> str:
    """`≥ 9.0×`: it can only have grown since."""
    value = number("vol", measured(alert))
    return f"≥ {value}" if alert.is_running else value


def _condition_value(alert: Alert, style: Style) -> str:
    return condition_text(alert)


def _position_value(alert: Alert, style: Style) -> str:
    """`+20.00 %`, `new`."""
    return style.say("position_first") if alert.metric is None else n.pct(alert.metric)


def _divergence_value(alert: Alert, style: Style) -> str:
    """`−10.21` percentage points."""
    return style.say("gap_points", gap=n.signed(alert.metric))


def _percent_entry(alert: Alert, style: Style) -> str:
    """The heading names the unit."""
    return n.signed(measured(alert), 1)


def _condition_entry(alert: Alert, style: Style) -> str:
    return style.say("entry_with", entry=condition_text(alert), asides=n.price(alert.price))


def _condition_label(alert: Alert) -> str:
    """What was asked for: `btc > 70000`."""
    return " ".join((alert.details.condition or n.NA).split())[:_CONDITION_CHARS_MAX]


# ---


@dataclass(frozen=True, slots=True, kw_only=True)
class KindFace:
    """No defaults, as in `KindSpec`.

    lines: between the headline and what every alert shows. value: the number of the headline, as HTML. chart_label:
    plain text without a word of any language.

    In a digest: entry is what stands behind the symbol, as HTML; unit_key the text of the section's unit, '' for none;
    heading_windows those that need no word beside an entry, None: the most common one of the section. is_line_each: an
    entry has a line of its own.
    """

    lines: Callable[[Alert, Style], list[str]]
    value: Callable[[Alert, Style], str]
    chart_label: Callable[[Alert], str]
    entry: Callable[[Alert, Style], str]
    unit_key: str
    heading_windows: frozenset[str] | None
    is_line_each: bool


_ANY = frozenset(WINDOW_S)

FACES: Mapping[Kind, KindFace] = MappingProxyType(
    {
        "condition": KindFace(
            lines=_condition_lines,
            value=_condition_value,
            chart_label=_condition_label,
            entry=_condition_entry,
            unit_key="unit_condition",
            heading_windows=_ANY,
            is_line_each=True,
        ),
        "price": KindFace(
            lines=_price_lines,
            value=_plain_value,
            chart_label=lambda alert: number("price", measured(alert)),
            entry=_percent_entry,
            unit_key="unit_minute",
            heading_windows=frozenset({"1m", "60s"}),
            is_line_each=False,
        ),
        "oi": KindFace(
            lines=_oi_lines,
            value=_plain_value,
            chart_label=lambda alert: f"OI {number('oi', measured(alert))}",
            entry=_percent_entry,
            unit_key="unit_window",
            heading_windows=None,
            is_line_each=False,
        ),
        "vol": KindFace(
            lines=_volume_lines,
            value=_volume_value,
            chart_label=lambda alert: f"Vol {_volume_entry(alert)}",
            entry=lambda alert, style: _volume_entry(alert),
            unit_key="unit_median",
            heading_windows=_ANY,
            is_line_each=False,
        ),
        "funding": KindFace(
            lines=_funding_lines,
            value=_plain_value,
            chart_label=lambda alert: f"FR {number('funding', measured(alert))}",
            entry=lambda alert, style: n.signed(measured(alert), 3),
            unit_key="unit_funding",
            heading_windows=_ANY,
            is_line_each=False,
        ),
        "liq": KindFace(
            lines=_liquidation_lines,
            value=_plain_value,
            chart_label=lambda alert: f"Liq {number('liq', measured(alert))}",
            entry=_plain_value,
            unit_key="unit_liq",
            heading_windows=_ANY,
            is_line_each=False,
        ),
        "basis": KindFace(
            lines=_basis_lines,
            value=_plain_value,
            chart_label=lambda alert: f"Basis {number('basis', measured(alert))}",
            entry=lambda alert, style: n.signed(measured(alert), 2),
            unit_key="unit_basis",
            heading_windows=_ANY,
            is_line_each=False,
        ),
        "position": KindFace(
            lines=_position_lines,
            value=_position_value,
            chart_label=lambda alert: "Pos" if alert.metric is None else f"Pos {n.pct(alert.metric, 1)}",
            entry=_position_value,
            unit_key="",
            heading_windows=_ANY,
            is_line_each=False,
        ),
        "divergence": KindFace(
            lines=_divergence_lines,
            value=_divergence_value,
            chart_label=lambda alert: f"Gap {n.signed(alert.metric, 1)}",
            entry=_divergence_value,
            unit_key="",
            heading_windows=_ANY,
            is_line_each=False,
        ),
        "listing": KindFace(
            lines=_listing_lines,
            value=lambda alert, style: style.say(_listing_key(alert)),
            chart_label=lambda alert: "New" if alert.direction == "UP" else "End",
            entry=lambda alert, style: style.say(_listing_key(alert)),
            unit_key="",
            heading_windows=_ANY,
            is_line_each=True,
        ),
    }
)
