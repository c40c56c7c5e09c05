"""The one table of commands: parsing, hints, usage lines, help and the chat's command menu read it."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Generic, Literal, TypeVar

from altmonitor.commands import arguments as requests
from altmonitor.commands import conditions as alerting
from altmonitor.commands import destinations as placing
from altmonitor.commands import market as positions
from altmonitor.commands import market as questions
from altmonitor.commands import settings as changes
from altmonitor.commands import settings as resets
from altmonitor.commands import thresholds as tuning
from altmonitor.commands.arguments import Words
from altmonitor.commands.outcome import CommandContext, Outcome
from altmonitor.commands.replies import Refused, UnknownCommand

R = TypeVar("R")

Topic = Literal["market", "thresholds", "symbols", "delivery", "record"]
TOPICS: tuple[Topic, ...] = ("market", "thresholds", "symbols", "delivery", "record")
Scope = Literal["all", "private", "group"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandRow(Generic[R]):
    """usage: the syntax, the same in every language; its explanation is the text `help_<name>`.

    read: (name, words) → request, or why the words are refused. act: what the request means now. Both pure.
    topic: under which heading of the help it stands. is_reading: it never changes anything, whatever its words.
    scope: the chats whose menu offers it; it is understood in all.
    """

    name: str
    usage: str
    topic: Topic
    read: Callable[[str, Words], R | Refused]
    act: Callable[[R, CommandContext], Outcome]
    is_reading: bool = False
    scope: Scope = "all"

    @property
    def help_key(self) -> str:
        return f"help_{self.name}"


# fmt: off
COMMANDS: tuple[CommandRow[Any], ...] = (
    CommandRow(name="status", usage="/status", topic="market",
               read=requests.read_status, act=changes.status, is_reading=True),
    CommandRow(name="pin_status", usage="/pin_status [off]", topic="delivery",
               read=requests.read_pin_status, act=changes.pin_status),
    CommandRow(name="why", usage="/why sol [12:05 | 2026-11-21 12:05]", topic="market",
               read=questions.read_why, act=questions.ask_why, is_reading=True),
    CommandRow(name="top", usage="/top [1m 5m 1h 24h]", topic="market",
               read=questions.read_top, act=questions.ask_top, is_reading=True),
    CommandRow(name="price", usage="/price sol", topic="market",
               read=questions.read_symbol, act=questions.ask_symbol, is_reading=True),
    CommandRow(name="oi", usage="/oi sol", topic="market",
               read=questions.read_symbol, act=questions.ask_symbol, is_reading=True),
    CommandRow(name="funding", usage="/funding sol", topic="market",
               read=questions.read_symbol, act=questions.ask_symbol, is_reading=True),
    CommandRow(name="chart", usage="/chart sol", topic="market",
               read=questions.read_symbol, act=questions.ask_symbol, is_reading=True),
    CommandRow(name="who", usage="/who sol | change sol [60] | trend sol [2h] | scan", topic="market",
               read=positions.read_who, act=positions.ask_who, is_reading=True),
    CommandRow(name="div", usage="/div sol [5m 1h 1d]", topic="market",
               read=positions.read_divergence, act=positions.ask_divergence, is_reading=True),
    CommandRow(name="set_pump", usage="/set_pump 5", topic="thresholds",
               read=requests.read_numbers, act=changes.set_numbers),
    CommandRow(name="set_dump", usage="/set_dump 5", topic="thresholds",
               read=requests.read_numbers, act=changes.set_numbers),
    CommandRow(name="set_oi", usage="/set_oi 3 [6]", topic="thresholds",
               read=requests.read_numbers, act=changes.set_numbers),
    CommandRow(name="set_vol", usage="/set_vol 5", topic="thresholds",
               read=requests.read_numbers, act=changes.set_numbers),
    CommandRow(name="set_move", usage="/set_move 5m 4 [15m 8]", topic="thresholds",
               read=tuning.read_pairs, act=changes.set_numbers),
    CommandRow(name="set_liq", usage="/set_liq 24h 2M [oi 1M vol 50k]", topic="thresholds",
               read=tuning.read_pairs, act=changes.set_numbers),
    CommandRow(name="cooldown", usage="/cooldown 180", topic="thresholds",
               read=requests.read_numbers, act=changes.set_numbers),
    CommandRow(name="preset", usage="/preset [calm normal active original]", topic="thresholds",
               read=tuning.read_preset, act=tuning.use_preset),
    CommandRow(name="budget", usage="/budget [20 | off]", topic="thresholds",
               read=questions.read_budget, act=questions.ask_budget),
    CommandRow(name="reset", usage="/reset [pump dump oi vol move liq cooldown symbols budget quiet lang tz | all]",
               topic="record", read=resets.read_reset, act=resets.reset),
    CommandRow(name="set", usage="/set [sol [pump dump oi oi5 vol cooldown 8 | off | default]]", topic="symbols",
               read=tuning.read_set, act=tuning.set_symbol),
    CommandRow(name="watch", usage="/watch [sol doge … | all]", topic="symbols",
               read=requests.read_symbols, act=changes.watch),
    CommandRow(name="unwatch", usage="/unwatch sol doge … | all", topic="symbols",
               read=requests.read_symbols, act=changes.unwatch),
    CommandRow(name="mute", usage="/mute [sol doge … [30m 2h 7d]]", topic="symbols",
               read=requests.read_mute, act=changes.mute),
    CommandRow(name="unmute", usage="/unmute sol doge … | all", topic="symbols",
               read=requests.read_symbols, act=changes.unmute),
    CommandRow(name="alert", usage="/alert [btc > 70000 | sol move 5m 4 | btc funding > 0.05% | delete 3]",
               topic="symbols", read=alerting.read_alert, act=alerting.alert),
    CommandRow(name="route", usage="/route [all | price oi vol] [loud | silent] | off", topic="delivery",
               read=placing.read_route, act=placing.route),
    CommandRow(name="quiet", usage="/quiet [23:00-07:00 | off]", topic="delivery",
               read=placing.read_quiet, act=placing.set_quiet),
    CommandRow(name="lang", usage="/lang [en zh ru]", topic="delivery",
               read=placing.read_lang, act=placing.set_lang),
    CommandRow(name="tz", usage="/tz [Europe/Berlin | UTC+3]", topic="delivery",
               read=placing.read_zone, act=placing.set_zone),
    CommandRow(name="test", usage="/test", topic="delivery",
               read=placing.read_sample, act=placing.send_sample),
    CommandRow(name="history", usage="/history [10] [sol] [price oi vol]", topic="record",
               read=requests.read_history, act=changes.history, is_reading=True),
    CommandRow(name="stats", usage="/stats [24]", topic="record",
               read=requests.read_stats, act=changes.stats, is_reading=True),
    CommandRow(name="changes", usage="/changes [10]", topic="record",
               read=questions.read_changes, act=questions.ask_changes, is_reading=True),
    CommandRow(name="undo", usage="/undo", topic="record",
               read=questions.read_undo, act=questions.undo),
    CommandRow(name="help", usage="/help", topic="record",
               read=requests.read_help, act=changes.show_help, is_reading=True),
    CommandRow(name="start", usage="/start", topic="record",
               read=requests.read_help, act=changes.show_help, is_reading=True, scope="private"),
)
# fmt: on

COMMAND_OF: Mapping[str, CommandRow[Any]] = MappingProxyType({row.name: row for row in COMMANDS})


# ---
# The text of a chat message → a command as a value.


NAME_CHARS_MAX = 32
"""Source: https://core.telegram.org/bots/features#commands"""

