"""What the doctor sees in files: databases, settings, libraries."""

from __future__ import annotations

import sqlite3
import tomllib
from contextlib import closing
from pathlib import Path

import altmonitor.storage
from altmonitor.ops.doctor.doctor import read_settings
from altmonitor.ops.doctor.local_checks import NEEDED, look_at_database, look_at_snapshots, private_file
from altmonitor.ops.doctor.report import CheckVerdict, Seen
from altmonitor.storage import migrations as migrate
from tests.storage.test_migrations import old_database

SCHEMA = (Path(altmonitor.storage.__file__).parent / "snapshots_schema.sql").read_text()


def look(path: Path) -> Seen:
    before = path.read_bytes() if path.exists() else None
    seen = look_at_database(path)
    assert (path.read_bytes() if path.exists() else None) == before
    return seen


def test_a_database_is_looked_at_and_never_changed(tmp_path: Path) -> None:
    path = tmp_path / "alerts.db"
    assert look(path) == Seen(verdict=CheckVerdict.OK, text=f"{path} is not there yet; the first start makes it")
    migrate.prepare(path, now_s=1)
    assert look(path).text == f"{path} is sound, version {migrate.latest_version()}, 0 alerts, 0 waiting to be sent"


def test_a_database_of_the_older_tool_will_be_taken_over(tmp_path: Path) -> None:
    path = tmp_path / "alerts.db"
    old_database(path)
    assert look(path) == Seen(
        verdict=CheckVerdict.OK, text=f"{path} is of the older tool, sound, 1 alerts; the first start takes them over"
    )


def test_damaged_newer_and_foreign_databases_are_told_apart(tmp_path: Path) -> None:
    damaged, newer, foreign = tmp_path / "damaged.db", tmp_path / "newer.db", tmp_path / "foreign.db"
    damaged.write_bytes(b"this is no database at all, but it is long enough to be looked at" * 4)
    for path, sql in ((newer, "PRAGMA user_version = 99"), (foreign, "CREATE TABLE songs (name)")):
        with closing(sqlite3.connect(path)) as db:
            db.execute("CREATE TABLE IF NOT EXISTS other (x)")
            db.execute(sql)
            db.commit()
    assert [look(path).verdict for path in (damaged, newer, foreign)] == [CheckVerdict.FAILED] * 3
    assert "is damaged" in look(damaged).text
    assert "newer altmonitor (version 99)" in look(newer).text
    assert "belongs to another program" in look(foreign).text
    assert all(look(path).way_out for path in (damaged, newer, foreign))


def test_a_settings_file_others_can_read_is_noted(tmp_path: Path) -> None:
    path = tmp_path / ".env"
    path.write_text("A=1\n")
    path.chmod(0o644)
    assert private_file(path).way_out == f"chmod 600 {path}"
    path.chmod(0o600)
    assert private_file(path).verdict is CheckVerdict.OK


def test_nobody_is_told_to_change_who_may_read_a_device() -> None:
    assert private_file(Path("/dev/null")) == Seen(
        verdict=CheckVerdict.NOTE, text="/dev/null is not a regular file; who else can read it is not looked at"
    )


def test_the_libraries_looked_for_are_those_of_the_package() -> None:
    declared = tomllib.loads((Path(__file__).parents[3] / "pyproject.toml").read_text())["project"]["dependencies"]
    lowest = {line.partition(">=")[0]: line.partition(">=")[2].partition(",")[0] for line in declared}
    assert {name: version for name, (_, version) in NEEDED.items()} == lowest


def test_a_settings_file_that_is_not_text_is_one_problem(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes(b"A=\xff")
    settings = read_settings(tmp_path / ".env", {})
    (problem,) = settings.problems
    assert problem.startswith(f"{tmp_path / '.env'} line 1: this is not UTF-8 text (byte 0xff): save it as UTF-8")
    assert settings.config.api_port == 3001


def test_the_file_of_snapshots_is_told_with_rows_and_age(tmp_path: Path) -> None:
    now_ms = 1_790_000_000_000
    path, other, foreign = tmp_path / "snapshots.db", tmp_path / "alerts.db", tmp_path / "notes.db"
    assert look_at_snapshots(path, now_ms).text == f"{path} is not there: nothing is tracked (altmonitor track)"
    with closing(sqlite3.connect(path)) as db:
        db.executescript(SCHEMA)
        rows = [(symbol, now_ms - age_ms) for symbol in ("BTCUSDT", "ETHUSDT") for age_ms in (7_260_000, 90_000_000)]
        db.executemany("INSERT INTO ob_smart_money_snapshots (symbol, ts) VALUES (?, ?)", rows)
        db.execute("INSERT INTO ob_oi_snapshots (symbol, ts) VALUES ('BTCUSDT', ?)", (now_ms - 45_000,))
        db.commit()
    before = path.read_bytes()
    seen = look_at_snapshots(path, now_ms)
    assert (seen.verdict, path.read_bytes()) == (CheckVerdict.OK, before)
    assert seen.text.endswith(
        " MB: large traders 4 rows, the newest 2 h old; open interest 1 rows, the newest 45 s old"
    )

    migrate.prepare(other, now_s=1)
    with closing(sqlite3.connect(foreign)) as db:
        db.execute("CREATE TABLE notes (x)")
    assert [look_at_snapshots(file, now_ms).verdict for file in (other, foreign)] == [CheckVerdict.FAILED] * 2
