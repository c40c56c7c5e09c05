"""Live beside replay: what matches, and why the rest does not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from msgspec import structs

from altmonitor.core.alert import Alert, Details, Direction, Kind
from altmonitor.replay.columns import Source, open_interest_columns
from altmonitor.replay.store import HistoryStore
from altmonitor.replay.verify import AlertDifference, QuietTimes, sampled_in, verify
from altmonitor.storage.run_log import MonitorRun

CANDLE = 1_738_368_000_000
MINUTE = 60_000
AT_ONCE = QuietTimes(cooldown_ms=0, episode_ms=0)
LONG = QuietTimes(cooldown_ms=900_000, episode_ms=900_000)
USUAL = QuietTimes(cooldown_ms=180_000, episode_ms=900_000)


def alert(
    kind: Kind,
    direction: Direction,
    note: str = "1m",
    *,
    at: int = 20_000,
    symbol: str = "X",
    step: str = "",
    late: bool = False,
) -> Alert:
    candle_ms = (CANDLE + at) // MINUTE * MINUTE
    return Alert(
        key=f"{kind}:{symbol}:{direction}:{note}:{candle_ms}{step}",
        ts=0.0,
        event_ms=CANDLE + at,
        candle_ms=candle_ms,
        symbol=symbol,
        kind=kind,
        direction=direction,
        note=note,
        late=late,
    )


def reasons(live: list[Alert], again: list[Alert], *, is_stored: bool = True) -> list[tuple[bool, str]]:
    found = verify(
        live,
        again,
        is_stored=lambda symbol, open_ms: is_stored,
        quiet=QuietTimes(cooldown_ms=900_000, episode_ms=900_000),
    )
    return [(one.is_live, one.reason) for one in found.differences]


def test_the_same_keys_match_whoever_they_were_told() -> None:
    live = alert("price", "PUMP")
    owned = Alert(**{name: getattr(live, name) for name in live.__struct_fields__} | {"key": f"{live.key}@-100/7"})
    found = verify([owned, alert("vol", "UP")], [live], is_stored=lambda symbol, open_ms: True, quiet=AT_ONCE)
    assert found.matched == {"price": 1}
    assert found.live == {"price": 1, "vol": 1}
    assert found.share == 0.5
    assert found.differences == (
        AlertDifference(key=f"vol:X:UP:1m:{CANDLE}", event_ms=CANDLE + 20_000, is_live=True, reason="unknown"),
    )


def test_every_known_difference_has_its_reason() -> None:
    assert reasons([alert("price", "DUMP", "60s")], [alert("price", "DUMP", at=30_000)]) == [
        (True, "sixty_seconds"),
        (False, "sixty_seconds"),
    ]
    assert reasons([alert("price", "PUMP", step=":x1")], [alert("price", "PUMP", "episode", at=40_000)]) == [
        (True, "within_the_minute"),
        (False, "within_the_minute"),
    ]
    assert reasons([alert("price", "PUMP")], [], is_stored=False) == [(True, "not_recorded")]
    assert reasons([alert("price", "PUMP", late=True)], []) == [(True, "late")]
    assert reasons([alert("price", "PUMP")], []) == [(True, "unknown")]


def move(size: float, *, at: int, note: str = "1m", first: Alert | None = None, direction: Direction = "PUMP") -> Alert:
    """Of a price that was 100 when its episode began. first: it belongs to that one's episode."""
    one = alert("price", direction, note, at=at, step="" if first is None else ":x1")
    details = Details() if first is None else Details(episode_key=first.key, told_before_pct=3.0)
    return structs.replace(one, metric=size, change_pct=size, price=100 + size, details=details)


def usual_reasons(live: list[Alert], again: list[Alert]) -> list[tuple[bool, str]]:
    found = verify(live, again, is_stored=lambda symbol, open_ms: True, quiet=USUAL)
    return [(one.is_live, one.reason) for one in found.differences]


LIVE, AGAIN = move(3.4, at=20_000), move(3.06, at=27_500)
"""The same move, told live a little earlier and larger: it has doubled at 6.8 % there, and at 6.12 % in the replay."""


def test_a_doubling_is_explained_by_another_first_size_only_where_the_other_side_had_not_doubled() -> None:
    findings = {}
    for size in (6.12, 6.79, 6.8, 7.0, 13.0):
        doubled = move(size, at=600_000, note="episode", first=LIVE)
        findings[size] = usual_reasons([LIVE], [AGAIN, doubled]), usual_reasons([LIVE, doubled], [AGAIN])
    explained, false, missed = [(False, "within_the_minute")], [(False, "unknown")], [(True, "unknown")]
    assert findings == {
        6.12: (explained, missed),  # the replay had doubled as well and should have told it
        6.79: (explained, missed),
        6.8: (false, missed),  # live had doubled as well: what the replay alone tells is a false alert
        7.0: (false, missed),
        13.0: (false, missed),
    }


