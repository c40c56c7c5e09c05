"""`altmonitor who` and `positioning` as a person and a program meet them."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from altmonitor.positioning.history import Snapshot
from altmonitor.sim.control import RestFault
from altmonitor.sim.market import SeededMarket
from altmonitor.storage.snapshots import SnapshotsDb
from altmonitor.tracker.series import Liveness, Series
from tests.tracker.processes import Town, town
from tests.tracker.samples import snapshot, top_traders, velocity
from tests.tracker.workplace import OVERVIEW

PICTURE = {
    "symbol", "price", "priceBasis", "smartMoney", "topTrader", "openInterest", "funding", "smartMoneyShareOfOI",
    "disclaimer", "absent",
}  # fmt: skip
COHORT = {
    "cohort", "label", "is_smart_money", "timestamp", "long_account_pct", "short_account_pct", "long_short_ratio",
}  # fmt: skip
GAP = {"signal", "read", "ratio_gap", "long_pct_gap", "retail_long_pct", "smart_money_long_pct"}
ABOUT = {"symbol", "period", "venue", "source", "age_s", "note"}


async def track(at: Town, rows: Sequence[Snapshot], *, extras: bool = False) -> None:
    store = SnapshotsDb(at.database, clock=at.clock)
    await store.open()
    try:
        await store.begin_sweep(Series.SMART_MONEY, 1, Liveness())
        for row in rows:
            await store.put_snapshot(row, sweep_ms=1)
        if extras:
            now_ms = at.clock.now_ms()
            await store.put_top_traders(top_traders(at_ms=now_ms), sweep_ms=1)
            await store.put_open_interest("ETHUSDT", velocity(now_ms), sweep_ms=1, now_ms=now_ms)
    finally:
        await store.close()


def ago(at: Town, minutes: float) -> int:
    return at.clock.now_ms() - round(minutes * 60_000)


async def test_the_whole_picture_comes_for_people_and_for_programs(tmp_path: Path) -> None:
    async with town(tmp_path, kind=SeededMarket) as at:
        shown = await at.says("who", "btc")
        values = json.loads((await at.says("who", "BTC", "--json", "--period", "1h")).out)
    assert shown.code == 0, shown.err
    assert shown.out.startswith("BTCUSDT  price ")
    for word in ("smart money", "by size", "by heads", "top traders", "open interest", "funding", "in profit"):
        assert word in shown.out
    assert set(values) == PICTURE
    assert values["absent"] == {}
    assert values["topTrader"]["period"] == "1h"
    assert 0 < values["smartMoneyShareOfOI"] <= 1
    assert values["smartMoney"]["long"]["traders"] > 0


async def test_the_three_causes_stay_apart_and_each_part_fails_alone(tmp_path: Path) -> None:
    async with town(tmp_path) as at:
        at.exchange.faults.rest["/futures/data/takerlongshortRatio"] = RestFault(status=503)
        at.exchange.faults.rest[OVERVIEW] = RestFault(status=403)
        mixed = await at.says("who", "ETH", "--json")
        at.exchange.faults.rest.clear()
        nothing = await at.says("who", "NOSUCHCOIN", "--json")
    values = json.loads(mixed.out)
    assert mixed.code == 0
    assert values["smartMoney"] is None
    assert values["topTrader"] is None
    assert values["openInterest"] is not None
    assert values["absent"]["smartMoney"]["cause"] == "blocked"
    assert values["absent"]["smartMoney"]["untilMs"] > at.clock.now_ms()
    assert values["absent"]["topTrader"] == {"cause": "unreachable", "untilMs": None}
    assert nothing.code == 1
    assert json.loads(nothing.out)["absent"]["openInterest"] == {"cause": "no data", "untilMs": None}


async def test_a_blocked_overview_is_taken_from_the_tracked_rows(tmp_path: Path) -> None:
    async with town(tmp_path) as at:
        await track(at, [snapshot("ETHUSDT", ago(at, 20))])
        at.exchange.faults.rest[OVERVIEW] = RestFault(status=429, retry_after="600")
        said = await at.says("who", "ETH")
    assert "190 traders  20 min old" in said.out
    assert "smart money: blocked until" in said.out


async def test_an_unreachable_exchange_is_said_with_exit_code_1(tmp_path: Path) -> None:
    async with town(tmp_path) as at:
        said = await at.says("who", "ETH", BINANCE_REST_URL="http://127.0.0.1:9", BINANCE_WEB_URL="http://127.0.0.1:9")
    assert (said.code, said.out) == (1, "")
    assert said.err.splitlines()[-1].startswith("ETHUSDT: cannot be reached (")


async def test_what_is_tracked_is_shown_without_asking(tmp_path: Path) -> None:
    async with town(tmp_path) as at:
        await track(at, [snapshot("ETHUSDT", ago(at, 5))], extras=True)
        values = json.loads((await at.says("who", "ETH", "--stored", "--json")).out)
        missing = await at.says("who", "SOL", "--stored")
        assert at.exchange.stats.requests() == 0
    assert values["smartMoney"]["long"]["avgEntry"] == 9.5
    assert values["smartMoney"]["short"]["avgEntry"] is None
    assert values["topTrader"]["topPositionLsr"] == 1.64
    assert values["openInterest"]["oiChg15m"] is None
    assert values["absent"] == {"funding": {"cause": "not tracked", "untilMs": None}}
    assert (missing.code, missing.err) == (1, "SOLUSDT: no fresh row is stored\n")


async def test_change_and_trend_compare_first_and_last_row(tmp_path: Path) -> None:
    async with town(tmp_path) as at:
        await track(
            at, [snapshot("ETHUSDT", ago(at, 55), long_qty=1_000.0), snapshot("ETHUSDT", ago(at, 1), long_qty=1_200.0)]
        )
        change = await at.says("who", "change", "ETH")
        values = json.loads((await at.says("who", "change", "eth", "--minutes", "60", "--json")).out)
        trend = json.loads((await at.says("who", "trend", "ETH", "--json")).out)
        short = await at.says("who", "change", "ETH", "--minutes", "2", "--json")
    assert "1.0K → 1.2K coins (+20.00 %)" in change.out
    assert (values["long"]["fromQty"], values["long"]["toQty"], values["long"]["qtyChangePct"]) == (
        1000.0,
        1200.0,
        20.0,
    )
    assert (values["samples"], values["spanMinutes"]) == (2, 54.0)
    assert trend["long"]["profitPct"] == {"from": 70.0, "to": 70.0, "change": 0.0}
    assert short.code == 1
    assert "two are needed" in json.loads(short.out)["error"]


async def test_scan_lists_both_ends_and_an_empty_one_says_what_to_run(tmp_path: Path) -> None:
    async with town(tmp_path) as at:
        none = await at.says("who", "scan", "--json")
        await track(at, [snapshot(f"C{number}USDT", ago(at, 3)) for number in range(3)])
        scan = json.loads((await at.says("who", "scan", "--limit", "2", "--json")).out)
        stale = await at.says("who", "scan", "--max-age", "1", "--json")
    assert none.code == 1
    assert "run `altmonitor track`" in json.loads(none.out)["error"]
    assert scan["scanned"] == 3
    assert (len(scan["mostLong"]), len(scan["mostShort"])) == (2, 1)
    assert json.loads(stale.out) == {
        "scanned": 0,
        "error": "no stored snapshot is fresh enough; run `altmonitor track`",
    }


async def test_the_chart_is_one_page_that_loads_nothing_and_fills_missing_prices(tmp_path: Path) -> None:
    async with town(tmp_path, kind=SeededMarket) as at:
        await track(at, [snapshot("ETHUSDT", ago(at, minutes), price=None) for minutes in (30, 20, 10)])
        said = await at.says("who", "chart", "ETH", "--out", "eth.html")
        assert (said.code, said.out) == (0, "eth.html: 3 snapshots\n"), said.err
        lone = await at.says("who", "chart", "SOL", "--no-fill")
        page, empty = (tmp_path / "eth.html").read_text("utf-8"), (tmp_path / "SOLUSDT-chart.html").read_text("utf-8")
    assert page.count("<svg") == 3
    assert page.count("<polyline") == 5  # both sizes, both whales' entries, and the filled mark price
    assert "http" not in page
    assert "nan" not in page.lower()
    assert lone.code == 1
    assert "Two tracked snapshots are needed" in empty


async def test_a_chart_whose_missing_prices_cannot_be_had_says_why(tmp_path: Path) -> None:
    async with town(tmp_path, kind=SeededMarket) as at:
        await track(at, [snapshot("ETHUSDT", ago(at, minutes), price=None) for minutes in (30, 20, 10)])
        at.exchange.faults.rest["/fapi/v1/klines"] = RestFault(status=503)
        said = await at.says("who", "chart", "ETH", "--out", "eth.html")
    assert said.code == 0, said.err
    assert said.out.startswith("eth.html: 3 snapshots, without prices that were not tracked: ")


async def test_the_positioning_values_have_the_shapes_of_the_interface(tmp_path: Path) -> None:
    async with town(tmp_path) as at:
        shown = json.loads((await at.says("positioning", "BTC", "--period", "1h", "--json")).out)
        same = json.loads((await at.says("positioning", "BTCUSDT", "--period", "1h", "--json")).out)
        gap = json.loads((await at.says("positioning", "divergence", "BTC", "--json")).out)
        history = json.loads((await at.says("positioning", "history", "BTC", "--limit", "5", "--json")).out)
        lines = await at.says("positioning", "BTC")
        said_alike = tuple([(await at.says(command, "nosuch")).err for command in ("positioning", "who")])
    assert set(shown) == {"data", "meta", "status", "message", "success"}
    assert set(shown["data"]) == ABOUT | {"cohorts", "divergence"}
    assert [cohort["cohort"] for cohort in shown["data"]["cohorts"]] == [
        "retail_crowd",
        "top_traders_by_accounts",
        "top_traders_by_position",
    ]
    assert all(set(cohort) == COHORT for cohort in shown["data"]["cohorts"])
    assert set(shown["data"]["divergence"]) == GAP
    assert shown["message"] == "Positioning retrieved successfully"
    assert same["data"]["cohorts"] == shown["data"]["cohorts"]
    assert same["meta"]["request_id"] != shown["meta"]["request_id"]
    assert set(gap["data"]) == ABOUT | GAP
    stamps = [point["timestamp"] for point in history["data"]["points"]]
    assert (history["data"]["count"], stamps) == (5, sorted(stamps))
    head, columns, *rows, shares = re.sub(r"\d", "0", lines.out).splitlines()
    assert head.startswith("BTCUSDT · buckets of 0m · newest 0")
    assert columns == "                                  long    short  long/short                    as of"
    assert rows[:3] == [
        f"{name:31}00.00 %  00.00 %      0.0000  0000-00-00 00:00:00 UTC"
        for name in ("All accounts", "Top traders, by accounts", "Top traders, by position size")
    ]
    assert shares.startswith("Of accounts, the share")
    assert said_alike == ("NOSUCHUSDT: no data for this symbol\n",) * 2


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (("BTC", "--period", "99h"), 2, "period '99h' is none of 5m 15m 30m 1h 2h 4h 6h 12h 1d"),
        (("history", "BTC", "--limit", "501"), 2, "limit '501' is not a whole number 1 to 500"),
        (("$",), 2, "'$' is not a symbol such as BTC or BTCUSDT"),
        (("NOSUCHCOIN",), 1, "no data: "),
    ],
)
async def test_an_error_has_the_same_envelope(tmp_path: Path, arguments: tuple[str, ...], code: int, told: str) -> None:
    async with town(tmp_path) as at:
        said = await at.says("positioning", *arguments, "--json")
    values = json.loads(said.out)
    assert said.code == code
    assert (values["status"], values["success"], values["data"]) == ("error", False, None)
    assert values["message"].startswith(told)


def test_help_loads_nothing_heavy() -> None:
    asked = "for words in (['who', '-h'], ['who', 'change', '-h'], ['track', '-h'], ['positioning', 'history', '-h']):"
    code = (
        f"import sys\nfrom altmonitor.cli.main import cli\n{asked}\n    cli(words, standalone_mode=False)\n"
        "print([name for name in ('numpy', 'aiohttp', 'telegram', 'aiosqlite', 'msgspec') if name in sys.modules])"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.count("Usage: ") == 4
    assert said.stdout.splitlines()[-1] == "[]"


async def test_the_other_venues_are_asked_where_they_are_said_to_be(tmp_path: Path) -> None:
    async with town(tmp_path, kind=SeededMarket) as at:
        for venue, cohorts, path in (
            ("okx", 3, "/api/v5/rubik/stat/contracts/long-short-account-ratio-contract"),
            ("bybit", 1, "/v5/market/account-ratio"),
        ):
            values = json.loads((await at.says("positioning", "BTC", "--venue", venue, "--period", "4h", "--json")).out)
            assert values["success"] is True, values
            assert values["data"]["venue"] == venue
            with_data = [cohort for cohort in values["data"]["cohorts"] if cohort["timestamp"] is not None]
            assert len(with_data) == cohorts
            assert at.exchange.stats.requests(path) == 1
        unknown = await at.says("positioning", "BTC", "--venue", "bybit", "--period", "6h")
    assert (unknown.code, unknown.err) == (2, "bybit has no period 6h, only 5m 15m 30m 1h 4h 1d\n")


async def test_change_tells_of_open_interest_and_top_traders_too(tmp_path: Path) -> None:
    async with town(tmp_path) as at:
        store = SnapshotsDb(at.database, clock=at.clock)
        await store.open()
        for minutes, coins, long in ((50, 1_000.0, 0.6215), (1, 1_035.0, 0.5954)):
            row = replace(velocity(ago(at, minutes)), coins=coins)
            await store.put_open_interest("ETHUSDT", row, sweep_ms=1, now_ms=at.clock.now_ms())
            await store.put_top_traders(top_traders(at_ms=ago(at, minutes), long=long), sweep_ms=1)
        await store.close()
        shown = await at.says("who", "change", "ETH")
        values = json.loads((await at.says("who", "change", "ETH", "--json")).out)
        nothing = await at.says("who", "change", "SOL")
    assert shown.code == 0
    assert "(+3.50 %)" in shown.out
    assert "positions 62.15 % → 59.54 % long (−2.61 points)  in 49 min, 2 rows" in shown.out
    assert "two are needed" in shown.out  # of the followed traders nothing is stored
    assert (values["openInterest"]["changePct"], values["topTraders"]["positions"]["changePct"]) == (3.5, -2.61)
    assert nothing.code == 1
