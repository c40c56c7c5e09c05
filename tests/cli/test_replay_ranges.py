"""Ranges of past days as people write them."""

from __future__ import annotations

from pathlib import Path

from altmonitor.cli.replay import DAY_MS, range_ms
from altmonitor.core.errors import ConfigError
from altmonitor.replay.store import HistoryStore
from tests.cli.test_archive import altmonitor
from tests.replay.history import FEB_2025, wild_columns


def test_days_are_utc_unless_they_name_a_zone_and_a_range_lies_in_the_past() -> None:
    now_ms = FEB_2025 + 10 * DAY_MS + DAY_MS // 2

    def asked(first: str, last: str | None) -> tuple[float, float] | str:
        try:
            found = range_ms(first, last, (0, now_ms), now_ms=now_ms)
        except ConfigError as refused:
            return str(refused)
        return (found[0] - FEB_2025) / DAY_MS, (found[1] - FEB_2025) / DAY_MS

    day = "is not a day or time such as 2025-02-01 or 2025-02-01T08:00"
    for words, expected in (
        (("2025-02-01", None), (0, 10.5)),
        (("2025-02-01", "2025-02-01"), (0, 1)),
        (("20250201", "20250202"), (0, 2)),
        (("2025-W05-6", "2025-W05-7"), (0, 2)),
        (("2025-02-01", "2025-02-11"), (0, 11)),
        (("2025-02-01T12:00", "2025-02-02T00:00"), (0.5, 1)),
        (("2025-02-01T08:00+08:00", "2025-02-01T06:00-06:00"), (0, 0.5)),
        (("2025-02-02", "2025-02-01"), "--from 2025-02-02 --to 2025-02-01: an empty range"),
        (("2025-02-01T00:00", "2025-02-01T00:00Z"), "--from 2025-02-01T00:00 --to 2025-02-01T00:00Z: an empty range"),
        (("2025-02-12", None), "--from 2025-02-12 is yet to come (now it is 2025-02-11 12:00 UTC)"),
        (("2025-02-01", "2025-02-12"), "--to 2025-02-12 is yet to come (now it is 2025-02-11 12:00 UTC)"),
        (("0001-01-01", None), "--from 0001-01-01: there was no market before 2009-01-01"),
        (("0001-01-01T00:00+14:00", None), "--from 0001-01-01T00:00+14:00: there was no market before 2009-01-01"),
        (("2024-13-01", None), f"--from '2024-13-01' {day}"),
        (("2025-02-30", None), f"--from '2025-02-30' {day}"),
        (("2025-02-01T24:00", None), f"--from '2025-02-01T24:00' {day}"),
        (("2025-02-01", "today"), f"--to 'today' {day}"),
        (("", None), f"--from '' {day}"),
    ):
        assert asked(*words) == expected, words


async def test_a_range_longer_than_what_is_stored_makes_no_rate_smaller(tmp_path: Path) -> None:
    HistoryStore(tmp_path / "store").add("SOLUSDT", "klines", wild_columns(2 * 1_440 + 300))
    code, shown, err = await altmonitor(tmp_path, "replay", "--from", "2025-01-01", "--to", "2025-04-30")
    assert code == 0, err
    assert 'Stored is 2025-02-01 00:00 … 2025-02-03 05:00 of it; "a day" is of those 2.2.' in shown
    _, alerts, per_day = next(line for line in shown.splitlines() if line.startswith("all ")).split()
    assert per_day == f"{int(alerts) / (2 + 5 / 24):.1f}"
