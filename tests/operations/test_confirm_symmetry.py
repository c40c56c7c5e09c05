"""A short's scores are a long's with the other sign: all of them, whatever is known and however old it is."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from altmonitor.app.score_watch import SIDES, condition_values
from altmonitor.operations.confirm import Confirmation, confirmation
from altmonitor.operations.score_inputs import ScoreInputs
from altmonitor.scores.composite import gate
from altmonitor.scores.liquidation_levels import ForcedExit, exit_map
from altmonitor.scores.readings import Metric, MetricReading, NoReading
from tests.scores.score_samples import NOW_MS

PRICE = 100.0

_VALUES: dict[Metric, st.SearchStrategy[float]] = {
    "funding_rate": st.floats(min_value=-0.01, max_value=0.01),
    "oi_change_1h_pct": st.floats(min_value=-30, max_value=30),
    "price_change_1h_pct": st.floats(min_value=-10, max_value=10),
    "long_pct": st.floats(min_value=0, max_value=100),
    "taker_ratio": st.floats(min_value=0, max_value=20),
    "top_trader_lsr": st.floats(min_value=0, max_value=50),
    "followed_whales_long_pct": st.floats(min_value=0, max_value=100),
    "whale_notional_long_pct": st.floats(min_value=0, max_value=100),
    "mvrv": st.floats(min_value=0, max_value=10),
    "sopr": st.floats(min_value=0.5, max_value=1.5),
}


@st.composite
def _inputs(draw: st.DrawFn) -> ScoreInputs:
    """Each number known or not, fresh or old; with levels or without."""
    readings: dict[Metric, MetricReading | NoReading] = {
        "price": MetricReading(value=PRICE, at_ms=NOW_MS, venue="binance", endpoint="/x"),
        "open_interest_usd": MetricReading(value=1e9, at_ms=NOW_MS, venue="binance", endpoint="/x"),
    }
    for metric, values in _VALUES.items():
        age_s = draw(st.none() | st.floats(min_value=0, max_value=5_000))
        readings[metric] = (
            NoReading(reason="blocked")
            if age_s is None
            else MetricReading(value=draw(values), at_ms=NOW_MS - round(age_s * 1000), venue="binance", endpoint="/x")
        )
    usd = draw(st.none() | st.floats(min_value=1, max_value=1e9))
    exits = [] if usd is None else [ForcedExit(price=99.0, size_usd=usd, is_long=True)]
    levels = exit_map(exits, price=PRICE, open_interest_usd=1e9, method="observed") if exits else None
    return ScoreInputs(symbol="SOLUSDT", now_ms=NOW_MS, readings=readings, levels=levels)


def _scores(answer: Confirmation) -> dict[str, float | None]:
    """Every number of it that has a direction."""
    found: dict[str, float | None] = {
        name: getattr(answer, name)
        for name in ("composite", "base_composite", "deriv_score", "whale_score", "onchain_score")
    }
    for leg, one in answer.factors.items():
        found |= {f"{leg}.score": one.score, f"{leg}.weighted": one.weighted}
        found |= {f"{leg}.{part.name}": part.score for part in one.parts}
    return found | {f"adjustment.{one.name}": one.delta for one in answer.adjustments}


@given(_inputs())
def test_j34_short_is_minus_long_for_every_score_of_an_answer(inputs: ScoreInputs) -> None:
    score = inputs.score
    long, short = (confirmation(inputs, score, gate(score, side)) for side in SIDES)
    of_short = _scores(short)
    assert {name: None if value is None else 0.0 - value for name, value in _scores(long).items()} == of_short
    assert len(of_short) >= 5 + 3 * 2 + 4 + 3 + 2
    assert (long.coverage, long.weights_mode, long.sources) == (short.coverage, short.weights_mode, short.sources)
    assert [leg.weight for leg in long.factors.values()] == [leg.weight for leg in short.factors.values()]


@given(_inputs())
def test_j34_conditions_compare_the_composite_of_a_direct_evaluation(inputs: ScoreInputs) -> None:
    score = inputs.score
    found = condition_values(inputs, score.composite)
    assert found.get("composite_long") == gate(score, "long").composite
    assert found.get("composite_short") == gate(score, "short").composite
    if score.composite is not None:
        assert found["composite_long"] == -found["composite_short"]
