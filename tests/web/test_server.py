"""Over real sockets: what a script, a scraper, a container's health check and a hostile page get."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace

import aiohttp
import pytest

from altmonitor.core.alert import Alert, AlertStats, StoredAlert
from altmonitor.core.clock import Clock, ScaledClock, SystemClock
from altmonitor.core.errors import StartError
from altmonitor.core.health import Vitals, assess
from altmonitor.core.status import EnrichmentStatus, FeedStatus, GuardStatus, LatencyStatus, OutboxStatus, SweepStatus
from altmonitor.core.types import Secret
from altmonitor.detectors.kinds import KINDS
from altmonitor.interfaces.storage import AlertQueries
from altmonitor.web.server import HttpServer, HttpServerDeps
from tests.commands.executor_kit import MemoryAlerts, healthy
from tests.web.web_kit import operations, problem

START_MS = 1_790_000_000_000
PUMP = Alert(
    key="price:SOLUSDT:PUMP:1m:1789999980000",
    ts=1_789_999_990.5,
    event_ms=1_789_999_990_400,
    symbol="SOLUSDT",
    kind="price",
    direction="PUMP",
    candle_ms=1_789_999_980_000,
    price=150.25,
    change_pct=3.5,
    metric=3.5,
    quadrant="up_up",
    note="1m",
    id=7,
)


class Site:
    """A running server and a client for it."""

    def __init__(self, server: HttpServer, session: aiohttp.ClientSession) -> None:
        self.server = server
        self._session = session

    async def get(
        self, path: str, *, method: str = "GET", headers: dict[str, str] | None = None
    ) -> tuple[int, object, aiohttp.typedefs.LooseHeaders]:
        url = f"http://127.0.0.1:{self.server.port}{path}"
        async with self._session.request(method, url, headers=headers) as response:
            body = await response.read()
            is_json = response.content_type.endswith("json") and body
            return response.status, json.loads(body) if is_json else body.decode(), response.headers


_EMPTY = MemoryAlerts()

Serve = Callable[..., AbstractAsyncContextManager[Site]]


def served(*, alerts: AlertQueries | None = _EMPTY, **changes: object) -> HttpServerDeps:
    clock: Clock = changes.setdefault("clock", ScaledClock(start_ms=START_MS, speed=1.0))  # type: ignore[assignment]
    plain = HttpServerDeps(
        host="127.0.0.1", port=0, health=healthy, operations=operations(alerts, clock=clock), clock=clock
    )
    return replace(plain, **changes)  # type: ignore[arg-type]


@asynccontextmanager
async def running(**changes: object) -> AsyncIterator[Site]:
    server = HttpServer(served(**changes))
    await server.start()
    try:
        async with aiohttp.ClientSession() as session:
            yield Site(server, session)
    finally:
        await server.stop()


# --- health ------------------------------------------------------------------------------------------------------


async def test_a_healthy_monitor_answers_200_with_the_documented_body() -> None:
    async with running() as site:
        status, body, _ = await site.get("/health")
    assert status == 200
    assert body == {
        "status": "ok",
        "reasons": [],
        "reason_codes": [],
        "feed": {"last_frame_age_s": 0.3, "symbols_covered": 10, "symbols_expected": 10},
        "oi": {"sweep_age_s": 12.0, "coverage": 1.0},
        "outbox": {"queued": 0},
        "guard": {"state": "open", "until": None},
        "latency_ms": {"detect_p50": None, "detect_p99": None, "deliver_p50": None, "deliver_p99": None},
    }


async def test_health_is_judged_anew_for_every_request() -> None:
    age_s = 0.3

    def judged() -> object:
        vitals = healthy().vitals
        return assess(replace(vitals, feed=replace(vitals.feed, last_frame_age_s=age_s, is_blind=age_s > 30)))

    async with running(health=judged) as site:
        assert (await site.get("/health"))[0] == 200
        age_s = 40.0
        degraded = await site.get("/health")
        age_s = 61.0
        down = await site.get("/health")
        age_s = 0.1
        back = await site.get("/health")
    assert (degraded[0], degraded[1]["status"]) == (200, "degraded")  # type: ignore[index]
    assert (down[0], down[1]["reasons"]) == (503, ["feed_blind: no data for 61 s"])  # type: ignore[index]
    assert back[0] == 200


# --- who may ask -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/metrics", "/api/alerts", "/api/alerts/stats", "/nowhere"])
async def test_with_a_token_everything_but_health_needs_it(path: str) -> None:
    async with running(token=Secret("s3cret-é")) as site:
        assert (await site.get("/health"))[0] == 200
        for wrong in (
            {},
            {"Authorization": "Bearer wrong"},
            {"Authorization": "s3cret-é"},
            {"Authorization": "Bearer"},
        ):
            status, body, headers = await site.get(path, headers=wrong)
            assert status == 401
            assert problem(body) == (401, "unauthorized", "needs the header Authorization: Bearer <API_TOKEN>")
            assert headers["WWW-Authenticate"] == "Bearer"  # type: ignore[call-overload,index]
        assert (await site.get(path, headers={"Authorization": "Bearer s3cret-é"}))[0] in (200, 404)
        assert (await site.get(path, headers={"Authorization": "bearer s3cret-é"}))[0] in (200, 404)


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:3001", "127.0.0.1.evil.example", "localhost.evil", "[::2]"]
)
async def test_on_loopback_a_foreign_host_name_is_refused(host: str) -> None:
    async with running() as site:
        for path in ("/health", "/metrics", "/api/alerts"):
            status, body, _ = await site.get(path, headers={"Host": host})
            assert status == 403
            assert problem(body) == (403, "forbidden", "this address answers to localhost only")


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:3001", "127.0.0.1:9", "[::1]:3001", "127.8.8.8"])
async def test_on_loopback_every_name_of_this_machine_is_answered(host: str) -> None:
    async with running() as site:
        assert (await site.get("/health", headers={"Host": host}))[0] == 200


async def test_beyond_loopback_the_token_decides_and_any_host_name_is_answered() -> None:
    async with running(host="0.0.0.0", token=Secret("t")) as site:
        assert (await site.get("/health", headers={"Host": "monitor.example"}))[0] == 200
        assert (await site.get("/metrics", headers={"Host": "monitor.example"}))[0] == 401


@pytest.mark.parametrize("path", ["/health", "/metrics", "/api/alerts", "/api/alerts?limit=x", "/nowhere"])
async def test_every_answer_carries_the_security_headers(path: str) -> None:
    async with running() as site:
        _, _, headers = await site.get(path)
    shown = dict(headers)  # type: ignore[arg-type]
    assert shown["X-Content-Type-Options"] == "nosniff"
    assert shown["X-Frame-Options"] == "DENY"
    assert shown["Content-Security-Policy"].startswith("default-src 'none'")
    assert shown["Cache-Control"] == "no-store"
    assert shown["Server"] == "altmonitor"
    assert "Access-Control-Allow-Origin" not in shown


async def test_unknown_routes_and_methods_get_one_line_of_json() -> None:
    async with running() as site:
        status, body, headers = await site.get("/nowhere")
        assert problem(body) == (status, "not_found", "there is nothing at this address")
        assert headers["Content-Type"] == "application/problem+json"  # type: ignore[call-overload,index]
        status, body, headers = await site.get("/health", method="POST")
        assert problem(body) == (status, "method_not_allowed", "this address is not asked with this method")
        assert status == 405
        assert headers["Allow"] == "GET,HEAD"  # type: ignore[call-overload,index]
        assert (await site.get("/health", method="HEAD"))[0] == 200


# --- alerts ------------------------------------------------------------------------------------------------------


async def test_alerts_are_rows_with_their_delivery() -> None:
    async with running(alerts=MemoryAlerts(StoredAlert(alert=PUMP, delivery="sent"))) as site:
        status, body, _ = await site.get("/api/alerts")
    assert status == 200
    (row,) = body["alerts"]  # type: ignore[index]
    expected = {
        "id": 7,
        "key": "price:SOLUSDT:PUMP:1m:1789999980000",
        "ts": 1_789_999_990.5,
        "event_ms": 1_789_999_990_400,
        "candle_ms": 1_789_999_980_000,
        "symbol": "SOLUSDT",
        "kind": "price",
        "direction": "PUMP",
        "price": 150.25,
        "change_pct": 3.5,
        "oi_change": None,
        "quadrant": "up_up",
        "late": False,
        "delivery": "sent",
    }
    assert {name: row[name] for name in expected} == expected


async def test_filters_reach_the_query() -> None:
    alerts = MemoryAlerts()
    async with running(alerts=alerts) as site:
        await site.get("/api/alerts")
        await site.get("/api/alerts?limit=1000&symbol=sol&kind=oi&since=1789990000.5")
        await site.get("/api/alerts?symbol=%E5%B8%81%E5%AE%89%E4%BA%BA%E7%94%9FUSDT")
    assert alerts.asked == [
        {"limit": 101, "symbol": None, "kind": None, "since_s": None},
        {"limit": 1001, "symbol": "SOLUSDT", "kind": "oi", "since_s": 1_789_990_000.5},
        {"limit": 101, "symbol": "币安人生USDT", "kind": None, "since_s": None},
    ]


@pytest.mark.parametrize(
    ("query", "line"),
    [
        ("limit=0", "limit must be a whole number from 1 to 1000, not '0'"),
        ("limit=1001", "limit must be a whole number from 1 to 1000, not '1001'"),
        ("limit=", "limit must be a whole number from 1 to 1000, not ''"),
        ("limit=-1", "limit must be a whole number from 1 to 1000, not '-1'"),
        ("limit=1e2", "limit must be a whole number from 1 to 1000, not '1e2'"),
        ("limit=%D9%A5", "limit must be a whole number from 1 to 1000, not '٥'"),
        ("limit=" + "9" * 400, "limit must be a whole number from 1 to 1000, not '" + "9" * 39 + "…'"),
        ("limit=1&limit=2", "limit is given 2 times"),
        ("kind=PUMP", f"kind must be one of {', '.join(sorted(KINDS))}, not 'PUMP'"),
        ("venue=kraken", "venue must be one of binance, bybit, hyperliquid, okx, not 'kraken'"),
        ("symbol=", "symbol must be a contract such as SOLUSDT, not ''"),
        ("symbol=USDT", "symbol must be a contract such as SOLUSDT, not 'USDT'"),
        ("since=nan", "since must be unix seconds such as 1790000000, not 'nan'"),
        ("since=-5", "since must be unix seconds such as 1790000000, not '-5'"),
        ("since=1790000000000", "since must be unix seconds such as 1790000000, not '1790000000000'"),
        ("since=yesterday", "since must be unix seconds such as 1790000000, not 'yesterday'"),
        ("symbl=SOL", "unknown parameter 'symbl'; known: limit, symbol, kind, venue, since, cursor"),
    ],
)
async def test_a_bad_query_gets_one_clear_line(query: str, line: str) -> None:
    alerts = MemoryAlerts()
    async with running(alerts=alerts) as site:
        status, body, _ = await site.get(f"/api/alerts?{query}")
    assert status == 400
    assert problem(body) == (400, "bad_argument", line)
    assert alerts.asked == []


async def test_stats_count_the_hours_before_now() -> None:
    alerts = MemoryAlerts()
    alerts.stats_answer = AlertStats(
        total=3, by_kind={"price": 2, "vol": 1}, by_symbol=[("SOLUSDT", 2), ("BTCUSDT", 1)]
    )
    async with running(alerts=alerts) as site:
        status, body, _ = await site.get("/api/alerts/stats?hours=48")
        bad = await site.get("/api/alerts/stats?hours=721")
    assert status == 200
    assert body == {
        "hours": 48,
        "total": 3,
        "by_kind": {"price": 2, "vol": 1},
        "by_venue": {},
        "by_symbol": [{"symbol": "SOLUSDT", "count": 2}, {"symbol": "BTCUSDT", "count": 1}],
    }
    (asked,) = alerts.asked
    assert asked["since_s"] == pytest.approx(START_MS / 1000 - 172_800, abs=60)  # type: ignore[arg-type]
    assert problem(bad[1]) == (400, "bad_argument", "hours must be a whole number from 1 to 720, not '721'")


async def test_without_history_the_api_says_so() -> None:
    async with running(alerts=None) as site:
        for path in ("/api/alerts", "/api/alerts/stats"):
            status, body, _ = await site.get(path)
            assert status == 404
            assert problem(body) == (404, "not_found", "no history is kept: HISTORY_ENABLED is false")


async def test_a_database_in_trouble_is_503_with_its_line() -> None:
    alerts = MemoryAlerts()
    alerts.problem = "alerts.db is locked by another program"
    async with running(alerts=alerts) as site:
        status, body, _ = await site.get("/api/alerts")
        assert status == 503
        assert problem(body) == (503, "unavailable", "alerts.db is locked by another program")
        assert (await site.get("/health"))[0] == 200


class _Stuck(MemoryAlerts):
    async def recent(self, **_: object) -> list[StoredAlert]:  # type: ignore[override]
        await asyncio.Event().wait()
        return []


class _Broken(MemoryAlerts):
    async def recent(self, **_: object) -> list[StoredAlert]:  # type: ignore[override]
        raise RuntimeError("a secret detail")


async def test_a_database_that_does_not_answer_is_given_up_on() -> None:
    async with running(alerts=_Stuck(), clock=ScaledClock(start_ms=START_MS, speed=50.0)) as site:
        status, body, _ = await site.get("/api/alerts")
    assert status == 503
    assert problem(body) == (503, "unavailable", "the stored alerts did not answer within 10 s")


async def test_a_bug_is_500_without_details() -> None:
    async with running(alerts=_Broken()) as site:
        status, body, _ = await site.get("/api/alerts")
    assert status == 500
    assert problem(body) == (500, "internal", "internal error, see the log")


# --- metrics -----------------------------------------------------------------------------------------------------

VITALS = Vitals(
    feed=FeedStatus(
        connections=2,
        last_frame_age_s=0.5,
        symbols_expected=560,
        symbols_covered=559,
        frames=123,
        frames_skipped={"not json": 4},
        reconnects=3,
        is_blind=False,
    ),
    sweep=SweepStatus(sweep_age_s=None, coverage=0.5, failures={"timeout": 2}),
    outbox=OutboxStatus(queued=6, oldest_age_s=None, sent=70, failed=1),
    guard=GuardStatus(state="blocked", weight_used=2300, weight_limit=2400),
    latency=LatencyStatus(detect_p50=36.0, detect_p99=None),
    uptime_s=99.0,
    version="9.9",
    enrichment={"open_interest": EnrichmentStatus(waiting=1, done=40, given_up={"blocked": 2})},
)


async def test_metrics_are_read_at_the_moment_of_the_scrape() -> None:
    vitals = VITALS
    async with running(health=lambda: assess(vitals)) as site:
        status, first, headers = await site.get("/metrics")
        vitals = replace(VITALS, outbox=replace(VITALS.outbox, queued=0))
        _, second, _ = await site.get("/metrics")
    assert status == 200
    assert headers["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"  # type: ignore[call-overload,index]
    lines = str(first).splitlines()
    for line in (
        'altmonitor_info{version="9.9"} 1.0',
        'altmonitor_health{status="degraded"} 1.0',
        'altmonitor_health{status="ok"} 0.0',
        "altmonitor_feed_last_frame_age_seconds 0.5",
        'altmonitor_alerts_enriched_total{what="open_interest"} 40.0',
        'altmonitor_alerts_not_enriched_total{cause="blocked",what="open_interest"} 2.0',
        "altmonitor_feed_symbols_covered 559.0",
        "altmonitor_feed_frames_total 123.0",
        'altmonitor_feed_frames_skipped_total{cause="not json"} 4.0',
        "altmonitor_feed_reconnects_total 3.0",
        "altmonitor_oi_sweep_coverage_ratio 0.5",
        'altmonitor_oi_sweep_failures{cause="timeout"} 2.0',
        "altmonitor_outbox_queued 6.0",
        "altmonitor_deliveries_sent_total 70.0",
        'altmonitor_exchange_guard{state="blocked"} 1.0',
        "altmonitor_exchange_weight_used 2300.0",
        'altmonitor_alert_latency_seconds{quantile="0.5",stage="detect"} 0.036',
    ):
        assert line in lines, line
    assert "altmonitor_outbox_queued 0.0" in str(second).splitlines()


async def test_what_is_not_known_is_left_out_of_the_metrics() -> None:
    async with running(health=lambda: assess(VITALS)) as site:
        _, text, _ = await site.get("/metrics")
    for name in ("altmonitor_oi_sweep_age_seconds ", "altmonitor_outbox_oldest_age_seconds ", 'quantile="0.99"'):
        assert not [line for line in str(text).splitlines() if name in line and not line.startswith("#")]


# --- start and stop ----------------------------------------------------------------------------------------------


async def test_a_port_in_use_is_one_clear_line() -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(StartError) as caught:
            await HttpServer(served(port=port)).start()
    line = f"API_PORT={port} is in use on 127.0.0.1: stop the other program or set another API_PORT"
    assert str(caught.value) == line


async def test_an_address_of_another_machine_is_one_clear_line() -> None:
    with pytest.raises(StartError, match=r"^API_HOST=192\.0\.2\.1 is not an address of this machine"):
        await HttpServer(served(host="192.0.2.1", token=Secret("t"))).start()


async def test_after_a_stop_the_port_is_free_again() -> None:
    first = HttpServer(served())
    await first.start()
    port = first.port
    await first.stop()
    await first.stop()
    second = HttpServer(served(port=port))
    await second.start()
    assert second.port == port
    await second.stop()


async def test_a_request_under_way_does_not_hold_the_stop_up() -> None:
    clock: Clock = SystemClock()
    server = HttpServer(served(alerts=_Stuck()))
    await server.start()
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
    try:
        writer.write(b"GET /api/alerts HTTP/1.1\r\nHost: localhost\r\n\r\n")
        await writer.drain()
        began_s = clock.monotonic()
        await server.stop()
        assert clock.monotonic() - began_s < 30  # the library alone would wait for a minute
        assert await reader.read() == b""
    finally:
        writer.close()
