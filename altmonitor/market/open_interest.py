"""Open interest of every symbol over the last minutes, by the exchange's own time stamps."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

LONGEST_WINDOW_MS = 300_000
WINDOW_TOLERANCE = 0.25
"""A sample stands for a window when its age is within ± 25 % of it."""

SAME_SAMPLE_MS = 5_000
"""Samples closer than this replace one another, so that extra look-ups do not push the old ones out of the ring."""

NEVER = np.iinfo(np.int64).min // 2


class OpenInterestRing:
    """Shape (symbols, slots): `times_ms` int64 and `contracts` float64; a slot never written holds NEVER.

    Sized by time: twice the longest window at the sweep's period, whatever that is, plus room for extra samples.
    """

    def __init__(self, *, period_s: float) -> None:
        self.period_ms = int(period_s * 1000)
        self.slots = max(8, -(-2 * LONGEST_WINDOW_MS // self.period_ms) + 8)
        self._row_of: dict[str, int] = {}
        self._free: list[int] = []
        self._head = np.zeros(0, dtype=np.int64)  # newest slot of each row
        self._times_ms = np.full((0, self.slots), NEVER, dtype=np.int64)
        self._contracts = np.zeros((0, self.slots), dtype=np.float64)

    def record(self, symbol: str, *, time_ms: int, contracts: float) -> bool:
        """Keep a sample. False when it is not newer than what is known (the exchange repeated itself)."""
        row = self._row_of.get(symbol)
        if row is None:
            row = self._new_row(symbol)
        head = int(self._head[row])
        newest_ms = int(self._times_ms[row, head])
        if time_ms <= newest_ms:
            return False
        if time_ms - newest_ms >= SAME_SAMPLE_MS:
            head = (head + 1) % self.slots
            self._head[row] = head
        self._times_ms[row, head] = time_ms
        self._contracts[row, head] = contracts
        return True

    def forget(self, symbol: str) -> None:
        """The contract left the exchange: its row is emptied and given to the next newcomer."""
        row = self._row_of.pop(symbol, None)
        if row is not None:
            self._times_ms[row] = NEVER
            self._free.append(row)

    def newest(self, symbol: str) -> tuple[int, float] | None:
        """(time_ms, contracts) of the newest sample; None before the first."""
        row = self._row_of.get(symbol)
        if row is None:
            return None
        head = int(self._head[row])
        return int(self._times_ms[row, head]), float(self._contracts[row, head])

    def samples(self, symbol: str, *, from_ms: int) -> list[tuple[int, float]]:
        """(time_ms, contracts) of what is kept since then, oldest → newest."""
        row = self._row_of.get(symbol)
        if row is None:
            return []
        kept = zip(self._times_ms[row].tolist(), self._contracts[row].tolist(), strict=True)
        return sorted(sample for sample in kept if sample[0] >= from_ms and sample[0] != NEVER)

    def changes_pct(
        self, symbols: Sequence[str], *, window_ms: int, now_ms: int, stale_ms: int
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """For each symbol: change over the window in percent, and the span really measured in seconds.

        NaN where there is no honest value: no sample, none whose age is within ± 25 % of the window, a newest sample
        more than `stale_ms` older than `now_ms`, or an old value of 0. Both arrays have the length of `symbols`.
        """
        rows = np.fromiter((self._row_of.get(symbol, -1) for symbol in symbols), dtype=np.int64, count=len(symbols))
        changes = np.full(len(symbols), np.nan)
        spans_s = np.full(len(symbols), np.nan)
        known = np.flatnonzero(rows >= 0)
        if known.size == 0:
            return changes, spans_s
        row = rows[known]
        head = self._head[row]
        newest_ms = self._times_ms[row, head]
        newest = self._contracts[row, head]
        ages_ms = newest_ms[:, None] - self._times_ms[row]
        off_ms = np.abs(ages_ms - window_ms)
        slot = off_ms.argmin(axis=1)
        line = np.arange(row.size)
        before = self._contracts[row, slot]
        honest = (
            (off_ms[line, slot] <= window_ms * WINDOW_TOLERANCE) & (now_ms - newest_ms <= stale_ms) & (before > 0.0)
        )
        honest &= np.isfinite(newest)
        where = known[honest]
        changes[where] = (newest[honest] - before[honest]) / before[honest] * 100.0
        spans_s[where] = ages_ms[line, slot][honest] / 1000.0
        return changes, spans_s

    def change_since_pct(self, symbol: str, *, window_ms: int, after_ms: int) -> float | None:
        """Change over the window up to the newest sample after `after_ms` that has an honest partner, percent.

        The very newest may come from an extra look-up between two sweeps and have no sample a window older; the one
        before it does. None when no sample after `after_ms` has one.
        """
        row = self._row_of.get(symbol)
        if row is None:
            return None
        times = self._times_ms[row].tolist()
        samples = sorted(zip(times, self._contracts[row].tolist(), strict=True), reverse=True)
        for time_ms, contracts in samples:
            if time_ms <= after_ms:
                return None
            before_ms, before = min(samples, key=lambda sample: abs(time_ms - sample[0] - window_ms))
            if abs(time_ms - before_ms - window_ms) <= window_ms * WINDOW_TOLERANCE and before > 0.0:
                return float((contracts - before) / before * 100.0)
        return None

    def _new_row(self, symbol: str) -> int:
        if self._free:
            row = self._free.pop()
        else:
            row = self._head.size
            more = max(64, row)  # doubling: a listing does not copy the whole ring each time
            self._head = np.concatenate([self._head, np.zeros(more, dtype=np.int64)])
            self._times_ms = np.concatenate([self._times_ms, np.full((more, self.slots), NEVER, dtype=np.int64)])
            self._contracts = np.concatenate([self._contracts, np.zeros((more, self.slots))])
            self._free.extend(range(row + more - 1, row, -1))
        self._row_of[symbol] = row
        return row