def test_the_side_that_was_told_a_smaller_doubling_before_needs_more_for_the_next() -> None:
    early, late = (move(size, at=at, note="episode", first=LIVE) for size, at in ((6.2, 300_000), (6.9, 700_000)))
    assert usual_reasons([LIVE, late], [AGAIN, early]) == [(False, "within_the_minute"), (True, "within_the_minute")]
    larger = move(12.5, at=700_000, note="episode", first=LIVE)
    assert usual_reasons([LIVE, larger], [AGAIN, early])[1] == (True, "unknown"), (
        "12.4 % had been enough for the replay"
    )


def test_an_episode_that_began_a_little_later_lasts_that_much_longer_and_no_more() -> None:
    def reason(at: int) -> str:
        return usual_reasons([LIVE], [AGAIN, move(9.0, at=at, note="episode", first=LIVE)])[0][1]

    assert [reason(at) for at in (919_999, 920_000, 927_499)] == ["unknown", "within_the_minute", "within_the_minute"]


def test_a_cooldown_that_began_a_little_later_keeps_back_that_much_longer_and_no_more() -> None:
    def reason(at: int, size: float = 3.2) -> str:
        return usual_reasons([LIVE, move(size, at=at)], [AGAIN])[0][1]

    assert [reason(at) for at in (200_000, 207_499, 207_500, 400_000)] == [
        "within_the_minute",
        "within_the_minute",
        "unknown",
        "unknown",
    ]
    assert reason(200_000, 6.2) == "unknown", "twice as much is told within a cooldown too"
    assert usual_reasons([LIVE], [AGAIN, move(3.2, at=203_000)]) == [(False, "unknown")]


def test_what_both_have_told_alike_explains_nothing() -> None:
    doubled = move(6.5, at=600_000, note="episode", first=LIVE)
    assert usual_reasons([LIVE, doubled], [LIVE]) == [(True, "unknown")]
    assert usual_reasons([LIVE], [LIVE, doubled]) == [(False, "unknown")]


def test_a_doubling_of_what_one_side_alone_has_told_follows_from_that_difference() -> None:
    doubled = move(6.5, at=600_000, note="episode", first=LIVE)
    assert usual_reasons([doubled], [AGAIN]) == [(False, "unknown"), (True, "after_a_difference")]


def test_a_burst_told_at_another_moment_of_its_candle_begins_the_same_episode() -> None:
    bursts = [
        structs.replace(alert("vol", direction, at=at), metric=9.0, change_pct=0.5, price=100.5)
        for direction, at in (("UP", 10_000), ("DOWN", 40_000))
    ]
    firsts = [
        structs.replace(move(size, at=at), details=Details(episode_key=burst.key))
        for size, at, burst in ((3.4, 80_000, bursts[0]), (3.06, 87_500, bursts[1]))
    ]
    doubled = [move(size, at=600_000, note="episode", first=bursts[1]) for size in (6.2, 6.9)]
    assert usual_reasons([bursts[0], firsts[0]], [bursts[1], firsts[1], doubled[0]]) == [(False, "within_the_minute")]
    assert usual_reasons([bursts[0], firsts[0]], [bursts[1], firsts[1], doubled[1]]) == [(False, "unknown")]


def test_a_difference_explains_what_its_own_cooldown_can_have_kept_back_and_nothing_else() -> None:
    told_live = move(3.2, at=20_000, note="60s")
    for one, expected in (
        (move(3.1, at=190_000), "after_a_difference"),
        (move(3.1, at=210_000), "unknown"),
        (move(6.5, at=190_000), "unknown"),  # that is told within a cooldown too
        (move(3.1, at=190_000, direction="DUMP"), "unknown"),
        (alert("vol", "UP", at=190_000), "unknown"),
        (alert("oi", "UP", at=190_000), "unknown"),
        (alert("price", "PUMP", at=190_000, symbol="Y"), "unknown"),
        (move(5.0, at=800_000, note="15m"), "after_a_difference"),  # a window keeps what was told in sight
    ):
        assert usual_reasons([told_live], [one])[1] == (False, expected), one
    assert usual_reasons([told_live, move(3.1, at=190_000)], [])[1] == (True, "unknown"), "it kept nothing back there"
    bursts = [alert("vol", "UP"), alert("vol", "DOWN", at=190_000)]
    assert usual_reasons([bursts[0]], [bursts[1]]) == [(True, "unknown"), (False, "after_a_difference")]


def test_a_whole_move_follows_from_a_difference_that_began_or_kept_up_its_episode() -> None:
    begun = alert("price", "PUMP", "60s")
    for at, expected in ((800_000, "after_a_difference"), (1_000_000, "unknown")):
        assert usual_reasons([begun, move(6.5, at=at, note="episode", first=begun)], [])[1] == (True, expected)
    kept_up = [alert("oi", "UP", "5m", at=700_000)]
    late = move(6.5, at=1_000_000, note="episode", first=begun)
    assert usual_reasons([begun, *kept_up, late], kept_up)[1] == (True, "after_a_difference")


