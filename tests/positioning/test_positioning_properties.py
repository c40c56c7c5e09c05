"""What holds for any numbers: nothing impossible comes out, nothing unknown becomes a number."""

from __future__ import annotations

import json
import math
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from altmonitor.core.types import Fraction
from altmonitor.positioning.divergence import Histories, divergence
from altmonitor.positioning.history import Snapshot, change, profit_trend, scan_extreme
from altmonitor.positioning.json_values import Asked, divergence_values, history_values, positioning_values
from altmonitor.positioning.open_interest import BAR_MS, OiBar, oi_velocity
from altmonitor.positioning.picture import PositionPicture, chart, picture_values
from altmonitor.positioning.ratios import LongShort
from altmonitor.positioning.smart_money import Side, notional_usd
from altmonitor.positioning.tracked_values import change_values, scan_values, trend_values
from tests.positioning.samples import OVERVIEW, T0

amounts = (
    st.none() | st.floats(min_value=0, max_value=1e18) | st.sampled_from([math.nan, math.inf, -1.0, 1e-300, 1e300])
)
counts = st.none() | st.integers(min_value=0, max_value=5_000)
sides = st.builds(
    Side,
    traders=counts,
    traders_qty_coins=amounts,
    traders_avg_entry=amounts,
    whales=counts,
    whales_qty_coins=amounts,
    whales_avg_entry=amounts,
    profit_traders=counts,
    profit_whales=counts,
)
overviews = st.builds(
    lambda long, short, ratio, age_s: replace(
        OVERVIEW, long=long, short=short, long_short_ratio=ratio, captured_ms=T0 - age_s * 1000
    ),
    sides,
    sides,
    amounts,
    st.integers(min_value=-100, max_value=20_000),
)
snapshots = st.builds(Snapshot, overview=overviews, mark_price=amounts)
bars = st.lists(
    st.builds(OiBar, time_ms=st.integers(0, 60).map(lambda at: T0 - at * BAR_MS), coins=amounts, usd=amounts),
    max_size=60,
)
buckets = st.lists(
    st.builds(
        lambda at, share, ratio: LongShort(
            time_ms=T0 + at * BAR_MS,
            long_share=Fraction(share),
            short_share=Fraction(1 - share),
            long_short_ratio=ratio,
        ),
        st.integers(0, 20),
        st.floats(0, 1),
        st.floats(0, 1e6),
    ),
    max_size=20,
)
histories = st.builds(Histories, retail=buckets, top_accounts=buckets, top_positions=buckets)


@given(overviews, bars, amounts)
def test_any_picture_is_json_with_finite_numbers(overview: object, found_bars: list[OiBar], mark: float | None) -> None:
    picture = PositionPicture(
        symbol="X",
        now_ms=T0,
        overview=overview,  # type: ignore[arg-type]
        open_interest=oi_velocity(found_bars),
        mark_price=mark,
    )
    json.dumps(picture_values(picture), allow_nan=False)
    share = picture.smart_money_share_of_oi
    assert share is None or 0 <= share <= 1


@given(st.lists(snapshots, max_size=8), st.floats(min_value=1, max_value=1e4))
def test_any_rows_over_time_are_json_with_finite_numbers(rows: list[Snapshot], minutes: float) -> None:
    found = [
        change_values(change("ETHUSDT", rows, minutes=minutes, now_ms=T0)),
        trend_values(profit_trend("ETHUSDT", rows, minutes=minutes, now_ms=T0)),
        scan_values(scan_extreme(rows, now_ms=T0)),
    ]
    json.dumps(found, allow_nan=False)
    drawn = chart("ETHUSDT", rows)
    for panel in () if drawn is None else drawn.panels:
        for line in panel.lines:
            assert all(0 <= panel.share_of_height(value) <= 1 for _, value in line.points)


@given(histories)
def test_any_histories_are_json_and_the_gap_is_of_one_moment(found: Histories) -> None:
    asked = Asked(symbol="X", period="5m", venue="binance", now_ms=T0)
    values = [positioning_values(asked, found), divergence_values(asked, found), history_values(asked, found, limit=9)]
    json.dumps(values, allow_nan=False)
    gap = divergence(found)
    if gap is None:
        assert not {row.time_ms for row in found.retail} & {row.time_ms for row in found.top_positions}
    else:
        assert -100 <= gap.long_pct_gap <= 100
        assert gap.time_ms in {row.time_ms for row in found.retail}


@given(sides)
def test_a_notional_is_unknown_or_finite(side: Side) -> None:
    found = notional_usd(replace(OVERVIEW, long=side))
    assert found is None or 0 <= found < math.inf
