"""Presets, budget and trial of thresholds as text, and the thresholds of single symbols."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from altmonitor.commands.replies_settings import (
    BudgetAccepted,
    BudgetProposed,
    BudgetShown,
    BudgetUnknown,
    PresetsShown,
    SymbolNumbersShown,
    TrialShown,
)
from altmonitor.core.alert import Kind
from altmonitor.core.types import VENUE_TITLES, Venue
from altmonitor.render import format as n
from altmonitor.render.alert_values import number
from altmonitor.render.blocks import (
    joined,
    reply_lines,
    setting_change,
    setting_text,
)
from altmonitor.render.format import Style
from altmonitor.render.texts.reply_texts import say_reply
from altmonitor.settings.presets import PRESETS, BudgetProposal, BudgetRow, Trial, TrialMove
from altmonitor.settings.settings import SETTING_OF

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
    alone = counted_alone(reply.beside, style)
    return [title, *_rows(proposal, style), *_warning(proposal, style), past, *alone, *coming]


def counted_alone(venues: tuple[Venue, ...], style: Style) -> list[str]:
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
        rates = {"now_rate": alert_rate(row.now / row.days), "then_rate": alert_rate(row.then / row.days)}
        lines.append(say("try_kind", kind=say(f"kind_{row.kind}"), **counts, **rates))
        if row.peak_ms is not None:
            lines.append(
                say("try_peak", count=n.exact(row.peak), time=n.clock_minute(row.peak_ms, style.tz, is_dated=True))
            )
        lines += [
            say(key, moves=style.say("list").join(move_text(row.kind, move, style) for move in moves))
            for key, moves in (("try_lost", row.lost), ("try_new", row.new))
            if moves
        ]
    now, then = sum(row.now / row.days for row in trial.rows), sum(row.then / row.days for row in trial.rows)
    beside = [*too_small(trial, style), *counted_alone(reply.beside, style)]
    return [*lines, say("try_total", now=alert_rate(now), then=alert_rate(then)), *beside, say("try_hint")]


def too_small(trial: Trial, style: Style) -> list[str]:
    names = style.say("list").join(say_reply(style.lang, f"kind_{kind}") for kind in trial.too_small)
    return [say_reply(style.lang, "try_too_small", names=names)] if names else []


def move_text(kind: Kind, move: TrialMove, style: Style) -> str:
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
        rate = alert_rate(proposal.conditions_per_day)
        lines.append(say_reply(style.lang, "budget_conditions", count=proposal.conditions, rate=rate))
    counted = [row for row in proposal.rows if row.before_per_day is not None and row.after_per_day is not None]
    before = proposal.conditions_per_day + sum(row.before_per_day or 0.0 for row in counted)
    after = proposal.conditions_per_day + sum(row.after_per_day or 0.0 for row in counted)
    return [*lines, say_reply(style.lang, "budget_total", before=alert_rate(before), after=alert_rate(after))]


def _kind_lines(row: BudgetRow, style: Style) -> list[str]:
    kind = say_reply(style.lang, f"kind_{row.kind}")
    if row.before_per_day is None or row.after_per_day is None:
        return [say_reply(style.lang, "budget_kind_unknown", kind=kind)]
    counts = {"before": alert_rate(row.before_per_day), "after": alert_rate(row.after_per_day)}
    lines = [say_reply(style.lang, "budget_kind", kind=kind, **counts)]
    for threshold in row.thresholds:
        setting = SETTING_OF[threshold.key]
        lines.append(f"   {setting_change(setting, threshold.before, threshold.after, style)}")
    return lines


def _switched_on(name: str) -> dict[str, float | int]:
    return {key: value for key, value in PRESETS[name].items() if value}


def alert_rate(per_day: float) -> str:
    """Few are told with a decimal, many without: the next day is another anyway."""
    return n.exact(round(per_day, 1) if per_day < 10 else round(per_day))


def _numbers(numbers: Mapping[str, float | int], style: Style) -> str:
    return joined(*(setting_text(SETTING_OF[key], value, style) for key, value in numbers.items()))
