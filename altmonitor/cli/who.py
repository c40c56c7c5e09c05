"""`altmonitor who SYMBOL`: the whole picture of one contract, from the exchange or from what was tracked."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from zoneinfo import ZoneInfo

import msgspec

from altmonitor import config as configuration
from altmonitor.app.positioning_stage import positioning_stage
from altmonitor.collect.positioning_lookup import Absent, LookedUp, Part, Sources, look_up
from altmonitor.config import Config
from altmonitor.core import log as logs
from altmonitor.core.clock import Clock
from altmonitor.core.errors import AltmonitorError, ConfigError, StorageError
from altmonitor.core.given_clock import clock_of
from altmonitor.interfaces.exchange import Priority
from altmonitor.positioning.history import Snapshot
from altmonitor.positioning.picture import Picture, picture_values
from altmonitor.positioning.scan import MAX_AGE_MIN
from altmonitor.render.style import Style
from altmonitor.render.terminal import cause_text, picture_lines
from altmonitor.settings.symbols import spelled
from altmonitor.storage.snapshot_queries import snapshot_reader

DONE, FAILED, WRONG_CONFIGURATION = 0, 1, 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """values: for --json. lines: for a person. problem: why there is no answer, '' when there is one."""

    values: object
    lines: list[str]
    problem: str = ""


Ask = Callable[[Config, Clock, Style], Awaitable[Answer]]


def answered(env_file: Path, ask: Ask, *, as_json: bool) -> int:
    """Loads the settings, asks, prints; errors go to stderr. Returns the exit code."""
    try:
        config, _ = configuration.load(os.environ, env_file=env_file)
        clock = clock_of(os.environ)
        for name, value in configuration.proxies_of(env_file).items():
            os.environ.setdefault(name, value)
    except ConfigError as problem:
        print("\n".join(problem.problems), file=sys.stderr)  # noqa: T201
        return WRONG_CONFIGURATION
    logs.configure(level="ERROR", secrets=(config.tg_bot_token, config.api_token))
    style = Style(lang=config.alert_lang, tz=ZoneInfo(config.alert_tz))

    async def run() -> Answer:
        return await ask(config, clock, style)

    try:
        answer = asyncio.run(run())
    except ConfigError as problem:
        print("\n".join(problem.problems), file=sys.stderr)  # noqa: T201
        return WRONG_CONFIGURATION
    except AltmonitorError as problem:
        answer = Answer(values={"error": str(problem)}, lines=[], problem=str(problem))
    if as_json:
        print(msgspec.json.encode(answer.values).decode())  # noqa: T201
    elif not answer.problem:
        print("\n".join(answer.lines))  # noqa: T201
    if answer.problem:
        print(answer.problem, file=sys.stderr)  # noqa: T201
    return FAILED if answer.problem else DONE


def named(symbol: str) -> str:
    """Raises: ConfigError for a word that names nothing."""
    found = spelled(symbol)
    if not found:
        raise ConfigError([f"{symbol[:40]!r} is not a symbol such as BTC or BTCUSDT"])
    return found


def show(*, env_file: Path, symbol: str, period: str, stored: bool, as_json: bool) -> int:
    async def ask(config: Config, clock: Clock, style: Style) -> Answer:
        found = await (_from_store if stored else _live)(config, clock, named(symbol), period)
        if found.picture.is_empty:
            now_ms = found.picture.now_ms
            problem = f"{found.picture.symbol}: {cause_text(found.chief, style, now_ms=now_ms)}"
            values: dict[str, object] = {
                "symbol": found.picture.symbol,
                "error": problem,
                "absent": _absent_values(found.absent),
            }
            return Answer(values=values, lines=[], problem=problem)
        told = {**picture_values(found.picture), "absent": _absent_values(found.absent)}
        return Answer(values=told, lines=picture_lines(found.picture, found.absent, style))

    return answered(env_file, ask, as_json=as_json)


async def _live(config: Config, clock: Clock, symbol: str, period: str) -> LookedUp:
    """An overview that cannot be had now is taken from the tracked rows, with its age."""
    async with positioning_stage(config, clock=clock) as stage:
        sources = Sources(
            smart_money=stage.smart_money,
            top_traders=stage.positioning,
            bars=stage.positioning,
            prices=stage.positioning,
        )
        found = await look_up(symbol, sources, period=period, priority=Priority.UNIVERSE, clock=clock)
    missing = found.absent.get("smartMoney")
    if missing is None or missing.cause == "no data":
        return found
    try:
        kept = await _newest(config, clock, symbol)
    except StorageError:  # nothing was tracked: the cause that is shown stays the exchange's
        return found
    overview = None if kept is None else kept.overview
    return replace(found, picture=replace(found.picture, overview=overview))


async def _from_store(config: Config, clock: Clock, symbol: str, period: str) -> LookedUp:
    """Raises: StorageError."""
    now_ms = clock.now_ms()
    since_ms = now_ms - round(MAX_AGE_MIN * 60_000)
    async with snapshot_reader(config.smart_money_db_path) as tracked:
        snapshots = await tracked.snapshots(symbol, since_ms=since_ms)
        held = await tracked.open_interest(symbol, since_ms=since_ms)
        ratios = await tracked.newest_top_traders(symbol, period=period, since_ms=since_ms)
    newest = snapshots[-1] if snapshots else None
    parts: dict[Part, object] = {"smartMoney": newest, "topTrader": ratios, "openInterest": held, "funding": None}
    picture = Picture(
        symbol=symbol,
        now_ms=now_ms,
        overview=None if newest is None else newest.overview,
        top_traders=ratios,
        open_interest=held[-1] if held else None,
        mark_price=None if newest is None else newest.mark_price,
    )
    return LookedUp(
        picture=picture, absent={name: Absent(cause="not tracked") for name, part in parts.items() if not part}
    )


async def _newest(config: Config, clock: Clock, symbol: str) -> Snapshot | None:
    since_ms = clock.now_ms() - round(MAX_AGE_MIN * 60_000)
    async with snapshot_reader(config.smart_money_db_path) as tracked:
        rows = await tracked.snapshots(symbol, since_ms=since_ms)
    return rows[-1] if rows else None


def _absent_values(absent: Mapping[Part, Absent]) -> dict[str, object]:
    """By part: the cause, and until when for a block."""
    return {name: {"cause": found.cause, "untilMs": found.until_ms} for name, found in absent.items()}
