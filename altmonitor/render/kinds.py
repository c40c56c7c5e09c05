"""The face of every kind of alert: its lines, its number, its section of a digest, its label on a chart.

One row a kind, the counterpart of `detectors/kinds.py`. The lines of a kind stand in `alert_lines.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import floor
from types import MappingProxyType

from altmonitor.core.alert import Alert, Kind
from altmonitor.detectors.kinds import WINDOW_S
from altmonitor.render import format as n
from altmonitor.render.alert_lines import (
    basis_lines,
    condition_lines,
    divergence_lines,
    funding_lines,
    liquidation_lines,
    listing_key,
    listing_lines,
    oi_lines,
    position_lines,
    price_lines,
    volume_lines,
)
from altmonitor.render.alert_values import condition_text, measured, number
from altmonitor.render.format import Style

_CONDITION_CHARS_MAX = 40


def value_text(alert: Alert, style: Style) -> str:
    """The number of the headline, as HTML."""
    return FACES[alert.kind].value(alert, style)


def chart_label(alert: Alert) -> str:
    """`+5.21 %`, `OI +7.8 %`, `Vol 8.3×`, without a word of any language. Not escaped."""
    return FACES[alert.kind].chart_label(alert)


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
            lines=condition_lines,
            value=_condition_value,
            chart_label=_condition_label,
            entry=_condition_entry,
            unit_key="unit_condition",
            heading_windows=_ANY,
            is_line_each=True,
        ),
        "price": KindFace(
            lines=price_lines,
            value=_plain_value,
            chart_label=lambda alert: number("price", measured(alert)),
            entry=_percent_entry,
            unit_key="unit_minute",
            heading_windows=frozenset({"1m", "60s"}),
            is_line_each=False,
        ),
        "oi": KindFace(
            lines=oi_lines,
            value=_plain_value,
            chart_label=lambda alert: f"OI {number('oi', measured(alert))}",
            entry=_percent_entry,
            unit_key="unit_window",
            heading_windows=None,
            is_line_each=False,
        ),
        "vol": KindFace(
            lines=volume_lines,
            value=_volume_value,
            chart_label=lambda alert: f"Vol {_volume_entry(alert)}",
            entry=lambda alert, style: _volume_entry(alert),
            unit_key="unit_median",
            heading_windows=_ANY,
            is_line_each=False,
        ),
        "funding": KindFace(
            lines=funding_lines,
            value=_plain_value,
            chart_label=lambda alert: f"FR {number('funding', measured(alert))}",
            entry=lambda alert, style: n.signed(measured(alert), 3),
            unit_key="unit_funding",
            heading_windows=_ANY,
            is_line_each=False,
        ),
        "liq": KindFace(
            lines=liquidation_lines,
            value=_plain_value,
            chart_label=lambda alert: f"Liq {number('liq', measured(alert))}",
            entry=_plain_value,
            unit_key="unit_liq",
            heading_windows=_ANY,
            is_line_each=False,
        ),
        "basis": KindFace(
            lines=basis_lines,
            value=_plain_value,
            chart_label=lambda alert: f"Basis {number('basis', measured(alert))}",
            entry=lambda alert, style: n.signed(measured(alert), 2),
            unit_key="unit_basis",
            heading_windows=_ANY,
            is_line_each=False,
        ),
        "position": KindFace(
            lines=position_lines,
            value=_position_value,
            chart_label=lambda alert: "Pos" if alert.metric is None else f"Pos {n.pct(alert.metric, 1)}",
            entry=_position_value,
            unit_key="",
            heading_windows=_ANY,
            is_line_each=False,
        ),
        "divergence": KindFace(
            lines=divergence_lines,
            value=_divergence_value,
            chart_label=lambda alert: f"Gap {n.signed(alert.metric, 1)}",
            entry=_divergence_value,
            unit_key="",
            heading_windows=_ANY,
            is_line_each=False,
        ),
        "listing": KindFace(
            lines=listing_lines,
            value=lambda alert, style: style.say(listing_key(alert)),
            chart_label=lambda alert: "New" if alert.direction == "UP" else "End",
            entry=lambda alert, style: style.say(listing_key(alert)),
            unit_key="",
            heading_windows=_ANY,
            is_line_each=True,
        ),
    }
)
