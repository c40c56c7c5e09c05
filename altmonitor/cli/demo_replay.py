"""`altmonitor demo --replay`: the way from an archive to thresholds, on a simulated exchange; needs nothing."""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path
from typing import Final

import msgspec

from altmonitor import config as configuration
from altmonitor.cli.archive import ArchiveProgress, FetchChoices, fetch_report
from altmonitor.cli.common import DONE, FAILED, Session, print_lines
from altmonitor.cli.replay import ReplayChoices, run_replay
from altmonitor.cli.tune import TuneChoices, table, tuned
from altmonitor.core import log as logs
from altmonitor.core.clock import SystemClock
from altmonitor.sim.exchange import SimExchange
from altmonitor.sim.market import SeededMarket

SYMBOLS: Final = ("BTCUSDT", "ETHUSDT", "SOLUSDT", "DOGEUSDT", "1000PEPEUSDT", "WIFUSDT")
MONTH: Final = ("2026-09-01", "2026-09-30")
PER_DAY: Final = 20
REPORT: Final = Path("demo-replay.html")


def demo_replay(*, seed: int, keep: Path | None) -> int:
    """Writes the report into `keep`, or into the folder it is started in. Returns the exit code."""
    logs.configure(level="WARNING")
    with tempfile.TemporaryDirectory(prefix="altmonitor-") as folder:
        return _show(keep or Path(folder), seed, report=REPORT if keep is None else keep / REPORT)


def _show(folder: Path, seed: int, *, report: Path) -> int:
    folder.mkdir(parents=True, exist_ok=True)
    session = asyncio.run(_fetched(folder, seed))
    if session is None:
        return FAILED
    _say(f"\n$ altmonitor tune --per-day {PER_DAY}")
    choices = TuneChoices(
        per_day=PER_DAY,
        kinds=(),
        symbols="all",
        from_time=None,
        to_time=None,
        held_out=7,
        per_class=False,
        picture=None,
        as_json=False,
    )
    found, symbols = tuned(session, choices)
    print_lines(table(found, symbols))
    tuning = folder / "tuning.json"
    tuning.write_bytes(msgspec.json.encode(found))
    words = "--set pump=3 --set dump=3 --set vol=15 --outcomes"
    _say(f"\n$ altmonitor replay --from {MONTH[0]} --to {MONTH[1]} {words} --report {report}")
    asked = ReplayChoices(
        from_time=MONTH[0],
        to_time=MONTH[1],
        symbols="all",
        settings=("pump=3", "dump=3", "vol=15"),
        price_path="touch",
        is_whole=False,
        engine="both",
        is_verify=False,
        as_json=False,
        is_judged=True,
        report=report,
        tuning=tuning,
    )
    run_replay(session, asked)
    _say(f"\nThe report, with pictures, for a browser: {report.resolve()}")
    _say("That market was made up. The real one:  altmonitor archive fetch --symbols btcusdt,solusdt --from 2025-02-01")
    return DONE


async def _fetched(folder: Path, seed: int) -> Session | None:
    """What the commands after it run on; None when the fetch had problems."""
    clock = SystemClock()
    market = SeededMarket(seed=seed, start_ms=clock.now_ms(), symbols=100)
    async with SimExchange(market, clock=clock) as exchange:
        config, _ = configuration.load(
            {
                "BINANCE_REST_URL": exchange.rest_url,
                "BINANCE_WEB_URL": exchange.web_url,
                "BINANCE_ARCHIVE_URL": exchange.archive_url,
                "ARCHIVE_DIR": str(folder / "archive"),
                "STATE_FILE": str(folder / "state.json"),
                "DB_FILE": str(folder / "alerts.db"),
            },
            env_file=None,
        )
        session = Session(config=config, clock=clock, warnings=())
        _say(f"$ altmonitor archive fetch --symbols {','.join(SYMBOLS).lower()} --from {MONTH[0]} --to {MONTH[1]}")
        choices = FetchChoices(
            symbols=",".join(SYMBOLS),
            from_day=MONTH[0],
            to_day=MONTH[1],
            series="both",
            parallel=6,
            recheck=False,
            as_json=False,
        )
        report = await fetch_report(session, choices, MONTH, ArchiveProgress("archive", clock=clock))
    _say(f"{report.files} files read; {report.new} rows are new")
    return None if report.problems else session


def _say(line: str) -> None:
    print(line, flush=True)  # noqa: T201
