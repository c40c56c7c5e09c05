"""The table of commands is complete: every row says what it takes, what it replies, and whether it changes anything."""

from __future__ import annotations

from typing import Any

import pytest

from altmonitor.commands.outcome import CommandContext, Queries
from altmonitor.commands.replies import PlainReply, plain
from altmonitor.commands.table import COMMAND_OF, COMMANDS, CommandRow
from altmonitor.web.commands import schema_of
from tests.commands.executor_kit import ANN, GROUP, Desk

EXAMPLES = {
    "status": ["/status"],
    "uptime": ["/uptime"],
    "venues": ["/venues"],
    "venue": ["/venue off bybit", "/venue bybit on"],
    "pin_status": ["/pin_status", "/pin_status off"],
    "why": ["/why sol", "/why sol 12:05"],
    "top": ["/top 5m"],
    "price": ["/price sol"],
    "oi": ["/oi sol"],
    "funding": ["/funding sol"],
    "chart": ["/chart sol"],
    "who": ["/who sol", "/who scan"],
    "compare": ["/compare btc sol"],
    "div": ["/div sol"],
    "whales": ["/whales btc"],
    "trader": ["/trader AB99563B2FB29155"],
    "set_pump": ["/set_pump 5"],
    "set_dump": ["/set_dump 5"],
    "set_oi": ["/set_oi 3 6"],
    "set_vol": ["/set_vol 5"],
    "set_funding": ["/set_funding 0.1"],
    "set_liquidations": ["/set_liquidations 500k"],
    "set_basis": ["/set_basis 1"],
    "set_move": ["/set_move 5m 4"],
    "set_liq": ["/set_liq 24h 2M"],
    "cooldown": ["/cooldown 60"],
    "preset": ["/preset", "/preset calm"],
    "try": ["/try pump 4", "/try pump 4 oi 2 5 last 7d", "/try vol off 3h"],
    "budget": ["/budget", "/budget 20", "/budget 20 yes", "/budget off"],
    "reset": ["/reset", "/reset pump", "/reset quiet"],
    "set": ["/set", "/set sol pump 8"],
    "watch": ["/watch", "/watch sol"],
    "unwatch": ["/unwatch", "/unwatch sol"],
    "mute": ["/mute", "/mute sol 2h"],
    "unmute": ["/unmute", "/unmute sol"],
    "alert": ["/alert", "/alert btc > 5", "/alert delete 1"],
    "route": ["/route", "/route price", "/route off"],
    "quiet": ["/quiet", "/quiet 23-7"],
    "lang": ["/lang", "/lang ru"],
    "tz": ["/tz", "/tz UTC+3"],
    "outcome_line": ["/outcome_line", "/outcome_line off"],
    "test": ["/test"],
    "history": ["/history 5 sol"],
    "stats": ["/stats 48"],
    "outcomes": ["/outcomes"],
    "changes": ["/changes"],
    "undo": ["/undo"],
    "help": ["/help"],
    "start": ["/start"],
}


def test_every_command_has_an_example_here() -> None:
    assert list(EXAMPLES) == [row.name for row in COMMANDS]


@pytest.mark.parametrize("name", EXAMPLES)
async def test_the_reply_is_of_the_type_the_row_names(name: str) -> None:
    desk = Desk()
    await desk("/route all", at=GROUP)
    await desk("/mute sol doge", at=GROUP)
    await desk("/watch sol doge", at=GROUP)
    for text in EXAMPLES[name]:
        reply = await desk(text, at=GROUP, who=ANN)
        assert reply is not None
        assert isinstance(plain(reply), COMMAND_OF[name].result), text


def test_arguments_by_name_are_an_object_with_types_and_limits() -> None:
    assert schema_of(COMMAND_OF["status"]) == {"type": "object", "properties": {}, "required": []} | CLOSED
    assert (
        schema_of(COMMAND_OF["stats"])
        == {
            "type": "object",
            "properties": {
                "hours": {"type": "integer", "minimum": 1, "maximum": 720, "default": 24},
                "venue": {
                    "anyOf": [{"enum": ["binance", "bybit", "hyperliquid", "okx"]}, {"type": "null"}],
                    "default": None,
                },
            },
            "required": [],
        }
        | CLOSED
    )
    assert schema_of(COMMAND_OF["top"])["properties"]["window"] == {"enum": ["1h", "1m", "24h", "5m"], "default": "1h"}
    assert (
        schema_of(COMMAND_OF["price"])
        == {
            "type": "object",
            "properties": {
                "symbol": {
                    "type": "string",
                    "description": "a contract as people write it: SOLUSDT, sol",
                    "maxLength": 40,
                },
                "venue": {
                    "anyOf": [{"enum": ["binance", "bybit", "hyperliquid", "okx"]}, {"type": "null"}],
                    "default": None,
                },
            },
            "required": ["symbol"],
        }
        | CLOSED
    )
    assert (
        schema_of(COMMAND_OF["set_dump"])
        == {
            "type": "object",
            "properties": {"dump_threshold": {"type": "number", "minimum": -100, "maximum": -0.1, "description": "%"}},
            "required": ["dump_threshold"],
        }
        | CLOSED
    )
    assert schema_of(COMMAND_OF["set_oi"])["required"] == ["oi_surge_1m"]
    assert schema_of(COMMAND_OF["cooldown"])["properties"]["cooldown_sec"]["type"] == "integer"


CLOSED = {"additionalProperties": False}


def test_no_clients_trap_is_in_a_schema() -> None:
    """Some drop every tool when one has `required: null`, a top-level oneOf or something that is no object."""
    wrong = []
    for row in COMMANDS:
        schema = schema_of(row)
        if schema["type"] != "object" or not isinstance(schema["required"], list) or not schema.keys() <= KNOWN_KEYS:
            wrong.append((row.name, schema))
    assert wrong == []


KNOWN_KEYS = {"type", "properties", "required", "additionalProperties", "$defs"}


def test_a_row_either_answers_or_decides() -> None:
    async def answer(request: object, now: CommandContext, queries: Queries) -> PlainReply:
        raise AssertionError

    row: dict[str, Any] = {name: getattr(COMMAND_OF["status"], name) for name in CommandRow.__slots__}
    with pytest.raises(ValueError, match="/status: either `answer` or `act`"):
        CommandRow(**row | {"answer": answer, "act": COMMAND_OF["undo"].act})
    with pytest.raises(ValueError, match="either"):
        CommandRow(**row | {"answer": None})
