from __future__ import annotations

from array import array
from statistics import median

import pytest
from hypothesis import given
from hypothesis import strategies as st

from altmonitor.market.book import NOTHING, Bounds, SymbolBook, loosest
from altmonitor.market.candles import Candle, CandleUpdate, ClosedCandle, ClosedRun, Usual

MINUTE = 60_000
T0 = 1_790_000_040_000


def candle(minute: int) -> ClosedCandle:
    return ClosedCandle(
        T0 + minute * MINUTE, 100.0 + minute, 110.0 + minute, 90.0 + minute, 101.0 + minute, 1e3 + minute
    )


def run_of(*minutes: int, capacity: int = 5) -> ClosedRun:
    run = ClosedRun(capacity)
    for minute in minutes:
        run.append(candle(minute))
    return run


@given(
    steps=st.lists(
        st.sampled_from(["append", "hole", "clear", "replace", "replace known", "ask 2", "ask 3", "ask 9"]), max_size=40
    )
)
def test_the_usual_volume_is_always_that_of_the_minutes_that_are_there(steps: list[str]) -> None:
    run, minute = ClosedRun(5), 0
    for step in steps:
        minute += 1
        if step == "hole":
            minute += 3
        elif step == "clear":
            run.clear()
        elif step.startswith("replace"):
            volumes = array("d", [1.0, 2.0, float(minute)])
            known = (2, Usual.of(volumes[-2:])) if step == "replace known" else None
            rows = array("d", [value for volume in volumes for value in (1.0, 1.0, 1.0, 1.0, volume)])
            run.replace(T0 + minute * MINUTE, rows.tobytes(), usual=known)
        elif step.startswith("ask"):
            count = int(step[-1])
            kept = run.volumes(count)
            assert run.usual(count) == (len(kept), median(kept) if kept else 0.0)
            minute -= 1
            continue
        if step in ("append", "hole"):
            run.append(candle(minute))


def test_half_of_an_even_number_of_volumes_lies_below_the_middle_of_two() -> None:
    assert Usual.of([4.0, 1.0, 3.0]) == (3, 3.0)
    assert Usual.of([4.0, 1.0, 3.0, 2.0]) == (4, 2.5)
    assert Usual.of([]) == (0, 0.0)


def test_it_is_a_sequence_of_the_newest_candles_with_all_their_values() -> None:
    run = run_of(*range(7))
    assert list(run) == [candle(minute) for minute in range(2, 7)]
    assert (run[0], run[-1], run[1:3], len(run)) == (candle(2), candle(6), [candle(3), candle(4)], 5)
    assert list(reversed(run)) == [candle(minute) for minute in range(6, 1, -1)]
    with pytest.raises(IndexError):
        run[5]


def test_a_hole_empties_it() -> None:
    assert list(run_of(0, 1, 3, 4)) == [candle(3), candle(4)]


def test_minutes_are_found_by_their_time() -> None:
    run = run_of(2, 3, 4)
    assert [run.open_at(T0 + minute * MINUTE) for minute in (1, 2, 4, 5)] == [None, 102.0, 104.0, None]
    assert run.since(T0 + 3 * MINUTE) == [candle(3), candle(4)]
    assert run.since(T0) == [candle(2), candle(3), candle(4)]
    assert run.since(T0 + 5 * MINUTE) == []
    assert run.extremes_since(T0 + 3 * MINUTE) == (114.0, 93.0)
    assert run.extremes_since(T0 + 5 * MINUTE) is None
    assert run.volumes(2) == [1003.0, 1004.0]
    assert [run.reaches(T0 + minute * MINUTE) for minute in (3, 4, 5, 6)] == [False, True, True, False]


def test_a_stretch_of_history_is_put_in_at_once() -> None:
    run = run_of(7, 8)
    run.put([candle(minute) for minute in (1, 2, 3)])
    assert list(run) == [candle(1), candle(2), candle(3)]
    run.append(candle(4))
    assert list(run) == [candle(1), candle(2), candle(3), candle(4)], "the minute after it goes on"
    run.put([])
    assert list(run) == []


def test_an_empty_run_knows_nothing() -> None:
    run = ClosedRun(5)
    assert (list(run), run.open_at(T0), run.extremes_since(0), run.reaches(T0), run.volumes(5)) == (
        [],
        None,
        None,
        False,
        [],
    )


def test_the_loosest_of_several_bounds() -> None:
    near = Bounds(rise=1.03, fall=0.9, windows=((5, 1.05, 0.95),), above=110.0)
    far = Bounds(rise=1.05, fall=0.98, windows=((5, 1.08, 0.99), (15, 1.1, 0.9)), below=80.0)
    assert loosest([near, far]) == Bounds(
        rise=1.03, fall=0.98, windows=((5, 1.05, 0.99), (15, 1.1, 0.9)), above=110.0, below=80.0
    )
    assert loosest([]) == NOTHING


def frame(book: SymbolBook, minute: int, close: float, *, open: float = 100.0, closed: bool = False) -> None:
    kline = Candle(
        open_ms=T0 + minute * MINUTE,
        open=open,
        high=max(open, close),
        low=min(open, close),
        close=close,
        quote_usdt=1.0,
        is_closed=closed,
    )
    book.apply(CandleUpdate(event_ms=kline.open_ms + 1, symbol=book.symbol, kline=kline))
    if closed:
        book.close_candle(kline)


def test_a_book_without_bounds_lets_every_price_pass() -> None:
    book = SymbolBook("A")
    frame(book, 0, 100.0)
    frame(book, 0, 500.0)
    assert (book.pump_at, book.dump_at) == (float("inf"), 0.0)


def test_prices_and_windows_bound_a_book_beside_its_candle() -> None:
    book = SymbolBook("A", bounds=Bounds(windows=((2, 1.05, 0.95),), above=104.0, below=97.0))
    frame(book, 0, 100.0, closed=True)
    frame(book, 1, 102.0, open=102.0)
    assert (book.pump_at, book.dump_at) == (104.0, 97.0)
    book.set_bounds(Bounds(windows=((2, 1.05, 0.95),)))
    assert (book.pump_at, book.dump_at) == (105.0, 95.0)
    frame(book, 3, 102.0, open=102.0)
    assert (book.pump_at, book.dump_at) == (float("inf"), 0.0), "over a hole there is nothing to compare with"
    book.set_bounds(Bounds(windows=((1, 1.05, 0.95),)))
    assert book.pump_at == pytest.approx(107.1)
    assert book.dump_at == pytest.approx(96.9)


@given(st.lists(st.integers(0, 12), max_size=40))
def test_it_holds_what_a_plain_list_would(minutes: list[int]) -> None:
    run, plain = ClosedRun(4), list[ClosedCandle]()
    for minute in minutes:
        run.append(candle(minute))
        if plain and plain[-1].open_ms + MINUTE != candle(minute).open_ms:
            plain.clear()
        plain = [*plain, candle(minute)][-4:]
        assert list(run) == plain
