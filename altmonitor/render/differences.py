"""What changed, as people read it: name, old → new; the same lines for answers, /changes and /undo."""

from __future__ import annotations

from collections.abc import Sequence

from altmonitor.render import format as n
from altmonitor.render.blocks import kinds_text, mute_end, outside_text, setting_value, sound_text
from altmonitor.render.style import Style
from altmonitor.render.texts.reply_texts import say_reply
from altmonitor.settings.audience import QuietHours
from altmonitor.settings.differences import NOT_MUTED, Difference, Shown
from altmonitor.settings.overrides import QUIET_OFF
from altmonitor.settings.settings import SETTING_OF

NAMES_SHOWN = 12
LINES_MAX = 40


def difference_lines(differences: Sequence[Difference], style: Style) -> list[str]:
    """One line each; many mutes or numbers are cut with their count."""
    if not differences:
        return [say_reply(style.lang, "no_difference")]
    lines = [difference_line(difference, style) for difference in differences[:LINES_MAX]]
    if len(differences) > LINES_MAX:
        lines.append(say_reply(style.lang, "and_more", count=len(differences) - LINES_MAX))
    return lines


def difference_line(difference: Difference, style: Style) -> str:
    if difference.key == "condition":
        key, text = (
            ("condition_plus", difference.new) if difference.old is None else ("condition_minus", difference.old)
        )
        return say_reply(style.lang, key, text=outside_text(str(text)))
    old, new = (_value(difference.key, value, style) for value in (difference.old, difference.new))
    key = "override" if difference.old != difference.new else "unchanged_row"
    line = say_reply(style.lang, key, setting=_name(difference.key, style), old=old, new=new)
    if difference.key == "watchlist":
        line = "\n".join((line, *_names_changed(difference, style)))
    if difference.symbol:
        line = say_reply(style.lang, "of_symbol", symbol=n.symbol_text(difference.symbol), text=line)
    return line


def _name(key: str, style: Style) -> str:
    return say_reply(style.lang, key if key in SETTING_OF else f"what_{key}")


def _value(key: str, value: Shown, style: Style) -> str:
    say, lang = say_reply, style.lang
    if key == "muted":
        if value == NOT_MUTED:
            return say(lang, "not_muted")
        return mute_end(value if isinstance(value, int) else None, None, style)
    match value:
        case None:
            return say(lang, "default")
        case frozenset():
            return _set_text(key, value, style)
        case QuietHours():
            return str(value)
        case str():
            return _word(key, value, style)
    if key in SETTING_OF:
        return setting_value(SETTING_OF[key], value, style)
    if key == "budget":
        return say(lang, "per_day", count=value) if value else say(lang, "off")
    return sound_text(bool(value), style)


def _word(key: str, value: str, style: Style) -> str:
    if key == "lang":
        return say_reply(style.lang, f"lang_{value}")
    return say_reply(style.lang, "off") if value == QUIET_OFF else n.escape(value)


def _set_text(key: str, values: frozenset[str], style: Style) -> str:
    if key == "kinds":
        return kinds_text(values, style)
    if not values:
        return say_reply(style.lang, "every_contract")
    return say_reply(style.lang, "contract" if len(values) == 1 else "contracts", count=len(values))


def _names_changed(difference: Difference, style: Style) -> list[str]:
    old = difference.old if isinstance(difference.old, frozenset) else frozenset()
    new = difference.new if isinstance(difference.new, frozenset) else frozenset()
    lines = []
    for key, names in (("added", sorted(new - old)), ("removed", sorted(old - new))):
        if names:
            shown = " ".join(n.symbol_text(name) for name in names[:NAMES_SHOWN])
            more = say_reply(style.lang, "and_more", count=len(names) - NAMES_SHOWN)
            shown = f"{shown} {more}" if len(names) > NAMES_SHOWN else shown
            lines.append(say_reply(style.lang, key, names=shown))
    return lines
