"""Other thresholds over days that are known: a slider for each, and what they would have told. Nothing is changed."""

from __future__ import annotations

import html
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from altmonitor.commands.replies_settings import BudgetUnknown
from altmonitor.detectors.kinds import BUDGETS
from altmonitor.operations.hindsight import tried
from altmonitor.render import format as n
from altmonitor.render.blocks import adaptive_lines, reply_lines, setting_value
from altmonitor.render.replies_budget import alert_rate, counted_alone, move_text, too_small
from altmonitor.render.texts.reply_texts import say_reply
from altmonitor.settings.input import NotRead, read_setting
from altmonitor.settings.presets import NotEnoughHistory, Trial, TrialRow
from altmonitor.settings.settings import SETTING_OF, SETTINGS, Numbers, Setting, Settings, Unit
from altmonitor.web.pages.rendering import choice, one
from altmonitor.web.pages.tables import heading
from altmonitor.web.pages.visit import View, Visit

DAY_S: Final = 86_400
LAST_S: Final[Mapping[str, int | None]] = {
    "1d": DAY_S,
    "3d": 3 * DAY_S,
    "7d": 7 * DAY_S,
    "30d": 30 * DAY_S,
    "all": None,
}
"""Word of the address → so far back."""
USUAL_LAST: Final = "7d"
KNOWN_SHARE: Final = 0.9
FIRST: Final = (
    *("pump_threshold", "dump_threshold", "move_5m_pct", "move_15m_pct", "vol_burst_mult"),
    *("oi_surge_1m", "oi_surge_5m", "cooldown_sec"),
)
"""Keys of what is always in sight, in this order; the others fold away."""
_COLUMNS: Final = (
    ("kind", "mean_try_kind"),
    ("col_try_now", "mean_try_now"),
    ("col_try_then", "mean_try_then"),
    ("col_try_peak", "mean_try_peak"),
    ("col_try_lost", "mean_try_lost"),
    ("col_try_new", "mean_try_new"),
)

