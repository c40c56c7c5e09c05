"""`altmonitor doctor` as a process, between the simulated exchange and the simulated Telegram."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import zipfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from altmonitor.sim.control import RestFault
from tests import forked
from tests.ops.screen import CTRL_C, altmonitor_in_terminal
from tests.ops.stage import GROUP, OTHER_TOKEN, OWNER, TOKEN, Stage, keeps_polling, left_in, stage


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    code: int
    out: str
    err: str

    @property
    def checks(self) -> dict[str, dict[str, Any]]:
        return {check["name"]: check for check in json.loads(self.out)["checks"]}

    def verdicts(self, *names: str) -> list[str]:
        return [self.checks[name]["verdict"] for name in names]


async def doctor(here: Stage, *options: str, **environ: str) -> Answer:
    given = {
        **here.environ(),
        "PATH": os.environ["PATH"],
        "HOME": str(here.folder),
        "TG_BOT_TOKEN": TOKEN,
        "TG_CHAT_ID": str(OWNER),
        "BINANCE_WEB_URL": here.exchange.rest_url,
        **environ,
    }
    process = await forked.altmonitor("doctor", *options, environ=given, folder=here.folder)
    async with asyncio.timeout(60):
        out, err = await process.communicate()
    answer = Answer(code=process.returncode or 0, out=out.decode(), err=err.decode())
    assert TOKEN not in answer.out + answer.err
    assert "Traceback" not in answer.err
    return answer


async def test_where_everything_is_right_it_says_ready_and_leaves_nothing_behind(tmp_path: Path) -> None:
    async with stage(tmp_path) as here:
        answer = await doctor(here)
    assert answer.code == 0, answer.out
    assert answer.out.rstrip().endswith("READY")
    assert "NOT READY" not in answer.out
    assert "✓ Exchange, candles  a candle of " in answer.out
    assert "✓ Only reader        nobody else reads this bot's messages" in answer.out
    assert here.said(OWNER) == []
    assert left_in(tmp_path) == []


async def test_an_exchange_that_only_acknowledges_is_not_ready(tmp_path: Path) -> None:
    async with stage(tmp_path) as here:
        here.exchange.faults.mute = True
        answer = await doctor(here, "--json")
    assert answer.code == 1
    assert answer.verdicts("rest", "kline", "token") == ["ok", "failed", "ok"]
    assert "subscriptions acknowledged, and no candle within 10 s" in answer.checks["kline"]["seen"]
    assert "/market" in answer.checks["kline"]["way_out"]


async def test_every_exchange_that_is_watched_is_looked_at_by_itself(tmp_path: Path) -> None:
    async with stage(tmp_path) as here:
        venues = {**here.exchange.environment(), "VENUES": "binance,bybit,okx,hyperliquid"}
        here.exchange.venues["okx"].faults.mute = True
        here.exchange.faults.rest["/v5/market/instruments-info"] = RestFault(status=403, body="<html>Forbidden</html>")
        answer = await doctor(here, "--json", **venues)
    assert answer.code == 1
    assert answer.verdicts("rest", "kline", "okx_rest", "okx_kline", "bybit_rest") == [
        "ok",
        "ok",
        "ok",
        "failed",
        "failed",
    ]
    assert answer.verdicts("bybit_clock", "bybit_open_interest") == ["skipped", "skipped"]
    names = ("hyperliquid_rest", "hyperliquid_clock", "hyperliquid_kline", "hyperliquid_open_interest")
    assert answer.verdicts(*names) == ["ok"] * 4
    assert "no candle within 10 s" in answer.checks["okx_kline"]["seen"]
    assert "coins of one side" in answer.checks["okx_open_interest"]["seen"]
    assert answer.checks["bybit_rest"]["way_out"]


async def test_where_binance_is_not_watched_it_need_not_answer(tmp_path: Path) -> None:
    async with stage(tmp_path) as here:
        venues = {**here.exchange.environment(), "VENUES": "hyperliquid", "BINANCE_REST_URL": "http://rest.invalid"}
        answer = await doctor(here, "--json", **venues)
    assert answer.verdicts("dns", "rest", "kline", "hyperliquid_rest", "hyperliquid_kline") == [
        "ok",
        "skipped",
        "skipped",
        "ok",
        "ok",
    ]
    assert answer.code == 0, answer.out


async def test_offline_each_thing_that_fails_is_named_with_a_way_out(tmp_path: Path) -> None:
    nowhere = {
        "BINANCE_REST_URL": "http://rest.invalid",
        "BINANCE_WS_URL": "ws://ws.invalid/market",
        "TELEGRAM_API_URL": "http://telegram.invalid",
    }
    async with stage(tmp_path) as here:
        answer = await doctor(here, "--json", **nowhere)
    assert answer.code == 1
    assert answer.verdicts("python", "folders", "dns", "rest", "kline", "token") == ["ok", "ok", *["failed"] * 4]
    assert answer.verdicts("chat", "rights", "alone", "clock", "open_interest") == ["skipped"] * 5
    assert "rest.invalid" in answer.checks["dns"]["seen"]
    assert answer.checks["token"]["way_out"] == "there is no network here: check cable, Wi-Fi, DNS"
    assert all(check["way_out"] for check in answer.checks.values() if check["verdict"] == "failed")


async def test_a_region_that_is_refused_is_called_that(tmp_path: Path) -> None:
    async with stage(tmp_path) as here:
        here.exchange.faults.rest["*"] = RestFault(status=451)
        answer = await doctor(here, "--json")
    assert answer.code == 1
    assert answer.verdicts("rest", "kline") == ["failed", "ok"]
    assert "run it on a server elsewhere" in answer.checks["rest"]["way_out"]


async def test_a_clock_that_is_wrong_is_told(tmp_path: Path) -> None:
    async with stage(tmp_path) as here:
        here.exchange.faults.clock_skew_ms = -45_000
        answer = await doctor(here, "--json")
    assert answer.verdicts("clock") == ["failed"]
    assert answer.checks["clock"]["seen"].startswith("this clock is 45.")
    assert "timedatectl" in answer.checks["clock"]["way_out"]


async def test_wrong_settings_are_exit_code_2_and_the_rest_is_looked_at_all_the_same(tmp_path: Path) -> None:
    async with stage(tmp_path) as here:
        answer = await doctor(here, "--json", DUMP_THRESHOLD="3", OI_CONCURRENCY=TOKEN)
    assert answer.code == 2
    assert answer.verdicts("configuration", "rest", "kline", "token", "chat") == ["failed", "ok", "ok", "ok", "ok"]
    assert "DUMP_THRESHOLD='3' is not allowed: -100 to -0.1" in answer.checks["configuration"]["seen"]


async def test_a_proxy_variable_no_library_can_use_is_blamed_and_not_the_network(tmp_path: Path) -> None:
    async with stage(tmp_path) as here:
        answer = await doctor(here, "--json", https_proxy="'http://127.0.0.1:7890'", NO_PROXY="10.0.0.0/8")
    assert answer.code == 2
    assert answer.verdicts("configuration", "database", "dns", "rest", "kline", "token", "chat") == [
        "failed",
        "ok",
        *["skipped"] * 5,
    ]
    assert answer.checks["configuration"]["seen"].startswith("https_proxy=")
    assert answer.checks["rest"]["seen"] == "not looked at, it needs: https_proxy"


@pytest.mark.parametrize(
    ("environ", "broken", "words"),
    [
        ({"TG_BOT_TOKEN": OTHER_TOKEN}, "token", "refuses the bot token"),
        ({"TG_BOT_TOKEN": ""}, "token", "TG_BOT_TOKEN is not set"),
        ({"TG_CHAT_ID": ""}, "chat", "TG_CHAT_ID is not set"),
        ({"TG_CHAT_ID": "-1005"}, "chat", "bot was kicked"),
        ({"TG_CHAT_ID": f"{GROUP}/43"}, "topic", "Message thread not found"),
        ({"TG_CHAT_ID": "-1009876543210"}, "rights", "may not write"),
        ({"PRESET_CHANNELS": f"calm={GROUP},normal=-1005"}, "channels", "normal=-1005: "),
        ({"PRESET_CHANNELS": "calm=-1009876543210"}, "channels", "calm=-1009876543210: bot "),
    ],
)
async def test_what_is_wrong_with_the_chat_is_told_apart(
    tmp_path: Path, environ: dict[str, str], broken: str, words: str
) -> None:
    async with stage(tmp_path) as here:
        here.telegram.add_topic(GROUP, 42)
        here.telegram.close_chat(-1005)
        here.telegram.set_bot_status(-1009876543210, "left")
        answer = await doctor(here, "--json", **environ)
    assert answer.code == 1
    assert answer.verdicts(broken) == ["failed"]
    assert words in answer.checks[broken]["seen"]
    assert answer.checks[broken]["way_out"]


async def test_channels_that_can_be_written_in_are_named_with_their_presets_and_without_any_none_is_looked_at(
    tmp_path: Path,
) -> None:
    async with stage(tmp_path) as here:
        some = await doctor(here, "--json", PRESET_CHANNELS=f"calm={GROUP}")
        none = await doctor(here, "--json")
    assert some.checks["channels"]["seen"] == f"the bot may write in calm={GROUP}"
    assert "channels" not in none.checks


async def test_a_webhook_and_a_second_program_are_told_apart(tmp_path: Path) -> None:
    async with stage(tmp_path) as here:
        here.telegram.updates.webhook_url = "https://hook.example/secret"
        hooked = await doctor(here, "--json")
        here.telegram.updates.webhook_url = ""
        other = asyncio.create_task(keeps_polling(here.telegram))
        try:
            polled = await doctor(here, "--json")
        finally:
            other.cancel()
            await asyncio.wait([other])
    assert "a webhook is set (hook.example)" in hooked.checks["alone"]["seen"]
    assert polled.checks["alone"]["seen"] == "another program reads this bot's messages"
    assert (hooked.code, polled.code) == (1, 1)


@asynccontextmanager
async def health_side(body: object, *, status: int = 200) -> AsyncIterator[str]:
    """A monitor's HTTP side that answers this; its port."""

    async def health(request: web.Request) -> web.Response:
        return web.json_response(body, status=status)

    app = web.Application()
    app.router.add_get("/health", health)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield str(runner.addresses[0][1])
    finally:
        await runner.cleanup()


