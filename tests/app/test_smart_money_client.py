"""The client for other programs, the freqtrade example on a stub strategy, and the samples of the page."""

from __future__ import annotations

import asyncio
import importlib.util
import json
import re
import shlex
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from aiohttp import web

from altmonitor.app.smart_money_client import SmartMoneyClient, SmartMoneyError, TradeConfirmation
from altmonitor.core.clock import SystemClock
from altmonitor.core.types import Secret
from altmonitor.web.server import HttpServer, HttpServerDeps
from tests.commands.executor_kit import healthy
from tests.operations.operations_kit import Bench
from tests.operations.score_kit import whole

DOCS = Path(__file__).parents[2] / "docs"
TOKEN = "open sesame, please"


@asynccontextmanager
async def api(token: str = "") -> AsyncIterator[str]:
    server = HttpServer(
        HttpServerDeps(
            host="127.0.0.1",
            port=0,
            health=healthy,
            operations=whole(Bench()),
            clock=SystemClock(),
            token=Secret(token),
        )
    )
    await server.start()
    try:
        yield f"http://127.0.0.1:{server.port}"
    finally:
        await server.stop()


@asynccontextmanager
async def answering(body: dict[str, Any], *, status: int = 200) -> AsyncIterator[tuple[str, list[str]]]:
    """The same answer to every question, and what was asked."""
    asked: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        asked.append(request.path_qs)
        return web.json_response(body, status=status)

    app = web.Application()
    app.router.add_get("/{path:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}", asked
    finally:
        await runner.cleanup()


def told(confidence: str = "MEDIUM", size_mult: float = 1.0) -> dict[str, Any]:
    return {
        "ts": 1,
        "symbol": "SOLUSDT",
        "direction": "long",
        "composite": 0.3,
        "confidence": confidence,
        "action": "x",
        "action_v1": "x",
        "size_mult": size_mult,
    }


async def test_j40_a_confirmation_arrives_typed_and_is_asked_for_once() -> None:
    async with api() as url:
        client = SmartMoneyClient(url, timeout_s=60)
        found = await asyncio.to_thread(client.confirm, "SOL", "long")
        assert found.symbol == "SOLUSDT"
        assert found.action in ("CONFIRM_FULL", "CONFIRM_REDUCED", "CONFIRM_MINIMAL", "VETO_SKIP")
        assert found is await asyncio.to_thread(client.confirm, "SOL", "long")
        assert (await asyncio.to_thread(client.get, "/v1/kelly", confidence="HIGH"))["samples"] == 0
        with pytest.raises(SmartMoneyError) as problem:
            await asyncio.to_thread(client.confirm, "NOPE", "long")
        assert (problem.value.code, problem.value.status) == ("not_found", 404)


async def test_a_stale_answer_brings_what_was_known_last_and_nobody_there_is_unreachable() -> None:
    refusal = {"error": {"code": "data_stale", "message": "no venue answers"}, "data": told()}
    async with answering(refusal, status=503) as (url, _):
        with pytest.raises(SmartMoneyError) as problem:
            await asyncio.to_thread(SmartMoneyClient(url, timeout_s=60).confirm, "SOL", "long")
    assert problem.value.data is not None
    assert problem.value.data["composite"] == 0.3
    with pytest.raises(SmartMoneyError) as problem:
        await asyncio.to_thread(SmartMoneyClient(url, timeout_s=0.5).confirm, "SOL", "long")
    assert problem.value.code == "unreachable"


def test_j42_a_veto_makes_no_order_and_anything_else_is_sized() -> None:
    sizes = {
        name: TradeConfirmation(**told(name, mult)).sized(2.0)
        for name, mult in (("HIGH", 1.5), ("MEDIUM", 1.0), ("LOW", 0.5), ("VETO", 0.0), ("NO_DATA", 0.0))
    }
    assert sizes == {"HIGH": 3.0, "MEDIUM": 2.0, "LOW": 1.0, "VETO": 0.0, "NO_DATA": 2.0}


# --- JavaScript ---------------------------------------------------------------------------------------------------


async def node(script: str, *words: str) -> Any:
    """What it prints as JSON, with everything of the client at hand."""
    code = f'import {{ SmartMoneyClient, SmartMoneyError, sized }} from "{(DOCS / "smart_money_client.mjs").as_uri()}";'
    process = await asyncio.create_subprocess_exec(
        *("node", "--input-type=module", "-e", f"{code}\n{script}", *words),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, said = await process.communicate()
    assert process.returncode == 0, said.decode()
    return json.loads(out)


_TRIED = """
const [url, token] = process.argv.slice(-2);
const client = new SmartMoneyClient(url + "/", { token, timeoutMs: 60000 });
const told = [];
for (const ask of [
  () => client.confirm("SOL", "long", { source: "js" }),
  () => client.get("/v1/kelly", { confidence: "HIGH" }),
  () => client.confirm("NOPE & co", "long"),
  () => client.confirm("SOL", "up"),
  () => new SmartMoneyClient(url, { token: "wrong", timeoutMs: 60000 }).confirm("SOL", "long"),
  () => new SmartMoneyClient("http://127.0.0.1:9", { timeoutMs: 500 }).confirm("SOL", "long"),
]) {
  try {
    told.push((await ask()).symbol ?? null);
  } catch (problem) {
    told.push([problem instanceof SmartMoneyError, problem.code, problem.status]);
  }
}
console.log(JSON.stringify(told));
"""


@pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")
async def test_j40_the_javascript_client_asks_and_names_what_went_wrong() -> None:
    async with api(TOKEN) as url:
        assert await node(_TRIED, url, TOKEN) == [
            "SOLUSDT",
            None,
            [True, "not_found", 404],
            [True, "invalid_params", 400],
            [True, "unauthorized", 401],
            [True, "unreachable", 0],
        ]


@pytest.mark.skipif(shutil.which("node") is None, reason="node is not installed")
async def test_j42_the_javascript_client_sizes_as_the_python_one_and_keeps_what_was_known_last() -> None:
    refusal = {"error": {"code": "data_stale", "message": "no venue answers"}, "data": told("VETO", 0.0)}
    script = """
    const answers = JSON.parse(process.argv.at(-2));
    const sizes = answers.map((one) => sized(one, 2.0));
    try {
      await new SmartMoneyClient(process.argv.at(-1), { timeoutMs: 60000 }).confirm("SOL", "short");
    } catch (problem) {
      console.log(JSON.stringify({ sizes, code: problem.code, last: sized(problem.data, 2.0) }));
    }
    """
    answers = [told(name, mult) for name, mult in (("HIGH", 1.5), ("LOW", 0.5), ("VETO", 0.0), ("NO_DATA", 0.0))]
    async with answering(refusal, status=503) as (url, asked):
        found = await node(script, json.dumps(answers), url)
    assert found == {"sizes": [3.0, 1.0, 0.0, 2.0], "code": "data_stale", "last": 0.0}
    assert asked == ["/v1/confirm?symbol=SOL&direction=short"]


# --- freqtrade ----------------------------------------------------------------------------------------------------


def example() -> ModuleType:
    spec = importlib.util.spec_from_file_location("freqtrade_confirm", DOCS / "freqtrade_confirm.py")
    assert spec is not None
    assert spec.loader is not None
    found = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(found)
    return found


class StubStrategy:
    """What of freqtrade's IStrategy matters here."""

    def confirm_trade_entry(self, *args: object, **kwargs: object) -> bool:
        return True


async def entered(url: str, pair: str = "SOL/USDT:USDT", *, side: str = "long", **settings: object) -> bool:
    given = {"smart_money_url": url, "smart_money_timeout_s": 60.0, **settings}
    strategy = type("MyStrategy", (example().SmartMoneyConfirm, StubStrategy), given)()
    asked = {"pair": pair, "order_type": "limit", "amount": 1.0, "rate": 100.0, "time_in_force": "GTC"}
    moment = datetime(2026, 11, 30, tzinfo=UTC)

    def ask() -> bool:
        return bool(strategy.confirm_trade_entry(**asked, current_time=moment, entry_tag=None, side=side))

    return await asyncio.to_thread(ask)


async def test_j41_only_a_veto_keeps_an_entry_back_for_longs_and_shorts() -> None:
    async with answering(told("VETO", 0.0)) as (url, asked):
        assert not await entered(url)
        assert not await entered(url, side="short")
    assert ["direction=long" in one for one in asked] == [True, False]
    assert all("symbol=SOLUSDT" in one and "source=freqtrade" in one for one in asked)
    async with answering(told("LOW", 0.5)) as (url, _):
        assert await entered(url)


async def test_j41_it_fails_open_unless_told_otherwise_and_leaves_unknown_coins_alone() -> None:
    gone = {"error": {"code": "not_found", "message": "no such contract"}}
    async with answering(gone, status=404) as (url, _):
        assert await entered(url, "ABC/USDT:USDT", smart_money_fail_open=False)
    assert await entered(url, smart_money_timeout_s=0.3)  # nobody is there any more
    assert not await entered(url, smart_money_timeout_s=0.3, smart_money_fail_open=False)


# --- the page -----------------------------------------------------------------------------------------------------


def samples() -> list[str]:
    page = (DOCS / "smart-money-api.md").read_text("utf-8")
    blocks = re.findall(r"```sh\n(.*?)```", page, re.S)
    return [line for block in blocks for line in block.replace("\\\n", " ").splitlines() if line.startswith("curl ")]


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not installed")
async def test_j40_every_curl_sample_of_the_page_is_answered() -> None:
    found = samples()
    assert len(found) >= 3
    wrong = []
    async with api(TOKEN) as url:
        for line in found:
            words = shlex.split(line.replace("http://127.0.0.1:3001", url).replace("$API_TOKEN", TOKEN))
            if not any("Authorization" in word for word in words):
                words += ["-H", f"Authorization: Bearer {TOKEN}"]
            process = await asyncio.create_subprocess_exec(
                *words, "-o", "/dev/null", "-w", "%{http_code}", stdout=asyncio.subprocess.PIPE
            )
            out, _ = await process.communicate()
            if out.decode() != "200":
                wrong.append(f"{line}: {out.decode()}")
    assert wrong == []
