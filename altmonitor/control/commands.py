"""The one table of commands: parsing, hints, usage lines, help and the chat's command menu read it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Generic, TypeVar

from altmonitor.control import changes, requests
from altmonitor.control.changes import Outcome, Situation
from altmonitor.control.replies import Refused
from altmonitor.control.requests import Words

R = TypeVar("R")


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandRow(Generic[R]):
    """usage: the syntax, the same in every language; its explanation is the text `help_<name>`.

    read: (name, words) → request, or why the words are refused. act: what the request means now. Both pure.
    """

    name: str
    usage: str
    read: Callable[[str, Words], R | Refused]
    act: Callable[[R, Situation], Outcome]

    @property
    def help_key(self) -> str:
        return f"help_{self.name}"


COMMANDS: tuple[CommandRow[Any], ...] = (
    CommandRow(name="status", usage="/status", read=requests.read_status, act=changes.status),
    CommandRow(name="pin_status", usage="/pin_status [off]", read=requests.read_pin_status, act=changes.pin_status),
    CommandRow(name="set_pump", usage="/set_pump 5", read=requests.read_numbers, act=changes.set_numbers),
    CommandRow(name="set_dump", usage="/set_dump 5", read=requests.read_numbers, act=changes.set_numbers),
    CommandRow(name="set_oi", usage="/set_oi 3 [6]", read=requests.read_numbers, act=changes.set_numbers),
    CommandRow(name="set_vol", usage="/set_vol 5", read=requests.read_numbers, act=changes.set_numbers),
    CommandRow(name="cooldown", usage="/cooldown 180", read=requests.read_numbers, act=changes.set_numbers),
    CommandRow(
        name="reset", usage="/reset [pump dump oi vol cooldown | all]", read=requests.read_reset, act=changes.reset
    ),
    CommandRow(name="watch", usage="/watch [sol doge … | all]", read=requests.read_symbols, act=changes.watch),
    CommandRow(name="unwatch", usage="/unwatch sol doge …", read=requests.read_symbols, act=changes.unwatch),
    CommandRow(name="mute", usage="/mute [sol doge … [30m 2h 7d]]", read=requests.read_mute, act=changes.mute),
    CommandRow(name="unmute", usage="/unmute sol doge … | all", read=requests.read_symbols, act=changes.unmute),
    CommandRow(
        name="history", usage="/history [10] [sol] [price oi vol]", read=requests.read_history, act=changes.history
    ),
    CommandRow(name="stats", usage="/stats [24]", read=requests.read_stats, act=changes.stats),
    CommandRow(name="help", usage="/help", read=requests.read_help, act=changes.show_help),
    CommandRow(name="start", usage="/start", read=requests.read_help, act=changes.show_help),
)

COMMAND_OF: Mapping[str, CommandRow[Any]] = MappingProxyType({row.name: row for row in COMMANDS})
