"""The same bag of bad arguments behind every command and behind every word a command takes first."""

from __future__ import annotations

import pytest

from altmonitor.commands.replies import Refused, SymbolsRefused
from altmonitor.commands.replies_settings import ConditionUnknown, ZoneUnknown
from altmonitor.commands.table import COMMANDS, Command, parse
from altmonitor.render import format as n
from altmonitor.render.replies import reply_parts
from tests.commands.executor_kit import Desk
from tests.commands.test_executor_bad_arguments import BAG, FULL_WIDTH, SEPARATORS, STYLES

PERCENT = {"5%", "+5", "2,5", "−5", "-5", "5", "50", "51", ".5", "5 %"}
UNSIGNED_PERCENT = PERCENT - {"−5", "-5"}
ZERO = {"0", "-0"}
USD = {"5$", "$5", "+5", "2,5", "5", "0.05", "100.01", "1001", "86401", "720", "721", "50", "51", ".5"}
MULTIPLE = {"+5", "2,5", "5", "100.01", "720", "721", "50", "51"}
WHOLE = {"+5", "5", "720", "721", "50", "51"}

TAKEN: dict[str, set[str]] = {
    "set_move": set(),
    "set_move 5m": PERCENT | ZERO,
    "set_move 15m": PERCENT | ZERO,
    "set_move 5m 4": {"%"},
    "set_liq": set(),
    "set_liq 24h": USD | ZERO,
    "set_liq oi": USD | ZERO,
    "set_liq vol": USD | ZERO,
    "set": set(),
    "set sol": set(),
    "set sol pump": PERCENT,
    "set sol dump": PERCENT,
    "set sol oi": PERCENT | ZERO | {"100.01", "720", "721"},
    "set sol vol": MULTIPLE | ZERO,
    "set sol cooldown": WHOLE | ZERO | {"1001", "3.5h", "0h"},
    "set sol pump 8": {"%"},
    "preset": set(),
    "preset calm": set(),
    "budget": WHOLE | {"0"},
    "budget 20": set(),
    "budget off": set(),
    "try": set(),
    "try pump": PERCENT,
    "quiet": set(),
    "quiet 23:00-": {"5", "0", "0h", "0.05", "1001"},
    "quiet 23:00-07:00": set(),
    "lang": set(),
    "lang ru": set(),
    "tz": {"+5", "−5", "-5", "-0"},
    "tz Europe/Berlin": set(),
    "route": SEPARATORS,
    "route price": SEPARATORS,
    "route off": SEPARATORS,
    "outcome_line": set(),
    "outcome_line off": set(),
    "test": set(),
    "alert": set(),
    "alert btc": set(),
    "alert btc >": USD,
    "alert btc > 5": set(),
    "alert btc move": set(),
    "alert btc move 5m": UNSIGNED_PERCENT,
    "alert btc funding": set(),
    "alert btc funding <": {"5%", "+5", "2,5", "−5", "-5", "5", "0.05", ".5", "5 %"} | ZERO,
    "alert delete": set(),
    "alert delete all": set(),
    "why": set(),
    "why sol": set(),
    "why sol 2026-09-21": set(),
    "why sol 12:05": set(),
    "top": set(),
    "top 5m": set(),
    "price": set(),
    "price sol": set(),
    "oi": set(),
    "oi sol": set(),
    "funding": set(),
    "funding sol": set(),
    "who": set(),
    "who sol": set(),
    "who scan": set(),
    "who change": set(),
    "who change sol": WHOLE | {"1001", "3.5h"},
    "who trend sol 2h": set(),
    "compare": set(),
    "div": set(),
    "div sol": set(),
    "div sol 1h": set(),
    "chart": set(),
    "chart sol": set(),
    "changes": {"+5", "5", "50"},
    "changes 5": set(),
    "undo": set(),
    "reset": SEPARATORS,
    "reset all": SEPARATORS,
    "reset quiet": SEPARATORS,
    "uptime": set(),
    "outcomes": set(),
    "venues": set(),
    "whales": {
        *("nan", "NaN", "inf", "Infinity", "NULL", "None", "true", "false", "0x10", "0b1", "1e3", "1e999", "五"),
        *("notacoin", "BTCUSDC", "PEPE", "all2", "2y", "2hh", "0h", "99999999d", "h", "m", "5x5"),
    },
    "whales btc": set(),
    "trader": set(),
    "trader 540D011FDACCB47A": set(),
    "venue": set(),
    "venue off": set(),
    "venue off bybit": set(),
    "pin_status": set(),
    "pin_status off": set(),
    "watch all": SEPARATORS,
    "unwatch all": SEPARATORS,
    "unmute all": SEPARATORS,
}
"""What stands before the bad word → the words of the bag that are good there."""

