"""Funding per 8 hours that crosses a bound, before audiences, over a restart and for people to read."""

from __future__ import annotations

from datetime import UTC

import pytest

from altmonitor.core.alert import FundingElsewhere
from altmonitor.core.types import Destination, Fraction, Venue
from altmonitor.detectors.verdict import Rule, RuleCheck, Verdict
from altmonitor.interfaces.exchange import Funding
from altmonitor.positioning.funding import FundingSource, VenueFunding
from altmonitor.render.alerts import alert_html
from altmonitor.render.digest import digest_parts
from altmonitor.render.format import Style
from altmonitor.render.kinds import chart_label
from altmonitor.settings.audience import Audience
from altmonitor.settings.settings import Settings
from tests.fakes import T0, Market

HERE = Destination(chat_id=1)
NEXT_MS = T0 + 3_600_000


def market_with(**changes: object) -> Market:
    settings = Settings(**{"funding_extreme_pct": 0.1, **changes})  # type: ignore[arg-type]
    return Market("SOLUSDT", "DOGEUSDT", audiences=[Audience(destination=HERE, settings=settings)])


def read(market: Market, pct_8h: float, *, at_min: float, symbol: str = "SOLUSDT") -> None:
    """The table of fundings is read with this rate in it."""
    market.clock.ms = T0 + round(at_min * 60_000)
    rate = pct_8h / 100 * market.context.funding_hours(symbol) / 8
    market.context.fundings[symbol] = Funding(symbol=symbol, rate=rate, mark_price=150.0, next_ms=NEXT_MS)
    market.engine.on_fundings()


def told_after(rates: list[float], **changes: object) -> list[tuple[str, float]]:
    """(direction, percent) of every alert of one symbol whose rate is read once a minute."""
    market = market_with(**changes)
    for minute, rate in enumerate(rates):
        read(market, rate, at_min=minute * 5)
    assert {alert.kind for alert in market.sink.alerts} <= {"funding"}
    return [(alert.direction, round(alert.metric or 0.0, 6)) for alert in market.sink.alerts]


@pytest.mark.parametrize(
    ("rates", "told"),
    [
        ([0.01, 0.12], [("UP", 0.12)]),
        ([0.01, -0.12], [("DOWN", -0.12)]),
        ([0.01, 0.1], [("UP", 0.1)]),
        ([0.01, 0.0999], []),
        ([0.01, 0.12, 0.14, 0.11, 0.3], [("UP", 0.12)]),
        ([0.01, 0.12, 0.06, 0.12], [("UP", 0.12)]),
        ([0.01, 0.12, 0.05, 0.12], [("UP", 0.12)]),
        ([0.01, 0.12, 0.049, 0.12], [("UP", 0.12), ("UP", 0.12)]),
        ([0.01, 0.12, -0.12], [("UP", 0.12), ("DOWN", -0.12)]),
        ([0.01, -0.12, 0.12, -0.12], [("DOWN", -0.12), ("UP", 0.12), ("DOWN", -0.12)]),
        ([0.12, 0.14], []),
        ([0.12, 0.06, 0.12], []),
        ([0.12, 0.04, 0.12], [("UP", 0.12)]),
        ([0.0, 0.0], []),
    ],
)
def test_the_crossing_is_told_and_armed_again_below_half_the_bound(
    rates: list[float], told: list[tuple[str, float]]
) -> None:
    assert told_after(rates) == told


def test_without_a_bound_nothing_is_told() -> None:
    assert told_after([0.01, 1.2, 0.01, -1.2], funding_extreme_pct=0.0) == []


@pytest.mark.parametrize(("hours", "told"), [(8.0, []), (4.0, [0.12]), (1.0, [0.48])])
def test_rates_of_other_intervals_are_brought_to_eight_hours(hours: float, told: list[float]) -> None:
    market = market_with()
    market.context.funding_hours = lambda symbol: hours  # type: ignore[method-assign]
    for minute, rate in enumerate((0.00001, 0.0006)):
        market.context.fundings["SOLUSDT"] = Funding(symbol="SOLUSDT", rate=rate, mark_price=1.0, next_ms=NEXT_MS)
        market.clock.ms = T0 + minute * 60_000
        market.engine.on_fundings()
    assert [round(alert.metric or 0.0, 6) for alert in market.sink.alerts] == told


