from __future__ import annotations

from dataclasses import replace

import pytest

from altmonitor.core.causes import CauseCode
from altmonitor.core.health import Reason, Status, Vitals, as_json, assess
from altmonitor.core.status import (
    FeedStatus,
    GuardStatus,
    LatencyStatus,
    LoopStatus,
    OutboxStatus,
    SweepStatus,
    VenueStatus,
)
from tests.fakes import cause

FEED = FeedStatus(connections=1, last_frame_age_s=0.25, symbols_expected=560, symbols_covered=560, is_blind=False)
SWEEP = SweepStatus(sweep_age_s=20.0, coverage=0.99, period_s=60.0)
FINE = Vitals(
    feed=FEED,
    sweep=SWEEP,
    outbox=OutboxStatus(queued=2, oldest_age_s=3.0),
    guard=GuardStatus(state="open"),
    latency=LatencyStatus(),
    uptime_s=3600.0,
    loops=(LoopStatus(name="feed", restarts=7),),
)


def verdict(vitals: Vitals) -> tuple[Status, list[Reason]]:
    health = assess(vitals)
    return health.verdict, [finding.reason for finding in health.findings]


def test_a_monitor_that_sees_and_tells_is_ok() -> None:
    assert verdict(FINE) == (Status.OK, [])


@pytest.mark.parametrize(
    ("age_s", "is_blind", "expected"),
    [
        (29.0, False, (Status.OK, [])),
        (31.0, True, (Status.DEGRADED, [Reason.FEED_BLIND])),
        (55.0, True, (Status.DEGRADED, [Reason.FEED_BLIND])),
        (55.1, True, (Status.DOWN, [Reason.FEED_BLIND])),
        (61.0, True, (Status.DOWN, [Reason.FEED_BLIND])),
        (61.0, False, (Status.DOWN, [Reason.FEED_BLIND])),
    ],
)
def test_a_stalled_feed_is_down_within_a_minute(
    age_s: float, is_blind: bool, expected: tuple[Status, list[Reason]]
) -> None:
    feed = replace(FEED, last_frame_age_s=age_s, is_blind=is_blind)
    assert verdict(replace(FINE, feed=feed)) == expected


@pytest.mark.parametrize(
    ("uptime_s", "expected"),
    [
        (5.0, (Status.DEGRADED, [Reason.STARTING])),
        (90.0, (Status.DEGRADED, [Reason.STARTING])),
        (90.1, (Status.DOWN, [Reason.NO_DATA_SINCE_START])),
    ],
)
def test_no_data_since_the_start_is_forgiven_for_ninety_seconds(
    uptime_s: float, expected: tuple[Status, list[Reason]]
) -> None:
    assert verdict(replace(FINE, feed=FeedStatus(), sweep=SweepStatus(), uptime_s=uptime_s)) == expected


@pytest.mark.parametrize(("covered", "reasons"), [(532, []), (531, [Reason.FEED_PARTIAL])])
def test_a_twentieth_of_the_symbols_may_be_silent(covered: int, reasons: list[Reason]) -> None:
    assert verdict(replace(FINE, feed=replace(FEED, symbols_covered=covered)))[1] == reasons


def test_symbols_not_subscribed_yet_are_part_of_starting() -> None:
    feed = replace(FEED, symbols_covered=100)
    assert verdict(replace(FINE, feed=feed, uptime_s=20.0)) == (Status.DEGRADED, [Reason.STARTING])


@pytest.mark.parametrize(
    ("sweep", "reasons"),
    [
        (replace(SWEEP, sweep_age_s=150.0), []),
        (replace(SWEEP, sweep_age_s=150.1), [Reason.SWEEP_LATE]),
        (replace(SWEEP, sweep_age_s=150.1, period_s=120.0), []),
        (SweepStatus(), [Reason.SWEEP_LATE]),
        (replace(SWEEP, coverage=0.9), []),
        (replace(SWEEP, coverage=0.89), [Reason.SWEEP_PARTIAL]),
    ],
)
def test_a_late_or_thin_sweep_degrades(sweep: SweepStatus, reasons: list[Reason]) -> None:
    status, found = verdict(replace(FINE, sweep=sweep))
    assert found == reasons
    assert status is (Status.DEGRADED if reasons else Status.OK)


