"""Answers as text: exact values, both languages, nothing longer than Telegram takes, nothing unescaped."""

from __future__ import annotations

import html
import re
import string
from dataclasses import replace
from datetime import UTC, date, timedelta, timezone
from html.parser import HTMLParser
from importlib import import_module
from pkgutil import iter_modules
from typing import get_args

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from altmonitor import commands
from altmonitor.commands.outcomes import OutcomesShown
from altmonitor.commands.record import UptimeShown
from altmonitor.commands.replies import (
    ACTION_BYTES_MAX,
    CANCEL,
    Bad,
    DestinationReply,
    HelpShown,
    HistoryOff,
    HistoryShown,
    MutedChanged,
    MutedShown,
    NothingToReset,
    NotUnderstood,
    NumberChange,
    NumbersChanged,
    OverridesShown,
    Placed,
    PlainReply,
    QueryFailed,
    Refused,
    Reply,
    SaveFailed,
    StatsShown,
    StatusPin,
    StatusShown,
    SymbolsRefused,
    UniverseUnknown,
    UnknownCommand,
    Unrecorded,
    WatchlistChanged,
    WatchlistShown,
    plain,
)
from altmonitor.commands.replies_market import AnswerFailed
from altmonitor.commands.replies_settings import NoRoute
from altmonitor.commands.reset import PARTS
from altmonitor.commands.table import COMMANDS, TOPICS, Command, parse
from altmonitor.commands.venues import VenuesShown
from altmonitor.core.alert import DETECTED_KINDS, Alert, AlertStats, DeliveryState, StoredAlert
from altmonitor.core.causes import CauseCode
from altmonitor.core.health import Health, Reason, Status, Vitals, assess
from altmonitor.core.outcome import HORIZONS_MIN, OutcomeRow, OutcomeSummary
from altmonitor.core.status import (
    FeedStatus,
    GuardStatus,
    LatencyStatus,
    LoopStatus,
    OutboxStatus,
    SweepStatus,
    VenueStatus,
)
from altmonitor.core.types import LANGUAGES, VENUE_NAMES
from altmonitor.detectors.kinds import RULES
from altmonitor.detectors.verdict import Verdict
from altmonitor.render import format as n
from altmonitor.render.blocks import packed, reply_lines
from altmonitor.render.format import Style
from altmonitor.render.replies import command_menu, reply_parts
from altmonitor.render.status import status_board
from altmonitor.render.texts.reply_texts import REPLY_TEXTS, TABLES
from altmonitor.settings.changes import NOT_MUTED
from altmonitor.settings.input import NotRead, Unlisted
from altmonitor.settings.presets import PRESETS
from altmonitor.settings.settings import SETTING_OF, SETTINGS, Settings
from tests.fakes import cause
from tests.render import more_replies, position_replies, trader_replies

NOW_S = 1_790_000_000  # 2026-09-21 14:13:20 UTC
EN = Style(lang="en", tz=UTC)
RU = Style(lang="ru", tz=timezone(timedelta(hours=3)))
ZH = Style(lang="zh", tz=timezone(timedelta(hours=8)))

VITALS = Vitals(
    feed=FeedStatus(
        connections=1,
        last_frame_age_s=0.3,
        symbols_expected=560,
        symbols_covered=558,
        reconnects=2,
        is_blind=False,
    ),
    sweep=SweepStatus(sweep_age_s=12.0, coverage=0.998, period_s=60.0),
    outbox=OutboxStatus(queued=3, oldest_age_s=4.25, sent=120, failed=1),
    guard=GuardStatus(state="open", weight_used=540, weight_limit=2400),
    latency=LatencyStatus(detect_p50=35.4, detect_p99=90.0, deliver_p50=210.0, deliver_p99=900.0),
    uptime_s=187_200.0,
    version="0.1.0",
    loops=(LoopStatus(name="feed", restarts=2), LoopStatus(name="sweep")),
)
FINE = assess(VITALS)


def status(health: Health = FINE, **settings: object) -> StatusShown:
    return StatusShown(settings=Settings(**settings), overridden=frozenset(), health=health, now_s=NOW_S)  # type: ignore[arg-type]


def text(reply: Reply, style: Style = EN) -> str:
    (part,) = reply_parts(reply, style)
    return part


def told(symbol: str = "SOLUSDT", delivery: DeliveryState | None = "sent", **changes: object) -> StoredAlert:
    alert = Alert(
        key="k",
        ts=NOW_S - 60.0,
        event_ms=(NOW_S - 60) * 1000,
        symbol=symbol,
        kind="price",
        direction="PUMP",
        price=150.25,
        metric=4.05,
        note="1m",
        id=1,
    )
    return StoredAlert(alert=msgspec.structs.replace(alert, **changes), delivery=delivery)