def test_what_a_moved_bound_leaves_beyond_it_is_no_crossing() -> None:
    market = market_with(funding_extreme_pct=0.2)
    read(market, 0.01, at_min=0)
    read(market, 0.15, at_min=1)
    market.engine.apply([Audience(destination=HERE, settings=Settings(funding_extreme_pct=0.1))])
    read(market, 0.16, at_min=2)
    read(market, 0.04, at_min=3)
    read(market, 0.16, at_min=4)
    assert [alert.event_ms for alert in market.sink.alerts] == [T0 + 4 * 60_000]


def test_it_is_of_one_symbol_muted_and_routed_like_every_kind() -> None:
    market = market_with(muted={"SOLUSDT": None})
    for minute, rate in enumerate((0.01, 0.12)):
        read(market, rate, at_min=minute)
        read(market, rate, at_min=minute, symbol="DOGEUSDT")
    assert [alert.symbol for alert in market.sink.alerts] == ["DOGEUSDT"]
    unrouted = Audience(destination=HERE, settings=Settings(funding_extreme_pct=0.1), kinds=frozenset({"price"}))
    market = Market(audiences=[unrouted])
    for minute, rate in enumerate((0.01, 0.12)):
        read(market, rate, at_min=minute)
    assert market.sink.alerts == []


def test_after_a_restart_what_is_still_beyond_is_not_told_again() -> None:
    before = market_with()
    for minute, rate in enumerate((0.01, 0.12)):
        read(before, rate, at_min=minute)
    after = market_with()
    after.engine.restore([(alert, [HERE]) for alert in before.sink.alerts], firsts={})
    for minute, rate in enumerate((0.12, 0.04, 0.12)):
        read(after, rate, at_min=10 + minute)
    assert [alert.event_ms for alert in after.sink.alerts] == [T0 + 12 * 60_000]


def test_it_begins_and_joins_no_episode() -> None:
    market = market_with()
    for minute, rate in enumerate((0.01, 0.12)):
        read(market, rate, at_min=minute)
    market.push(104.0, at_s=70.0)
    funding, price = market.sink.alerts
    assert (funding.kind, price.kind) == ("funding", "price")
    assert price.details.episode_key is None
    assert price.details.is_silent is False


def test_why_says_what_was_read_and_what_came_of_it() -> None:
    def why(market: Market, now_min: float, *, at_min: float | None = None) -> RuleCheck:
        at_ms = None if at_min is None else T0 + round(at_min * 60_000)
        found = market.engine.explain("SOLUSDT", HERE, at_ms=at_ms, now_ms=T0 + round(now_min * 60_000))
        return {check.rule: check for check in found.checks}[Rule("funding", "8h")]

    market = market_with()
    assert why(market, 0).verdict is Verdict.NO_VALUE
    read(market, 0.05, at_min=0)
    below = why(market, 0)
    assert (below.verdict, below.threshold, round(below.value or 0, 6)) == (Verdict.BELOW_THRESHOLD, 0.1, 0.05)
    read(market, 0.12, at_min=1)
    assert why(market, 5, at_min=1).verdict is Verdict.FIRE
    assert why(market, 1).verdict is Verdict.PLATEAU
    assert why(market_with(funding_extreme_pct=0.0), 0).verdict is Verdict.SWITCHED_OFF


@pytest.mark.parametrize(
    ("lang", "headline", "bound"),
    [
        ("en", "💸 <b>FUNDING DOWN</b> <code>SOLUSDT</code> <b>−0.2400 %</b>", "Per 8 h, beyond ± 0.1 %"),
        ("zh", "💸 <b>资金费率走低</b> <code>SOLUSDT</code> <b>−0.2400 %</b>", "按 8 小时计，超过 ± 0.1 %"),
        ("ru", "💸 <b>ФАНДИНГ ВНИЗ</b> <code>SOLUSDT</code> <b>−0.2400 %</b>", "За 8 ч, больше ± 0.1 %"),
    ],
)
def test_the_message_names_the_rate_per_8_hours_the_bound_and_what_is_really_paid(
    lang: str, headline: str, bound: str
) -> None:
    market = market_with()
    market.context.funding_hours = lambda symbol: 4.0  # type: ignore[method-assign]
    for minute, rate in enumerate((0.01, -0.24)):
        read(market, rate, at_min=minute)
    (alert,) = market.sink.alerts
    lines = alert_html(alert, Style(lang=lang, tz=UTC), maybe_repeated=False).split("\n")
    assert lines[:2] == [headline, bound]
    assert any("−0.1200 % / 4 " in line for line in lines)
    assert (alert.price, alert.note, alert.details.threshold, alert.details.next_funding_ms) == (
        150.0,
        "8h",
        0.1,
        NEXT_MS,
    )
    assert chart_label(alert) == "FR −0.2400 %"


