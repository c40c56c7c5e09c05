"""An AI client beside a running monitor: what only that one knows, what it stored, and a change of its settings."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tests.e2e.process import Program, World, world

if TYPE_CHECKING:
    from mcp import Client

TOKEN = "a-token-of-20-letters"
_KEPT = ("PATH", "HOME", "LANG", "TMPDIR", "VIRTUAL_ENV", "PYTHONPATH")


@asynccontextmanager
async def client_beside(place: World, monitor: Program, *arguments: str) -> AsyncIterator[Client]:
    from mcp import (
        Client,
        StdioServerParameters,
        stdio_client,
    )  # a second, in each process that collects the tests here

    port = (await monitor.match(re.compile(r"HTTP on \S+ port (\d+)")))[1]
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    started = StdioServerParameters(
        command=sys.executable,
        args=["-m", "altmonitor", "mcp", "--env-file", os.devnull, *arguments],
        env={**kept, **place.environment(), "API_PORT": port, "API_TOKEN": TOKEN},
        cwd=place.folder,
    )
    async with Client(stdio_client(started), mode="auto") as client:
        yield client


async def test_tools_know_what_the_monitor_knows_and_may_retune_it_when_that_was_allowed(tmp_path: Path) -> None:
    async with world(tmp_path, API_TOKEN=TOKEN) as place, place.program() as monitor:
        await place.is_watching(monitor)
        symbol = place.symbols[0]
        await place.pump(symbol)
        await place.hears(symbol)
        async with client_beside(place, monitor, "--allow-writes") as client:
            market = await client.call_tool("get_market", {"sort": "change_1m", "limit": 3})
            why = await client.call_tool("why", {"symbol": symbol})
            nobody = await client.call_tool("why", {"symbol": "NOSUCHCOIN"})
            alerts = await client.call_tool("get_alerts", {"symbol": symbol, "limit": 1})
            counts = await client.call_tool("alert_stats", {})
            live = await client.call_tool("get_open_interest_samples", {"symbol": symbol})
            changed = await client.call_tool("set_settings", {"pump_threshold": 5})
            wrong = await client.call_tool("set_settings", {"pump_threshold": 5_000})
            after = await client.call_tool("get_settings", {"detail": "full"})
        async with client_beside(place, monitor) as client:
            names = {tool.name for tool in (await client.list_tools()).tools}
        state = json.loads(place.state.read_text("utf-8"))
        assert state["pump_threshold"] == 5.0
    assert [told.content[0].text for told in (market, why, alerts, counts, live, changed) if told.is_error] == []
    assert market.structured_content["rows"][0]["symbol"] == symbol
    assert market.structured_content["coverage"] > 0
    assert why.structured_content["symbol"] == symbol
    assert json.loads(nobody.content[0].text)["code"] == "unknown_contract"
    (alert,) = alerts.structured_content["alerts"]
    assert (alert["symbol"], alert["kind"]) == (symbol, "price")
    assert counts.structured_content["total"] >= 1
    (change,) = changed.structured_content["changes"]
    assert (change["key"], change["old"], change["new"]) == ("pump_threshold", 3.0, 5.0)
    assert json.loads(wrong.content[0].text)["code"] == "bad_argument"
    numbers = {one["key"]: one["value"] for one in after.structured_content["numbers"]}
    assert numbers["pump_threshold"] == 5.0
    assert "set_settings" not in names