def changed(key: str, old: float, new: float) -> NumberChange:
    return NumberChange(setting=SETTING_OF[key], old=old, new=new)


# --- values are exact --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (changed("pump_threshold", 3.0, 2.75), "✅ PUMP from 3 % → <b>2.75 %</b>"),
        (changed("dump_threshold", -3.0, -0.1), "✅ DUMP from −3 % → <b>−0.1 %</b>"),
        (changed("oi_surge_1m", 3.0, 0.0), "✅ OI 1 m: from 3 % → <b>off</b>"),
        (changed("oi_surge_5m", 0.0, 6.125), "✅ OI 5 m: off → <b>from 6.125 %</b>"),
        (changed("vol_burst_mult", 5.0, 12.5), "✅ volume from 5× → <b>12.5×</b>"),
        (changed("cooldown_sec", 180, 0), "✅ cooldown 180 s → <b>0 s</b>"),
        (changed("pump_threshold", 3.0, 3.0), "✅ PUMP from <b>3 %</b>, as before"),
        (changed("pump_threshold", 3.0, 33.3333333333), "✅ PUMP from 3 % → <b>33.3333333333 %</b>"),
    ],
)
def test_a_change_shows_old_and_new_with_every_digit(change: NumberChange, line: str) -> None:
    assert text(NumbersChanged(changes=(change,))) == line


def test_two_changes_are_two_lines() -> None:
    reply = NumbersChanged(changes=(changed("oi_surge_1m", 3.0, 4.0), changed("oi_surge_5m", 6.0, 8.0)))
    assert text(reply, ZH) == "✅ 持仓 1 分钟阈值 3 % → <b>4 %</b>\n✅ 持仓 5 分钟阈值 6 % → <b>8 %</b>"


# --- refusals ----------------------------------------------------------------------------------------------------


def test_a_refusal_names_the_word_the_range_and_the_usage() -> None:
    reply = Refused(
        command="set_pump", reason=NotRead.OUT_OF_RANGE, word="<1000>", setting=SETTING_OF["pump_threshold"]
    )
    assert text(reply) == (
        "❌ /set_pump: <code>&lt;1000&gt;</code> is out of range. Nothing was changed.\n"
        "Allowed: 0.1 to 100 %.\n"
        "Usage: <code>/set_pump 5</code>\n"
        "a candle rises by so many percent"
    )


def test_a_setting_that_can_be_off_says_so() -> None:
    reply = Refused(command="set_vol", reason=Bad.MISSING, setting=SETTING_OF["vol_burst_mult"])
    assert "Allowed: 1 to 1000×, or 0 for off." in text(reply)


def test_a_range_without_a_setting_is_shown() -> None:
    reply = Refused(command="stats", reason=NotRead.OUT_OF_RANGE, word="721", low=1, high=720)
    assert "Allowed: 1 to 720." in text(reply)


def test_an_unlisted_contract_gets_its_suggestion() -> None:
    reply = SymbolsRefused(
        command="watch",
        unlisted=(
            Unlisted(given="pepe", suggestions=("1000PEPEUSDT",)),
            Unlisted(given="a&b", suggestions=()),
        ),
    )
    lines = text(reply).splitlines()
    assert lines[1] == "<code>pepe</code> is not listed; did you mean <code>1000PEPEUSDT</code>?"
    assert lines[2] == "<code>a&amp;b</code> is not listed"
    assert lines[3] == "Usage: <code>/watch [sol doge … | all]</code>"


def test_where_a_question_was_asked_nothing_could_be_changed() -> None:
    pepe = (Unlisted(given="pepe", suggestions=()),)
    for lang, said in (("en", "Nothing was changed"), ("zh", "未做任何更改"), ("ru", "Ничего не изменено")):
        for row in COMMANDS:
            refusals = (
                Refused(command=row.name, reason=Bad.NO_SUCH_WORD, word="x"),
                SymbolsRefused(command=row.name, unlisted=pepe),
                UniverseUnknown(command=row.name),
            )
            for reply in refusals:
                assert (said in text(reply, Style(lang=lang, tz=UTC))) is (row.answer is None), (row.name, reply)


def test_suggestions_are_listed_as_the_language_lists() -> None:
    unlisted = (Unlisted(given="sushi", suggestions=("SUIUSDT", "SOLUSDT")),)
    reply = SymbolsRefused(command="watch", unlisted=unlisted)
    chinese = text(reply, Style(lang="zh", tz=UTC)).splitlines()[1]
    assert chinese == "<code>sushi</code> 未上市；是否想用 <code>SUIUSDT</code>、<code>SOLUSDT</code>？"
    assert "<code>SUIUSDT</code>, <code>SOLUSDT</code>?" in text(reply)


def test_a_hundred_unlisted_words_are_counted_not_listed() -> None:
    reply = SymbolsRefused(command="watch", unlisted=tuple(Unlisted(given=f"x{i}", suggestions=()) for i in range(100)))
    assert "and 90 more" in text(reply)


