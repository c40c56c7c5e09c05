"""Presets, budget and the thresholds of single symbols, as text."""

from __future__ import annotations

from collections.abc import Mapping

from altmonitor.commands.replies_settings import BudgetShown, PresetsShown, SymbolNumbersShown
from altmonitor.render import format as n
from altmonitor.render.blocks import joined, setting_value
from altmonitor.render.style import Style
from altmonitor.render.texts.reply_texts import say_reply
from altmonitor.settings.presets import PRESETS
from altmonitor.settings.proposals import BudgetProposal, BudgetRow
from altmonitor.settings.settings import SETTING_OF

ROWS_MAX = 100


def symbol_lines(reply: SymbolNumbersShown, style: Style) -> list[str]:
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


def preset_lines(reply: PresetsShown, style: Style) -> list[str]:
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


def budget_lines(reply: BudgetShown, style: Style) -> list[str]:
    lang = style.lang
    state = say_reply(lang, "budget_some", count=reply.per_day) if reply.per_day else say_reply(lang, "budget_none")
    numbers = [_numbers(reply.numbers, style)] if reply.numbers else []
    return [state, *numbers, say_reply(lang, "budget_hint")]


def proposal_lines(proposal: BudgetProposal, style: Style) -> list[str]:
    days = n.exact(round(proposal.history_days, 1))
    title = say_reply(style.lang, "budget_proposed", count=proposal.per_day, days=days)
    return [title, *_rows(proposal, style), say_reply(style.lang, "budget_past")]


def accepted_lines(proposal: BudgetProposal, style: Style) -> list[str]:
    return [say_reply(style.lang, "budget_accepted", count=proposal.per_day), *_rows(proposal, style)]


def _rows(proposal: BudgetProposal, style: Style) -> list[str]:
    lines: list[str] = []
    for row in proposal.rows:
        lines += _kind_lines(row, style)
    counted = [row for row in proposal.rows if row.before_per_day is not None and row.after_per_day is not None]
    before = sum(row.before_per_day or 0.0 for row in counted)
    after = sum(row.after_per_day or 0.0 for row in counted)
    return [*lines, say_reply(style.lang, "budget_total", before=_rate(before), after=_rate(after))]


def _kind_lines(row: BudgetRow, style: Style) -> list[str]:
    kind = say_reply(style.lang, f"kind_{row.kind}")
    if row.before_per_day is None or row.after_per_day is None:
        return [say_reply(style.lang, "budget_kind_unknown", kind=kind)]
    counts = {"before": _rate(row.before_per_day), "after": _rate(row.after_per_day)}
    lines = [say_reply(style.lang, "budget_kind", kind=kind, **counts)]
    for threshold in row.thresholds:
        setting = SETTING_OF[threshold.key]
        old, new = (setting_value(setting, value, style) for value in (threshold.before, threshold.after))
        name = say_reply(style.lang, threshold.key)
        key = "override" if old != new else "unchanged_row"
        lines.append(f"   {say_reply(style.lang, key, setting=name, old=old, new=new)}")
    return lines


def _switched_on(name: str) -> dict[str, float | int]:
    return {key: value for key, value in PRESETS[name].items() if value}


def _rate(per_day: float) -> str:
    """Few are told with a decimal, many without: the next day is another anyway."""
    return n.exact(round(per_day, 1) if per_day < 10 else round(per_day))


def _numbers(numbers: Mapping[str, float | int], style: Style) -> str:
    return joined(
        *(
            f"{say_reply(style.lang, key)} <b>{setting_value(SETTING_OF[key], value, style)}</b>"
            for key, value in numbers.items()
        )
    )
