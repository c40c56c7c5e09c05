"""The server as clients start it: both transports, both eras, against the simulated exchange."""

from __future__ import annotations

import asyncio
import json
import os
import pty
import re
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import psutil
import pytest
from jsonschema import Draft202012Validator
from mcp import Client

from altmonitor.operations.table import OPERATIONS
from altmonitor.sim.market import SeededMarket
from tests.cli.test_who import ago, track
from tests.mcp.mcp_kit import ERAS, MODULE, bare, bench_server, http_server, over_stdio
from tests.tracker.processes import Town, town
from tests.tracker.samples import snapshot

NEEDS_A_MONITOR = {"get_market", "get_open_interest_samples", "why", "try_thresholds"}
NEEDS_ALERTS = {"get_alerts", "get_symbol_alerts", "alert_stats", "get_outcomes"}
NEEDS_THE_TRACKER = {"get_change", "get_profit_trend", "scan_extreme", "render_chart"}
NO_PROVIDER_OFFERS = {"get_trader_orders_history", "get_signal_trend_by_filter", "get_signal_trend_by_trader"}
NEEDS_NOTHING = {
    *("get_smart_money", "get_top_trader", "get_open_interest", "get_full_picture", "get_funding", "render_panel"),
    *("render_push", "compare", "get_positioning", "get_divergence", "get_settings", "get_candles"),
}
MODERN = {
    "io.modelcontextprotocol/protocolVersion": "2026-07-28",
    "io.modelcontextprotocol/clientCapabilities": {},
    "io.modelcontextprotocol/clientInfo": {"name": "raw", "version": "1"},
}
HELLO = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "raw", "version": "1"}}


@asynccontextmanager
async def client_over(kind: str, at: Town, *, mode: str) -> AsyncIterator[Client]:
    if kind == "stdio":
        async with over_stdio(at, mode=mode) as client:
            yield client
    else:
        async with http_server(at) as url, Client(url, mode=mode) as client:
            yield client


@pytest.mark.parametrize("mode", ERAS)
@pytest.mark.parametrize("kind", ["stdio", "http"])
async def test_a_client_lists_and_calls_every_tool_and_each_answers_or_says_what_to_run(
    tmp_path: Path, kind: str, mode: str
) -> None:
    wrong, refused = [], {}
    async with town(tmp_path, kind=SeededMarket) as at, client_over(kind, at, mode=mode) as client:
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
        for row in OPERATIONS:
            if row.writes or not row.tool:
                continue
            told = await client.call_tool(row.name, dict(row.examples[-1].arguments))
            if told.is_error:
                refused[row.name] = json.loads(told.content[0].text)
                continue
            problems = list(Draft202012Validator(tools[row.name].output_schema).iter_errors(told.structured_content))
            wrong += [f"{row.name}: {problem.message[:200]}" for problem in problems]
        assert (await client.get_prompt("whale-cost", {"symbol": "btc"})).messages
    assert wrong == []
    assert set(refused) >= NEEDS_A_MONITOR | NEEDS_ALERTS | NEEDS_THE_TRACKER
    assert not set(refused) & NEEDS_NOTHING
    for name, said in refused.items():
        if name in NO_PROVIDER_OFFERS:  # without a key of OKX and without watched wallets
            assert (said["code"], "does not offer" in said["error"]) == ("bad_argument", True), (name, said)
            continue
        assert re.search("`altmonitor (run|track)`", said["error"]), (name, said)
        assert (name in NEEDS_THE_TRACKER) <= ("altmonitor track" in said["error"])
        assert said["code"] == "unavailable"


async def test_with_tracked_rows_those_tools_answer_too(tmp_path: Path) -> None:
    async with town(tmp_path) as at:
        rows = [snapshot("SOLUSDT", ago(at, 50), long_qty=200.0), snapshot("SOLUSDT", ago(at, 1), long_qty=240.0)]
        await track(at, rows)
        async with over_stdio(at, mode="legacy") as client:
            told = {
                name: await client.call_tool(name, {} if name == "scan_extreme" else {"symbol": "sol"})
                for name in sorted(NEEDS_THE_TRACKER)
            }
    assert [name for name, one in told.items() if one.is_error] == []
    assert told["get_change"].structured_content["long"]["qtyChangePct"] == 20.0
    assert told["render_chart"].structured_content["points"] == 2


# --- bare JSON-RPC --------------------------------------------------------------------------------------------------