@pytest.mark.parametrize(
    ("lang", "line"),
    [
        ("en", "Funding elsewhere, per 8 h: Bybit −0.0200 % (says Hyperliquid), Hyperliquid +0.0500 %"),
        ("zh", "其他交易所资金费率（按 8 小时计）：Bybit −0.0200 %（据 Hyperliquid）, Hyperliquid +0.0500 %"),
        ("ru", "Фандинг на других биржах за 8 ч: Bybit −0.0200 % (по данным Hyperliquid), Hyperliquid +0.0500 %"),
    ],
)
def test_the_message_tells_what_the_other_venues_charge_at_that_moment(lang: str, line: str) -> None:
    known: tuple[tuple[Venue, float, FundingSource], ...] = (
        ("binance", 0.0012, "own"),
        ("bybit", -0.0002, "predicted"),
        ("hyperliquid", 0.0005, "own"),
    )

    def fundings_of(symbol: str) -> list[VenueFunding]:
        return [
            VenueFunding(
                venue=venue,
                symbol=symbol,
                rate_8h=Fraction(rate),
                interval_h=8.0,
                next_ms=None,
                as_of_ms=T0,
                source=source,
            )
            for venue, rate, source in known
        ]

    market = Market("SOLUSDT", settings=Settings(funding_extreme_pct=0.1), fundings_of=fundings_of)
    for minute, rate in enumerate((0.01, 0.12)):
        read(market, rate, at_min=minute)
    (alert,) = market.sink.alerts
    assert alert.details.fundings == (
        FundingElsewhere(venue="bybit", rate_8h_pct=-0.02, is_predicted=True),
        FundingElsewhere(venue="hyperliquid", rate_8h_pct=0.05),
    )
    assert line in alert_html(alert, Style(lang=lang, tz=UTC), maybe_repeated=False).split("\n")


def test_a_digest_lists_them_under_a_heading_of_their_own() -> None:
    market = market_with()
    for minute, rates in enumerate(((0.01, 0.01), (0.12, 0.3))):
        for symbol, rate in zip(("SOLUSDT", "DOGEUSDT"), rates, strict=True):
            read(market, rate, at_min=minute, symbol=symbol)
    (part,) = digest_parts(market.sink.alerts, Style(lang="en", tz=UTC), late=False, maybe_repeated=False)
    heading, entries = part.html.split("\n\n")[1].split("\n")
    assert heading == "💸 <b>FUNDING UP</b> · % per 8 h"
    assert entries.replace("\u00a0", " ") == "DOGEUSDT +0.300, SOLUSDT +0.120"


@pytest.mark.parametrize("kind", ["funding", "basis"])
def test_two_processes_that_read_one_table_give_the_same_crossing_the_same_key_whatever_their_clocks_say(
    kind: str,
) -> None:
    keys = []
    for late_ms in (0, 700, 41_000):
        market = market_with(basis_extreme_pct=1.0)
        for at_min, pct_8h, mark in ((0, 0.01, 150.0), (1, 0.12, 153.0)):
            said_ms = T0 + at_min * 60_000
            market.clock.ms = said_ms + late_ms
            rate = pct_8h / 100 * market.context.funding_hours("SOLUSDT") / 8
            market.context.fundings["SOLUSDT"] = Funding(
                symbol="SOLUSDT", rate=rate, mark_price=mark, next_ms=NEXT_MS, index_price=150.0, time_ms=said_ms
            )
            market.engine.on_fundings()
        keys += [alert.key for alert in market.sink.alerts if alert.kind == kind]
    assert len(keys) == 3
    assert set(keys) == {f"{kind}:SOLUSDT:UP:{'8h' if kind == 'funding' else '1m'}:{T0 + 60_000}"}
