"""`altmonitor track`: one sweep, or sweeps until a signal, into the file of snapshots."""

from __future__ import annotations

import asyncio
import logging
import os
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TextIO
from zoneinfo import ZoneInfo

import msgspec

from altmonitor import config as configuration
from altmonitor.app.positioning import positioning_stage
from altmonitor.app.tracking import TrackerDeps, TrackerNotifier, tracked_of, tracker_of
from altmonitor.cli.run import DONE, FAILED, WRONG_CONFIGURATION, run_until_signal
from altmonitor.config import Config
from altmonitor.core import log as logs
from altmonitor.core.clock import Clock, SystemClock, clock_of
from altmonitor.core.errors import ConfigError, ExchangeUnreachable, StorageError
from altmonitor.render.format import Style, date_and_time
from altmonitor.storage.snapshot_queries import StoredCount, snapshot_reader
from altmonitor.storage.snapshots import SnapshotsDb
from altmonitor.tracker.plan import progress_line
from altmonitor.tracker.tracker import Progress, SweepReport, Tracked, Tracker
from altmonitor.tracker.types import Series

# ---
# Progress of long work: bars that are redrawn on a terminal, plain lines otherwise.


LINE_EVERY_S: Final = 60.0
_UP, _CLEAR = "\x1b[{}F", "\x1b[J"


class ProgressLines:
    """`show` is the tracker's `on_progress`. As a text stream it stands before the log: no record tears a bar."""

    def __init__(self, out: TextIO, *, clock: Clock, is_tty: bool) -> None:
        self._out = out
        self._clock = clock
        self._is_tty = is_tty
        self._lines: dict[Series, str] = {}
        self._drawn = 0
        self._said_s: dict[Series, float] = {}

    def show(self, progress: Progress) -> None:
        series, is_end = progress.series, progress.done >= progress.total
        line = progress_line(series, done=progress.done, total=progress.total, left_s=progress.left_s)
        if self._is_tty:
            self._lines[series] = line
            self._erase()
            self._draw()
            return
        now_s = self._clock.monotonic()
        if is_end or now_s - self._said_s.get(series, -LINE_EVERY_S) >= LINE_EVERY_S:
            self._said_s[series] = now_s
            self._out.write(line + "\n")
            self._out.flush()

    def write(self, text: str) -> int:
        """A log record, above the bars."""
        self._erase()
        self._out.write(text)
        if text.endswith("\n"):
            self._draw()
        return len(text)

    def flush(self) -> None:
        self._out.flush()

    def _erase(self) -> None:
        if self._drawn:
            self._out.write(_UP.format(self._drawn) + _CLEAR)
            self._drawn = 0

    def _draw(self) -> None:
        for line in self._lines.values():
            self._out.write(line + "\n")
        self._drawn = len(self._lines) if self._is_tty else 0
        self._out.flush()


# ---


log = logging.getLogger(__name__)

LAST_WORDS_S = 2.0


@dataclass(frozen=True, slots=True, kw_only=True)
class TrackRequest:
    """Options of `altmonitor track`. series: empty for all three."""

    env_file: Path
    series: tuple[str, ...] = ()
    once: bool = False
    status: bool = False
    as_json: bool = False


def track(wanted: TrackRequest) -> int:
    """Returns the exit code."""
    try:
        config, warnings = configuration.load(os.environ, env_file=wanted.env_file)
        clock = clock_of(os.environ)
        for name, value in configuration.proxies_of(wanted.env_file).items():
            os.environ.setdefault(name, value)
    except ConfigError as problem:
        return _wrong(problem)
    if wanted.status:
        return _status(config, as_json=wanted.as_json)
    lines = _logging(config, clock)
    for line in warnings:
        log.warning("%s", line)
    try:
        tracked = tracked_of(config, series=wanted.series, is_once=wanted.once)
    except ConfigError as problem:
        return _wrong(problem)
    return run_until_signal(lambda stop: _track(config, tracked, clock, lines, stop, as_json=wanted.as_json))


def _logging(config: Config, clock: Clock) -> ProgressLines:
    """Log and progress share stderr; what is printed there goes through the lines this returns."""
    logs.configure(level=config.log_level, style=config.log_format, secrets=(config.tg_bot_token, config.api_token))
    lines = ProgressLines(sys.stderr, clock=clock, is_tty=sys.stderr.isatty())
    for handler in logging.getLogger().handlers:
        if isinstance(handler, logging.StreamHandler):
            handler.setStream(lines)
    return lines


