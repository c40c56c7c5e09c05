"""The columns a tally is made of."""

from __future__ import annotations

from array import array
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray


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
