from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC
from pathlib import Path

import pytest

from altmonitor.core.clock import SystemClock
from altmonitor.positioning.history import Snapshot
from altmonitor.positioning.units import Percent
from altmonitor.render.format import Style
from altmonitor.storage.snapshot_queries import snapshot_reader
from altmonitor.storage.snapshots import SnapshotsDb
from altmonitor.web.pages.positions import TrackedRow, stored_rows, tracked_view
from tests.fakes import ManualClock
from tests.operations.operations_kit import NOW_MS, Bench
from tests.tracker.samples import snapshot, top_traders, velocity
from tests.web.pages.pages_kit import pages

STYLE = Style(lang="en", tz=UTC)
COLUMNS = [
    "Symbol",
    "Traders (Whales)",
    "LSR",
    "Long Profit%",
    "Short Profit%",
    "Long Whale Profit%",
    "Short Whale Profit%",
    "Long Whale Avg",
    "Short Whale Avg",
    "Spread",
    "OI",
    "OI Δ1h",
    "OI Δ4h",
    "SM Share",
    "Top Pos L/S",
    "Top Acc L/S",
    "Taker B/S",
    "Updated",
]
"""Those of the older tool, and before its last one what the top traders hold."""


@asynccontextmanager
async def tracked(path: Path, *rows: Snapshot):  # type: ignore[no-untyped-def]
    """A browser over pages whose tracker stored these rows, and for the first of them the other series too."""
    store = SnapshotsDb(path, clock=ManualClock(NOW_MS))
    await store.open()
    for row in rows:
        await store.put_snapshot(row, sweep_ms=NOW_MS)
    if rows:
        at_ms, symbol = rows[0].time_ms, rows[0].overview.symbol
        await store.put_open_interest(symbol, velocity(at_ms), sweep_ms=at_ms, now_ms=at_ms)
        await store.put_top_traders(top_traders(symbol, at_ms), sweep_ms=at_ms)
    await store.close()
    context = replace(Bench().context(), snapshots=lambda: snapshot_reader(path, clock=SystemClock()))
    async with pages(context) as browser:
        yield browser


async def test_the_table_has_the_columns_of_the_older_tool_and_the_top_traders(tmp_path: Path) -> None:
    rows = (snapshot("ETHUSDT", NOW_MS - 180_000), snapshot("SOLUSDT", NOW_MS - 60_000))
    async with tracked(tmp_path / "snapshots.db", *rows) as browser:
        answer = await browser.get("smart-money")
        assert answer.status == 200
        assert answer.heads() == COLUMNS
        eth, sol = answer.rows()
        assert eth[:7] == ["ETHUSDT", "190 (20)", "1.20", "70 %", "78 %", "70 %", "70 %"]
        assert eth[7:14] == ["9.4", "9.4", "0.00 %", "$10.0K", "+4.05 %", "–", "–"]
        assert eth[14:17] == ["1.64", "1.64", "1.25"]
        assert eth[17].endswith("(3 min)")
        assert sol[10:17] == ["–"] * 7
        assert "2 of 2 contracts . Data as of " in answer.text
        only = await browser.get("smart-money?q=sol")
        assert [row[0] for row in only.rows()] == ["SOLUSDT"]
        assert "No contract matches this." in (await browser.get("smart-money?q=zzz")).text


async def test_stored_rows_of_a_contract_stand_newest_first_also_when_it_is_not_listed_any_more(tmp_path: Path) -> None:
    rows = [snapshot("GONEUSDT", NOW_MS - minutes * 60_000) for minutes in (3, 2, 1)]
    async with tracked(tmp_path / "snapshots.db", *rows) as browser:
        answer = await browser.get("symbol/GONEUSDT")
        assert answer.status == 200
        times = [row[0] for row in answer.rows()]
        assert times == sorted(times, reverse=True)
        assert answer.rows()[0][1:] == ["1.20", "100", "90", "10", "10", "70 %", "78 %", "9.4", "9.4"]
        assert "1 to 3 of 3 rows" in answer.text


def test_stored_rows_come_in_pages_and_a_page_there_is_not_is_the_last() -> None:
    rows = [snapshot(at_ms=NOW_MS - number * 60_000) for number in range(250, 0, -1)]
    first, third, beyond = (stored_rows(rows, STYLE, page=page) for page in (1, 3, 9))
    assert (first.first, first.last, first.count, first.has_older) == (1, 100, 250, True)
    assert (third.first, third.last, third.has_older) == (201, 250, False)
    assert beyond.cells == third.cells


def row(symbol: str, **changes: object) -> TrackedRow:
    plain = snapshot(symbol)
    overview = replace(plain.overview, **changes)  # type: ignore[arg-type]
    return TrackedRow(snapshot=replace(plain, overview=overview), velocity=None, top=None, now_ms=plain.time_ms)


def with_oi(found: TrackedRow, usd: float, change_1h: float, change_4h: float) -> TrackedRow:
    changed = replace(velocity(), usd=usd, change_1h_pct=Percent(change_1h), change_4h_pct=Percent(change_4h))
    return replace(found, velocity=changed)


def _rows() -> list[TrackedRow]:
    a, b, c = (
        row("AUSDT", long_short_ratio=0.4),
        row("BUSDT", long_short_ratio=1.5),
        row("CUSDT", long_short_ratio=None),
    )
    b_seen = b.snapshot.overview
    long = replace(b_seen.long, profit_traders=100, profit_whales=0, whales=11, whales_avg_entry=12.0)
    b = replace(b, snapshot=replace(b.snapshot, overview=replace(b_seen, long=long)))
    return [with_oi(a, 5e6, -9.0, 1.0), with_oi(b, 1e6, 2.0, -3.0), c]


@pytest.mark.parametrize(
    ("sort", "first"),
    [
        ("symbol", "AUSDT"),
        ("profitDiff", "BUSDT"),
        ("whaleDiff", "BUSDT"),
        ("priceSpread", "BUSDT"),
        ("longShort", "AUSDT"),
        ("whales", "BUSDT"),
        ("oi", "AUSDT"),
        ("oiChg1h", "AUSDT"),
        ("oiChg4h", "BUSDT"),
        ("smShare", "AUSDT"),
        ("verdict", "AUSDT"),
    ],
)
def test_every_sort_key_of_the_older_tool_sorts_and_an_unknown_one_is_open_interest(sort: str, first: str) -> None:
    view = tracked_view(_rows(), {"sort": sort}, STYLE)
    assert next(line.symbol for line in view.lines) == first
    assert view.sort == ("oi" if sort == "verdict" else sort)


def test_open_interest_is_coloured_and_the_spread_is_not() -> None:
    lines = {line.symbol: line for line in tracked_view(_rows(), {}, STYLE).lines}
    names = COLUMNS[1:]
    tones = {name: tone for name, (_, tone) in zip(names, lines["BUSDT"].cells, strict=True)}
    assert (tones["OI Δ1h"], tones["OI Δ4h"], tones["Spread"]) == ("up", "down", "")
