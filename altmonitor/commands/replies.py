"""What a command answers, as values; render/replies.py turns them into text in the reader's language.

This module holds what every reply is, refusals, and the replies about lists and stored alerts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from enum import Enum

import msgspec

from altmonitor.core.alert import AlertStats, Kind, StoredAlert
from altmonitor.core.causes import Cause
from altmonitor.core.health import Health
from altmonitor.core.outcome import OutcomeRow
from altmonitor.core.types import Destination, Venue
from altmonitor.settings.audience import Audience
from altmonitor.settings.changes import NOT_MUTED, Difference
from altmonitor.settings.input import NotRead, Unlisted
from altmonitor.settings.settings import SETTING_OF, Setting, Settings

CANCEL = "cancel"
ACTION_BYTES_MAX = 40
"""Of the 64 bytes Telegram gives to a button; the rest is for a signature.
Source: https://core.telegram.org/bots/api#inlinekeyboardbutton"""


class Button(msgspec.Struct, frozen=True, kw_only=True):
    """label_key: key of its text. action: the command that a press means, as it would be typed (`/watch all yes`), or
    `CANCEL`: nothing is done and the question is closed. At most `ACTION_BYTES_MAX` bytes."""

    label_key: str
    action: str


def confirm(action: str, *, label_key: str = "confirm") -> tuple[Button, Button]:
    """action: without the `yes` that makes it so."""
    return Button(label_key=label_key, action=f"{action} yes"), Button(label_key="cancel", action=CANCEL)


def offered(commands: Sequence[str]) -> tuple[Button, ...]:
    """Commands to be pressed instead of typed, each under its own text; what no button can hold is left out."""
    return tuple(
        Button(label_key=command, action=command) for command in commands if len(command.encode()) <= ACTION_BYTES_MAX
    )


class PlainReply(msgspec.Struct, frozen=True, kw_only=True):
    """Base of all replies. A module of render/ registers how each one is told.

    Structs and no dataclasses, as every large family of values here: a class of these is made in a fiftieth of the
    time, and a start makes all of them.
    """

    @property
    def buttons(self) -> tuple[Button, ...]:
        """To be shown under the answer, in this order; often none."""
        return ()


class DestinationReply(PlainReply, frozen=True, kw_only=True):
    """It could be true of one destination and not of another: where there are several, it is said which is meant."""


class Bad(Enum):
    """Why arguments are refused, beside numbers that cannot be read. The value is the key of the text."""

    MISSING = "missing"
    EXTRA = "extra"
    NOT_TAKEN = "not_taken"
    NO_SUCH_WORD = "no_such_word"
    BAD_DURATION = "bad_duration"
    TWICE = "twice"
    TOO_MANY = "too_many"
    NO_SPAN = "no_span"
    NO_TIME = "no_time"
    NO_DAY = "no_day"
    NO_CONDITION = "no_condition"
    NO_CONTRACT = "no_contract"
    NO_UNIT = "no_unit"
    NO_MOMENT = "no_moment"
    PAST_MOMENT = "past_moment"
    NO_VENUE = "no_venue"


class Refused(PlainReply, frozen=True, kw_only=True):
    """Wrong arguments; nothing was changed. word: the one that is wrong, as typed and cut, '' when one is missing.

    low, high: what is allowed, where it is a range. setting: whose value it would have been. meant: commands that were
    perhaps meant, whole.
    """

    command: str
    reason: Bad | NotRead
    word: str = ""
    setting: Setting | None = None
    low: float | None = None
    high: float | None = None
    meant: tuple[str, ...] = ()

    @property
    def buttons(self) -> tuple[Button, ...]:
        return offered(self.meant)


class UnknownCommand(PlainReply, frozen=True, kw_only=True):
    """name: as typed and cut, without the slash. nearest: '' when nothing is near. meant: that one with what was typed
    behind it, '' where it would be refused too."""

    name: str
    nearest: str
    meant: str = ""

    @property
    def buttons(self) -> tuple[Button, ...]:
        return offered((self.meant,) if self.meant else ())


class NotUnderstood(PlainReply, frozen=True, kw_only=True):
    """Talk in a private chat, where nothing is left without an answer. meant: commands it may stand for, whole.
    is_text: False: a picture, a sticker, a voice."""

    meant: tuple[str, ...] = ()
    is_text: bool = True

    @property
    def buttons(self) -> tuple[Button, ...]:
        return offered(self.meant)


class SymbolsRefused(PlainReply, frozen=True, kw_only=True):
    """At least one word names no contract; nothing was changed."""

    command: str
    unlisted: tuple[Unlisted, ...]


class UniverseUnknown(PlainReply, frozen=True, kw_only=True):
    """The contract list has not been read yet, so no symbol can be checked; nothing was changed."""

    command: str


class SaveFailed(PlainReply, frozen=True, kw_only=True):
    """The change could not be written and was not made."""

    command: str
    problem: Cause


class NumberChange(msgspec.Struct, frozen=True, kw_only=True):
    setting: Setting
    old: float
    new: float


