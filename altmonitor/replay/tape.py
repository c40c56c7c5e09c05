"""The event tape: every minute and every sample in which the lowest threshold worth asking about is reached.

Alerts are sparse, so a month of a symbol is a few thousand rows, and any question about thresholds afterwards is a
filter over them: `tune`, `/budget`, `/try` and the message of a start all count here, whether the rows come from stored
days (tape_files.py) or from what the running monitor has seen (live_tape.py).

Counted are first alerts with their cooldowns and the doublings of a move within them, in whole minutes. Which way a
minute went, whole moves of an episode and early bursts are the engine's (exact.py), which plays the rows that the tape
selects.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from math import inf
from typing import Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from altmonitor.core.alert import Kind
from altmonitor.detectors.adaptive import OWN_BOUNDS, OwnBounds
from altmonitor.detectors.kinds import BUDGETS, KINDS
from altmonitor.detectors.price import MINUTES_OF, WINDOWS, threshold_of
from altmonitor.detectors.verdict import Rule
from altmonitor.market.candles import MINUTE_MS
from altmonitor.replay.columns import Floats, Ints
from altmonitor.replay.measures import SLACK, Flags
from altmonitor.settings.audience import Audience
from altmonitor.settings.settings import SETTING_OF, Settings

PRICE: Final = Rule("price", "1m")
BURST: Final = Rule("vol", "1m")
SMALLEST: Final[Mapping[Rule, float]] = {
    PRICE: BUDGETS["price"].smallest,
    **{Rule("price", window): BUDGETS["price"].smallest * minutes**0.5 for window, minutes in WINDOWS},
    BURST: BUDGETS["vol"].smallest,
    Rule("oi", "5m"): BUDGETS["oi"].smallest,
    Rule("oi", "1m"): BUDGETS["oi"].smallest,
    Rule("funding", "8h"): BUDGETS["funding"].smallest,
    Rule("liq", "1m"): BUDGETS["liq"].smallest,
    Rule("basis", "1m"): BUDGETS["basis"].smallest,
}
"""What is on every tape: a size below is not worth keeping, whatever anybody sets. A window of n minutes moves √n times
as far as one minute."""

HOUR_MS: Final = 3_600_000
FIXED: Final = OwnBounds(0.0, 0.0, inf)
STEPS_IN_A_MINUTE: Final = 6
"""A minute is played in four to eight steps to an extreme: so coarsely a move is told beyond its bound."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TapeRows:
    """Of one rule, ordered by symbol, side, then time. size: percent with its sign, or multiple. usd: what a floor is
    compared with (quote volume, worth of open interest), infinite where it is not known. side: 1 up, 0 down; of a burst
    its candle's. day_usdt: quote volume of the 24 hours before, infinite where it is not known. own_size: what
    adaptive bounds of the kind are multiples of (usual minute in percent, busy minute in medians), NaN where it is not
    known."""

    at_ms: Ints
    symbol: Ints
    size: Floats
    usd: Floats
    side: Ints
    day_usdt: Floats
    own_size: Floats

    def __len__(self) -> int:
        return len(self.at_ms)

    def taken(self, chosen: NDArray[np.bool_] | Ints | slice) -> TapeRows:
        return TapeRows(**{one.name: getattr(self, one.name)[chosen] for one in fields(self)})


def joined(parts: Sequence[TapeRows]) -> TapeRows:
    """In the order of a tape."""
    if len(parts) == 1:
        whole = parts[0]
    else:
        columns = {one.name: np.concatenate([getattr(part, one.name) for part in parts]) for one in fields(TapeRows)}
        whole = TapeRows(**columns)
    return whole.taken(np.lexsort((whole.at_ms, whole.side, whole.symbol)))


def no_rows() -> TapeRows:
    whole, broken = np.zeros(0, np.int64), np.zeros(0)
    return TapeRows(at_ms=whole, symbol=whole, size=broken, usd=broken, side=whole, day_usdt=broken, own_size=broken)


