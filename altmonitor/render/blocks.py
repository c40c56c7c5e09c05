"""What several answers share: values as they are kept, lists of symbols, and lines packed into messages."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from functools import singledispatch

from altmonitor.commands.replies import PlainReply
from altmonitor.commands.table import COMMAND_OF
from altmonitor.core.alert import DETECTED_KINDS
from altmonitor.render import format as n
from altmonitor.render.format import SEPARATOR, Style
from altmonitor.render.texts.reply_texts import say_reply
from altmonitor.settings.audience import QUIET_OFF, QuietHours
from altmonitor.settings.changes import NOT_MUTED, Difference, Shown
from altmonitor.settings.settings import SETTING_OF, Setting, Unit
from altmonitor.settings.zones import zone_text


@singledispatch
def reply_lines(reply: PlainReply, style: Style) -> Sequence[str]:
    """A reply as lines, each complete HTML. The modules of replies register what they tell."""
    raise TypeError(f"nobody tells {type(reply).__name__}")


def mute_end(until_s: int | None, now_s: float | None, style: Style) -> str:
    """`for good`, or `until 14:00:00 UTC`, with the date when it is another day than now (or now is not known)."""
    if until_s is None:
        return say_reply(style.lang, "for_good")
    if now_s is None:
        time = n.date_and_time(until_s * 1000, style.tz)
    else:
        time = n.when(until_s * 1000, style.tz, reference_ms=now_s * 1000)
    return say_reply(style.lang, "until", time=time)


def usage_line(command: str, style: Style) -> str:
    """How it is written, and what for."""
    row = COMMAND_OF[command]
    return say_reply(style.lang, "usage", usage=n.escape(row.usage), meaning=say_reply(style.lang, row.help_key))


NAMES_PER_LINE = 8
WORDS_MAX = 10
TEXT_CHARS_MAX = 300  # of an error text that came from outside


def packed(lines: Iterable[str]) -> list[str]:
    """Lines (each complete HTML) → messages of at most 4,096 UTF-16 units, cut only between lines."""
    parts: list[str] = []
    for line in lines:
        if parts and n.utf16_len(parts[-1]) + 1 + n.utf16_len(line) <= n.MESSAGE_UNITS_MAX:
            parts[-1] += "\n" + line
        elif line:
            parts.append(line)
    return parts


def setting_value(setting: Setting, value: float, style: Style) -> str:
    """`2.75 %`, `−3 %`, `5×`, `180 s`, `$2.5M` with every digit that is kept; `off`."""
    if setting.has_off and value == 0:
        return say_reply(style.lang, "off")
    shown = n.exact(value)
    match setting.unit:
        case Unit.PERCENT:
            return f"{shown} %"
        case Unit.MULTIPLE:
            return f"{shown}×"
        case Unit.SECONDS:
            return n.span(value, style.lang)
        case Unit.USD:
            return money(value)


def money(usd: float) -> str:
    """As it is kept: `$2.5M`, `$50K`, `$0`."""
    unit, size = next(((unit, size) for unit, size in (("B", 1e9), ("M", 1e6), ("K", 1e3)) if usd >= size), ("", 1.0))
    return f"${n.exact(round(usd / size, 9))}{unit}"


def words(names: Sequence[str]) -> str:
    """Few names, in one line."""
    return ", ".join(f"<code>{n.symbol_text(name)}</code>" for name in names)


def name_lines(names: Sequence[str]) -> list[str]:
    """Any number of names, in lines short enough to be packed."""
    rows = [names[start : start + NAMES_PER_LINE] for start in range(0, len(names), NAMES_PER_LINE)]
    return [" ".join(n.symbol_text(name) for name in row) for row in rows]


def titled(style: Style, key: str, names: Sequence[str]) -> list[str]:
    """`Added: A B C` over as many lines as needed; nothing without names."""
    if not names:
        return []
    first, *rest = name_lines(names)
    return [say_reply(style.lang, key, names=first), *rest]


def outside_text(text: str) -> str:
    """An error text from outside, on one line, cut and escaped."""
    line = " ".join(text.split())
    return n.escape(line if len(line) <= TEXT_CHARS_MAX else line[: TEXT_CHARS_MAX - 1] + "…")


def kinds_text(kinds: Collection[str], style: Style) -> str:
    if not kinds:
        return say_reply(style.lang, "nothing")
    return style.say("list").join(say_reply(style.lang, f"kind_{kind}") for kind in DETECTED_KINDS if kind in kinds)


def sound_text(is_silent: bool, style: Style) -> str:
    return say_reply(style.lang, "silent" if is_silent else "loud")


def joined(*texts: str) -> str:
    return SEPARATOR.join(text for text in texts if text)


# ---
# What changed, as people read it: name, old → new; the same lines for answers, /changes and /undo.


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
    if key == "tz":
        return n.escape(zone_text(value))
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
