from __future__ import annotations

from altmonitor.core.backoff import Backoff, backoff_s


def test_pauses_double_up_to_the_longest_and_are_shortened_by_half_at_the_most() -> None:
    ceilings = [1.0, 2.0, 4.0, 8.0, 10.0, 10.0]
    backoff = Backoff(first_s=1.0, longest_s=10.0)
    pauses = [backoff.next_s() for _ in ceilings]
    assert all(ceiling / 2 <= pause <= ceiling for pause, ceiling in zip(pauses, ceilings, strict=True))


def test_after_a_success_the_pauses_begin_anew() -> None:
    backoff = Backoff(first_s=3.0, longest_s=300.0)
    for _ in range(9):
        backoff.next_s()
    backoff.reset()
    assert (backoff.failures, 1.5 <= backoff.next_s() <= 3.0) == (0, True)


def test_a_million_failures_in_a_row_still_have_a_pause() -> None:
    assert 30.0 <= backoff_s(1_000_000, first_s=1.0, longest_s=60.0) <= 60.0


def test_two_who_failed_together_do_not_ask_in_step() -> None:
    assert len({backoff_s(4, first_s=1.0, longest_s=60.0) for _ in range(20)}) > 1
