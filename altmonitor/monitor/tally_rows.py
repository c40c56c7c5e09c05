"""The columns a tally is made of."""

from __future__ import annotations

from array import array
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from altmonitor.market.kline import MINUTE_MS


class SizeRows:
    """Columns: unix ms, symbol's number, signed size, USD that a floor is compared with."""

    def __init__(self) -> None:
        self.at_ms = array("q")
        self.symbol = array("H")
        self.size = array("f")
        self.usd = array("f")

    def add(self, at_ms: int, symbol: int, size: float, usd: float) -> None:
        self.at_ms.append(at_ms)
        self.symbol.append(symbol)
        self.size.append(size)
        self.usd.append(usd)

    def columns(self) -> dict[str, array[Any]]:
        return {"at_ms": self.at_ms, "symbol": self.symbol, "size": self.size, "usd": self.usd}

    def keep(self, chosen: NDArray[np.bool_]) -> None:
        for name, column in self.columns().items():
            setattr(self, name, array(column.typecode, np.asarray(column)[chosen].tobytes()))

    def fill(self, columns: Mapping[str, NDArray[Any]], *, symbols: int) -> None:
        """Raises ValueError for columns of different lengths, or a number that is no symbol's."""
        if len({len(column) for column in columns.values()}) != 1 or (columns["symbol"] >= symbols).any():
            raise ValueError("the columns do not fit together")
        for name, column in self.columns().items():
            kind = np.asarray(column).dtype
            setattr(self, name, array(column.typecode, np.ascontiguousarray(columns[name], kind).tobytes()))


class MinuteSpans:
    """Which minutes were counted, as spans [from_ms, to_ms): history and the live market leave few of them."""

    __slots__ = ("spans",)

    def __init__(self) -> None:
        self.spans: list[list[int]] = []

    def add(self, minute_ms: int) -> bool:
        """False when it was counted already."""
        spans, end_ms = self.spans, minute_ms + MINUTE_MS
        if any(begin <= minute_ms < end for begin, end in spans):
            return False
        before = next((span for span in spans if span[1] == minute_ms), None)
        after = next((span for span in spans if span[0] == end_ms), None)
        if before is not None and after is not None:
            before[1] = after[1]
            spans.remove(after)
        elif before is not None:
            before[1] = end_ms
        elif after is not None:
            after[0] = minute_ms
        else:
            spans.append([minute_ms, end_ms])
        return True

    def forget_before(self, oldest_ms: int) -> None:
        self.spans = [[max(begin, oldest_ms), end] for begin, end in self.spans if end > oldest_ms]
