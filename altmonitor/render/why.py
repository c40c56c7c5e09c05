"""`/why`: rule by rule, what was measured against what, and what came of it."""

from __future__ import annotations

from altmonitor.detectors.verdict import Explanation, RuleCheck, Verdict
from altmonitor.render import format as n
from altmonitor.render.blocks import joined
from altmonitor.render.style import Style
from altmonitor.render.texts.reply_texts import REPLY_TEXTS, say_reply
from altmonitor.render.told import told_text

_ENDING = frozenset({Verdict.COOLING_DOWN, Verdict.MUTED})
"""Verdicts that would be others after a moment that is known."""


def explanation_lines(explanation: Explanation, now_s: float, style: Style) -> list[str]:
    lang = style.lang
    time = n.when(explanation.at_ms, style.tz, reference_ms=now_s * 1000)
    key = "why_now" if explanation.is_now else "why_then"
    lines = [say_reply(lang, key, symbol=n.symbol_text(explanation.symbol), time=time)]
    if explanation.told:
        lines.append(say_reply(lang, "why_told"))
        lines += [f"   {told_text(one, now_s, style)}" for one in explanation.told]
    elif explanation.checks:
        lines.append(say_reply(lang, "why_not_told_now" if explanation.is_now else "why_not_told"))
    for check in explanation.checks:
        lines += _check_lines(check, now_s, style)
    if explanation.checks:
        return lines
    lines.append(say_reply(lang, "why_nothing"))
    if explanation.known_from_ms is not None:
        since = n.when(explanation.known_from_ms, style.tz, reference_ms=now_s * 1000)
        lines.append(say_reply(lang, "why_known_from", time=since))
    return lines


def _check_lines(check: RuleCheck, now_s: float, style: Style) -> list[str]:
    lang = style.lang
    until = ""
    if check.until_ms is not None and check.verdict in _ENDING:
        until = say_reply(lang, "why_until", time=n.when(check.until_ms, style.tz, reference_ms=now_s * 1000))
    floor = ""
    if check.floor_usd is not None:
        measured, least = n.usd(check.measured_usd), n.usd(check.floor_usd)
        floor = say_reply(lang, "why_floor", measured=measured, floor=least)
    head = joined(f"<b>{say_reply(lang, f'rule_{check.rule}')}</b>", _measured(check, style))
    verdict = joined(" ".join(text for text in (verdict_text(check.verdict, style), until) if text), floor)
    facts = joined(_window(check, now_s, style), _sample(check, style))
    return [head, f"   {verdict}", *([f"   {facts}"] if facts else [])]


def verdict_text(verdict: Verdict, style: Style) -> str:
    """A verdict without a text of its own is shown as it is called."""
    key = f"verdict_{verdict.name.lower()}"
    return say_reply(style.lang, key) if key in REPLY_TEXTS[style.lang] else n.escape(verdict.value)


def _measured(check: RuleCheck, style: Style) -> str:
    if check.threshold is None:
        return "" if check.value is None else _number(check, check.value)
    value, threshold = n.NA, _bound(check, check.threshold)
    if check.value is not None:
        value = _number(check, check.value)
    return say_reply(style.lang, "why_against", value=value, threshold=threshold)


def _number(check: RuleCheck, value: float) -> str:
    return n.multiple(value) if check.kind == "vol" else n.pct(value)


def _bound(check: RuleCheck, value: float) -> str:
    """As it is set, no digit lost."""
    return f"{n.exact(value)}×" if check.kind == "vol" else f"{n.exact(value)} %"


def _window(check: RuleCheck, now_s: float, style: Style) -> str:
    if check.from_ms is None or check.to_ms is None:
        return ""
    return say_reply(style.lang, "why_window", period=n.period(check.from_ms, check.to_ms, style.tz, is_dated=False))


def _sample(check: RuleCheck, style: Style) -> str:
    if check.sample_age_s is None:
        return ""
    return say_reply(style.lang, "why_sample", age=n.age(check.sample_age_s, style.lang))
