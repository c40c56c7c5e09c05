"""Answers about one destination's own settings."""

from __future__ import annotations

from altmonitor.commands.replies_settings import (
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
    QuietShown,
    RouteEnded,
    RouteRefused,
    RouteShown,
    SamplesSent,
    TooManyConditions,
    Undone,
    UndoRefused,
    ZoneShown,
    ZoneUnknown,
)
from altmonitor.core.types import VENUE_TITLES
from altmonitor.render import format as n
from altmonitor.render.blocks import (
    difference_lines,
    kinds_text,
    outside_text,
    reply_lines,
    sound_text,
    usage_line,
    words,
)
from altmonitor.render.format import Style
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
from altmonitor.settings.zones import zone_of, zone_text

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
