"""The second engine of a replay: the tape selects, the live engine decides.

Months in which no row of the tape reaches anybody's bound are never read. In the others the live engine is shown the
selected minutes and, while a cooldown, an episode or a plateau lasts, whatever in their neighbourhood could end or
double it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from altmonitor.detectors.adaptive import loosest
from altmonitor.market.candles import MINUTE_MS
from altmonitor.replay.columns import ANOTHER_COIN_MINUTES, Ints
from altmonitor.replay.exact import SymbolReplay
from altmonitor.replay.measures import SLACK
from altmonitor.replay.replay_options import ReplayOptions, warm_begin
from altmonitor.replay.selection import Marks, least_change, marks_on_tape, running_at, smallest_for
from altmonitor.replay.store import HistoryStore
from altmonitor.replay.tape import joined, no_rows
from altmonitor.replay.tape_files import month_tape, months_between


@dataclass(frozen=True, slots=True, kw_only=True)
class TapeSelection:
    """Of one symbol. is_quiet: nobody could be told of anything, so no candle has to be read. calm_ms: samples of open
    interest that were known."""

    open_ms: Ints
    marks: Marks
    calm_ms: Ints
    is_quiet: bool


def select_on_tape(
    store: HistoryStore, symbol: str, options: ReplayOptions, *, first_ms: int, to_ms: int
) -> TapeSelection:
    """Of the minutes [first_ms, to_ms). Raises: StoreDamaged."""
    every = [loosest(one.settings.for_symbol(symbol)) for one in options.audiences]
    lookback = max(one.settings.vol_burst_lookback for one in options.audiences)
    smallest = smallest_for(every)
    months = [
        month_tape(store, symbol, month, lookback=lookback, smallest=smallest)
        for month in months_between(store, symbol, first_ms, to_ms)
    ]
    open_ms = _between([one.open_ms for one in months], first_ms, to_ms)
    rows = {rule: joined([no_rows(), *(one.rows[rule] for one in months)]) for rule in smallest}
    marks = marks_on_tape(open_ms, rows, options.audiences, every)
    bound = least_change(every)
    loud = [one.loud_ms[one.loud_size >= bound / 2 * (1 - SLACK)] for one in months]
    calm_ms = _between([one.sample_ms for one in months], first_ms, to_ms)
    _, is_running = running_at(open_ms, calm_ms)
    is_other = len(open_ms) > 0 and bool(np.diff(open_ms).max(initial=0) > ANOTHER_COIN_MINUTES * MINUTE_MS)
    is_asked = any(one.symbol == symbol for one in options.conditions)
    return TapeSelection(
        open_ms=open_ms,
        marks=marks,
        calm_ms=calm_ms[is_running] if np.isfinite(bound) else calm_ms[:0],
        is_quiet=not (marks.any.any() or len(_between(loud, first_ms, to_ms)) or is_other or is_asked),
    )


def quiet_replay(
    symbol: str, selected: TapeSelection, options: ReplayOptions, *, from_ms: int, to_ms: int
) -> SymbolReplay:
    """Of a symbol of which nobody could be told anything."""
    opens = selected.open_ms
    begin = warm_begin(
        opens, options, from_ms=from_ms, marks=selected.marks, loud_ms=opens[:0], calm_ms=selected.calm_ms
    )
    first, after = np.searchsorted(opens, [from_ms, to_ms]).tolist()
    return SymbolReplay(
        symbol=symbol,
        alerts=(),
        began_ms=int(opens[begin]) if begin < len(opens) else from_ms,
        candles=after - first,
        played=0,
        both_ways=0,
    )


def _between(parts: list[Ints], first_ms: int, to_ms: int) -> Ints:
    whole: Ints = np.concatenate([np.zeros(0, np.int64), *parts])
    first, after = np.searchsorted(whole, [first_ms, to_ms])
    return whole[first:after]
