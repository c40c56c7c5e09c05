"""The Smart Money API asked by somebody who means it ill or does not care: one line each that says what, where and what
is allowed, over HTTP and from an AI client, and nothing that is no answer or refusal."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from altmonitor.operations.errors import BadArgument
from altmonitor.operations.operation import Operation
from altmonitor.operations.table import OPERATION_OF, OPERATIONS
from tests.mcp.mcp_kit import bench_client
from tests.operations.operations_kit import Bench
from tests.operations.score_kit import StandingMinutes, StandingWallets, refused
from tests.web.test_openapi import ALL, site

ROWS = [row for row in OPERATIONS if row.keyed]
TEXTS = (
    "",
    " ",
    "nope",
    "сол",
    "币安人生USDT",
    "'; DROP TABLE looks; --",
    "A" * 500,
    "\x01\x1b[31m",
    "SOL,ETH",
    "../../etc/passwd",
    "<script>alert(1)</script>",
    "-1",
    "1e999",
    "nan",
    "NaN",
    "inf",
    "0x10",
    "٥",
    "9" * 400,
    "null",
)
VALUES: tuple[Any, ...] = (None, True, [], {}, -1, 10**30, 1.5, ["SOL"], {"a": 1}, [None], "", "\ud800")
FREE = {("confirm_trade", "source"), ("add_condition", "name"), ("set_preferences", "notification_email")}
"""Text that may be anything that can be shown."""


def questions(bag: tuple[Any, ...], rows: list[Operation[Any, Any]]) -> Iterator[tuple[Operation[Any, Any], str, Any]]:
    for row in rows:
        for name in row.arguments.__struct_encode_fields__:
            for value in bag:
                yield row, name, value


def blame(row: Operation[Any, Any], name: str, value: object, status: int, said: str) -> str:
    """What is wrong with a refusal; '' for a good one."""
    where = f"{row.name} {name}={ascii(value)[:40]}: {status} {said[:120]}"
    if status >= 500 and status != 503:
        return where
    if status == 200:
        return ""
    is_shown = said.isprintable() and len(said) <= 400
    names_it = name in said or (name in ("symbol", "symbols", "watchlist") and "contract" in said)
    says_what = any(
        word in said for word in ("must", "one of", "is watched", "missing", "given", "known", "there is no")
    )
    return "" if is_shown and names_it and says_what else where


async def test_over_http_every_odd_query_is_answered_or_refused_in_one_line() -> None:
    wrong, count, refusals = [], 0, 0
    reads = [row for row in ROWS if not row.writes and "{" not in (row.route or "")]
    async with site(Bench(), rest=StandingMinutes(), wallets=StandingWallets()) as (_, session):
        for row, name, value in questions(TEXTS, reads):
            given = {key: str(one) for key, one in row.examples[0].arguments.items()} | {name: value}
            answer = await session.get((row.route or "").removeprefix("GET "), params=given, headers=ALL)
            said = "" if answer.status == 200 else (await answer.json())["error"]["message"]
            count, refusals = count + 1, refusals + (answer.status != 200)
            wrong.append(blame(row, name, value, answer.status, said))
            if answer.status == 200 and name in ("symbol", "direction", "days", "hours", "limit", "regime"):
                wrong.append(f"{row.name} takes {name}={value!r}")
    assert [one for one in wrong if one] == []
    assert count > 500
    assert refusals > 0.9 * count


async def test_over_http_every_odd_body_is_answered_or_refused_in_one_line() -> None:
    wrong, refusals = [], 0
    writes = [row for row in ROWS if row.writes and "{" not in (row.route or "")]
    async with site(Bench()) as (_, session):
        for row, name, value in questions(VALUES[:-1], writes):
            method, path = (row.route or "").split(" ")
            body = json.dumps({**row.examples[0].arguments, name: value})
            answer = await session.request(method, path, data=body, headers={**ALL, "Content-Type": "application/json"})
            said = "" if answer.status == 200 else (await answer.json())["error"]["message"]
            refusals += answer.status != 200
            wrong.append(blame(row, name, value, answer.status, said))
        for body in ("{", "[]", "null", '{"name": NaN}', '{"threshold": 1e999}', '{"a":1,"a":2}', "\x00"):
            answer = await session.post("/v1/alerts", data=body, headers={**ALL, "Content-Type": "application/json"})
            assert answer.status == 400, body
    assert [one for one in wrong if one] == []
    assert refusals > 100


async def test_an_ai_client_is_refused_in_one_line_too() -> None:
    wrong, refusals = [], 0
    tools = [row for row in ROWS if row.tool]
    assert len(tools) >= 3
    bag = (*TEXTS, *VALUES[:-1])
    async with bench_client(Bench()) as client:
        for row, name, value in questions(bag, tools):
            told = await client.call_tool(row.name, {**row.examples[0].arguments, name: value})
            if told.is_error:
                refusals += 1
                wrong.append(blame(row, name, value, 400, json.loads(told.content[0].text)["error"]))  # type: ignore[union-attr]
    assert [one for one in wrong if one] == []
    assert refusals > 60


async def test_what_no_venue_answers_is_503_in_one_line_whatever_is_asked() -> None:
    async with site(Bench(), **{**refused(), "wallets": None}) as (_, session):  # type: ignore[arg-type]
        for path in ("/v1/confirm?symbol=SOL&direction=long", "/v1/snapshot?symbol=SOL"):
            answer = await session.get(path, headers=ALL)
            body = await answer.json()
            assert (answer.status, body["error"]["code"]) == (503, "data_stale")
            assert "refuses this address" in body["error"]["message"]


def test_numbers_lists_and_broken_text_say_what_is_allowed() -> None:
    said = {}
    for row_name, given in (
        ("smart_stop", {"symbol": "SOL", "direction": "long", "entry_price": -1}),
        ("kelly_share", {"account_size": 0}),
        ("set_preferences", {"watchlist": "SOL"}),
        ("confirm_trade", {"symbol": "\ud800", "direction": "long"}),
        ("confirm_trade", {"symbol": "SOL", "direction": "long", "source": "a\nb"}),
        ("regime_history", {"regime": "late_cycle_divergence"}),
    ):
        said[row_name, *given] = str(read_refused(row_name, given))
    assert list(said.values()) == [
        "entry_price must be a number above 0 up to 1000000000000, not '-1'",
        "account_size must be a number above 0 up to 1000000000000, not '0'",
        "watchlist must be a list of at most 20, each a contract such as SOLUSDT, not 'SOL'",
        "symbol must be a contract such as SOLUSDT; '\\ud800' holds characters that are none",
        "source must be text of 0 to 32 characters, not 'a\\nb'",
        "regime must be one of accumulation, breakdown, breakout, crowded_long, crowded_short, deleveraging, "
        "distribution, range, short_covering, unknown, not 'late_cycle_divergence'",
    ]


def read_refused(name: str, given: dict[str, Any]) -> BadArgument:
    with pytest.raises(BadArgument) as problem:
        OPERATION_OF[name].read(given)
    return problem.value
