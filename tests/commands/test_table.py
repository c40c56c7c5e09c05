from __future__ import annotations

from datetime import time

import pytest

from altmonitor.commands.arguments import NoWords
from altmonitor.commands.market import WhyWords
from altmonitor.commands.record import HelpArguments, HistoryArguments, StatsWords
from altmonitor.commands.replies import Bad, Refused, UnknownCommand
from altmonitor.commands.reset import ResetArguments
from altmonitor.commands.symbols import ListArguments, MuteArguments
from altmonitor.commands.table import COMMANDS, BadCommand, Command, NotACommand, parse
from altmonitor.commands.thresholds import NumberArguments


@pytest.mark.parametrize(
    ("text", "request_"),
    [
        ("/status", NoWords()),
        ("/STATUS", NoWords()),
        ("  /status  ", NoWords()),
        ("/start ref_42", HelpArguments(is_start=True)),
        ("/help", HelpArguments()),
        ("/set_pump 2.75", NumberArguments(values=(("pump_threshold", 2.75),))),
        ("/set_pump\n5", NumberArguments(values=(("pump_threshold", 5.0),))),
        ("/set_pump\u00a05 %", NumberArguments(values=(("pump_threshold", 5.0),))),
        ("/Set_Dump 5", NumberArguments(values=(("dump_threshold", -5.0),))),
        ("/set_dump —5", NumberArguments(values=(("dump_threshold", -5.0),))),
        ("/set_oi 3", NumberArguments(values=(("oi_surge_1m", 3.0),))),
        ("/set_oi 3 6", NumberArguments(values=(("oi_surge_1m", 3.0), ("oi_surge_5m", 6.0)))),
        ("/set_oi 3 % 6 %", NumberArguments(values=(("oi_surge_1m", 3.0), ("oi_surge_5m", 6.0)))),
        ("/set_oi 0 -4", NumberArguments(values=(("oi_surge_1m", 0.0), ("oi_surge_5m", 0.0)))),
        ("/set_vol 8x", NumberArguments(values=(("vol_burst_mult", 8.0),))),
        ("/set_vol 8×", NumberArguments(values=(("vol_burst_mult", 8.0),))),
        ("/cooldown 120s", NumberArguments(values=(("cooldown_sec", 120),))),
        ("/watch", ListArguments()),
        ("/watch ALL", ListArguments(is_all=True)),
        ("/watch sol,doge", ListArguments(symbols=("sol", "doge"))),
        ("/unmute all", ListArguments(is_all=True)),
        ("/mute", MuteArguments()),
        ("/mute doge", MuteArguments(symbols=("doge",))),
        ("/mute doge 90s", MuteArguments(symbols=("doge",), seconds=90)),
        ("/mute doge 15m", MuteArguments(symbols=("doge",), seconds=900)),
        ("/mute doge, sol 2H", MuteArguments(symbols=("doge", "sol"), seconds=7200)),
        ("/mute doge 7d", MuteArguments(symbols=("doge",), seconds=604_800)),
        ("/mute doge 365d", MuteArguments(symbols=("doge",), seconds=31_536_000)),
        ("/history", HistoryArguments()),
        ("/history yesterday", HistoryArguments(day="yesterday")),
        ("/history sol 28.11 vol 5", HistoryArguments(limit=5, symbol="sol", kind="vol", day="28.11")),
        ("/history 28 Nov, sol", HistoryArguments(symbol="sol", day="28 Nov")),
        ("/history nov 28, 2025", HistoryArguments(day="nov 28 2025")),
        ("/why sol yesterday 12:05", WhyWords(symbol="sol", at=time(12, 5), day="yesterday")),
        ("/why sol 28 ноября 12:05", WhyWords(symbol="sol", at=time(12, 5), day="28 ноября")),
        ("/history 20 sol", HistoryArguments(limit=20, symbol="sol")),
        ("/history sol vol 50", HistoryArguments(limit=50, symbol="sol", kind="vol")),
        ("/history Volume", HistoryArguments(kind="vol")),
        ("/history pump", HistoryArguments(symbol="pump")),
        ("/history 4usdt", HistoryArguments(symbol="4usdt")),
        ("/stats", StatsWords(hours=24)),
        ("/stats 720", StatsWords(hours=720)),
        ("/stats 24h", StatsWords(hours=24)),
        ("/stats 7d", StatsWords(hours=168)),
        ("/reset", ResetArguments()),
        ("/reset pump /set_dump", ResetArguments(keys=frozenset({"pump_threshold", "dump_threshold"}))),
        ("/reset all", ResetArguments(is_all=True)),
        ("/reset ALL Yes", ResetArguments(is_all=True, is_confirmed=True)),
        (
            "/reset quiet move",
            ResetArguments(keys=frozenset({"move_5m_pct", "move_15m_pct"}), parts=frozenset({"quiet"})),
        ),
        ("/reset oi", ResetArguments(keys=frozenset({"oi_surge_1m", "oi_surge_5m"}))),
    ],
)
def test_text_becomes_a_command(text: str, request_: object) -> None:
    parsed = parse(text)
    assert isinstance(parsed, Command)
    assert parsed.request == request_


