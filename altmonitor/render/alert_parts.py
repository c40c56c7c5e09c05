"""Where an alert stands: how often today, how large in days, what became of its move, and who pressed what under it."""

from __future__ import annotations

from collections.abc import Sequence

from altmonitor.core.alert import Alert
from altmonitor.interfaces.delivery import Press
from altmonitor.render import format as n
from altmonitor.render.style import Style, fact_line, joined

_KINDS = ("price", "oi", "vol")
_NAME_CHARS_MAX = 32


def standing_line(alert: Alert, window: str, style: Style) -> str:
    """`3rd today · largest 1 m move in 9 d`; '' when neither is to be said."""
    return fact_line(today(alert, style, "today"), _largest(alert, window, style))


def today(alert: Alert, style: Style, key: str) -> str | None:
    """From the second one on: that it is the first says nothing."""
    count = alert.details.today_count
    return None if count is None or count < 2 else style.say(key, ordinal=n.ordinal(count, style.lang))


def episode_lines(alert: Alert, style: Style) -> list[str]:
    """What joined the move, and how it ended; for the first message of an episode."""
    lines = []
    if alert.details.joined:
        things = [_joiner(thing, style) for thing in alert.details.joined]
        lines.append(style.say("joined", things=style.say("list").join(things)))
    ended = alert.details.ended
    if ended is not None:
        peak = None if ended.peak_pct is None else style.say("ended_peak", change=n.pct(ended.peak_pct))
        last = None if ended.last_pct is None else style.say("ended_last", change=n.pct(ended.last_pct))
        over = style.say("ended", duration=n.duration(ended.lasted_s, style.lang))
        lines.append(joined(over, peak, last))
    return lines


def press_lines(presses: Sequence[Press], style: Style) -> list[str]:
    """`🔇 muted 1 h · anna 12:05`, oldest first."""
    return [
        f"<i>{style.say(f'pressed_{press.action}', by=_name(press.by), time=n.clock_minute(press.at_ms, style.tz))}</i>"
        for press in presses
    ]


def _largest(alert: Alert, window: str, style: Style) -> str | None:
    days = alert.details.largest_days
    if not days or alert.kind not in _KINDS:
        return None
    return style.say(f"largest_{alert.kind}", window=style.say(window), days=days)


def _joiner(thing: str, style: Style) -> str:
    """`oi`, `vol`, `x2`; a window or a direction as it stands."""
    if thing in _KINDS:
        return style.say(f"joined_{thing}")
    if thing in ("1m", "60s", "5m", "15m"):
        return style.say(thing)
    if thing in ("PUMP", "DUMP"):
        return style.say(thing)
    if thing.startswith("x") and thing[1:].isdigit():
        return f"×{thing[1:]}"
    return n.symbol_text(thing)


def _name(by: str) -> str:
    """One line; a name can hold anything."""
    line = " ".join(by.split()) or "?"
    return n.escape(line if len(line) <= _NAME_CHARS_MAX else line[: _NAME_CHARS_MAX - 1] + "…")
