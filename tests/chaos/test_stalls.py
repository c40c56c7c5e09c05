from __future__ import annotations

from tests.chaos.ledger import Span
from tests.chaos.stalls import Stalls


def test_only_the_pause_itself_is_taken_off_a_duration() -> None:
    stalls = Stalls(speed=100)
    stalls.late(0.5, now_ms=1_000_000)

    assert stalls.spans == [Span(950_000, 1_000_000)]
    assert stalls.ran_ms(900_000, 1_100_000) == 150_000
    assert stalls.ran_ms(980_000, 1_100_000) == 100_000
    assert stalls.ran_ms(960_000, 970_000) == 0
    assert stalls.ran_ms(1_000_000, 1_060_000) == 60_000
    assert stalls.ran_ms(890_000, 950_000) == 60_000
    assert stalls.total_s() == 0.5


def test_a_pause_that_two_noticed_counts_once() -> None:
    stalls = Stalls(speed=100)
    stalls.late(0.3, now_ms=100_000)
    stalls.late(0.3, now_ms=102_000)
    stalls.late(0.05, now_ms=200_000)

    assert stalls.spans == [Span(70_000, 102_000), Span(195_000, 200_000)]
    assert stalls.lost_ms(0, 300_000) == 37_000


def test_what_every_machine_does_is_no_pause() -> None:
    stalls = Stalls(speed=100)
    stalls.late(0.019, now_ms=100_000)

    assert stalls.spans == []