@pytest.mark.parametrize(
    ("body", "status", "verdict", "code"),
    [
        ({"status": "ok", "reasons": []}, 200, "ok", 0),
        ({"status": "degraded", "reasons": ["sweep_late: 200 s"]}, 200, "note", 0),
        ({"status": "down", "reasons": ["feed_blind: no data for 90 s"]}, 503, "failed", 1),
    ],
)
async def test_live_asks_the_running_monitor_and_does_not_disturb_it(
    tmp_path: Path, body: dict[str, object], status: int, verdict: str, code: int
) -> None:
    async with stage(tmp_path) as here, health_side(body, status=status) as port:
        answer = await doctor(here, "--live", "--json", API_PORT=port)
        assert here.telegram.sent("getUpdates") == []
    assert answer.verdicts("running", "alone") == [verdict, "note"]
    assert answer.code == code
    for reason in body["reasons"] if isinstance(body["reasons"], list) else []:
        assert reason in answer.checks["running"]["seen"]


async def test_live_asks_the_real_monitor(tmp_path: Path) -> None:
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    chat = {"TG_BOT_TOKEN": TOKEN, "TG_CHAT_ID": str(OWNER), "API_PORT": port}
    async with stage(tmp_path) as here:
        environ = here.environ() | chat
        async with altmonitor_in_terminal("run", environ=environ, folder=tmp_path) as screen:
            await screen.sees("feed live")
            answer = await doctor(here, "--live", "--json", API_PORT=port)
            screen.types(CTRL_C, enter=False)
            assert await screen.ended() == 130
    assert answer.verdicts("running")[0] in ("ok", "note")  # a note: the first sweep is not over
    assert answer.verdicts("alone", "database", "kline") == ["note", "ok", "ok"]
    assert answer.code == 0
    assert "Another program" not in screen.all


