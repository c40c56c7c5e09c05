"""The tracker as a part of the monitor, on gates it is handed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from altmonitor import config as configuration
from altmonitor.app.positioning import positioning_deps
from altmonitor.app.tracking import TrackerNotifier, TrackingSide, tracked_of
from altmonitor.cli.parameters import SERIES
from altmonitor.config import Config
from altmonitor.core.clock import Clock
from altmonitor.core.errors import ConfigError
from altmonitor.render.format import Style
from altmonitor.storage.snapshot_queries import snapshot_reader
from altmonitor.storage.snapshots import SnapshotsDb
from altmonitor.tracker.series import Series
from tests.tracker.processes import Town, town


def settings(at: Town, **more: str) -> Config:
    given = {**at.environment(), "SMART_MONEY_INTERVAL_MIN": "60", "SMART_MONEY_WATCHLIST": "btc,eth", **more}
    return configuration.load(given, env_file=None)[0]


@asynccontextmanager
async def side(config: Config, clock: Clock) -> AsyncIterator[TrackingSide]:
    notifier = TrackerNotifier(clock=clock, style=Style(lang="en", tz=ZoneInfo("UTC")))
    async with positioning_deps(config, clock=clock) as stage:
        made = TrackingSide(
            config,
            clock=clock,
            rest=stage.rest,
            positioning=stage.positioning,
            smart_money=stage.smart_money,
            notifier=notifier,
        )
        await made.start()
        try:
            yield made
        finally:
            await made.stop()


async def test_its_loops_track_until_they_are_cancelled(tmp_path: Path) -> None:
    async with town(tmp_path, speed=60.0) as at, side(settings(at), at.clock) as made:
        loops = [asyncio.ensure_future(loop()) for loop in made.loops().values()]
        async with asyncio.timeout(60):
            async with snapshot_reader(at.database) as stored:
                while [count.symbols for count in await stored.counts()] != [2, 2, 2]:
                    assert not any(loop.done() for loop in loops)
                    await asyncio.sleep(0.05)
        for loop in loops:
            loop.cancel()
        await asyncio.wait(loops)


async def test_a_file_another_tracker_holds_leaves_the_monitor_as_it_is(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with town(tmp_path) as at:
        settings_store = SnapshotsDb(at.database, clock=at.clock)
        await settings_store.open()
        try:
            with caplog.at_level(logging.WARNING):
                async with side(settings(at), at.clock) as made:
                    assert made.loops() == {}
            assert "nothing is tracked here" in caplog.text
        finally:
            await settings_store.close()


def test_the_command_line_knows_every_series() -> None:
    assert list(SERIES.choices) == [series.value for series in Series]


async def test_only_repeated_sweeps_are_the_monitors(tmp_path: Path) -> None:
    async with town(tmp_path) as at:
        assert TrackingSide.is_wanted(settings(at))
        assert not TrackingSide.is_wanted(settings(at, SMART_MONEY_INTERVAL_MIN="0"))


async def test_settings_become_what_is_tracked(tmp_path: Path) -> None:
    async with town(tmp_path) as at:
        (tmp_path / "watchlist.json").write_text('["sol"]')
        tracked = tracked_of(settings(at, OI_POOL_MAX="9", TOP_TRADER_SHARD_TOTAL="3", TOP_TRADER_SHARD_INDEX="2"))
        assert tracked.watchlist == ("BTCUSDT", "ETHUSDT", "SOLUSDT")
        assert [tracked.cadence(series).interval_s for series in Series] == [3_600.0, 1_800.0, 1_800.0]
        assert tracked.parts[Series.OPEN_INTEREST].pool_max == 9
        assert (tracked.parts[Series.TOP_TRADERS].shard_total, tracked.parts[Series.TOP_TRADERS].shard_index) == (3, 2)
        with pytest.raises(ConfigError, match="OI_SHARD_INDEX=1"):
            tracked_of(settings(at, OI_SHARD_INDEX="1"))
        once = tracked_of(settings(at), series=["open-interest"], is_once=True)
        assert once.cadence(Series.OPEN_INTEREST).interval_s == 0.0


async def test_a_bad_watchlist_file_only_warns(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async with town(tmp_path) as at:
        (tmp_path / "watchlist.json").write_text("{")
        with caplog.at_level(logging.WARNING):
            assert tracked_of(settings(at)).watchlist == ("BTCUSDT", "ETHUSDT")
        assert "is neither a JSON list of symbols nor" in caplog.text
