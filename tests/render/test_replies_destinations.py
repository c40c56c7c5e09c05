"""Answers about one destination as exact text, in the language of the chat."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, timedelta, timezone

import pytest
from msgspec import structs

from altmonitor.commands.replies import NotPermitted, Placed, Reply, StatusShown, Unrecorded, number_change
from altmonitor.commands.replies_market import Explained, FundingShown, OpenInterestShown, PriceShown, TopShown
from altmonitor.commands.replies_settings import (
    BudgetProposed,
    Changed,
    ChangesShown,
    ConditionAdded,
    ConfirmAsked,
    LanguageShown,
    QuietShown,
    RouteShown,
    SymbolNumbersShown,
    TrialShown,
    Undone,
    ZoneShown,
)
from altmonitor.core.alert import Alert, Details, OutcomeLine, StoredAlert
from altmonitor.core.types import Destination, Fraction, Venue
from altmonitor.detectors.verdict import Explanation, Rule, RuleCheck, Verdict
from altmonitor.interfaces.queries import FundingFacts, OpenInterestFacts, PriceFacts, Top, TopRow
from altmonitor.positioning.funding import FundingSource, VenueFunding
from altmonitor.render.format import Style
from altmonitor.render.replies import reply_parts
from altmonitor.settings.audience import Audience, QuietHours
from altmonitor.settings.changes import NOT_MUTED, ChangeMade, Difference, RecordedChange
from altmonitor.settings.conditions import Condition, FundingCrosses, PriceCrosses, PriceMoves
from altmonitor.settings.presets import BudgetProposal, BudgetRow, ThresholdRow, Trial, TrialMove, TrialRow
from altmonitor.settings.settings import Settings
from altmonitor.settings.state import DestinationOverrides
from tests.fakes import cause
from tests.render.test_replies import FINE

NOW_S = 1_790_000_000  # 2026-09-21 14:13:20 UTC
NOW_MS = NOW_S * 1000
MAIN = Destination(chat_id=-1001)
TOPIC = Destination(chat_id=-1002, topic_id=7)
EN = Style(lang="en", tz=UTC)
ZH = Style(lang="zh", tz=timezone(timedelta(hours=8)))
RU = Style(lang="ru", tz=timezone(timedelta(hours=3)))


def lines(reply: Reply, style: Style = EN) -> list[str]:
    (part,) = reply_parts(reply, style)
    return part.splitlines()


# --- what changed ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("difference", "line"),
    [
        (Difference(key="min_24h_usdt", old=0.0, new=2e6), "✅ 24 h volume floor: off → <b>$2M</b>"),
        (Difference(key="oi_min_usd", old=1e6, new=1_234_567.0), "✅ OI floor $1M → <b>$1.234567M</b>"),
        (Difference(key="move_5m_pct", old=None, new=4.0), "✅ move in 5 m: default → <b>from 4 %</b>"),
        (
            Difference(key="pump_threshold", old=8.0, new=None, symbol="SOLUSDT"),
            "✅ SOLUSDT · PUMP: from 8 % → <b>default</b>",
        ),
        (
            Difference(key="quiet", old="off", new=QuietHours(begin_minute=1380, end_minute=420)),
            "✅ quiet hours: off → <b>23:00-07:00</b>",
        ),
        (Difference(key="lang", old="en", new="en"), "✅ language: <b>English</b>, as before"),
        (
            Difference(key="kinds", old=frozenset({"oi", "price"}), new=frozenset()),
            "✅ route: price, OI → <b>nothing</b>\nRemoved: price, OI",
        ),
        (Difference(key="is_silent", old=0, new=1), "✅ sound: loud → <b>silent</b>"),
        (Difference(key="budget", old=None, new=20), "✅ budget: default → <b>20 a day</b>"),
        (Difference(key="budget", old=20, new=0), "✅ budget: 20 a day → <b>off</b>"),
        (Difference(key="condition", old=None, new="btc > 70k"), "✅ + condition btc &gt; 70k"),
        (Difference(key="condition", old="btc > 70k", new=None), "✅ − condition btc &gt; 70k"),
        (
            Difference(key="muted", old=NOT_MUTED, new=None, symbol="DOGEUSDT"),
            "✅ DOGEUSDT muted for good",
        ),
        (
            Difference(key="muted", old=NOW_S, new=NOT_MUTED, symbol="DOGEUSDT"),
            "✅ DOGEUSDT not muted any more (muted until 2026-09-21 14:13:20 UTC before)",
        ),
    ],
)
def test_a_change_names_what_old_and_new(difference: Difference, line: str) -> None:
    assert lines(Changed(differences=(difference,))) == line.split("\n")


def test_a_question_says_what_would_be_lost_and_how_to_go_on() -> None:
    lost = Difference(key="watchlist", old=frozenset({"SOLUSDT", "BTCUSDT"}), new=frozenset())
    assert lines(ConfirmAsked(command="watch", action="/watch all", losses=(lost,))) == [
        "❓ <code>/watch all</code> would change this:",
        "watchlist: 2 contracts → <b>every contract</b>",
        "Removed: BTCUSDT SOLUSDT",
        "Nothing was changed yet: press a button, or type <code>/watch all yes</code>.",
    ]


def test_the_place_is_named_where_there_are_several() -> None:
    shown = QuietShown(quiet=None)
    assert lines(Placed(destination=MAIN, is_main=True, reply=shown))[0] == "📍 main chat <code>-1001</code>"
    assert lines(Placed(destination=TOPIC, is_main=False, reply=shown), RU)[0] == "📍 чат <code>-1002/7</code>"


def test_a_change_without_a_record_warns() -> None:
    reply = Unrecorded(
        reply=Changed(differences=(Difference(key="is_silent", old=0, new=1),)), problem=cause("a<b is locked")
    )
    assert lines(reply) == [
        "✅ sound: loud → <b>silent</b>",
        "⚠️ In force and saved, but not recorded, so /undo cannot take it back.",
        "a&lt;b is locked",
    ]


def test_changes_tell_when_who_what_and_whether_it_was_taken_back() -> None:
    made = ChangeMade(
        at_ms=NOW_MS - 86_400_000,
        who="<ann>",
        user_id=7,
        destination=MAIN,
        command="/set_pump 5",
        before=DestinationOverrides(),
        after=DestinationOverrides(),
    )
    differences = (Difference(key="pump_threshold", old=None, new=5.0),)
    change = RecordedChange(id=1, made=made, undone_by=2)
    assert lines(ChangesShown(rows=((change, differences),), now_s=NOW_S), ZH) == [
        "📝 <b>最近的更改</b>，新的在前",
        "2026-09-20 22:13:20 UTC+08 · &lt;ann&gt; · <code>/set_pump 5</code>",
        "   拉升阈值：默认 → <b>5 %</b>",
        "   ↩️ 之后已撤销",
    ]
    assert lines(Undone(change=change, differences=differences, now_s=NOW_S))[0] == (
        "↩️ Taken back: 2026-09-20 14:13:20 UTC · &lt;ann&gt; · <code>/set_pump 5</code>"
    )


# --- one destination ---------------------------------------------------------------------------------------------


def test_the_routes_are_listed_with_this_place_marked() -> None:
    here = Audience(destination=TOPIC, settings=Settings(), kinds=frozenset({"oi"}), is_silent=True)
    audiences = (Audience(destination=MAIN, settings=Settings()), here)
    assert lines(RouteShown(audiences=audiences, here=here)) == [
        "📮 <b>Alerts go to</b>",
        "📍 main chat <code>-1001</code>: price, OI, volume, funding, liquidations, basis, loud",
        "📍 chat <code>-1002/7</code>: OI, silent ← here",
    ]


def test_a_zone_shows_the_time_there() -> None:
    assert lines(ZoneShown(tz="Europe/Berlin", now_s=NOW_S)) == [
        "🕑 Time zone: <b>Europe/Berlin</b>, where it is 16:13:20 UTC+02"
    ]


def test_status_tells_what_differs_from_a_plain_destination() -> None:
    settings = Settings(move_5m_pct=4.0, of_symbol={"SOLUSDT": Settings(pump_threshold=8.0)})
    audience = Audience(
        destination=TOPIC,
        settings=settings,
        kinds=frozenset({"price"}),
        is_silent=True,
        quiet=QuietHours(begin_minute=1380, end_minute=420),
        budget_per_day=20,
    )
    shown = lines(StatusShown(settings=settings, overridden=frozenset(), health=FINE, now_s=NOW_S, audience=audience))
    assert "move in 5 m from <b>4 %</b>" in shown
    assert not any("move in 15 m" in line for line in shown)
    assert "route: price, silent" in shown
    assert "quiet hours 23:00-07:00 · budget: about 20 a day" in shown
    assert "thresholds of their own: SOLUSDT" in shown


def test_symbols_with_thresholds_of_their_own_are_listed() -> None:
    assert lines(SymbolNumbersShown(rows={"SOLUSDT": {"pump_threshold": 8.0, "oi_surge_5m": 0.0}}))[1] == (
        "<code>SOLUSDT</code> PUMP from <b>8 %</b> · OI 5 m <b>off</b>"
    )


def test_a_budget_shows_before_and_after_with_the_expected_counts() -> None:
    proposal = BudgetProposal(
        per_day=20,
        rows=(
            BudgetRow(
                kind="price",
                thresholds=(
                    ThresholdRow(key="pump_threshold", before=3.0, after=4.5),
                    ThresholdRow(key="dump_threshold", before=-3.0, after=-3.0),
                ),
                before_per_day=31.4,
                after_per_day=9.96,
            ),
            BudgetRow(kind="vol", thresholds=(), before_per_day=None, after_per_day=None),
        ),
        history_days=6.96,
    )
    assert lines(BudgetProposed(proposal=proposal)) == [
        "🎯 <b>About 20 alerts a day</b>, counted over the last 7 d",
        "<b>price</b>: 31 → 10 a day",
        "   PUMP from 3 % → <b>4.5 %</b>",
        "   DUMP from <b>−3 %</b>, as before",
        "<b>volume</b>: no history to count from, stays as it is",
        "Together: 31 → <b>10</b> a day",
        "Counted in the past; other days will differ.",
    ]
    assert lines(BudgetProposed(proposal=replace(proposal, is_day_coming=True)))[-1] == (
        "A whole day is being read now: asked again in a quarter of an hour it is counted, too."
    )
    assert lines(BudgetProposed(proposal=replace(proposal, conditions=2, conditions_per_day=3.04)))[5:7] == [
        "Your conditions (/alert), 2 counted: 3 a day; the thresholds share the rest",
        "Together: 34 → <b>13</b> a day",
    ]


def test_conditions_are_said_in_words() -> None:
    def added(predicate: PriceMoves | FundingCrosses) -> str:
        condition = Condition(
            id=3,
            destination=MAIN,
            owner_id=7,
            owner_name="ann",
            text="",
            created_s=NOW_S,
            symbol="SOLUSDT",
            predicate=predicate,
        )
        return lines(ConditionAdded(condition=condition))[0]

    assert added(PriceMoves(window="5m", pct=4.0)) == "✅ #3 <code>SOLUSDT</code> moves 4 % within 5 m"
    assert added(FundingCrosses(side="below", rate=-0.0001)) == "✅ #3 <code>SOLUSDT</code> funding ≤ −0.0100 %"


def test_who_may_only_read_is_told_politely() -> None:
    assert lines(NotPermitted(command="mute")) == ["🔒 /mute: you may read here, not change. Nothing was changed."]


# --- the market --------------------------------------------------------------------------------------------------


def test_the_largest_moves_are_a_table() -> None:
    rising = [TopRow(symbol="SOLUSDT", change_pct=4.5, price=150.25, day_quote_usdt=1.5e9)]
    falling = [TopRow(symbol="1000PEPEUSDT", change_pct=-12.345, price=0.00617)]
    top = Top(window="1h", rising=rising, falling=falling, symbols=560, as_of_ms=NOW_MS - 2000)
    assert lines(TopShown(top=top, now_s=NOW_S)) == [
        "🏁 <b>Largest moves in 1 h</b>, 560 symbols",
        "↑ up",
        "<b>+4.50 %</b> <code>SOLUSDT</code> 150.25 · 24 h $1.50B",
        "↓ down",
        "<b>−12.35 %</b> <code>1000PEPEUSDT</code> 0.00617",
        "<i>as of 14:13:18 UTC (2 s ago)</i>",
    ]


def test_what_is_not_known_is_left_out_and_never_zero() -> None:
    price = PriceFacts(symbol="SOLUSDT", price=150.25, event_ms=NOW_MS, changes=(("1m", 0.5), ("1h", None)))
    assert lines(PriceShown(facts=price, now_s=NOW_S)) == [
        "💲 <code>SOLUSDT</code> <b>150.25</b>",
        "1 m +0.50 % · 1 h n/a",
        "<i>as of 14:13:20 UTC (0 s ago)</i>",
    ]
    interest = OpenInterestFacts(
        symbol="SOLUSDT", contracts=9e6, usd=None, sampled_ms=NOW_MS - 20_000, change_1m_pct=1.25, span_1m_s=58.7
    )
    assert lines(OpenInterestShown(facts=interest, now_s=NOW_S)) == [
        "📦 <code>SOLUSDT</code> open interest <b>n/a</b>",
        "9.0M SOL",
        "1 m +1.25 % over 58.7 s · 5 m n/a",
        "<i>as of 14:13:00 UTC (20 s ago)</i>",
    ]


def test_funding_tells_the_next_settlement() -> None:
    facts = FundingFacts(
        symbol="BTCUSDT",
        rate=0.0001,
        as_of_ms=NOW_MS - 30_000,
        interval_h=8.0,
        next_ms=NOW_MS + 6_400_000,
        mark_price=65_432.1,
    )
    assert lines(FundingShown(facts=facts, now_s=NOW_S)) == [
        "💱 <code>BTCUSDT</code> funding <b>+0.0100 %</b> · every 8 h",
        "next 16:00:00 UTC, in 1 h 46 min",
        "mark price 65,432.1",
        "<i>as of 14:12:50 UTC (30 s ago)</i>",
    ]


def test_funding_of_several_venues_is_told_per_eight_hours_with_the_spread() -> None:
    told: tuple[tuple[Venue, float, FundingSource], ...] = (
        ("binance", 0.0001, "own"),
        ("bybit", -0.0002, "predicted"),
        ("hyperliquid", 0.0005, "own"),
    )
    venues = tuple(
        VenueFunding(
            venue=venue,
            symbol="BTCUSDT",
            rate_8h=Fraction(rate),
            interval_h=8.0,
            next_ms=None,
            as_of_ms=NOW_MS,
            source=source,
        )
        for venue, rate, source in told
    )
    facts = FundingFacts(symbol="BTCUSDT", rate=0.0001, as_of_ms=NOW_MS - 30_000, venues=venues)
    assert lines(FundingShown(facts=facts, now_s=NOW_S))[1:3] == [
        "per 8 h: Binance +0.0100 % · Bybit −0.0200 % (says Hyperliquid) · Hyperliquid +0.0500 %",
        "spread 0.0700 % per 8 h, 76.7 % a year before fees",
    ]
    alone = FundingFacts(symbol="BTCUSDT", rate=0.0001, as_of_ms=NOW_MS - 30_000, venues=venues[:1])
    assert len(lines(FundingShown(facts=alone, now_s=NOW_S))) == 2


def test_why_tells_rule_value_threshold_window_age_and_verdict() -> None:
    checks = (
        RuleCheck(
            rule=Rule("price", "1m"),
            verdict=Verdict.COOLING_DOWN,
            value=3.456,
            threshold=3.0,
            from_ms=NOW_MS - 20_000,
            to_ms=NOW_MS,
            until_ms=NOW_MS + 100_000,
        ),
        RuleCheck(rule=Rule("oi", "5m"), verdict=Verdict.NO_VALUE, threshold=6.0, sample_age_s=95.0),
        RuleCheck(
            rule=Rule("vol", "1m"),
            verdict=Verdict.THIN_CANDLE,
            value=8.25,
            threshold=5.0,
            measured_usd=12_000.0,
            floor_usd=50_000.0,
        ),
        RuleCheck(rule=Rule("price", "15m"), verdict=Verdict.SWITCHED_OFF),
        RuleCheck(rule=Rule("liq", "1m"), verdict=Verdict.BELOW_THRESHOLD, value=-250_000.0, threshold=2_500_000.0),
    )
    told = StoredAlert(
        alert=Alert(
            key="k", ts=NOW_S, event_ms=NOW_MS, symbol="SOLUSDT", kind="price", direction="PUMP", metric=3.05, note="1m"
        ),
        delivery="sent",
    )
    explanation = Explanation(
        symbol="SOLUSDT", destination=MAIN, at_ms=NOW_MS, is_now=True, checks=checks, told=(told,)
    )
    likes = OutcomeLine(moments=20, went_on=12, median_pct=0.8, minutes=15, is_chance=True)
    known = structs.replace(told.alert, details=Details(threshold=3.0, outcomes=likes))
    with_line = replace(told, alert=known)
    assert lines(Explained(explanation=replace(explanation, told=(with_line,)), now_s=NOW_S))[2:4] == [
        "   14:13:20 UTC · 📈 <b>PUMP</b> <code>SOLUSDT</code> +3.05 % in 1 m · sent",
        "   📐 last 20 like this: 12 went on, median +0.80 % in 15 min; not distinguishable from chance",
    ]
    assert lines(Explained(explanation=explanation, now_s=NOW_S)) == [
        "🔎 <b>Why</b> <code>SOLUSDT</code> now, 14:13:20 UTC",
        "Told:",
        "   14:13:20 UTC · 📈 <b>PUMP</b> <code>SOLUSDT</code> +3.05 % in 1 m · sent",
        "<b>price, candle</b> · +3.46 % against 3 %",
        "   ⏱ cooling down until 14:15:00 UTC",
        "   window 14:13:00 – 14:13:20 UTC",
        "<b>OI, 5 m</b> · n/a against 6 %",
        "   ❔ no usable samples",
        "   sample 95 s old",
        "<b>volume</b> · 8.3× against 5×",
        "   💧 candle volume below the floor · $12.0K, floor $50.0K",
        "<b>price, 15 m</b>",
        "   ➖ switched off",
        "<b>liquidations, 1 m</b> · $250.0K against $2.5M",
        "   ➖ below the threshold",
    ]


def test_why_says_of_a_past_minute_what_is_not_known_of_it() -> None:
    checks = (
        RuleCheck(rule=Rule("price", "1m"), verdict=Verdict.NOT_KEPT, value=12.0),
        RuleCheck(rule=Rule("price", "60s"), verdict=Verdict.NOT_KEPT),
        RuleCheck(rule=Rule("price", "5m"), verdict=Verdict.BETWEEN_UPDATES, value=-5.5, threshold=-5.0),
        RuleCheck(rule=Rule("oi", "1m"), verdict=Verdict.NOT_KEPT),
        RuleCheck(rule=Rule("vol", "1m"), verdict=Verdict.FIRE, value=8.25, threshold=5.0, is_late=True),
    )
    explanation = Explanation(
        symbol="SOLUSDT",
        destination=MAIN,
        at_ms=NOW_MS - 7_200_000,
        is_now=False,
        checks=checks,
        gap=Verdict.NOT_KEPT,
        known_from_ms=NOW_MS - 3_600_000,
    )
    assert lines(Explained(explanation=explanation, now_s=NOW_S)) == [
        "🔎 <b>Why</b> <code>SOLUSDT</code> at 12:13:20 UTC",
        "No alert of that minute is stored.",
        "What was decided in that minute is not kept.",
        "Judgements are kept since 13:13:20 UTC.",
        "<b>price, candle</b> · +12.00 %",
        "   ▫️ not kept",
        "<b>price, 5 m</b> · −5.50 % against −5 %",
        "   ➖ only the candle's extreme reached it, between two updates",
        "<b>volume</b> · 8.3× against 5×",
        "   ✅ told · late: looked through afterwards",
        "<b>price, 60 s; OI, 1 m</b>",
        "   ▫️ not kept",
    ]


def test_why_claims_no_minute_without_alerts_where_none_are_kept() -> None:
    for gap, told, expected in (
        (Verdict.NOT_SEEN, (), ["No alert in that minute.", "Nothing was seen of that minute: no data came."]),
        (Verdict.NOT_LISTED, (), ["No alert in that minute.", "This contract was not watched yet in that minute."]),
        (Verdict.NOT_SEEN, None, ["Nothing was seen of that minute: no data came."]),
    ):
        explanation = Explanation(
            symbol="SOLUSDT",
            destination=MAIN,
            at_ms=NOW_MS - 120_000,
            is_now=False,
            gap=gap,
            told=told,
            known_from_ms=1,
        )
        assert lines(Explained(explanation=explanation, now_s=NOW_S))[1:] == expected


def test_why_says_how_far_back_it_knows() -> None:
    explanation = Explanation(
        symbol="SOLUSDT", destination=MAIN, at_ms=NOW_MS - 86_400_000, is_now=False, known_from_ms=NOW_MS - 3_600_000
    )
    assert lines(Explained(explanation=explanation, now_s=NOW_S)) == [
        "🔎 <b>Why</b> <code>SOLUSDT</code> at 2026-09-20 14:13:20 UTC",
        "Nothing was judged in that minute: no data came, or it is too long ago.",
        "Judgements are kept since 13:13:20 UTC.",
    ]


def test_a_condition_that_is_true_already_says_so_with_the_value() -> None:
    condition = Condition(
        id=3,
        destination=MAIN,
        owner_id=7,
        owner_name="ann",
        text="sol > 1",
        created_s=NOW_S,
        symbol="SOLUSDT",
        predicate=PriceCrosses(side="above", level=1.0),
    )
    assert lines(ConditionAdded(condition=condition, true_at=35.0, opposite="/alert SOLUSDT < 1")) == [
        "✅ #3 <code>SOLUSDT</code> price ≥ 1",
        "⚠️ That is true already (now 35): it is told at the next crossing, after it was false in between.",
        "The other direction: <code>/alert SOLUSDT &lt; 1</code>",
    ]


def test_a_place_is_called_by_its_name_with_the_number_behind_it() -> None:
    style = Style(lang="en", tz=UTC, name_of=lambda where: "Desk & Co · Majors" if where == MAIN else "")
    reply = Placed(destination=MAIN, is_main=True, reply=LanguageShown(lang="en"))
    shown = [reply_parts(reply, at)[0].splitlines()[0] for at in (style, Style(lang="en", tz=UTC))]
    assert shown == [
        f"📍 main chat Desk &amp; Co · Majors (<code>{MAIN}</code>)",
        f"📍 main chat <code>{MAIN}</code>",
    ]


def test_a_trial_in_the_chat() -> None:
    trial = Trial(
        rows=(
            TrialRow(
                kind="price",
                now=112,
                then=38,
                days=2.8,
                peak=9,
                peak_ms=1_790_000_000_000 // 3_600_000 * 3_600_000,
                lost=(TrialMove(symbol="SOLUSDT", at_ms=1_790_000_000_000, size=-3.912),),
                new=(),
            ),
        ),
        from_ms=1_789_750_800_000,
        to_ms=1_790_000_000_000,
    )
    changes = (number_change("pump_threshold", Settings(), Settings(pump_threshold=4.0)),)
    assert lines(TrialShown(changes=changes, trial=trial, asked_s=604_800)) == [
        "🧪 <b>What it would have been</b>, 09-18 17:00 … 09-21 14:13",
        "   PUMP from 3 % → <b>4 %</b>",
        "You asked for 7 d; 2.8 d are known.",
        "<b>price</b>: 112 → <b>38</b> alerts, 40 → <b>14</b> a day",
        "   loudest hour: 9, from 09-21 14:00",
        "   lost: SOLUSDT −3.91 % 09-21 14:13",
        "Together: 40 → <b>14</b> a day",
        "Nothing was changed. Counted in whole minutes; other days will differ.",
    ]
    assert "You asked" not in "".join(lines(TrialShown(changes=changes, trial=trial, asked_s=86_400)))


def test_bounds_that_follow_each_contract_are_said_by_status_and_why() -> None:
    own = Settings(adaptive_sigmas=6.0, adaptive_floor_pct=1.0, adaptive_volume_mult=2.0, adaptive_volume_floor=3.0)
    shown = lines(StatusShown(settings=own, overridden=frozenset(), health=FINE, now_s=NOW_S))
    assert any(
        line.startswith("price bounds follow each contract: 6σ of its usual minute, at least 1 %") for line in shown
    )
    volume = "the volume bound follows each contract: 2 × P95 (the volume that one in 20 of its minutes exceeds), at "
    assert f"{volume}least 3× the median" in shown
    off = lines(StatusShown(settings=replace(own, vol_burst_mult=0), overridden=frozenset(), health=FINE, now_s=NOW_S))
    assert not any("P95" in line for line in off)
    checks = (
        RuleCheck(rule=Rule("price", "1m"), verdict=Verdict.BELOW_THRESHOLD, value=1.0, threshold=2.1, sigmas=6.04),
        RuleCheck(
            rule=Rule("vol", "1m"), verdict=Verdict.BELOW_THRESHOLD, value=3.0, threshold=8.4321, busy_times=1.98
        ),
    )
    explanation = Explanation(symbol="SOLUSDT", destination=MAIN, at_ms=NOW_MS, is_now=True, checks=checks)
    said = lines(Explained(explanation=explanation, now_s=NOW_S))
    assert "<b>price, candle</b> · +1.00 % against 2.1 % = 6σ" in said
    assert "<b>volume</b> · 3.0× against 8.4× = 2 × P95" in said