async def test_a_session_of_the_older_era_line_by_line(tmp_path: Path) -> None:
    async with town(tmp_path) as at, bare(at) as line:
        hello = await line.ask("initialize", HELLO)
        await line.send({"jsonrpc": "2.0", "method": "notifications/initialized"})
        pong = await line.ask("ping")
        tools = await line.ask("tools/list")
        told = await line.ask("tools/call", {"name": "get_open_interest", "arguments": {"symbol": "eth"}})
        unknown = await line.ask("tools/call", {"name": "buy_now", "arguments": {}})
        nobody = await line.ask("prompts/get", {"name": "squeeze-scan"})
        method = await line.ask("no/such")
        await line.send("{ this is no json")
        await line.send([1, 2, 3])
        after = await line.ask("tools/call", {"name": "get_funding", "arguments": {}})
        await line.send({"jsonrpc": "2.0", "method": "notifications/of_nothing"})
        still = await line.ask("ping")
    assert [one["error"]["code"] for one in line.noise] == [-32700, -32600]
    assert hello["result"]["protocolVersion"] == "2025-06-18"
    assert hello["result"]["serverInfo"]["name"] == "altmonitor"
    assert set(hello["result"]["capabilities"]) >= {"tools", "prompts", "resources"}
    assert pong["result"] == still["result"] == {}
    assert len(tools["result"]["tools"]) == len([row for row in OPERATIONS if row.tool and not row.writes])
    assert told["result"]["structuredContent"]["symbol"] == "ETHUSDT"
    assert not told["result"].get("isError")
    assert unknown["error"]["code"] == nobody["error"]["code"] == method["error"]["code"] == -32601
    assert after["result"]["isError"]
    assert "symbol is missing" in after["result"]["content"][0]["text"]


async def test_a_session_of_the_newer_era_needs_no_greeting(tmp_path: Path) -> None:
    async with town(tmp_path) as at, bare(at) as line:
        found = await line.ask("server/discover", {"_meta": MODERN})
        tools = await line.ask("tools/list", {"_meta": MODERN})
        told = await line.ask(
            "tools/call", {"name": "get_top_trader", "arguments": {"symbol": "btc", "period": "1h"}, "_meta": MODERN}
        )
        wrong = await line.ask("tools/call", {"name": "get_top_trader", "arguments": {"symbol": 5}, "_meta": MODERN})
    assert found["result"]["supportedVersions"] == ["2026-07-28"]
    assert (tools["result"]["ttlMs"], tools["result"]["cacheScope"]) == (3_600_000, "public")
    assert told["result"]["structuredContent"]["period"] == "1h"
    assert wrong["result"]["isError"]


async def test_a_client_that_vanishes_in_a_call_leaves_nothing(tmp_path: Path) -> None:
    async with town(tmp_path) as at:
        async with bare(at) as line:
            await line.ask("initialize", HELLO)
            line.process.stdin.write(  # type: ignore[union-attr]
                json.dumps(
                    {
                        "jsonrpc": "2.0",
                        "id": 99,
                        "method": "tools/call",
                        "params": {"name": "get_full_picture", "arguments": {"symbol": "eth"}},
                    }
                ).encode()
                + b"\n"
            )
            children = psutil.Process(line.process.pid).children(recursive=True)
            assert children == []
        assert line.process.returncode == 0
        left = {path for path in os.listdir(tmp_path) if not path.endswith(("-requests", "-block.json"))}
    assert left == set()


# --- memory ---------------------------------------------------------------------------------------------------------


CALLS = int(os.environ.get("ALTMONITOR_MCP_CALLS", "2000"))


async def test_thousands_of_calls_do_not_grow_a_session(tmp_path: Path) -> None:
    async with town(tmp_path) as at, bare(at) as line:
        await line.ask("initialize", HELLO)
        process = psutil.Process(line.process.pid)
        calls: list[dict[str, Any]] = [
            {"name": "get_open_interest", "arguments": {"symbol": "eth"}},
            {"name": "get_settings", "arguments": {}},
            {"name": "get_funding", "arguments": {"symbol": 5}},
            {"name": "get_smart_money", "arguments": {"symbol": "eth"}},
        ]
        warm = 400
        for number in range(CALLS):
            await line.ask("tools/call", calls[number % len(calls)])
            if number == warm:
                before = process.memory_info().rss
        grown = process.memory_info().rss - before
    assert line.noise == []
    assert grown < 12 * 1024 * 1024, f"{grown / 1024:.0f} kB over {CALLS - warm} calls"


# --- HTTP -----------------------------------------------------------------------------------------------------------


