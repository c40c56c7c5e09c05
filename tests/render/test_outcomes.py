"""What is said of outcomes in the chat: numbers with their uncertainty, in three languages, and no advice."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest

from altmonitor.commands.outcomes import OutcomesShown
from altmonitor.commands.replies import StatsShown
from altmonitor.core.alert import AlertStats, Details, OutcomeLine
from altmonitor.core.outcome import OutcomeRow, OutcomeSummary
from altmonitor.render import replies  # noqa: F401 – registers what is said of counts
from altmonitor.render.alerts import alert_html
from altmonitor.render.blocks import reply_lines
from altmonitor.render.format import Style, without_markup
from altmonitor.settings.zones import zone_of
from tests.storage.samples import pump

EN, ZH, RU = (Style(lang=lang, tz=zone_of("UTC")) for lang in ("en", "zh", "ru"))
LINE = OutcomeLine(moments=20, went_on=12, median_pct=0.8, minutes=15, is_chance=False)
ADVICE = (
    "buy",
    "sell",
    "should",
    "recommend",
    "signal",
    "profit",
    "买",
    "卖",
    "建议",
    "купи",
    "прода",
    "совет",
    "стоит",
)


def line_on(style: Style, line: OutcomeLine | None) -> str:
    alert = pump(details=Details(threshold=3.0, outcomes=line))
    return next((text for text in alert_html(alert, style, maybe_repeated=False).splitlines() if "📐" in text), "")


def test_a_chat_that_does_not_want_the_line_gets_alerts_without_it() -> None:
    line = OutcomeLine(moments=20, went_on=12, median_pct=0.8, minutes=15, is_chance=False)
    assert line_on(EN, line)
    assert line_on(replace(EN, has_outcome_line=False), line) == ""


def row(horizon_min: int = 15, **fields: object) -> OutcomeRow:
    known = OutcomeRow(
        kind="price",
        direction=None,
        quadrant=None,
        horizon_min=horizon_min,
        alerts=120,
        unknown=0,
        moments=45,
        blocks=14,
        median_pct=0.1,
        hit=24 / 45,
        hit_low=0.4,
        hit_high=0.64,
        control_hit=0.5,
        verdict="like_chance",
    )
    return replace(known, **fields)  # type: ignore[arg-type]


def summary(*rows: OutcomeRow, **fields: object) -> OutcomeSummary:
    known = OutcomeSummary(
        since_ms=1_790_000_000_000, alerts=120, pending=3, earlier=0, fee_pct=0.05, rows=rows, forward=()
    )
    return replace(known, **fields)  # type: ignore[arg-type]


def said(found: OutcomeSummary, style: Style = EN) -> list[str]:
    return [without_markup(line) for line in reply_lines(OutcomesShown(summary=found, now_s=1_790_000_000.0), style)]


@pytest.mark.parametrize(
    ("style", "wanted"),
    [
        (EN, "📐 last 20 like this: 12 went on, median +0.80 % in 15 min"),
        (ZH, "📐 最近 20 次类似情形：12 次延续，15 分钟中位数 +0.80 %"),
        (RU, "📐 последние 20 таких: продолжились 12, медиана +0.80 % за 15 мин"),
    ],
)
def test_the_line_on_an_alert(style: Style, wanted: str) -> None:
    assert line_on(style, LINE) == wanted
    of_chance = line_on(style, msgspec.structs.replace(LINE, is_chance=True))
    assert of_chance.startswith(wanted)
    assert len(of_chance) > len(wanted)
    assert line_on(style, None) == ""


def test_the_line_says_so_where_it_is_like_chance() -> None:
    assert line_on(EN, msgspec.structs.replace(LINE, is_chance=True)).endswith("; not distinguishable from chance")


def test_outcomes_are_told_by_kind_and_horizon_with_their_uncertainty() -> None:
    more = row(60, verdict="more_than_chance", hit=40 / 45)
    few = row(1_440, moments=1, hit=1.0)
    assert said(summary(row(), more, few)) == [
        "📐 What followed 120 alerts, recorded since 2026-09-21 14:13:20 UTC",
        "price: 120 alerts",
        "15 min: 24 of 45 went on (40–64 %), median +0.10 %; comparable minutes 50 % · not distinguishable from chance",
        "1 h: 40 of 45 went on (40–64 %), median +0.10 %; comparable minutes 50 % · more than chance",
        "1 d: moments known: 1",
        "Still being watched: 3",
        "Counted in independent moments: a market-wide storm is one. In the alert's direction, from the first minute "
        "after the message, before fees (0.05 % a side).",
    ]


def test_what_was_raised_since_the_last_change_is_told_by_itself_once_it_differs() -> None:
    assert "Under the settings in force now:" not in said(summary(row(), forward=(row(),)))
    lines = said(summary(row(), forward=(row(alerts=30, moments=20, hit=0.5),), earlier=4))
    at = lines.index("Under the settings in force now:")
    assert lines[at + 1].startswith("price · 15 min: 10 of 20 went on")
    assert "Recorded with earlier detectors and left out: 4" in lines


def test_before_anything_is_measured_it_says_so() -> None:
    assert said(summary(alerts=0)) == [
        "📐 Nothing is measured yet: alerts are looked at after 15 min, 1 h, 4 h and 24 h.",
        "Still being watched: 3",
    ]


def test_stats_have_a_part_of_it() -> None:
    stats = AlertStats(total=1, by_kind={"price": 1}, by_symbol=[("SOLUSDT", 1)])
    lines = reply_lines(StatsShown(hours=24, stats=stats, outcomes=(row(),)), EN)
    assert lines[-2:] == [
        "What followed alerts so far:",
        "price · 15 min: 24 of 45 went on (40–64 %), median +0.10 %; comparable minutes 50 % · "
        "not distinguishable from chance",
    ]


@pytest.mark.parametrize("style", [EN, ZH, RU])
def test_nothing_of_it_is_advice(style: Style) -> None:
    found = summary(
        row(), row(60, verdict="more_than_chance"), row(240, verdict="too_few"), earlier=2, forward=(row(alerts=1),)
    )
    text = " ".join([*said(found, style), line_on(style, LINE)]).lower()
    assert [word for word in ADVICE if word in text] == []
