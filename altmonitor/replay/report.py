"""A replay as one HTML file that needs nothing else: no network, no script, the same bytes for the same input.

What is shown is computed here; `report.html.jinja` only sets it. Everything is escaped there, pictures are inline SVG
whose coordinates come from here, and colours follow the reader's light or dark setting.
"""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import jinja2
import numpy as np

from altmonitor.core.alert import Kind
from altmonitor.core.console import how_many
from altmonitor.core.outcome import HORIZONS_MIN, OutcomeRow
from altmonitor.replay.outcome_text import horizon_name, percent, range_text, sentence, share_text, verdict_text
from altmonitor.replay.outcomes import UNKNOWN_TEXTS, Unknown
from altmonitor.replay.replay_options import ReplayOptions
from altmonitor.replay.replayed_outcomes import DeliveryDelay, ReplayedOutcomes
from altmonitor.replay.run import ReplayResult, counts, not_shown
from altmonitor.replay.tune import Tuned
from altmonitor.settings.audience import Audience
from altmonitor.settings.settings import SETTING_OF, SETTINGS, Settings

TEMPLATE: Final = Path(__file__).with_name("report.html.jinja")
ALERTS_SHOWN: Final = 1_000
BARS_MOST: Final = 62
"""More days than these are drawn as weeks."""
DAY_MS: Final = 86_400_000
SHOWN_HORIZONS: Final = (15, 60, 1_440)
"""In the table of alerts; all of them are in the tables of outcomes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportInput:
    """What a report is made of. rows: the table of outcomes. changed: `--set`, as typed. tuned, tuned_png:
    thresholds for a wished number and their picture; None without."""

    result: ReplayResult
    options: ReplayOptions
    outcomes: ReplayedOutcomes
    rows: Sequence[OutcomeRow]
    delay: DeliveryDelay
    fee_pct: float
    changed: Sequence[str] = ()
    tuned: Tuned | None = None
    tuned_png: bytes | None = None


def report_html(given: ReportInput) -> str:
    result = given.result
    environment = jinja2.Environment(
        autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined
    )
    return environment.from_string(TEMPLATE.read_text(encoding="utf-8")).render(
        title=f"{_day(result.from_ms)} … {_day(result.to_ms - 1)}",
        given=given,
        result=result,
        first=_moment(result.from_ms),
        last=_moment(result.to_ms),
        audiences=[_settings_of(one) for one in given.options.audiences],
        counted=_counted(result),
        how_many=how_many,
        bars=day_bars(result),
        hits=hit_picture(given.rows),
        sentence=sentence(given.rows),
        whole=[_outcome_line(row) for row in given.rows if row.direction is None and row.alerts],
        described=[_outcome_line(row) for row in given.rows if row.direction is not None and row.alerts],
        has_btc=any(row.beyond_btc_pct is not None for row in given.rows),
        unknown=_unknown(given.outcomes),
        alerts=_alert_lines(given.outcomes),
        alerts_all=len(given.outcomes.alerts),
        tuning=None if given.tuned is None else _tuning(given.tuned),
        tuning_png="" if given.tuned_png is None else base64.b64encode(given.tuned_png).decode(),
        holes=[one for one in result.symbols if one.missing_minutes or one.other_coins],
        not_shown=not_shown(result),
        horizons=SHOWN_HORIZONS,
        horizon_name=horizon_name,
        moment=_moment,
    )


def _moment(unix_ms: int) -> str:
    return datetime.fromtimestamp(unix_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M")


def _day(unix_ms: int) -> str:
    return datetime.fromtimestamp(unix_ms / 1000, UTC).date().isoformat()


# --- tables


def _settings_of(audience: Audience) -> dict[str, Any]:
    main = [(setting.word, _value(audience.settings, setting.key)) for setting in SETTINGS]
    own = {
        symbol: [
            (setting.word, _value(settings, setting.key))
            for setting in SETTINGS
            if getattr(settings, setting.key) != getattr(audience.settings, setting.key)
        ]
        for symbol, settings in sorted(audience.settings.of_symbol.items())
    }
    kinds = ", ".join(sorted(audience.kinds))
    return {"name": str(audience.destination), "kinds": kinds, "main": main, "own": own}


def _value(settings: Settings, key: str) -> str:
    number = getattr(settings, key)
    return "off" if number == 0 and SETTING_OF[key].has_off else f"{number:g}"


def _counted(result: ReplayResult) -> list[dict[str, Any]]:
    return [
        {
            "kind": kind,
            "direction": direction,
            "window": window,
            "what": "escalation" if is_escalation else "first",
            "alerts": number,
            "per_day": f"{number / result.days:.1f}",
        }
        for (kind, direction, window, is_escalation), number in counts(result.alerts)
    ]


def _outcome_line(row: OutcomeRow) -> dict[str, Any]:
    return {
        "kind": row.kind,
        "direction": row.direction or "",
        "quadrant": "all" if row.quadrant is None else row.quadrant.replace("_", ", "),
        "horizon": horizon_name(row.horizon_min),
        "alerts": row.alerts,
        "unknown": row.unknown,
        "moments": row.moments,
        "days": row.blocks,
        "mean": percent(row.mean_pct),
        "mean_range": range_text(row.mean_low_pct, row.mean_high_pct),
        "median": percent(row.median_pct),
        "net": percent(row.net_pct),
        "hit": share_text(row.hit),
        "hit_range": "" if row.hit_low is None else f"{share_text(row.hit_low)} … {share_text(row.hit_high)}",
        "control_hit": share_text(row.control_hit),
        "btc": percent(row.beyond_btc_pct),
        "control": percent(row.beyond_control_pct),
        "control_range": range_text(row.beyond_control_low_pct, row.beyond_control_high_pct),
        "best": percent(row.best_pct),
        "worst": percent(row.worst_pct),
        "p": "" if row.p_holm is None else f"{row.p_holm:.3f}",
        "is_found": row.verdict == "more_than_chance",
        "verdict": verdict_text(row),
    }


def _unknown(outcomes: ReplayedOutcomes) -> list[str]:
    found = outcomes.table.outcomes
    said = []
    for name, why in (
        ("returns", found.unknown),
        ("comparisons with BTC", np.where(found.unknown > 0, 0, found.unknown_btc)),
        ("comparisons with comparable minutes", np.where(found.unknown > 0, 0, found.unknown_control)),
    ):
        numbers = Counter(Unknown(value) for value in why.ravel().tolist())
        reasons = [reason for reason in sorted(numbers) if reason is not Unknown.KNOWN]
        said += [f"{numbers[reason]} {name}: {UNKNOWN_TEXTS[reason]}" for reason in reasons]
    return said


def _alert_lines(outcomes: ReplayedOutcomes) -> list[dict[str, Any]]:
    """The newest first."""
    table = outcomes.table.outcomes
    gross, columns = table.gross_pct, [HORIZONS_MIN.index(horizon) for horizon in SHOWN_HORIZONS]
    lines = []
    for at in range(len(outcomes.alerts) - 1, max(-1, len(outcomes.alerts) - 1 - ALERTS_SHOWN), -1):
        alert = outcomes.alerts[at].alert
        lines.append(
            {
                "at": _moment(alert.event_ms),
                "symbol": alert.symbol,
                "kind": alert.kind,
                "direction": alert.direction,
                "window": alert.note,
                "size": _size(alert.kind, alert.metric),
                "price": "–" if alert.price is None else f"{alert.price:g}",
                "returns": [
                    (percent(float(gross[at, column])), UNKNOWN_TEXTS[Unknown(int(table.unknown[at, column]))])
                    for column in columns
                ],
            }
        )
    return lines


def _size(kind: Kind, metric: float | None) -> str:
    if metric is None:
        return "–"
    return f"{metric:.1f} ×" if kind == "vol" else percent(metric)


def _tuning(tuned: Tuned) -> dict[str, Any]:
    rows = []
    for one in tuned.kinds:
        for number, (key, (now, then)) in enumerate(one.thresholds.items()):
            rates = (one.now_per_day, one.fitted_per_day, one.replayed_per_day, one.held_out_per_day)
            rows.append(
                {
                    "kind": one.kind,
                    "setting": f"{SETTING_OF[key].word} {one.liquidity}".rstrip(),
                    "now": f"{now:g}",
                    "then": f"{then:g}",
                    "rates": [f"{rate:.1f}" for rate in rates] if number == 0 else [""] * len(rates),
                }
            )
    return {
        "per_day": f"{tuned.per_day:g}",
        "range": f"{_day(tuned.from_ms)} … {_day(tuned.held_out_from_ms - 1)}",
        "held_out": f"{tuned.held_out_per_day:.1f}",
        "by_day": ", ".join(str(number) for number in tuned.by_day),
        "rows": rows,
    }


# --- pictures, as coordinates


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    x: float
    y: float
    width: float
    height: float
    kind: str
    title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    at: float
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Bars:
    """Stacked by kind; one a day, or a week (`unit`)."""

    unit: str
    width: float = 720.0
    height: float = 230.0
    left: float = 58.0
    right: float = 712.0
    top: float = 12.0
    bottom: float = 200.0
    bars: list[Bar] = field(default_factory=list)
    x_ticks: list[Tick] = field(default_factory=list)
    y_ticks: list[Tick] = field(default_factory=list)
    kinds: list[str] = field(default_factory=list)


def day_bars(result: ReplayResult) -> Bars:
    days = max(1, -(-(result.to_ms - result.from_ms) // DAY_MS))
    step = 1 if days <= BARS_MOST else 7
    number = -(-days // step)
    kinds = sorted({one.alert.kind for one in result.alerts})
    heights: Counter[tuple[int, str]] = Counter(
        ((one.alert.event_ms - result.from_ms) // (DAY_MS * step), one.alert.kind) for one in result.alerts
    )
    sums = [sum(heights[at, kind] for kind in kinds) for at in range(number)]
    picture = Bars(unit="day" if step == 1 else "week", kinds=list(kinds))
    spacing, most = tick_step(max(sums, default=0))
    scale = (picture.bottom - picture.top) / most
    pitch = (picture.right - picture.left) / number
    for at in range(number):
        y, day = picture.bottom, _day(result.from_ms + at * step * DAY_MS)
        for kind in kinds:
            height = heights[at, kind] * scale
            if height:
                y -= height
                title = f"{day}: {heights[at, kind]} {kind}"
                bar = Bar(
                    x=round(picture.left + at * pitch + pitch * 0.12, 2),
                    y=round(y, 2),
                    width=round(pitch * 0.76, 2),
                    height=round(height, 2),
                    kind=kind,
                    title=title,
                )
                picture.bars.append(bar)
    every = max(1, -(-number // 10))
    picture.x_ticks.extend(
        Tick(at=round(picture.left + (at + 0.5) * pitch, 2), text=_day(result.from_ms + at * step * DAY_MS)[5:])
        for at in range(0, number, every)
    )
    picture.y_ticks.extend(
        Tick(at=round(picture.bottom - value * scale, 2), text=str(value)) for value in range(0, most + 1, spacing)
    )
    return picture


def tick_step(most: int) -> tuple[int, int]:
    """(distance of ticks, top of the axis): four or five round steps that hold `most`."""
    step = 1
    while step * 5 < most:
        step = {1: 2, 2: 5, 5: 10}[int(str(step)[0])] * 10 ** (len(str(step)) - 1)
    return step, max(step, -(-most // step) * step)


@dataclass(frozen=True, slots=True, kw_only=True)
class Dot:
    y: float
    label: str
    x: float
    low: float | None
    high: float | None
    control: float | None
    is_found: bool
    title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class HitPicture:
    """Share that went on, with its interval, beside that of comparable minutes; one line per kind and horizon."""

    height: float
    dots: list[Dot]
    x_ticks: list[Tick]
    width: float = 720.0
    left: float = 150.0
    right: float = 700.0
    bottom: float = 0.0


LINE_PX: Final = 24.0


def hit_picture(rows: Sequence[OutcomeRow]) -> HitPicture | None:
    """None when there is nothing to draw."""
    drawn = [row for row in rows if row.direction is None and row.hit is not None]
    if not drawn:
        return None
    bottom = 10 + LINE_PX * len(drawn)
    picture = HitPicture(
        height=bottom + 52,
        bottom=bottom,
        dots=[],
        x_ticks=[Tick(at=_along(share / 100), text=f"{share} %") for share in range(0, 101, 25)],
    )
    for number, row in enumerate(drawn):
        hit, low, high = row.hit or 0.0, row.hit_low, row.hit_high
        interval = "" if low is None or high is None else f" ({share_text(low)} … {share_text(high)})"
        label = f"{row.kind}, {horizon_name(row.horizon_min)}"
        title = f"{label}: {share_text(hit)} of {row.moments} moments went on{interval}"
        picture.dots.append(
            Dot(
                y=10 + LINE_PX * (number + 0.5),
                label=label,
                x=_along(hit),
                low=None if low is None else _along(low),
                high=None if high is None else _along(high),
                control=None if row.control_hit is None else _along(row.control_hit),
                is_found=row.verdict == "more_than_chance",
                title=f"{title}; after comparable minutes {share_text(row.control_hit)}",
            )
        )
    return picture


def _along(share: float) -> float:
    return round(150.0 + share * 550.0, 2)
