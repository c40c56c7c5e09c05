"""`altmonitor history` and `altmonitor stats`: stored alerts, for a person or for a machine."""

from __future__ import annotations

import asyncio
import html
import os
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec

from altmonitor import config as configuration
from altmonitor.commands.queries import STATS_TOP
from altmonitor.commands.replies import HistoryShown, Reply, StatsShown
from altmonitor.config import Config
from altmonitor.core.alert import Kind
from altmonitor.core.clock import SystemClock
from altmonitor.core.errors import ConfigError, StorageError
from altmonitor.render.format import Style, without_markup
from altmonitor.render.replies import reply_parts
from altmonitor.storage.queries import alert_reader

DONE, FAILED, WRONG_CONFIGURATION = 0, 1, 2


def history(*, env_file: Path, symbol: str | None, limit: int, kind: Kind | None, as_json: bool) -> int:
    """Print stored alerts, newest first. Returns the exit code."""

    async def ask(config: Config) -> tuple[Reply, object]:
        async with alert_reader(config.db_file) as alerts:
            rows = await alerts.recent(limit=limit, symbol=None if symbol is None else symbol.upper(), kind=kind)
        now_s = SystemClock().now_ms() / 1000
        reply = HistoryShown(alerts=rows, limit=limit, symbol=symbol, kind=kind, now_s=now_s)
        return reply, [msgspec.to_builtins(row.alert) | {"delivery": row.delivery} for row in rows]

    return _print(env_file, ask, as_json=as_json)


def stats(*, env_file: Path, hours: int, as_json: bool) -> int:
    """Print counts of stored alerts. Returns the exit code."""

    async def ask(config: Config) -> tuple[Reply, object]:
        async with alert_reader(config.db_file) as alerts:
            found = await alerts.stats(since_s=SystemClock().now_ms() / 1000 - hours * 3600, top=STATS_TOP)
        answer = {"hours": hours, "total": found.total, "by_kind": dict(found.by_kind), "by_symbol": found.by_symbol}
        return StatsShown(hours=hours, stats=found), answer

    return _print(env_file, ask, as_json=as_json)


def _print(env_file: Path, ask: Callable[[Config], Awaitable[tuple[Reply, object]]], *, as_json: bool) -> int:
    async def answer(config: Config) -> tuple[Reply, object]:
        return await ask(config)

    try:
        config, _ = configuration.load(os.environ, env_file=env_file)
        reply, values = asyncio.run(answer(config))
    except ConfigError as problem:
        print("\n".join(problem.problems), file=sys.stderr)  # noqa: T201
        return WRONG_CONFIGURATION
    except StorageError as problem:
        print(problem, file=sys.stderr)  # noqa: T201
        return FAILED
    if as_json:
        print(msgspec.json.encode(values).decode())  # noqa: T201
    else:
        style = Style(lang=config.alert_lang, tz=ZoneInfo(config.alert_tz))
        for part in reply_parts(reply, style):
            print(html.unescape(without_markup(part)))  # noqa: T201
    return DONE
