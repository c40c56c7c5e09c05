"""The store of history: what goes in comes out, nothing is lost, a damaged file is named."""

from __future__ import annotations

import multiprocessing
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from altmonitor.market.candles import MINUTE_MS
from altmonitor.replay.columns import (
    CandleColumns,
    Source,
    candle_columns,
    holes,
    no_candles,
    open_interest_columns,
    taken,
)
from altmonitor.replay.store import Added, HistoryStore, InputFile, StoreDamaged
from tests.replay.history import FEB_2025, wild_candles, wild_columns

DAY = 1_440


def same(one: CandleColumns, other: CandleColumns) -> bool:
    names = [f.name for f in fields(one) if f.name != "decimals"]
    return all(np.array_equal(getattr(one, name), getattr(other, name)) for name in names)


def test_what_goes_in_comes_out_over_a_border_of_months(tmp_path: Path) -> None:
    columns = wild_columns(3 * DAY, begin_ms=FEB_2025 - DAY * MINUTE_MS, holes=0.01)
    store = HistoryStore(tmp_path)
    assert store.add("BTCUSDT", "klines", columns) == Added(len(columns), 0)
    assert store.months("BTCUSDT") == ["2025-01", "2025-02"]
    assert same(store.candles("BTCUSDT", 0, 1 << 50), columns)
    part = store.candles("BTCUSDT", FEB_2025 - 5 * MINUTE_MS, FEB_2025 + 5 * MINUTE_MS)
    assert part.open_ms[0] >= FEB_2025 - 5 * MINUTE_MS
    assert part.open_ms[-1] < FEB_2025 + 5 * MINUTE_MS
    assert store.span("BTCUSDT") == (int(columns.open_ms[0]), int(columns.open_ms[-1]))


def test_prices_alone_are_the_same_prices(tmp_path: Path) -> None:
    store, columns = HistoryStore(tmp_path), wild_columns(500)
    store.add("BTCUSDT", "klines", columns)
    found = store.candles("BTCUSDT", 0, 1 << 50, is_whole=False)
    for name in ("open_ms", "open", "high", "low", "close", "quote_usdt"):
        assert np.array_equal(getattr(found, name), getattr(columns, name)), name
    assert not found.volume.any()


@given(
    numbers=st.lists(
        st.tuples(st.floats(1e-9, 1e9), st.floats(0, 1e12), st.integers(0, 10**9)), min_size=1, max_size=20
    )
)
def test_any_number_comes_back_to_the_last_bit(
    tmp_path_factory: pytest.TempPathFactory, numbers: list[tuple[float, float, int]]
) -> None:
    price, quote, trades = (np.array(column) for column in zip(*numbers, strict=True))
    blank = np.zeros(len(numbers))
    columns = CandleColumns(
        open_ms=FEB_2025 + np.arange(len(numbers)) * MINUTE_MS,
        open=price,
        high=price * 2,
        low=price / 3,
        close=price,
        volume=blank,
        quote_usdt=quote,
        taker_quote_usdt=quote / 7,
        trades=trades,
        source=np.full(len(numbers), 4),
        decimals=np.full(len(numbers), -1),
    )
    store = HistoryStore(tmp_path_factory.mktemp("any"))
    store.add("X", "klines", columns)
    assert same(store.candles("X", 0, 1 << 50), columns)


def test_a_better_source_replaces_a_worse_one_and_never_the_other_way(tmp_path: Path) -> None:
    store, candles = HistoryStore(tmp_path), wild_candles(10)
    archive, recorded = candle_columns(candles, Source.ARCHIVE), candle_columns(candles, Source.RECORDED)
    odd = replace(recorded, quote_usdt=recorded.quote_usdt + 1.0)
    assert store.add("X", "klines", odd) == Added(10, 0)
    assert store.add("X", "klines", taken(archive, slice(2, 5))) == Added(0, 3)
    assert store.add("X", "klines", odd) == Added(0, 0)
    found = store.candles("X", 0, 1 << 50)
    assert found.source.tolist() == [1, 1, 4, 4, 4, 1, 1, 1, 1, 1]
    assert (found.quote_usdt == archive.quote_usdt).tolist() == [at in (2, 3, 4) for at in range(10)]


def test_of_two_files_alike_the_later_one_counts(tmp_path: Path) -> None:
    store, columns = HistoryStore(tmp_path), wild_columns(10)
    store.add("X", "klines", columns)
    reissued = replace(columns, quote_usdt=columns.quote_usdt + 1.0)
    assert store.add("X", "klines", taken(reissued, slice(5, 7))) == Added(0, 2)
    assert same(
        store.candles("X", 0, 1 << 50),
        replace(
            columns,
            quote_usdt=np.where((np.arange(10) >= 5) & (np.arange(10) < 7), reissued.quote_usdt, columns.quote_usdt),
        ),
    )


def test_what_was_read_is_remembered_per_month(tmp_path: Path) -> None:
    store = HistoryStore(tmp_path)
    first = InputFile(name="X-1m-2025-02-01.zip", sha256="a" * 64, rows=5)
    store.add("X", "klines", wild_columns(5), inputs={"2025-02": [first]})
    again = InputFile(name="X-1m-2025-02-01.zip", sha256="b" * 64, rows=5, is_flagged=True)
    other = InputFile(name="X-1m-2025-02-02.zip", sha256="c" * 64, rows=0)
    store.add("X", "klines", no_candles(), inputs={"2025-02": [again, other]})
    stored = store.month("X", "2025-02")
    assert stored is not None
    assert stored.inputs == (again, other)
    assert stored.rows == 5


