"""So many alerts a day: which thresholds give that, and what is said when nobody can know."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace

import pytest

from altmonitor.core.types import Destination
from altmonitor.detectors.verdict import Rule
from altmonitor.replay.budget import AlertBudget, BudgetDeps
from altmonitor.replay.condition_count import ConditionRate, ConditionRates, no_conditions
from altmonitor.replay.live_tape import LiveTape
from altmonitor.settings.audience import Audience
from altmonitor.settings.conditions import Condition, PriceCrosses
from altmonitor.settings.presets import BudgetProposal, NotEnoughHistory
from altmonitor.settings.settings import SETTING_OF, Settings
from tests.replay.history import minutes_of, wild_columns
from tests.replay.test_condition_count import condition

MINUTE = 60_000
T0 = 1_790_000_040_000
OI, FUNDING = Rule("oi", "5m"), Rule("funding", "8h")
SYMBOLS = [f"COIN{number}USDT" for number in range(40)]
EVERYBODY = Audience(destination=Destination(chat_id=1), settings=Settings())


@pytest.fixture(scope="module")
def live_tape() -> LiveTape:
    """Half a day of forty symbols with fat tails."""
    chance, found = random.Random(5), LiveTape()
    for symbol in SYMBOLS:
        count = 720
        highs = [min(40.0, 0.1 * chance.paretovariate(1.6)) for _ in range(count)]
        lows = [-min(40.0, 0.1 * chance.paretovariate(1.6)) for _ in range(count)]
        quotes = [60_000 * chance.paretovariate(1.7) for _ in range(count)]
        minutes = [T0 + i * MINUTE for i in range(count)]
        found.take_candles(symbol, minutes_of(minutes, highs=highs, lows=lows, quotes=quotes), lookback=20)
        for minute in range(0, count, 5):
            change = 0.5 * chance.paretovariate(1.8) * chance.choice((-1, 1))
            found.take_sample(OI, symbol, at_ms=T0 + minute * MINUTE, size=change, usd=5e6)
    return found


def budget(
    live_tape: LiveTape, *, day_usdt: float | None = None, conditions: ConditionRates = no_conditions
) -> AlertBudget:
    listening = BudgetDeps(
        live_tape=live_tape,
        listed=lambda: SYMBOLS,
        day_usdt=lambda symbol: day_usdt,
        now_s=lambda: T0 / 1000,
        conditions=conditions,
    )
    return AlertBudget(listening)


async def proposed(live_tape: LiveTape, per_day: int, audience: Audience = EVERYBODY) -> BudgetProposal:
    proposal = await budget(live_tape).propose(per_day, audience=audience)
    assert isinstance(proposal, BudgetProposal)
    return proposal


@pytest.mark.parametrize("per_day", [10, 30, 100, 300, 1000])
async def test_the_history_holds_about_as_many_alerts_as_wished(live_tape: LiveTape, per_day: int) -> None:
    proposal = await proposed(live_tape, per_day)
    total = sum(row.after_per_day or 0 for row in proposal.rows)
    assert per_day * 0.6 <= total <= per_day * 1.1


async def test_thresholds_share_what_conditions_leave_of_the_budget(live_tape: LiveTape) -> None:
    def told(per_day: float) -> ConditionRates:
        async def rate(is_asked: object) -> ConditionRate:
            return ConditionRate(counted=2, per_day=per_day)

        return rate

    some = await budget(live_tape, conditions=told(60.0)).propose(100, audience=EVERYBODY)
    assert isinstance(some, BudgetProposal)
    assert (some.conditions, some.conditions_per_day) == (2, 60.0)
    assert [row.after_per_day for row in some.rows] == [
        row.after_per_day for row in (await proposed(live_tape, 40)).rows
    ]
    too_many = await budget(live_tape, conditions=told(500.0)).propose(100, audience=EVERYBODY)
    assert isinstance(too_many, BudgetProposal)
    assert sum(row.after_per_day or 0 for row in too_many.rows) <= 10.0


async def test_only_conditions_of_the_same_place_count(live_tape: LiveTape) -> None:
    places = [Destination(chat_id=1), Destination(chat_id=1, topic_id=3), Destination(chat_id=2)]
    asked = [condition(PriceCrosses(side="above", level=1.0), at=place) for place in places]

    async def rate(is_asked: Callable[[Condition], bool]) -> ConditionRate:
        return ConditionRate(counted=sum(map(is_asked, asked)), per_day=1.0)

    proposal = await budget(live_tape, conditions=rate).propose(100, audience=EVERYBODY)
    assert isinstance(proposal, BudgetProposal)
    assert proposal.conditions == 1


async def test_every_kind_has_its_part(live_tape: LiveTape) -> None:
    proposal = await proposed(live_tape, 100)
    assert [row.kind for row in proposal.rows] == ["price", "oi", "vol"]
    assert all((row.after_per_day or 0) >= 10 for row in proposal.rows)


async def test_what_is_proposed_can_be_set(live_tape: LiveTape) -> None:
    proposal = await proposed(live_tape, 20)
    assert all(SETTING_OF[key].accepts(value) for key, value in proposal.numbers.items())
    assert proposal.numbers["dump_threshold"] == -proposal.numbers["pump_threshold"]


async def test_a_kind_that_is_off_or_not_routed_has_no_row(live_tape: LiveTape) -> None:
    audience = replace(EVERYBODY, settings=replace(Settings(), vol_burst_mult=0.0), kinds=frozenset({"price", "vol"}))
    proposal = await proposed(live_tape, 50, audience)
    assert [row.kind for row in proposal.rows] == ["price"]


async def test_a_budget_of_zero_only_counts(live_tape: LiveTape) -> None:
    proposal = await proposed(live_tape, 0)
    assert all(row.before_per_day == row.after_per_day for row in proposal.rows)
    assert all(of.before == of.after for row in proposal.rows for of in row.thresholds)


async def test_half_of_the_symbols_muted_halves_the_count(live_tape: LiveTape) -> None:
    muted = replace(EVERYBODY, settings=replace(Settings(), muted=dict.fromkeys(SYMBOLS[:20])))
    everything, half = await proposed(live_tape, 0), await proposed(live_tape, 0, muted)
    ratio = (half.rows[0].before_per_day or 0) / (everything.rows[0].before_per_day or 1)
    assert 0.35 < ratio < 0.65


async def test_thin_contracts_below_the_floor_are_not_counted(live_tape: LiveTape) -> None:
    floor = replace(EVERYBODY, settings=replace(Settings(), min_24h_usdt=1e6))
    thin = await budget(live_tape, day_usdt=5e5).propose(0, audience=floor)
    assert isinstance(thin, BudgetProposal)
    assert [row.before_per_day for row in thin.rows] == [0.0, 0.0, 0.0]


async def test_a_kind_without_history_keeps_its_thresholds() -> None:
    only_price = LiveTape()
    for symbol in SYMBOLS:
        candles = minutes_of([T0 + i * MINUTE for i in range(90)], highs=[2.0] + [0.0] * 89)
        only_price.take_candles(symbol, candles, lookback=20)
    proposal = await proposed(only_price, 100)
    oi = next(row for row in proposal.rows if row.kind == "oi")
    assert oi.before_per_day is None
    assert [of.after for of in oi.thresholds] == [3.0, 6.0]


async def test_without_enough_history_it_says_so() -> None:
    answer = await budget(LiveTape()).propose(20, audience=EVERYBODY)
    assert answer == NotEnoughHistory(has_days=0.0, needs_days=0.5 / 24)


async def test_a_kind_that_was_watched_for_minutes_is_not_called_silent() -> None:
    young = LiveTape()
    for symbol in SYMBOLS:
        minutes = [T0 + i * MINUTE for i in range(120)]
        young.take_candles(symbol, minutes_of(minutes, highs=[0.2] * 120, lows=[-0.2] * 120), lookback=20)
        for minute in range(10):
            young.take_sample(OI, symbol, at_ms=T0 + minute * MINUTE, size=0.1, usd=5e6)
    rows = {row.kind: row for row in (await proposed(young, 20)).rows}
    assert (rows["oi"].before_per_day, rows["oi"].after_per_day) == (None, None)
    assert [(row.before, row.after) for row in rows["oi"].thresholds] == [(3.0, 3.0), (6.0, 6.0)]
    assert rows["price"].after_per_day == 0


async def test_funding_that_is_switched_on_has_a_bound_of_its_own_and_the_others_keep_theirs() -> None:
    found = LiveTape()
    for symbol in SYMBOLS:
        minutes = [T0 + i * MINUTE for i in range(120)]
        found.take_candles(symbol, minutes_of(minutes, highs=[0.2] * 120, lows=[-0.2] * 120), lookback=20)
        for minute in range(120):
            found.take_sample(FUNDING, symbol, at_ms=T0 + minute * MINUTE, size=-0.16, usd=None)
    audience = Audience(destination=Destination(chat_id=1), settings=Settings(funding_extreme_pct=0.1))
    row = {row.kind: row for row in (await proposed(found, 20, audience)).rows}["funding"]
    assert [(of.key, of.before, of.after) for of in row.thresholds] == [("funding_extreme_pct", 0.1, 0.2)]
    assert (row.before_per_day, row.after_per_day) == (
        pytest.approx(len(SYMBOLS) * 1_440 / 124),
        0.0,
    )  # a first sample counts as five minutes
    assert "funding" not in {row.kind for row in (await proposed(found, 20)).rows}


ADAPTIVE = Settings(adaptive_sigmas=6.0, adaptive_floor_pct=1.0, adaptive_volume_mult=2.0, adaptive_volume_floor=3.0)


@pytest.fixture(scope="module")
def moving_tape() -> LiveTape:
    """Half a day of contracts whose usual minutes are known."""
    found = LiveTape()
    for seed, symbol in enumerate(SYMBOLS):
        found.take_candles(symbol, wild_columns(720, seed=seed), lookback=20)
    return found


@pytest.mark.parametrize("per_day", [500, 1000, 2000])
async def test_where_bounds_follow_from_the_contract_their_multiples_are_chosen(
    moving_tape: LiveTape, per_day: int
) -> None:
    audience = replace(EVERYBODY, settings=ADAPTIVE, kinds=frozenset({"price", "vol"}))
    proposal = await proposed(moving_tape, per_day, audience=audience)
    assert list(proposal.numbers) == ["adaptive_sigmas", "adaptive_volume_mult"]
    total = sum(row.after_per_day or 0 for row in proposal.rows)
    assert per_day * 0.7 <= total <= per_day * 1.1
    again = replace(audience, settings=replace(ADAPTIVE, **proposal.numbers))  # type: ignore[arg-type]
    counted = await proposed(moving_tape, 0, audience=again)
    assert [row.before_per_day for row in counted.rows] == [row.after_per_day for row in proposal.rows]


async def test_of_a_kind_with_fixed_bounds_the_bound_is_chosen_beside_one_that_follows(moving_tape: LiveTape) -> None:
    settings = replace(ADAPTIVE, adaptive_volume_mult=0.0)
    audience = replace(EVERYBODY, settings=settings, kinds=frozenset({"price", "vol"}))
    assert list((await proposed(moving_tape, 500, audience=audience)).numbers) == ["adaptive_sigmas", "vol_burst_mult"]
    off = replace(audience, settings=replace(ADAPTIVE, vol_burst_mult=0.0))
    assert list((await proposed(moving_tape, 500, audience=off)).numbers) == ["adaptive_sigmas"]
