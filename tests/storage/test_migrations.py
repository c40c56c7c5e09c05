"""What a start does with the file it finds."""

import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import closing
from pathlib import Path

import pytest

from altmonitor.core.causes import CauseCode
from altmonitor.core.errors import NewerSchemaError, NoFileLocks, StorageError
from altmonitor.storage import migrations as migrate
from altmonitor.storage import snapshots

OLD_SCHEMA = """
    CREATE TABLE alerts (id INTEGER PRIMARY KEY AUTOINCREMENT, ts REAL NOT NULL, symbol TEXT NOT NULL, direction TEXT,
        price REAL, change_pct REAL, oi_change REAL, amplitude REAL, lsr REAL, quadrant TEXT {more});
    CREATE INDEX idx_alerts_ts ON alerts(ts);
    CREATE INDEX alerts_symbol_ts ON alerts(symbol);
"""


def rows(path: Path, sql: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path)) as db:
        return db.execute(sql).fetchall()


def old_database(path: Path, *, more: str = ", kind TEXT, metric REAL, note TEXT") -> None:
    with closing(sqlite3.connect(path)) as db:
        db.executescript(OLD_SCHEMA.format(more=more))
        db.execute(
            "INSERT INTO alerts (ts, symbol, direction, price, change_pct, oi_change, quadrant) "
            "VALUES (1700000000.123, 'SOLUSDT', 'PUMP', 61.5, 3.25, -1.5, 'up_down')"
        )
        db.commit()


def test_a_new_file_has_the_current_version_and_writes_ahead(tmp_path: Path) -> None:
    path = tmp_path / "data" / "alerts.db"
    assert migrate.prepare(path, now_s=1) == migrate.Prepared()
    assert rows(path, "PRAGMA user_version") == [(4,)]
    assert rows(path, "PRAGMA journal_mode") == [("wal",)]
    tables = rows(path, "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%' ORDER BY 1")
    assert tables == [("alerts",), ("changes",), ("deliveries",), ("meta",), ("outcome_returns",), ("outcomes",)]


def test_a_second_start_changes_and_copies_nothing(tmp_path: Path) -> None:
    path = tmp_path / "alerts.db"
    migrate.prepare(path, now_s=1)
    with closing(sqlite3.connect(path)) as db:
        db.execute("INSERT INTO meta VALUES ('a', 'b')")
        db.commit()
    assert migrate.prepare(path, now_s=2) == migrate.Prepared()
    assert rows(path, "SELECT * FROM meta") == [("a", "b")]
    assert list(tmp_path.glob("*before*")) == []


def test_the_older_tools_rows_come_along_under_lasting_keys_and_without_deliveries(tmp_path: Path) -> None:
    path = tmp_path / "alerts.db"
    old_database(path)
    with closing(sqlite3.connect(path)) as db:
        db.execute(
            "INSERT INTO alerts (id, ts, symbol, kind, direction, metric, note, oi_change, quadrant) "
            "VALUES (40, 1700000100, '币安人生USDT', 'oi', 'DOWN', -6.5, '5m', -6.5, NULL)"
        )
        db.commit()
    prepared = migrate.prepare(path, now_s=1_790_000_000)
    assert prepared.copy == tmp_path / "alerts.db.before-v4-1790000000"
    assert rows(path, "SELECT id, key, ts, event_ms, candle_ms, symbol, kind, direction FROM alerts ORDER BY id") == [
        (1, "legacy:1", 1700000000.123, 1700000000123, None, "SOLUSDT", "price", "PUMP"),
        (40, "legacy:40", 1700000100.0, 1700000100000, None, "币安人生USDT", "oi", "DOWN"),
    ]
    assert rows(
        path, "SELECT price, change_pct, oi_change, metric, quadrant, note, late, details FROM alerts ORDER BY id"
    ) == [
        (61.5, 3.25, -1.5, None, "up_down", "", 0, "{}"),
        (None, None, -6.5, -6.5, None, "5m", 0, "{}"),
    ]
    assert rows(path, "SELECT count(*) FROM deliveries") == [(0,)]
    assert rows(prepared.copy, "SELECT count(*) FROM alerts") == [(2,)]
    assert rows(path, "SELECT seq FROM sqlite_sequence WHERE name = 'alerts'") == [(40,)]


