"""`altmonitor who change|trend|scan|chart`: answers from what `altmonitor track` stored."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

from altmonitor.app.positioning_stage import positioning_stage
from altmonitor.cli.who import Answer, answered, named
from altmonitor.config import Config
from altmonitor.core.clock import Clock
from altmonitor.core.errors import ExchangeError, StartError, StorageError
from altmonitor.exchanges.binance.price_line import closes
from altmonitor.positioning.chart import chart as charted
from altmonitor.positioning.chart import fill_interval, nearest_closes
from altmonitor.positioning.history import SLACK_MS, NotEnoughHistory, Snapshot, change
from altmonitor.positioning.periods import period_ms
from altmonitor.positioning.picture import DISCLAIMER
from altmonitor.positioning.scan import scan_extreme
from altmonitor.positioning.tracking_values import NOTHING_TO_SCAN, change_values, scan_values, trend_values
from altmonitor.positioning.trend import profit_trend
from altmonitor.render.series_page import series_page
from altmonitor.render.style import Style
from altmonitor.render.terminal import change_lines, scan_lines, trend_lines
from altmonitor.storage.snapshot_queries import snapshot_reader


def change_of(*, env_file: Path, symbol: str, minutes: float, as_json: bool) -> int:
    async def ask(config: Config, clock: Clock, style: Style) -> Answer:
        rows = await _rows(config, clock, named(symbol), minutes)
        found = change(named(symbol), rows, minutes=minutes, now_ms=clock.now_ms())
        if isinstance(found, NotEnoughHistory):
            return Answer(values=change_values(found), lines=[], problem=str(found))
        return Answer(values=change_values(found), lines=change_lines(found, style))

    return answered(env_file, ask, as_json=as_json)


def trend_of(*, env_file: Path, symbol: str, minutes: float, as_json: bool) -> int:
    async def ask(config: Config, clock: Clock, style: Style) -> Answer:
        rows = await _rows(config, clock, named(symbol), minutes)
        found = profit_trend(named(symbol), rows, minutes=minutes, now_ms=clock.now_ms())
        if isinstance(found, NotEnoughHistory):
            return Answer(values=trend_values(found), lines=[], problem=str(found))
        return Answer(values=trend_values(found), lines=trend_lines(found, style))

    return answered(env_file, ask, as_json=as_json)


def scan(*, env_file: Path, limit: int, max_age: float, as_json: bool) -> int:
    async def ask(config: Config, clock: Clock, style: Style) -> Answer:
        now_ms = clock.now_ms()
        async with snapshot_reader(config.smart_money_db_path) as tracked:
            rows = await tracked.newest_snapshots(since_ms=now_ms - round(max_age * 60_000))
        found = scan_extreme(rows, now_ms=now_ms, limit=limit, max_age_min=max_age)
        problem = "" if found.scanned else NOTHING_TO_SCAN
        return Answer(values=scan_values(found), lines=scan_lines(found), problem=problem)

    return answered(env_file, ask, as_json=as_json)


def chart(*, env_file: Path, symbol: str, hours: float, out: Path | None, no_fill: bool) -> int:
    async def ask(config: Config, clock: Clock, style: Style) -> Answer:
        name = named(symbol)
        rows = await _rows(config, clock, name, hours * 60)
        filled = {} if no_fill else await _missing_prices(config, clock, name, rows)
        found = charted(name, rows, mark_prices=filled)
        target = out or Path(f"{name}-chart.html")
        try:
            await asyncio.to_thread(target.write_text, series_page(name, found, style, disclaimer=DISCLAIMER), "utf-8")
        except OSError as problem:
            raise StartError(f"{target} cannot be written: {problem.strerror}") from problem
        said = f"{target}: {0 if found is None else found.points} snapshots"
        problem_text = "" if found is not None else f"{said}, two are needed; run `altmonitor track` for a while"
        return Answer(values={"file": str(target)}, lines=[said], problem=problem_text)

    return answered(env_file, ask, as_json=False)


async def _rows(config: Config, clock: Clock, symbol: str, minutes: float) -> Sequence[Snapshot]:
    """Raises: StorageError."""
    since_ms = clock.now_ms() - round(minutes * 60_000) - SLACK_MS
    async with snapshot_reader(config.smart_money_db_path) as tracked:
        return await tracked.snapshots(symbol, since_ms=since_ms)


async def _missing_prices(config: Config, clock: Clock, symbol: str, rows: Sequence[Snapshot]) -> dict[int, float]:
    """Best effort: a chart without the line of prices is better than none."""
    missing = [row for row in rows if row.mark_price is None]
    if not missing:
        return {}
    from_ms, to_ms = missing[0].time_ms, missing[-1].time_ms
    interval = fill_interval(clock.now_ms() - from_ms)
    length_ms = period_ms(interval) if interval != "1m" else 60_000
    try:
        async with positioning_stage(config, clock=clock) as stage:
            found = await closes(
                stage.rest, symbol, interval=interval, from_ms=from_ms // length_ms * length_ms, to_ms=to_ms
            )
    except (ExchangeError, StartError, StorageError):
        return {}
    return nearest_closes(missing, found, interval_ms=length_ms)
