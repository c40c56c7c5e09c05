"""A funding rate that crosses the bound set in the chat is told, explained and found again."""

from __future__ import annotations

from pathlib import Path

import pytest

from altmonitor.sim.telegram.values import SimMessage
from tests.e2e.stage import READER, START_MS, Stage, stage


async def ask(here: Stage, command: str, answer: str) -> SimMessage:
    here.telegram.inject_message(READER, command, user_id=READER)
    return await here.said(answer, within_s=60)


async def test_a_crossing_is_told_explained_and_found_again(tmp_path: Path) -> None:
    async with stage(tmp_path, speed=20, CHART="false") as here:
        await here.is_live()
        assert "off → from 0.02 %" in (await ask(here, "/set_funding 0.02", "funding per 8 h")).text
        message = await here.said("FUNDING", within_s=3_600)
        alert = next(alert for alert in await here.alerts() if alert.kind == "funding")
        details = alert.details
        assert alert.symbol in message.text
        assert details.funding_rate is not None
        assert details.funding_hours is not None
        assert alert.metric == pytest.approx(details.funding_rate * 8 / details.funding_hours * 100)
        assert abs(alert.metric) >= 0.02
        assert alert.event_ms > START_MS
        assert alert.symbol in (await ask(here, f"/why {alert.symbol}", "funding, 8 h")).text
        assert alert.symbol in (await ask(here, "/history 50 funding", "newest first")).text
