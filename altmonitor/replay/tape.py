"""The event tape: every minute and every sample in which the lowest threshold worth asking about is reached.

Alerts are sparse, so a month of a symbol is a few thousand rows, and any question about thresholds afterwards is a
filter over them. A month's rows are kept beside the store, under a name that holds what they were made of: the digest
of the stored rows (and that of the month before, which the first minutes are compared with), the look-back, and the
source of everything that measures. Whatever of it changes, they are made anew.

`Tape.moments` counts first alerts, with cooldowns, in whole minutes. Escalations, episodes, early bursts and a symbol's
own settings are the engine's (`exact.py`); what is chosen here is counted again there.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from altmonitor import detectors
from altmonitor.core.alert import Kind
from altmonitor.core.files import write_atomically
from altmonitor.detectors.kinds import BUDGETS
from altmonitor.market import math as market_math
from altmonitor.market.candles import MINUTE_MS
from altmonitor.replay import measures
from altmonitor.replay.columns import Floats, Ints, between, month_after, month_begin_ms
from altmonitor.replay.store import READING_PROBLEMS, HistoryStore, SeriesName

FOLDER: Final = ".tape"
KINDS_ON_TAPE: Final[tuple[Kind, ...]] = ("price", "vol", "oi")
OI_WINDOW_MS: Final = 300_000


@dataclass(frozen=True, slots=True, kw_only=True)
class TapeRows:
    """Of one kind, in the order of time. size: percent with its sign, or multiple. usd: what a floor is compared with
    (quote volume, worth of open interest), infinite where it is not known. side: 1 up, 0 down; of a burst its candle's.
    """

    at_ms: Ints
    symbol: Ints
    size: Floats
    usd: Floats
    side: Ints

    def __len__(self) -> int:
        return len(self.at_ms)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tape:
    """symbols: by number. minutes: candles that were looked at, of all symbols together."""

    symbols: tuple[str, ...]
    from_ms: int
    to_ms: int
    minutes: int
    rows: dict[Kind, TapeRows]

    @property
    def days(self) -> float:
        return (self.to_ms - self.from_ms) / 86_400_000

    def moments(
        self, kind: Kind, *, up: float, down: float = -np.inf, floor_usd: float = 0.0, cooldown_s: float = 0.0
    ) -> int:
        """How many first alerts of this kind: size ≥ up or ≤ down, none within the cooldown of the one before of the
        same symbol and side, nor while a change of open interest is still in its window."""
        rows = self.rows[kind]
        slack = measures.SLACK
        is_reached = (rows.size >= up * (1 - slack)) | (rows.size <= down * (1 - slack))
        chosen = is_reached & (rows.usd >= floor_usd)
        gap_ms = max(cooldown_s * 1000, float(BUDGETS[kind].plateau_ms or MINUTE_MS))
        return _thinned(rows.symbol[chosen] * 2 + rows.side[chosen], rows.at_ms[chosen], gap_ms)


def _thinned(side: Ints, at_ms: Ints, gap_ms: float) -> int:
    """Of each side the first one, then the first that is a gap after it, and so on: by jumps, all sides at once."""
    if not len(at_ms):
        return 0
    order = np.lexsort((at_ms, side))
    side, at_ms = side[order], at_ms[order]
    span = int(at_ms.max() - at_ms.min()) + int(gap_ms) + 1
    line = side * span + (at_ms - at_ms.min())  # sides lie apart by more than any gap
    following = np.searchsorted(line, line + int(gap_ms))
    begins = np.flatnonzero(np.append(True, side[1:] != side[:-1]))
    ends = np.append(begins[1:], len(side))
    count, at = 0, begins
    while len(at):
        count += len(at)
        at = following[at]
        is_inside = at < ends
        at, ends = at[is_inside], ends[is_inside]
    return count


# ---
# Making it.


def build_tape(
    store: HistoryStore,
    symbols: Sequence[str],
    *,
    from_ms: int,
    to_ms: int,
    lookback: int,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> Tape:
    """Month by month, symbol by symbol; what was made before is read. Raises: StoreDamaged."""
    parts: dict[Kind, list[tuple[int, TapeRows]]] = {kind: [] for kind in KINDS_ON_TAPE}
    minutes = 0
    for number, symbol in enumerate(symbols):
        for month in store.months(symbol):
            begin_ms, end_ms = month_begin_ms(month), month_begin_ms(month_after(month))
            if begin_ms < to_ms and end_ms > from_ms:
                made = _month_rows(store, symbol, month, lookback)
                opens = made["open_ms"]
                minutes += int(((opens >= from_ms) & (opens < to_ms)).sum())
                for kind in KINDS_ON_TAPE:
                    parts[kind].append((number, _rows_of(made, kind)))
        on_progress(number + 1, len(symbols))
    return Tape(
        symbols=tuple(symbols),
        from_ms=from_ms,
        to_ms=to_ms,
        minutes=minutes,
        rows={kind: _joined(of_kind, from_ms, to_ms) for kind, of_kind in parts.items()},
    )


def _joined(parts: Iterable[tuple[int, TapeRows]], from_ms: int, to_ms: int) -> TapeRows:
    columns: dict[str, list[NDArray[Any]]] = {name: [np.zeros(0)] for name in ("size", "usd")}
    columns |= {name: [np.zeros(0, np.int64)] for name in ("at_ms", "symbol", "side")}
    for number, rows in parts:
        inside = (rows.at_ms >= from_ms) & (rows.at_ms < to_ms)
        for name in columns:
            values = getattr(rows, name)[inside]
            columns[name].append(values + number if name == "symbol" else values)
    whole = {name: np.concatenate(found) for name, found in columns.items()}
    order = np.argsort(whole["at_ms"], kind="stable")
    return TapeRows(**{name: column[order] for name, column in whole.items()})


Made = dict[str, NDArray[Any]]


def _rows_of(made: Made, kind: Kind) -> TapeRows:
    stamps = made[f"{kind}_ms"]
    return TapeRows(
        at_ms=stamps,
        symbol=np.zeros(len(stamps), np.int64),
        size=made[f"{kind}_size"],
        usd=made[f"{kind}_usd"],
        side=made[f"{kind}_side"],
    )


def _month_rows(store: HistoryStore, symbol: str, month: str, lookback: int) -> Made:
    before = str(np.datetime64(month, "M") - 1)
    every: tuple[SeriesName, ...] = ("klines", "oi")
    digests = [
        stored.digest
        for series in every
        for one in (before, month)
        if (stored := store.month(symbol, one, series)) is not None
    ]
    words = [*digests, str(lookback), detector_version(), symbol, month]
    path = store.root / FOLDER / f"{hashlib.sha256(' '.join(words).encode()).hexdigest()[:32]}.npz"
    try:
        with path.open("rb") as handle, np.load(handle, allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    except FileNotFoundError:
        pass
    except READING_PROBLEMS:
        path.unlink(missing_ok=True)
    made = _measured(store, symbol, month, lookback)
    content = io.BytesIO()
    np.savez_compressed(content, allow_pickle=False, **made)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(path, content.getvalue())
    return made


def _measured(store: HistoryStore, symbol: str, month: str, lookback: int) -> Made:
    begin_ms, end_ms = month_begin_ms(month), month_begin_ms(month_after(month))
    candles = store.candles(symbol, begin_ms - lookback * MINUTE_MS, end_ms, is_whole=False)
    run = measures.run_lengths(candles.open_ms)
    is_own = candles.open_ms >= begin_ms
    reach, smallest = measures.reaches(candles, run, minutes=1), BUDGETS["price"].smallest
    ups, downs = np.flatnonzero(is_own & (reach.up >= smallest)), np.flatnonzero(is_own & (reach.down <= -smallest))
    price = np.concatenate([ups, downs])
    burst = np.flatnonzero(
        is_own & measures.could_burst(candles, run, lookback=lookback, multiple=BUDGETS["vol"].smallest)
    )
    usual = measures.medians(candles, run, burst, lookback=lookback)
    burst, usual = burst[usual > 0], usual[usual > 0]
    held = store.open_interest(symbol, begin_ms - 2 * OI_WINDOW_MS, end_ms)
    size, at = _changes(held.time_ms, held.contracts)
    is_large = (np.abs(size) >= BUDGETS["oi"].smallest) & (held.time_ms[at] >= begin_ms)
    size, at = size[is_large], at[is_large]
    return {
        "open_ms": between(candles, begin_ms, end_ms).open_ms,
        "price_ms": candles.open_ms[price],
        "price_size": np.concatenate([reach.up[ups], reach.down[downs]]),
        "price_usd": np.full(len(price), np.inf),
        "price_side": np.concatenate([np.ones(len(ups), np.int64), np.zeros(len(downs), np.int64)]),
        "vol_ms": candles.open_ms[burst],
        "vol_size": candles.quote_usdt[burst] / usual,
        "vol_usd": candles.quote_usdt[burst],
        "vol_side": (candles.close[burst] >= candles.open[burst]).astype(np.int64),
        "oi_ms": held.time_ms[at],
        "oi_size": size,
        "oi_usd": np.where(np.isfinite(held.value_usdt[at]), held.value_usdt[at], np.inf),
        "oi_side": (size > 0).astype(np.int64),
    }


def _changes(time_ms: Ints, contracts: Floats) -> tuple[Floats, Ints]:
    """(change over 5 minutes, index) of each sample that has one within the tolerance of the window."""
    if len(time_ms) < 2:
        return np.zeros(0), np.zeros(0, np.int64)
    after = np.searchsorted(time_ms, time_ms - OI_WINDOW_MS)
    candidates = np.stack([np.clip(after - 1, 0, None), np.clip(after, 0, len(time_ms) - 1)])
    off_ms = np.abs(time_ms - time_ms[candidates] - OI_WINDOW_MS)
    nearest = np.where(off_ms[0] <= off_ms[1], candidates[0], candidates[1])
    is_honest = (np.minimum(off_ms[0], off_ms[1]) <= OI_WINDOW_MS / 4) & (contracts[nearest] > 0)
    at = np.flatnonzero(is_honest)
    return (contracts[at] / contracts[nearest[at]] - 1) * 100, at


@lru_cache(maxsize=1)
def detector_version() -> str:
    """Of the source of everything that measures: a changed detector makes its own tape."""
    digest = hashlib.sha256()
    files = sorted(Path(detectors.__file__).parent.glob("*.py"))
    for path in (*files, Path(market_math.__file__), Path(measures.__file__), Path(__file__)):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:16]
