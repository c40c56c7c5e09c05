"""A reply as a value → Telegram HTML in the reader's language, cut into messages where it is long."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from altmonitor.commands.replies import (
    Button,
    HelpShown,
    HistoryOff,
    MutedChanged,
    MutedShown,
    NoDestination,
    NothingToReset,
    NotPermitted,
    NotUnderstood,
    NumberChange,
    NumbersChanged,
    OverridesShown,
    Placed,
    PlainReply,
    QueryFailed,
    Refused,
    Reply,
    SaveFailed,
    StatusPin,
    SymbolsRefused,
    UniverseUnknown,
    UnknownCommand,
    Unrecorded,
    WatchlistChanged,
    WatchlistShown,
)
from altmonitor.commands.replies_market import AnswerFailed
from altmonitor.commands.reset import PARTS
from altmonitor.commands.table import COMMAND_OF, COMMANDS, TOPICS, Scope
from altmonitor.interfaces.delivery import InlineButton, Keyboard
from altmonitor.render import (  # noqa: F401 – they register theirs
    explanation,
    replies_budget,
    replies_market,
    replies_positions,
    replies_settings,
    status,
    traders,
)
from altmonitor.render import format as n
from altmonitor.render.blocks import (
    WORDS_MAX,
    difference_lines,
    joined,
    mute_change,
    mute_end,
    name_lines,
    name_of,
    outside_text,
    packed,
    reply_lines,
    setting_change,
    setting_value,
    titled,
    usage_line,
)
from altmonitor.render.blocks import words as word_list
from altmonitor.render.format import Style
from altmonitor.render.reasons import problem_text
from altmonitor.render.signed_buttons import ButtonSigner
from altmonitor.render.status import muted_lines
from altmonitor.render.texts import say
from altmonitor.render.texts.reply_texts import say_reply
from altmonitor.settings.changes import NOT_MUTED
from altmonitor.settings.input import NotRead
from altmonitor.settings.settings import EVERY_SYMBOL, VENUE_MARKS

# ---
# The buttons an answer carries → a keyboard whose presses come back signed.


_ROW_CHARS_MAX = 28
"""So much text stands side by side on a phone without being cut."""


def reply_keyboard(buttons: Sequence[Button], style: Style, signer: ButtonSigner, *, now_ms: int) -> Keyboard:
    """In their order, as many in a row as can be read."""
    rows: list[list[InlineButton]] = []
    for button in buttons:
        data = signer.command(button.action, now_ms=now_ms)
        if data is None:  # no button of ours is so long; the command can be typed
            continue
        shown = InlineButton(text=_label(button, style), data=data)
        if rows and sum(len(one.text) for one in (*rows[-1], shown)) <= _ROW_CHARS_MAX:
            rows[-1].append(shown)
        else:
            rows.append([shown])
    return tuple(tuple(row) for row in rows)


def _label(button: Button, style: Style) -> str:
    """A name that is the same in every language, such as that of a time zone, is its own label."""
    try:
        return say_reply(style.lang, button.label_key)
    except KeyError:
        return button.label_key


# ---
# Commands that were written while nobody listened: listed, not carried out.


SHOWN_MAX = 30


def missed_parts(commands: Sequence[tuple[str, int]], style: Style) -> list[str]:
    """commands: (text, unix ms written or 0 when that is not known), oldest → newest; at least one message, each of at
    most 4,096 UTF-16 units."""
    lines = [say(style.lang, "commands_missed", count=len(commands))]
    for text, written_ms in commands[:SHOWN_MAX]:
        time = n.date_and_time(written_ms, style.tz) if written_ms else ""
        lines.append(joined(time, f"<code>{outside_text(text)}</code>"))
    if len(commands) > SHOWN_MAX:
        lines.append("…")
    return packed(lines)


# ---
# `/help` by topic, and the menu of commands a chat offers while typing.


MENU_CHARS_MAX = 256
"""Source: https://core.telegram.org/bots/api#botcommand"""


def command_menu(lang: str, scope: Scope = "all") -> list[tuple[str, str]]:
    """(name, description) of the commands a chat of that scope offers, plain text; "all": of every command."""
    return [
        (row.name, say_reply(lang, row.help_key)[:MENU_CHARS_MAX])
        for row in COMMANDS
        if scope == "all" or row.scope in ("all", scope)
    ]


@reply_lines.register
def _help(reply: HelpShown, style: Style) -> list[str]:
    lang = style.lang
    lines = [say_reply(lang, "welcome")] if reply.is_start else []
    lines.append(say_reply(lang, "help"))
    for topic in TOPICS:
        lines += ["", say_reply(lang, f"topic_{topic}")]
        lines += [
            say_reply(lang, "help_row", usage=n.escape(row.usage), meaning=say_reply(lang, row.help_key))
            for row in COMMANDS
            if row.topic == topic and row.name != "start"
        ]
    return lines


# ---


