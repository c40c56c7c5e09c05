"""What changed in the market table since a moment, as frames that many listeners share."""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter

import msgspec

from altmonitor.operations.board import MarketRow, MarketTable

COLUMNS: tuple[str, ...] = tuple(name for name in MarketRow.__struct_fields__ if not name.endswith("_age_s"))
"""Of a row in a frame, in this order. Ages are left out: what comes is as old as the frame, and a page counts on."""

_values = attrgetter(*COLUMNS)


class MarketDeltas:
    """table: the newest, the same object until it is computed anew. `advance` before frames are asked for."""

    def __init__(self, table: Callable[[], MarketTable]) -> None:
        self._read = table
        self._table: MarketTable | None = None
        self._known: dict[str, tuple[object, ...]] = {}
        self._changed_ms: dict[str, int] = {}
        self._gone_ms: dict[str, int] = {}
        self._frames: dict[int, bytes] = {}

    @property
    def as_of_ms(self) -> int:
        """Of the newest table, unix ms; 0 before any."""
        return 0 if self._table is None else self._table.as_of_ms

    def advance(self) -> None:
        table = self._read()
        if table is self._table:
            return
        self._table = table
        self._frames.clear()
        as_of_ms, known = table.as_of_ms, self._known
        found = {row.symbol: _values(row) for row in table.rows}
        for symbol in known.keys() - found.keys():
            self._gone_ms[symbol] = as_of_ms
            self._changed_ms.pop(symbol, None)
        for symbol, values in found.items():
            if known.get(symbol) != values:
                self._changed_ms[symbol] = as_of_ms
                self._gone_ms.pop(symbol, None)
        self._known = found

    def frame_since(self, since_ms: int) -> bytes:
        """Event `market`: rows that changed after that table; 0: all of them. Encoded once for all who ask the same."""
        frame = self._frames.get(since_ms)
        if frame is None:
            frame = self._frames[since_ms] = self._encoded(since_ms)
        return frame

    def _encoded(self, since_ms: int) -> bytes:
        rows = [self._known[symbol] for symbol, changed_ms in self._changed_ms.items() if changed_ms > since_ms]
        gone = [symbol for symbol, gone_ms in self._gone_ms.items() if gone_ms > since_ms]
        data = {
            "as_of_ms": self.as_of_ms,
            "sweep": 0 if self._table is None else self._table.sweep,
            "columns": COLUMNS,
            "rows": rows,
            "gone": gone,
        }
        return b"event: market\ndata: " + msgspec.json.encode(data) + b"\n\n"
