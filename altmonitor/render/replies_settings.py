"""Answers about one destination's own settings."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from altmonitor.commands.replies_settings import (
    BudgetAccepted,
    BudgetProposed,
    BudgetShown,
    BudgetUnknown,
    Changed,
    ChangesShown,
    ConditionAdded,
    ConditionsDeleted,
    ConditionsShown,
    ConditionUnknown,
    ConfirmAsked,
    LanguageShown,
    NothingToUndo,
    OutcomeLineChosen,
    PresetsShown,
    QuietShown,
    RouteEnded,
    RouteRefused,
    RouteShown,
    SamplesSent,
    SymbolNumbersShown,
    TooManyConditions,
    TrialShown,
    Undone,
    UndoRefused,
    ZoneShown,
    ZoneUnknown,
)
from altmonitor.core.alert import Kind
from altmonitor.core.types import VENUE_TITLES, Venue
from altmonitor.render import format as n
from altmonitor.render.blocks import (
    difference_lines,
    joined,
    kinds_text,
    outside_text,
    reply_lines,
    setting_change,
    setting_text,
    sound_text,
    usage_line,
    words,
)
from altmonitor.render.format import Style
from altmonitor.render.kinds import number
from altmonitor.render.texts.reply_texts import say_reply
from altmonitor.settings.audience import Audience
from altmonitor.settings.changes import RecordedChange, sound_of
from altmonitor.settings.conditions import (
    METRIC_SIGNS,
    Condition,
    FundingCrosses,
    MetricCrosses,
    PriceCrosses,
    PriceMoves,
)
from altmonitor.settings.presets import PRESETS, BudgetProposal, BudgetRow, TrialMove
from altmonitor.settings.settings import SETTING_OF
from altmonitor.settings.zones import zone_of, zone_text

# ---
# Presets, budget and the thresholds of single symbols, as text.


ROWS_MAX = 100
KNOWN_SHARE = 0.9
"""Of what was asked for; with less it is said how much is known."""


@reply_lines.register
def _symbol_numbers(reply: SymbolNumbersShown, style: Style) -> list[str]:
    lang = style.lang
    if not reply.rows:
        if reply.symbol:
            return [say_reply(lang, "set_none_of", symbol=n.symbol_text(reply.symbol)), say_reply(lang, "set_hint")]
        return [say_reply(lang, "set_none"), say_reply(lang, "set_hint")]
    rows = [
        f"<code>{n.symbol_text(symbol)}</code> {_numbers(numbers, style)}"
        for symbol, numbers in list(reply.rows.items())[:ROWS_MAX]
    ]
    if len(reply.rows) > ROWS_MAX:
        rows.append(say_reply(lang, "and_more", count=len(reply.rows) - ROWS_MAX))
    return [say_reply(lang, "set_list", count=len(reply.rows)), *rows, say_reply(lang, "set_hint")]


@reply_lines.register
def _presets(reply: PresetsShown, style: Style) -> list[str]:
    lang = style.lang
    rows = [
        say_reply(
            lang, "preset_row", name=say_reply(lang, f"preset_{name}"), values=_numbers(_switched_on(name), style)
        )
        for name in PRESETS
    ]
    if not reply.current:
        return [say_reply(lang, "presets"), *rows, say_reply(lang, "preset_none")]
    now = say_reply(lang, "preset_current", name=say_reply(lang, f"preset_{reply.current}"))
    return [say_reply(lang, "presets"), *rows, now]


@reply_lines.register
def _budget(reply: BudgetShown, style: Style) -> list[str]:
    lang = style.lang
    key = "budget_none" if not reply.per_day else "budget_was" if reply.is_over else "budget_some"
    state = say_reply(lang, key, count=reply.per_day)
    numbers = [_numbers(reply.numbers, style)] if reply.numbers else []
    return [state, *numbers, say_reply(lang, "budget_hint")]


@reply_lines.register
def _proposal(reply: BudgetProposed, style: Style) -> list[str]:
    proposal = reply.proposal
    days = n.exact(round(proposal.history_days, 1))
    title = say_reply(style.lang, "budget_proposed", count=proposal.per_day, days=days)
    coming = [say_reply(style.lang, "budget_day_coming")] if proposal.is_day_coming else []
    past = say_reply(style.lang, "budget_past")
    alone = _counted_alone(reply.beside, style)
    return [title, *_rows(proposal, style), *_warning(proposal, style), past, *alone, *coming]


def _counted_alone(venues: tuple[Venue, ...], style: Style) -> list[str]:
    if not venues:
        return []
    main, *others = (VENUE_TITLES[venue] for venue in venues)
    return [say_reply(style.lang, "counted_alone", main=main, others=style.say("list").join(others))]


@reply_lines.register
def _accepted(reply: BudgetAccepted, style: Style) -> list[str]:
    title = say_reply(style.lang, "budget_accepted", count=reply.proposal.per_day)
    return [title, *_rows(reply.proposal, style), *_warning(reply.proposal, style)]


def _warning(proposal: BudgetProposal, style: Style) -> list[str]:
    """A budget makes nothing more sensitive without saying so."""
    rows = proposal.more_sensitive
    names = style.say("list").join(say_reply(style.lang, row.key) for row in rows)
    return [say_reply(style.lang, "budget_more_sensitive", names=names)] if rows else []


@reply_lines.register
def _trial(reply: TrialShown, style: Style) -> list[str]:
    trial, say = reply.trial, partial(say_reply, style.lang)
    lines = [
        say(
            "try_title",
            from_time=n.clock_minute(trial.from_ms, style.tz, is_dated=True),
            to_time=n.clock_minute(trial.to_ms, style.tz, is_dated=True),
        ),
        *(f"   {setting_change(change.setting, change.old, change.new, style)}" for change in reply.changes),
    ]
    days = max((row.days for row in trial.rows), default=0.0)
    if reply.asked_s is not None and days * 86_400 < reply.asked_s * KNOWN_SHARE:
        lines.append(say("try_short", asked=n.duration(reply.asked_s, style.lang), days=n.exact(round(days, 1))))
    for row in trial.rows:
        counts = {"now": n.exact(row.now), "then": n.exact(row.then)}
        rates = {"now_rate": _rate(row.now / row.days), "then_rate": _rate(row.then / row.days)}
        lines.append(say("try_kind", kind=say(f"kind_{row.kind}"), **counts, **rates))
        if row.peak_ms is not None:
            lines.append(
                say("try_peak", count=n.exact(row.peak), time=n.clock_minute(row.peak_ms, style.tz, is_dated=True))
            )
        lines += [
            say(key, moves=style.say("list").join(_move(row.kind, move, style) for move in moves))
            for key, moves in (("try_lost", row.lost), ("try_new", row.new))
            if moves
        ]
    now, then = sum(row.now / row.days for row in trial.rows), sum(row.then / row.days for row in trial.rows)
    alone = _counted_alone(reply.beside, style)
    return [*lines, say("try_total", now=_rate(now), then=_rate(then)), *alone, say("try_hint")]


def _move(kind: Kind, move: TrialMove, style: Style) -> str:
    time = n.clock_minute(move.at_ms, style.tz, is_dated=True)
    return f"{n.symbol_text(move.symbol)} {number(kind, move.size)} {time}"


@reply_lines.register
def _no_budget(reply: BudgetUnknown, style: Style) -> list[str]:
    days = (reply.missing.has_days, reply.missing.needs_days)
    has, needs = (n.duration(one * 86_400, style.lang) for one in days)
    return [say_reply(style.lang, "budget_unknown", has=has, needs=needs)]


def _rows(proposal: BudgetProposal, style: Style) -> list[str]:
    lines: list[str] = []
    for row in proposal.rows:
        lines += _kind_lines(row, style)
    if proposal.conditions:
        rate = _rate(proposal.conditions_per_day)
        lines.append(say_reply(style.lang, "budget_conditions", count=proposal.conditions, rate=rate))
    counted = [row for row in proposal.rows if row.before_per_day is not None and row.after_per_day is not None]
    before = proposal.conditions_per_day + sum(row.before_per_day or 0.0 for row in counted)
    after = proposal.conditions_per_day + sum(row.after_per_day or 0.0 for row in counted)
    return [*lines, say_reply(style.lang, "budget_total", before=_rate(before), after=_rate(after))]


def _kind_lines(row: BudgetRow, style: Style) -> list[str]:
    kind = say_reply(style.lang, f"kind_{row.kind}")
    if row.before_per_day is None or row.after_per_day is None:
        return [say_reply(style.lang, "budget_kind_unknown", kind=kind)]
    counts = {"before": _rate(row.before_per_day), "after": _rate(row.after_per_day)}
    lines = [say_reply(style.lang, "budget_kind", kind=kind, **counts)]
    for threshold in row.thresholds:
        setting = SETTING_OF[threshold.key]
        lines.append(f"   {setting_change(setting, threshold.before, threshold.after, style)}")
    return lines


def _switched_on(name: str) -> dict[str, float | int]:
    return {key: value for key, value in PRESETS[name].items() if value}


def _rate(per_day: float) -> str:
    """Few are told with a decimal, many without: the next day is another anyway."""
    return n.exact(round(per_day, 1) if per_day < 10 else round(per_day))


def _numbers(numbers: Mapping[str, float | int], style: Style) -> str:
    return joined(*(setting_text(SETTING_OF[key], value, style) for key, value in numbers.items()))


# --- changes, and the question before them ----------------------------------------------------------------------------


@reply_lines.register
def _confirm_asked(reply: ConfirmAsked, style: Style) -> list[str]:
    asked = say_reply(style.lang, "confirm_asked", action=n.escape(reply.action))
    hint = say_reply(style.lang, "confirm_hint", action=n.escape(reply.action))
    return [asked, *difference_lines(reply.losses, style), hint]


@reply_lines.register
def _changed(reply: Changed, style: Style) -> list[str]:
    changed = [one for one in reply.differences if one.old != one.new]
    lines = [f"✅ {line}" for line in difference_lines(changed or reply.differences, style)]
    return [*lines, *([say_reply(style.lang, "from_environment")] if reply.is_reset else [])]


# --- quiet hours, language, zone, route ------------------------------------------------------------------------------


@reply_lines.register
def _quiet_hours(reply: QuietShown, style: Style) -> list[str]:
    if reply.quiet is None:
        return [say_reply(style.lang, "quiet_none")]
    return [say_reply(style.lang, "quiet_some", span=reply.quiet, zone=n.escape(zone_text(str(style.tz))))]


@reply_lines.register
def _language(reply: LanguageShown, style: Style) -> list[str]:
    return [say_reply(style.lang, "lang_now", name=say_reply(style.lang, f"lang_{reply.lang}"))]


@reply_lines.register
def _outcome_line(reply: OutcomeLineChosen, style: Style) -> list[str]:
    return [say_reply(style.lang, "outcome_line_on" if reply.is_on else "outcome_line_off")]


@reply_lines.register
def _zone(reply: ZoneShown, style: Style) -> list[str]:
    time = n.when(reply.now_s * 1000, zone_of(reply.tz))
    return [say_reply(style.lang, "tz_now", zone=n.escape(zone_text(reply.tz)), time=time)]


@reply_lines.register
def _unknown_zone(reply: ZoneUnknown, style: Style) -> list[str]:
    unknown = say_reply(style.lang, "tz_unknown", word=words([reply.word], style))
    near = (
        say_reply(style.lang, "did_you_mean", suggestions=words(reply.suggestions, style)) if reply.suggestions else ""
    )
    return [unknown, *([near] if near else []), usage_line("tz", style)]


@reply_lines.register
def _route_ended(reply: RouteEnded, style: Style) -> list[str]:
    return [say_reply(style.lang, "route_ended")]


@reply_lines.register
def _route_refused(reply: RouteRefused, style: Style) -> list[str]:
    return [say_reply(style.lang, reply.reason.value)]


@reply_lines.register
def _samples_sent(reply: SamplesSent, style: Style) -> list[str]:
    key = "samples_sent" if reply.kinds else "samples_none"
    return [say_reply(style.lang, key, kinds=kinds_text(reply.kinds, style))]


@reply_lines.register
def _route(reply: RouteShown, style: Style) -> list[str]:
    lang = style.lang
    rows = []
    for at, audience in enumerate(reply.audiences):
        row = _route_row(audience, style, is_main=at == 0)
        is_here = reply.here is not None and reply.here.destination == audience.destination
        rows.append(say_reply(lang, "route_here", row=row) if is_here else row)
    tail = [] if reply.here is not None else [say_reply(lang, "route_not_here")]
    return [say_reply(lang, "route_list"), *rows, *tail]


def _route_row(audience: Audience, style: Style, *, is_main: bool) -> str:
    key = "for_main" if is_main else "for_place"
    destination = say_reply(style.lang, key, destination=n.place(audience.destination, style))
    kinds, sound = kinds_text(audience.kinds, style), sound_text(sound_of(audience), style)
    return say_reply(style.lang, "route_row", destination=destination, kinds=kinds, sound=sound)


# --- the record of changes -------------------------------------------------------------------------------------------


@reply_lines.register
def _nothing_to_undo(reply: NothingToUndo, style: Style) -> list[str]:
    return [say_reply(style.lang, "undo_nothing")]


@reply_lines.register
def _undone(reply: Undone | UndoRefused, style: Style) -> list[str]:
    row = _change_row(reply.change, reply.now_s, style)
    key = "undone" if isinstance(reply, Undone) else "undo_refused"
    return [say_reply(style.lang, key, row=row), *difference_lines(reply.differences, style)]


@reply_lines.register
def _changes(reply: ChangesShown, style: Style) -> list[str]:
    lang = style.lang
    if not reply.rows:
        return [say_reply(lang, "changes_none")]
    lines = [say_reply(lang, "changes")]
    for change, differences in reply.rows:
        lines.append(_change_row(change, reply.now_s, style))
        lines += [f"   {line}" for line in difference_lines(differences, style)]
        if change.undone_by is not None:
            lines.append(f"   {say_reply(lang, 'change_undone')}")
    return lines


def _change_row(change: RecordedChange, now_s: float, style: Style) -> str:
    made = change.made
    return say_reply(
        style.lang,
        "change_row",
        time=n.when(made.at_ms, style.tz, reference_ms=now_s * 1000),
        who=outside_text(made.who),
        command=outside_text(made.command),
    )


# --- conditions ------------------------------------------------------------------------------------------------------


@reply_lines.register
def _conditions(reply: ConditionsShown, style: Style) -> list[str]:
    lang = style.lang
    if not reply.conditions:
        return [say_reply(lang, "conditions_none")]
    rows = [
        say_reply(lang, "condition_row", id=c.id, what=condition_text(c, style), owner=outside_text(c.owner_name))
        for c in reply.conditions
    ]
    same = [] if reply.same_id is None else [say_reply(lang, "condition_same", id=reply.same_id)]
    return [*same, say_reply(lang, "conditions", count=len(rows)), *rows, say_reply(lang, "conditions_hint")]


@reply_lines.register
def _condition_added(reply: ConditionAdded, style: Style) -> list[str]:
    what = condition_text(reply.condition, style)
    added = say_reply(style.lang, "condition_added", id=reply.condition.id, what=what)
    if reply.true_at is None:
        return [added, say_reply(style.lang, "condition_crossing")]
    now = _condition_value(reply.condition, reply.true_at)
    lines = [added, say_reply(style.lang, "condition_true", now=now)]
    if reply.opposite:
        lines.append(say_reply(style.lang, "condition_opposite", command=n.escape(reply.opposite)))
    return lines


def _condition_value(condition: Condition, value: float) -> str:
    match condition.predicate:
        case PriceCrosses():
            return n.price(value)
        case FundingCrosses():
            return n.pct(value * 100, 4)
        case PriceMoves():
            return n.unsigned_pct(value, 2)
        case MetricCrosses():
            return n.exact(value)


@reply_lines.register
def _conditions_deleted(reply: ConditionsDeleted, style: Style) -> list[str]:
    return [
        say_reply(style.lang, "condition_deleted", id=c.id, what=condition_text(c, style)) for c in reply.conditions
    ]


@reply_lines.register
def _condition_unknown(reply: ConditionUnknown, style: Style) -> list[str]:
    return [say_reply(style.lang, "condition_unknown", id=reply.id)]


@reply_lines.register
def _too_many_conditions(reply: TooManyConditions, style: Style) -> list[str]:
    return [say_reply(style.lang, "conditions_many", limit=reply.limit)]


def condition_text(condition: Condition, style: Style) -> str:
    """`BTCUSDT price ≥ 70,000`; of an exchange that was named `Bybit: BTCUSDT price ≥ 70,000`."""
    what = _condition_of_symbol(condition, style)
    return what if condition.venue is None else f"{VENUE_TITLES[condition.venue]}: {what}"


def _condition_of_symbol(condition: Condition, style: Style) -> str:
    symbol = n.symbol_text(condition.symbol)
    match condition.predicate:
        case PriceCrosses(side=side, level=level):
            return say_reply(style.lang, f"when_price_{side}", symbol=symbol, level=n.price(level))
        case FundingCrosses(side=side, rate=rate):
            return say_reply(style.lang, f"when_funding_{side}", symbol=symbol, level=n.pct(rate * 100, 4))
        case MetricCrosses(metric=metric, operator=operator, threshold=threshold):
            return f"{symbol} {metric} {METRIC_SIGNS[operator]} {n.exact(threshold)}"
        case PriceMoves(window=window, pct=pct):
            shown = say_reply(style.lang, f"top_{window}")
            return say_reply(style.lang, "when_move", symbol=symbol, level=f"{n.exact(pct)} %", window=shown)
