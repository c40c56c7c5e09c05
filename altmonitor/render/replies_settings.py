"""Answers about one destination's own settings."""

from __future__ import annotations

from typing import assert_never
from zoneinfo import ZoneInfo

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
    PlaceReply,
    PresetsShown,
    QuietShown,
    RouteEnded,
    RouteRefused,
    RouteShown,
    SamplesSent,
    SymbolNumbersShown,
    TooManyConditions,
    Undone,
    UndoRefused,
    ZoneShown,
    ZoneUnknown,
)
from altmonitor.render import format as n
from altmonitor.render.blocks import kinds_text, outside_text, sound_text, usage_line, words
from altmonitor.render.differences import difference_lines
from altmonitor.render.style import Style
from altmonitor.render.texts.reply_texts import say_reply
from altmonitor.render.tuning import accepted_lines, budget_lines, preset_lines, proposal_lines, symbol_lines
from altmonitor.settings.audience import Audience, QuietHours
from altmonitor.settings.changes import RecordedChange
from altmonitor.settings.conditions import Condition, FundingCrosses, PriceCrosses, PriceMoves


def place_lines(reply: PlaceReply, style: Style) -> list[str]:
    lang = style.lang
    match reply:
        case ConfirmAsked():
            asked = say_reply(lang, "confirm_asked", action=n.escape(reply.action))
            hint = say_reply(lang, "confirm_hint", action=n.escape(reply.action))
            return [asked, *difference_lines(reply.losses, style), hint]
        case Changed():
            changed = [one for one in reply.differences if one.old != one.new]
            lines = [f"✅ {line}" for line in difference_lines(changed or reply.differences, style)]
            return [*lines, *([say_reply(lang, "from_environment")] if reply.is_reset else [])]
        case SymbolNumbersShown():
            return symbol_lines(reply, style)
        case PresetsShown():
            return preset_lines(reply, style)
        case BudgetShown():
            return budget_lines(reply, style)
        case BudgetProposed():
            return proposal_lines(reply.proposal, style)
        case BudgetAccepted():
            return accepted_lines(reply.proposal, style)
        case BudgetUnknown():
            has, needs = (n.exact(round(days, 1)) for days in (reply.missing.has_days, reply.missing.needs_days))
            return [say_reply(lang, "budget_unknown", has=has, needs=needs)]
        case QuietShown() | LanguageShown() | ZoneShown() | ZoneUnknown():
            return _manner(reply, style)
        case RouteShown():
            return _route(reply, style)
        case RouteEnded():
            return [say_reply(lang, "route_ended")]
        case RouteRefused():
            return [say_reply(lang, reply.reason.value)]
        case SamplesSent():
            key = "samples_sent" if reply.kinds else "samples_none"
            return [say_reply(lang, key, kinds=kinds_text(reply.kinds, style))]
        case ChangesShown() | Undone() | UndoRefused() | NothingToUndo():
            return _changes(reply, style)
        case ConditionsShown() | ConditionAdded() | ConditionsDeleted() | ConditionUnknown() | TooManyConditions():
            return _conditions(reply, style)
        case _:
            assert_never(reply)


# --- quiet hours, language, zone, route ------------------------------------------------------------------------------


def _manner(reply: QuietShown | LanguageShown | ZoneShown | ZoneUnknown, style: Style) -> list[str]:
    lang = style.lang
    match reply:
        case QuietShown():
            return [_quiet(reply.quiet, style)]
        case LanguageShown():
            return [say_reply(lang, "lang_now", name=say_reply(lang, f"lang_{reply.lang}"))]
        case ZoneShown():
            time = n.when(reply.now_s * 1000, ZoneInfo(reply.tz))
            return [say_reply(lang, "tz_now", zone=n.escape(reply.tz), time=time)]
        case ZoneUnknown():
            near = say_reply(lang, "did_you_mean", suggestions=words(reply.suggestions)) if reply.suggestions else ""
            return [
                say_reply(lang, "tz_unknown", word=words([reply.word])),
                *([near] if near else []),
                usage_line("tz", style),
            ]


def _quiet(quiet: QuietHours | None, style: Style) -> str:
    if quiet is None:
        return say_reply(style.lang, "quiet_none")
    return say_reply(style.lang, "quiet_some", span=quiet, zone=n.escape(str(style.tz)))


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
    place = say_reply(style.lang, key, place=f"<code>{audience.destination}</code>")
    kinds, sound = kinds_text(audience.kinds, style), sound_text(audience.is_silent, style)
    return say_reply(style.lang, "route_row", place=place, kinds=kinds, sound=sound)


# --- the record of changes -------------------------------------------------------------------------------------------


def _changes(reply: ChangesShown | Undone | UndoRefused | NothingToUndo, style: Style) -> list[str]:
    lang = style.lang
    match reply:
        case NothingToUndo():
            return [say_reply(lang, "undo_nothing")]
        case Undone() | UndoRefused():
            row = _change_row(reply.change, reply.now_s, style)
            key = "undone" if isinstance(reply, Undone) else "undo_refused"
            return [say_reply(lang, key, row=row), *difference_lines(reply.differences, style)]
        case ChangesShown():
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


def _conditions(
    reply: ConditionsShown | ConditionAdded | ConditionsDeleted | ConditionUnknown | TooManyConditions, style: Style
) -> list[str]:
    lang = style.lang
    match reply:
        case ConditionsShown():
            if not reply.conditions:
                return [say_reply(lang, "conditions_none")]
            rows = [
                say_reply(
                    lang, "condition_row", id=c.id, what=condition_text(c, style), owner=outside_text(c.owner_name)
                )
                for c in reply.conditions
            ]
            return [say_reply(lang, "conditions", count=len(rows)), *rows, say_reply(lang, "conditions_hint")]
        case ConditionAdded():
            what = condition_text(reply.condition, style)
            added = say_reply(lang, "condition_added", id=reply.condition.id, what=what)
            return [added, say_reply(lang, "condition_crossing")]
        case ConditionsDeleted():
            return [
                say_reply(lang, "condition_deleted", id=c.id, what=condition_text(c, style)) for c in reply.conditions
            ]
        case ConditionUnknown():
            return [say_reply(lang, "condition_unknown", id=reply.id)]
        case TooManyConditions():
            return [say_reply(lang, "conditions_many", limit=reply.limit)]


def condition_text(condition: Condition, style: Style) -> str:
    """`BTCUSDT price ≥ 70,000`."""
    symbol = n.symbol_text(condition.symbol)
    match condition.predicate:
        case PriceCrosses(side=side, level=level):
            return say_reply(style.lang, f"when_price_{side}", symbol=symbol, level=n.price(level))
        case FundingCrosses(side=side, rate=rate):
            return say_reply(style.lang, f"when_funding_{side}", symbol=symbol, level=n.pct(rate * 100, 4))
        case PriceMoves(window=window, pct=pct):
            shown = say_reply(style.lang, f"top_{window}")
            return say_reply(style.lang, "when_move", symbol=symbol, level=f"{n.exact(pct)} %", window=shown)
