"""A table without names is joined by place, and refused as a whole where the places cannot be right."""

from __future__ import annotations

import json

import pytest

from altmonitor.core.errors import BadAnswer
from altmonitor.exchanges.hyperliquid.bodies import (
    Asset,
    AssetLists,
    Context,
    read_all_contexts,
    read_meta,
    read_predictions,
)


def context(price: float) -> Context:
    return Context(
        funding="0.0000125",
        open_interest="1000.0",
        prev_day_px=str(price / 1.25),
        day_ntl_vlm="5000000.0",
        oracle_px=str(price * 0.999),
        mark_px=str(price),
        mid_px=None,
    )


def lists(*names: str, dead: str = "") -> AssetLists:
    return AssetLists({"": [Asset(name=name, is_delisted=name == dead) for name in names]})


def test_a_delisted_entry_keeps_its_place_and_is_left_out() -> None:
    known = lists("BTC", "MATIC", "kPEPE", dead="MATIC")
    rows = known.joined("", [context(80_000), context(0), context(0.012)])
    assert [(row.symbol, row.context.mark_px) for row in rows] == [("BTCUSDT", "80000"), ("1000PEPEUSDT", "0.012")]


def test_after_a_listing_no_row_moves_to_its_neighbour() -> None:
    """The table knows the newcomer a moment before the list does: nothing is joined until the list was read again."""
    known = lists("BTC", "ETH", "SOL")
    longer = [context(80_000), context(2_400), context(3.5), context(150)]  # the newcomer stands third, not last
    assert known.joined("", longer) == []
    assert (known.is_stale, known.refused) == (True, 1)
    known.of_dex[""] = [Asset(name=name) for name in ("BTC", "ETH", "NEW", "SOL")]
    assert [(row.symbol, row.context.mark_px) for row in known.joined("", longer)] == [
        ("BTCUSDT", "80000"),
        ("ETHUSDT", "2400"),
        ("NEWUSDT", "3.5"),
        ("SOLUSDT", "150"),
    ]


def test_each_dex_is_joined_with_its_own_list_and_an_unknown_one_with_none() -> None:
    known = lists("BTC")
    known.of_dex["xyz"] = [Asset(name="xyz:TSLA")]
    frame = {
        "channel": "allDexsAssetCtxs",
        "data": {"ctxs": [["", [{"markPx": "80000"}]], ["xyz", [{"markPx": "250"}]], ["flx", [{"markPx": "1"}]]]},
    }
    rows = [row for dex, table in read_all_contexts(json.dumps(frame).encode()) for row in known.joined(dex, table)]
    assert [(row.symbol, row.context.mark_px) for row in rows] == [("BTCUSDT", "80000"), ("xyz:TSLA", "250")]
    assert not known.is_stale


def test_an_answer_whose_halves_do_not_fit_is_refused() -> None:
    body = json.dumps([{"universe": [{"name": "BTC"}, {"name": "ETH"}]}, [{"markPx": "80000"}]]).encode()
    with pytest.raises(BadAnswer, match="1 contexts for 2 assets"):
        read_meta(body)


def test_figures_are_of_one_side_in_coins_per_hour_and_in_percent() -> None:
    (row,) = lists("BTC").joined("", [context(80_000)])
    assert row.open_interest(7).contracts == 1_000.0
    assert row.day().change_pct == pytest.approx(25.0)
    funding = row.funding(now_ms=3_600_000 * 5 + 17, told_ms=3_600_000 * 5)
    assert (funding.rate, funding.next_ms, funding.time_ms) == (0.0000125, 3_600_000 * 6, 3_600_000 * 5)
    assert funding.index_price == pytest.approx(79_920)


def test_what_is_null_is_not_told_and_not_zero() -> None:
    (row,) = lists("BTC").joined("", [Context(mark_px="1", prev_day_px="0.0")])
    for read in (lambda: row.open_interest(7), row.day, lambda: row.funding(7, told_ms=0)):
        with pytest.raises(ValueError, match="not"):
            read()


def test_predicted_fundings_of_three_venues_are_compared_per_eight_hours() -> None:
    body = json.dumps(
        [
            [
                "kPEPE",
                [
                    ["BinPerp", {"fundingRate": "0.0001", "nextFundingTime": 1, "fundingIntervalHours": 4}],
                    ["HlPerp", {"fundingRate": "0.0000125", "nextFundingTime": 1, "fundingIntervalHours": 1}],
                    ["BybitPerp", {"fundingRate": "0.0003", "nextFundingTime": 1}],
                    ["SomePerp", {"fundingRate": "1", "nextFundingTime": 1}],
                ],
            ],
            ["BTC", [["BinPerp", None]]],
        ]
    ).encode()
    found = read_predictions(body, as_of_ms=7)
    assert list(found) == ["1000PEPEUSDT"]
    told = {row.venue: (row.rate_8h * 100, row.interval_h, row.next_ms, row.source) for row in found["1000PEPEUSDT"]}
    assert told == {
        "binance": (pytest.approx(0.02), 4, 1, "predicted"),
        "hyperliquid": (pytest.approx(0.01), 1, 1, "predicted"),
        "bybit": (pytest.approx(0.03), 8.0, 1, "predicted"),
    }


def test_a_prediction_that_is_no_number_is_left_out_and_the_others_stay() -> None:
    venues = [["BinPerp", {"fundingRate": "NaN"}], ["BybitPerp", {"fundingRate": "0.0001"}]]
    found = read_predictions(json.dumps([["BTC", venues]]).encode(), as_of_ms=7)
    assert [(row.venue, row.rate_8h) for row in found["BTCUSDT"]] == [("bybit", 0.0001)]