def test_an_even_older_table_without_kind_metric_and_note_comes_along_too(tmp_path: Path) -> None:
    path = tmp_path / "alerts.db"
    old_database(path, more="")
    migrate.prepare(path, now_s=1)
    assert rows(path, "SELECT kind, metric, note FROM alerts") == [("price", None, "")]


def test_no_row_is_lost_however_odd_its_values_are(tmp_path: Path) -> None:
    path = tmp_path / "alerts.db"
    old_database(path)
    odd = [
        (5.0, "AUSDT", "price", "暴跌", "n/a", -4.0, 2.0, "价跌仓增"),
        (6.0, "BUSDT", "oi", "surge", None, 1.0, -2.0, "?"),
        (7.0, "", None, "", 1.0, 1.0, 0.0, "up_up"),
        (8.0, "CUSDT", "liq", "up", 1.0, 2.0, 2.0, ""),
    ]
    with closing(sqlite3.connect(path)) as db:
        db.executemany(
            "INSERT INTO alerts (ts, symbol, kind, direction, price, change_pct, oi_change, quadrant) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            odd,
        )
        db.commit()
    migrate.prepare(path, now_s=1)
    assert rows(path, "SELECT ts, symbol, kind, direction, price, quadrant FROM alerts WHERE id > 1 ORDER BY id") == [
        (5.0, "AUSDT", "price", "DUMP", None, "down_up"),
        (6.0, "BUSDT", "oi", "DOWN", None, "up_down"),
        (7.0, "", "price", "PUMP", 1.0, "up_up"),
        (8.0, "CUSDT", "price", "UP", 1.0, None),
    ]


def test_a_migration_that_fails_leaves_the_old_file_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "alerts.db"
    old_database(path)
    with closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TABLE deliveries (something TEXT)")
        db.commit()
    with pytest.raises(StorageError, match=r"alerts\.db cannot be used as database \(table deliveries already exists"):
        migrate.prepare(path, now_s=1)
    assert rows(path, "SELECT id, symbol FROM alerts") == [(1, "SOLUSDT")]
    assert rows(path, "PRAGMA user_version") == [(0,)]


def test_a_newer_file_is_refused_and_not_touched(tmp_path: Path) -> None:
    path = tmp_path / "alerts.db"
    migrate.prepare(path, now_s=1)
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA user_version = 7")
    before = path.read_bytes()
    with pytest.raises(NewerSchemaError, match=r"alerts\.db was written by a newer altmonitor \(version 7"):
        migrate.prepare(path, now_s=2)
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["alerts.db"]


def test_a_newer_version_that_stands_only_in_the_log_is_refused_too(tmp_path: Path) -> None:
    path = tmp_path / "alerts.db"
    migrate.prepare(path, now_s=1)
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA wal_autocheckpoint = 0")
        db.execute("PRAGMA user_version = 7")
        with pytest.raises(NewerSchemaError):
            migrate.prepare(path, now_s=2)


