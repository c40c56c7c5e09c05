"""The way within a minute."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from altmonitor.replay.price_path import push_of_volume, pushes_of


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
