"""Keys and plans: who needs one, what each plan allows, and what is said when it is used up."""

from __future__ import annotations

import hashlib
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import aiohttp
import pytest

from altmonitor.cli.main import cli
from altmonitor.core.errors import ConfigError
from altmonitor.core.types import Secret
from altmonitor.storage.score_file import scores_in
from altmonitor.storage.score_store import ScoreStore
from altmonitor.web.api_keys import KeptKey, KeyPlan, KeyTable, add_key, read_table
from altmonitor.web.server import HttpServer, HttpServerDeps
from tests.commands.executor_kit import healthy
from tests.movable_clock import MovableClock
from tests.operations.operations_kit import Bench
from tests.operations.score_kit import whole

KEY = {"X-API-Key": "sm_this is a key"}
TOKEN = "open sesame, please"


def table(plan: str = "two", **more: object) -> KeyTable:
    key = KeptKey(name="bot", sha256=hashlib.sha256(b"sm_this is a key").hexdigest(), plan=plan, **more)  # type: ignore[arg-type]
    return KeyTable(
        keys=(key,),
        plans={
            "two": KeyPlan(per_day=5, per_minute=2),
            "slow": KeyPlan(per_day=100, per_minute=100, delay_s=60.0),
            "small": KeyPlan(per_day=100, per_minute=100, forbidden=("/v1/kelly",)),
        },
    )


@asynccontextmanager
async def served(
    keys: KeyTable, *, token: str = "", clock: MovableClock | None = None, scores: ScoreStore | None = None
) -> AsyncIterator[tuple[aiohttp.ClientSession, MovableClock, Bench]]:
    bench, clock = Bench(), clock or MovableClock()
    server = HttpServer(
        HttpServerDeps(
            host="127.0.0.1",
            port=0,
            health=healthy,  # type: ignore[arg-type]
            operations=replace(whole(bench), clock=clock, scores=scores or bench.scores),  # type: ignore[arg-type]
            clock=clock,  # type: ignore[arg-type]
            token=Secret(token),
            keys=keys,
        )
    )
    await server.start()
    try:
        async with aiohttp.ClientSession(f"http://127.0.0.1:{server.port}") as session:
            yield session, clock, bench
    finally:
        await server.stop()


async def code(answer: aiohttp.ClientResponse) -> tuple[int, str]:
    return answer.status, (await answer.json())["error"]["code"]


async def test_without_a_table_nobody_is_asked_for_a_key() -> None:
    async with served(KeyTable()) as (session, _, _):
        answer = await session.get("/v1/usage")
        assert answer.status == 200
        assert (await answer.json())["plan"] is None


async def test_j1_a_missing_or_wrong_key_is_401_and_health_needs_none() -> None:
    async with served(table()) as (session, _, _):
        assert await code(await session.get("/v1/kelly")) == (401, "unauthorized")
        assert await code(await session.get("/v1/kelly", headers={"X-API-Key": "sm_another"})) == (401, "unauthorized")
        assert (await session.get("/v1/health")).status == 200
        assert (await session.get("/v1/exchange-health")).status == 200
        assert (await session.get("/api/market")).status == 200  # what is not of this API asks for no key


async def test_j2_j3_the_third_call_of_a_minute_is_429_with_headers() -> None:
    async with served(table()) as (session, clock, _):
        first = await session.get("/v1/kelly", headers=KEY)
        assert first.status == 200
        assert first.headers["X-RateLimit-Limit"] == "5"
        assert first.headers["X-RateLimit-Remaining"] == "4"
        assert int(first.headers["X-RateLimit-Reset"]) % 86_400 == 0
        assert (await session.get("/v1/kelly", headers=KEY)).status == 200
        third = await session.get("/v1/kelly", headers=KEY)
        assert await code(third) == (429, "rate_limit_exceeded")
        assert 1 <= int(third.headers["Retry-After"]) <= 60
        assert third.headers["X-RateLimit-Limit"] == "5"
        await clock.advance(61)
        assert (await session.get("/v1/kelly", headers=KEY)).status == 200


