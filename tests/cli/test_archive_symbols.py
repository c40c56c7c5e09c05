"""Contracts of the store, as people write them."""

from __future__ import annotations

from pathlib import Path

from altmonitor.cli.archive import symbols_stored
from altmonitor.replay.store import HistoryStore
from tests.replay.history import wild_columns


def test_a_contract_is_known_without_its_quote_and_one_that_is_not_stored_stays_as_typed(tmp_path: Path) -> None:
    store = HistoryStore(tmp_path)
    for symbol in ("FILUSDT", "NEARUSDT"):
        store.add(symbol, "klines", wild_columns(10))
    assert symbols_stored("fil, near,doge", store) == ["FILUSDT", "NEARUSDT", "DOGE"]
    assert symbols_stored("all", store) == ["FILUSDT", "NEARUSDT"]
