"""`altmonitor ask` and `compare`: the table of operations on the command line."""

from __future__ import annotations

import json
import re
from pathlib import Path

from click.testing import CliRunner

from altmonitor.cli.ask import dashed_name
from altmonitor.cli.main import cli
from altmonitor.operations.table import OPERATIONS
from altmonitor.sim.market import SeededMarket
from tests.tracker.processes import town


async def test_two_contracts_stand_in_columns_and_as_values(tmp_path: Path) -> None:
    async with town(tmp_path, kind=SeededMarket) as at:
        shown = await at.says("compare", "btc", "eth", API_PORT="0")
        values = await at.says("compare", "btc", "eth", "--json", API_PORT="0")
        same = await at.says("compare", "btc", "BTCUSDT", API_PORT="0")
        one = await at.says("compare", "btc", API_PORT="0")
    assert shown.code == 0, shown.err
    assert re.match(r"symbol +BTCUSDT +ETHUSDT\nprice +[\d.]+ +[\d.]+\n", shown.out)
    assert "not investment advice" in shown.out
    told = json.loads(values.out)
    assert (told["first"]["symbol"], told["second"]["symbol"]) == ("BTCUSDT", "ETHUSDT")
    assert (same.code, one.code) == (2, 2)
    assert "two different contracts" in same.err


async def test_arguments_reach_the_operation_by_their_names_and_wrong_ones_are_explained(tmp_path: Path) -> None:
    async with town(tmp_path) as at:
        cost = await at.says("ask", "get-funding", "eth", "--notional-usd", "5000", "--json", API_PORT="0")
        wrong = await at.says("ask", "get-top-trader", "eth", "--period", "99h", API_PORT="0")
        nobody = await at.says("ask", "get-market", "--json", API_PORT="0")
    assert json.loads(cost.out)["notionalUsd"] == 5000
    assert wrong.code == 2
    assert "period" in wrong.err
    assert nobody.code == 1
    assert json.loads(nobody.out)["code"] == "unavailable"
    assert "altmonitor run" in nobody.err


def test_every_operation_is_a_sub_command_with_its_sentence() -> None:
    for row in OPERATIONS:
        told = CliRunner().invoke(cli, ["ask", dashed_name(row), "--help"])
        assert told.exit_code == 0, row.name
        assert row.summary[:40] in " ".join(told.output.split())
