"""The real `altmonitor outcomes` and `stats --json` over a database with and without anything measured."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

from altmonitor.replay.outcome_versions import outcome_version
from altmonitor.storage import migrations
from tests.cli.test_archive import altmonitor


def database(path: Path, *, measured: int) -> None:
    migrations.prepare(path, now_s=1)
    with closing(sqlite3.connect(path)) as db:
        db.execute("INSERT INTO meta VALUES ('outcomes_since_ms', '1790000000000')")
        for number in range(1, measured + 1):
            at_ms = 1_790_000_000_000 + number * 86_400_000
            db.execute(
                "INSERT INTO alerts (id, key, ts, event_ms, symbol, kind, direction) "
                "VALUES (?, ?, ?, ?, 'SOLUSDT', 'price', 'PUMP')",
                (number, f"price:SOLUSDT:PUMP:1m:{at_ms}", at_ms / 1000, at_ms),
            )
            db.execute(
                "INSERT INTO outcomes VALUES (?, ?, NULL, 1500, 1, ?, 100.0, NULL)", (number, outcome_version(), at_ms)
            )
            sign = 1 if number % 2 else -1
            db.execute(
                "INSERT INTO outcome_returns VALUES (?, 15, ?, 1.0, -1.0, 0.0, 0.0, 0.5, 100, 0, 0, 0, 0, 0)",
                (number, 0.5 * sign),
            )
        db.commit()


async def test_a_table_for_people_and_values_for_machines(tmp_path: Path) -> None:
    database(tmp_path / "alerts.db", measured=30)
    code, shown, err = await altmonitor(tmp_path, "outcomes")
    assert (code, err) == (0, "")
    assert shown.splitlines()[0] == "30 alerts, recorded since 2026-09-21 14:13 UTC; fees 0.05 % each side."
    assert "What followed these alerts is not distinguishable from chance, at any horizon." in shown
    code, text, _ = await altmonitor(tmp_path, "outcomes", "--json")
    values = json.loads(text)
    assert (code, values["alerts"], values["pending"], values["fee_pct"]) == (0, 30, 0, 0.05)
    whole = next(row for row in values["rows"] if row["horizon_min"] == 15 and row["direction"] is None)
    assert (whole["moments"], whole["hit"], whole["verdict"]) == (30, 0.5, "like_chance")
    assert values["lines"]["price:PUMP"]["went_on"] == 10
    code, text, _ = await altmonitor(tmp_path, "stats", "--json")
    assert json.loads(text)["outcomes"] == values


async def test_a_state_file_that_cannot_be_read_hides_nothing(tmp_path: Path) -> None:
    database(tmp_path / "alerts.db", measured=30)
    (tmp_path / "state.json").write_text("{")
    for words in (("outcomes", "--json"), ("stats", "--json")):
        code, text, _ = await altmonitor(tmp_path, *words, STATE_FILE=str(tmp_path / "state.json"))
        assert (code, '"alerts": 30' in text or '"alerts":30' in text) == (0, True)


async def test_before_anything_is_measured(tmp_path: Path) -> None:
    database(tmp_path / "alerts.db", measured=0)
    code, shown, _ = await altmonitor(tmp_path, "outcomes")
    assert (code, shown) == (0, "Nothing is measured yet; 0 alerts are being watched.\n")


async def test_without_a_database_it_is_one_line_and_exit_code_1(tmp_path: Path) -> None:
    code, _, err = await altmonitor(tmp_path, "outcomes")
    assert code == 1
    assert "cannot be opened" in err
