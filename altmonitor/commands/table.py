"""The one table of commands: parsing, hints, usage lines, help, the chat's menu and HTTP read it.

A row without `read` takes no words. A question answers (`answer`), a change decides (`act`); mypy ties both to the
dataclass of its arguments.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType, UnionType
from typing import Any, Generic, Literal, TypeVar

from altmonitor.commands import (
    conditions,
    destinations,
    market,
    outcomes,
    record,
    replies,
    reset,
    symbols,
    thresholds,
    traders,
    trial,
    venues,
)
from altmonitor.commands import replies_market as facts
from altmonitor.commands import replies_settings as own
from altmonitor.commands.arguments import NoWords, OneContract, Words, read_nothing, read_symbol
from altmonitor.commands.outcome import CommandContext, Outcome, Queries
from altmonitor.commands.replies import PlainReply, Refused, UnknownCommand
from altmonitor.core.alert import DETECTED_KINDS
from altmonitor.settings.input import latin_keys, latin_letters, plain_text
from altmonitor.settings.settings import SETTINGS

R = TypeVar("R")

Topic = Literal["market", "thresholds", "symbols", "delivery", "record"]
TOPICS: tuple[Topic, ...] = ("market", "thresholds", "symbols", "delivery", "record")
Scope = Literal["all", "private", "group"]


def _changes_nothing(request: object, now: CommandContext) -> Outcome:
    raise TypeError("a question is answered, it decides nothing")


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandRow(Generic[R]):
    """usage: the syntax, the same in every language; its explanation is the text `help_<name>`.

    arguments: what `read` makes of (name, words), unless it says why they are refused; also the shape for programs, see
        `web.commands.schema_of`. result: what it replies when nothing is wrong.
    answer: of a question, which changes nothing; may ask and wait. act: of a change; pure, may be repeated.
    is_about_place: it concerns the very place it is typed in; all other changes are refused where no alerts go.
    topic: under which heading of the help it stands. scope: the chats whose menu offers it; it is understood in all.
    """

    name: str
    usage: str
    topic: Topic
    arguments: type[R]
    read: Callable[[str, Words], R | Refused]
    result: type | UnionType
    answer: Callable[[R, CommandContext, Queries], Awaitable[PlainReply]] | None = None
    act: Callable[[R, CommandContext], Outcome] = _changes_nothing
    is_about_place: bool = False
    scope: Scope = "all"

    def __post_init__(self) -> None:
        if (self.answer is None) is (self.act is _changes_nothing):
            raise ValueError(f"/{self.name}: either `answer` or `act`")

    @property
    def is_reading(self) -> bool:
        """It changes nothing, whatever its words."""
        return self.answer is not None

    @property
    def help_key(self) -> str:
        return f"help_{self.name}"


def _threshold_row(command: str) -> CommandRow[Any]:
    """Of a command that sets numbers, from their rows in `SETTINGS`: `/set_oi 3 [6]`, `/set_move 5m 4 [15m 8]`."""
    settings = [setting for setting in SETTINGS if setting.command == command]
    is_named = settings[0].is_named
    first, *more = (f"{one.word} {one.example}" if is_named else one.example for one in settings)
    return CommandRow(
        name=command,
        usage=f"/{command} {first}" + (f" [{' '.join(more)}]" if more else ""),
        topic="thresholds",
        arguments=thresholds.NumberArguments,
        read=thresholds.read_pairs if is_named else thresholds.read_numbers,
        act=thresholds.set_numbers,
        result=replies.NumbersChanged,
    )


def _per_symbol(*, has_off: bool) -> str:
    return " ".join(setting.word for setting in SETTINGS if setting.is_per_symbol and setting.has_off is has_off)


# fmt: off
COMMANDS: tuple[CommandRow[Any], ...] = (
    CommandRow(name="status", topic="market",
               usage="/status",
               arguments=NoWords, read=read_nothing, answer=record.status,
               result=replies.StatusShown),
    CommandRow(name="uptime", topic="market",
               usage="/uptime",
               arguments=NoWords, read=read_nothing, answer=record.uptime,
               result=record.UptimeShown),
    CommandRow(name="venues", topic="market",
               usage="/venues",
               arguments=NoWords, read=read_nothing, answer=venues.venues,
               result=venues.VenuesShown),
    CommandRow(name="venue", topic="delivery",
               usage="/venue off bybit",
               arguments=venues.VenueArguments, read=venues.read_venue, act=venues.switch_venue,
               result=replies.MutedChanged),
    CommandRow(name="pin_status", topic="delivery",
               usage="/pin_status [off]",
               arguments=record.PinArguments, read=record.read_pin_status, act=record.pin_status, is_about_place=True,
               result=replies.StatusPin),
    CommandRow(name="why", topic="market",
               usage="/why sol [12:05 | 2026-11-21 12:05]",
               arguments=market.WhyWords, read=market.read_why, answer=market.why,
               result=facts.Explained),
    CommandRow(name="top", topic="market",
               usage="/top [1m 5m 1h 24h]",
               arguments=market.TopArguments, read=market.read_top, answer=market.top,
               result=facts.TopShown),
    CommandRow(name="price", topic="market",
               usage="/price sol",
               arguments=OneContract, read=read_symbol, answer=market.price,
               result=facts.PriceShown),
    CommandRow(name="oi", topic="market",
               usage="/oi sol",
               arguments=OneContract, read=read_symbol, answer=market.open_interest,
               result=facts.OpenInterestShown),
    CommandRow(name="funding", topic="market",
               usage="/funding sol",
               arguments=OneContract, read=read_symbol, answer=market.funding,
               result=facts.FundingShown),
    CommandRow(name="chart", topic="market",
               usage="/chart sol",
               arguments=OneContract, read=read_symbol, answer=market.chart,
               result=facts.ChartShown),
    CommandRow(name="who", topic="market",
               usage="/who sol | change sol [60] | trend sol [2h] | scan",
               arguments=market.WhoArguments, read=market.read_who, answer=market.who,
               result=facts.WhoShown | facts.ChangeShown | facts.TrendShown | facts.ScanShown | facts.TooFewRows),
    CommandRow(name="compare", topic="market",
               usage="/compare btc eth",
               arguments=market.TwoSymbols, read=market.read_two_symbols, answer=market.compare,
               result=facts.CompareShown),
    CommandRow(name="div", topic="market",
               usage="/div sol [5m 1h 1d]",
               arguments=market.DivergenceArguments, read=market.read_divergence, answer=market.divergence,
               result=facts.DivergenceShown),
    CommandRow(name="whales", topic="market",
               usage="/whales btc",
               arguments=traders.CoinWord, read=traders.read_coin, answer=traders.whales,
               result=traders.CoinOfPoolShown),
    CommandRow(name="trader", topic="market",
               usage="/trader 0x12…",
               arguments=traders.TraderIdWord, read=traders.read_trader, answer=traders.trader,
               result=traders.TraderPictureShown),
    *map(_threshold_row, dict.fromkeys(setting.command for setting in SETTINGS if setting.command != "cooldown")),
    CommandRow(name="cooldown", topic="thresholds",
               usage="/cooldown 180",
               arguments=thresholds.NumberArguments, read=thresholds.read_numbers, act=thresholds.set_numbers,
               result=replies.NumbersChanged),
    CommandRow(name="preset", topic="thresholds",
               usage="/preset [calm normal active original]",
               arguments=thresholds.PresetArguments, read=thresholds.read_preset, act=thresholds.use_preset,
               result=replies.NumbersChanged | own.PresetsShown),
    CommandRow(name="try", topic="thresholds",
               usage="/try pump 4 oi 2 5 [last 7d]",
               arguments=trial.TrialArguments, read=trial.read_try, answer=trial.try_settings,
               result=own.TrialShown | own.BudgetUnknown),
    CommandRow(name="budget", topic="thresholds",
               usage="/budget [20 | off]",
               arguments=thresholds.BudgetArguments, read=thresholds.read_budget, act=thresholds.budget,
               result=own.BudgetShown | own.BudgetProposed | own.BudgetAccepted | own.Changed),
    CommandRow(name="reset", topic="record",
               usage=f"/reset [{' '.join(reset.RESET_WORDS)} | all]",
               arguments=reset.ResetArguments, read=reset.read_reset, act=reset.reset,
               result=replies.NumbersChanged | own.Changed | replies.OverridesShown | replies.NothingToReset),
    CommandRow(name="set", topic="symbols",
               usage=f"/set [sol [{_per_symbol(has_off=False)} 8 | {_per_symbol(has_off=True)} 8|off | default]]",
               arguments=thresholds.SymbolArguments, read=thresholds.read_set, act=thresholds.set_symbol,
               result=own.Changed | own.SymbolNumbersShown),
    CommandRow(name="watch", topic="symbols",
               usage="/watch [sol doge … | all]",
               arguments=symbols.ListArguments, read=symbols.read_list, act=symbols.watch,
               result=replies.WatchlistChanged | replies.WatchlistShown),
    CommandRow(name="unwatch", topic="symbols",
               usage="/unwatch sol doge … | all",
               arguments=symbols.ListArguments, read=symbols.read_list, act=symbols.unwatch,
               result=replies.WatchlistChanged | replies.WatchlistShown),
    CommandRow(name="mute", topic="symbols",
               usage="/mute [sol doge … [30m 2h 7d]]",
               arguments=symbols.MuteArguments, read=symbols.read_mute, act=symbols.mute,
               result=replies.MutedChanged | replies.MutedShown),
    CommandRow(name="unmute", topic="symbols",
               usage="/unmute sol doge … | all",
               arguments=symbols.ListArguments, read=symbols.read_list, act=symbols.unmute,
               result=replies.MutedChanged | replies.MutedShown),
    CommandRow(name="alert", topic="symbols",
               usage="/alert [btc > 70000 | sol move 5m 4 | btc funding > 0.05% | delete 3]",
               arguments=conditions.AlertArguments, read=conditions.read_alert, act=conditions.alert,
               is_about_place=True,
               result=own.ConditionAdded | own.ConditionsDeleted | own.ConditionsShown),
    CommandRow(name="route", topic="delivery",
               usage=f"/route [all | {' '.join(DETECTED_KINDS)}] [loud | silent | off]",
               arguments=destinations.RouteArguments, read=destinations.read_route, act=destinations.route,
               is_about_place=True,
               result=own.Changed | own.RouteShown | own.RouteEnded | own.ConfirmAsked),
    CommandRow(name="quiet", topic="delivery",
               usage="/quiet [23:00-07:00 | off]",
               arguments=destinations.QuietArguments, read=destinations.read_quiet, act=destinations.set_quiet,
               result=own.Changed | own.QuietShown),
    CommandRow(name="lang", topic="delivery",
               usage="/lang [en zh ru]",
               arguments=destinations.LanguageArguments, read=destinations.read_lang, act=destinations.set_lang,
               result=own.Changed | own.LanguageShown),
    CommandRow(name="tz", topic="delivery",
               usage="/tz [Europe/Berlin | UTC+3]",
               arguments=destinations.ZoneArguments, read=destinations.read_zone, act=destinations.set_zone,
               result=own.Changed | own.ZoneShown),
    CommandRow(name="outcome_line", topic="delivery",
               usage="/outcome_line [on off]",
               arguments=destinations.OutcomeLineArguments, read=destinations.read_outcome_line,
               act=destinations.set_outcome_line,
               result=own.Changed | own.OutcomeLineChosen),
    CommandRow(name="test", topic="delivery",
               usage="/test",
               arguments=NoWords, read=read_nothing, act=destinations.send_sample,
               result=own.SamplesSent),
    CommandRow(name="history", topic="record",
               usage=f"/history [10] [sol] [{' '.join(DETECTED_KINDS)}] [2026-11-29 yesterday]",
               arguments=record.HistoryArguments, read=record.read_history, answer=record.history,
               result=replies.HistoryShown),
    CommandRow(name="stats", topic="record",
               usage="/stats [24]",
               arguments=record.StatsWords, read=record.read_stats, answer=record.stats,
               result=replies.StatsShown),
    CommandRow(name="outcomes", topic="record",
               usage="/outcomes",
               arguments=NoWords, read=read_nothing, answer=outcomes.outcomes,
               result=outcomes.OutcomesShown),
    CommandRow(name="changes", topic="record",
               usage="/changes [10]",
               arguments=record.ChangesArguments, read=record.read_changes, answer=record.changes,
               result=own.ChangesShown),
    CommandRow(name="undo", topic="record",
               usage="/undo",
               arguments=NoWords, read=read_nothing, act=record.undo, is_about_place=True,
               result=own.Undone),
    CommandRow(name="help", topic="record",
               usage="/help",
               arguments=record.HelpArguments, read=record.read_help, answer=record.show_help,
               result=replies.HelpShown),
    CommandRow(name="start", topic="record",
               usage="/start",
               arguments=record.HelpArguments, read=record.read_help, answer=record.show_help, scope="private",
               result=replies.HelpShown),
)
# fmt: on

COMMAND_OF: Mapping[str, CommandRow[Any]] = MappingProxyType({row.name: row for row in COMMANDS})


# ---
# The text of a chat message → a command as a value.


NAME_CHARS_MAX = 32
"""Source: https://core.telegram.org/bots/features#commands"""

