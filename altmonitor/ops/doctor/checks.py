"""The table of checks: what is looked at, and what each look needs."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from altmonitor.config import Config
from altmonitor.core.clock import Clock
from altmonitor.ops import health_probe
from altmonitor.ops.doctor import local_checks as local
from altmonitor.ops.doctor.report import NETWORK, Check, Seen, failed, fine, note
from altmonitor.ops.origin import setup_command

# ---
# The monitor that runs here, by its own word.


LOGS = "see its log: journalctl -u altmonitor, or docker compose logs"


async def ask(config: Config, *, timeout_s: float = 4.0) -> health_probe.ProbeAnswer:
    """`unreachable` when nothing answers, or API_PORT is 0 and nobody can know where to ask."""
    try:
        host, port = health_probe.address({"API_HOST": config.api_host, "API_PORT": str(config.api_port)})
    except ValueError as problem:
        return health_probe.ProbeAnswer("unreachable", (str(problem),))
    return await asyncio.to_thread(health_probe.ask, host, port, timeout_s=timeout_s)


async def running(config: Config) -> Seen:
    answer = await ask(config)
    match answer.status:
        case "ok":
            return fine("it says: ok")
        case "degraded":
            return note(f"it says: {answer.line}", LOGS)
        case "unreachable":
            return failed("; ".join(answer.reasons), "start it: altmonitor run")
    return failed(f"it says: {answer.line}", LOGS)


# ---


if TYPE_CHECKING:  # they need the libraries that are to be checked first
    from altmonitor.ops.doctor.network_checks import Exchange
    from altmonitor.ops.doctor.telegram_checks import Telegram

READ_AGAIN = "correct that line; README.md lists what is allowed"


def local_checks() -> list[Check]:
    """What needs no configuration."""
    return [
        Check(name="python", title="Python", look=local.python, way_out="install Python 3.11 or newer"),
        Check(name="libraries", title="Libraries", look=local.libraries, way_out=local.INSTALL),
    ]


def configuration_check(problems: Sequence[str], warnings: Sequence[str]) -> Check:
    async def look() -> Seen:
        if problems:
            return failed("; ".join(problems), READ_AGAIN)
        return note("; ".join(warnings), READ_AGAIN) if warnings else fine("every setting is allowed")

    return Check(name="configuration", title="Configuration", look=look, way_out=READ_AGAIN)


def file_checks(config: Config, env_file: Path, *, clock: Clock) -> list[Check]:
    async def env() -> Seen:
        return local.private_file(env_file)

    async def folders() -> Seen:
        return await local.folders(config)

    async def database() -> Seen:
        return await local.database(config)

    async def live_settings() -> Seen:
        return await local.live_settings(config)

    async def snapshots() -> Seen:
        return await local.snapshots(config, clock)

    return [
        Check(name="env_file", title="Settings file", look=env, way_out="make it readable"),
        Check(name="folders", title="Folders, disk", look=folders, way_out="set DB_FILE and STATE_FILE elsewhere"),
        Check(name="database", title="Database", look=database, way_out="set DB_FILE to another file", limit_s=60),
        Check(
            name="snapshots",
            title="Snapshots",
            look=snapshots,
            way_out="set SMART_MONEY_DB_PATH to another file",
            limit_s=60,
        ),
        Check(name="live_settings", title="Live settings", look=live_settings, way_out="set STATE_FILE elsewhere"),
    ]


def exchange_checks(exchange: Exchange) -> list[Check]:
    return [
        Check(name="dns", title="Names (DNS)", look=exchange.names, way_out=NETWORK),
        Check(name="proxy", title="Proxy", look=exchange.proxy, way_out="check HTTPS_PROXY"),
        Check(name="rest", title="Exchange, REST", look=exchange.rest, way_out=NETWORK, limit_s=30, after=("proxy",)),
        Check(name="breaker", title="Blocks", look=exchange.breaker, way_out="", after=("rest",)),
        Check(name="clock", title="Clock", look=exchange.time, way_out="", needs=("rest",)),
        Check(name="kline", title="Exchange, candles", look=exchange.kline, way_out=NETWORK, after=("rest",)),
        Check(name="open_interest", title="Open interest", look=exchange.open_interest, way_out="", needs=("rest",)),
        Check(name="smart_money", title="Large traders", look=exchange.smart_money, way_out="", after=("rest",)),
    ]


def telegram_checks(telegram: Telegram) -> list[Check]:
    chat = f"check TG_CHAT_ID; {setup_command()} finds it"
    channels = [
        Check(
            name="channels",
            title="Telegram, channels",
            look=telegram.channels,
            way_out="check PRESET_CHANNELS",
            needs=("token",),
            limit_s=30,
        )
    ]
    return [
        Check(name="token", title="Telegram, bot", look=telegram.token, way_out="check TG_BOT_TOKEN", limit_s=30),
        Check(name="chat", title="Telegram, chat", look=telegram.chat, way_out=chat, needs=("token",)),
        Check(name="topic", title="Telegram, topic", look=telegram.topic, way_out=chat, needs=("chat",)),
        Check(name="rights", title="Telegram, rights", look=telegram.rights, way_out=chat, needs=("chat",)),
        *(channels if telegram.config.preset_channels else []),
        Check(name="alone", title="Only reader", look=telegram.alone, way_out="stop the other one", needs=("token",)),
    ]


def live_check(config: Config) -> Check:
    async def look() -> Seen:
        return await running(config)

    return Check(name="running", title="Running monitor", look=look, way_out="start it: altmonitor run")
