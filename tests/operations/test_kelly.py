"""Kelly's share as an answer: the golden numbers."""

from __future__ import annotations

from altmonitor.operations.kelly import KellyArguments, kelly_answer


def test_j37_a_win_rate_of_0_68_at_2_1_to_one_is_0_5276_and_half_of_it_2_638_of_10_000() -> None:
    returns = [2.1] * 68 + [-1.0] * 32
    found = kelly_answer(returns, KellyArguments(), now_ms=0, sources=())
    assert (found.win_rate, found.avg_reward_risk_ratio) == (0.68, 2.1)
    assert (found.kelly_fraction, found.half_kelly, found.suggested_size_usd) == (0.5276, 0.2638, 2638.1)
    assert found.unavailable == {}


def test_j37_five_samples_give_null_with_the_reason() -> None:
    found = kelly_answer([1.0, -1.0, 2.0, 1.0, 1.0], KellyArguments(), now_ms=0, sources=())
    assert (found.samples, found.kelly_fraction, found.win_rate) == (5, None, None)
    assert found.unavailable["kelly_fraction"] == "fewer than 30 signals have been followed to their horizon"
