from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from altmonitor.core.alert import DETECTED_KINDS, Alert, Direction, Kind, StoredSize
from altmonitor.core.types import Destination
from altmonitor.detectors.kinds import KINDS
from altmonitor.detectors.verdict import Verdict
from altmonitor.engine.alert_ranks import DAY_MS, RankLog
from altmonitor.engine.audience_state import AudienceState
from altmonitor.engine.episodes import EpisodeOptions
from altmonitor.settings.audience import Audience
from altmonitor.settings.settings import Settings

HOUR_MS = 3_600_000
NOON_MS = int(datetime(2026, 11, 21, 12, tzinfo=UTC).timestamp() * 1000)


def alert(
    size: float,
    *,
    at_ms: int = NOON_MS,
    symbol: str = "SOLUSDT",
    kind: Kind = "price",
    direction: Direction = "PUMP",
    note: str = "1m",
    late: bool = False,
) -> Alert:
    return Alert(
        key=f"{symbol}:{at_ms}:{size}",
        ts=at_ms / 1000,
        event_ms=at_ms,
        symbol=symbol,
        kind=kind,
        direction=direction,
        metric=size,
        note=note,
        late=late,
    )


def told(*alerts: Alert, tz: str = "UTC", since_ms: int = NOON_MS - 30 * DAY_MS) -> RankLog:
    ranks = RankLog(tz, known_since_ms=since_ms)
    for one in alerts:
        ranks.record(one)
    return ranks


def test_the_fourth_of_a_symbol_today_counts_itself_and_every_kind() -> None:
    ranks = told(
        alert(3.0, at_ms=NOON_MS - HOUR_MS),
        alert(-4.0, at_ms=NOON_MS - 2 * HOUR_MS, direction="DUMP"),
        alert(3.0, at_ms=NOON_MS - HOUR_MS, symbol="DOGEUSDT"),
        alert(5.0, at_ms=NOON_MS - HOUR_MS, kind="vol"),
        alert(3.0, at_ms=NOON_MS - 13 * HOUR_MS),
    )
    assert ranks.rank_of(alert(3.0)).today_count == 4


