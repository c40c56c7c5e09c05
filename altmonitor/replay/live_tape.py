"""The tape of the running monitor: what it has seen of the last days, in memory and over restarts in a file.

Kept are the sizes of everything noteworthy, well below any threshold a person would set, and how many minutes of how
many symbols were looked at for them.
"""

from __future__ import annotations

import io
import zipfile
import zlib
from array import array
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from altmonitor.core.alert import Kind
from altmonitor.detectors.verdict import Rule
from altmonitor.detectors.volume import FEWEST_CANDLES
from altmonitor.market.candles import MINUTE_MS, Candle, ClosedCandle
from altmonitor.market.math import MinuteRanges
from altmonitor.replay.columns import CandleColumns, Source, between, no_funding, no_open_interest
from altmonitor.replay.measures import run_lengths
from altmonitor.replay.tape import BURST, HOUR_MS, SMALLEST, Tape, TapeRows, joined, minutes_since
from altmonitor.replay.tape_rows import measured

VERSION: Final = 1
KEPT_MS: Final = 3 * 86_400_000
MOST_ROWS: Final = 400_000
"""Per rule; 23 bytes each. A market that moves so much loses its oldest rows first."""

MAIN: Final[Mapping[Kind, Rule]] = {rule.kind: rule for rule in reversed(tuple(SMALLEST))}
"""The rule that says how long a kind was looked at."""
CANDLE_RULES: Final = tuple(rule for rule in SMALLEST if rule.kind in ("price", "vol"))
SAMPLED_RULES: Final = tuple(rule for rule in SMALLEST if rule not in CANDLE_RULES)


class TapeDamaged(Exception):
    """A saved tape that is not ours, or only a part of one; `str()` is one line."""


def closed_columns(candles: Sequence[ClosedCandle | Candle]) -> CandleColumns:
    """Closed minutes in order. One whose open is no price is left out."""
    rows = [(one.open_ms, one.open, one.high, one.low, one.close, one.quote_usdt) for one in candles if one.open > 0]
    table = np.array(rows, np.float64).reshape(-1, 6)
    blank, whole = np.zeros(len(table)), np.full(len(table), int(Source.RECORDED))
    return CandleColumns(
        open_ms=table[:, 0].astype(np.int64),
        open=table[:, 1],
        high=table[:, 2],
        low=table[:, 3],
        close=table[:, 4],
        quote_usdt=table[:, 5],
        volume=blank,
        taker_quote_usdt=blank,
        trades=whole,
        source=whole,
        decimals=np.full(len(table), -1),
    )


class _SmallRows:
    """Columns of one rule: unix ms, symbol's number, signed size, USD that a floor is compared with, side, and what
    adaptive bounds are multiples of, see `TapeRows`."""

    def __init__(self) -> None:
        self.at_ms = array("q")
        self.symbol = array("H")
        self.size = array("f")
        self.usd = array("f")
        self.side = array("b")
        self.own_size = array("f")

    def __len__(self) -> int:
        return len(self.at_ms)

    def columns(self) -> dict[str, array[Any]]:
        return {name: getattr(self, name) for name in ("at_ms", "symbol", "size", "usd", "side", "own_size")}

    def add(self, **columns: NDArray[Any]) -> None:
        for name, column in self.columns().items():
            column.frombytes(np.ascontiguousarray(columns[name], np.asarray(column).dtype).tobytes())

    def keep(self, chosen: NDArray[np.bool_]) -> None:
        for name, column in self.columns().items():
            setattr(self, name, array(column.typecode, np.asarray(column)[chosen].tobytes()))

    def rows(self) -> TapeRows:
        whole = {name: np.array(column) for name, column in self.columns().items()}
        return joined(
            [
                TapeRows(
                    at_ms=whole["at_ms"],
                    symbol=whole["symbol"].astype(np.int64),
                    size=whole["size"].astype(np.float64),
                    usd=whole["usd"].astype(np.float64),
                    side=whole["side"].astype(np.int64),
                    day_usdt=np.full(len(self), np.inf),
                    own_size=whole["own_size"].astype(np.float64),
                )
            ]
        )