_GLUED = re.compile(r"/([A-Za-z_]*[A-Za-z])[=:]?([+−-]?\d\S*|(?<=[=:])\S+)")
_PUNCTUATION = ".,;:!?…。！？、"
_LOCAL_NAMES: Mapping[str, str] = MappingProxyType(
    {
        word: name
        for name, words in {
            "help": "помощь справка команды 帮助 命令 菜单",
            "start": "старт начать 开始",
            "status": "статус состояние 状态",
            "mute": "заглушить 静音",
            "unmute": "включить 取消静音",
            "watch": "следить 监控 自选",
            "history": "история 历史 记录",
            "stats": "статистика 统计",
            "price": "цена 价格",
            "top": "топ 排行",
            "why": "почему 为什么",
            "undo": "отмена отменить 撤销",
            "lang": "язык 语言",
            "tz": "пояс 时区",
            "quiet": "тишина 免打扰",
            "chart": "график 图表",
            "reset": "сброс 重置",
            "budget": "бюджет 预算",
            "try": "проба попробовать 试算",
            "cooldown": "пауза 冷却",
            "test": "тест 测试",
        }.items()
        for word in words.split()
    }
)
"""What commands are called in the other languages of the chat; understood, not advertised."""

_LONELY_PERCENT = re.compile(r"(?<=\d)\s+(?=[%％](?:\s|$))")


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """request: what the row's `read` made of the words: its arguments."""

    name: str
    request: object