@dataclass(frozen=True, slots=True, kw_only=True)
class TapeAlerts:
    """What would have been told, oldest first. rule: index in `rules`. is_escalation: the move had doubled since it was
    told."""

    rules: tuple[Rule, ...]
    rule: Ints
    at_ms: Ints
    symbol: Ints
    side: Ints
    size: Floats
    is_escalation: Flags

    def __len__(self) -> int:
        return len(self.at_ms)

    def taken(self, chosen: Flags | Ints) -> TapeAlerts:
        names = [one.name for one in fields(self) if one.name != "rules"]
        return TapeAlerts(rules=self.rules, **{name: getattr(self, name)[chosen] for name in names})

    def of_kind(self, kind: Kind) -> Flags:
        return np.isin(self.rule, [at for at, rule in enumerate(self.rules) if rule.kind == kind])


def minutes_since(seen: Mapping[int, int], since_ms: int) -> int:
    """seen: number of an hour since 1970 → symbol-minutes. Of the hour of `since_ms` the share that is left of it."""
    hour, past_ms = divmod(since_ms, HOUR_MS)
    whole = sum(count for at, count in seen.items() if at > hour)
    return whole + round(seen.get(hour, 0) * (1 - past_ms / HOUR_MS))


@dataclass(frozen=True, slots=True, kw_only=True)
class Tape:
    """symbols: by number. seen: of each rule, number of an hour since 1970 → symbol-minutes that were looked at in it.
    day_usdt: by symbol, what is traded on a usual day; NaN where it is not known."""

    symbols: tuple[str, ...]
    from_ms: int
    to_ms: int
    seen: Mapping[Rule, Mapping[int, int]]
    rows: Mapping[Rule, TapeRows]
    day_usdt: Floats

    @property
    def days(self) -> float:
        return (self.to_ms - self.from_ms) / 86_400_000

    def told(
        self,
        audience: Audience,
        *,
        kinds: Sequence[Kind] | None = None,
        hears: Callable[[str], bool] | None = None,
        now_s: float | None = None,
    ) -> TapeAlerts:
        """What this audience would have been told of these kinds (None: of all that it wants). now_s: a symbol that is
        muted then is left out; None: mutes count at their own time. hears: False for symbols to leave out."""
        rules = tuple(self.rows)
        told: list[_Told] = []
        heard = _heard(self.symbols, audience, hears, now_s)
        for kind in audience.kinds if kinds is None else [kind for kind in kinds if kind in audience.kinds]:
            of_kind: list[_Told] = []
            for at, rule in enumerate(rules):
                if rule.kind == kind:
                    bounds = _bounds(rule, self.symbols, audience.settings, heard)
                    rows, reached = _reaching(self.rows[rule], bounds, rule, audience.settings)
                    if now_s is None:
                        is_heard = _is_heard(rows, self.symbols, audience.settings)
                        rows, reached = rows.taken(is_heard), reached[is_heard]
                    of_kind.append(_counted(at, rule, rows, reached, bounds.quiet_ms[rows.symbol], of_kind))
            told += of_kind
        return _in_order(rules, told)


class _Told(NamedTuple):
    """Of one rule."""

    rule: int
    rows: TapeRows
    is_escalation: Flags


@dataclass(frozen=True, slots=True)
class _Bounds:
    """By symbol. up, down: infinite where nothing is told. quiet_ms: at least so long between two of one side."""

    up: Floats
    down: Floats
    floor_usd: Floats
    day_usdt: Floats
    quiet_ms: Floats


def _heard(
    symbols: Sequence[str], audience: Audience, hears: Callable[[str], bool] | None, now_s: float | None
) -> Flags:
    settings = audience.settings
    heard = np.ones(len(symbols), bool)
    if settings.watchlist:
        heard &= [settings.is_watched(symbol) for symbol in symbols]
    if now_s is not None and settings.muted:
        heard &= [not settings.is_muted(symbol, now_s) for symbol in symbols]
    if hears is not None:
        heard &= [hears(symbol) for symbol in symbols]
    return heard


def _bounds(rule: Rule, symbols: Sequence[str], settings: Settings, heard: Flags) -> _Bounds:
    general = _numbers(rule, settings)
    table = np.tile(np.array(general), (len(symbols), 1))
    if settings.of_symbol:
        number = {symbol: at for at, symbol in enumerate(symbols)}
        for symbol, own in settings.of_symbol.items():
            if symbol in number:
                table[number[symbol]] = _numbers(rule, own)
    table[~heard, :2] = inf, -inf
    return _Bounds(*table.T)


