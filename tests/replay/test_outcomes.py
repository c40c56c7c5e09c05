"""Entry, horizons, excursions, BTC and matched control of single alerts, on candles made by hand."""

from __future__ import annotations

import numpy as np
import pytest

from altmonitor.core.outcome import HORIZONS_MIN
from altmonitor.market.candles import MINUTE_MS, Candle
from altmonitor.replay.columns import Source, candle_columns
from altmonitor.replay.outcomes import Outcomes, PriceGrid, Unknown, measure, price_grid, regimes
from tests.replay.history import FEB_2025

FIVE, QUARTER, HOUR, FOUR_HOURS, DAY = range(len(HORIZONS_MIN))


def grid(prices: list[float], *, missing: tuple[int, ...] = (), begin_ms: int = FEB_2025) -> PriceGrid:
    """Candles that open at these prices, one a minute, and reach 1 above and 2 below."""
    made = [
        Candle(
            open_ms=begin_ms + at * MINUTE_MS, open=price, high=price + 1, low=price - 2, close=price, quote_usdt=1.0
        )
        for at, price in enumerate(prices)
        if at not in missing
    ]
    return price_grid(candle_columns(made, Source.ARCHIVE))


def one(
    prices: PriceGrid, at_s: float, *, sign: int = 1, btc: PriceGrid | None = None, is_btc: bool = False
) -> Outcomes:
    """Of an alert whose message arrives at_s seconds after the beginning of the candles."""
    arrived = np.array([FEB_2025 + round(at_s * 1000)], dtype=np.int64)
    return measure(prices, arrived, np.array([sign], dtype=np.int8), btc=btc, is_btc=is_btc)


def test_entry_is_the_first_open_after_the_message_and_never_a_close() -> None:
    prices = grid([100.0, 101, 102, 103, 104, 105, 106, 107, 108])
    found = one(prices, 59.5)
    assert (found.entry_ms[0], found.entry[0]) == (FEB_2025 + MINUTE_MS, 101.0)
    assert found.raw_pct[0, FIVE] == pytest.approx((106 / 101 - 1) * 100)
    assert one(prices, 60.0).entry[0] == 101.0  # at the open itself
    assert one(prices, 60.5).entry[0] == 102.0  # the delay took it over the minute


def test_a_dump_that_goes_on_is_a_gain_in_its_direction() -> None:
    found = one(grid([100.0, 100, 99, 98, 97, 96, 95, 94]), 30, sign=-1)
    assert found.raw_pct[0, FIVE] == pytest.approx(-5.0)
    assert found.gross_pct[0, FIVE] == pytest.approx(5.0)
    assert found.net_pct(0.05)[0, FIVE] == pytest.approx(4.9)
    assert (found.best_pct[0, FIVE], found.worst_pct[0, FIVE]) == pytest.approx((6.0, -1.0))  # to 94, and up to 101


def test_best_and_worst_are_of_the_minutes_from_entry_to_exit() -> None:
    found = one(grid([50.0, 100, 110, 90, 100, 100, 200, 300]), 30)
    assert (found.best_pct[0, FIVE], found.worst_pct[0, FIVE]) == pytest.approx((11.0, -12.0))


def test_what_is_not_known_has_its_reason() -> None:
    prices = [100.0] * 30
    found = [
        ("ends", one(grid(prices), 30), (Unknown.KNOWN, Unknown.KNOWN, Unknown.NOT_YET)),
        ("no entry", one(grid(prices, missing=(1,)), 30), (Unknown.NO_ENTRY, Unknown.NO_ENTRY, Unknown.NO_ENTRY)),
        ("no exit", one(grid(prices, missing=(6,)), 30), (Unknown.HOLE, Unknown.KNOWN, Unknown.NOT_YET)),
        ("after the last", one(grid(prices), 60 * 31), (Unknown.NOT_YET,) * 3),
        ("before the first", one(grid(prices), -600), (Unknown.NO_ENTRY,) * 3),
    ]
    wrong = [(name, row.unknown[0]) for name, row, why in found if tuple(row.unknown[0, : HOUR + 1]) != why]
    assert wrong == []
    for _, row, _ in found:
        assert (np.isnan(row.raw_pct) == (row.unknown != Unknown.KNOWN)).all()


