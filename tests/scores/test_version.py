"""The scorer is frozen: what its formulas give is pinned to its name."""

from __future__ import annotations

import hashlib
import json
from itertools import product

from altmonitor.scores.composite import LEG_WEIGHTS, gate, score_market
from altmonitor.scores.legs import leg
from altmonitor.scores.liquidation_levels import ClosedByForce, ForcedExit, OpenInterestStep, estimated_exits, exit_map
from altmonitor.scores.readings import FRESH_S
from altmonitor.scores.regimes import regime
from altmonitor.scores.version import SCORER, SCORER_HASH
from tests.scores.score_samples import NOW_MS, readings


def formula_hash() -> str:
    """Of what is computed over a grid, not of how it is written."""
    found: list[object] = [dict(LEG_WEIGHTS), dict(FRESH_S)]
    grid = product((-0.0007, 0.0002), (35.0, 66.0), (0.7, 1.4), (-4.0, 2.0), (-2.5, 0.7), (0.0, 800.0), (0.0, 0.4))
    for funding, crowd, top, oi, move, age_s, cascade in grid:
        given = readings(
            age_s=age_s,
            funding_rate=funding,
            long_pct=crowd,
            top_trader_lsr=top,
            oi_change_1h_pct=oi,
            oi_change_4h_pct=oi,
            price_change_1h_pct=move,
            price_change_4h_pct=move,
            mvrv=1.4,
            sopr=1.01,
        )
        for some in (given, {name: one for name, one in given.items() if name not in ("mvrv", "sopr", "taker_ratio")}):
            score = score_market(some, now_ms=NOW_MS, cascade_score=cascade)
            sides = [gate(score, side) for side in ("long", "short")]  # type: ignore[arg-type]
            found.append(
                [score.base, score.composite, [(one.confidence, one.size_mult) for one in sides], regime(some)]
            )
            found.append([one.score for one in leg("derivatives", some, NOW_MS).factors])
    step = OpenInterestStep(usd=1e7, price=100.0, lowest=98.0, highest=101.0)
    seen = estimated_exits([step], closed=ClosedByForce(long_usd=4e6, short_usd=1.0))
    found.append([[one.price, one.size_usd] for one in seen])
    exits = estimated_exits([step])
    exits += [ForcedExit(price=99.5, size_usd=3e6, is_long=True)]
    levels = exit_map(exits, price=100.0, open_interest_usd=2e8, method="estimated")
    found.append([levels.score, levels.risk, [one.price for one in levels.long_levels]])
    return hashlib.sha256(json.dumps(_rounded(found)).encode()).hexdigest()[:16]


def _rounded(value: object) -> object:
    if isinstance(value, float):
        return round(value, 9) + 0.0
    if isinstance(value, dict):
        return {key: _rounded(one) for key, one in value.items()}
    return [_rounded(one) for one in value] if isinstance(value, (list, tuple)) else value


def test_a_changed_formula_is_another_scorer() -> None:
    assert SCORER == "sm-2"
    assert formula_hash() == SCORER_HASH, "a formula changed: name a new SCORER and freeze it anew"
