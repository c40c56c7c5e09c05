"""`/why`: rule by rule, what was measured against what, and what came of it."""

from __future__ import annotations

from altmonitor.commands.replies_market import (
    Explained,
)
from altmonitor.core.types import Venue
from altmonitor.detectors.kinds import KINDS
from altmonitor.detectors.verdict import Explanation, RuleCheck, Verdict
from altmonitor.render import format as n
from altmonitor.render.alert_values import number
from altmonitor.render.blocks import joined, money, reply_lines
from altmonitor.render.format import Style
from altmonitor.render.outcomes import outcome_line
from altmonitor.render.replies_market import stored_alert_text, venue_text
from altmonitor.render.texts.reply_texts import REPLY_TEXTS, say_reply
from altmonitor.settings.settings import Unit

_ENDING = frozenset({Verdict.COOLING_DOWN, Verdict.MUTED})
"""Verdicts that would be others after a moment that is known."""
_UNKNOWN = frozenset({Verdict.NOT_KEPT, Verdict.NOT_SEEN})
"""One line for all rules of which there is nothing else to say."""


def explanation_lines(explanation: Explanation, now_s: float, style: Style, *, venue: Venue | None = None) -> list[str]:
    lang = style.lang
    time = n.when(explanation.at_ms, style.tz, reference_ms=now_s * 1000)
    key = "why_now" if explanation.is_now else "why_then"
    lines = [joined(say_reply(lang, key, symbol=n.symbol_text(explanation.symbol), time=time), venue_text(venue))]
    if explanation.told:
        lines.append(say_reply(lang, "why_told"))
        for one in explanation.told:
            likes = outcome_line(one.alert, style)
            lines += [f"   {stored_alert_text(one, now_s, style)}", *([f"   {likes}"] if likes else [])]
    elif explanation.told is not None and (explanation.checks or explanation.gap is not None):
        lines.append(say_reply(lang, _not_told_key(explanation)))
    if explanation.gap is not None or not explanation.checks:
        lines.append(say_reply(lang, "why_nothing" if explanation.gap is None else _key_of(explanation.gap, "gap")))
        if explanation.known_from_ms is not None and explanation.gap in (None, Verdict.NOT_KEPT):
            since = n.when(explanation.known_from_ms, style.tz, reference_ms=now_s * 1000)
            lines.append(say_reply(lang, "why_known_from", time=since))
    unknown: dict[Verdict, list[str]] = {}
    for check in explanation.checks:
        if check.value is None and check.verdict in _UNKNOWN:
            unknown.setdefault(check.verdict, []).append(say_reply(lang, f"rule_{check.rule}"))
        else:
            lines += _check_lines(check, now_s, style)
    for verdict, rules in unknown.items():
        lines += [f"<b>{'; '.join(rules)}</b>", f"   {verdict_text(verdict, style)}"]
    return lines


def _not_told_key(explanation: Explanation) -> str:
    if explanation.is_now:
        return "why_not_told_now"
    return "why_not_stored" if explanation.gap is Verdict.NOT_KEPT else "why_not_told"


def _key_of(verdict: Verdict, prefix: str) -> str:
    return f"{prefix}_{verdict.name.lower()}"


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
    late = say_reply(lang, "why_late") if check.is_late else ""
    verdict = joined(" ".join(text for text in (verdict_text(check.verdict, style), until) if text), late, floor)
    facts = joined(_window(check, now_s, style), _sample(check, style))
    return [head, f"   {verdict}", *([f"   {facts}"] if facts else [])]


def verdict_text(verdict: Verdict, style: Style) -> str:
    """A verdict without a text of its own is shown as it is called."""
    key = _key_of(verdict, "verdict")
    return say_reply(style.lang, key) if key in REPLY_TEXTS[style.lang] else n.escape(verdict.value)


def _measured(check: RuleCheck, style: Style) -> str:
    if check.threshold is None:
        return "" if check.value is None else _number(check, check.value)
    value, threshold = n.NA, _bound(check, check.threshold)
    if check.value is not None:
        value = _number(check, check.value)
    if check.sigmas is not None:
        threshold = f"{threshold} = {n.exact(round(check.sigmas, 1))}σ"
    if check.busy_times is not None:
        threshold = f"{threshold} = {n.exact(round(check.busy_times, 1))} × P95"
    return say_reply(style.lang, "why_against", value=value, threshold=threshold)


def _number(check: RuleCheck, value: float) -> str:
    return number(check.rule.kind, value, decimals=2)


def _bound(check: RuleCheck, value: float) -> str:
    """As it is set; the bound of a whole move is computed and would have fifteen digits."""
    unit, shown = KINDS[check.rule.kind].unit, n.exact(round(value, 4 if check.busy_times is None else 1))
    if unit is Unit.USD:
        return money(abs(value))
    return f"{shown}×" if unit is Unit.MULTIPLE else f"{shown} %"


def _window(check: RuleCheck, now_s: float, style: Style) -> str:
    if check.from_ms is None or check.to_ms is None or check.from_ms == check.to_ms:
        return ""
    return say_reply(style.lang, "why_window", period=n.period(check.from_ms, check.to_ms, style.tz, is_dated=False))


def _sample(check: RuleCheck, style: Style) -> str:
    if check.sample_age_s is None:
        return ""
    return say_reply(style.lang, "why_sample", age=n.age(check.sample_age_s, style.lang))


@reply_lines.register
def _explained(reply: Explained, style: Style) -> list[str]:
    return explanation_lines(reply.explanation, reply.now_s, style, venue=reply.venue)
