"""A market-wide crash into a group with Telegram's limits: when does its reader see what.

Everything of delivery is real: store, dispatcher, texts, Bot API client, loopback sockets. Times are the clock's, which
runs at `storm_rig.SPEED`, so that CPU counts that many times; what the wait between messages costs counts once.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from tests.delivery import storm_rig

ALERTS = 530
SHAPES = {"within a second": 1.0, "over a minute": 60.0}
"""Name → seconds over which the alerts come."""


async def run() -> dict[str, dict[str, float]]:
    """Shape → first_message_s: from the first alert to the first message. last_symbol_s, median_symbol_s: from an
    alert's decision until its symbol stands on the screen, in the message its delivery row points at; the longest and
    the median. messages, edits: what was said. violations: limits broken. unseen: alerts no message names."""
    found = {}
    for name, over_s in SHAPES.items():
        with tempfile.TemporaryDirectory(prefix="altmonitor-storm-") as folder:
            seen = await storm_rig.live_through(Path(folder) / "alerts.db", count=ALERTS, over_s=over_s)
        found[name] = seen.figures()
    return found