def _wrong(problem: ConfigError) -> int:
    for line in problem.problems:
        print(line, file=sys.stderr)  # noqa: T201
    return WRONG_CONFIGURATION


async def _track(
    config: Config, tracked: Tracked, clock: Clock, lines: ProgressLines, stop: asyncio.Event, *, as_json: bool
) -> None:
    """Raises: StorageError, StartError; ExchangeUnreachable when a single sweep could not be finished."""
    async with (
        _store(config, clock) as store,
        positioning_stage(config, clock=clock) as stage,
        _notifier(config, clock) as notifier,
    ):
        parts = TrackerDeps(
            rest=stage.rest,
            positioning=stage.positioning,
            smart_money=stage.smart_money,
            store=store,
            notifier=notifier,
            on_progress=lines.show,
        )
        tracker = tracker_of(config, tracked, parts, clock=clock)
        reports = await _until(stop, tracker, notifier)
    if reports is not None:
        if as_json:
            print(msgspec.json.encode([_values(report) for report in reports]).decode())  # noqa: T201
        unfinished = [report for report in reports if report.stopped]
        if unfinished:
            told = "; ".join(f"{report.series}: {report.stopped}" for report in unfinished)
            raise ExchangeUnreachable(f"not finished, the next start goes on from here: {told}")


async def _until(stop: asyncio.Event, tracker: Tracker, notifier: TrackerNotifier) -> list[SweepReport] | None:
    """The reports of a single sweep; None when it was stopped."""
    tracking = asyncio.create_task(tracker.run(), name="tracker")
    telling = asyncio.create_task(notifier.run(), name="herald")
    stopping = asyncio.create_task(stop.wait(), name="stop-signal")
    try:
        await asyncio.wait({tracking, telling, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if telling.done():
            telling.result()
        if not tracking.done():
            return None
        return tracking.result()
    finally:
        for task in (tracking, telling, stopping):
            task.cancel()
        await asyncio.wait({tracking, telling, stopping})
        with suppress(TimeoutError, StorageError):
            async with asyncio.timeout(LAST_WORDS_S):
                await notifier.finish()


@asynccontextmanager
async def _store(config: Config, clock: Clock) -> AsyncIterator[SnapshotsDb]:
    store = SnapshotsDb(config.smart_money_db_path, clock=clock)
    await store.open()
    try:
        if store.set_aside is not None:
            log.error("%s was damaged; it is kept as %s", config.smart_money_db_path, store.set_aside)
        yield store
    finally:
        await store.close()


@asynccontextmanager
async def _notifier(config: Config, clock: Clock) -> AsyncIterator[TrackerNotifier]:
    style = Style(lang=config.alert_lang, tz=ZoneInfo(config.alert_tz))
    if not config.tg_bot_token or config.tg_chat_id is None:
        yield TrackerNotifier(clock=clock, style=style)
        return
    from altmonitor.telegram.bot import TelegramChannel

    channel = TelegramChannel(config.tg_bot_token, api_url=config.telegram_api_url, clock=clock)
    await channel.start()
    try:
        yield TrackerNotifier(clock=clock, style=style, channel=channel, destination=config.tg_chat_id)
    finally:
        await channel.stop()


def _status(config: Config, *, as_json: bool) -> int:
    """What is stored; nothing is asked of the exchange."""

    async def ask() -> Sequence[StoredCount]:
        async with snapshot_reader(config.smart_money_db_path) as stored:
            return await stored.counts()

    try:
        counts = asyncio.run(ask())
    except StorageError as problem:
        print(problem, file=sys.stderr)  # noqa: T201
        return FAILED
    if as_json:
        print(msgspec.json.encode([msgspec.to_builtins(count) for count in counts]).decode())  # noqa: T201
        return DONE
    zone, now_ms = ZoneInfo(config.alert_tz), SystemClock().now_ms()
    for count in counts:
        newest = "–" if count.newest_ms is None else date_and_time(count.newest_ms, zone)
        age = "" if count.newest_ms is None else f" ({max(0, now_ms - count.newest_ms) // 60_000} min ago)"
        print(f"{count.table:<26} {count.rows:>9} rows  {count.symbols:>4} symbols  newest {newest}{age}")  # noqa: T201
    return DONE


def _values(report: SweepReport) -> dict[str, object]:
    return {name: getattr(report, name) for name in SweepReport.__slots__}