def _numbers(rule: Rule, settings: Settings) -> tuple[float, float, float, float, float]:
    kind, window = rule
    budget, sampling = BUDGETS[kind], KINDS[kind].sampling
    if kind == "price":
        up, down = threshold_of(window, "PUMP", settings), threshold_of(window, "DUMP", settings)
    elif sampling is not None:
        up = sampling.threshold_of(window, settings)
        down = -up
    else:
        up, down = settings.vol_burst_mult, 0.0
    floor_usd = SETTING_OF[budget.floor_key].of(settings) if budget.floor_key else 0.0
    quiet_ms = max(settings.cooldown_sec * 1000, budget.plateau_ms or MINUTES_OF.get(window, 1) * MINUTE_MS)
    return up or inf, down or -inf, floor_usd, settings.min_24h_usdt, quiet_ms


def is_bounded_alike(kind: Kind, one: Settings, other: Settings) -> bool:
    """Whatever else differs, the tape tells the same of this kind with both."""
    if (one.watchlist, one.muted, one.of_symbol.keys()) != (other.watchlist, other.muted, other.of_symbol.keys()):
        return False
    pairs = [(one, other), *((own, other.of_symbol[symbol]) for symbol, own in one.of_symbol.items())]
    rules, of_kind = [rule for rule in SMALLEST if rule.kind == kind], OWN_BOUNDS.get(kind)
    return all(
        (of_kind is None or of_kind(mine) == of_kind(its))
        and all(_numbers(rule, mine) == _numbers(rule, its) for rule in rules)
        for mine, its in pairs
    )


def _reaching(rows: TapeRows, bounds: _Bounds, rule: Rule, settings: Settings) -> tuple[TapeRows, Floats]:
    """The rows that reach their bounds, and these. settings: whether bounds follow from a contract's own minutes is the
    same for every symbol that is told of the kind at all."""
    if not len(bounds.up):
        return no_rows(), np.zeros(0)
    of_kind = OWN_BOUNDS.get(rule.kind)
    every = settings, *settings.of_symbol.values()
    times, floor, most = max(map(of_kind, every)) if of_kind else FIXED  # none where a kind is switched off
    grown = MINUTES_OF.get(rule.window, 1) ** 0.5
    least = floor * grown if times else inf
    loosest_up = min(float(bounds.up.min()), least) * (1 - SLACK)
    loosest_down = max(float(bounds.down.max()), -least) * (1 - SLACK)
    rows = rows.taken((rows.size >= loosest_up) | (rows.size <= loosest_down))
    at = rows.symbol
    up, down = bounds.up[at], bounds.down[at]
    if times:
        own = np.minimum(np.maximum(floor, times * rows.own_size) * grown, most)
        is_known = np.isfinite(own)
        up = np.where(is_known & np.isfinite(up), own, up)
        down = np.where(is_known & np.isfinite(down), -own, down)
    is_reached = (rows.size >= up * (1 - SLACK)) | (rows.size <= down * (1 - SLACK))
    chosen = is_reached & (rows.usd >= bounds.floor_usd[at]) & (rows.day_usdt >= bounds.day_usdt[at])
    return rows.taken(chosen), np.where(rows.side == 1, up, -down)[chosen]


def _is_heard(rows: TapeRows, symbols: Sequence[str], settings: Settings) -> Flags:
    if not settings.muted:
        return np.ones(len(rows), bool)
    ends_s = np.array([settings.muted_until_s(symbol) for symbol in symbols])
    found: Flags = rows.at_ms / 1000 >= ends_s[rows.symbol]
    return found