async def post(url: str, body: object, **headers: str) -> tuple[int, str, str]:
    """Status, text, session id."""
    given = {"Accept": "application/json, text/event-stream", "Content-Type": "application/json", **headers}
    async with aiohttp.ClientSession() as session, session.post(url, data=json.dumps(body), headers=given) as answer:
        return answer.status, await answer.text(), answer.headers.get("mcp-session-id", "")


async def test_only_this_machine_is_served_and_the_refusal_says_how(tmp_path: Path) -> None:
    hello = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": HELLO}
    async with town(tmp_path) as at, http_server(at) as url:
        port = url.rpartition(":")[2].partition("/")[0]
        for host in (
            "evil.example",
            f"127.0.0.1.evil.example:{port}",
            f"[127.0.0.1]evil.example:{port}",
            "localhost@x",
        ):
            status, text, _ = await post(url, hello, Host=host)
            assert status == 421, host
            assert "call it as 127.0.0.1, localhost or [::1]" in text
        status, text, _ = await post(url, hello, Origin="https://evil.example")
        assert status == 403
        for host in (f"localhost:{port}", f"127.0.0.1:{port}", "127.0.0.1"):
            status, text, session = await post(url, hello, Host=host)
            assert (status, bool(session)) == (200, True), (host, text)
        status, text, _ = await post(url, {"x": "y" * 300_000})
        assert status == 413


async def test_what_changes_settings_over_http_needs_the_token(tmp_path: Path) -> None:
    token = "a-token-of-20-letters"
    hello = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": HELLO}
    async with town(tmp_path) as at:
        refused = await at.says("mcp", "--http", "--allow-writes", API_PORT="0")
        assert (refused.code, refused.out) == (2, "")
        assert "API_TOKEN" in refused.err
        outside = await at.says("mcp", "--http", "--host", "0.0.0.0", API_PORT="0")
        assert outside.code == 2
        assert "loopback" in outside.err
        async with http_server(at, "--allow-writes", API_TOKEN=token) as url:
            assert (await post(url, hello))[0] == 401
            assert (await post(url, hello, Authorization="Bearer wrong"))[0] == 401
            assert (await post(url, hello, Authorization=f"Bearer {token}"))[0] == 200


async def test_a_session_without_requests_is_ended() -> None:
    server = bench_server()
    app = server.streamable_http_app(session_idle_timeout=0.3)
    import httpx2

    hello = {"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": HELLO}
    headers = {"Accept": "application/json, text/event-stream", "Content-Type": "application/json"}
    async with (
        app.router.lifespan_context(app),
        httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url="http://127.0.0.1:1") as client,
    ):
        opened = await client.post("/mcp", json=hello, headers=headers)
        session = opened.headers["mcp-session-id"]
        ping = {"jsonrpc": "2.0", "id": 2, "method": "ping"}
        there = {**headers, "mcp-session-id": session, "mcp-protocol-version": "2025-06-18"}
        assert (await client.post("/mcp", json=ping, headers=there)).status_code == 200
        async with asyncio.timeout(20):
            while server.session_manager._server_instances:  # noqa: ASYNC110 - no event tells of it
                await asyncio.sleep(0.05)
        assert (await client.post("/mcp", json=ping, headers=there)).status_code == 404


# --- by hand --------------------------------------------------------------------------------------------------------


def test_in_a_terminal_it_explains_itself(tmp_path: Path) -> None:
    master, slave = pty.openpty()
    try:
        done = subprocess.run(
            [sys.executable, *MODULE],
            stdin=slave,
            capture_output=True,
            text=True,
            timeout=30,
            cwd=tmp_path,
            check=False,
        )
    finally:
        os.close(master)
        os.close(slave)
    assert (done.returncode, done.stdout) == (0, "")
    assert "claude mcp add altmonitor -- altmonitor mcp" in done.stderr


def test_without_the_package_one_line_says_how_to_get_it(tmp_path: Path) -> None:
    hidden = (
        "import importlib.util, sys; real = importlib.util.find_spec\n"
        "importlib.util.find_spec = lambda name, *more: None if name == 'mcp' else real(name, *more)\n"
        "from altmonitor.cli.main import main; sys.argv = ['altmonitor', 'mcp']; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", hidden],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=30,
        cwd=tmp_path,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.strip() == "altmonitor mcp needs one more package: pip install 'altmonitor[mcp]'"


async def test_help_and_version_need_no_network_and_answer_at_once(tmp_path: Path) -> None:
    async with town(tmp_path) as at:
        told = await at.says("mcp", "--help")
    assert told.code == 0
    assert re.search(r"--http .*--allow-writes", told.out, re.DOTALL)
