"""The simulated exchange's REST side: routes and their weights, budgets, and all that can be made to go wrong."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import msgspec
from aiohttp import web

from altmonitor.core.clock import Clock
from altmonitor.sim.bodies import Answer, Params, RestBodies, kline_weight
from altmonitor.sim.control import (
    ApiError,
    ExchangeFaults,
    ExchangeStats,
    RequestPool,
    RestFault,
    WeightBudget,
    banned,
    too_many,
)
from altmonitor.sim.market import Market
from altmonitor.sim.positioning import OVERVIEW_PATH, PositionAnswers
from altmonitor.sim.venues import venue_answers

_PORTAL = "<!DOCTYPE html><html><head><title>Sign in</title></head><body><h1>Welcome to the network</h1></body></html>"
_GATEWAY = "<html><head><title>{status}</title></head><body><center><h1>{status}</h1></center></body></html>"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Route:
    """weight: what it costs, None for paths outside the weight budget. pool: its own request limit, if any."""

    answer: Answer
    weight: Callable[[Params], int] | None = None
    pool: RequestPool | None = None


class Rest:
    """`now_ms`: exchange time; `clock` only for waiting."""

    def __init__(
        self,
        market: Market,
        *,
        clock: Clock,
        now_ms: Callable[[], int],
        faults: ExchangeFaults,
        stats: ExchangeStats,
        more: Mapping[str, Answer],
        signed: Mapping[str, Callable[[web.Request, int], None]] | None = None,
    ) -> None:
        """more: path → body of other venues' markets. signed: path → what judges the signature, by raising ApiError."""
        self._signed = signed or {}
        self._clock = clock
        self._now_ms = now_ms
        self._faults = faults
        self._stats = stats
        self._budget = WeightBudget()
        self._table = _table(market) | {path: _Route(answer=answer) for path, answer in more.items()}

    def routes(self) -> list[web.RouteDef]:
        return [web.get(f"/{part}/{{path:.*}}", self._serve) for part in ("fapi", "futures", "bapi", "api", "v5")]

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        path, params, now_ms = request.path, dict(request.query), self._now_ms()
        log = self._stats.request(path, now_ms)
        log.symbols[params.get("symbol", "")] += 1
        fault = self._faults.rest_fault(path, params.get("symbol"))
        if fault is not None and fault.delay_s > 0:
            await self._clock.sleep(fault.delay_s)
        response = await self._spoiled(request, fault) if fault is not None else None
        if response is None:
            response = self._answer(request, params, self._now_ms())
            if fault is not None and (fault.truncate or fault.cut):
                response = await _shortened(request, response, fault)
        if not response.prepared and path.startswith("/fapi/"):
            used = self._budget.used(self._now_ms()) + self._faults.weight_offset
            response.headers["X-MBX-USED-WEIGHT-1M"] = str(used)
        log.statuses[response.status] = log.statuses.get(response.status, 0) + 1
        return response

    def _answer(self, request: web.Request, params: Params, now_ms: int) -> web.Response:
        path = request.path
        route = self._table.get(path)
        if route is None:
            return _json_response(404, {"code": -5000, "msg": f"Path {path}, Method GET is invalid"})
        try:
            if path in self._signed:
                self._signed[path](request, now_ms)
            if route.pool is not None:
                route.pool.charge(now_ms)
            if route.weight is not None:
                self._budget.charge(now_ms, route.weight(params), offset=self._faults.weight_offset)
            return _json_response(200, route.answer(params, now_ms))
        except ApiError as error:
            response = _json_response(error.status, {"code": error.code, "msg": str(error)})
            if error.retry_after_s is not None:
                response.headers["Retry-After"] = str(error.retry_after_s)
            return response

    async def _spoiled(self, request: web.Request, fault: RestFault) -> web.Response | None:
        """The fault's own answer; None when it only shortens or delays the real one."""
        if fault.html_200:
            return web.Response(text=_PORTAL, content_type="text/html")
        if fault.status is None:
            return None
        text, kind = _error_body(fault, self._now_ms())
        response = web.Response(status=fault.status, text=text, content_type=kind)
        if fault.retry_after is not None:
            response.headers["Retry-After"] = fault.retry_after
        return response


