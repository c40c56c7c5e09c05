"""Open interest that stays away is told once, and once when it is back; what another notice tells is not told again."""

from __future__ import annotations

from altmonitor.app.open_interest_sampling import OpenInterestWatch
from altmonitor.core.causes import Cause, CauseCode
from altmonitor.core.status import SweepStatus
from tests.movable_clock import T0, MovableClock, at_work

WHY = Cause(CauseCode.UNREADABLE, "not the answer that is expected")
GOOD = SweepStatus(sweep_age_s=4.0, coverage=1.0, period_s=10.0)
LATE = SweepStatus(sweep_age_s=26.0, coverage=1.0, period_s=10.0, trouble=WHY)


class Desk:
    def __init__(self, status: SweepStatus = GOOD) -> None:
        self.clock = MovableClock(T0)
        self.status = status
        self.is_excused = False
        self.told: list[object] = []
        self.watch = OpenInterestWatch(
            clock=self.clock,
            status=lambda: self.status,
            is_excused=lambda: self.is_excused,
            on_missing=lambda reason, percent: self.told.append((reason, percent)),
            on_back=self.told.append,
        )

    async def run(self, *states: tuple[SweepStatus, float]) -> None:
        async with at_work(self.watch.run(), on=self.clock):
            for self.status, for_s in states:
                await self.clock.advance(for_s)


async def test_a_table_that_stays_damaged_is_told_once_and_once_when_it_is_back() -> None:
    desk = Desk()
    await desk.run((GOOD, 100), (LATE, 100))
    assert desk.told == []
    await desk.run((LATE, 600))
    assert desk.told == [(WHY, 0)]
    await desk.run((GOOD, 300), (LATE, 100), (GOOD, 100))
    assert desk.told == [(WHY, 0), T0 + 110_000]
    await desk.run((LATE, 140))
    assert desk.told[2:] == [(WHY, 0)]


async def test_most_contracts_without_a_figure_are_missing_too_and_a_few_are_not() -> None:
    found = []
    for coverage, percent in ((0.31, 31), (0.0, 0), (0.5, None), (0.95, None)):
        desk = Desk()
        await desk.run((SweepStatus(sweep_age_s=4.0, coverage=coverage, period_s=10.0), 300))
        found.append(desk.told == ([] if percent is None else [(None, percent)]))
    assert found == [True] * 4


async def test_what_a_blind_feed_or_a_block_explains_is_not_told_again_and_counts_from_its_end() -> None:
    desk = Desk()
    desk.is_excused = True
    await desk.run((LATE, 900))
    assert desk.told == []
    desk.is_excused = False
    await desk.run((LATE, 100))
    assert desk.told == []
    await desk.run((LATE, 60))
    assert desk.told == [(WHY, 0)]


async def test_a_round_that_takes_minutes_has_as_much_time_as_it_needs() -> None:
    desk = Desk(SweepStatus(period_s=60.0))
    await desk.run((desk.status, 150))
    assert desk.told == []
    await desk.run((desk.status, 30))
    assert desk.told == [(None, 0)]