def test_an_unknown_command_is_hinted() -> None:
    assert (
        text(UnknownCommand(name="pump", nearest="set_pump"))
        == "❔ There is no command /pump. Did you mean /set_pump? /help lists all."
    )
    assert text(UnknownCommand(name="zz", nearest="")) == "❔ There is no command /zz. /help lists all."


def test_what_stood_in_the_way_is_said_in_the_language_of_the_reader() -> None:
    line = "/srv/state.json cannot be written (No space left on device): free some space"
    full, forbidden = cause(line, CauseCode.DISK_FULL), cause("Permission denied", CauseCode.NOT_PERMITTED)
    cases = [
        (SaveFailed(command="set_pump", problem=full), "zh", "磁盘已满"),
        (SaveFailed(command="set_pump", problem=forbidden), "zh", "没有写入文件的权限"),
        (SaveFailed(command="set_pump", problem=forbidden), "ru", "нет права писать в файл"),
        (
            QueryFailed(command="history", problem=cause("database is locked", CauseCode.LOCKED)),
            "ru",
            "базу держит другая программа",
        ),
        (AnswerFailed(command="who", problem=cause("no answer within 10 s", CauseCode.NO_ANSWER)), "zh", "未及时应答"),
        (AnswerFailed(command="who", problem=cause("something nobody has seen before")), "ru", "см. журнал"),
    ]
    for reply, lang, reason in cases:
        assert text(reply, Style(lang=lang, tz=UTC)).splitlines()[-1] == reason
    assert text(cases[0][0]).splitlines()[-1] == line


def test_a_failed_save_gives_the_reason_escaped() -> None:
    reply = SaveFailed(command="set_pump", problem=cause("a<b cannot be written\n(No space left)"))
    assert text(reply) == ("❌ /set_pump: not saved, so nothing was changed.\na&lt;b cannot be written (No space left)")


# --- lists -------------------------------------------------------------------------------------------------------


def test_the_watchlist_says_how_to_clear_it() -> None:
    assert text(WatchlistShown(symbols=("BTCUSDT", "SOLUSDT"))) == (
        "👁 Only these 2 contracts are watched:\n"
        "BTCUSDT SOLUSDT\n"
        "<code>/watch all</code> clears the list: then every contract is watched again."
    )
    assert "Every contract is watched" in text(WatchlistShown(symbols=()))


def test_a_watchlist_change_tells_old_and_new() -> None:
    reply = WatchlistChanged(
        old=(),
        new=("BTCUSDT", "SOLUSDT"),
        added=("BTCUSDT",),
        already=("SOLUSDT",),
        muted_too=("BTCUSDT",),
    )
    assert text(reply).splitlines() == [
        "✅ Watchlist: every contract → <b>2 contracts</b>",
        "Added: BTCUSDT",
        "Already on it: SOLUSDT",
        "Now: BTCUSDT SOLUSDT",
        "⚠️ Muted, so still silent: BTCUSDT (/unmute)",
    ]


def test_an_emptied_watchlist_warns() -> None:
    reply = WatchlistChanged(old=("SOLUSDT",), new=(), removed=("SOLUSDT",))
    assert text(reply).splitlines() == [
        "✅ Watchlist: 1 contract → <b>every contract</b>",
        "Removed: SOLUSDT",
        "⚠️ The list is empty now: <b>every contract is watched again</b>.",
    ]


def test_mutes_tell_until_when_with_the_zone() -> None:
    reply = MutedChanged(
        changes=(("DOGEUSDT", NOT_MUTED, NOW_S + 7200), ("SOLUSDT", NOT_MUTED, NOW_S + 7200), ("BTCUSDT", 5, None)),
        absent=("XUSDT",),
        muted_count=3,
    )
    assert text(reply).splitlines() == [
        "✅ DOGEUSDT SOLUSDT muted until 2026-09-21 16:13:20 UTC",
        "✅ BTCUSDT muted for good (until 1970-01-01 00:00:05 UTC before)",
        "Was not muted: XUSDT",
        "Muted now: 3",
    ]


def test_the_muted_are_listed_for_good_first_then_by_end() -> None:
    reply = MutedShown(muted={"BUSDT": NOW_S + 9, "AUSDT": NOW_S + 10, "ZUSDT": None})
    assert text(reply, ZH).splitlines()[:4] == [
        "🔇 已静音：3",
        "ZUSDT",
        "BUSDT 至 2026-09-21 22:13:29 UTC+08",
        "AUSDT 至 2026-09-21 22:13:30 UTC+08",
    ]


# --- status ------------------------------------------------------------------------------------------------------


