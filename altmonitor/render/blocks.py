"""What several answers share: values as they are kept, lists of symbols, and lines packed into messages."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from functools import singledispatch

from altmonitor.commands.replies import PlainReply
from altmonitor.commands.table import COMMAND_OF
from altmonitor.core.alert import DETECTED_KINDS
from altmonitor.core.types import VENUE_TITLES
from altmonitor.render import format as n
from altmonitor.render.format import SEPARATOR, Style
from altmonitor.render.texts.reply_texts import say_reply
from altmonitor.settings.audience import QUIET_OFF, QuietHours
from altmonitor.settings.changes import NOT_MUTED, Difference, Shown
from altmonitor.settings.settings import EVERY_SYMBOL, SETTING_OF, VENUE_MARKS, Setting, Settings, Unit
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


def adaptive_lines(settings: Settings, style: Style) -> list[str]:
    """How bounds follow from the contract, a line a kind; none where they are fixed."""
    lines = []
    if settings.adaptive_sigmas:
        sigmas, floor = n.exact(settings.adaptive_sigmas), f"{n.exact(settings.adaptive_floor_pct)} %"
        lines.append(say_reply(style.lang, "status_adaptive", sigmas=sigmas, floor=floor))
    if settings.adaptive_volume_mult and settings.vol_burst_mult:
        times, least = n.exact(settings.adaptive_volume_mult), f"{n.exact(settings.adaptive_volume_floor)}×"
        lines.append(say_reply(style.lang, "status_adaptive_volume", times=times, floor=least))
    return lines


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


def setting_text(setting: Setting, value: float, style: Style) -> str:
    """`PUMP from <b>3 %</b>`, `cooldown <b>180 s</b>`, `move in 5 m <b>off</b>`."""
    name = say_reply(style.lang, setting.key)
    if _has_bound(setting, value):
        name = say_reply(style.lang, "setting_from", setting=name)
    return f"{name} <b>{setting_value(setting, value, style)}</b>"


def setting_change(setting: Setting, old: float | None, new: float | None, style: Style) -> str:
    """`PUMP from 3 % → <b>5 %</b>`, `move in 5 m: off → <b>from 5 %</b>`. None: the default."""
    name = say_reply(style.lang, setting.key)
    if old is not None and new is not None and old == new:
        return say_reply(style.lang, "as_before", text=setting_text(setting, new, style))
    if old is not None and new is not None and not (setting.has_off and 0 in (old, new)):
        name = say_reply(style.lang, "setting_from", setting=name) if _has_bound(setting, new) else name
        shown = {"old": setting_value(setting, old, style), "new": setting_value(setting, new, style)}
        return say_reply(style.lang, "override", setting=name, **shown)
    shown = {"old": _bound(setting, old, style), "new": _bound(setting, new, style)}
    return say_reply(style.lang, "override_of", setting=name, **shown)


def _has_bound(setting: Setting, value: float) -> bool:
    """It is told from that value on."""
    return setting.unit in (Unit.PERCENT, Unit.MULTIPLE) and not (setting.has_off and value == 0)


def _bound(setting: Setting, value: float | None, style: Style) -> str:
    if value is None:
        return say_reply(style.lang, "default")
    shown = setting_value(setting, value, style)
    return say_reply(style.lang, "value_from", value=shown) if _has_bound(setting, value) else shown


def mute_change(names: str, old_s: int | None, new_s: int | None, style: Style) -> str:
    """What became of a mute, as a sentence. Ends as in `Settings.muted`, or NOT_MUTED."""
    before = say_reply(style.lang, "not_muted") if old_s == NOT_MUTED else mute_end(old_s, None, style)
    if new_s == NOT_MUTED:
        before = say_reply(style.lang, "is_muted", end=before) if old_s != NOT_MUTED else before
        return say_reply(style.lang, "mute_ends", names=names, before=before)
    key = "mute_begins" if old_s == NOT_MUTED else "mute_stays" if old_s == new_s else "mute_changes"
    return say_reply(style.lang, key, names=names, end=mute_end(new_s, None, style), before=before)


def name_of(symbol: str, style: Style) -> str:
    if symbol in VENUE_MARKS:
        return VENUE_TITLES[VENUE_MARKS[symbol]]
    return say_reply(style.lang, "every_contract") if symbol == EVERY_SYMBOL else n.symbol_text(symbol)


def money(usd: float) -> str:
    """As it is kept: `$2.5M`, `$50K`, `$0`."""
    unit, size = next(((unit, size) for unit, size in (("B", 1e9), ("M", 1e6), ("K", 1e3)) if usd >= size), ("", 1.0))
    return f"${n.exact(round(usd / size, 9))}{unit}"


def words(names: Sequence[str], style: Style) -> str:
    """Few names, in one line."""
    return style.say("list").join(f"<code>{n.symbol_text(name)}</code>" for name in names)


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


def sound_text(sound: int | frozenset[str], style: Style) -> str:
    """See `changes.sound_of`."""
    if isinstance(sound, frozenset):
        return say_reply(style.lang, "silent_only", kinds=kinds_text(sound, style))
    return say_reply(style.lang, "silent" if sound else "loud")


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
    if difference.key == "muted":
        ends = [value if isinstance(value, int) else None for value in (difference.old, difference.new)]
        return n.capital(mute_change(name_of(difference.symbol, style), ends[0], ends[1], style))
    line = _changed_line(difference, style)
    if difference.key in ("watchlist", "kinds"):
        line = "\n".join((line, *_names_changed(difference, style)))
    if difference.symbol:
        line = say_reply(style.lang, "of_symbol", symbol=n.symbol_text(difference.symbol), text=line)
    return line


def _changed_line(difference: Difference, style: Style) -> str:
    setting = SETTING_OF.get(difference.key)
    if setting is not None:
        old, new = (value if isinstance(value, int | float) else None for value in (difference.old, difference.new))
        return setting_change(setting, old, new, style)
    was, now = (_value(difference.key, value, style) for value in (difference.old, difference.new))
    name = say_reply(style.lang, f"what_{difference.key}")
    if difference.old == difference.new:
        return say_reply(style.lang, "as_before", text=say_reply(style.lang, "value_of", setting=name, new=now))
    return say_reply(style.lang, "override_of", setting=name, old=was, new=now)


def _value(key: str, value: Shown, style: Style) -> str:
    say, lang = say_reply, style.lang
    match value:
        case None:
            return say(lang, "default")
        case frozenset():
            return _set_text(key, value, style)
        case QuietHours():
            return str(value)
        case str():
            return _word(key, value, style)
    if key == "budget":
        return say(lang, "per_day", count=value) if value else say(lang, "off")
    if key == "outcome_line":
        return say(lang, "on" if value else "off")
    return sound_text(int(value), style)


def _word(key: str, value: str, style: Style) -> str:
    if key == "lang":
        return say_reply(style.lang, f"lang_{value}")
    if key == "tz":
        return n.escape(zone_text(value))
    return say_reply(style.lang, "off") if value == QUIET_OFF else n.escape(value)


def _set_text(key: str, values: frozenset[str], style: Style) -> str:
    if key == "is_silent":
        return sound_text(values, style)
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
            is_kinds = difference.key == "kinds"
            shown = kinds_text(names, style) if is_kinds else " ".join(map(n.symbol_text, names[:NAMES_SHOWN]))
            more = say_reply(style.lang, "and_more", count=len(names) - NAMES_SHOWN)
            shown = f"{shown} {more}" if len(names) > NAMES_SHOWN else shown
            lines.append(say_reply(style.lang, key, names=shown))
    return lines
