"""Confirmations, snapshots and analyses: fields, symmetry, what is missing, and what is told when nothing is known."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest

from altmonitor.operations.errors import BadArgument, DataStale
from altmonitor.operations.table import OPERATION_OF
from tests.operations.operations_kit import Bench
from tests.operations.score_kit import StandingMinutes, refused, whole


async def asked(name: str, context, /, **given):  # type: ignore[no-untyped-def]  # of any row
    row = OPERATION_OF[name]
    return await row.answer(context, row.read(given))


async def test_j6_a_confirmation_has_every_part_and_its_weights_are_shown() -> None:
    found = await asked("confirm_trade", whole(), symbol="sol", direction="long", source="my bot")
    assert found.symbol == "SOLUSDT"
    assert found.weights_mode == "renormalised"
    assert found.onchain_score is None
    assert "on-chain" in found.unavailable["onchain_score"]
    weights = {name: one.weight for name, one in found.factors.items()}
    assert weights["derivatives"] == pytest.approx(0.5333, abs=1e-3)
    assert weights["whale"] == pytest.approx(0.4667, abs=1e-3)
    assert weights["onchain"] == 0.0
    weighted = sum(one.weighted for one in found.factors.values() if one.weighted is not None)
    assert found.base_composite == pytest.approx(weighted, abs=2e-4)
    assert found.composite == pytest.approx(
        found.base_composite + sum(one.delta for one in found.adjustments), abs=3e-4
    )
    assert (found.coverage.derivatives, found.coverage.onchain) == (1.0, 0.0)
    assert (found.scorer.version, len(found.reasons) > 4) == ("sm-2", True)
    assert {one.venue for one in found.sources} == {"binance", "hyperliquid"}


async def test_j7_a_short_is_a_long_with_the_other_sign() -> None:
    bench = Bench()
    long = await asked("confirm_trade", whole(bench), symbol="SOLUSDT", direction="long")
    short = await asked("confirm_trade", whole(bench), symbol="SOLUSDT", direction="short")
    for name in ("composite", "base_composite", "deriv_score", "whale_score"):
        assert getattr(short, name) == -getattr(long, name)
    assert [one.delta for one in short.adjustments] == [-one.delta for one in long.adjustments]


async def test_j5_a_source_of_33_characters_and_another_direction_are_refused() -> None:
    row = OPERATION_OF["confirm_trade"]
    row.read({"symbol": "SOL", "direction": "long", "source": "x" * 32})
    with pytest.raises(BadArgument, match="source must be text of 0 to 32 characters"):
        row.read({"symbol": "SOL", "direction": "long", "source": "x" * 33})
    with pytest.raises(BadArgument, match="direction must be one of long, short"):
        row.read({"symbol": "SOL", "direction": "up"})


async def test_what_is_asked_often_is_gathered_once() -> None:
    minutes = StandingMinutes()
    context = whole(rest=minutes)
    for direction in ("long", "short", "long"):
        await asked("confirm_trade", context, symbol="SOLUSDT", direction=direction)
    assert minutes.asked == 1


async def test_j4_when_no_venue_answers_the_last_answer_comes_with_the_refusal() -> None:
    bench = Bench()
    context = whole(bench, wallets=None)
    first = await asked("confirm_trade", context, symbol="SOLUSDT", direction="long")
    bench.clock.ms += 60_000
    blind = whole(bench, wallets=None, score_cache=context.score_cache, **refused())
    with pytest.raises(DataStale, match="the exchange refuses this address") as problem:
        await asked("confirm_trade", blind, symbol="SOLUSDT", direction="long")
    assert problem.value.data is not None
    assert problem.value.data["composite"] == first.composite
    assert problem.value.data["ts"] == first.ts
    with pytest.raises(DataStale) as problem:
        await asked("confirm_trade", blind, symbol="SOLUSDT", direction="short")
    assert problem.value.data is None


async def test_a_process_that_asks_nobody_says_no_data() -> None:
    context = whole(rest=None, positions=None, cohorts={}, wallets=None)
    found = await asked("confirm_trade", context, symbol="SOLUSDT", direction="long")
    assert (found.confidence, found.action, found.action_v1, found.size_mult) == (
        "NO_DATA",
        "NO_DATA_SKIP",
        "SKIP",
        0.0,
    )
    assert found.unavailable["composite"] == "no leg is known"


async def test_j8_every_metric_of_a_snapshot_has_source_and_age_or_a_reason() -> None:
    found = await asked("score_snapshot", whole(), symbol="SOLUSDT")
    for metric, one in found.metrics.items():
        if one.value is None:
            assert one.unavailable, metric
        else:
            assert one.source, metric
            assert one.age_s is not None, metric
    assert found.metrics["long_pct"].value == 65.75
    assert found.metrics["whale_long_pct"].value == 75.0
    assert found.metrics["mvrv"].unavailable == "needs on-chain data; no on-chain provider is configured"


async def test_j36_open_interest_is_told_by_venue_and_summed() -> None:
    found = await asked("score_snapshot", whole(), symbol="SOLUSDT")
    assert list(found.open_interest_by_venue) == ["binance"]
    one = found.open_interest_by_venue["binance"]
    assert one.value == found.open_interest_all_usd == round(1_100 * 103.5)
    assert (one.unit, one.source) == ("USD, one side", "binance:open-interest sweep")
    alone = await asked("score_snapshot", whole(monitor=None), symbol="SOLUSDT")
    assert alone.open_interest_all_usd is None
    assert "where a monitor runs, here or beside" in alone.unavailable["open_interest_all_usd"]


async def test_j9_onchain_is_null_with_reasons_and_never_zero() -> None:
    found = await asked("onchain", whole(), symbol="BTC")
    assert (found.mvrv, found.sopr, found.exchange_net_flow_usd, found.realised_cap_ratio, found.cycle) == (None,) * 5
    assert set(found.unavailable) == {"mvrv", "sopr", "exchange_net_flow_usd", "realised_cap_ratio", "cycle"}


async def test_j16_an_analysis_is_the_same_each_time_and_recommends_nothing() -> None:
    first = await asked("score_analysis", whole(), symbol="SOLUSDT")
    second = await asked("score_analysis", whole(), symbol="SOLUSDT")
    assert first == second
    assert first.recommendation is None
    assert first.unavailable["recommendation"] == "no advice is given"


async def test_j27_the_watchlist_comes_in_the_order_of_the_preferences() -> None:
    context = whole()
    await asked("set_preferences", context, watchlist=["doge", "SOL", "DOGEUSDT"])
    found = await asked("score_watchlist", context)
    assert [row.symbol for row in found.watchlist] == ["DOGEUSDT", "SOLUSDT"]
    assert found.coverage == 1.0


async def test_preferences_that_cannot_be_read_are_the_usual_ones_and_the_log_says_so(
    caplog: pytest.LogCaptureFixture,
) -> None:
    bench = Bench()
    await bench.scores.set_preferences({"preferences": '{"default_risk_pct":'})
    assert (await asked("get_preferences", whole(bench))).default_risk_pct == 2.0
    assert [message.partition(",")[0] for message in caplog.messages] == ["the usual preferences hold"]


async def test_j26_a_change_of_preferences_keeps_the_rest_and_refuses_a_zone_that_is_none() -> None:
    context = whole()
    assert (await asked("get_preferences", context)).watchlist == ("BTCUSDT", "ETHUSDT", "SOLUSDT")
    await asked("set_preferences", context, default_risk_pct=1.5, timezone="Europe/Berlin")
    found = await asked("patch_preferences", context, risk_tolerance="conservative")
    assert (found.default_risk_pct, found.timezone, found.risk_tolerance) == (1.5, "Europe/Berlin", "conservative")
    for wrong in ({"timezone": "Mars/Olympus"}, {"notification_email": "nobody"}):
        with pytest.raises(BadArgument):
            await asked("set_preferences", context, **wrong)
    assert (await asked("get_preferences", context)).timezone == "Europe/Berlin"


async def test_the_sample_of_the_page_is_what_the_program_answers() -> None:
    page = (Path(__file__).parents[2] / "docs" / "smart-money-api.md").read_text("utf-8")
    (shown,) = re.findall(r"```json\n(.*?)```", page, re.DOTALL)
    sample = json.loads(re.sub(r", …", "", shown))
    answer = msgspec.to_builtins(await asked("confirm_trade", whole(wallets=None), symbol="SOL", direction="long"))
    assert different(sample, answer, "") == []
    assert len(sample) >= 15


def different(shown: Any, answer: Any, at: str) -> list[str]:
    """Where the page says what the answer does not; of an object or a list it may leave the rest out."""
    if isinstance(shown, dict) and isinstance(answer, dict):
        return [found for name, value in shown.items() for found in different(value, answer.get(name), f"{at}.{name}")]
    if isinstance(shown, list) and isinstance(answer, list | tuple):
        pairs = enumerate(zip(shown, answer, strict=False))
        return [found for number, (one, other) in pairs for found in different(one, other, f"{at}[{number}]")]
    return [] if shown == answer else [f"{at}: {shown!r}, answered {answer!r}"]
