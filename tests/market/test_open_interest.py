from __future__ import annotations

import pytest

from altmonitor.market.math import OpenInterestChange
from altmonitor.market.open_interest import OpenInterestRing

T0 = 1_790_000_040_000


def test_the_samples_of_a_symbol_come_oldest_first_and_only_those_asked_for() -> None:
    ring = OpenInterestRing(period_s=60)
    for minute in range(40):  # more than the ring holds
        ring.record("SOLUSDT", time_ms=T0 + minute * 60_000, contracts=1000.0 + minute)
    ring.record("BTCUSDT", time_ms=T0, contracts=5.0)

    kept = ring.samples("SOLUSDT", from_ms=0)
    assert len(kept) == 18
    assert (kept[0], kept[-1]) == ((T0 + 22 * 60_000, 1022.0), (T0 + 39 * 60_000, 1039.0))
    assert ring.samples("SOLUSDT", from_ms=T0 + 38 * 60_000) == [
        (T0 + 38 * 60_000, 1038.0),
        (T0 + 39 * 60_000, 1039.0),
    ]
    assert ring.samples("BTCUSDT", from_ms=-(2**63)) == [(T0, 5.0)]


def test_a_symbol_never_sampled_or_forgotten_has_no_samples() -> None:
    ring = OpenInterestRing(period_s=60)
    ring.record("SOLUSDT", time_ms=T0, contracts=1.0)
    ring.forget("SOLUSDT")
    assert ring.samples("SOLUSDT", from_ms=0) == []
    assert ring.samples("NEWUSDT", from_ms=0) == []


def test_of_two_samples_as_near_to_a_window_the_older_counts_wherever_they_lie_in_the_ring() -> None:
    for earlier in range(20):
        ring = OpenInterestRing(period_s=60)
        for minute in range(-earlier, 1):
            ring.record("SOLUSDT", time_ms=T0 + minute * 60_000, contracts=1_000.0)
        ring.record("SOLUSDT", time_ms=T0 + 2 * 60_000, contracts=500.0)  # the one between is missing
        ring.record("SOLUSDT", time_ms=T0 + 6 * 60_000, contracts=1_100.0)
        now_ms = T0 + 6 * 60_000
        changes, spans_s = ring.changes_pct(["SOLUSDT"], window_ms=300_000, now_ms=now_ms, stale_ms=90_000)
        assert (changes[0], spans_s[0]) == (pytest.approx(10.0), 360.0)
        assert ring.change_at("SOLUSDT", at_ms=now_ms, window_ms=300_000) == (pytest.approx(10.0), 360.0)


def change(*samples: tuple[float, float], began_s: float) -> OpenInterestChange | None:
    """samples: (seconds after T0, contracts), oldest → newest."""
    ring = OpenInterestRing(period_s=60)
    for at_s, contracts in samples:
        ring.record("SOLUSDT", time_ms=T0 + round(at_s * 1000), contracts=contracts)
    return ring.change_over_move("SOLUSDT", began_ms=T0 + round(began_s * 1000))


def test_the_newest_sample_is_compared_with_the_newest_one_from_before_the_move() -> None:
    found = change((0, 900.0), (60, 1_000.0), (75, 1_010.0), (95, 1_100.0), began_s=70.0)
    assert found == OpenInterestChange(pct=pytest.approx(10.0), span_s=35.0, sample_ms=T0 + 95_000)


@pytest.mark.parametrize(
    ("samples", "began_s", "span_s"),
    [
        (((0, 1.0), (60, 1.0)), 0.0, 60.0),  # the very moment it began is before it
        (((0, 1.0), (300, 1.0)), 10.0, 300.0),
        (((0, 1.0), (300.1, 1.0)), 10.0, None),  # more than 5 minutes
        (((0, 1.0), (60, 1.0)), 60.0, None),  # nothing since it began
        (((20, 1.0), (60, 1.0)), 10.0, None),  # nothing before it
        (((20, 0.0), (60, 1.0)), 30.0, None),  # no percent of nothing
        (((60, 1.0),), 10.0, None),
        ((), 10.0, None),
        # a move of 5 or 15 minutes began before anything that may be compared with
        (((0, 1.0), (10, 1.0), (250, 1.0), (310, 1.0)), -500.0, 300.0),
        (((75, 1.0), (250, 1.0), (300, 1.0)), 0.0, 225.0),
        (((76, 1.0), (250, 1.0), (300, 1.0)), 0.0, None),
    ],
)
def test_the_span_is_that_of_the_pair(
    samples: tuple[tuple[float, float], ...], began_s: float, span_s: float | None
) -> None:
    found = change(*samples, began_s=began_s)
    assert (None if found is None else found.span_s) == span_s


def test_a_fresh_sample_does_not_take_the_place_of_the_one_from_before_the_move() -> None:
    found = change((0, 1_000.0), (2, 1_020.0), (4, 1_050.0), began_s=1.0)
    assert found == OpenInterestChange(pct=pytest.approx(5.0), span_s=4.0, sample_ms=T0 + 4_000)


def test_of_a_symbol_never_sampled_nothing_is_known() -> None:
    assert OpenInterestRing(period_s=60).change_over_move("SOLUSDT", began_ms=T0) is None
