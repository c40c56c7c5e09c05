"""The way within a minute."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from altmonitor.replay.price_path import point_of, prices_of, push_of_volume, pushes_of


@given(
    quote=st.floats(0.0, 1e9),
    bound=st.floats(0.0, 1e9) | st.just(float("inf")),
    share=st.integers(1, 20),
    after=st.integers(0, 20),
    is_flat=st.booleans(),
)
def test_the_push_that_reaches_a_volume_is_the_one_that_trying_all_of_them_finds(
    quote: float, bound: float, share: int, after: int, is_flat: bool
) -> None:
    total = pushes_of(101.0, 101.0 if is_flat else 99.0)
    for sought in (bound, quote * (share / total)):  # the bound itself counts
        tried = [number for number in range(after + 1, total + 1) if 0.0 < quote * (number / total) >= sought]
        found = push_of_volume(quote, sought, total, after=after)
        assert found == tried[0] if tried else found > total


def test_a_third_of_the_volume_is_there_with_the_seventh_of_twenty_pushes() -> None:
    assert push_of_volume(300_000.0, 100_000.0, 20) == 7
    assert push_of_volume(300_000.0, 100_000.0, 20, after=7) == 8
    assert push_of_volume(300_000.0, 300_000.1, 20) == 21
    assert push_of_volume(0.0, 0.0, 20) == 21


@given(
    cents=st.lists(st.integers(1, 10_000), min_size=4, max_size=4),
    decimals=st.sampled_from([-1, 2, 4]),
    is_flipped=st.booleans(),
)
def test_the_prices_of_a_minute_are_those_of_its_pushes_one_by_one(
    cents: list[int], decimals: int, is_flipped: bool
) -> None:
    low, opened, close, high = sorted(cents)[0] / 100, cents[1] / 100, cents[2] / 100, sorted(cents)[3] / 100
    found = prices_of(opened, high, low, close, decimals=decimals, is_flipped=is_flipped)
    points = [
        point_of(number, opened, high, low, close, decimals=decimals, is_flipped=is_flipped)
        for number in range(1, pushes_of(high, low) + 1)
    ]
    assert found == [one.price for one in points]


def test_a_minute_goes_to_its_low_to_its_high_and_to_its_close() -> None:
    assert prices_of(10.0, 12.0, 9.0, 11.3, decimals=1) == [
        *(10.0, 9.8, 9.5, 9.2, 9.0),
        *(9.4, 9.8, 10.1, 10.5, 10.9, 11.2, 11.6, 12.0),
        *(11.9, 11.8, 11.7, 11.6, 11.5, 11.4, 11.3),
    ]
    assert prices_of(10.0, 10.0, 10.0, 10.0, decimals=1) == [10.0], "nothing moved"