def reply_parts(reply: Reply, style: Style) -> list[str]:
    """At least one part, each at most 4,096 UTF-16 units."""
    return packed(_lines(reply, style))


def with_press(parts: Sequence[str], *, by: str, what: str, style: Style) -> list[str]:
    """An answer to a pressed button names who pressed what."""
    line = say(style.lang, "pressed_button", by=outside_text(by or "?"), what=outside_text(what))
    return packed([f"<i>{line}</i>", *parts])


def _lines(reply: Reply, style: Style) -> Sequence[str]:
    """With what was put around it."""
    match reply:
        case Placed():
            key = "for_main" if reply.is_main else "for_place"
            where = say_reply(style.lang, key, destination=n.place(reply.destination, style))
            return [where, *_lines(reply.reply, style)]
        case Unrecorded():
            warning = say_reply(style.lang, "unrecorded", problem=problem_text(reply.problem, style))
            return [*_lines(reply.reply, style), warning]
        case _:
            return reply_lines(reply, style)


# --- refusals ----------------------------------------------------------------------------------------------------


@reply_lines.register
def _refused(reply: Refused, style: Style) -> list[str]:
    lang = style.lang
    reason = say_reply(lang, reply.reason.value, word=word_list([reply.word], style))
    lines = [_with_outcome(say_reply(lang, "refused", command=reply.command, reason=reason), reply.command, style)]
    if isinstance(reply.reason, NotRead) or reply.setting is not None:
        lines.append(_allowed(reply, style))
    if reply.meant:
        lines.append(say_reply(lang, "perhaps", commands=_commands(reply.meant)))
    return [line for line in (*lines, usage_line(reply.command, style)) if line]


def _with_outcome(refusal: str, command: str, style: Style) -> str:
    """That nothing was changed goes without saying where a question was asked."""
    row = COMMAND_OF.get(command)
    if row is not None and row.is_reading:
        return refusal
    return n.sentences(refusal, say_reply(style.lang, "nothing_changed"), lang=style.lang)


def _allowed(reply: Refused, style: Style) -> str:
    setting = reply.setting
    if setting is not None:
        key = "allowed_or_off" if setting.has_off else "allowed"
        high = setting_value(setting, setting.high, style)
        return say_reply(style.lang, key, low=n.exact(setting.low), high=high)
    if reply.low is not None and reply.high is not None:
        return say_reply(style.lang, "allowed", low=n.exact(reply.low), high=n.exact(reply.high))
    return ""


@reply_lines.register
def _unknown_command(reply: UnknownCommand, style: Style) -> list[str]:
    near = say_reply(style.lang, "nearest", nearest=reply.nearest) if reply.nearest else ""
    if reply.meant:
        near = say_reply(style.lang, "nearest_whole", commands=_commands((reply.meant,)))
    unknown = say_reply(style.lang, "unknown_command", name=n.symbol_text(reply.name))
    return [" ".join(text for text in (unknown, near, say_reply(style.lang, "see_help")) if text)]


@reply_lines.register
def _not_understood(reply: NotUnderstood, style: Style) -> list[str]:
    if not reply.is_text:
        return [say_reply(style.lang, "only_text")]
    key = "not_understood_meant" if reply.meant else "not_understood"
    return [say_reply(style.lang, key, commands=_commands(reply.meant))]


def _commands(commands: Sequence[str]) -> str:
    return ", ".join(f"<code>{outside_text(command)}</code>" for command in commands)


@reply_lines.register
def _not_done(
    reply: UniverseUnknown | SaveFailed | QueryFailed | HistoryOff | NotPermitted | NoDestination | AnswerFailed,
    style: Style,
) -> list[str]:
    """One line: which command, and what stood in its way."""
    problem = problem_text(getattr(reply, "problem", None), style)
    said = say_reply(style.lang, _NOT_DONE[type(reply)], command=reply.command, problem=problem)
    return [_with_outcome(said, reply.command, style) if isinstance(reply, UniverseUnknown) else said]


@reply_lines.register
def _symbols_refused(reply: SymbolsRefused, style: Style) -> list[str]:
    lang = style.lang
    lines = [_with_outcome(say_reply(lang, "symbols_refused", command=reply.command), reply.command, style)]
    for unlisted in reply.unlisted[:WORDS_MAX]:
        word = word_list([unlisted.given], style)
        if unlisted.suggestions:
            lines.append(
                say_reply(lang, "unlisted_near", word=word, suggestions=word_list(unlisted.suggestions, style))
            )
        else:
            lines.append(say_reply(lang, "unlisted", word=word))
    if len(reply.unlisted) > WORDS_MAX:
        lines.append(say_reply(lang, "and_more", count=len(reply.unlisted) - WORDS_MAX))
    return [*lines, usage_line(reply.command, style)]


_NOT_DONE: Mapping[type[PlainReply], str] = {
    UniverseUnknown: "universe_unknown",
    SaveFailed: "save_failed",
    QueryFailed: "query_failed",
    AnswerFailed: "answer_failed",
    HistoryOff: "history_off",
    NotPermitted: "not_permitted",
    NoDestination: "no_destination",
}