class NumbersChanged(DestinationReply, frozen=True, kw_only=True):
    """changes: in the order of the table, never empty; old may equal new. is_reset: back to what is followed.
    budget_was: alerts a day the thresholds were chosen for until this change; 0: for none."""

    changes: tuple[NumberChange, ...]
    is_reset: bool = False
    budget_was: int = 0


class OverridesShown(DestinationReply, frozen=True, kw_only=True):
    """What commands changed: (setting, value followed, value in force). others: what else this place has of its own."""

    changes: tuple[NumberChange, ...]
    others: tuple[Difference, ...] = ()


class NothingToReset(DestinationReply, frozen=True, kw_only=True):
    """What was named is as it would be without any command. keys: of SETTINGS; parts: of `reset.PARTS`."""

    keys: tuple[str, ...]
    parts: tuple[str, ...]


class WatchlistShown(DestinationReply, frozen=True, kw_only=True):
    """symbols: sorted; empty means every contract."""

    symbols: tuple[str, ...]


class WatchlistChanged(DestinationReply, frozen=True, kw_only=True):
    """old, new: sorted, empty means every contract. already / absent: named, but there was nothing to do."""

    old: tuple[str, ...]
    new: tuple[str, ...]
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    already: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()
    muted_too: tuple[str, ...] = ()  # watched now, and still silent because muted

    @property
    def is_all_now(self) -> bool:
        return bool(self.old) and not self.new


class MutedShown(DestinationReply, frozen=True, kw_only=True):
    """muted: symbol → unix second it ends or None; only those still in force."""

    muted: Mapping[str, int | None]


class MutedChanged(DestinationReply, frozen=True, kw_only=True):
    """changes: (symbol or EVERY_SYMBOL, before, after), each a unix second, None for good, or NOT_MUTED. absent: were
    not muted. all_until_s: end of a mute of every contract that goes on, None for good, or NOT_MUTED."""

    changes: tuple[tuple[str, int | None, int | None], ...]
    absent: tuple[str, ...] = ()
    muted_count: int = 0
    all_until_s: int | None = NOT_MUTED


class StatusShown(DestinationReply, frozen=True, kw_only=True):
    """settings in force; overridden: keys that commands changed. now_s: unix seconds the ages are measured from.

    unlisted: on the watchlist and not on the exchange, so nothing comes of them.
    audience: whose settings they are; None: not told.
    """

    settings: Settings
    overridden: frozenset[str]
    health: Health
    now_s: float
    audience: Audience | None = None
    unlisted: tuple[str, ...] = ()


class StatusPin(PlainReply, frozen=True, kw_only=True):
    """One status message of the chat that asked is kept up to date from now on, or no longer (whoever knows the chat
    sees to it). was_on: there was one."""

    is_on: bool
    was_on: bool = False


class HistoryShown(PlainReply, frozen=True, kw_only=True):
    """alerts: newest first. suggestions: for a symbol that is not listed and has no alerts. day: None: of any.
    has_more: that day has more than `limit`. kept_days: how long alerts are kept. venue: None: of all exchanges."""

    alerts: Sequence[StoredAlert]
    limit: int
    symbol: str | None
    kind: Kind | None
    now_s: float
    suggestions: tuple[str, ...] = ()
    day: date | None = None
    has_more: bool = False
    kept_days: int | None = None
    venue: Venue | None = None


class StatsShown(PlainReply, frozen=True, kw_only=True):
    """outcomes: of whole kinds, what followed all alerts recorded so far. venue: None: of all exchanges."""

    hours: int
    stats: AlertStats
    venue: Venue | None = None
    outcomes: tuple[OutcomeRow, ...] = ()


class HistoryOff(PlainReply, frozen=True, kw_only=True):
    """Rows are kept only until they are delivered (HISTORY_ENABLED=false)."""

    command: str


class QueryFailed(PlainReply, frozen=True, kw_only=True):
    """The stored alerts cannot be read now."""

    command: str
    problem: Cause


class HelpShown(PlainReply, frozen=True, kw_only=True):
    is_start: bool = False


class NoDestination(PlainReply, frozen=True, kw_only=True):
    """Typed where no alerts go: what it would have changed is another place's, and was left alone."""

    command: str


class NotPermitted(PlainReply, frozen=True, kw_only=True):
    """The writer may read but not change; told once an hour to each."""

    command: str


class Placed(msgspec.Struct, frozen=True, kw_only=True):
    """There are several destinations, and the reply is about this one."""

    destination: Destination
    is_main: bool
    reply: PlainReply


class Unrecorded(msgspec.Struct, frozen=True, kw_only=True):
    """The change is in force and saved, but its record could not be written: /undo cannot take it back."""

    reply: PlainReply | Placed
    problem: Cause


Reply = PlainReply | Placed | Unrecorded


def plain(reply: Reply) -> PlainReply:
    """Without what was put around it."""
    while isinstance(reply, Placed | Unrecorded):
        reply = reply.reply
    return reply


def number_change(key: str, before: Settings, after: Settings) -> NumberChange:
    setting = SETTING_OF[key]
    return NumberChange(setting=setting, old=setting.of(before), new=setting.of(after))