@dataclass(frozen=True, slots=True, kw_only=True)
class NotACommand:
    """Ordinary talk, or a command for another bot: no answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BadCommand:
    """One that is refused; reply: why, and how it is written."""

    reply: Refused | UnknownCommand


def known_name(name: str) -> str:
    """In small letters; of a word in another language, or in letters that only look Latin, the command it is."""
    small = name.lower()
    return small if small in COMMAND_OF else _LOCAL_NAMES.get(small, latin_letters(small))


def nearest_name(name: str) -> str:
    """'' when nothing is near."""
    word = latin_keys(name[:NAME_CHARS_MAX].lower())
    near = difflib.get_close_matches(word, COMMAND_OF, n=1, cutoff=0.6)
    return near[0] if near else ""


def parse(text: str, *, bot_name: str | None = None) -> Command | NotACommand | BadCommand:
    """bot_name: ours, without @; None when not known, then a command with any @suffix is taken as ours."""
    head, *words = _LONELY_PERCENT.sub("", plain_text(text)).split() or [""]
    glued = _GLUED.fullmatch(head)
    if glued is not None and glued[1].lower() in COMMAND_OF:  # /set_pump=5, /top5m
        head, words = f"/{glued[1]}", [glued[2], *words]
    name, _, addressee = head.removeprefix("/").rstrip(_PUNCTUATION).partition("@")
    if not head.startswith("/") or not name or "/" in name:
        return NotACommand()
    if addressee and bot_name is not None and addressee.lower() != bot_name.lower():
        return NotACommand()
    row = COMMAND_OF.get(known_name(name))
    if row is None:
        near = nearest_name(name)
        meant = f"/{near} {' '.join(words)}".strip() if near else ""
        is_good = near and not isinstance(COMMAND_OF[near].read(near, tuple(words)), Refused)
        return BadCommand(
            reply=UnknownCommand(name=name[:NAME_CHARS_MAX], nearest=near, meant=meant if is_good else "")
        )
    request = row.read(row.name, tuple(words))
    if isinstance(request, Refused):
        return BadCommand(reply=request)
    return Command(name=row.name, request=request)
