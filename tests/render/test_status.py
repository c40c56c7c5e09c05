"""The status message that is kept up to date: the same text while nothing that matters has changed."""

from __future__ import annotations

from dataclasses import replace

import pytest
from msgspec import structs

from altmonitor.core.health import assess
from altmonitor.core.status import FeedStatus, GuardStatus, LatencyStatus, OutboxStatus, SweepStatus
from altmonitor.render import format as n
from altmonitor.render.status import status_board
from tests.fakes import cause
from tests.render.test_replies import EN, NOW_S, SYMBOLS, VITALS, ZH, status


def test_it_says_what_is_in_force_and_when_that_was_so() -> None:
    board = status_board(status(), EN)
    assert board.html.splitlines() == [
        "🟢 <b>Health: ok</b>",
        "<i>as of 2026-09-21 14:13:20 UTC, up 2 d 4 h</i>",
        "Feed: 558/560 symbols",
        "",
        "⚙️ <b>Settings</b>",
        "PUMP from <b>3 %</b>",
        "DUMP from <b>−3 %</b>",
        "OI 1 m from <b>3 %</b>",
        "OI 5 m from <b>6 %</b>",
        "volume from <b>5×</b> the median of 20 candles and $50K",
        "cooldown <b>180 s</b>",
        "60 s window on · OI below $1M is left out",
        "watching: every contract",
        "nothing is muted",
        "<i>Kept up to date; /pin_status off ends it.</i>",
    ]
    assert board.ended_html.splitlines() == [
        "⏹ <b>No longer kept up to date</b>",
        *board.html.splitlines()[:-1],
    ]


def test_passing_time_and_traffic_are_no_reason_for_an_edit() -> None:
    busy = replace(
        VITALS,
        feed=replace(VITALS.feed, last_frame_age_s=2.5, frames=10**6),
        sweep=SweepStatus(sweep_age_s=55.0, coverage=1.0),
        outbox=OutboxStatus(queued=3, oldest_age_s=2.0, sent=400),
        guard=GuardStatus(state="open", weight_used=1_000),
        latency=LatencyStatus(detect_p50=80.0),
        uptime_s=3_600.0 + 3_599.0,
    )
    before = status_board(status(assess(replace(VITALS, uptime_s=3_600.0))), EN)
    after = status_board(structs.replace(status(assess(busy)), now_s=NOW_S + 3_599), EN)
    assert after.essence == before.essence
    assert after.html != before.html


@pytest.mark.parametrize(
    "changed",
    [
        status(pump_threshold=5.0),
        status(muted={"DOGEUSDT": None}),
        status(watchlist=frozenset(["SOLUSDT"])),
        status(assess(replace(VITALS, feed=FeedStatus(symbols_expected=560, symbols_covered=559, is_blind=False)))),
        status(assess(replace(VITALS, feed=replace(VITALS.feed, is_blind=True)))),
        status(assess(replace(VITALS, guard=GuardStatus(state="blocked", until_ms=NOW_S * 1000 + 60_000)))),
        status(assess(replace(VITALS, uptime_s=VITALS.uptime_s + 3_600))),
    ],
)
def test_what_a_reader_would_want_to_know_is(changed: object) -> None:
    assert status_board(changed, EN).essence != status_board(status(), EN).essence  # type: ignore[arg-type]


def test_a_block_is_told_with_its_end() -> None:
    blocked = replace(
        VITALS, guard=GuardStatus(state="blocked", until_ms=NOW_S * 1000 + 115_000, reason=cause("HTTP 418"))
    )
    assert "Exchange requests: blocked until 14:15:15 UTC" in status_board(status(assess(blocked)), EN).html
    assert "交易所请求：被封禁，至 22:15:15 UTC+08" in status_board(status(assess(blocked)), ZH).html


@pytest.mark.parametrize("style", [EN, ZH])
def test_seven_hundred_mutes_still_make_one_message(style: object) -> None:
    board = status_board(status(muted=dict.fromkeys(SYMBOLS)), style)  # type: ignore[arg-type]
    for html in (board.html, board.ended_html):
        assert n.utf16_len(html) <= 4096
        assert "/status" in html
    assert "/pin_status off" in board.html.splitlines()[-1]
