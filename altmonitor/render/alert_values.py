"""What an alert's number is called, how it is written, and what it was measured over."""

from __future__ import annotations

from math import floor

from altmonitor.core.alert import Alert, Kind
from altmonitor.detectors.kinds import KINDS, WINDOW_S
from altmonitor.detectors.price import WHOLE
from altmonitor.render import format as n
from altmonitor.render.format import Style
from altmonitor.settings.settings import Unit

_PRICES_APART_S = 1.0  # the price of a minute ago is from the last update before then
_SAME_SPAN = 0.01  # share by which a measured window may differ from the asked one without being worth a word


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


def window_of(alert: Alert) -> str:
    """`1m`, `5m`, `15m` or `60s`; rows of older databases have no note and were measured over the candle."""
    return alert.note if alert.note in WINDOW_S else "1m"


def condition_text(alert: Alert) -> str:
    """What was asked for, as it was typed, on one line."""
    return n.symbol_text(alert.details.condition or n.NA)


def price_window(alert: Alert, style: Style) -> str:
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
        return price_window(alert, style)
    if KINDS[alert.kind].sampling is not None:
        return asked_window(alert, style)
    return style.say("in_window", window=style.say(alert.note))


def asked_window(alert: Alert, style: Style) -> str:
    window = window_of(alert)
    span_s = alert.details.window_s
    asked_s = WINDOW_S[window]
    if span_s is None or abs(span_s - asked_s) <= asked_s * _SAME_SPAN:
        return style.say("in_window", window=style.say(window))
    return style.say("in_window_measured", window=style.say(window), span=n.span(span_s, style.lang))