def test_what_is_not_compared_is_no_difference() -> None:
    assert reasons([alert("funding", "UP"), alert("condition", "UP")], []) == []
    assert verify([], [], is_stored=lambda symbol, open_ms: True, quiet=AT_ONCE).share == 1.0


def test_open_interest_whose_samples_were_lost_has_that_reason(tmp_path: Path) -> None:
    store = HistoryStore(tmp_path)
    stamps = np.array([CANDLE + at * MINUTE for at in (0, 1, 2, 3, 4, 5, 20)])
    store.add("X", "oi", open_interest_columns(stamps, np.full(7, 1e6), Source.RECORDED))
    is_sampled = sampled_in(store)
    assert is_sampled("X", CANDLE + 5 * MINUTE)
    assert not is_sampled("X", CANDLE + 6 * MINUTE)
    assert not is_sampled("X", CANDLE + 20 * MINUTE)
    found = verify(
        [alert("oi", "UP", at=20 * MINUTE)], [], is_stored=lambda s, at: True, is_sampled=is_sampled, quiet=AT_ONCE
    )
    assert [one.reason for one in found.differences] == ["not_recorded"]


def test_open_interest_is_not_compared_with_samples_of_an_earlier_run() -> None:
    again = alert("oi", "DOWN", at=400_000)
    again = structs.replace(again, details=structs.replace(again.details, window_s=300.0))

    def reason(start: int, live: list[Alert], replayed: list[Alert]) -> list[str]:
        found = verify(
            live,
            replayed,
            is_stored=lambda s, at: True,
            quiet=AT_ONCE,
            runs=[run(CANDLE - 9_000_000), run(CANDLE + start)],
        )
        return [one.reason for one in found.differences]

    assert reason(100_001, [], [again]) == ["before_start"]
    assert reason(400_000, [], [again]) == ["before_start"]
    assert reason(100_000, [], [again]) == ["unknown"]
    assert reason(400_001, [], [again]) == ["unknown"]
    assert reason(200_000, [again], []) == ["unknown"]
    told = alert("oi", "DOWN", "1m", at=400_000)
    assert reason(200_000, [told], [structs.replace(again, key=f"{again.key}:5m")]) == ["before_start"] * 2
    assert reason(200_000, [told], [structs.replace(again, key="oi:X:UP", direction="UP")]) == [
        "unknown",
        "before_start",
    ]


def run(began_ms: int, *, seen_before_ms: int | None = None) -> MonitorRun:
    """One after which nothing was missed, unless it is said until when the run before it had seen."""
    return MonitorRun(began_ms=began_ms, seen_before_ms=began_ms if seen_before_ms is None else seen_before_ms)


def test_what_happened_while_the_monitor_did_not_run_has_that_reason() -> None:
    def reason(at: int, *, is_live: bool = False) -> str:
        own = [alert("price", "PUMP", at=at)]
        found = verify(
            own if is_live else [],
            [] if is_live else own,
            is_stored=lambda s, moment: True,
            quiet=AT_ONCE,
            runs=[run(CANDLE + 10 * MINUTE + 30_000, seen_before_ms=CANDLE + 3 * MINUTE)],
        )
        return found.differences[0].reason

    asked = [3 * MINUTE - 1, 3 * MINUTE, 9 * MINUTE, 10 * MINUTE + 59_000, 11 * MINUTE]
    assert [reason(at) for at in asked] == ["unknown", "not_watched", "not_watched", "not_watched", "unknown"]
    assert reason(9 * MINUTE, is_live=True) == "unknown"


def test_before_the_first_start_of_all_nobody_watched() -> None:
    first = MonitorRun(began_ms=CANDLE + 5 * MINUTE, seen_before_ms=None)
    found = verify([], [alert("vol", "UP")], is_stored=lambda s, at: True, quiet=AT_ONCE, runs=[first])
    assert [one.reason for one in found.differences] == ["not_watched"]


def test_a_burst_is_that_of_its_candle_whatever_its_direction_was_when_it_was_told() -> None:
    found = verify([alert("vol", "UP")], [alert("vol", "DOWN", at=30_000)], is_stored=lambda s, at: True, quiet=AT_ONCE)
    assert (found.matched, found.differences, found.share) == ({"vol": 1}, (), 1.0)


def test_what_candles_cannot_hold_is_counted_by_itself() -> None:
    live = [alert("price", "DUMP", "60s"), alert("price", "PUMP", symbol="Y")]
    found = verify(live, [alert("price", "PUMP", symbol="Y")], is_stored=lambda s, at: True, quiet=AT_ONCE)
    assert (found.live, found.matched, found.rolling, found.share) == ({"price": 1}, {"price": 1}, 1, 1.0)
    assert [(one.is_live, one.reason) for one in found.differences] == [(True, "sixty_seconds")]