def _table(market: Market) -> dict[str, _Route]:
    answers = RestBodies(market)
    positions = PositionAnswers(market, answers)

    def flat(weight: int) -> Callable[[Params], int]:
        return lambda params: weight

    def one_or_all(one: int, all_of_them: int) -> Callable[[Params], int]:
        return lambda params: one if params.get("symbol") else all_of_them

    funding, positioning = RequestPool(500), RequestPool(1000)
    table = {
        "/fapi/v1/ping": _Route(answer=answers.ping, weight=flat(1)),
        "/fapi/v1/time": _Route(answer=answers.time, weight=flat(1)),
        "/fapi/v1/exchangeInfo": _Route(answer=answers.exchange_info, weight=flat(1)),
        "/fapi/v1/klines": _Route(answer=answers.klines, weight=kline_weight),
        "/fapi/v1/openInterest": _Route(answer=answers.open_interest, weight=flat(1)),
        "/fapi/v1/premiumIndex": _Route(answer=answers.premium_index, weight=one_or_all(1, 10)),
        "/fapi/v1/fundingInfo": _Route(answer=answers.funding_info, weight=flat(0), pool=funding),
        "/fapi/v1/fundingRate": _Route(answer=answers.funding_rate, weight=flat(0), pool=funding),
        "/fapi/v1/ticker/24hr": _Route(answer=answers.day_ticker, weight=one_or_all(1, 40)),
        OVERVIEW_PATH: _Route(answer=positions.overview),
    }
    of_positions: dict[str, Answer] = {
        "globalLongShortAccountRatio": positions.accounts,
        "openInterestHist": positions.open_interest_hist,
        "topLongShortAccountRatio": positions.top_accounts,
        "topLongShortPositionRatio": positions.top_positions,
        "takerlongshortRatio": positions.taker,
    }
    for name, answer in of_positions.items():
        table[f"/futures/data/{name}"] = _Route(answer=answer, pool=positioning)
    table |= {path: _Route(answer=answer) for path, answer in venue_answers(market).items()}
    return table


def _json_response(status: int, body: object) -> web.Response:
    return web.Response(status=status, body=msgspec.json.encode(body), content_type="application/json")


def _error_body(fault: RestFault, now_ms: int) -> tuple[str, str]:
    """What the exchange, or the wall before it, writes with this status: text and content type."""
    if fault.body is not None:
        return fault.body, "application/json" if fault.body.startswith(("{", "[")) else "text/html"
    status = fault.status
    if status == 418:
        error = banned(fault.banned_until_ms if fault.banned_until_ms is not None else now_ms + 120_000)
        return _json(error.code, str(error)), "application/json"
    if status == 429:
        error = banned(fault.banned_until_ms) if fault.banned_until_ms is not None else too_many()
        return _json(error.code, str(error)), "application/json"
    if status == 451:
        text = "Service unavailable from a restricted location according to 'b. Eligibility' in https://www.binance.com/en/terms."
        return _json(0, text), "application/json"
    if status == 503:
        return _json(
            -1008, "Server is currently overloaded with other requests. Please try again in a few minutes."
        ), "application/json"
    if status == 500:
        return _json(-1000, "An unknown error occurred while processing the request."), "application/json"
    return _GATEWAY.format(status=status), "text/html"


def _json(code: int | str, message: str) -> str:
    return msgspec.json.encode({"code": code, "msg": message}).decode()


async def _shortened(request: web.Request, whole: web.Response, fault: RestFault) -> web.Response:
    body = whole.body if isinstance(whole.body, bytes) else b""
    half = body[: max(1, len(body) // 2)]
    if fault.truncate:
        return web.Response(status=whole.status, body=half, content_type="application/json")
    transport = request.transport
    if transport is not None:
        head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        if isinstance(transport, asyncio.Transport):
            transport.write(head.encode() + half)
        transport.close()
    return whole
