"""The real `altmonitor replay` over a store of made-up days."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from altmonitor.market.candles import MINUTE_MS
from altmonitor.replay.columns import Source, candle_columns
from altmonitor.replay.store import HistoryStore
from altmonitor.storage.run_log import MonitorRun, record_run
from altmonitor.storage.store import SqliteStore, StoreOptions
from tests.cli.test_archive import altmonitor
from tests.movable_clock import MovableClock
from tests.replay.history import FEB_2025, wild_candles, wild_columns

RANGE = ("--from", "2025-02-02", "--to", "2025-02-02")


def fill(folder: Path) -> None:
    store = HistoryStore(folder / "store")
    for seed, symbol in enumerate(("BTCUSDT", "SOLUSDT")):
        store.add(symbol, "klines", wild_columns(2 * 1_440 + 300, seed=seed, holes=0.001))


async def test_the_table_and_the_lines_agree_and_the_same_input_gives_the_same_bytes(tmp_path: Path) -> None:
    fill(tmp_path)
    code, shown, err = await altmonitor(tmp_path, "replay", *RANGE)
    assert code == 0, err
    code, lines, _ = await altmonitor(tmp_path, "replay", *RANGE, "--json")
    assert code == 0
    *alerts, summary = [json.loads(line) for line in lines.splitlines()]
    assert summary["summary"]["alerts"] == len(alerts) > 50
    last = next(line for line in shown.splitlines() if line.startswith("all "))
    assert last.split()[1] == str(len(alerts))
    assert "2025-02-02 00:00 … 2025-02-03 00:00 UTC, 2 symbols" in shown
    assert "minutes are missing in that time" in shown
    assert "Not here, because candles do not show it:" in shown
    assert {one["symbol"] for one in alerts} == {"BTCUSDT", "SOLUSDT"}
    assert [one["event_ms"] for one in alerts] == sorted(one["event_ms"] for one in alerts)
    assert (await altmonitor(tmp_path, "replay", *RANGE, "--json"))[1] == lines
    assert (await altmonitor(tmp_path, "replay", *RANGE, "--json", "--whole"))[1] == lines


async def test_settings_come_from_the_environment_then_the_chat_then_the_command(tmp_path: Path) -> None:
    fill(tmp_path)
    state = tmp_path / "state.json"
    settings = {"STATE_FILE": str(state), "VOL_BURST_MULT": "0", "DUMP_THRESHOLD": "-100"}

    async def bounds(*words: str) -> set[float]:
        _, lines, err = await altmonitor(tmp_path, "replay", *RANGE, "--json", *words, **settings)
        assert err.count("error") == 0
        rows = [json.loads(line) for line in lines.splitlines()[:-1]]
        return {row["threshold"] for row in rows if row["told_before_pct"] is None and row["kind"] == "price"}

    assert await bounds() == {3.0}
    state.write_text('{"version": 1, "pump_threshold": 4.0}')
    assert await bounds() == {4.0}
    assert await bounds("--set", "pump=5,5") == {5.5}
    assert state.read_text() == '{"version": 1, "pump_threshold": 4.0}'


async def test_wrong_arguments_are_named_one_line_each_with_exit_code_2(tmp_path: Path) -> None:
    fill(tmp_path)
    for words, lines in (
        (("--from", "soon"), ["--from 'soon' is not a day or time such as 2025-02-01 or 2025-02-01T08:00"]),
        (("--from", "2025-02-02", "--to", "2025-02-01"), ["--from 2025-02-02 --to 2025-02-01: an empty range"]),
        (
            ("--from", "2025-02-01", "--set", "pump=0", "--set", "bump=3"),
            ["--set 'pump=0': pump takes 0.1 to 100", "--set 'bump=3': known are pump, dump, oi, oi5, vol, funding"],
        ),
    ):
        code, out, err = await altmonitor(tmp_path, "replay", *words)
        assert (code, out) == (2, "")
        assert [line[: len(wanted)] for line, wanted in zip(err.splitlines(), lines, strict=True)] == lines


async def test_days_that_are_not_there_and_a_damaged_file_end_it_with_exit_code_1(tmp_path: Path) -> None:
    fill(tmp_path)
    code, _, err = await altmonitor(tmp_path, "replay", "--from", "2024-01-01", "--to", "2024-01-02")
    assert code == 1
    assert "holds no candles of that time: altmonitor archive fetch --from 2024-01-01" in err
    path = next((tmp_path / "store" / "SOLUSDT").glob("*.npz"))
    path.write_bytes(path.read_bytes()[:-100])
    code, out, err = await altmonitor(tmp_path, "replay", *RANGE)
    assert (code, out) == (1, "")
    assert f"{path} cannot be read" in err


async def test_another_coin_and_minutes_of_both_bounds_are_said(tmp_path: Path) -> None:
    candles = wild_candles(600, seed=4)
    wild = candles[:200]
    later = candle_columns(candles[200:], Source.ARCHIVE)
    move_ms = 3 * 1_440 * MINUTE_MS
    prices = {name: getattr(later, name) * 100 for name in ("open", "high", "low", "close")}
    store = HistoryStore(tmp_path / "store")
    store.add("LUNAUSDT", "klines", candle_columns(wild, Source.ARCHIVE))
    store.add("LUNAUSDT", "klines", replace(later, open_ms=later.open_ms + move_ms, **prices))
    assert np.all(later.open_ms > FEB_2025)
    code, shown, _ = await altmonitor(tmp_path, "replay", "--from", "2025-02-01", "--to", "2025-02-05")
    assert code == 0
    assert "LUNAUSDT is another coin then" in shown
    assert "In " in shown
    assert "minutes both bounds are reached and nobody knows which first" in shown


async def test_tune_prints_a_table_of_days_held_back_and_refuses_a_range_without_any(tmp_path: Path) -> None:
    fill(tmp_path)
    code, shown, err = await altmonitor(tmp_path, "tune", "--per-day", "60", "--held-out", "1")
    assert code == 0, err
    lines = shown.splitlines()
    assert lines[0].startswith(
        "About 60 alerts a day over these 2 symbols, chosen from 2025-02-01 00:00 … 2025-02-03 00:00"
    )
    assert [line.split()[:2] for line in lines[2:5]] == [["price", "pump"], ["price", "dump"], ["vol", "vol"]]
    assert lines[6].startswith("each day it was chosen from: ")
    assert lines[7].startswith("each day held back: ")
    code, values, _ = await altmonitor(
        tmp_path, "tune", "--per-day", "60", "--held-out", "1", "--json", "--kind", "vol"
    )
    assert code == 0
    assert [one["kind"] for one in json.loads(values)["kinds"]] == ["vol"]
    code, out, err = await altmonitor(tmp_path, "tune", "--per-day", "60")
    assert (code, out) == (2, "")
    assert err == "2025-02-01 … 2025-02-03 is too short to hold 7 days back (--held-out)\n"


async def test_other_thresholds_are_tried_on_stored_days(tmp_path: Path) -> None:
    fill(tmp_path)
    code, shown, err = await altmonitor(tmp_path, "try", "pump 4", "vol", "8", "last", "1d")
    assert code == 0, err
    first, head, *rows = shown.splitlines()
    assert first.endswith("2 symbols: pump 3 → 4, vol 5 → 8")
    assert head.split()[:3] == ["kind", "now", "then"]
    counts = {row.split()[0]: [int(word) for word in row.split()[1:3]] for row in rows[:2]}
    assert counts["price"][0] > counts["price"][1] > 0
    assert counts["vol"][0] > counts["vol"][1] > 0
    assert any(row.startswith("lost (vol): ") for row in rows)
    code, _, err = await altmonitor(tmp_path, "try", "bump", "4")
    assert (code, err) == (2, "try bump 4: bump is missing or not understood\n")


async def test_the_word_of_a_threshold_is_not_that_of_its_floor(tmp_path: Path) -> None:
    fill(tmp_path)
    found = [
        json.loads((await altmonitor(tmp_path, "replay", *RANGE, "--json", *words))[1].splitlines()[-1])["summary"]
        for words in ((), ("--set", "vol=1000"), ("--set", "vol_burst_min_usdt=1000M"))
    ]
    assert found[0]["alerts"] > found[1]["alerts"] == found[2]["alerts"]


async def test_both_engines_are_compared(tmp_path: Path) -> None:
    fill(tmp_path)
    code, exact, _ = await altmonitor(tmp_path, "replay", *RANGE)
    assert code == 0
    assert (await altmonitor(tmp_path, "replay", *RANGE, "--engine", "tape"))[:2] == (0, exact)
    code, both, _ = await altmonitor(tmp_path, "replay", *RANGE, "--engine", "both")
    assert code == 0
    assert both.startswith(exact.rstrip("\n"))
    assert re.search(r"Both engines tell the same \d+ alerts, in the same order\.$", both.strip())


async def test_thresholds_by_class_of_liquidity_and_their_picture(tmp_path: Path) -> None:
    fill(tmp_path)
    words = ("tune", "--per-day", "60", "--held-out", "1", "--per-class", "--picture", str(tmp_path / "tune.png"))
    code, shown, err = await altmonitor(tmp_path, *words)
    assert code == 0, err
    assert "small: " in shown
    assert "vol small" in shown
    with Image.open(tmp_path / "tune.png") as picture:
        assert picture.size == (1_000, 70 + 300 * 2)
    code, _, err = await altmonitor(tmp_path, *words[:-1], str(tmp_path / "missing" / "tune.png"))
    assert code == 1
    assert "tune.png cannot be written" in err


async def test_outcomes_and_the_report_follow_the_measured_delay_and_name_it(tmp_path: Path) -> None:
    fill(tmp_path)
    report = tmp_path / "out.html"
    code, shown, err = await altmonitor(tmp_path, "replay", *RANGE, "--outcomes", "--report", str(report))
    assert code == 0, err
    assert "Entry 2 s (assumed, nothing is measured here) after the event; fees 0.05 % each side." in shown
    assert "not distinguishable from chance" in shown.splitlines()[-1]
    page = report.read_bytes()
    await altmonitor(tmp_path, "replay", *RANGE, "--report", str(report))
    assert report.read_bytes() == page
    code, lines, _ = await altmonitor(
        tmp_path, "replay", *RANGE, "--outcomes", "--json", "--delay", "70", TAKER_FEE_PCT="1"
    )
    rows = json.loads(lines.splitlines()[-1])["summary"]["outcomes"]
    assert {row["horizon_min"] for row in rows} == {5, 15, 60, 240, 1440}
    assert all(round(row["mean_pct"] - row["net_pct"], 9) == 2 for row in rows if row["mean_pct"] is not None)


async def test_a_report_that_cannot_be_written_and_a_wrong_tuning_are_one_line_each(tmp_path: Path) -> None:
    fill(tmp_path)
    code, _, err = await altmonitor(tmp_path, "replay", *RANGE, "--report", str(tmp_path / "no" / "out.html"))
    assert (code, "out.html cannot be written: No such file or directory" in err) == (1, True)
    code, _, err = await altmonitor(
        tmp_path, "replay", *RANGE, "--report", str(tmp_path / "out.html"), "--tuning", str(tmp_path / "none.json")
    )
    assert (code, "write it with altmonitor tune --json" in err) == (2, True)


async def test_verify_knows_when_the_monitor_was_started(tmp_path: Path) -> None:
    fill(tmp_path)
    day_ms = FEB_2025 + 1_440 * MINUTE_MS
    began = MonitorRun(began_ms=day_ms + 1_440 * MINUTE_MS, seen_before_ms=day_ms)
    async with SqliteStore(tmp_path / "alerts.db", clock=MovableClock(day_ms), options=StoreOptions()) as store:
        await record_run(store, began)
    code, shown, err = await altmonitor(tmp_path, "replay", *RANGE, "--verify", "--json")
    assert code == 0, err
    found = json.loads(shown)
    assert found["differences"]
    assert {one["reason"] for one in found["differences"]} == {"not_watched"}
    async with SqliteStore(tmp_path / "alerts.db", clock=MovableClock(day_ms), options=StoreOptions()) as store:
        await store.meta_set("runs", "[]")
        await record_run(store, MonitorRun(began_ms=day_ms + 60_000, seen_before_ms=day_ms + 60_000))
    code, shown, err = await altmonitor(tmp_path, "replay", *RANGE, "--verify")
    assert code == 1, err
    assert "the monitor was started at 2025-02-02 00:01" in shown
    assert "no reason is known" in shown
