"""/outcomes answers with what is recorded, and says when nothing is kept."""

from __future__ import annotations

from dataclasses import replace

from altmonitor.commands.outcomes import OutcomesShown
from altmonitor.commands.replies import HistoryOff, StatsShown
from altmonitor.core.outcome import OutcomeRow
from tests.commands.executor_kit import Desk


def row(horizon_min: int) -> OutcomeRow:
    return OutcomeRow(
        kind="price", direction=None, quadrant=None, horizon_min=horizon_min, alerts=9, unknown=0, moments=4, blocks=3
    )


async def test_outcomes_are_shown_and_stats_have_those_after_a_quarter_of_an_hour() -> None:
    desk = Desk()
    desk.outcomes.known = replace(desk.outcomes.known, rows=(row(5), row(15)))
    shown = await desk("/outcomes")
    assert isinstance(shown, OutcomesShown)
    assert shown.summary == desk.outcomes.known
    stats = await desk("/stats")
    assert isinstance(stats, StatsShown)
    assert stats.outcomes == (row(15),)


async def test_without_a_history_there_are_none() -> None:
    assert await Desk(is_history_on=False)("/outcomes") == HistoryOff(command="outcomes")
