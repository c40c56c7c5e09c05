"""The real `altmonitor archive` against the simulated one: fetch, import, list, exit codes."""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from altmonitor import config as configuration
from altmonitor.cli.archive import export, show, take_in
from altmonitor.cli.common import Session
from altmonitor.cli.replay import ReplayChoices, run_replay
from altmonitor.cli.tune import TuneChoices, run_tune
from altmonitor.core.clock import CLOCK_VARIABLE, ScaledClock, SystemClock
from altmonitor.core.errors import ConfigError, StorageError
from altmonitor.replay.store import HistoryStore
from altmonitor.sim.exchange import SimExchange
from altmonitor.sim.market import SeededMarket
from tests import forked
from tests.replay.history import wild_columns

MARCH_5_NOON = 1_741_176_000_000


async def altmonitor(folder: Path, *words: str, **settings: str) -> tuple[int, str, str]:
    """(exit code, stdout, stderr)"""
    environ = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    environ |= {"ARCHIVE_DIR": str(folder / "store"), "DB_FILE": str(folder / "alerts.db"), **settings}
    program = await forked.altmonitor(*words, "--env-file", str(folder / "no.env"), environ=environ)
    out, err = await program.communicate()
    return program.returncode or 0, out.decode(), err.decode()


@asynccontextmanager
async def served() -> AsyncIterator[tuple[SimExchange, dict[str, str]]]:
    clock = ScaledClock(start_ms=MARCH_5_NOON, speed=10.0)
    async with SimExchange(SeededMarket(seed=1, start_ms=MARCH_5_NOON, symbols=20), clock=clock) as exchange:
        yield (
            exchange,
            {
                "BINANCE_ARCHIVE_URL": exchange.archive_url,
                "BINANCE_REST_URL": exchange.rest_url,
                "BINANCE_WEB_URL": exchange.web_url,
                CLOCK_VARIABLE: f"{clock.start_ms}:{clock.speed}:{clock.anchor_s}",
            },
        )


async def test_what_is_fetched_is_listed_and_trouble_is_named_with_exit_code_1(tmp_path: Path) -> None:
    async with served() as (exchange, settings):
        words = ("archive", "fetch", "--symbols", "btcusdt,ETHUSDT", "--from", "2025-03-01", "--to", "2025-03-02")
        words = (*words, "--series", "both")
        code, out, err = await altmonitor(tmp_path, *words, **settings)
        assert code == 0, err
        assert out == "8 files read, 0 were there; 6912 rows are new, 0 changed\n"
        assert "archive 4/4 100 %  done" in err
        exchange.archive.quirks.truncated.add("ETHUSDT-1m-2025-03-03.zip")
        exchange.archive.quirks.missing.add("ETHUSDT-1m-2025-02-28.zip")
        words = (
            "archive",
            "fetch",
            "--symbols",
            "ETHUSDT",
            "--series",
            "klines",
            "--from",
            "2025-02-28",
            "--to",
            "2025-03-03",
        )
        code, out, err = await altmonitor(tmp_path, *words, **settings)
        assert code == 1
        assert out == "0 files read, 2 were there; 0 rows are new, 0 changed\nmissing: ETHUSDT klines 2025-02-28\n"
        assert "ETHUSDT-1m-2025-03-03.zip: it is not a whole zip file" in err
    code, out, err = await altmonitor(tmp_path, "archive", "list", "--json")
    assert (code, err) == (0, "")
    assert [(row["symbol"], row["series"], row["rows"], row["missing_minutes"]) for row in json.loads(out)] == [
        ("BTCUSDT", "klines", 2_880, 0),
        ("BTCUSDT", "oi", 576, 0),
        ("ETHUSDT", "klines", 2_880, 0),
        ("ETHUSDT", "oi", 576, 0),
    ]


async def test_funding_is_fetched_by_the_month_listed_and_counted_by_try(tmp_path: Path) -> None:
    async with served() as (_, settings):
        words = ("archive", "fetch", "--symbols", "ETHUSDT", "--from", "2025-02-25", "--to", "2025-03-02")
        code, out, err = await altmonitor(tmp_path, *words, **settings)
        assert code == 0, err
        assert out.startswith("13 files read, 0 were there; ")  # six days of candles and metrics, a month of funding
    code, out, err = await altmonitor(tmp_path, "archive", "list")
    assert code == 0, err
    line = next(line for line in out.splitlines() if " funding " in line)
    assert line.split()[:4] == ["ETHUSDT", "funding", "2025-02-01", "00:00"]
    code, out, err = await altmonitor(tmp_path, "try", "funding", "0.05", FUNDING_EXTREME_PCT="0.1")
    assert code == 0, err
    assert any(line.split()[0] == "funding" for line in out.splitlines() if line)


async def test_wrong_days_are_refused_with_exit_code_2_and_one_line(tmp_path: Path) -> None:
    for words, why in (
        (("--from", "2025-02-30"), "--from '2025-02-30' is not a day such as 2025-02-01"),
        (("--from", "2025-02-02", "--to", "2025-02-01"), "--from 2025-02-02 --to 2025-02-01: an empty range"),
        (("--from", "20250201"), "--from '20250201' is not a day such as 2025-02-01"),
        (("--from", "0001-01-01"), "--from 0001-01-01: there was no market before 2009-01-01"),
    ):
        code, out, err = await altmonitor(tmp_path, "archive", "fetch", *words)
        assert (code, out) == (2, "")
        assert err.startswith(why)
        assert err.count("\n") == 1


