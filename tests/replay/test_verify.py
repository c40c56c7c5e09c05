"""Live beside replay: what matches, and why the rest does not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from msgspec import structs

from altmonitor.core.alert import Alert, Details, Direction, Kind
from altmonitor.replay.columns import Source, open_interest_columns
from altmonitor.replay.store import HistoryStore
from altmonitor.replay.verify import AlertDifference, sampled_in, verify
from altmonitor.storage.run_log import MonitorRun

CANDLE = 1_738_368_000_000
MINUTE = 60_000


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
    found = verify(live, again, is_stored=lambda symbol, open_ms: is_stored, quiet_ms=900_000)
    return [(one.is_live, one.reason) for one in found.differences]


def test_the_same_keys_match_whoever_they_were_told() -> None:
    live = alert("price", "PUMP")
    owned = Alert(**{name: getattr(live, name) for name in live.__struct_fields__} | {"key": f"{live.key}@-100/7"})
    found = verify([owned, alert("vol", "UP")], [live], is_stored=lambda symbol, open_ms: True, quiet_ms=0)
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


def test_a_doubling_of_what_was_told_at_another_size_of_its_minute_is_explained_by_that() -> None:
    live, again = (
        structs.replace(alert("price", "PUMP", at=at), metric=size) for at, size in ((20_000, 3.4), (27_500, 3.06))
    )
    doubled = alert("price", "PUMP", "episode", at=900_000, step=":x1")
    doubled = structs.replace(doubled, details=Details(episode_key=live.key))
    assert reasons([live], [again, doubled]) == [(False, "within_the_minute")]
    assert reasons([live, doubled], [again]) == [(True, "within_the_minute")]
    assert reasons([live, doubled], [live]) == [(True, "unknown")]
    assert reasons([doubled], [again]) == [(False, "unknown"), (True, "after_a_difference")]


def test_what_follows_a_difference_within_a_cooldown_follows_from_it() -> None:
    live = [alert("price", "PUMP", "60s"), alert("price", "PUMP", at=400_000), alert("price", "PUMP", at=9_000_000)]
    assert reasons(live, []) == [(True, "sixty_seconds"), (True, "after_a_difference"), (True, "unknown")]


def test_what_is_not_compared_is_no_difference() -> None:
    assert reasons([alert("funding", "UP"), alert("condition", "UP")], []) == []
    assert verify([], [], is_stored=lambda symbol, open_ms: True, quiet_ms=0).share == 1.0


def test_open_interest_whose_samples_were_lost_has_that_reason(tmp_path: Path) -> None:
    store = HistoryStore(tmp_path)
    stamps = np.array([CANDLE + at * MINUTE for at in (0, 1, 2, 3, 4, 5, 20)])
    store.add("X", "oi", open_interest_columns(stamps, np.full(7, 1e6), Source.RECORDED))
    is_sampled = sampled_in(store)
    assert is_sampled("X", CANDLE + 5 * MINUTE)
    assert not is_sampled("X", CANDLE + 6 * MINUTE)
    assert not is_sampled("X", CANDLE + 20 * MINUTE)
    found = verify(
        [alert("oi", "UP", at=20 * MINUTE)], [], is_stored=lambda s, at: True, is_sampled=is_sampled, quiet_ms=0
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
            quiet_ms=0,
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
            quiet_ms=0,
            runs=[run(CANDLE + 10 * MINUTE + 30_000, seen_before_ms=CANDLE + 3 * MINUTE)],
        )
        return found.differences[0].reason

    asked = [3 * MINUTE - 1, 3 * MINUTE, 9 * MINUTE, 10 * MINUTE + 59_000, 11 * MINUTE]
    assert [reason(at) for at in asked] == ["unknown", "not_watched", "not_watched", "not_watched", "unknown"]
    assert reason(9 * MINUTE, is_live=True) == "unknown"


def test_before_the_first_start_of_all_nobody_watched() -> None:
    first = MonitorRun(began_ms=CANDLE + 5 * MINUTE, seen_before_ms=None)
    found = verify([], [alert("vol", "UP")], is_stored=lambda s, at: True, quiet_ms=0, runs=[first])
    assert [one.reason for one in found.differences] == ["not_watched"]


def test_a_burst_is_that_of_its_candle_whatever_its_direction_was_when_it_was_told() -> None:
    found = verify([alert("vol", "UP")], [alert("vol", "DOWN", at=30_000)], is_stored=lambda s, at: True, quiet_ms=0)
    assert (found.matched, found.differences, found.share) == ({"vol": 1}, (), 1.0)


def test_what_candles_cannot_hold_is_counted_by_itself() -> None:
    live = [alert("price", "DUMP", "60s"), alert("price", "PUMP", symbol="Y")]
    found = verify(live, [alert("price", "PUMP", symbol="Y")], is_stored=lambda s, at: True, quiet_ms=0)
    assert (found.live, found.matched, found.rolling, found.share) == ({"price": 1}, {"price": 1}, 1, 1.0)
    assert [(one.is_live, one.reason) for one in found.differences] == [(True, "sixty_seconds")]
