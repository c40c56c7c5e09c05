"""Live beside replay: what matches, and why the rest does not."""

from __future__ import annotations

from altmonitor.core.alert import Alert, Direction, Kind
from altmonitor.replay.verify import AlertDifference, verify

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
    assert reasons([alert("vol", "UP")], [alert("vol", "DOWN", at=30_000)]) == [
        (True, "direction_at_telling"),
        (False, "direction_at_telling"),
    ]
    assert reasons([alert("price", "PUMP", step=":x1")], [alert("price", "PUMP", "episode", at=40_000)]) == [
        (True, "within_the_minute"),
        (False, "within_the_minute"),
    ]
    assert reasons([alert("price", "PUMP")], [], is_stored=False) == [(True, "not_recorded")]
    assert reasons([alert("price", "PUMP", late=True)], []) == [(True, "late")]
    assert reasons([alert("price", "PUMP")], []) == [(True, "unknown")]


def test_what_follows_a_difference_within_a_cooldown_follows_from_it() -> None:
    live = [alert("price", "PUMP", "60s"), alert("price", "PUMP", at=400_000), alert("price", "PUMP", at=9_000_000)]
    assert reasons(live, []) == [(True, "sixty_seconds"), (True, "after_a_difference"), (True, "unknown")]


def test_what_is_not_compared_is_no_difference() -> None:
    assert reasons([alert("funding", "UP"), alert("condition", "UP")], []) == []
    assert verify([], [], is_stored=lambda symbol, open_ms: True, quiet_ms=0).share == 1.0
