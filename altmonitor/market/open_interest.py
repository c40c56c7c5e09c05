"""Open interest of every symbol over the last minutes, by the exchange's own time stamps."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from altmonitor.market.math import OpenInterestChange, change_pct
from altmonitor.market.plausibility import HELD_MS, MOST_OPEN_INTEREST_TIMES, is_near

LONGEST_WINDOW_MS = 300_000
WINDOW_TOLERANCE = 0.25
"""A sample stands for a window when its age is within ± 25 % of it."""

SAME_SAMPLE_MS = 5_000
"""Of the samples within so long after one that is kept only the newest is, so that extra look-ups do not push the old
ones out of the ring."""

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
        self._held: dict[str, tuple[float, int]] = {}  # samples too far from the newest, and since when they come
        self._head = np.zeros(0, dtype=np.int64)  # newest slot of each row
        self._times_ms = np.full((0, self.slots), NEVER, dtype=np.int64)
        self._contracts = np.zeros((0, self.slots), dtype=np.float64)

    def record(self, symbol: str, *, time_ms: int, contracts: float) -> bool:
        """Keep a sample. False when it is not newer than what is known (the exchange repeated itself), and while one is
        not believed: ten times as much or as little as the one before, until nothing else was told for a while."""
        row = self._row_of.get(symbol)
        if row is None:
            row = self._new_row(symbol)
        head = int(self._head[row])
        newest_ms = int(self._times_ms[row, head])
        if time_ms <= newest_ms:
            return False
        before = float(self._contracts[row, head]) if newest_ms != NEVER else 0.0
        if not before or is_near(contracts, before, MOST_OPEN_INTEREST_TIMES):
            self._held.pop(symbol, None)
        elif self._is_held_back(symbol, contracts, time_ms):
            return False
        elif int(self._times_ms[row, head - 1]) == NEVER:
            self._times_ms[row] = NEVER  # there was one sample, and nothing bears it out
        # Compared with the one before the newest: the newest may be all there is from before a move that began since.
        if time_ms - int(self._times_ms[row, head - 1]) >= SAME_SAMPLE_MS:
            head = (head + 1) % self.slots
            self._head[row] = head
        self._times_ms[row, head] = time_ms
        self._contracts[row, head] = contracts
        return True

    def is_held_back(self, symbol: str) -> bool:
        """Its newest sample was not believed."""
        return symbol in self._held

    def _is_held_back(self, symbol: str, contracts: float, time_ms: int) -> bool:
        held = self._held.get(symbol)
        if held is None or not is_near(contracts, held[0], MOST_OPEN_INTEREST_TIMES):
            self._held[symbol] = contracts, time_ms
            return True
        if time_ms - held[1] < HELD_MS:
            return True
        del self._held[symbol]
        return False

    def forget(self, symbol: str) -> None:
        """The contract left the exchange: its row is emptied and given to the next newcomer."""
        self._held.pop(symbol, None)
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

    def newest_of(self, symbols: Sequence[str]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """(time_ms, contracts) of the newest sample of each; (NEVER, NaN) before the first."""
        rows = self._rows_of(symbols)
        known = np.flatnonzero(rows >= 0)
        row = rows[known]
        head = self._head[row]
        times_ms, contracts = np.full(len(symbols), NEVER, dtype=np.int64), np.full(len(symbols), np.nan)
        times_ms[known], contracts[known] = self._times_ms[row, head], self._contracts[row, head]
        return times_ms, contracts

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

        Compared with the sample nearest to the window, of two as near with the older one. NaN where there is no honest
        value: no sample, none whose age is within ± 25 % of the window, a newest sample more than `stale_ms` older than
        `now_ms`, or an old value of 0. Both arrays have the length of `symbols`.
        """
        rows = self._rows_of(symbols)
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
        line = np.arange(row.size)
        slot = np.abs(ages_ms - (window_ms + 0.5)).argmin(axis=1)  # of two as near the older, wherever they lie
        off_ms = np.abs(ages_ms[line, slot] - window_ms)
        before = self._contracts[row, slot]
        honest = (off_ms <= window_ms * WINDOW_TOLERANCE) & (now_ms - newest_ms <= stale_ms) & (before > 0.0)
        honest &= np.isfinite(newest)
        where = known[honest]
        changes[where] = (newest[honest] - before[honest]) / before[honest] * 100.0
        spans_s[where] = ages_ms[line, slot][honest] / 1000.0
        return changes, spans_s

    def change_at(self, symbol: str, *, at_ms: int, window_ms: int) -> tuple[float, float] | None:
        """(percent, seconds really measured) of the sample of that very moment, as it was when it came; None as in
        `changes_pct`, or when what it was compared with is kept no more."""
        kept = self.samples(symbol, from_ms=at_ms - round(window_ms * (1 + WINDOW_TOLERANCE)))
        newest = next((contracts for time_ms, contracts in kept if time_ms == at_ms), None)
        older = [
            (abs(at_ms - time_ms - window_ms), time_ms, contracts) for time_ms, contracts in kept if time_ms < at_ms
        ]
        if newest is None or not older:
            return None
        off_ms, time_ms, before = min(older)
        if off_ms > window_ms * WINDOW_TOLERANCE or not before > 0.0:
            return None
        return change_pct(before, newest), (at_ms - time_ms) / 1000

    def change_over_move(self, symbol: str, *, began_ms: int) -> OpenInterestChange | None:
        """The newest sample against the newest one from before a move began, at most 5 minutes older.

        A move that began longer ago than that is compared over 5 minutes, within the tolerance of that window.
        None: nothing was sampled since the move began, or nothing in time before it, or a value of 0.
        """
        row = self._row_of.get(symbol)
        if row is None:
            return None
        kept = zip(self._times_ms[row].tolist(), self._contracts[row].tolist(), strict=True)
        newest, *older = sorted(kept, reverse=True)
        newest_ms, contracts = newest
        if newest_ms <= began_ms:
            return None
        older = [sample for sample in older if newest_ms - sample[0] <= LONGEST_WINDOW_MS]
        before = next((sample for sample in older if sample[0] <= began_ms), None)
        if before is None and older and newest_ms - older[-1][0] >= LONGEST_WINDOW_MS * (1 - WINDOW_TOLERANCE):
            before = older[-1]
        if before is None or not before[1] > 0.0:
            return None
        return OpenInterestChange(
            pct=change_pct(before[1], contracts), span_s=(newest_ms - before[0]) / 1000, sample_ms=newest_ms
        )

    def _rows_of(self, symbols: Sequence[str]) -> NDArray[np.int64]:
        """−1 for a symbol that was never recorded."""
        row_of = self._row_of.get
        return np.array([row_of(symbol, -1) for symbol in symbols], dtype=np.int64)

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