@pytest.mark.parametrize("content", [b"pump,dump\n" * 100, b"SQLite format 3\x00" + b"\xff" * 5000, b"x"])
def test_what_is_no_database_is_set_aside_and_a_fresh_one_started(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "alerts.db"
    path.write_bytes(content)
    prepared = migrate.prepare(path, now_s=1_790_000_000)
    assert prepared.set_aside == tmp_path / "alerts.db.corrupt-1790000000"
    assert prepared.set_aside.read_bytes() == content
    assert rows(path, "SELECT count(*) FROM alerts") == [(0,)]


def test_a_damaged_database_is_set_aside_with_its_log(tmp_path: Path) -> None:
    path = tmp_path / "alerts.db"
    migrate.prepare(path, now_s=1)
    with closing(sqlite3.connect(path)) as db:
        db.executemany("INSERT INTO meta VALUES (?, ?)", [(f"key{number}", "x" * 500) for number in range(400)])
        db.commit()
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    damaged = bytearray(path.read_bytes())
    damaged[8192:20480] = os.urandom(12288)
    path.write_bytes(damaged)
    path.with_name("alerts.db-wal").write_bytes(b"")
    first = migrate.prepare(path, now_s=5).set_aside
    path.write_bytes(b"again")
    second = migrate.prepare(path, now_s=5).set_aside
    assert (first, second) == (tmp_path / "alerts.db.corrupt-5", tmp_path / "alerts.db.corrupt-5-2")
    assert first is not None
    assert first.read_bytes()[8192:20480] == damaged[8192:20480]


def test_an_empty_file_is_a_new_database(tmp_path: Path) -> None:
    path = tmp_path / "alerts.db"
    path.touch()
    assert migrate.prepare(path, now_s=1) == migrate.Prepared()
    assert rows(path, "PRAGMA user_version") == [(4,)]


def test_the_database_of_another_program_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "notes.db"
    with closing(sqlite3.connect(path)) as db:
        db.executescript("CREATE TABLE notes (text TEXT); INSERT INTO notes VALUES ('mine');")
    before = path.read_bytes()
    with pytest.raises(
        StorageError, match=r"notes\.db is the database of another program \(tables notes\): set DB_FILE"
    ):
        migrate.prepare(path, now_s=1)
    assert path.read_bytes() == before
    with closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA user_version = 1")
    with pytest.raises(StorageError, match="another program"):
        migrate.prepare(path, now_s=1)
    assert rows(path, "SELECT * FROM notes") == [("mine",)]


def test_the_snapshots_of_a_tracker_are_another_file(tmp_path: Path) -> None:
    path = tmp_path / "snapshots.db"
    snapshots.prepare(path, 1)
    with pytest.raises(StorageError, match=r"snapshots\.db is another file: a tracker's snapshots"):
        migrate.prepare(path, now_s=1)


def test_a_directory_or_a_path_through_a_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for path in (tmp_path, tmp_path / "file" / "alerts.db"):
        with pytest.raises(StorageError, match=r"cannot be used as database .*set DB_FILE elsewhere"):
            migrate.prepare(path, now_s=1)


def test_a_locked_database_is_named(tmp_path: Path) -> None:
    path = tmp_path / "alerts.db"
    migrate.prepare(path, now_s=1)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("PRAGMA locking_mode = EXCLUSIVE")
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(StorageError, match=r"alerts\.db cannot be used as database \(database is locked\)"):
            migrate.prepare(path, now_s=2)


@pytest.mark.skipif(not hasattr(os, "getuid") or os.getuid() != 0, reason="only root can become somebody else")
@pytest.mark.parametrize("writable", ["directory", "file"])
def test_a_file_or_directory_that_may_only_be_read_is_named(writable: str) -> None:
    directory = Path(tempfile.mkdtemp())
    try:
        path = directory / "alerts.db"
        migrate.prepare(path, now_s=1)
        directory.chmod(0o777 if writable == "directory" else 0o755)
        path.chmod(0o666 if writable == "file" else 0o444)
        program = (
            "import os, sys; from pathlib import Path\n"
            "from altmonitor.storage import migrations as migrate\n"
            "from altmonitor.core.errors import StorageError\n"
            "migrate.latest_version()\n"  # reads what somebody else may not be able to read
            "os.setuid(65534)\n"
            "try: migrate.prepare(Path(sys.argv[1]), now_s=1)\n"
            "except StorageError as problem: print(problem)\n"
        )
        done = subprocess.run([sys.executable, "-c", program, str(path)], capture_output=True, text=True, timeout=30)
        assert done.stderr == ""
        assert done.stdout.startswith(f"{path} cannot be used as database (")
        assert "make the file and its directory readable and writable" in done.stdout
    finally:
        shutil.rmtree(directory)


def test_what_sqlite_says_of_a_file_system_is_told_with_its_own_way_out(tmp_path: Path) -> None:
    ways_out = {
        sqlite3.SQLITE_IOERR_LOCK: "lies where files cannot be locked (said), as on some network shares",
        sqlite3.SQLITE_IOERR_SHMMAP: "lies where files cannot be locked (said), as on some network shares",
        sqlite3.SQLITE_PROTOCOL: "lies where files cannot be locked (said), as on some network shares",
        sqlite3.SQLITE_BUSY: "another program has it open and locked: close that one, or set X elsewhere",
        sqlite3.SQLITE_FULL: "free some space, or set X elsewhere",
        sqlite3.SQLITE_CANTOPEN: "make the file and its directory readable and writable, or set X elsewhere",
    }
    for code, way_out in ways_out.items():
        problem = sqlite3.OperationalError("said")
        problem.sqlite_errorcode = code
        refusal = migrate.refusal(tmp_path / "a.db", problem, variable="X")
        assert way_out in str(refusal)
        assert isinstance(refusal, NoFileLocks) == ("locked (said)" in way_out)


def test_a_copy_from_before_a_migration_is_for_this_user_alone(tmp_path: Path) -> None:
    path = tmp_path / "alerts.db"
    old_database(path)
    path.chmod(0o644)
    prepared = migrate.prepare(path, now_s=17)
    assert prepared.copy is not None
    assert (prepared.copy.stat().st_mode & 0o777, path.stat().st_mode & 0o777) == (0o600, 0o600)


def test_the_database_of_another_program_keeps_its_rights(tmp_path: Path) -> None:
    path = tmp_path / "alerts.db"
    with closing(sqlite3.connect(path)) as db:
        db.execute("CREATE TABLE theirs (id INTEGER)")
    path.chmod(0o644)
    with pytest.raises(StorageError, match="another program"):
        migrate.prepare(path, now_s=17)
    assert path.stat().st_mode & 0o777 == 0o644


def test_rows_from_before_there_were_venues_are_those_of_binance(tmp_path: Path) -> None:
    path = tmp_path / "alerts.db"
    schema = Path(migrate.__file__).parent / "schema"
    with closing(sqlite3.connect(path)) as db:
        for name in ("0001_alerts.sql", "0002_changes.sql"):
            db.executescript((schema / name).read_text("utf-8"))
        db.execute(
            "INSERT INTO alerts (key, ts, event_ms, symbol, kind, direction) "
            "VALUES ('price:SOLUSDT:PUMP:1m:1', 1.5, 1500, 'SOLUSDT', 'price', 'PUMP')"
        )
        db.execute("PRAGMA user_version = 2")
        db.commit()
    prepared = migrate.prepare(path, now_s=17)
    assert prepared.copy == tmp_path / "alerts.db.before-v4-17"
    assert rows(path, "SELECT key, symbol, venue FROM alerts") == [("price:SOLUSDT:PUMP:1m:1", "SOLUSDT", "binance")]


def test_what_sqlite_refuses_has_the_code_of_what_it_means(tmp_path: Path) -> None:
    path, found = tmp_path / "alerts.db", {}
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("CREATE TABLE numbers (id INTEGER PRIMARY KEY, text TEXT)")

    def refused(name: str, address: str, *sql: str) -> None:
        with closing(sqlite3.connect(address, uri=True, timeout=0, isolation_level=None)) as db:
            try:
                for statement in sql:
                    db.execute(statement)
            except sqlite3.Error as problem:
                found[name] = migrate.cause_code(problem)

    with closing(sqlite3.connect(path, isolation_level=None)) as holder:
        holder.execute("BEGIN EXCLUSIVE")
        refused("locked", f"file:{path}", "INSERT INTO numbers DEFAULT VALUES")
    refused("read-only", f"file:{path}?mode=ro", "INSERT INTO numbers DEFAULT VALUES")
    refused("full", f"file:{path}", "PRAGMA max_page_count = 1", "INSERT INTO numbers (text) VALUES (zeroblob(99999))")
    refused("odd", f"file:{path}", "SELECT nothing FROM nowhere")
    path.write_bytes(b"no database at all" * 100)
    refused("damaged", f"file:{path}", "SELECT * FROM numbers")
    assert found == {
        "locked": CauseCode.LOCKED,
        "read-only": CauseCode.READ_ONLY,
        "full": CauseCode.DISK_FULL,
        "odd": CauseCode.OTHER,
        "damaged": CauseCode.DAMAGED,
    }