# --- numbers -----------------------------------------------------------------------------------------------------


@reply_lines.register
def _numbers_changed(reply: NumbersChanged, style: Style) -> list[str]:
    lines = [_number_change(change, style, is_raised=True) for change in reply.changes]
    if reply.budget_was:
        lines.append(say_reply(style.lang, "budget_ends", count=reply.budget_was))
    return [*lines, say_reply(style.lang, "from_environment")] if reply.is_reset else lines


def _number_change(change: NumberChange, style: Style, *, is_raised: bool) -> str:
    text = setting_change(change.setting, change.old, change.new, style)
    return say_reply(style.lang, "done", text=text) if is_raised else text


@reply_lines.register
def _overrides(reply: OverridesShown, style: Style) -> list[str]:
    if not reply.changes and not reply.others:
        return [say_reply(style.lang, "no_overrides")]
    lines = [_number_change(change, style, is_raised=False) for change in reply.changes]
    others = difference_lines(reply.others, style) if reply.others else []
    return [say_reply(style.lang, "overrides"), *lines, *others, say_reply(style.lang, "reset_hint")]


@reply_lines.register
def _nothing_to_reset(reply: NothingToReset, style: Style) -> list[str]:
    words = {"symbols": "thresholds_of_symbols", **{part: f"what_{part}" for part in PARTS if part != "symbols"}}
    named = [say_reply(style.lang, key) for key in (*reply.keys, *(words[part] for part in reply.parts))]
    return [say_reply(style.lang, "nothing_to_reset", names=style.say("list").join(named))]


@reply_lines.register
def _status_pin(reply: StatusPin, style: Style) -> list[str]:
    off = "pin_off" if reply.was_on else "pin_off_none"
    return [say_reply(style.lang, "pin_on" if reply.is_on else off)]


# --- lists -------------------------------------------------------------------------------------------------------


@reply_lines.register
def _watchlist(reply: WatchlistShown, style: Style) -> list[str]:
    lang, count = style.lang, len(reply.symbols)
    if not count:
        return [say_reply(lang, "watch_all"), say_reply(lang, "watch_all_hint")]
    title = say_reply(lang, "watch_one") if count == 1 else say_reply(lang, "watch_some", count=count)
    return [title, *name_lines(reply.symbols), say_reply(lang, "watch_clear_hint")]


@reply_lines.register
def _watchlist_changed(reply: WatchlistChanged, style: Style) -> list[str]:
    lang = style.lang
    old, new = (_watched(symbols, style) for symbols in (reply.old, reply.new))
    key = "watch_unchanged" if reply.old == reply.new else "watch_changed"
    return [
        say_reply(lang, key, old=old, new=new),
        *titled(style, "added", reply.added),
        *titled(style, "removed", reply.removed),
        *titled(style, "already", reply.already),
        *titled(style, "absent", reply.absent),
        *titled(style, "now", reply.new),
        *([say_reply(lang, "warn_all_now")] if reply.is_all_now else []),
        *titled(style, "warn_muted_too", reply.muted_too),
    ]


def _watched(symbols: Sequence[str], style: Style) -> str:
    if not symbols:
        return say_reply(style.lang, "every_contract")
    return say_reply(style.lang, "contract" if len(symbols) == 1 else "contracts", count=len(symbols))


@reply_lines.register
def _muted(reply: MutedShown, style: Style) -> list[str]:
    lang = style.lang
    if not reply.muted:
        return [say_reply(lang, "muted_none"), say_reply(lang, "mute_hint")]
    title = say_reply(lang, "muted_list", count=len(reply.muted))
    return [title, *muted_lines(dict(reply.muted), None, style), say_reply(lang, "mute_hint")]


@reply_lines.register
def _muted_changed(reply: MutedChanged, style: Style) -> list[str]:
    """Symbols that changed in the same way stand together."""
    lang = style.lang
    groups: dict[tuple[int | None, int | None], list[str]] = {}
    for symbol, old_s, new_s in reply.changes:
        groups.setdefault((old_s, new_s), []).append(symbol)
    lines: list[str] = []
    for (old_s, new_s), symbols in groups.items():
        is_no_symbol = len(symbols) == 1 and (symbols[0] == EVERY_SYMBOL or symbols[0] in VENUE_MARKS)
        *first, last = [name_of(symbols[0], style)] if is_no_symbol else name_lines(symbols)
        lines += first
        lines.append(say_reply(lang, "done", text=n.capital(mute_change(last, old_s, new_s, style))))
    lines += titled(style, "was_not_muted", reply.absent)
    if reply.all_until_s != NOT_MUTED:
        lines.append(say_reply(lang, "every_muted", end=mute_end(reply.all_until_s, None, style)))
    return [*lines, say_reply(lang, "muted_now", count=reply.muted_count)]