@pytest.mark.parametrize(("tz", "count"), [("UTC", 1), ("Asia/Shanghai", 2), ("America/New_York", 2)])
def test_the_day_is_that_of_the_reader(tz: str, count: int) -> None:
    """23:30 and 00:30 UTC are one day in Shanghai (07:30, 08:30) and in New York (18:30, 19:30)."""
    midnight_ms = NOON_MS + 12 * HOUR_MS
    ranks = told(alert(3.0, at_ms=midnight_ms - HOUR_MS // 2), tz=tz)
    assert ranks.rank_of(alert(3.0, at_ms=midnight_ms + HOUR_MS // 2)).today_count == count


def test_another_zone_counts_anew_from_what_is_known() -> None:
    midnight_ms = NOON_MS + 12 * HOUR_MS
    ranks = told(alert(3.0, at_ms=midnight_ms - HOUR_MS // 2))
    ranks.apply("Asia/Shanghai")
    assert ranks.rank_of(alert(3.0, at_ms=midnight_ms + HOUR_MS // 2)).today_count == 2


def test_nothing_larger_in_nine_days() -> None:
    ranks = told(alert(6.0, at_ms=NOON_MS - 10 * DAY_MS + 1), alert(4.0, at_ms=NOON_MS - 2 * DAY_MS))
    assert ranks.rank_of(alert(5.0)).largest_days == 9
    assert ranks.rank_of(alert(6.0)).largest_days == 30, "an equal one is not larger"
    assert ranks.rank_of(alert(3.9)).largest_days == 2


@pytest.mark.parametrize(
    "other",
    [
        alert(9.0, at_ms=NOON_MS - DAY_MS, direction="DUMP"),
        alert(9.0, at_ms=NOON_MS - DAY_MS, symbol="DOGEUSDT"),
        alert(9.0, at_ms=NOON_MS - DAY_MS, note="15m"),
        alert(9.0, at_ms=NOON_MS - DAY_MS, kind="vol"),
    ],
)
def test_only_like_is_compared_with_like(other: Alert) -> None:
    assert told(other).rank_of(alert(5.0)).largest_days == 30


def test_a_move_of_60_seconds_is_like_a_minute() -> None:
    assert told(alert(9.0, at_ms=NOON_MS - 3 * DAY_MS, note="60s")).rank_of(alert(5.0)).largest_days == 3


def test_less_than_a_day_is_nothing_to_tell_and_so_is_what_is_told_late() -> None:
    assert told(since_ms=NOON_MS - 23 * HOUR_MS).rank_of(alert(5.0)).largest_days is None
    assert told().rank_of(alert(5.0, late=True)) == (1, None)


def test_it_is_never_longer_than_anything_is_known() -> None:
    ranks = RankLog("UTC", known_since_ms=NOON_MS)
    destination = Destination(chat_id=1)
    row = StoredSize(destination, "DOGEUSDT", "price", "PUMP", "1m", 3.0, NOON_MS - 5 * DAY_MS)
    ranks.restore([row], known_since_ms=NOON_MS - 5 * DAY_MS)
    assert ranks.rank_of(alert(5.0)).largest_days == 5


@given(st.lists(st.tuples(st.integers(0, 40 * 24), st.integers(1, 9)), max_size=30), st.integers(1, 9))
def test_it_is_what_a_look_through_everything_gives(history: list[tuple[int, int]], size: int) -> None:
    """In any order: what is told late, or restored, may be older than what is known."""
    alerts = [alert(float(told_size), at_ms=NOON_MS - hours * HOUR_MS - 1) for hours, told_size in history]
    larger = [NOON_MS - hours * HOUR_MS - 1 for hours, told_size in history if told_size > size]
    days = (NOON_MS - max(larger, default=NOON_MS - 60 * DAY_MS)) // DAY_MS
    ranks = told(*alerts, since_ms=NOON_MS - 60 * DAY_MS)
    assert ranks.rank_of(alert(float(size))).largest_days == (days if days else None)
    assert ranks.rank_of(alert(float(size))).today_count == 1 + sum(hours < 12 for hours, _ in history)


def test_what_turns_out_larger_than_it_was_told_is_ranked_anew() -> None:
    ranks = told(
        alert(20.0, at_ms=NOON_MS - 9 * DAY_MS, kind="vol", direction="DOWN"),
        alert(8.0, at_ms=NOON_MS - 3 * DAY_MS, kind="vol", direction="DOWN"),
        alert(5.0, kind="vol", direction="UP"),
    )
    assert ranks.grow(alert(12.0, kind="vol", direction="DOWN")) == 9
    later_ms = NOON_MS + HOUR_MS
    assert ranks.rank_of(alert(11.0, at_ms=later_ms, kind="vol", direction="DOWN")).largest_days is None
    assert ranks.rank_of(alert(1.0, at_ms=later_ms, kind="vol", direction="UP")).largest_days == 30
    assert ranks.rank_of(alert(1.0, at_ms=later_ms, kind="vol", direction="UP")).today_count == 2


def test_an_alert_of_every_kind_that_is_remembered_here_is_remembered_and_forgotten() -> None:
    audience = Audience(destination=Destination(chat_id=1), settings=Settings())
    state = AudienceState(audience, since_ms=NOON_MS, episodes=EpisodeOptions())
    for kind in DETECTED_KINDS:
        state.remember(alert(5.0, kind=kind, direction=KINDS[kind].directions[0]), None)
    state.forget("SOLUSDT")
    settings = Settings()
    assert state.volume.judge("SOLUSDT", NOON_MS, ("UP", "DOWN"), settings) == (Verdict.FIRE, None)
    for sampled in state.sampled.values():
        assert sampled.judge("SOLUSDT", "UP", NOON_MS, settings) == (Verdict.FIRE, None)
