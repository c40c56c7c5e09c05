"""Questions about traders with missing, wrong, huge and hostile arguments, over HTTP and from an AI client; the command
line is in tests/cli/test_smartmoney.py, the chat in tests/commands/test_traders.py."""

from __future__ import annotations

import json
from typing import Any

from altmonitor.operations.table import OPERATION_OF
from altmonitor.operations.trader_detail import TRADER_DETAIL_OPERATIONS
from altmonitor.operations.trader_signals import SIGNAL_OPERATIONS
from altmonitor.operations.traders import TRADER_OPERATIONS
from tests.mcp.mcp_kit import bench_client
from tests.operations.operations_kit import Bench
from tests.operations.standing_traders import CODES, StandingTraders
from tests.web.test_operations import site

ROWS = (*TRADER_OPERATIONS, *TRADER_DETAIL_OPERATIONS, *SIGNAL_OPERATIONS)
NAMED = {"authorIds": CODES[0], "sortBy": "pnl", "period": "7"}
GOOD: dict[str, dict[str, Any]] = {
    "get_traders_by_filter": {},
    "get_performance_by_trader": {"authorIds": CODES[0], "period": "7"},
    "search_trader": {"keyword": "x"},
    "get_trader_positions": {"authorId": CODES[0]},
    "get_trader_positions_history": {"authorId": CODES[0]},
    "get_trader_orders_history": {"authorId": CODES[0]},
    "get_trader_detail": {"authorId": CODES[0]},
    "get_signal_overview_by_filter": {},
    "get_signal_overview_by_trader": NAMED,
    "get_signal_trend_by_filter": {"instCcy": "BTC"},
    "get_signal_trend_by_trader": {**NAMED, "instCcy": "BTC", "granularity": "1d"},
}
TEXTS = (
    "",
    " ",
    "\x00\x1b[31m\u202e",
    "<script>alert(1)</script>",
    "'; DROP TABLE alerts; --",
    "A" * 2_000,
    "../../etc",
)
NUMBERS = ("nan", "inf", "-1", "1e999", "9" * 400, "0x10", "٥", "")


def bad_ones() -> list[tuple[str, str, dict[str, str]]]:
    """Name of the operation, of the argument that is wrong, and all arguments as text."""
    found = []
    for row in ROWS:
        properties = set(row.arguments.__struct_encode_fields__)
        for name in sorted(properties):
            bag = NUMBERS if name in ("limit", "lmtNum", "topInstruments", "minWinRate", "maxDrawdown") else TEXTS
            if name == "keyword":
                bag = ("", " ", "\x00", "A" * 51)
            found += [(row.name, name, {**GOOD[row.name], name: value}) for value in bag]
        found += [(row.name, name, {**GOOD[row.name], name: "1"}) for name in ("nonsense", "AUTHORID", "pnl")]
        found += [
            (row.name, name, {key: value for key, value in GOOD[row.name].items() if key != name})
            for name in GOOD[row.name]
        ]
    return found


async def test_over_http_each_is_a_problem_that_names_the_argument_and_asks_nobody() -> None:
    bench, wrong = Bench(), []
    async with site(bench) as session:
        for name, argument, given in bad_ones():
            answer = await session.get((OPERATION_OF[name].route or "").removeprefix("GET "), params=given)
            body = await answer.json()
            if (answer.status, body["code"]) != (400, "bad_argument") or argument not in body["detail"]:
                wrong.append(f"{name} {argument} {given[argument][:20] if argument in given else None!r}: {body}")
        twice = await session.get(f"/v1/smartmoney/trader-positions?authorId={CODES[0]}&authorId={CODES[1]}")
        assert (await twice.json())["detail"] == "authorId is given 2 times"
        for name, given in GOOD.items():
            fine = await session.get((OPERATION_OF[name].route or "").removeprefix("GET "), params=given)
            assert fine.status == 200, name
    assert wrong == []
    assert len(bench.traders[0].asked) == len(GOOD) + 2  # one of them asks three at once


async def test_an_ai_client_gets_each_as_an_error_with_the_argument_and_asks_nobody() -> None:
    bench, wrong = Bench(), []
    more = [
        (name, argument, {**GOOD[name], argument: value})
        for name, argument in (
            ("get_traders_by_filter", "limit"),
            ("get_traders_by_filter", "minPnl"),
            ("get_trader_positions", "authorId"),
            ("get_signal_overview_by_filter", "instCcyList"),
            ("get_performance_by_trader", "authorIds"),
        )
        for value in (True, {}, {"a": 1}, [[]], [None], ["<b>"], 1.5e300)
    ]
    async with bench_client(bench) as client:
        for name, argument, given in (*bad_ones(), *more):
            if argument in GOOD[name] or argument in given:
                numbers = ("limit", "lmtNum", "topInstruments")
                sent = {
                    key: int(one) if key in numbers and str(one).isascii() and str(one).isdecimal() else one
                    for key, one in given.items()
                }
                told = await client.call_tool(name, sent)
                body = json.loads(told.content[0].text)  # type: ignore[union-attr]
                if not told.is_error or body["code"] != "bad_argument" or argument not in body["error"]:
                    wrong.append(f"{name} {argument} {str(given.get(argument))[:20]!r}: {str(body)[:200]}")
    assert wrong == []
    assert bench.traders[0].asked == []


async def test_a_refusal_of_a_provider_reaches_every_face_with_who_can() -> None:
    bench = Bench()
    bench.traders = [StandingTraders("okx_copy", frozenset({"trend"}))]
    given = {"instCcy": "BTC", "provider": "okx_copy"}
    words = "okx_copy does not offer trend here; provider=hyperliquid or okx_key does"
    async with site(bench) as session:
        answer = await session.get("/v1/smartmoney/signal-trend-by-filter", params=given)
        assert (answer.status, (await answer.json())["detail"]) == (400, words)
    async with bench_client(bench) as client:
        told = await client.call_tool("get_signal_trend_by_filter", given)
        assert told.is_error
        assert json.loads(told.content[0].text)["error"] == words  # type: ignore[union-attr]


async def test_a_period_that_is_none_is_refused_where_it_is_days_of_success() -> None:
    async with bench_client(Bench()) as client:
        told = await client.call_tool("get_traders_by_filter", {"period": "5m"})
    assert told.is_error
    assert "period must be one of 3, 7, 30, 90" in told.content[0].text  # type: ignore[union-attr]