_LONELY_PERCENT = re.compile(r"(?<=\d)\s+(?=[%％](?:\s|$))")


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """request: what the row's `read` made of the words, for its `act`."""

    name: str
    request: object


@dataclass(frozen=True, slots=True, kw_only=True)
class NotACommand:
    """Ordinary talk, or a command for another bot: no answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BadCommand:
    reply: Refused | UnknownCommand


def parse(text: str, *, bot_name: str | None = None) -> Command | NotACommand | BadCommand:
    """bot_name: ours, without @; None when not known, then a command with any @suffix is taken as ours."""
    head, *words = _LONELY_PERCENT.sub("", text).split() or [""]
    name, _, addressee = head.removeprefix("/").partition("@")
    if not head.startswith("/") or not name or "/" in name:
        return NotACommand()
    if addressee and bot_name is not None and addressee.lower() != bot_name.lower():
        return NotACommand()
    row = COMMAND_OF.get(name.lower())
    if row is None:
        near = difflib.get_close_matches(name[:NAME_CHARS_MAX].lower(), COMMAND_OF, n=1, cutoff=0.6)
        return BadCommand(reply=UnknownCommand(name=name[:NAME_CHARS_MAX], nearest=near[0] if near else ""))
    request = row.read(row.name, tuple(words))
    if isinstance(request, Refused):
        return BadCommand(reply=request)
    return Command(name=row.name, request=request)
