from __future__ import annotations

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
