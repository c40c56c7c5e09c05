"""Followed traders as operations: arguments, whom they ask, and what they answer."""

from __future__ import annotations

import re
from typing import Any

import msgspec
import pytest

from altmonitor.operations.errors import BadArgument, NotFound, Unavailable
from altmonitor.operations.operation import Operation
from altmonitor.operations.table import OPERATION_OF
from altmonitor.operations.trader_signals import SIGNAL_OPERATIONS
from altmonitor.operations.traders import TRADER_OPERATIONS
from altmonitor.positioning.trader_pool import PoolFilter
from tests.operations.operations_kit import Bench
from tests.operations.standing_traders import CODES, StandingTraders

ROWS: tuple[Operation[Any, Any], ...] = (*TRADER_OPERATIONS, *SIGNAL_OPERATIONS)
NAMED = {"authorIds": [CODES[0], CODES[1]], "sortBy": "pnl", "period": "7"}


async def told(name: str, bench: Bench | None = None, **given: object) -> dict[str, Any]:
    row = OPERATION_OF[name]
    answer: dict[str, Any] = msgspec.to_builtins(await row.answer((bench or Bench()).context(), row.read(given)))
    return answer


async def refused(name: str, bench: Bench | None = None, **given: object) -> str:
    with pytest.raises(BadArgument) as problem:
        await told(name, bench, **given)
    return problem.value.detail


def test_k1_to_k10_the_ten_have_the_names_of_the_module_they_stand_in_for() -> None:
    assert [row.name for row in ROWS] == [
        "get_traders_by_filter",
        "get_performance_by_trader",
        "search_trader",
        "get_trader_positions",
        "get_trader_positions_history",
        "get_trader_orders_history",
        "get_signal_overview_by_filter",
        "get_signal_overview_by_trader",
        "get_signal_trend_by_filter",
        "get_signal_trend_by_trader",
    ]
    for row in ROWS:
        word = row.name.removeprefix("get_").replace("_", "-")
        assert (row.route, row.cli) == (f"GET /v1/smartmoney/{word}", f"smartmoney {word}")


async def test_every_answer_names_its_provider_and_where_it_is_from() -> None:
    for row in ROWS:
        found = await told(row.name, **row.examples[0].arguments)
        assert found["provider"] == "okx_copy"
        assert [set(one) for one in found["sources"]] == [{"venue", "endpoint", "ageS"}]
        assert found["sources"][0]["ageS"] is not None
        assert isinstance(found["notes"], tuple | list)
        assert ("pagination" in found) is (
            row.name in ("get_traders_by_filter", "get_trader_positions_history", "get_trader_orders_history")
        )


async def test_k1_k12_defaults_are_ninety_days_for_a_ranking_and_seven_for_signals() -> None:
    bench = Bench()
    await told("get_traders_by_filter", bench)
    await told("get_signal_overview_by_filter", bench)
    await told("get_signal_trend_by_filter", bench, instCcy="BTC")
    ranking, overview, trend = bench.traders[0].asked
    assert (ranking.period_days, ranking.sort_by, ranking.limit) == (90, "pnl", 10)  # type: ignore[attr-defined]
    assert (overview.pool, overview.top_instruments, overview.bases) == (PoolFilter(), 20, ())  # type: ignore[attr-defined]
    assert (trend.pool.period_days, trend.pool.most) == (7, 100)  # type: ignore[attr-defined]
    assert (trend.granularity, trend.limit, trend.as_of) == ("1h", 24, None)  # type: ignore[attr-defined]


async def test_k11_three_pages_tell_everything_once_and_has_more_is_always_there() -> None:
    for name, key, given in (
        ("get_traders_by_filter", "authorId", {}),
        ("get_trader_positions_history", "posId", {"authorId": CODES[0]}),
        ("get_trader_orders_history", "ordId", {"authorId": CODES[0]}),
    ):
        ids: list[str] = []
        after: dict[str, str] = {}
        for more in (True, True, False):
            page = await told(name, limit=10, **given, **after)
            ids += [row[key] for row in page["data"]]
            assert page["pagination"]["hasMore"] is more
            assert page["pagination"]["nextAfter"] == (ids[-1] if more else None)
            after = {"after": ids[-1]}
        assert len(ids) == len(set(ids)) == 25, name


