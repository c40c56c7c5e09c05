"""What several answers share: values as they are kept, lists of symbols, and lines packed into messages."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from altmonitor.commands.table import COMMAND_OF
from altmonitor.core.alert import KINDS
from altmonitor.render import format as n
from altmonitor.render.style import SEPARATOR, Style
from altmonitor.render.texts.reply_texts import say_reply
from altmonitor.settings.settings import Setting, Unit


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
    return style.say("list").join(say_reply(style.lang, f"kind_{kind}") for kind in KINDS if kind in kinds)


def sound_text(is_silent: bool, style: Style) -> str:
    return say_reply(style.lang, "silent" if is_silent else "loud")


def joined(*texts: str) -> str:
    return SEPARATOR.join(text for text in texts if text)
