"""Stored months as Parquet: every row and number, in order."""

from __future__ import annotations

from pathlib import Path

import polars

from altmonitor.replay.parquet import export_parquet
from altmonitor.replay.store import HistoryStore
from tests.replay.history import wild_columns, wild_interest


def test_what_is_read_back_is_what_is_stored(tmp_path: Path) -> None:
    store = HistoryStore(tmp_path / "store")
    candles = wild_columns(300, seed=1, holes=0.01)
    store.add("XUSDT", "klines", candles)
    store.add("XUSDT", "oi", wild_interest(candles, seed=1))
    written = dict(export_parquet(store, ["XUSDT"], tmp_path / "out"))
    assert {path.name: rows for path, rows in written.items()} == {
        "2025-02.klines.parquet": len(candles),
        "2025-02.oi.parquet": 300,
    }
    frame = polars.read_parquet(tmp_path / "out" / "XUSDT" / "2025-02.klines.parquet")
    assert frame["time"].dt.epoch("ms").to_list() == candles.open_ms.tolist()
    assert str(frame["time"].dtype) == "Datetime(time_unit='ms', time_zone='UTC')"
    for name in ("open", "high", "low", "close", "quote_usdt", "trades"):
        assert frame[name].to_list() == getattr(candles, name).tolist(), name
    held = polars.read_parquet(tmp_path / "out" / "XUSDT" / "2025-02.oi.parquet")
    assert held["value_usdt"].null_count() == 300, "what is not known is null"