def test_status_shows_live_health_then_settings() -> None:
    reply = structs.replace(
        status(pump_threshold=2.75, oi_surge_5m=0.0, watchlist=frozenset({"SOLUSDT"}), muted={"DOGEUSDT": NOW_S + 60}),
        overridden=frozenset({"pump_threshold"}),
    )
    assert text(reply).splitlines() == [
        "🟢 <b>Health: ok</b>",
        "Feed: 558/560 symbols, last data 0.3 s ago",
        "Connections 1, reconnects 2",
        "OI sweep: 12 s ago, 99.8 % of the symbols, one takes 1 min",
        "Outbox: 3 waiting, the oldest for 4.3 s, 120 sent, 1 failed",
        "Exchange requests: free, weight 540/2400",
        "Detected in 35 ms (p99 90 ms), delivered in 210 ms (p99 900 ms)",
        "Restarted parts: feed 2×",
        "altmonitor 0.1.0, up 2 d 4 h",
        "",
        "⚙️ <b>Settings</b>",
        "PUMP from <b>2.75 %</b> · changed by command",
        "DUMP from <b>−3 %</b>",
        "OI 1 m from <b>3 %</b>",
        "OI 5 m <b>off</b>",
        "volume from <b>5×</b> the median of 20 candles and $50K",
        "cooldown <b>180 s</b>",
        "60 s window on · OI below $1M is left out",
        "watching 1:",
        "SOLUSDT",
        "muted 1:",
        "DOGEUSDT until 14:14:20 UTC",
    ]


def test_status_of_a_blind_monitor_says_since_when_and_why() -> None:
    vitals = replace(
        VITALS,
        feed=replace(VITALS.feed, last_frame_age_s=75.0, is_blind=True),
        guard=GuardStatus(
            state="blocked", until_ms=(NOW_S + 120) * 1000, reason=cause("418 <banned>"), weight_used=2400
        ),
        outbox=OutboxStatus(queued=9, oldest_age_s=90.0, trouble=cause("429 & waiting")),
    )
    lines = text(status(assess(vitals))).splitlines()
    assert lines[:5] == [
        "🔴 <b>Health: down</b>",
        "– no market data",
        "– messages are late",
        "– the exchange limits our requests",
        "🔴 <b>BLIND since 14:12:05 UTC</b> (1 min 15 s); 558/560 symbols",
    ]
    assert "Delivery trouble: 429 &amp; waiting" in lines
    assert "Exchange requests: blocked until 14:15:20 UTC, weight 2400/2400" in lines
    assert "Reason: 418 &lt;banned&gt;" in lines


def test_status_before_anything_is_known_invents_nothing() -> None:
    vitals = Vitals(
        feed=FeedStatus(),
        sweep=SweepStatus(),
        outbox=OutboxStatus(),
        guard=GuardStatus(state="open"),
        latency=LatencyStatus(),
        uptime_s=3.0,
        version="0.1.0",
    )
    lines = text(status(assess(vitals))).splitlines()
    assert lines[:2] == ["🟡 <b>Health: degraded</b>", "– still starting"]
    assert "Feed: 0/0 symbols, no data yet" in lines
    assert "OI sweep: none finished yet" in lines
    assert "Latency: no alert yet" in lines


def test_seven_hundred_muted_names_arrive_in_parts_and_all_of_them() -> None:
    names = [f"COIN{number:04d}USDT" for number in range(700)]
    parts = reply_parts(status(muted=dict.fromkeys(names)), EN)
    assert len(parts) == 3
    assert all(n.utf16_len(part) <= 4096 for part in parts)
    assert [word for word in " ".join(parts).split() if word.startswith("COIN")] == names


def test_mutes_that_ended_are_not_shown() -> None:
    assert "nothing is muted" in text(status(muted={"DOGEUSDT": NOW_S - 1}))


# --- history and stats -------------------------------------------------------------------------------------------


def history(*alerts: StoredAlert, **changes: object) -> HistoryShown:
    plain = HistoryShown(alerts=alerts, limit=10, symbol=None, kind=None, now_s=NOW_S)
    return structs.replace(plain, **changes)  # type: ignore[arg-type]


def test_history_shows_when_what_how_much_and_whether_it_was_told() -> None:
    reply = history(
        told(),
        told("DOGEUSDT", "queued", kind="vol", direction="UP", metric=8.25),
        told(
            "<X>USDT",
            "failed",
            kind="oi",
            direction="DOWN",
            metric=-6.04,
            note="5m",
            price=None,
            event_ms=(NOW_S - 86_400) * 1000,
        ),
        told("AUSDT", None, late=True),
    )
    assert text(reply).splitlines() == [
        "🕘 <b>Last 4 alerts</b>, newest first",
        "14:12:20 UTC · 📈 <b>PUMP</b> <code>SOLUSDT</code> +4.05 % in 1 m · 150.25 · sent",
        "14:12:20 UTC · 📊 <b>VOLUME</b> <code>DOGEUSDT</code> 8.3× in 1 m · 150.25 · waiting",
        "2026-09-20 14:13:20 UTC · 🔽 <b>OI DROP</b> <code>&lt;X&gt;USDT</code> −6.0 % in 5 m · not delivered",
        "14:12:20 UTC · ⏳ <b>LATE</b> 📈 <b>PUMP</b> <code>AUSDT</code> +4.05 % in 1 m · 150.25",
    ]


