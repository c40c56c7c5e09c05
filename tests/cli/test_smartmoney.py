"""`altmonitor smartmoney` as a person and a program meet it; what its page shows is what was printed."""

from __future__ import annotations

import json
import os
import re
import shlex
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import click
import msgspec
import pytest

from altmonitor.cli.main import cli
from altmonitor.cli.smartmoney import COLUMNS
from altmonitor.core.clock import ScaledClock
from altmonitor.operations.table import OPERATION_OF
from altmonitor.operations.trader_detail import TRADER_DETAIL_OPERATIONS
from altmonitor.operations.trader_signals import SIGNAL_OPERATIONS
from altmonitor.operations.traders import TRADER_OPERATIONS
from altmonitor.sim.exchange import SimExchange
from altmonitor.sim.market import SeededMarket
from tests.sim.exchange_kit import START
from tests.tracker.processes import Town

PAGE = Path(__file__).parents[2] / "docs/smartmoney-cli.md"
BLOCK = re.compile(r"^\$ (altmonitor smartmoney [^\n]+)\n(.*?)(?=^\$ |^```)", re.MULTILINE | re.DOTALL)


async def printed(at: Town, command: str) -> str:
    said = await at.says(*shlex.split(command)[1:], **at.exchange.okx_key_environment())
    return said.out + said.err


def masked(text: str) -> str:
    """Values move with the clock, and columns with them: what stays are the words."""
    return re.sub(r"[ \n]+", " ", re.sub(r"[-–]?\d[\d.]*|–", "#", text)).strip()


SOME = 4
"""Of the commands on the page: each is a process. All of them run where the page is written."""


@asynccontextmanager
async def exchange_at(folder: Path) -> AsyncIterator[Town]:
    """The same minutes in every run, so that the same traders hold the same things."""
    clock = ScaledClock(start_ms=START, speed=1.0)
    market = SeededMarket(seed=7, start_ms=START, symbols=60, frames_per_s=1)
    async with SimExchange(market, clock=clock) as exchange:
        yield Town(folder, clock, exchange, market)


async def test_k24_the_page_shows_what_the_commands_print(tmp_path: Path) -> None:
    page, is_written = PAGE.read_text("utf-8"), "ALTMONITOR_WRITE_EXAMPLES" in os.environ
    shown = BLOCK.findall(page)
    assert {command.split()[2] for command, _ in shown} >= {
        (row.cli or "").split()[1] for row in (*TRADER_OPERATIONS, *TRADER_DETAIL_OPERATIONS, *SIGNAL_OPERATIONS)
    }
    tried = shown if is_written else shown[:: len(shown) // SOME]
    async with exchange_at(tmp_path) as at:
        found = {command: await printed(at, command) for command, _ in tried}
    if is_written:
        PAGE.write_text(BLOCK.sub(lambda match: f"$ {match[1]}\n{found[match[1]]}", page), "utf-8")
        tried = BLOCK.findall(PAGE.read_text("utf-8"))
    assert {command: masked(text) for command, text in tried} == {
        command: masked(text) for command, text in found.items()
    }, "ALTMONITOR_WRITE_EXAMPLES=1 writes it"


async def test_json_is_what_programs_get_elsewhere_and_errors_have_their_codes(tmp_path: Path) -> None:
    copy = "--provider okx_copy"
    async with exchange_at(tmp_path) as at:
        ranking = json.loads((await at.says(*f"smartmoney traders-by-filter {copy} --limit 2 --json".split())).out)
        assert (ranking["provider"], len(ranking["data"]), ranking["pagination"]["hasMore"]) == ("okx_copy", 2, True)
        cases = {
            f"traders-by-filter {copy} --limit 1e9": (2, "limit must be a whole number from 1 to 100"),
            f"traders-by-filter {copy} --period 7": (2, "provider=hyperliquid or okx_key does"),
            f"trader-positions {copy} --authorId FFFFFFFFFFFFFFFF": (1, "okx knows no such trader"),
            "search-trader --provider okx_key --keyword x": (1, "OKX_API_KEY, OKX_SECRET_KEY, OKX_PASSPHRASE not set"),
        }
        for words, (code, text) in cases.items():
            said = await at.says("smartmoney", *shlex.split(words))
            assert said.code == code, (words, said.err)
            assert text in said.err, words
            assert "Traceback" not in said.err
        wrong = await at.says(
            *["smartmoney", "search-trader", "--keyword", "x", "--provider", "okx_key", "--json"], OKX_API_KEY="k"
        )
        assert json.loads(wrong.out)["code"] == "unavailable"  # half a key is none


def test_what_is_no_flag_or_missing_is_refused_before_anything_is_loaded() -> None:
    group = cli.commands["smartmoney"]
    for words, text in {
        "traders-by-filter --pnl 10": "No such option",
        "traders-by-filter --pnlTier PNL_TOP5": "No such option",
        "signal-overview-by-filter --minPnl 10": "No such option",
        "signal-overview-by-trader --authorIds A --sortBy pnl": "Missing parameter: period",
        "no-such-thing": "No such command",
    }.items():
        with pytest.raises(click.ClickException, match=text):
            group.main(shlex.split(words), standalone_mode=False)


def test_each_has_every_argument_as_a_flag_by_both_spellings() -> None:
    group = cli.commands["smartmoney"]
    assert isinstance(group, click.Group)
    context = click.Context(group)
    for row in (*TRADER_OPERATIONS, *TRADER_DETAIL_OPERATIONS, *SIGNAL_OPERATIONS):
        command = group.get_command(context, (row.cli or "").split()[1])
        assert command is not None
        flags = {flag for option in command.params for flag in option.opts}
        assert {f"--{name}" for name in row.arguments.__struct_encode_fields__} <= flags
        assert {f"--{name.replace('_', '-')}" for name in row.arguments.__struct_fields__} <= flags
        assert "--json" in flags
    assert group.get_command(context, "search") is not None
    assert "search" not in group.list_commands(context)


def test_what_is_shown_to_a_person_is_in_every_answer() -> None:
    for name, columns in COLUMNS.items():
        result = OPERATION_OF[name].result
        data = next(field.type for field in _fields(result) if field.name == "data").__args__[0]
        for column in columns:
            first, _, rest = column.partition(".")
            found = {field.encode_name: field for field in _fields(data)}
            assert first in found, column
            if rest:
                assert rest in {field.encode_name for field in _fields(found[first].type)}, column


def _fields(struct: type) -> tuple[object, ...]:
    return msgspec.structs.fields(struct)  # type: ignore[arg-type]
