"""/uptime: since when, and what failed meanwhile."""

from __future__ import annotations

from altmonitor.commands.record import UptimeShown
from tests.commands.executor_kit import NOW_S, Desk


async def test_uptime_counts_from_the_start_and_names_only_what_was_restarted() -> None:
    assert await Desk()("/uptime") == UptimeShown(
        since_ms=(NOW_S - 3600) * 1000, now_s=NOW_S, version="1.2.3", restarts={"delivery": 2}, blind_s=12.5
    )