def test_history_of_a_day_with_nothing_says_so() -> None:
    reply = history(told(event_ms=(NOW_S - 15 * 3600) * 1000), told("DOGEUSDT", event_ms=(NOW_S - 50 * 3600) * 1000))
    for style, said in (
        (EN, "Nothing today; the last ones before:"),
        (Style(lang="zh", tz=UTC), "今天没有提醒，此前最近的："),
        (Style(lang="ru", tz=UTC), "Сегодня ничего не было; последнее до этого:"),
    ):
        _, today, first, _ = text(reply, style).splitlines()
        assert (today, "2026-09-20 23:13:20 UTC" in first) == (said, True)
    elsewhere = Style(lang="en", tz=timezone(timedelta(hours=1)))  # there it was today
    assert "Nothing today" not in text(reply, elsewhere)


def test_a_named_day_is_said_once_with_its_zone_and_its_rows_without_it() -> None:
    eve = (NOW_S - 15 * 3600) * 1000
    kolkata = timezone(timedelta(hours=5.5))
    cases = {
        ("en", 1, False): ["🕘 <b>One alert on 2026-09-20 UTC</b>"],
        ("en", 2, False): ["🕘 <b>2 alerts on 2026-09-20 UTC</b>, newest first"],
        ("zh", 2, True): ["🕘 <b>2026-09-20 UTC 最后 2 条提醒</b>，新的在前；当天还有更多"],
        ("ru", 2, True): ["🕘 <b>Последние алерты за 2026-09-20 UTC: 2</b>, новые сверху; за этот день есть ещё"],
    }
    for (lang, count, has_more), title in cases.items():
        reply = history(*[told(event_ms=eve)] * count, day=date(2026, 9, 20), has_more=has_more)
        lines = text(reply, Style(lang=lang, tz=UTC)).splitlines()
        assert lines[:1] == title
        assert [line[:13] for line in lines[1:]] == ["23:13:20 UTC "] * count
    elsewhere = text(history(told(event_ms=eve), day=date(2026, 9, 21)), Style(lang="en", tz=kolkata)).splitlines()
    assert elsewhere[0] == "🕘 <b>One alert on 2026-09-21 UTC+05:30</b>"
    assert elsewhere[1].startswith("04:43:20 UTC+05:30 · ")


def test_a_named_day_with_nothing_says_so_and_whether_it_is_still_kept() -> None:
    empty = history(day=date(2026, 9, 20), kept_days=90)
    assert text(empty) == "🕘 No alerts on 2026-09-20 UTC."
    assert text(empty, Style(lang="zh", tz=UTC)) == "🕘 2026-09-20 UTC 没有提醒。"
    of_sol = structs.replace(empty, symbol="SOLUSDT", kind="vol")
    assert text(of_sol) == "🕘 No alerts on 2026-09-20 UTC for <code>SOLUSDT</code> · volume."
    old = structs.replace(empty, day=date(2026, 6, 1))
    assert text(old).splitlines() == [
        "🕘 No alerts on 2026-06-01 UTC.",
        "Alerts are kept for 90 days; that day is further back.",
    ]
    assert text(old, Style(lang="ru", tz=UTC)).splitlines()[1] == "Алерты хранятся 90 дн.; этот день раньше."


def test_status_names_what_is_watched_and_does_not_exist() -> None:
    watched = status(watchlist=frozenset({"SOLUSDT", "LUNAUSDT", "FTTUSDT"}))
    assert "not listed" not in text(watched)
    warned = msgspec.structs.replace(watched, unlisted=("FTTUSDT", "LUNAUSDT"))
    lines = text(warned).splitlines()
    assert lines[lines.index("watching 3:") + 2] == "⚠️ not listed, nothing comes of: FTTUSDT LUNAUSDT"
    assert "⚠️ not listed, nothing comes of: FTTUSDT LUNAUSDT" in status_board(warned, EN).html


def test_history_says_what_it_was_filtered_by() -> None:
    reply = history(told(), symbol="SOLUSDT", kind="price")
    assert text(reply).splitlines()[:2] == ["🕘 <b>Last alert</b>", "Filter: <code>SOLUSDT</code> · price"]


