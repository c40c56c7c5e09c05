"""A crash of the whole market told to a group: real texts, store, Bot API client and sockets, Telegram's limits."""

import re
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from altmonitor.delivery.destination_style import MessageRenderer
from tests.delivery import storm_rig
from tests.delivery.dispatcher_kit import make, running
from tests.storage.samples import GROUP


@pytest.mark.parametrize(("over_s", "most_messages", "speed"), [(1.0, 5, 4.0), (60.0, 10, 10.0)])
async def test_530_alerts_reach_a_group_in_time_and_every_row_points_at_the_message_that_names_it(
    tmp_path: Path, over_s: float, most_messages: int, speed: float
) -> None:
    seen = await storm_rig.live_through(tmp_path / "alerts.db", count=530, over_s=over_s, speed=speed)
    assert len(seen.sent) == 530
    assert seen.unseen == []
    assert seen.first_message_ms <= 5_000
    assert max(seen.delays_s) <= 15.0
    assert seen.violations == 0
    assert len(seen.messages) <= most_messages


async def test_a_storm_over_a_minute_is_added_to_few_messages(tmp_path: Path) -> None:
    seen = await storm_rig.live_through(tmp_path / "alerts.db", count=300, over_s=40.0)
    assert seen.unseen == []
    assert seen.edits >= 1
    assert all(len(message.text.encode("utf-16-le")) <= 2 * 4096 for message in seen.messages)


async def test_moves_against_the_crowd_stand_first_also_after_an_edit_and_the_rest_by_size() -> None:
    async with running(make(GROUP, renderer=MessageRenderer("en", ZoneInfo("UTC")))) as bench:
        for number in range(78):
            bench.put(f"C{number}USDT", metric=-3.0 - number / 10, direction="DUMP")
        bench.put("AGAINSTUSDT", "ALSOUSDT", metric=4.0)
        await bench.said(1)
        bench.put("WITHUSDT", metric=-5.0, direction="DUMP")
        bench.put("LASTUSDT", metric=3.5)
        await bench.said(2, within_s=7)
        first, second = bench.channel.said
        assert second.is_edit
        assert _named(first.html)[:3] == [("AGAINSTUSDT", 4.0), ("ALSOUSDT", 4.0), ("C77USDT", -10.7)]
        assert _named(second.html)[:4] == [*_named(first.html)[:2], ("LASTUSDT", 3.5), ("C77USDT", -10.7)]
        falls = [size for _, size in _named(second.html)[3:]]
        assert len(falls) == 79
        assert falls == sorted(falls)


def _named(html: str) -> list[tuple[str, float]]:
    found = re.findall(r"([A-Z0-9]+USDT)\u00a0([+−][\d.]+)", html)
    return [(symbol, float(size.replace("−", "-"))) for symbol, size in found]
