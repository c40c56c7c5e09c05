from __future__ import annotations

import logging

import pytest

from altmonitor.collect.plausibility_log import PlausibilityLog
from tests.fakes import ManualClock


def test_what_is_not_believed_is_said_in_one_line_and_again_after_ten_minutes(
    caplog: pytest.LogCaptureFixture,
) -> None:
    clock, counts = ManualClock(), {"candle updates": 0, "funding": 0}
    refusals = PlausibilityLog("bybit", clock=clock, counts=lambda: counts)
    with caplog.at_level(logging.WARNING):
        refusals.look()
        counts.update({"candle updates": 240, "funding": 1})
        refusals.look()
        for _ in range(65):
            clock.ms += 10_000
            counts["candle updates"] += 1
            refusals.look()
    assert caplog.messages == [
        "bybit told what cannot be, it is left out: 240 candle updates, 1 funding",
        "bybit told what cannot be, it is left out: 60 candle updates",
    ]
