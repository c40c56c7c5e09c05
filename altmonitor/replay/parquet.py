"""Stored months as Parquet files for other programs; needs the extra `history` (polars).

Only its eager frames: the lazy engine guarantees neither the order of rows nor the last digits.
"""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from urllib.parse import quote

import numpy as np

from altmonitor.core.files import write_atomically
from altmonitor.replay.columns import CandleColumns, FundingColumns, OpenInterestColumns, month_after, month_begin_ms
from altmonitor.replay.store import EVERY_SERIES, HistoryStore


class NoPolars(Exception):
    """The extra is not installed."""


def export_parquet(store: HistoryStore, symbols: list[str], folder: Path) -> Iterator[tuple[Path, int]]:
    """Writes `folder/SYMBOL/2025-02.klines.parquet` and so on; yields (file, rows) of each as it is written.

    Moments are UTC with milliseconds, unknown numbers are null. Raises: NoPolars, StoreDamaged, OSError.
    """
    try:
        import polars
    except ImportError as problem:
        raise NoPolars from problem
    for symbol in symbols:
        for series in EVERY_SERIES:
            for month in store.months(symbol, series):
                span = month_begin_ms(month), month_begin_ms(month_after(month))
                columns: CandleColumns | OpenInterestColumns | FundingColumns
                match series:
                    case "klines":
                        columns = store.candles(symbol, *span)
                    case "oi":
                        columns = store.open_interest(symbol, *span)
                    case "funding":
                        columns = store.funding(symbol, *span)
                moment = "open_ms" if series == "klines" else "time_ms"
                table = {}
                for one in fields(columns):
                    values = getattr(columns, one.name)
                    if one.name == moment:
                        name, series_of = "time", polars.Series(values.astype("datetime64[ms]"))
                        table[name] = series_of.dt.replace_time_zone("UTC")
                    elif values.dtype == np.float64:
                        table[one.name] = polars.Series(values, nan_to_null=True)
                    else:
                        table[one.name] = polars.Series(values)
                content = io.BytesIO()
                polars.DataFrame(table).write_parquet(content)
                path = folder / quote(symbol, safe="").replace(".", "%2E") / f"{month}.{series}.parquet"
                path.parent.mkdir(parents=True, exist_ok=True)
                write_atomically(path, content.getvalue())
                yield path, len(columns)