def _counted(at: int, rule: Rule, rows: TapeRows, reached: Floats, quiet_ms: Floats, before: Sequence[_Told]) -> _Told:
    """What is told of rows that reach their bounds; each doubling of a price move is a row again. before: of the same
    kind by other rules, whose moves stay in sight."""
    for _, told, _ in before:
        is_new = _is_out_of_sight(rows, quiet_ms, told)
        rows, reached, quiet_ms = rows.taken(is_new), reached[is_new], quiet_ms[is_new]
    side = rows.symbol * 2 + rows.side
    if BUDGETS[rule.kind].plateau_ms is None:
        is_first = first_ones(side, rows.at_ms, quiet_ms)
    else:  # it has to calm down first
        is_first = np.ones(len(rows), bool)
        is_first[1:] = (np.diff(side) != 0) | (np.diff(rows.at_ms) >= quiet_ms[1:])
    if not KINDS[rule.kind].is_price_move or not len(rows):
        return _Told(at, rows.taken(is_first), np.zeros(int(is_first.sum()), bool))
    again = _doublings(np.abs(rows.size), reached, is_first)
    if rule.window in MINUTES_OF:
        again[:] = 0  # a window that is told keeps its move in sight for as long as it is
    chosen = np.repeat(np.arange(len(rows)), is_first + again)
    is_again = np.ones(len(chosen), bool)
    is_again[np.searchsorted(chosen, np.flatnonzero(is_first))] = False
    return _Told(at, rows.taken(chosen), is_again)


def _doublings(size: Floats, bound: Floats, is_first: Flags) -> Ints:
    """Of each row: how often the move that was told first has doubled in it for the first time."""
    stretch = np.cumsum(is_first) - 1
    step = size / STEPS_IN_A_MINUTE
    told = np.minimum(np.ceil(bound / step) * step, size)[is_first][stretch]
    level = np.floor(np.log2(np.maximum(size / told, 1.0)) + 1e-9).astype(np.int64)
    highest = np.maximum.accumulate(stretch * 64 + level)
    before = np.concatenate([[0], highest[:-1]])
    found: Ints = np.where(is_first, level, highest - before)
    return found


def _is_out_of_sight(rows: TapeRows, quiet_ms: Floats, told: TapeRows) -> Flags:
    """False for those so near to something that was told of the same symbol and side."""
    if not len(told) or not len(rows):
        return np.ones(len(rows), bool)
    span = int(max(rows.at_ms.max(), told.at_ms.max())) + int(quiet_ms.max()) + 1
    line = (told.symbol * 2 + told.side) * span + told.at_ms
    own = (rows.symbol * 2 + rows.side) * span + rows.at_ms
    after = np.searchsorted(line, own)
    off = np.minimum(
        np.abs(line[np.clip(after, 0, len(line) - 1)] - own), np.abs(own - line[np.clip(after - 1, 0, None)])
    )
    kept: Flags = off >= quiet_ms
    return kept


def first_ones(side: Ints, at_ms: Ints, quiet_ms: Floats | float) -> Flags:
    """Of each side the first one, then the first that is a gap after it, and so on: by jumps, all sides at once. side
    ascending, then at_ms."""
    found = np.zeros(len(side), bool)
    if not len(side):
        return found
    gaps = np.broadcast_to(np.asarray(quiet_ms, np.int64), side.shape)
    begin_ms = int(at_ms.min())
    span = int(at_ms.max()) - begin_ms + int(gaps.max()) + 1
    line = side * span + (at_ms - begin_ms)  # sides lie apart by more than any gap
    following = np.searchsorted(line, line + gaps)
    at = np.flatnonzero(np.append(True, side[1:] != side[:-1]))
    ends = np.append(at[1:], len(side))
    while len(at):
        found[at] = True
        at = following[at]
        is_inside = at < ends
        at, ends = at[is_inside], ends[is_inside]
    return found


def _in_order(rules: tuple[Rule, ...], told: Sequence[_Told]) -> TapeAlerts:
    rows = [no_rows(), *(one.rows for one in told)]
    at_ms = np.concatenate([one.at_ms for one in rows])
    order = np.argsort(at_ms, kind="stable")
    return TapeAlerts(
        rules=rules,
        rule=np.repeat([0, *(one.rule for one in told)], [len(one) for one in rows])[order],
        at_ms=at_ms[order],
        symbol=np.concatenate([one.symbol for one in rows])[order],
        side=np.concatenate([one.side for one in rows])[order],
        size=np.concatenate([one.size for one in rows])[order],
        is_escalation=np.concatenate([np.zeros(0, bool), *(one.is_escalation for one in told)])[order],
    )
