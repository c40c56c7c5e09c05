"""The wizard at a real terminal: the container on this machine, with a stand-in for docker."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from altmonitor.core.causes import CauseCode
from altmonitor.core.health import Vitals, as_json, assess
from altmonitor.core.status import FeedStatus, GuardStatus, LatencyStatus, OutboxStatus, SweepStatus
from altmonitor.ops.health_probe import ProbeAnswer
from altmonitor.ops.wizard.docker_way import health_text
from altmonitor.ops.wizard.start_step import is_this_machine, only_in_shell
from altmonitor.ops.wizard.texts import Texts
from tests.fakes import cause
from tests.ops.screen import Screen
from tests.ops.stage import Stage, stage, to_the_test_alert

HEALTHY = """echo '{"Service": "altmonitor", "State": "running", "Health": "healthy"}'"""
STARTING = """echo '{"Service": "altmonitor", "State": "running", "Health": "starting"}'"""


def docker_stub(folder: Path, *cases: str) -> str:
    """PATH with a docker that answers so. cases: of the shell's `case "$*" in`."""
    tools = folder / "tools"
    tools.mkdir()
    docker = tools / "docker"
    docker.write_text('#!/bin/sh\ncase "$*" in\n' + "".join(f"  {case} ;;\n" for case in cases) + "esac\n")
    docker.chmod(0o755)
    return f"{tools}:/usr/bin:/bin"


async def to_docker(screen: Screen, here: Stage) -> None:
    await to_the_test_alert(screen, here)
    screen.types("y")
    await screen.answers("Where should it run?", "docker")


async def test_proxy_and_addresses_of_the_shell_are_carried_along_when_asked(tmp_path: Path) -> None:
    path = docker_stub(tmp_path, f'"compose ps "*) {HEALTHY}', "*) exit 0")
    async with stage(tmp_path) as here:
        proxy = {"https_proxy": "http://ann:secret@10.0.0.9:3128", "NO_PROXY": "127.0.0.1"}
        async with here.wizard(PATH=path, API_TOKEN="sixteen-characters-long", **proxy) as screen:
            await to_docker(screen, here)
            await screen.sees("Set in this shell, not in .env: HTTPS_PROXY=10.0.0.9:3128, NO_PROXY, API_TOKEN,")
            await screen.sees("the container will not see it.")
            await screen.answers("Write it into .env too?", "y")
            await screen.sees("BINANCE_REST_URL, BINANCE_WS_URL, BINANCE_WEB_URL, TELEGRAM_API_URL: 127.0.0.1")
            await screen.sees("It runs. altmonitor: running healthy")
            assert await screen.ended() == 0
        settings = here.settings()
        assert "secret" not in screen.all
        assert settings["HTTPS_PROXY"] == "http://ann:secret@10.0.0.9:3128"
        assert settings["BINANCE_REST_URL"] == here.exchange.rest_url
        assert settings["TELEGRAM_API_URL"] == here.telegram.url
        assert not {"API_PORT", "PYTHONPATH", "PATH"} & settings.keys()


async def test_what_is_not_to_be_carried_is_not_written(tmp_path: Path) -> None:
    path = docker_stub(tmp_path, f'"compose ps "*) {HEALTHY}', "*) exit 0")
    async with stage(tmp_path) as here, here.wizard(PATH=path) as screen:
        await to_docker(screen, here)
        await screen.answers("Write it into .env too?", "n")
        await screen.sees("It runs.")
        assert "BINANCE_REST_URL" not in here.settings()


@pytest.mark.parametrize(
    ("cases", "seen"),
    [
        (
            ('"compose ps "*) echo \'{"Service": "altmonitor", "State": "exited", "ExitCode": 137}\'', "*) exit 0"),
            "the container altmonitor ended with exit code 137",
        ),
        (
            (f'"compose ps "*) {STARTING}', '*"altmonitor-refused") exit 0', "*) exit 0"),
            "its settings are refused; correct .env, then docker compose up -d",
        ),
    ],
)
async def test_what_will_not_get_well_is_told_with_its_cause_and_at_once(
    tmp_path: Path, cases: tuple[str, ...], seen: str
) -> None:
    async with stage(tmp_path) as here, here.wizard(PATH=docker_stub(tmp_path, *cases)) as screen:
        await to_docker(screen, here)
        await screen.answers("Write it into .env too?", "n")
        await screen.sees(f"s: {seen}", within_s=20)
        await screen.sees("docker compose logs   says why")
        assert "It runs" not in screen.all


async def test_while_it_waits_a_line_tells_what_it_waits_for(tmp_path: Path) -> None:
    health = "echo 'degraded: starting: no data yet'; exit 1"
    path = docker_stub(
        tmp_path,
        f'"compose ps "*) {STARTING}',
        '*"altmonitor-refused") exit 1',
        f'*"health_probe --json --ok") {health}',
        "*) exit 0",
    )
    async with stage(tmp_path) as here, here.wizard(PATH=path) as screen:
        await to_docker(screen, here)
        await screen.answers("Write it into .env too?", "n")
        await screen.sees("waiting until it is well … 0 s · altmonitor: running starting")
        await screen.sees("waiting until it is well … 3 s")
        assert "It runs" not in screen.all


