"""Alerts and destinations for tests of storage and delivery."""

from typing import Any

from altmonitor.core.alert import Alert, Details
from altmonitor.core.types import Destination

NOW_MS = 1_790_000_000_000
PRIVATE = Destination(chat_id=77)
GROUP = Destination(chat_id=-1001)
TOPIC = Destination(chat_id=-1001, topic_id=5)


def pump(symbol: str = "SOLUSDT", *, at_ms: int = NOW_MS, key: str = "", **fields: Any) -> Alert:
    known: dict[str, Any] = {
        "key": key or f"price:{symbol}:PUMP:1m:{at_ms}",
        "ts": at_ms / 1000,
        "event_ms": at_ms,
        "candle_ms": at_ms - at_ms % 60_000,
        "symbol": symbol,
        "kind": "price",
        "direction": "PUMP",
        "price": 103.5,
        "change_pct": 3.5,
        "metric": 3.5,
        "note": "1m",
        "details": Details(threshold=3.0, window_s=41.2),
    }
    return Alert(**{**known, **fields})
