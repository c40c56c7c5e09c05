"""The Smart Money API over HTTP: its paths, its errors, and that others keep theirs."""

from __future__ import annotations

from altmonitor.core.types import Secret
from altmonitor.web.operations import is_keyed
from tests.operations.operations_kit import Bench
from tests.operations.score_kit import StandingMinutes, StandingWallets, refused
from tests.web.test_openapi import ALL, site

TOLD = {"rest": StandingMinutes(), "wallets": StandingWallets()}


def test_paths_of_the_api_are_known_and_others_are_not() -> None:
    assert [
        path for path in ("/v1/confirm", "/v1/health", "/v1/meta", "/health", "/v1/confirm/x") if is_keyed(path)
    ] == [
        "/v1/confirm",
        "/v1/health",
    ]


async def test_a_confirmation_over_http() -> None:
    async with site(Bench(), **TOLD) as (_, session):
        answer = await session.get("/v1/confirm?symbol=SOL&direction=long", headers=ALL)
        body = await answer.json()
    assert answer.status == 200
    assert body["action"] in ("CONFIRM_FULL", "CONFIRM_REDUCED", "CONFIRM_MINIMAL", "VETO_SKIP")
    assert set(body["factors"]["derivatives"]) >= {"score", "weight", "weighted", "source", "staleness_factor"}
    assert body["coverage"]["onchain"] == 0.0


async def test_j4_errors_are_code_and_message_there_and_a_line_elsewhere() -> None:
    found = {}
    async with site(Bench(), **TOLD) as (_, session):
        for name, path, headers in (
            ("bad", "/v1/confirm?symbol=SOL&direction=up", ALL),
            ("nobody", "/v1/confirm?symbol=SOL&direction=long", {}),
            ("unknown", "/v1/confirm?symbol=NOPE&direction=long", ALL),
        ):
            answer = await session.get(path, headers=headers)
            found[name] = (answer.status, (await answer.json())["error"]["code"])
        other = await (await session.get("/api/alerts?limit=0", headers=ALL)).json()
    async with site(Bench(), **{**refused(), "wallets": None}) as (_, session):
        answer = await session.get("/v1/confirm?symbol=SOL&direction=long", headers=ALL)
        stale = await answer.json()
    assert found == {
        "bad": (400, "invalid_params"),
        "nobody": (401, "unauthorized"),
        "unknown": (404, "not_found"),
    }
    assert isinstance(other["error"], str)
    assert (answer.status, stale["error"]["code"], stale["data"]) == (503, "data_stale", None)
    assert "the exchange refuses this address" in stale["error"]["message"]


async def test_preferences_are_changed_with_the_token_only() -> None:
    bench = Bench()
    async with site(bench) as (_, session):
        for method in ("PUT", "PATCH"):
            answer = await session.request(method, "/v1/preferences", headers=ALL, json={"default_risk_pct": 1.0})
            assert answer.status == 200
        reader = {"Authorization": f"Bearer {Secret('a token that reads').reveal()}"}
        refused_to = await session.put("/v1/preferences", headers=reader, json={"default_risk_pct": 3.0})
        body = await refused_to.json()
    assert (refused_to.status, body["error"]["code"]) == (403, "plan_restriction")
    assert (await bench.scores.preferences())["preferences"].count('"default_risk_pct":1.0') == 1
