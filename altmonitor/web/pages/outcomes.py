"""What followed alerts, as the page of counts shows it: by kind and direction, with why a number is missing."""

from __future__ import annotations

from dataclasses import dataclass

from altmonitor.core.outcome import HORIZONS_MIN, LINE_HORIZON_MIN, OutcomeRow
from altmonitor.detectors.kinds import KINDS, UPWARDS
from altmonitor.operations.context import OperationContext
from altmonitor.operations.hindsight import OutcomeArguments, OutcomesAnswer, get_outcomes
from altmonitor.render import format as n
from altmonitor.render.alert_parts import DASH, dashed
from altmonitor.render.format import Style
from altmonitor.render.outcomes import SHOWN_FROM
from altmonitor.render.texts.page_texts import say_page
from altmonitor.render.texts.reply_texts import say_reply
from altmonitor.web.pages.tables import Heading, heading

_COLUMNS = (
    ("kind", "mean_outcome_kind"),
    ("col_outcome_alerts", "mean_outcome_alerts"),
    ("col_outcome_moments", "mean_outcome_moments"),
    ("col_outcome_median", "mean_outcome_median"),
    ("col_outcome_mean", "mean_outcome_mean"),
    ("col_outcome_hit", "mean_outcome_hit"),
    ("col_outcome_control", "mean_outcome_control"),
    ("col_outcome_said", "mean_outcome_said"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomeLineShown:
    """name: of the kind or, below it, of one of its directions. cells: numbers, in the order of the heads.

    said: how it compares with chance, and why numbers are missing. title: sample, horizon, unit, since when.
    """

    name: str
    is_whole: bool
    cells: tuple[str, ...]
    said: str
    title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomesView:
    """forward: of alerts raised under the settings in force now, where that differs from all of them.

    notes: plain sentences. how_html: what is counted, as the chat says it. horizons: minutes, text.
    """

    title: str
    horizon_min: int
    horizons: list[tuple[int, str]]
    heads: list[Heading]
    lines: list[OutcomeLineShown]
    forward: list[OutcomeLineShown]
    forward_title: str
    notes: list[str]
    how_html: str


def horizon_of(given: str) -> int:
    """Minutes; what is not one of the horizons is the usual one."""
    return next((minutes for minutes in HORIZONS_MIN if str(minutes) == given), LINE_HORIZON_MIN)


async def outcomes_view(context: OperationContext, horizon_min: int, style: Style) -> OutcomesView:
    """horizon_min: one of `HORIZONS_MIN`. Raises: OperationError without a history, StorageError."""
    found, lang = await get_outcomes(context, OutcomeArguments(horizon_min=horizon_min)), style.lang
    after = n.duration(horizon_min * 60, lang)
    rows = _ordered(found)
    notes = []
    if not rows:
        every = ", ".join(n.duration(minutes * 60, lang) for minutes in HORIZONS_MIN)
        notes.append(say_page(lang, "outcomes_empty", times=every))
    if found.pending:
        notes.append(say_reply(lang, "outcomes_waiting", count=found.pending))
    if found.earlier:
        notes.append(say_reply(lang, "outcomes_earlier", count=found.earlier))
    counts = {row.kind: row.alerts for row in found.kinds}
    forward = [row for row in found.forward if row.alerts]
    is_other = any(counts.get(row.kind) != row.alerts for row in forward)
    return OutcomesView(
        title=say_page(lang, "outcomes_title", after=after),
        horizon_min=horizon_min,
        horizons=[(minutes, n.duration(minutes * 60, lang)) for minutes in HORIZONS_MIN],
        heads=[heading(name, mean, lang) for name, mean in _COLUMNS],
        lines=[_line(row, found.since_ms, style) for row in rows],
        forward=[_line(row, found.since_ms, style) for row in forward] if is_other else [],
        forward_title=say_reply(lang, "outcomes_forward"),
        notes=notes,
        how_html=say_reply(lang, "outcomes_how", fee=f"{found.fee_pct:g}"),
    )


def _ordered(found: OutcomesAnswer) -> list[OutcomeRow]:
    """Kind after kind: the whole of it, then its directions; also where nothing of it is known yet."""
    rows = (*found.kinds, *found.directions)
    return [row for kind in KINDS for row in rows if row.kind == kind]


def _line(row: OutcomeRow, since_ms: int | None, style: Style) -> OutcomeLineShown:
    lang, is_shown = style.lang, row.moments >= SHOWN_FROM
    interval = (
        "" if row.hit_low is None or row.hit_high is None else f" ({row.hit_low * 100:.0f}–{row.hit_high * 100:.0f} %)"
    )
    numbers = (dashed(n.pct(row.median_pct)), dashed(n.pct(row.mean_pct)), dashed(n.share(row.hit)) + interval)
    return OutcomeLineShown(
        name=_name(row, style),
        is_whole=row.direction is None,
        cells=(
            str(row.alerts),
            str(row.moments),
            *(numbers if is_shown else (DASH,) * len(numbers)),
            dashed(n.share(row.control_hit)) if is_shown else DASH,
        ),
        said=" · ".join(_said(row, lang)),
        title=say_page(
            lang,
            "outcome_sample",
            alerts=row.alerts,
            moments=row.moments,
            after=n.duration(row.horizon_min * 60, lang),
            since=DASH if since_ms is None else n.date_and_time(since_ms, style.tz),
        ),
    )


def _name(row: OutcomeRow, style: Style) -> str:
    if row.direction is None:
        return say_reply(style.lang, f"kind_{row.kind}")
    arrow = "↑" if row.direction in UPWARDS else "↓"  # some kinds have one headline for both
    return f"{arrow} {n.without_markup(style.say(KINDS[row.kind].headline_key(row.direction)))}"


def _said(row: OutcomeRow, lang: str) -> list[str]:
    found = []
    if row.verdict is None:
        found.append(say_page(lang, "outcome_described"))
    elif row.verdict == "more_than_chance":
        found.append(n.without_markup(say_reply(lang, "outcomes_more")))
    else:
        found.append(say_reply(lang, f"outcomes_chance_{row.verdict}"))
    if row.moments < SHOWN_FROM:
        found.append(say_page(lang, "outcome_few", needed=SHOWN_FROM))
    else:
        if row.hit_low is None:
            found.append(say_page(lang, "outcome_no_interval"))
        if row.control_hit is None:
            found.append(say_page(lang, "outcome_no_control"))
    if row.unknown:
        found.append(say_page(lang, "outcome_unknown", count=row.unknown))
    return found