async def test_k14_a_word_that_is_none_of_a_list_is_refused_with_the_list() -> None:
    wrong = {
        ("get_traders_by_filter", "sortBy"): "one of pnl, pnlRatio",
        ("get_traders_by_filter", "period"): "one of 3, 7, 30, 90",
        ("get_traders_by_filter", "provider"): "one of hyperliquid, okx_copy, okx_key",
        ("get_signal_overview_by_filter", "pnlTier"): "one of PNL_ANY, PNL_TOP50, PNL_TOP20, PNL_TOP5",
        ("get_signal_overview_by_filter", "winRateTier"): "one of WR_ANY, WR_GE_50, WR_GE_80",
        ("get_signal_overview_by_filter", "maxDrawdownTier"): "one of MR_ANY, MR_LE_20, MR_LE_50",
        ("get_signal_overview_by_filter", "aumTier"): "one of AUM_ANY, AUM_TOP50, AUM_TOP20, AUM_TOP5",
        ("get_signal_trend_by_filter", "granularity"): "one of 1h, 1d",
    }
    for (name, argument), words in wrong.items():
        needed = {"instCcy": "BTC"} if "trend" in name else {}
        for value in ("TOP21", "", "5"):
            assert words in await refused(name, **needed, **{argument: value}), (name, argument, value)


async def test_k14_words_of_a_list_are_read_in_any_case_and_tiers_also_without_their_prefix() -> None:
    bench = Bench()
    await told(
        "get_signal_overview_by_filter", bench, sortBy="PNLRATIO", pnlTier="pnl_top20", aumTier="TOP5", period=30
    )
    assert bench.traders[0].asked[0].pool == PoolFilter(  # type: ignore[attr-defined]
        sort_by="pnlRatio", pnl_tier="PNL_TOP20", aum_tier="AUM_TOP5", period_days=30
    )


async def test_k8_k15_k16_bounds_and_tiers_never_mix_and_old_names_are_refused_with_the_new_one() -> None:
    named = "chooses a pool by its success; here authorIds name the traders"
    ranking, pool = "a ranking takes", "is for a ranking of traders; a pool for signals takes"
    expected = {
        "get_traders_by_filter": {
            "pnl": "pnl is called minPnl here",
            "winRate": "winRate is called minWinRate here",
            "asset": "asset is called minAum here",
            "pnlTier": f"pnlTier chooses a pool for signals; {ranking} minPnl",
            "asOfTime": f"asOfTime is for trends; {ranking} updateTime (yyyyMMddHHmm, UTC+8)",
        },
        "get_signal_overview_by_filter": {"pnl": f"pnl {pool} pnlTier"},
        "get_signal_trend_by_filter": {
            "minAum": f"minAum {pool} aumTier",
            "updateTime": "updateTime is of a ranking; a trend takes asOfTime (yyyyMMddHH, UTC)",
        },
        "get_signal_overview_by_trader": {"pnlTier": f"pnlTier {named}"},
        "get_signal_trend_by_trader": {"lmtNum": f"lmtNum {named}"},
        "get_performance_by_trader": {"winRateTier": f"winRateTier {named}"},
    }
    for name, arguments in expected.items():
        for argument, words in arguments.items():
            assert await refused(name, **{argument: "10000"}) == words


async def test_k10_what_is_missing_is_named() -> None:
    for name, whole in (
        ("get_performance_by_trader", {"authorIds": CODES[0], "period": "7"}),
        ("get_signal_overview_by_trader", NAMED),
        ("get_signal_trend_by_trader", {**NAMED, "instCcy": "BTC", "granularity": "1h"}),
        ("get_signal_trend_by_filter", {"instCcy": "BTC"}),
        ("search_trader", {"keyword": "x"}),
        ("get_trader_positions", {"authorId": CODES[0]}),
    ):
        await told(name, **whole)
        for argument in whole:
            less = {key: value for key, value in whole.items() if key != argument}
            assert (await refused(name, **less)).startswith(f"{argument} is missing"), name