def test_the_digest_is_that_of_the_rows(tmp_path: Path) -> None:
    one, other, changed = HistoryStore(tmp_path / "a"), HistoryStore(tmp_path / "b"), HistoryStore(tmp_path / "c")
    columns = wild_columns(50)
    one.add("X", "klines", columns)
    other.add("X", "klines", taken(columns, slice(20, 50)))
    other.add("X", "klines", taken(columns, slice(0, 20)))
    changed.add("X", "klines", replace(columns, close=columns.open))
    first, second, third = (store.month("X", "2025-02") for store in (one, other, changed))
    assert first is not None
    assert second is not None
    assert third is not None
    assert first.digest == second.digest != third.digest


def test_open_interest_keeps_what_is_not_known_unknown(tmp_path: Path) -> None:
    store, nan = HistoryStore(tmp_path), float("nan")
    columns = open_interest_columns(
        np.array([FEB_2025, FEB_2025 + 300_000]),
        np.array([10.5, 11.25]),
        Source.ARCHIVE,
        [np.array([1000.0, nan]), np.array([1.5, 1.25])],
    )
    store.add("X", "oi", columns)
    found = store.open_interest("X", 0, 1 << 50)
    assert found.contracts.tolist() == [10.5, 11.25]
    assert np.isnan(found.value_usdt).tolist() == [False, True]
    assert found.top_accounts.tolist() == [1.5, 1.25]
    assert np.isnan(found.taker).all()
    assert store.candles("X", 0, 1 << 50).open_ms.tolist() == []


@pytest.mark.parametrize("content", [b"", b"PK", b"no zip at all"])
def test_a_damaged_file_is_named_and_kept_aside_when_it_is_written_again(tmp_path: Path, content: bytes) -> None:
    store = HistoryStore(tmp_path)
    store.add("X", "klines", wild_columns(5))
    path = next(tmp_path.rglob("*.npz"))
    path.write_bytes(content or path.read_bytes()[:-30])
    with pytest.raises(StoreDamaged, match=path.name):
        store.candles("X", 0, 1 << 50)
    assert store.add("X", "klines", wild_columns(5)) == Added(5, 0)
    assert path.with_name(path.name + ".damaged").exists()
    assert len(store.candles("X", 0, 1 << 50)) == 5


def test_names_of_contracts_are_opaque_text(tmp_path: Path) -> None:
    names = ["币安人生USDT", "A/B", "..", "BTCUSDT_250328", ".hidden", "%2E"]
    store = HistoryStore(tmp_path / "in")
    for name in names:
        store.add(name, "klines", wild_columns(3))
    assert store.symbols() == sorted(names)
    assert [path.name for path in tmp_path.iterdir()] == ["in"]
    assert len(store.candles("A/B", 0, 1 << 50)) == 3


def _fill(root: Path, part: int) -> None:
    columns = wild_columns(400)
    for at in range(part, 400, 4):
        HistoryStore(root).add("X", "klines", taken(columns, slice(at, at + 1)))


def test_four_who_write_the_same_month_at_once_lose_nothing(tmp_path: Path) -> None:
    spawned = multiprocessing.get_context("spawn")
    writers = [spawned.Process(target=_fill, args=(tmp_path, part)) for part in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(60)
    assert [writer.exitcode for writer in writers] == [0] * 4
    assert same(HistoryStore(tmp_path).candles("X", 0, 1 << 50), wild_columns(400))


def test_after_a_long_hole_another_price_is_another_coin_and_the_same_price_is_not() -> None:
    before = wild_candles(10)
    week_ms = 7 * DAY * MINUTE_MS
    scaled = [
        type(one)(
            open_ms=one.open_ms + week_ms,
            open=one.open * 50,
            high=one.high * 50,
            low=one.low * 50,
            close=one.close * 50,
            quote_usdt=1.0,
        )
        for one in before
    ]
    same_coin = [
        type(one)(**{**{f: getattr(one, f) for f in one.__struct_fields__}, "open_ms": one.open_ms + week_ms})
        for one in before
    ]
    found = holes(candle_columns([*before, *scaled], Source.ARCHIVE))
    assert [(hole.minutes, hole.is_another_coin) for hole in found] == [(7 * DAY - 10, True)]
    assert [hole.is_another_coin for hole in holes(candle_columns([*before, *same_coin], Source.ARCHIVE))] == [False]


def test_what_is_no_file_of_the_store_is_called_that_and_nothing_else(tmp_path: Path) -> None:
    store = HistoryStore(tmp_path)
    store.add("FILUSDT", "klines", wild_columns(10))
    file = next((tmp_path / "FILUSDT").iterdir())
    file.write_bytes(b"\x00garbage" * 50)
    with pytest.raises(StoreDamaged) as refused:
        store.candles("FILUSDT", 0, 1 << 60)
    assert str(refused.value) == f"{file} cannot be read: it is no file of this store"