def test_a_hole_on_the_way_leaves_the_return_and_takes_the_excursion() -> None:
    found = one(grid([100.0] * 30, missing=(3,)), 30)
    assert found.raw_pct[0, FIVE] == 0.0
    assert np.isnan(found.best_pct[0, FIVE])
    assert found.unknown_reach[0, FIVE] == Unknown.HOLE


def test_another_coin_under_the_name_is_no_return() -> None:
    """It comes after a hole of a day at least, which no horizon reaches over."""
    missing = tuple(range(100, 100 + 1_440))
    prices = grid([100.0] * 100 + [0.0] * 1_440 + [900.0] * 300, missing=missing)
    arrived = np.array([FEB_2025 + at * MINUTE_MS for at in range(100)], dtype=np.int64)
    found = measure(prices, arrived, np.ones(100, dtype=np.int8), btc=None)
    assert set(found.unknown[:, DAY]) == {Unknown.HOLE}
    assert set(found.raw_pct[np.isfinite(found.raw_pct)]) == {0.0}


def test_btc_is_compared_over_the_same_minutes_and_not_with_itself() -> None:
    coin = grid([100.0] * 3 + [110.0] * 10)
    btc = grid([0.0] * 5 + [50.0] * 3 + [51.0] * 10, begin_ms=FEB_2025 - 5 * MINUTE_MS)
    found = one(coin, 30, btc=btc)
    assert found.btc_pct[0, FIVE] == pytest.approx(2.0)
    assert found.beyond_btc_pct[0, FIVE] == pytest.approx(8.0)
    assert one(coin, 30).unknown_btc[0, FIVE] == Unknown.NO_BTC
    assert one(coin, 30, btc=btc, is_btc=True).unknown_btc[0, FIVE] == Unknown.IS_BTC


def test_regimes_are_ranked_among_the_symbols_own_minutes_and_look_back_only() -> None:
    dice = np.random.default_rng(1)
    steps = np.concatenate([dice.normal(0, 0.01, 600), dice.normal(0, 1.0, 60), dice.normal(0, 0.01, 600)])
    prices = list(100 + np.cumsum(steps))
    found = regimes(grid(prices))
    assert set(found[:60]) == {-1}  # the hour before is not known
    assert found[600] < 4  # nothing of the wild hour that follows
    assert found[661] == 4
    assert found[900] < 4
    changed = [*prices[:700], *(price * 2 for price in prices[700:])]
    assert grid(prices).swing[:700] == pytest.approx(grid(changed).swing[:700], nan_ok=True)


def test_control_is_what_follows_minutes_of_that_hour_and_regime() -> None:
    """Every day at 14 o'clock the price doubles its usual step upwards; what an alert there is followed by is usual."""
    minutes = 20 * 1_440
    hour = np.arange(minutes) // 60 % 24
    steps = np.where(hour == 14, 0.0002, -0.0000002)
    prices = grid(list(100 * np.exp(np.cumsum(steps))))
    at_s = (10 * 1_440 + 14 * 60 + 10) * 60.0
    found = one(prices, at_s)
    assert found.raw_pct[0, FIVE] == pytest.approx(0.1, rel=0.01)
    assert found.control_hours[0, FIVE] == 0
    assert found.control_pct[0, FIVE] == pytest.approx(0.1, rel=0.1)
    assert found.control_up[0, FIVE] > 0.9
    assert found.control_hit[0, FIVE] == found.control_up[0, FIVE]
    falling = one(prices, at_s, sign=-1)
    assert falling.control_hit[0, FIVE] == pytest.approx(1 - found.control_up[0, FIVE])


def test_too_few_comparable_minutes_are_no_control() -> None:
    found = one(grid([100.0 + 0.01 * (at % 7) for at in range(75)]), 61 * 60)
    assert found.unknown_control[0, FIVE] == Unknown.NO_CONTROL
    assert np.isnan(found.control_pct[0, FIVE])