async def test_an_import_without_a_single_good_file_is_exit_code_1_and_the_list_stays_empty(tmp_path: Path) -> None:
    (tmp_path / "BTCUSDT-1m-2025-02.csv").write_text("1,2,3\n")
    code, out, err = await altmonitor(tmp_path, "archive", "import", str(tmp_path / "BTCUSDT-1m-2025-02.csv"))
    assert code == 1
    assert out == "0 files read; 0 rows are new, 0 changed\n"
    assert "BTCUSDT-1m-2025-02.csv: line 1: 3 columns instead of 12" in err
    code, out, err = await altmonitor(tmp_path, "archive", "list")
    assert (code, err) == (0, "")
    assert "holds nothing yet" in out


async def test_a_store_that_can_be_no_folder_is_said_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    for name, words in (
        ("file", ("archive", "list")),
        ("link", ("archive", "list")),
        ("file", ("replay", "--from", "2025-02-01")),
        ("link", ("tune", "--per-day", "20")),
        ("file", ("try", "pump", "4")),
    ):
        code, out, err = await altmonitor(tmp_path, *words, ARCHIVE_DIR=str(tmp_path / name))
        assert (code, out, err) == (1, "", f"ARCHIVE_DIR {tmp_path / name} is no folder\n"), words


def test_a_month_that_cannot_be_read_is_listed_without_a_time(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    store = HistoryStore(tmp_path / "store")
    store.add("FILUSDT", "klines", wild_columns(10))
    (damaged,) = (tmp_path / "store" / "FILUSDT").glob("*.npz")
    damaged.write_bytes(b"")
    config, _ = configuration.load({"ARCHIVE_DIR": str(tmp_path / "store")}, env_file=None)
    session = Session(config=config, clock=SystemClock(), warnings=())
    assert show(session, symbols="all", as_json=False) == 1
    shown = capsys.readouterr()
    assert "1970" not in shown.out
    assert shown.err.startswith(f"{damaged} cannot be read")


def test_what_is_not_stored_is_named_with_exit_code_1(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store = HistoryStore(tmp_path / "store")
    store.add("FILUSDT", "klines", wild_columns(10))
    config, _ = configuration.load(
        {"ARCHIVE_DIR": str(store.root), "STATE_FILE": str(tmp_path / "state.json")}, env_file=None
    )
    session = Session(config=config, clock=SystemClock(), warnings=())
    said = f"{store.root} holds nothing of DOGE: altmonitor archive fetch --symbols doge --from 2025-02-01"
    asked = ReplayChoices(
        from_time="2025-02-01",
        to_time="2025-02-01",
        symbols="doge",
        settings=(),
        price_path="touch",
        is_whole=False,
        engine="tape",
        is_verify=False,
        as_json=False,
    )
    asked_tune = TuneChoices(
        per_day=20,
        kinds=(),
        symbols="doge",
        from_time=None,
        to_time=None,
        held_out=7,
        per_class=False,
        picture=None,
        as_json=False,
    )
    for ask in (
        lambda: export(session, symbols="fil,doge", into=tmp_path / "parquet", as_json=False),
        lambda: run_replay(session, asked),
        lambda: run_tune(session, asked_tune),
    ):
        with pytest.raises(StorageError) as refused:
            ask()
        assert str(refused.value) == said
    assert show(session, symbols="doge", as_json=False) == 1
    assert capsys.readouterr() == ("", f"{said}\n")
    assert show(session, symbols="fil,doge", as_json=False) == 1
    shown = capsys.readouterr()
    assert "FILUSDT" in shown.out
    assert shown.err == f"{said}\n"
    with pytest.raises(ConfigError, match="--kind position has no threshold that days say something of: price, oi"):
        run_tune(session, replace(asked_tune, kinds=("position",)))


def test_rows_of_days_to_come_are_no_data(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config, _ = configuration.load({"ARCHIVE_DIR": str(tmp_path / "store")}, env_file=None)
    file = tmp_path / "BTCUSDT-1m-2025-02.csv"
    file.write_text("1738368000000,1,1,1,1,1,1738368059999,1,1,1,1,0\n")
    clock = ScaledClock(start_ms=1_738_000_000_000, speed=1.0)
    assert take_in(Session(config=config, clock=clock, warnings=()), paths=[file], as_json=False) == 1
    assert f"{file.name}: line 1: its time is yet to come\n" in capsys.readouterr().err


async def test_a_store_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "store").write_text("no folder")
    file = tmp_path / "BTCUSDT-1m-2025-02.csv"
    file.write_text("1738368000000,1,1,1,1,1,1738368059999,1,1,1,1,0\n")
    code, out, err = await altmonitor(tmp_path, "archive", "import", str(file))
    assert (code, out) == (1, "")
    assert err == f"{tmp_path / 'store'} cannot be written: File exists\n"