def test_an_empty_history_says_so_and_suggests() -> None:
    assert text(history()) == "🕘 No alerts stored yet."
    reply = history(symbol="PEPEUSDT", suggestions=("1000PEPEUSDT",))
    assert text(reply) == ("🕘 No alerts stored for <code>PEPEUSDT</code>.\nDid you mean <code>1000PEPEUSDT</code>?")


def test_stats_count_by_kind_and_symbol() -> None:
    stats = AlertStats(total=5, by_kind={"price": 3, "vol": 2}, by_symbol=[("SOLUSDT", 4), ("BTCUSDT", 1)])
    assert text(StatsShown(hours=24, stats=stats)).splitlines() == [
        "📈 <b>5 alerts in 24 h</b>",
        "By kind: price 3 · volume 2",
        "Most frequent:",
        "4× <code>SOLUSDT</code>",
        "1× <code>BTCUSDT</code>",
    ]
    one = AlertStats(total=1, by_kind={"price": 1}, by_symbol=[("SOLUSDT", 1)])
    assert text(StatsShown(hours=24, stats=one)).splitlines()[0] == "📈 <b>1 alert in 24 h</b>"
    assert text(StatsShown(hours=24, stats=AlertStats())) == "📈 No alerts in 24 h."


def test_uptime_says_since_when_and_what_failed_meanwhile() -> None:
    shown = UptimeShown(since_ms=(NOW_S - 90_061) * 1000, now_s=NOW_S, version="1.2.3", restarts={}, blind_s=0.0)
    assert text(shown).splitlines() == [
        "altmonitor 1.2.3, up 1 d 1 h",
        "Running since 2026-09-20 13:12:19 UTC",
        "Market data without a gap",
        "No part had to be restarted",
    ]
    shown = structs.replace(shown, restarts={"delivery": 2, "oi sweep": 1}, blind_s=181.4)
    assert text(shown).splitlines()[2:] == [
        "Without market data for 3 min 1 s of that (0.20 %)",
        "Restarted parts: delivery 2×, oi sweep 1×",
    ]


# --- every reply, both languages -----------------------------------------------------------------------------------

SYMBOLS = tuple(f"<&\"'币安人生{number}>USDT" + "X" * 60 for number in range(700))
LONGEST: list[Reply] = [
    *(Refused(command=row.name, reason=reason, word="&" * 40) for row in COMMANDS for reason in Bad),
    *(
        Refused(command=setting.command, reason=reason, word="<" * 40, setting=setting)
        for setting in SETTINGS
        for reason in NotRead
    ),
    UnknownCommand(name="&" * 32, nearest="status"),
    NotUnderstood(),
    NothingToReset(keys=tuple(SETTING_OF), parts=PARTS),
    NotUnderstood(meant=("/price SOLUSDT",)),
    NotUnderstood(is_text=False),
    SymbolsRefused(command="mute", unlisted=tuple(Unlisted(given="&" * 40, suggestions=SYMBOLS[:3]) for _ in SYMBOLS)),
    UniverseUnknown(command="watch"),
    SaveFailed(command="mute", problem=cause("<" * 5000)),
    QueryFailed(command="stats", problem=cause("&" * 5000)),
    HistoryOff(command="history"),
    *more_replies.LONGEST,
    *position_replies.LONGEST,
    *trader_replies.LONGEST,
    UptimeShown(
        since_ms=0, now_s=NOW_S, version="&" * 40, restarts={f"<{n}>" * 9: n for n in range(9)}, blind_s=90_000.0
    ),
    VenuesShown(
        venues=tuple(
            VenueStatus(
                venue=venue,
                feed=FeedStatus(last_frame_age_s=90_000.0, symbols_expected=99_999, symbols_covered=99_999),
                sweep=SweepStatus(),
                guard=GuardStatus(state="blocked", until_ms=NOW_S * 1000),
                clock_ms=99_999.0,
            )
            for venue in VENUE_NAMES
        ),
        off=VENUE_NAMES,
        now_s=NOW_S,
    ),
    *(StatusPin(is_on=is_on, was_on=was_on) for is_on in (True, False) for was_on in (True, False)),
    NumbersChanged(changes=tuple(changed(s.key, s.low, s.high) for s in SETTINGS), is_reset=True),
    OverridesShown(changes=tuple(changed(s.key, s.low, s.high) for s in SETTINGS)),
    OverridesShown(changes=()),
    WatchlistShown(symbols=SYMBOLS),
    WatchlistShown(symbols=SYMBOLS[:1]),
    WatchlistChanged(
        old=SYMBOLS, new=SYMBOLS, added=SYMBOLS, removed=SYMBOLS, already=SYMBOLS, absent=SYMBOLS, muted_too=SYMBOLS
    ),
    MutedShown(muted={}),
    MutedShown(muted=dict.fromkeys(SYMBOLS, NOW_S)),
    MutedChanged(changes=tuple((symbol, NOT_MUTED, None) for symbol in SYMBOLS), absent=SYMBOLS, muted_count=700),
    MutedChanged(changes=tuple((symbol, None, i) for i, symbol in enumerate(SYMBOLS)), muted_count=700),
    status(watchlist=frozenset(SYMBOLS), muted=dict.fromkeys(SYMBOLS), min_24h_usdt=1e9, vol_burst_mult=0.0),
    status(
        assess(
            replace(
                VITALS,
                outbox=OutboxStatus(trouble=cause("&" * 5000)),
                guard=GuardStatus(state="<new state>", reason=cause("<" * 5000)),
                loops=tuple(LoopStatus(name="&" * 64, restarts=9, failures_in_row=9) for _ in range(9)),
            )
        )
    ),
    history(*(told(symbol, late=True) for symbol in SYMBOLS[:50]), symbol=SYMBOLS[0], kind="oi"),
    history(symbol=SYMBOLS[0], suggestions=SYMBOLS[:3]),
    OutcomesShown(
        summary=OutcomeSummary(
            since_ms=0,
            alerts=10**6,
            pending=10**6,
            earlier=10**6,
            fee_pct=5.0,
            rows=tuple(
                OutcomeRow(
                    kind=kind,
                    direction=None,
                    quadrant=None,
                    horizon_min=horizon,
                    alerts=10**6,
                    unknown=0,
                    moments=10**5,
                    blocks=99,
                    hit=1.0,
                    hit_low=0.99,
                    hit_high=1.0,
                    control_hit=1.0,
                    median_pct=-99.99,
                    verdict="too_few",
                )
                for kind in DETECTED_KINDS
                for horizon in HORIZONS_MIN
            ),
            forward=(),
        ),
        now_s=NOW_S,
    ),
    StatsShown(hours=720, stats=AlertStats(total=9, by_kind={"oi": 9}, by_symbol=[(s, 9) for s in SYMBOLS[:10]])),
    HelpShown(),
    HelpShown(is_start=True),
]


