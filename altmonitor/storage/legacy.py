"""Rows of the older tool: a table `alerts` without key, event_ms, candle_ms, late, and loosely typed."""

from __future__ import annotations

import sqlite3

_ASIDE = "alerts_of_older_tool"
_NEEDED = {"ts", "symbol", "direction"}


def is_legacy(db: sqlite3.Connection) -> bool:
    columns = _columns(db, "alerts")
    return columns >= _NEEDED and "key" not in columns


def put_aside(db: sqlite3.Connection) -> None:
    """Inside a transaction: frees the name of the table and of its indexes."""
    found = db.execute("SELECT name FROM sqlite_schema WHERE type = 'index' AND tbl_name = 'alerts' AND sql NOT NULL")
    for (name,) in found.fetchall():
        db.execute(f'DROP INDEX "{name}"')
    db.execute(f"ALTER TABLE alerts RENAME TO {_ASIDE}")


def take_over(db: sqlite3.Connection) -> None:
    """Inside the same transaction, with the new table in place. Every row comes along under the key `legacy:<id>`.

    What the old table holds in another spelling is translated where its meaning is sure, else left out; there are no
    deliveries for these rows, since nobody waits for them.
    """
    columns = _columns(db, _ASIDE)

    def number(name: str) -> str:
        if name not in columns:
            return "NULL"
        return f"CASE WHEN typeof({name}) IN ('real', 'integer') THEN CAST({name} AS REAL) END"

    def text(name: str) -> str:
        return f"COALESCE(CAST({name} AS TEXT), '')" if name in columns else "''"

    db.execute(
        f"""
        INSERT INTO alerts (id, key, ts, event_ms, symbol, kind, direction, price, change_pct, oi_change, amplitude,
                            lsr, metric, quadrant, note)
        SELECT row_id, 'legacy:' || row_id, ts, CAST(round(ts * 1000) AS INTEGER), symbol, kind,
               CASE WHEN direction IN ('PUMP', 'DUMP', 'UP', 'DOWN') THEN direction
                    WHEN kind = 'price' THEN CASE WHEN change_pct < 0 THEN 'DUMP' ELSE 'PUMP' END
                    ELSE CASE WHEN COALESCE(oi_change, change_pct) < 0 THEN 'DOWN' ELSE 'UP' END END,
               price, change_pct, oi_change, amplitude, lsr, metric,
               CASE WHEN quadrant IN ('up_up', 'up_down', 'down_up', 'down_down') THEN quadrant
                    WHEN quadrant <> '' AND change_pct <> 0 AND oi_change <> 0
                    THEN CASE WHEN change_pct > 0 THEN 'up_' ELSE 'down_' END
                         || CASE WHEN oi_change > 0 THEN 'up' ELSE 'down' END END,
               note
        FROM (SELECT rowid AS row_id, COALESCE(CAST(ts AS REAL), 0) AS ts, {text("symbol")} AS symbol,
                     CASE WHEN {text("kind")} IN ('price', 'oi', 'vol') THEN {text("kind")} ELSE 'price' END AS kind,
                     upper({text("direction")}) AS direction, {number("price")} AS price,
                     {number("change_pct")} AS change_pct, {number("oi_change")} AS oi_change,
                     {number("amplitude")} AS amplitude, {number("lsr")} AS lsr, {number("metric")} AS metric,
                     {text("quadrant")} AS quadrant, {text("note")} AS note
              FROM {_ASIDE})
        ORDER BY row_id
        """  # noqa: S608 — names and expressions are ours, values never enter the text
    )
    db.execute(f"DROP TABLE {_ASIDE}")


def _columns(db: sqlite3.Connection, table: str) -> set[str]:
    return {row[1] for row in db.execute(f"PRAGMA table_info({table})")}