async def test_k7_coins_are_named_or_the_most_held_never_both() -> None:
    bench = Bench()
    await told("get_signal_overview_by_filter", bench, instCcyList="btc, eth-usdt-swap,BTC")
    await told("get_signal_overview_by_filter", bench, instCcyList=["BTC", "XRP"])
    await told("get_signal_overview_by_trader", bench, **NAMED, topInstruments=3)
    assert [(one.bases, one.top_instruments) for one in bench.traders[0].asked] == [  # type: ignore[attr-defined]
        (("BTC", "ETH"), 20),
        (("BTC", "XRP"), 20),
        ((), 3),
    ]
    both = await refused("get_signal_overview_by_filter", topInstruments=5, instCcyList="BTC")
    assert both == "topInstruments and instCcyList do not go together: name one of them"


async def test_k17_moments_are_of_their_own_kind() -> None:
    bench = Bench()
    await told("get_traders_by_filter", bench, updateTime="202609212210")
    await told("get_signal_trend_by_filter", bench, instCcy="BTC", asOfTime="2026092106")
    assert bench.traders[0].asked[0].update_time == "202609212210"  # type: ignore[attr-defined]
    assert bench.traders[0].asked[1].as_of == "2026092106"  # type: ignore[attr-defined]
    for wrong in ("2026092106", "202613012210", "20260921221000", "x", "٢٠٢٦٠٩٢١٢٢١٠"):
        assert "12 digits" in await refused("get_traders_by_filter", updateTime=wrong)
    for wrong in ("202609212210", "2026092125", "0", "-026092106"):
        assert "10 digits" in await refused("get_signal_trend_by_filter", instCcy="BTC", asOfTime=wrong)
    assert "not be after this hour" in await refused("get_signal_trend_by_filter", instCcy="BTC", asOfTime="2999010100")


async def test_numbers_are_text_or_numbers_within_their_range() -> None:
    bench = Bench()
    await told("get_traders_by_filter", bench, minPnl="-1e3", minWinRate=0.5, maxDrawdown="0.1", minAum=10_000)
    (request,) = bench.traders[0].asked
    bounds = (request.min_pnl, request.min_win_rate, request.max_drawdown, request.min_aum)  # type: ignore[attr-defined]
    assert [str(one) for one in bounds] == ["-1E+3", "0.5", "0.1", "10000"]
    for argument in ("minPnl", "minWinRate", "maxDrawdown", "minAum"):
        for wrong in ("nan", "inf", "1e999", "", "ten", "1,5", "9" * 61, True):
            assert argument in await refused("get_traders_by_filter", **{argument: wrong})
    for argument in ("minWinRate", "maxDrawdown"):
        for wrong in (-0.1, 1.1, 80):
            assert "from 0 to 1" in await refused("get_traders_by_filter", **{argument: wrong})
    assert "at least 0" in await refused("get_traders_by_filter", minAum=-1)


async def test_hostile_ids_and_words_reach_no_provider() -> None:
    bench = Bench()
    evil = ("../../etc/passwd", "a b", "x" * 65, "\u202e1", "1&limit=100", "'; DROP TABLE", "\x00", "💣")
    for word in evil:
        for name, argument in (
            ("get_trader_positions", "authorId"),
            ("get_trader_orders_history", "authorId"),
            ("get_performance_by_trader", "authorIds"),
        ):
            more = {"period": "7"} if argument == "authorIds" else {}
            await refused(name, bench, **{argument: word}, **more)
        await refused("get_traders_by_filter", bench, after=word)
    for word in ("", "  ", "x" * 51, "\x00", "a\u202eb"):
        await refused("search_trader", bench, keyword=word)
    for word in ("", "-USDT-SWAP", "BTC/../", "x" * 41, "a b"):
        await refused("get_trader_positions", bench, authorId=CODES[0], instId=word)
    await refused("get_performance_by_trader", bench, authorIds=[f"A{n}" for n in range(101)], period="7")
    await refused("get_performance_by_trader", bench, authorIds=[], period="7")
    await refused("get_trader_positions_history", bench, authorId=CODES[0], after="1", before="2")
    for limit in (0, 101, -1, 10**30, "ten", 1.5):
        await refused("get_traders_by_filter", bench, limit=limit)
    for many in (0, 2001):
        await refused("get_signal_overview_by_filter", bench, lmtNum=many)
    assert bench.traders[0].asked == []