@pytest.mark.parametrize(
    ("cases", "says"),
    [
        (
            ('info) echo "Cannot connect to the Docker daemon at unix:///var/run/docker.sock."; exit 1', "*) exit 1"),
            "→ Docker does not run: sudo systemctl start docker, or start Docker Desktop.",
        ),
        (
            ('info) echo "permission denied while trying to connect to the socket"; exit 1', "*) exit 1"),
            "→ This user may not use Docker: sudo usermod -aG docker $USER",
        ),
        (
            ("info) exit 0", "*) echo \"docker: 'compose' is not a docker command.\"; exit 1"),
            "→ Docker has no `compose` here: install docker-compose-plugin",
        ),
        (('"compose up "*) exit 14', "*) exit 0"), "→ docker-compose.yml is not in "),
    ],
)
async def test_a_docker_that_cannot_work_is_explained(tmp_path: Path, cases: tuple[str, ...], says: str) -> None:
    async with stage(tmp_path) as here, here.wizard(PATH=docker_stub(tmp_path, *cases)) as screen:
        await to_docker(screen, here)
        await screen.answers("Write it into .env too?", "n")
        await screen.sees("That failed (exit code")
        await screen.sees(says)
        await screen.sees("Where should it run?")
        assert "waiting until it is well" not in screen.all


VITALS = Vitals(
    feed=FeedStatus(last_frame_age_s=1.0, is_blind=False),
    sweep=SweepStatus(),
    outbox=OutboxStatus(),
    guard=GuardStatus(state="open"),
    latency=LatencyStatus(),
    uptime_s=80.0,
)
GUARD = GuardStatus(state="blocked", until_ms=5, reason=cause("HTTP 451", CauseCode.REGION))


def probed(vitals: Vitals) -> str:
    """What the probe prints of a monitor that is so."""
    body = json.loads(json.dumps(as_json(assess(vitals))))
    return ProbeAnswer(body["status"], tuple(body["reasons"]), tuple(body["reason_codes"])).json


@pytest.mark.parametrize("lang", ["en", "ru", "zh"])
def test_what_health_says_is_told_in_the_language_of_the_wizard(lang: str) -> None:
    said = {
        "starting": health_text(Texts(lang), probed(replace(VITALS, feed=FeedStatus(), uptime_s=34.0))),
        "blocked": health_text(Texts(lang), probed(replace(VITALS, guard=GUARD))),
        "older image": health_text(Texts(lang), "down: something nobody has foreseen"),
        "newer image": health_text(Texts(lang), ProbeAnswer("down", ("odd: x",), ({"code": "odd"},)).json),
    }
    assert (
        said["starting"]
        == {
            "en": "no data from the exchange yet, 34 s after the start",
            "ru": "данных с биржи ещё нет, 34 с после старта",
            "zh": "启动 34 秒后仍没有交易所数据",
        }[lang]
    )
    assert (
        said["blocked"]
        == {
            "en": "degraded: exchange_limit: requests to the exchange are blocked: HTTP 451",
            "ru": "биржа ограничивает наши запросы (биржа не обслуживает это место)",
            "zh": "交易所限制了我们的请求 (交易所不向此地区提供服务)",
        }[lang]
    )
    if lang != "en":
        assert [text for text in said.values() if re.search(r"[A-Za-z]{3,}", text.replace("HTTP", ""))] == []


def test_only_what_differs_from_the_file_is_found_and_nothing_of_this_machine() -> None:
    environ = {
        "HTTPS_PROXY": "http://a:1",
        "https_proxy": "http://b:2",
        "BINANCE_WS_URL": "wss://x/market",
        "PUMP_THRESHOLD": "5",
        "ALERT_TZ": "UTC",
        "DB_FILE": "/here/alerts.db",
        "API_PORT": "0",
        "TG_BOT_TOKEN": "t",
        "HOME": "/home/ann",
    }
    assert only_in_shell(environ, {"PUMP_THRESHOLD": "5"}) == {
        "HTTPS_PROXY": "http://b:2",
        "BINANCE_WS_URL": "wss://x/market",
        "ALERT_TZ": "UTC",
    }


def test_an_address_of_this_machine_is_known_in_every_spelling() -> None:
    here = ["127.0.0.1:8080", "http://localhost:1", "http://[::1]:3128", "http://u:p@127.5.5.5", "ws://localhost/x"]
    elsewhere = ["proxy:8080", "http://10.0.0.1:1", "http://127.example:1", "https://fapi.binance.com"]
    assert [is_this_machine(text) for text in here] == [True] * 5
    assert [is_this_machine(text) for text in elsewhere] == [False] * 4