SCALES: Final[Mapping[str, tuple[float, float]]] = {
    "pump_threshold": (BUDGETS["price"].smallest, 15),
    "dump_threshold": (BUDGETS["price"].smallest, 15),
    "vol_burst_mult": (BUDGETS["vol"].smallest, 200),
    "oi_surge_1m": (BUDGETS["oi"].smallest, 20),
    "oi_surge_5m": (BUDGETS["oi"].smallest, 40),
    "move_5m_pct": (1.8, 20),
    "move_15m_pct": (3.1, 30),
    "funding_extreme_pct": (BUDGETS["funding"].smallest, 2),
    "liquidations_usd": (BUDGETS["liq"].smallest, 50e6),
    "basis_extreme_pct": (BUDGETS["basis"].smallest, 5),
    "cooldown_sec": (10, 7_200),
    "min_24h_usdt": (100_000, 1e9),
    "oi_min_usd": (100_000, 1e9),
    "vol_burst_min_usdt": (1_000, 10e6),
}
"""What a slider reaches over, from the smallest that every tape holds; the field beside it takes more."""
LEAST_IS_OFF: Final = frozenset({"cooldown_sec", "min_24h_usdt", "oi_min_usd", "vol_burst_min_usdt"})
"""0 lets the most through, so it is at the left of the slider. A threshold of 0 is off and stands at its right: further
to the right is quieter everywhere."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialField:
    """value: what is tried, as it is typed; in_force: the same of what is in force, now: in words. low, high, step: of
    the field. slider_low, slider_high: of the slider, without 0. zero: at which of its ends 0 stands, `left`, `right`,
    or '' where it is out of range."""

    key: str
    name: str
    unit: str
    value: str
    in_force: str
    now: str
    is_moved: bool
    low: str
    high: str
    step: str
    slider_low: float
    slider_high: float
    zero: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialLine:
    """One kind, or all of them together. Moves and the loudest hour are '–' where there are none."""

    name: str
    now: str
    then: str
    peak: str
    lost: str
    new: str
    title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CountedTrial:
    """total, peak: in a sentence, peak '' without any alert. lines: the kinds. notes: plain sentences about what was
    counted. problem: why there is nothing to see, plain."""

    total: str = ""
    peak: str = ""
    lines: tuple[TrialLine, ...] = ()
    notes: tuple[str, ...] = ()
    problem: str = ""


async def trial(visit: Visit) -> View:
    """Raises: AltmonitorError."""
    title, lang = visit.t("page_try"), visit.style.lang
    if visit.context.monitor is None:
        return View(
            template="guidance.html",
            page="try",
            title=title,
            values={"heading": visit.t("try_stored"), "text": visit.t("try_stored_help")},
        )
    store = await visit.context.settings()
    settings = store.audience_at(store.home.main).settings
    values, refused = values_of(visit.query)
    now = {setting.key: setting.of(settings) for setting in SETTINGS}
    moved = {key: value for key, value in values.items() if value != now[key]}
    last = choice(visit.query, "last", LAST_S, USUAL_LAST)
    found = await tried(visit.context, moved, LAST_S[last])
    shown = _shown(found.trial, LAST_S[last], visit, is_moved=bool(moved))
    notes = [visit.t("try_refused", names=", ".join(_name(one, lang) for one in refused))] if refused else []
    fields = {one.key: _field(one, moved.get(one.key, now[one.key]), now[one.key], visit) for one in SETTINGS}
    others = [field for key, field in fields.items() if key not in FIRST]
    view = {
        "first": [fields[key] for key in FIRST],
        "others": others,
        "is_open": any(field.is_moved for field in others),
        "off": say_reply(lang, "off"),
        "heads": [heading(name, mean, lang) for name, mean in _COLUMNS],
        "last": last,
        "lasts": [(word, visit.t("try_all") if s is None else n.duration(s, lang)) for word, s in LAST_S.items()],
        "trial": shown,
        "applied": json.dumps(moved) if moved else "",
        "commands": commands_of(moved, found.then.settings),
        "refused": notes,
        "adaptive_html": adaptive_lines(settings, visit.style),
        "csrf": visit.csrf,
    }
    return View(template="try.html", page="try", title=title, values=view)


def values_of(query: Mapping[str, str]) -> tuple[dict[str, float | int], list[Setting]]:
    """Key of `SETTINGS` → value as the address names it, and the settings whose value could not be read."""
    values: dict[str, float | int] = {}
    refused = []
    for setting in SETTINGS:
        word = one(query, setting.key)
        if not word:
            continue
        value = read_setting(word, setting)
        if isinstance(value, NotRead):
            refused.append(setting)
        else:
            values[setting.key] = value
    return values, refused


def _field(setting: Setting, value: float, now: float, visit: Visit) -> TrialField:
    style = visit.style
    low, high = SCALES[setting.key]
    sizes = [size for size in (abs(value), abs(now)) if size]
    return TrialField(
        key=setting.key,
        name=_name(setting, style.lang),
        unit={Unit.PERCENT: "%", Unit.MULTIPLE: "×", Unit.SECONDS: "s", Unit.USD: "USD"}[setting.unit],
        value=n.exact(abs(value)),
        in_force=n.exact(abs(now)),
        now=visit.t("try_in_force", value=setting_value(setting, abs(now), style)),
        is_moved=value != now,
        low="0" if setting.has_off else n.exact(setting.low),
        high=n.exact(setting.high),
        step="1" if setting.is_whole else "any",
        slider_low=min(low, *sizes) if sizes else low,
        slider_high=max(high, *sizes) if sizes else high,
        zero="left" if setting.key in LEAST_IS_OFF else "right" if setting.has_off else "",
    )


def _name(setting: Setting, lang: str) -> str:
    return n.capital(say_reply(lang, setting.key))


def _shown(trial: Trial | NotEnoughHistory, last_s: int | None, visit: Visit, *, is_moved: bool) -> CountedTrial:
    style, t = visit.style, visit.t
    if isinstance(trial, NotEnoughHistory):
        lines = reply_lines(BudgetUnknown(missing=trial), style)
        return CountedTrial(problem=_plain(" ".join(lines)))
    now, then = (sum(getattr(row, name) / row.days for row in trial.rows) for name in ("now", "then"))
    from_time, to_time = (n.clock_minute(ms, style.tz, is_dated=True) for ms in (trial.from_ms, trial.to_ms))
    zone = n.zone(datetime.fromtimestamp(trial.to_ms / 1000, style.tz))
    notes = [t("try_over", from_time=from_time, to_time=f"{to_time} {zone}")]
    days = max((row.days for row in trial.rows), default=0.0)
    if last_s is not None and days * DAY_S < last_s * KNOWN_SHARE:
        known = n.exact(round(days, 1))
        notes.append(say_reply(style.lang, "try_short", asked=n.duration(last_s, style.lang), days=known))
    venues = tuple(visit.context.running().venues)
    notes += [_plain(line) for line in too_small(trial, style)]
    notes += [_plain(line) for line in counted_alone(venues if len(venues) > 1 else (), style)]
    return CountedTrial(
        total=t("try_total_moved", now=alert_rate(now), then=alert_rate(then))
        if is_moved
        else t("try_total_now", now=alert_rate(now)),
        peak="" if trial.peak_ms is None else t("try_loudest", hour=_hour(trial.peak, trial.peak_ms, visit)),
        lines=tuple(_line(row, visit) for row in trial.rows),
        notes=tuple(notes),
    )


def _line(row: TrialRow, visit: Visit) -> TrialLine:
    style = visit.style

    def moves(which: str) -> str:
        named = [move_text(row.kind, move, style) for move in getattr(row, which)]
        return _plain(style.say("list").join(named)) or "–"

    return TrialLine(
        name=say_reply(style.lang, f"kind_{row.kind}"),
        now=alert_rate(row.now / row.days),
        then=alert_rate(row.then / row.days),
        peak="–" if row.peak_ms is None else _hour(row.peak, row.peak_ms, visit),
        lost=moves("lost"),
        new=moves("new"),
        title=visit.t("try_sample", now=row.now, then=row.then, days=n.exact(round(row.days, 1))),
    )


def _hour(count: int, begin_ms: int, visit: Visit) -> str:
    return visit.t("try_hour", count=count, time=n.clock_minute(begin_ms, visit.style.tz, is_dated=True))


def commands_of(moved: Numbers, then: Settings) -> list[str]:
    """What sets them in the chat. A command that takes values one behind the other is given those before it too."""
    lines = []
    for command in dict.fromkeys(SETTING_OF[key].command for key in moved):
        settings = [setting for setting in SETTINGS if setting.command == command]
        if settings[0].is_named:
            words = [f"{one.word} {_typed(one, moved[one.key])}" for one in settings if one.key in moved]
        else:
            last = max(at for at, setting in enumerate(settings) if setting.key in moved)
            words = [_typed(setting, setting.of(then)) for setting in settings[: last + 1]]
        lines.append(f"/{command} {' '.join(words)}")
    return lines


def _typed(setting: Setting, value: float) -> str:
    return "off" if value == 0 and setting.has_off else n.exact(abs(value))


def _plain(text: str) -> str:
    """Of a line of the chat; templates escape it again."""
    return html.unescape(n.without_markup(text))