class Balanced(HTMLParser):
    """Fails on tags Telegram does not know or that are not closed in order."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in {"b", "i", "code"}
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.mark.parametrize("style", [EN, ZH, RU], ids=["en", "zh", "ru"])
def test_every_reply_fits_and_is_whole_html(style: Style) -> None:
    assert [found for reply in LONGEST for found in unfit(reply, style)] == []


def unfit(reply: Reply, style: Style) -> list[str]:
    parts = reply_parts(reply, style)
    return [f"{reply}: {part!r}" for part in parts if not is_fit(part)] or ([] if parts else [f"{reply}: no text"])


def is_fit(part: str) -> bool:
    page = Balanced()
    page.feed(part)
    return 0 < n.utf16_len(part) <= 4096 and page.open == []


def kinds_of_replies() -> set[type[PlainReply]]:
    modules = [import_module(f"altmonitor.commands.{found.name}") for found in iter_modules(commands.__path__)]
    return {kind for module in modules for kind in vars(module).values() if is_concrete_reply(kind)}


def is_concrete_reply(kind: object) -> bool:
    return isinstance(kind, type) and issubclass(kind, PlainReply) and kind not in (PlainReply, DestinationReply)


def test_every_kind_of_reply_was_rendered() -> None:
    assert {type(reply) for reply in LONGEST} == kinds_of_replies() | {Placed, Unrecorded}


def test_every_button_has_its_label_and_a_command_that_is_understood() -> None:
    buttons = {button for reply in LONGEST for button in plain(reply).buttons}
    assert len(buttons) > 10
    assert [button for button in buttons if not is_understood(button.action)] == []
    assert [
        (button, lang)
        for button in buttons
        for lang in ("en", "zh", "ru")
        if button.label_key not in REPLY_TEXTS[lang] and "/" not in button.label_key
    ] == []


def is_understood(action: str) -> bool:
    return len(action.encode()) <= ACTION_BYTES_MAX and (action == CANCEL or isinstance(parse(action), Command))


@given(lengths=st.lists(st.integers(min_value=0, max_value=4096), max_size=30))
def test_packing_keeps_every_line_and_the_limit(lengths: list[int]) -> None:
    lines = ["x" * length for length in lengths]
    parts = packed(lines)
    assert all(n.utf16_len(part) <= 4096 for part in parts)
    assert [line for part in parts for line in part.split("\n") if line] == [line for line in lines if line]


def test_characters_outside_the_basic_plane_count_twice() -> None:
    assert [n.utf16_len(part) for part in packed(["🚀" * 1024, "🚀" * 1023, "🚀"])] == [4095, 2]


# --- the tables --------------------------------------------------------------------------------------------------


def placeholders(sentence: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(sentence) if name}


@pytest.mark.parametrize("lang", ["zh", "ru"])
def test_every_language_has_the_same_keys_and_placeholders(lang: str) -> None:
    english, other = REPLY_TEXTS["en"], REPLY_TEXTS[lang]
    assert set(english) == set(other)
    assert {key: placeholders(english[key]) for key in english} == {key: placeholders(other[key]) for key in other}


@pytest.mark.parametrize("lang", ["en", "zh", "ru"])
def test_every_text_closes_the_tags_it_opens(lang: str) -> None:
    for sentence in REPLY_TEXTS[lang].values():
        page = Balanced()
        page.feed(sentence)
        assert page.open == []


def test_no_text_stands_in_two_tables() -> None:
    assert sum(len(table["en"]) for table in TABLES) == len(REPLY_TEXTS["en"])


SIGNS_ONLY = {
    "done",
    "override",
    "override_of",
    "value_of",
    "help_row",
    "change_row",
    "condition_row",
    "condition_added",
    "top_row",
    "price_changes",
    "oi_contracts",
    "oi_changed",
    "chart_of",
    "price_of",
}
"""Nothing but values and signs."""


def test_russian_is_written_in_russian() -> None:
    plain = {key for key, sentence in REPLY_TEXTS["ru"].items() if not re.search("[а-яА-Я]", sentence)}
    assert plain == SIGNS_ONLY | {"compare_row", "of_symbol", "preset_row", "refused", "route_row", "trader_title"}


def test_english_holds_no_chinese_and_chinese_does() -> None:
    def has_cjk(sentence: str) -> bool:
        return any("\u3000" <= char <= "\u9fff" or "\uff00" <= char <= "\uffef" for char in sentence)

    assert [key for key, sentence in REPLY_TEXTS["en"].items() if has_cjk(sentence)] == []
    assert [key for key, sentence in REPLY_TEXTS["ru"].items() if has_cjk(sentence)] == []
    unmarked = {key for key, sentence in REPLY_TEXTS["zh"].items() if not has_cjk(sentence)}
    assert unmarked == SIGNS_ONLY - {"override_of", "value_of"} | {"setting_from", "value_from", "of_symbol"}


@pytest.mark.parametrize("lang", ["en", "zh", "ru"])
def test_every_key_named_elsewhere_has_its_text(lang: str) -> None:
    keys = {
        *(row.help_key for row in COMMANDS),
        *(reason.value for reason in Bad),
        *(reason.value for reason in NotRead),
        *(setting.key for setting in SETTINGS),
        *(f"reason_{reason.value}" for reason in Reason),
        *(f"health_{verdict.value}" for verdict in Status),
        *(f"guard_{state}" for state in ("open", "waiting", "blocked", "probing")),
        *(f"delivery_{state}" for state in get_args(DeliveryState)),
        *(f"kind_{kind}" for kind in ("price", "oi", "vol")),
        *(f"topic_{topic}" for topic in TOPICS),
        *(f"rule_{rule}" for rule in RULES),
        *(f"verdict_{verdict.name.lower()}" for verdict in Verdict),
        *(f"preset_{name}" for name in PRESETS),
        *(f"lang_{name}" for name in LANGUAGES),
        *(reason.value for reason in NoRoute),
    }
    assert keys - set(REPLY_TEXTS[lang]) == set()


@pytest.mark.parametrize("lang", ["en", "zh", "ru"])
def test_the_menu_describes_every_command_within_telegrams_limits(lang: str) -> None:
    menu = command_menu(lang)
    assert [name for name, _ in menu] == [row.name for row in COMMANDS]
    for name, description in menu:
        assert name.replace("_", "").isalnum()
        assert 1 <= len(name) <= 32
        assert 3 <= len(description) <= 256
        assert "<" not in description


@pytest.mark.parametrize("style", [EN, ZH, RU], ids=["en", "zh", "ru"])
def test_help_lists_every_command_with_its_usage_under_its_topic(style: Style) -> None:
    parts = reply_parts(HelpShown(), style)
    assert len(parts) <= 2
    page = "\n".join(parts)
    for row in COMMANDS:
        assert html.escape(row.usage, quote=False) in page or row.name == "start"
    headings = [page.index(REPLY_TEXTS[style.lang][f"topic_{topic}"]) for topic in TOPICS]
    assert headings == sorted(headings)


def test_a_group_is_not_offered_what_only_a_private_chat_needs() -> None:
    everywhere = {name for name, _ in command_menu("en")}
    assert {name for name, _ in command_menu("en", "private")} == everywhere
    assert everywhere - {name for name, _ in command_menu("en", "group")} == {"start"}


def test_every_reply_is_told_by_somebody() -> None:
    """A reply that no module of render/ registered would end in a TypeError when it is first given."""
    nobody = reply_lines.dispatch(object)
    assert [kind.__name__ for kind in kinds_of_replies() if reply_lines.dispatch(kind) is nobody] == []
