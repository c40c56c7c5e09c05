"""An independent count of what a tape must raise: plain loops over the rows of a CSV, exact fractions, no other help.

Written from the rules alone, and from the path a tape is documented to play: it imports nothing that decides or
keeps a market. Slow on purpose: every window is looked up again in what was played.

`python -m tests.replay_count FILE FROM TO [--count-from TIME] [--database alerts.db]` prints the count by kind, beside
what a run of the program has stored, and every difference one by one.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import sqlite3
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import ROUND_HALF_EVEN, Decimal
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

MINUTE = 60_000
FIRST_PUSH, PUSH_EVERY, CLOSE_PUSH = 500, 3_000, 60_400  # ms after the candle's open
STEPS = (4, 8, 7)  # equal steps to the first extreme, to the second, to the close
SPACING = 500  # a price that comes sooner after the last one kept is not kept for the 60 s comparison
OLDEST_REFERENCE = 120_000
SIGNS = {"PUMP": 1, "DUMP": -1}


class Row(NamedTuple):
    open_ms: int
    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    quote: Decimal
    trades: int


class State(NamedTuple):
    """One push: the price of the candle `open_ms` at `ms`. row: the whole candle, on its closing push alone."""

    ms: int
    open_ms: int
    open: Decimal
    price: Decimal
    row: Row | None


class Told(NamedTuple):
    """One alert. step: 0 for a first one, else how often the threshold had doubled, or the whole move had been told for
    its total. size: percent, or multiple. base: the price it was measured from; price: the price it was told at."""

    kind: str
    direction: str
    window: str
    candle_ms: int
    event_ms: int
    step: int
    size: Fraction
    base: Decimal
    price: Decimal

    def key(self, symbol: str) -> str:
        text = f"{self.kind}:{symbol}:{self.direction}:{self.window}:{self.candle_ms}"
        return f"{text}:x{self.step}" if self.step else text


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    pump: Fraction = Fraction(3)
    dump: Fraction = Fraction(-3)
    cooldown_s: int = 180
    is_rolling: bool = True
    burst: Fraction = Fraction(5)
    lookback: int = 20
    fewest: int = 5
    floor_usdt: Decimal = Decimal(50_000)
    is_early: bool = True
    episode_quiet_s: int = 900


def rows_of(file: Path) -> list[Row]:
    opener = gzip.open if file.suffix == ".gz" else open
    with opener(file, "rt", newline="") as lines:
        return [
            Row(int(line[0]), *(Decimal(line[n]) for n in (1, 2, 3, 4, 7)), int(line[8]))
            for line in csv.reader(lines)
            if line[0].isdigit()
        ]


def tick_of(rows: Iterable[Row]) -> Decimal:
    """The finest decimal place that any price of the file uses."""
    exponents = [price.normalize().as_tuple().exponent for row in rows for price in row[1:5]]
    finest = min(min(destination for destination in exponents if isinstance(destination, int)), 0)
    return Decimal(1).scaleb(finest)


def path_of(row: Row, tick: Decimal) -> Iterator[State]:
    """A candle as played: through all four prices in straight lines, then its closing push."""
    if row.close >= row.open:
        turns = [row.open, row.low, row.high, row.close]
    else:
        turns = [row.open, row.high, row.low, row.close]
    prices = [row.open]
    if row.trades:
        for begin, end, steps in zip(turns, turns[1:], STEPS, strict=False):
            for step in range(1, steps + 1):
                exact = begin + (end - begin) * step / steps
                prices.append(exact.quantize(tick, rounding=ROUND_HALF_EVEN))
    for number, price in enumerate(prices):
        yield State(row.open_ms + FIRST_PUSH + number * PUSH_EVERY, row.open_ms, row.open, price, None)
    yield State(row.open_ms + CLOSE_PUSH, row.open_ms, row.open, row.close, row)


def played(rows: Sequence[Row], from_ms: int, to_ms: int) -> list[State]:
    """All pushes of the candles that open in [from_ms, to_ms), in their order in time."""
    tick = tick_of(rows)
    return [state for row in rows if from_ms <= row.open_ms < to_ms for state in path_of(row, tick)]


def count(rows: Sequence[Row], from_ms: int, to_ms: int, rules: Rules | None = None) -> list[Told]:
    """What is told while the candles that open in [from_ms, to_ms) are played; the rows before are known history."""
    rules = rules or Rules()
    return alerts(played(rows, from_ms, to_ms), volume_alerts(rows, from_ms, to_ms, rules), rules)


def alerts(states: Sequence[State], bursts: Sequence[Told], rules: Rules) -> list[Told]:
    """Of prices, among the bursts: those belong to the same episodes."""
    everything: list[Told] = []
    told: list[Told] = []
    kept: list[tuple[int, Decimal]] = []
    waiting = list(bursts)
    known, wholes = 0, dict[str, Whole]()
    for state in states:
        while waiting and waiting[0].event_ms < state.ms:
            everything.append(waiting.pop(0))
        for window, before in references(state, kept, rules):
            change = Fraction(state.price - before) / Fraction(before) * 100
            if change >= rules.pump:
                direction, bound = "PUMP", rules.pump
            elif change <= rules.dump:
                direction, bound = "DUMP", rules.dump
            else:
                continue
            earlier = [one for one in told[-100:] if one.direction == direction]
            step = 0
            if earlier and is_known(earlier, state, window, rules):
                if abs(change) < 2 * abs(earlier[-1].size):
                    continue
                step = doublings(change / bound)
            told.append(Told("price", direction, window, state.open_ms, state.ms, step, change, before, state.price))
            everything.append(told[-1])
        if len(everything) > known:
            known, wholes = len(everything), wholes_of(everything, rules)
        for one in doubled_totals(everything, wholes, state, rules):
            told.append(one)
            everything.append(one)
        if not kept or state.ms - kept[-1][0] >= SPACING:
            kept.append((state.ms, state.price))
    return everything + waiting


class Whole(NamedTuple):
    """One direction of an episode. largest: of the totals told, percent. steps: how often it was told for its total."""

    base: Decimal
    largest: Fraction
    steps: int


def doubled_totals(everything: Sequence[Told], wholes: dict[str, Whole], state: State, rules: Rules) -> list[Told]:
    """The whole move of the running episode, where it is twice the largest total told, in each direction."""
    if not everything or state.ms - everything[-1].event_ms >= rules.episode_quiet_s * 1000:
        return []
    found = []
    for direction, whole in wholes.items():
        size = total(whole.base, state.price)
        if SIGNS[direction] * size >= 2 * whole.largest:
            step = whole.steps + 1
            one = Told("price", direction, "episode", state.open_ms, state.ms, step, size, whole.base, state.price)
            found.append(one)
    return found


def wholes_of(everything: Sequence[Told], rules: Rules) -> dict[str, Whole]:
    """Of the newest episode, read anew: alerts that follow one another within the quiet time.

    It began where its first alert was measured from. What it began with may have gone the other way, though: then the
    first price alert of a direction has seen more of it than the episode's first alert, and its own beginning counts.
    So does that of a later one which is larger than all that was told of the whole.
    """
    begin = len(everything) - 1
    while begin > 0 and everything[begin].event_ms - everything[begin - 1].event_ms < rules.episode_quiet_s * 1000:
        begin -= 1
    episode, found = everything[begin:], {}
    for direction, sign in SIGNS.items():
        base, largest = episode[0].base, Fraction(0)
        prices = [one for one in episode if one.kind == "price" and one.direction == direction]
        for one in prices:
            own, largest = abs(total(one.base, one.price)), max(largest, sign * total(base, one.price))
            if own > largest:
                base, largest = one.base, own
        if prices:
            found[direction] = Whole(base, largest, sum(one.window == "episode" for one in prices))
    return found


def total(base: Decimal, price: Decimal) -> Fraction:
    return Fraction(price - base) / Fraction(base) * 100


def is_known(earlier: Sequence[Told], state: State, window: str, rules: Rules) -> bool:
    """Told for this candle, or cooling down; a 60 s move stays in sight for 60 s whatever the cooldown."""
    quiet_ms = rules.cooldown_s * 1000 if window == "1m" else max(rules.cooldown_s * 1000, MINUTE)
    is_told_candle = any(one.candle_ms == state.open_ms for one in earlier)
    return is_told_candle or state.ms - earlier[-1].event_ms < quiet_ms


def references(state: State, kept: Sequence[tuple[int, Decimal]], rules: Rules) -> list[tuple[str, Decimal]]:
    """What the price is compared with: the candle's open, and the newest price kept that is 60 s old or older.

    The open goes first. But where the 60 s move is twice the candle's own or more, it would at once be told as an
    escalation of that one, and one move is to be told once: then it goes first.
    """
    own = ("1m", state.open)
    old = [(ms, price) for ms, price in kept[-200:] if state.ms - OLDEST_REFERENCE <= ms <= state.ms - MINUTE]
    if not rules.is_rolling or not old:
        return [own]
    rolling = ("60s", old[-1][1])
    sizes = [abs(Fraction(state.price - price) / Fraction(price)) for _, price in (own, rolling)]
    return [rolling, own] if sizes[1] >= 2 * sizes[0] else [own, rolling]


def doublings(times: Fraction) -> int:
    """How often a threshold of 1 doubles before it is above `times`."""
    step = 0
    while times >= 2 ** (step + 1):
        step += 1
    return step


def volume_alerts(rows: Sequence[Row], from_ms: int, to_ms: int, rules: Rules) -> list[Told]:
    """The direction of the close is the one that cools down, and it does so from the end of the minute on; the one in
    the key is that of the moment of telling."""
    told: list[Told] = []
    ends_ms: dict[str, int] = {}
    for number, row in enumerate(rows):
        if not from_ms <= row.open_ms < to_ms:
            continue
        ratio = burst_ratio(rows, number, rules)
        if ratio is None:
            continue
        direction, end_ms = way(row.open, row.close), row.open_ms + MINUTE
        cooling = {one for one, ms in ends_ms.items() if end_ms - ms < rules.cooldown_s * 1000}
        if direction in cooling:
            continue
        ends_ms[direction] = end_ms
        moment_ms, named = row.open_ms + CLOSE_PUSH, direction
        if rules.is_early and not cooling:
            moment_ms, price = first_certain(row, ratio, rules, tick_of(rows[max(0, number - 1) : number + 1]))
            named = way(row.open, price)
        told.append(Told("vol", named, "1m", row.open_ms, moment_ms, 0, ratio, row.open, row.close))
    return told


def first_certain(row: Row, ratio: Fraction, rules: Rules, tick: Decimal) -> tuple[int, Decimal]:
    """(moment, price) of the first push at which the volume so far, which grows evenly, is that of a burst."""
    pushes = [state for state in path_of(row, tick) if state.row is None]
    for number, state in enumerate(pushes, 1):
        so_far = Fraction(row.quote) * number / len(pushes)
        if so_far >= rules.floor_usdt and ratio * number / len(pushes) >= rules.burst:
            return state.ms, state.price
    return row.open_ms + CLOSE_PUSH, row.close


def way(before: Decimal, now: Decimal) -> str:
    return "UP" if now >= before else "DOWN"


def burst_ratio(rows: Sequence[Row], number: int, rules: Rules) -> Fraction | None:
    """Of a candle that is a burst: its multiple of the median of the unbroken minutes before it."""
    row = rows[number]
    before: list[Decimal] = []
    for back in range(1, rules.lookback + 1):
        if number - back < 0 or rows[number - back].open_ms != row.open_ms - back * MINUTE:
            break
        before.append(rows[number - back].quote)
    if len(before) < rules.fewest or row.quote < rules.floor_usdt:
        return None
    before.sort()
    half = len(before) // 2
    median = before[half] if len(before) % 2 else (before[half - 1] + before[half]) / 2
    if median <= 0 or Fraction(row.quote) < rules.burst * Fraction(median):
        return None
    return Fraction(row.quote) / Fraction(median)


def table(told: Iterable[Told]) -> Counter[tuple[str, str, str, bool]]:
    """How many by (kind, direction, window, is an escalation)."""
    return Counter((one.kind, one.direction, one.window, one.step > 0) for one in told)


def moment(text: str) -> int:
    """A time in UTC → unix ms."""
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


def stored(database: Path, from_ms: int, to_ms: int) -> list[tuple[str, int]]:
    """(key, event time) of every alert of a run whose candle opens in [from_ms, to_ms), in the order they were told."""
    sql = "SELECT key, event_ms FROM alerts WHERE candle_ms >= ? AND candle_ms < ? ORDER BY id"
    with closing(sqlite3.connect(database)) as db:
        return db.execute(sql, (from_ms, to_ms)).fetchall()


def main() -> int:
    parser = argparse.ArgumentParser(description="What a tape must raise, and what a run of the program has told.")
    parser.add_argument("file", type=Path, help="SYMBOL-1m-….csv or .csv.gz of the exchange's archive")
    parser.add_argument("begin", type=moment, help="where the run began, such as 2022-05-11T23:30 (UTC)")
    parser.add_argument("end", type=moment, help="where it stopped")
    parser.add_argument("--count-from", type=moment, help="leave out alerts of earlier candles")
    parser.add_argument("--database", type=Path, help="alerts.db of a run")
    asked = parser.parse_args()
    first_ms = asked.count_from or asked.begin
    told = [one for one in count(rows_of(asked.file), asked.begin, asked.end) if one.candle_ms >= first_ms]
    for (kind, direction, window, is_escalation), number in sorted(table(told).items()):
        print(f"{kind:6}{direction:5}{window:4}{'escalation' if is_escalation else 'first':11}{number:5}")
    print(f"counted: {len(told)}")
    if asked.database is None:
        return 0
    symbol = asked.file.name.partition("-")[0]
    expected = [(one.key(symbol), one.event_ms) for one in told]
    found = stored(asked.database, first_ms, asked.end)
    print(f"told by the program: {len(found)}; in the same order with the same keys and times: {found == expected}")
    for key, event_ms in sorted(set(found) ^ set(expected), key=lambda pair: pair[1]):
        print(f"  only {'told' if (key, event_ms) in set(found) else 'counted'}: {key} at {event_ms}")
    return int(found != expected)


if __name__ == "__main__":
    raise SystemExit(main())
