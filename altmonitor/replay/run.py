"""A replay of many symbols from the store: what it read, what it found, and what candles cannot show."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final, Literal

from altmonitor.core.alert import Direction, Kind
from altmonitor.market.candles import MINUTE_MS
from altmonitor.replay.columns import Hole, between, holes
from altmonitor.replay.exact import SymbolHistory, SymbolReplay, replay_symbol
from altmonitor.replay.past_market import ReplayedAlert
from altmonitor.replay.replay_options import ReplayOptions, shortest_warm_up_ms, whole_moves_ms
from altmonitor.replay.rolling import most_across
from altmonitor.replay.store import HistoryStore
from altmonitor.replay.tape_engine import quiet_replay, select_on_tape

EngineName = Literal["exact", "tape"]

FIRST_BACK: Final = 3
"""So many shortest warm-ups are read before the range at first; more where no calm stretch lies in them."""

_NOT_SHOWN: Final = (
    "the price 60 s earlier (ROLLING): candles do not hold it, and a move that a minute cuts in two is not here",
    "which extreme of a minute came first, and when: the order is a convention, both counts are given where it matters",
    "open interest at the moment of your sweeps: the archive has one sample in 5 minutes, so changes over 1 minute are "
    "not here unless your own sweeps were recorded",
    "funding: what is stored of it are settled rates; the tape counts their crossings (`try`), the engines tell none",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayedSymbol:
    """Of one symbol. span_ms: from its first candle of the range to the end of its last one. missing_minutes: in that
    span. flipped: how many alerts there would have been with the other order of extremes, None where no minute reaches
    bounds on both sides. across: so many alerts more the price 60 s earlier could have raised at most, None where
    nothing is told of it: there no candle may have been read."""

    symbol: str
    candles: int
    span_ms: tuple[int, int]
    missing_minutes: int
    warm_up_ms: int
    both_ways: int
    flipped: int | None
    across: int | None
    other_coins: tuple[Hole, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayResult:
    """alerts: of all symbols, in the order of event time, then of their keys. unknown: symbols without candles."""

    from_ms: int
    to_ms: int
    alerts: tuple[ReplayedAlert, ...]
    symbols: tuple[ReplayedSymbol, ...]
    unknown: tuple[str, ...]

    @property
    def candles(self) -> int:
        return sum(one.candles for one in self.symbols)

    @property
    def span_ms(self) -> tuple[int, int]:
        """What is stored of the range: from the first candle of any symbol to the end of the last one."""
        if not self.symbols:
            return self.from_ms, self.to_ms
        return min(one.span_ms[0] for one in self.symbols), max(one.span_ms[1] for one in self.symbols)

    @property
    def days(self) -> float:
        """Of `span_ms`, so that what was not stored makes no rate smaller."""
        return (self.span_ms[1] - self.span_ms[0]) / 86_400_000

    @property
    def warm_up_ms(self) -> int:
        """The shortest of all symbols."""
        return min((one.warm_up_ms for one in self.symbols), default=0)

    @property
    def across(self) -> int | None:
        """Of the symbols of which anything is told; None where it was asked of none."""
        known = [one.across for one in self.symbols if one.across is not None]
        return sum(known) if known else None

    @property
    def flipped(self) -> int | None:
        """Alerts with the other order of extremes where it matters; None where it matters nowhere."""
        if all(one.flipped is None for one in self.symbols):
            return None
        usual = Counter(one.alert.symbol for one in self.alerts)
        return sum(usual[one.symbol] if one.flipped is None else one.flipped for one in self.symbols)


def not_shown(result: ReplayResult) -> tuple[str, ...]:
    """What candles cannot show, with its share where they show that much."""
    rolling, *others = _NOT_SHOWN
    if result.across is None:
        return _NOT_SHOWN
    price = sum(one.alert.kind == "price" for one in result.alerts)
    most = f"{result.across} at most beside the {price} of prices that are, at contracts of which anything is told"
    return f"{rolling}: {most}", *others


Row = tuple[Kind, Direction, str, bool]
"""Kind, direction, window, and whether it is an escalation."""


def counts(alerts: Sequence[ReplayedAlert]) -> list[tuple[Row, int]]:
    """In the order of kind, direction and window."""
    found: Counter[Row] = Counter()
    for one in alerts:
        alert = one.alert
        found[alert.kind, alert.direction, alert.note, alert.details.told_before_pct is not None] += 1
    return sorted(found.items())


def replay(
    store: HistoryStore,
    symbols: Sequence[str],
    options: ReplayOptions,
    *,
    from_ms: int,
    to_ms: int,
    engine: EngineName = "exact",
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> ReplayResult:
    """Symbol after symbol, so that memory does not grow with their number. Raises: StoreDamaged, which ends it: a hole
    in the data is worse in an answer about the past than in a live alert. Both engines give the same."""
    alerts: list[ReplayedAlert] = []
    found: list[ReplayedSymbol] = []
    unknown: list[str] = []
    for number, symbol in enumerate(symbols, 1):
        one = _replay_symbol(store, symbol, options, from_ms, to_ms, engine)
        if one is None:
            unknown.append(symbol)
        else:
            alerts += one[0].alerts
            found.append(one[1])
        on_progress(number, len(symbols))
    alerts.sort(key=lambda one: (one.alert.event_ms, one.alert.key))
    return ReplayResult(
        from_ms=from_ms, to_ms=to_ms, alerts=tuple(alerts), symbols=tuple(found), unknown=tuple(unknown)
    )


def _replay_symbol(
    store: HistoryStore, symbol: str, options: ReplayOptions, from_ms: int, to_ms: int, engine: EngineName
) -> tuple[SymbolReplay, ReplayedSymbol] | None:
    """None without any candle in the range."""
    span = store.span(symbol)
    if span is None or span[0] >= to_ms or span[1] < from_ms:
        return None
    back_ms = FIRST_BACK * shortest_warm_up_ms(options) + whole_moves_ms(options)
    while True:
        first_ms = from_ms - back_ms
        history, marks = None, None
        if engine == "tape":
            selected = select_on_tape(store, symbol, options, first_ms=first_ms, to_ms=to_ms)
            open_ms, marks = selected.open_ms, selected.marks
        if engine == "tape" and selected.is_quiet:
            done = quiet_replay(symbol, selected, options, from_ms=from_ms, to_ms=to_ms)
        else:
            history = SymbolHistory(
                symbol=symbol,
                candles=store.candles(symbol, first_ms, to_ms),
                open_interest=store.open_interest(symbol, first_ms, to_ms),
                marks=marks,
            )
            done, open_ms = replay_symbol(history, options, from_ms=from_ms, to_ms=to_ms), history.candles.open_ms
        is_begun = len(open_ms) > 0 and done.began_ms > int(open_ms[0])
        if is_begun or span[0] >= first_ms:
            break
        back_ms *= 4
    if not done.candles:
        return None
    flipped = None
    if history is not None and done.both_ways:
        other = replay_symbol(history, replace(options, is_flipped=True), from_ms=from_ms, to_ms=to_ms)
        flipped = len(other.alerts)
    across = None
    if history is not None and done.alerts and options.price_path == "touch":
        told = [one.alert for one in done.alerts]
        across = most_across(symbol, history.candles, options.audiences, told, from_ms=from_ms)
    coins = [] if history is None else holes(between(history.candles, from_ms, to_ms))
    own_ms = open_ms[(open_ms >= from_ms) & (open_ms < to_ms)]
    span_ms = int(own_ms[0]), int(own_ms[-1]) + MINUTE_MS
    minutes = (span_ms[1] - span_ms[0]) // MINUTE_MS
    return done, ReplayedSymbol(
        symbol=symbol,
        candles=done.candles,
        span_ms=span_ms,
        missing_minutes=minutes - done.candles,
        warm_up_ms=max(0, from_ms - done.began_ms),
        both_ways=done.both_ways,
        flipped=flipped,
        across=across,
        other_coins=tuple(hole for hole in coins if hole.is_another_coin),
    )