class LiveTape:
    """Sizes of the last `KEPT_MS`. Candles of one symbol may come in any order and more than once; each minute counts
    once."""

    def __init__(self) -> None:
        self._numbers: dict[str, int] = {}
        self._rows = {rule: _SmallRows() for rule in SMALLEST}
        self._seen: dict[Rule, Counter[int]] = {rule: Counter() for rule in SMALLEST}  # hour → symbol-minutes
        self._counted = MinuteRanges()
        self._sampled_ms: dict[Rule, dict[int, int]] = {rule: {} for rule in SAMPLED_RULES}
        self._pruned_ms = 0

    # --- what is seen

    def take_candles(self, symbol: str, candles: CandleColumns, *, lookback: int) -> None:
        """lookback: closed candles before a burst that its median is taken over."""
        if not len(candles):
            return
        number, begin_ms = self._number(symbol), int(candles.open_ms[0])
        last_ms = int(candles.open_ms[-1])
        for first_ms, end_ms in self._counted.missing(symbol, begin_ms, last_ms + MINUTE_MS):
            known = between(candles, begin_ms, end_ms)
            made = measured(known, no_open_interest(), no_funding(), begin_ms=first_ms, lookback=lookback)
            for rule in CANDLE_RULES:
                rows = made.rows[rule]
                if not len(rows):
                    continue
                self._rows[rule].add(
                    at_ms=rows.at_ms,
                    symbol=np.full(len(rows), number),
                    size=rows.size,
                    usd=rows.usd,
                    side=rows.side,
                    own_size=rows.own_size,
                )
            is_new = known.open_ms >= first_ms
            judged = is_new & (np.minimum(run_lengths(known.open_ms), lookback) >= FEWEST_CANDLES)
            for rule in CANDLE_RULES:
                hours = known.open_ms[judged if rule == BURST else is_new] // HOUR_MS
                self._seen[rule].update(
                    dict(zip(*(one.tolist() for one in np.unique(hours, return_counts=True)), strict=True))
                )
            self._counted.add(symbol, first_ms, end_ms)
        self._prune(last_ms)

    def take_sample(self, rule: Rule, symbol: str, *, at_ms: int, size: float | None, usd: float | None) -> None:
        """One sample of a kind that is sampled. size: None without an honest value. usd: None when unknown."""
        number, newest_ms = self._number(symbol), self._sampled_ms[rule]
        last_ms = newest_ms.get(number, 0)
        if at_ms <= last_ms or size is None:
            return
        newest_ms[number] = at_ms
        self._seen[rule][at_ms // HOUR_MS] += min(5, max(1, round((at_ms - last_ms) / MINUTE_MS)))
        if abs(size) >= SMALLEST[rule]:
            self._rows[rule].add(
                at_ms=np.array([at_ms]),
                symbol=np.array([number]),
                size=np.array([size]),
                usd=np.array([np.inf if usd is None else usd]),
                side=np.array([size > 0]),
                own_size=np.array([np.nan]),
            )

    # --- what is known

    def symbol_minutes(self, kind: Kind, *, since_ms: int = 0) -> int:
        """Minutes of all symbols together that were looked at for this kind since then."""
        return minutes_since(self._seen[MAIN[kind]], since_ms)

    def history_days(self, kind: Kind = "price") -> float:
        """How long a time the sizes come from, gaps left out: its hours, as days."""
        return len(self._seen[MAIN[kind]]) / 24

    def covered_days(self, symbols: int) -> float:
        """How much of the market's time was looked at, in days, when there are so many symbols."""
        return self.symbol_minutes("price") / max(1, symbols) / 1_440

    def tape(self) -> Tape:
        hours = sorted(hour for seen in self._seen.values() for hour in seen)
        return Tape(
            symbols=tuple(self._numbers),
            from_ms=hours[0] * HOUR_MS if hours else 0,
            to_ms=(hours[-1] + 1) * HOUR_MS if hours else 0,
            seen={rule: dict(seen) for rule, seen in self._seen.items()},
            rows={rule: rows.rows() for rule, rows in self._rows.items()},
            day_usdt=np.full(len(self._numbers), np.nan),
        )

    # --- over a restart

    def saved(self) -> bytes:
        """Everything, as one small compressed file."""
        columns: dict[str, NDArray[Any]] = {"symbols": np.array(list(self._numbers), dtype=np.str_)}
        for rule, rows in self._rows.items():
            columns |= {f"{rule}_{name}": np.asarray(column) for name, column in rows.columns().items()}
            columns[f"{rule}_seen"] = np.array(sorted(self._seen[rule].items()), np.int64).reshape(-1, 2)
        spans = [(self._numbers[symbol], *span) for symbol, *span in self._counted.spans()]
        columns["counted"] = np.array(spans, np.int64).reshape(-1, 3)
        for rule, newest_ms in self._sampled_ms.items():
            columns[f"{rule}_ms"] = np.array(sorted(newest_ms.items()), np.int64).reshape(-1, 2)
        content = io.BytesIO()
        np.savez_compressed(content, allow_pickle=False, version=np.array(VERSION), **columns)
        return content.getvalue()

    def restore(self, content: bytes, *, now_ms: int) -> None:
        """What `saved` gave, into a tape that took nothing yet. Raises TapeDamaged: then nothing was taken over."""
        fresh = LiveTape()
        try:
            with np.load(io.BytesIO(content), allow_pickle=False) as file:
                if int(file["version"]) != VERSION:
                    raise TapeDamaged(f"it has version {int(file['version'])}, known is {VERSION}")
                fresh._read(file)
        except (OSError, ValueError, LookupError, TypeError, EOFError, zipfile.BadZipFile, zlib.error) as problem:
            raise TapeDamaged(f"it cannot be read: {problem}") from problem
        fresh._prune(now_ms)
        self.__dict__.update(fresh.__dict__)

    def _read(self, file: Mapping[str, NDArray[Any]]) -> None:
        """Files of before there were rules name them by their kind, and have no sides: bursts then count as upwards."""
        self._numbers = {str(symbol): number for number, symbol in enumerate(file["symbols"])}
        for rule, rows in self._rows.items():
            name = str(rule) if f"{rule}_seen" in file else (str(rule.kind) if MAIN[rule.kind] == rule else "")
            if f"{name}_seen" not in file:
                continue
            columns = {column: file[f"{name}_{column}"] for column in ("at_ms", "symbol", "size", "usd")}
            unknown = np.full(len(columns["size"]), np.nan)
            columns["own_size"] = file.get(f"{name}_own_size", file.get(f"{name}_sigma_pct", unknown))
            columns["side"] = file[f"{name}_side"] if f"{name}_side" in file else columns["size"] > 0
            if (
                len({len(column) for column in columns.values()}) != 1
                or (columns["symbol"] >= len(self._numbers)).any()
            ):
                raise ValueError("the columns do not fit together")
            rows.add(**columns)
            self._seen[rule] = Counter({int(hour): int(count) for hour, count in file[f"{name}_seen"]})
            if rule in self._sampled_ms and f"{name}_ms" in file:
                self._sampled_ms[rule] = dict(file[f"{name}_ms"].tolist())
        for number, begin_ms, end_ms in file["counted"].tolist():
            self._counted.add(str(file["symbols"][number]), begin_ms, end_ms)

    # --- inside

    def _number(self, symbol: str) -> int:
        return self._numbers.setdefault(symbol, len(self._numbers))

    def _prune(self, now_ms: int) -> None:
        if now_ms - self._pruned_ms < HOUR_MS:
            return
        self._pruned_ms = now_ms
        oldest_ms = now_ms - KEPT_MS
        for rule, rows in self._rows.items():
            chosen = np.asarray(rows.at_ms) >= oldest_ms
            if len(chosen) > MOST_ROWS:
                chosen[:-MOST_ROWS] = False
            if not chosen.all():
                rows.keep(chosen)
            for hour in [hour for hour in self._seen[rule] if hour < oldest_ms // HOUR_MS]:
                del self._seen[rule][hour]
        self._counted.forget_before(oldest_ms)