@pytest.mark.parametrize(
    ("outbox", "reasons"),
    [
        (OutboxStatus(queued=500, oldest_age_s=60.0), []),
        (OutboxStatus(queued=1, oldest_age_s=60.1), [Reason.DELIVERY_LATE]),
        (OutboxStatus(trouble=cause("chat not found")), [Reason.DELIVERY_TROUBLE]),
        (OutboxStatus(queued=1, oldest_age_s=99.0, trouble=cause("no answer")), [Reason.DELIVERY_LATE]),
    ],
)
def test_alerts_that_wait_or_are_refused_degrade(outbox: OutboxStatus, reasons: list[Reason]) -> None:
    assert verdict(replace(FINE, outbox=outbox))[1] == reasons


@pytest.mark.parametrize("state", ["waiting", "blocked", "probing"])
def test_a_closed_guard_degrades(state: str) -> None:
    assert verdict(replace(FINE, guard=GuardStatus(state=state))) == (Status.DEGRADED, [Reason.EXCHANGE_LIMIT])


@pytest.mark.parametrize(("failures", "status"), [(2, Status.OK), (3, Status.DEGRADED), (10, Status.DOWN)])
def test_a_loop_that_keeps_failing_degrades_then_is_down(failures: int, status: Status) -> None:
    loop = LoopStatus(name="sweep", restarts=failures, failures_in_row=failures)
    assert assess(replace(FINE, loops=(loop,))).verdict is status


def test_the_worst_comes_first_and_decides() -> None:
    health = assess(
        replace(
            FINE,
            guard=GuardStatus(state="blocked", reason=cause("418")),
            loops=(LoopStatus(name="delivery", failures_in_row=10),),
        )
    )
    assert health.status == "down"
    assert health.reason_codes == ("loop_failing", "exchange_limit")


def test_the_json_has_exactly_the_documented_keys() -> None:
    body = as_json(
        assess(
            replace(
                FINE,
                guard=GuardStatus(state="blocked", until_ms=1_790_000_000_000, reason=cause("418", CauseCode.BANNED)),
                latency=LatencyStatus(detect_p50=40.0, detect_p99=90.0, deliver_p50=200.0, deliver_p99=900.0),
            )
        )
    )
    assert body == {
        "status": "degraded",
        "reasons": ["exchange_limit: requests to the exchange are blocked: 418"],
        "reason_codes": [
            {"code": "exchange_limit", "values": {}, "cause": {"code": "banned", "values": {}}, "venue": None}
        ],
        "feed": {"last_frame_age_s": 0.25, "symbols_covered": 560, "symbols_expected": 560},
        "oi": {"sweep_age_s": 20.0, "coverage": 0.99},
        "outbox": {"queued": 2},
        "guard": {"state": "blocked", "until": 1_790_000_000_000},
        "latency_ms": {"detect_p50": 40.0, "detect_p99": 90.0, "deliver_p50": 200.0, "deliver_p99": 900.0},
    }


def test_commands_that_go_astray_degrade_with_their_reason() -> None:
    health = assess(replace(FINE, commands_astray="a webhook is set"))
    assert (health.verdict, health.reason_codes) == (Status.DEGRADED, ("commands_astray",))
    assert as_json(health)["reasons"] == ["commands_astray: a webhook is set"]


def test_another_venue_that_is_blind_or_refuses_us_degrades_and_never_takes_the_others_down() -> None:
    blind = VenueStatus(
        venue="bybit",
        feed=replace(FEED, last_frame_age_s=700.0, is_blind=True),
        sweep=SWEEP,
        guard=GuardStatus(state="blocked", until_ms=5, reason=cause("HTTP 403", CauseCode.FIREWALL)),
    )
    main = VenueStatus(venue="binance", feed=FEED, sweep=SWEEP, guard=GuardStatus(state="open"))
    health = assess(replace(FINE, venues=(main, blind)))
    assert health.status == "degraded"
    assert [finding.text for finding in health.findings] == [
        "Bybit: no data for 700 s",
        "Bybit: requests to the exchange are blocked: HTTP 403",
    ]
    assert as_json(health)["reason_codes"] == [
        {"code": "feed_blind", "values": {"seconds": 700}, "cause": None, "venue": "bybit"},
        {"code": "exchange_limit", "values": {}, "cause": {"code": "firewall", "values": {}}, "venue": "bybit"},
    ]
    shown = as_json(health)["venues"]
    assert isinstance(shown, dict)
    assert list(shown) == ["binance", "bybit"]
    assert (shown["bybit"]["is_blind"], shown["bybit"]["guard"]) == (True, {"state": "blocked", "until": 5})
    assert "venues" not in as_json(assess(replace(FINE, venues=(main,))))