async def test_live_without_a_running_monitor_is_not_ready(tmp_path: Path) -> None:
    async with stage(tmp_path) as here:
        answer = await doctor(here, "--live", "--json", API_PORT="9")
    assert answer.code == 1
    assert answer.verdicts("running") == ["failed"]
    assert answer.checks["running"]["way_out"] == "start it: altmonitor run"


async def test_the_bundle_holds_the_report_and_no_token(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(f"TG_BOT_TOKEN={TOKEN}\nLOG_LEVEL={TOKEN}\n{TOKEN}=x\n")
    async with stage(tmp_path) as here:
        answer = await doctor(here, "--bundle", "report.zip", "--json", TG_BOT_TOKEN="")
    assert answer.code == 2
    with zipfile.ZipFile(tmp_path / "report.zip") as archive:
        content = b"".join(archive.read(name) for name in archive.namelist())
    assert b"NOT READY" in content
    assert TOKEN.partition(":")[2].encode() not in content


async def test_the_bundle_holds_what_was_logged_and_names_neither_machine_nor_folder_nor_bot(tmp_path: Path) -> None:
    folder = tmp_path / "anns-secret-fund"
    folder.mkdir()
    log = [f"2026-11-30T01:00:00.000Z INFO    altmonitor.newsroom: line {n}" for n in range(300)]
    log[0] = f"2026-11-30T01:00:00.000Z ERROR   altmonitor.app: {folder}/alerts.db is locked, said @MyAltBot, {TOKEN}"
    (folder / "alerts.db.log").write_text("\n".join(log) + "\n")
    async with stage(folder) as here:
        answer = await doctor(here, "--bundle", "report.zip", HOME="/home/nobody")
    assert answer.code == 0, answer.out
    with zipfile.ZipFile(folder / "report.zip") as archive:
        files = {name: archive.read(name).decode() for name in archive.namelist()}
    assert files["log.txt"].splitlines()[-1].endswith("line 299")
    assert len(files["log.txt"].splitlines()) == 200
    assert files["errors.txt"] == (
        "2026-11-30T01:00:00.000Z ERROR   altmonitor.app: <folder>/alerts.db is locked, said @***, ***\n"
    )
    everything = "\n".join(files.values())
    found = [word for word in ("MyAltBot", "anns-secret-fund", socket.gethostname(), TOKEN) if word in everything]
    assert found == []


async def test_proxy_snapshots_and_blocks_are_told_as_they_are(tmp_path: Path) -> None:
    block = {
        "host": "fapi.binance.com",
        "until_ms": 4_000_000_000_000,
        "severity": "HARD",
        "reason": "418",
        "soft_hits": 3,
    }
    (tmp_path / "website-block.json").write_text(json.dumps(block))
    async with stage(tmp_path) as here:
        answer = await doctor(here, "--json", HTTPS_PROXY="http://ann:secret@10.0.0.9:3128")
        direct = await doctor(here, "--json")
    assert answer.checks["proxy"]["seen"] == (
        "HTTPS_PROXY set, and no address goes through it (NO_PROXY, or addresses of this machine)"
    )
    assert direct.checks["proxy"]["seen"] == "none is set; connections are direct"
    assert answer.checks["snapshots"]["seen"].endswith(" is not there: nothing is tracked (altmonitor track)")
    breaker = answer.checks["breaker"]
    assert breaker["verdict"] == "note"
    assert breaker["seen"].startswith("exchange: closed, no block is remembered; website: open, blocked (hard) for ")
    assert breaker["seen"].endswith(" s more: 418")
    assert "secret" not in answer.out