ELSEWHERE = {"status", "help", "start", "history", "stats", "mute", "cooldown"} | {
    f"set_{word}" for word in ("pump", "dump", "oi", "vol", "funding", "liquidations", "basis")
}
"""Have a table of their own."""


@pytest.mark.parametrize("beginning", TAKEN)
async def test_a_bad_word_changes_nothing_and_is_answered_with_usage(beginning: str) -> None:
    command = beginning.split()[0]
    refused = []
    for argument in BAG:
        desk = Desk()
        before = desk.settings_store.state
        join = "" if beginning.endswith("-") else " "
        reply = await desk(f"/{beginning}{join}{argument}")
        assert reply is not None, argument
        if FULL_WIDTH.get(argument, argument) not in TAKEN[beginning]:
            refused.append(argument)
            assert isinstance(reply, Refused | SymbolsRefused | ZoneUnknown | ConditionUnknown), argument
            assert desk.settings_store.state is before
            assert desk.store.states == []
            assert desk.changes.rows == []
        for style in STYLES:
            parts = reply_parts(reply, style)
            assert all(0 < n.utf16_len(part) <= 4096 for part in parts)
            if isinstance(reply, Refused | SymbolsRefused | ZoneUnknown):
                assert f"<code>/{command}" in parts[-1], argument
    assert len(set(refused)) >= 60


def test_every_command_is_in_a_table() -> None:
    assert {beginning.split()[0] for beginning in TAKEN} | ELSEWHERE | {"watch", "unwatch", "unmute"} == {
        row.name for row in COMMANDS
    }


@pytest.mark.parametrize("beginning", [text for text, taken in TAKEN.items() if taken - SEPARATORS])
async def test_what_is_good_is_taken(beginning: str) -> None:
    join = "" if beginning.endswith("-") else " "
    for argument in TAKEN[beginning]:
        assert isinstance(parse(f"/{beginning}{join}{argument}"), Command), argument


@pytest.mark.parametrize(
    "text",
    [
        "/set_move 5m 4 5m 6",
        "/set_move 5m 4 15m",
        "/set_liq 24h 2M 24h 3M",
        "/set_liq 24h 2T",
        "/set_liq 24h $2M$",
        "/set_liq 24h 1000000000001",
        "/set sol move 5",
        "/set sol pump off",
        "/set sol dump 0",
        "/route price loud silent",
        "/route off price",
        "/quiet 23:00-23:00",
        "/quiet 25:00-07:00",
        "/quiet 23:00-07:60",
        "/quiet 23:00",
        "/alert btc > 0",
        "/alert btc > -5",
        "/alert btc > 70000 80000",
        "/alert btc >> 70000",
        "/alert btc > > 70000",
        "/alert > 70000",
        "/alert btc move 7m 4",
        "/alert btc move 5m 101",
        "/alert btc funding > 11%",
        "/alert delete 0",
        "/alert delete 3 4",
        "/alert delete",
        "/why sol 2026-02-31 12:05",
        "/why sol 12:05 2026-11-21",
        "/why sol 2026-09-22 12:05",
        "/budget 1001",
        "/budget yes",
        "/top 15m",
    ],
)
async def test_nearly_good_is_not_good(text: str) -> None:
    desk = Desk()
    assert isinstance(await desk(text), Refused)
    assert desk.store.states == []