@pytest.mark.parametrize(
    "text", ["", "   ", "hello", "5", "/", "/ status", "/@AltBot", "//", "/usr/bin/env", "a /status"]
)
def test_ordinary_talk_is_no_command(text: str) -> None:
    assert parse(text, bot_name="AltBot") == NotACommand()


def test_a_suffix_with_our_name_is_ours_and_another_is_not() -> None:
    assert parse("/status@altbot", bot_name="AltBot") == Command(name="status", request=NoWords())
    assert parse("/set_pump@AltBot 5", bot_name="AltBot") == parse("/set_pump 5")
    assert parse("/status@OtherBot", bot_name="AltBot") == NotACommand()
    assert parse("/nonsense@OtherBot", bot_name="AltBot") == NotACommand()
    assert parse("/status@Whoever") == Command(name="status", request=NoWords())


@pytest.mark.parametrize(
    ("text", "nearest"),
    [
        ("/foo", ""),
        ("/stat", "stats"),
        ("/setpump 3", "set_pump"),
        ("/set-pump 3", "set_pump"),
        ("/pump 3", "set_pump"),
        ("/histroy", "history"),
        ("/Mutee x", "mute"),
        ("/" + "z" * 5000, ""),
    ],
)
def test_an_unknown_command_is_answered_with_the_nearest(text: str, nearest: str) -> None:
    parsed = parse(text)
    assert isinstance(parsed, BadCommand)
    assert isinstance(parsed.reply, UnknownCommand)
    assert parsed.reply.nearest == nearest
    assert len(parsed.reply.name) <= 32


@pytest.mark.parametrize(
    ("text", "reason", "word"),
    [
        ("/mute 2h", Bad.NO_CONTRACT, ""),
        ("/mute doge 0h", Bad.BAD_DURATION, "0h"),
        ("/mute doge 366d", Bad.BAD_DURATION, "366d"),
        ("/history 5 6", Bad.TWICE, "6"),
        ("/history sol doge", Bad.TWICE, "doge"),
        ("/history vol price", Bad.TWICE, "price"),
        ("/history yesterday today", Bad.TWICE, "today"),
        ("/history 2026-11", Bad.NO_DAY, "2026-11"),
        ("/why sol someday 12:05", Bad.NO_TIME, "someday 12:05"),
        ("/set_oi 3 6 9", Bad.EXTRA, "9"),
        ("/set_pump", Bad.MISSING, ""),
        ("/status now", Bad.NOT_TAKEN, "now"),
        ("/reset watchlist", Bad.NO_SUCH_WORD, "watchlist"),
        ("/stats 1 2", Bad.EXTRA, "2"),
    ],
)
def test_wrong_arguments_are_named(text: str, reason: Bad, word: str) -> None:
    parsed = parse(text)
    assert isinstance(parsed, BadCommand)
    assert isinstance(parsed.reply, Refused)
    assert (parsed.reply.reason, parsed.reply.word) == (reason, word)


def test_the_table_names_every_promised_command_once() -> None:
    assert [row.name for row in COMMANDS] == [
        "status",
        "uptime",
        "venues",
        "venue",
        "pin_status",
        "why",
        "top",
        "price",
        "oi",
        "funding",
        "chart",
        "who",
        "compare",
        "div",
        "whales",
        "trader",
        "set_pump",
        "set_dump",
        "set_oi",
        "set_vol",
        "set_funding",
        "set_liquidations",
        "set_basis",
        "set_move",
        "set_liq",
        "cooldown",
        "preset",
        "try",
        "budget",
        "reset",
        "set",
        "watch",
        "unwatch",
        "mute",
        "unmute",
        "alert",
        "route",
        "quiet",
        "lang",
        "tz",
        "outcome_line",
        "test",
        "history",
        "stats",
        "outcomes",
        "changes",
        "undo",
        "help",
        "start",
    ]


@pytest.mark.parametrize("row", COMMANDS, ids=lambda row: row.name)
def test_a_usage_line_names_its_command(row: object) -> None:
    assert f"{getattr(row, 'usage')} ".startswith(f"/{getattr(row, 'name')} ")  # noqa: B009 – rows are generic
