"""What became of alerts, in words: the answer to /outcomes, its part of /stats, and the line on an alert. No advice."""

from __future__ import annotations

from collections.abc import Sequence

from altmonitor.commands.outcomes import OutcomesShown
from altmonitor.core.alert import Alert
from altmonitor.core.outcome import LINE_HORIZON_MIN, OutcomeRow
from altmonitor.render import format as n
from altmonitor.render.blocks import reply_lines
from altmonitor.render.format import Style
from altmonitor.render.texts.reply_texts import say_reply

SHOWN_FROM = 2
"""Of fewer moments nothing can be said."""


def outcome_line(alert: Alert, style: Style) -> str:
    """'' where too few were known when it was told."""
    line = alert.details.outcomes
    if line is None:
        return ""
    return style.say(
        "outcomes_chance" if line.is_chance else "outcomes",
        moments=line.moments,
        went_on=line.went_on,
        median=n.pct(line.median_pct),
        minutes=line.minutes,
    )


@reply_lines.register
def outcomes_lines(reply: OutcomesShown, style: Style) -> list[str]:
    summary, lang = reply.summary, style.lang
    if not summary.whole:
        waiting = say_reply(lang, "outcomes_waiting", count=summary.pending) if summary.pending else ""
        return [line for line in (say_reply(lang, "outcomes_none"), waiting) if line]
    since = "?" if summary.since_ms is None else n.date_and_time(summary.since_ms, style.tz)
    lines = [say_reply(lang, "outcomes_head", alerts=summary.alerts, since=since)]
    for kind in dict.fromkeys(row.kind for row in summary.whole):
        rows = [row for row in summary.whole if row.kind == kind]
        lines.append(say_reply(lang, "outcomes_kind", kind=say_reply(lang, f"kind_{kind}"), alerts=rows[0].alerts))
        lines += [_row(row, lang) for row in rows]
    forward = [row for row in summary.forward if row.alerts and row.horizon_min == LINE_HORIZON_MIN]
    if forward and len({row.alerts for row in forward}) and _differ(forward, summary.whole):
        lines.append(say_reply(lang, "outcomes_forward"))
        lines += [f"{say_reply(lang, f'kind_{row.kind}')} · {_row(row, lang)}" for row in forward]
    if summary.pending:
        lines.append(say_reply(lang, "outcomes_waiting", count=summary.pending))
    if summary.earlier:
        lines.append(say_reply(lang, "outcomes_earlier", count=summary.earlier))
    lines.append(say_reply(lang, "outcomes_how", fee=f"{summary.fee_pct:g}"))
    return lines


def outcome_stats_lines(rows: Sequence[OutcomeRow], style: Style) -> list[str]:
    """Of whole kinds, one line each; none where nothing is known."""
    lang = style.lang
    shown = [f"{say_reply(lang, f'kind_{row.kind}')} · {_row(row, lang)}" for row in rows if row.alerts]
    return [say_reply(lang, "outcomes_stats"), *shown] if shown else []


def _differ(forward: Sequence[OutcomeRow], whole: Sequence[OutcomeRow]) -> bool:
    """Nothing was changed since the recording began: both are the same."""
    of_all = {row.kind: row.alerts for row in whole if row.horizon_min == LINE_HORIZON_MIN}
    return any(of_all.get(row.kind) != row.alerts for row in forward)


def _row(row: OutcomeRow, lang: str) -> str:
    """`15 min: 24 of 45 went on (40–64 %), median +0.10 %, comparable 50 % · not distinguishable from chance`."""
    after = n.duration(row.horizon_min * 60, lang)
    if row.moments < SHOWN_FROM or row.hit is None or row.median_pct is None:
        return say_reply(lang, "outcomes_row_few", after=after, moments=row.moments)
    known = (
        "" if row.hit_low is None or row.hit_high is None else f" ({row.hit_low * 100:.0f}–{row.hit_high * 100:.0f} %)"
    )
    text = say_reply(
        lang,
        "outcomes_row" if row.control_hit is not None else "outcomes_row_alone",
        after=after,
        went_on=round(row.hit * row.moments),
        moments=row.moments,
        interval=known,
        median=n.pct(row.median_pct),
        control=f"{(row.control_hit or 0.0) * 100:.0f} %",
    )
    verdict = "outcomes_more" if row.verdict == "more_than_chance" else "outcomes_chance_" + str(row.verdict)
    return f"{text} · {say_reply(lang, verdict)}"