def several(*providers: StandingTraders) -> Bench:
    bench = Bench()
    bench.traders = list(providers)
    return bench


async def test_without_a_name_a_key_goes_first_and_then_whoever_does_not_refuse() -> None:
    key, copy, wallets = StandingTraders("okx_key"), StandingTraders("okx_copy"), StandingTraders("hyperliquid")
    assert (await told("get_traders_by_filter", several(wallets, copy, key)))["provider"] == "okx_key"
    key.is_set = False
    assert (await told("get_traders_by_filter", several(wallets, copy, key)))["provider"] == "hyperliquid"
    wallets.refuses = frozenset({"leaderboard"})
    assert (await told("get_traders_by_filter", several(wallets, copy, key)))["provider"] == "okx_copy"
    assert (await told("get_traders_by_filter", several(wallets, copy, key), provider="OKX_COPY"))[
        "provider"
    ] == "okx_copy"
    address = "0x" + "ab" * 20
    assert (await told("get_trader_positions", several(wallets, copy), authorId=address))["provider"] == "hyperliquid"
    assert (await told("get_trader_positions", several(wallets, copy), authorId=CODES[0]))["provider"] == "okx_copy"


async def test_what_nobody_offers_says_who_refused_what_and_a_named_one_who_has_it() -> None:
    nothing = frozenset({"leaderboard"})
    wallets, copy = StandingTraders("hyperliquid", nothing), StandingTraders("okx_copy", nothing)
    words = await refused("get_traders_by_filter", several(wallets, copy))
    assert words == "hyperliquid does not offer leaderboard here; okx_copy does not offer leaderboard here"
    named = await refused("get_traders_by_filter", several(copy), provider="okx_copy")
    assert named == "okx_copy does not offer leaderboard here; provider=hyperliquid or okx_key does"
    for others, who in (((wallets,), "hyperliquid"), ((StandingTraders("okx_key"),), "okx_key")):
        named = await refused("get_traders_by_filter", several(copy, *others), provider="okx_copy")
        assert named == f"okx_copy does not offer leaderboard here; provider={who} does"
    with pytest.raises(Unavailable, match="does not ask hyperliquid; provider=okx_copy does"):
        await told("get_traders_by_filter", several(copy), provider="hyperliquid")
    with pytest.raises(NotFound, match="no provider knows traders by 0xabcd"):
        await told("get_trader_positions", several(copy), authorId="0xabcd")
    with pytest.raises(Unavailable, match="no provider of traders"):
        await told("search_trader", several(), keyword="x")


async def test_k2_two_ids_one_unknown_are_one_row_and_a_note() -> None:
    found = await told("get_performance_by_trader", authorIds=f"{CODES[3]},NOBODY,{CODES[3]}", period="30")
    assert [row["authorId"] for row in found["data"]] == [CODES[3]]
    assert list(found["notes"]) == ["NOBODY: not known"]


async def test_k3_a_search_tells_at_most_ten() -> None:
    assert len((await told("search_trader", keyword="trader"))["data"]) == 10


async def test_k22_answers_hold_no_exponents_and_no_numbers_but_counts_and_ages() -> None:
    def walk(value: object, path: str) -> list[str]:
        if isinstance(value, dict):
            return [line for key, one in value.items() for line in walk(one, f"{path}.{key}")]
        if isinstance(value, list | tuple):
            return [line for one in value for line in walk(one, path)]
        if isinstance(value, bool) or value is None:
            return []
        if isinstance(value, int | float):
            is_count = re.search(r"\.(traders\w+|\w+Traders|ageS|read|of)$", path)
            return [] if is_count else [f"{path} is a number"]
        return [f"{path} has an exponent: {value}"] if re.fullmatch(r"-?[\d.]+[eE][+-]?\d+", str(value)) else []

    wrong = [line for row in ROWS for line in walk(await told(row.name, **row.examples[0].arguments), row.name)]
    assert wrong == []