async def test_j14_calls_of_a_day_end_at_its_number_and_begin_anew_at_midnight_utc() -> None:
    async with served(table()) as (session, clock, _):
        told = []
        for _ in range(6):
            answer = await session.get("/v1/usage", headers=KEY)
            told.append((await answer.json()).get("calls_today", answer.status))
            await clock.advance(61)
        assert told == [1, 2, 3, 4, 5, 429]
        clock.stop(86_400)  # as advanced, without a day's work of the server
        answer = await (await session.get("/v1/usage", headers=KEY)).json()
        assert (answer["calls_today"], answer["remaining_today"], answer["per_minute"]) == (1, 4, 2)


async def test_a_disk_that_counts_no_calls_keeps_nobody_out_and_the_log_says_so_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    clock = MovableClock()
    refusing = scores_in(tmp_path, clock=clock)  # type: ignore[arg-type]  # a folder where the file should be
    async with served(table(), clock=clock, scores=refusing) as (session, _, _):
        for _ in range(6):
            answer = await session.get("/v1/snapshot?symbol=SOLUSDT", headers=KEY)
            assert (answer.status, answer.headers["X-RateLimit-Remaining"]) == (200, "5")
            await clock.advance(61)
    (said,) = [message for message in caplog.messages if "cannot be counted" in message]
    assert said.startswith("calls with a key cannot be counted, and nobody is held to the calls of a day: ")


async def test_a_plan_that_ran_out_is_402_and_what_it_does_not_include_403() -> None:
    async with served(table("small", paid_until=1)) as (session, _, _):
        assert await code(await session.get("/v1/kelly", headers=KEY)) == (402, "payment_required")
    async with served(table("small")) as (session, _, _):
        assert await code(await session.get("/v1/kelly", headers=KEY)) == (403, "plan_restriction")
        answer = await session.put("/v1/preferences", headers=KEY, json={"default_risk_pct": 1})
        assert await code(answer) == (403, "plan_restriction")


async def test_j43_a_delayed_plan_is_told_what_was_current_a_minute_ago() -> None:
    async with served(table("slow")) as (session, clock, bench):
        early = await session.get("/v1/preferences", headers=KEY)
        assert await code(early) == (503, "data_stale")
        assert int(early.headers["Retry-After"]) == 60
        await bench.scores.set_preferences({"preferences": '{"default_risk_pct":7.5}'})
        await clock.advance(61)
        then = await (await session.get("/v1/preferences", headers=KEY)).json()
        assert then["default_risk_pct"] == 2.0
        await clock.advance(61)
        assert (await (await session.get("/v1/preferences", headers=KEY)).json())["default_risk_pct"] == 7.5


async def test_whoever_has_the_token_needs_no_key() -> None:
    async with served(table(), token=TOKEN) as (session, _, _):
        bearer = {"Authorization": f"Bearer {TOKEN}"}
        assert [(await session.get("/v1/kelly", headers=bearer)).status for _ in range(4)] == [200] * 4
        assert (await session.get("/v1/kelly", headers=KEY)).status == 200
        assert (await session.get("/v1/kelly")).status == 401


def test_a_new_key_is_shown_once_and_kept_as_its_digest(tmp_path: Path) -> None:
    path = tmp_path / "keys.json"
    key = add_key(path, plan="trader", name="bot")
    kept = read_table(path)
    assert key not in path.read_text("utf-8")
    assert kept.keys[0].sha256 == hashlib.sha256(key.encode()).hexdigest()
    assert kept.plan_of(kept.keys[0]).per_minute == 20
    with pytest.raises(ConfigError, match="no plan 'gold'"):
        add_key(path, plan="gold", name="bot")
    path.write_text(json.dumps({"keys": [{"name": "x", "sha256": "0" * 64, "plan": "gold"}]}), "utf-8")
    with pytest.raises(ConfigError, match="names the plan 'gold'"):
        read_table(path)
    assert "--new-key" in [option for one in cli.commands["api"].params for option in one.opts]
