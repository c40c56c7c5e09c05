"""Bybit as the simulated exchange plays it: its socket and its REST bodies over the same market."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Final

from altmonitor.sim.bodies import Answer, Params, funding_hours, premium_row
from altmonitor.sim.contracts import SimContract, key_of
from altmonitor.sim.control import ApiError, RequestPool
from altmonitor.sim.market import Market
from altmonitor.sim.venue_sockets import Push, Reply, SimKline, listed
from altmonitor.sim.wire import KlineRow

MINUTE_MS: Final = 60_000
HOUR_MS: Final = 3_600_000
BAN_S: Final = 600
_TOPICS: Final = ("kline.1.", "tickers.", "allLiquidation.")
_TRADFI: Final = ("stock", "commodity", "forex")


def liquidation(symbol: str, letter: str, coins: float, price: float, at_ms: int) -> Push:
    """letter: of the position: `Buy` was a long one."""
    topic = f"allLiquidation.{symbol}"
    row = {"T": at_ms, "s": symbol, "S": letter, "v": f"{coins:g}", "p": f"{price:g}"}
    return Push(topic, json.dumps({"topic": topic, "type": "snapshot", "ts": at_ms, "data": [row]}).encode())


class BybitWire:
    """Topics it does not have are refused, the whole request with them."""

    paths = ("/v5/public/linear",)
    idle_s = 600.0
    garbage = (
        b"{}",
        b"[]",
        b'{"topic":"kline.1.BTCUSDT","data":[],"ts":1}',
        b'{"topic":"kline.1.BTCUSDT","data":[{"start":"x"}],"ts":1,"type":"snapshot"}',
        b'{"topic":"tickers.BTCUSDT","type":"delta","data":{"symbol":"BTCUSDT","markPrice":"1"},"cs":1,"ts":1}',
        b'{"topic":"kline.1.BTCUSDT","data":[{"start":17900',
        b'{"topic":"kline.1.BTCUSDT","ts":1,"data":[{"start":0,"open":"NaN","high":"1e999","low":"0","close":"0",'
        b'"turnover":"0","confirm":false}]}',
        b'{"success":true,"ret_msg":"subscribe","conn_id":"x","op":"subscribe"}',
    )

    def __init__(self, market: Market, *, now_ms: Callable[[], int]) -> None:
        self._market = market
        self._now_ms = now_ms

    def on_text(self, text: str, subscriptions: set[str], path: str) -> Reply:
        try:
            request = json.loads(text)
            operation, given = request["op"], str(request.get("req_id", ""))
        except (ValueError, KeyError, TypeError, AttributeError):
            return Reply(texts=(b'{"success":false,"ret_msg":"request must be json","conn_id":"sim","op":""}',))
        if operation == "ping":
            return Reply(texts=(_answer("ping", "", ret_msg="pong"),))
        topics = [str(topic) for topic in request.get("args", [])]
        names = set(listed(self._market, self._now_ms()))
        for topic in topics:
            if not any(topic.startswith(kind) and topic.removeprefix(kind) in names for kind in _TOPICS):
                error = f"error:handler not found,topic:{topic}"
                return Reply(texts=(_answer(operation, given, ret_msg=error, success=False),))
        if sum(map(len, {*subscriptions, *topics})) > 21_000:
            return Reply(texts=(_answer(operation, given, ret_msg="error:args size exceed", success=False),))
        answer = (_answer(operation, given),)
        if operation == "unsubscribe":
            return Reply(texts=answer, removes=tuple(topics))
        return Reply(texts=answer, adds=tuple(topics))

    def kline(self, update: SimKline) -> Push:
        k, topic = update.kline, f"kline.1.{update.symbol}"
        row = {
            "start": k["t"],
            "end": k["T"],
            "interval": "1",
            "open": k["o"],
            "close": k["c"],
            "high": k["h"],
            "low": k["l"],
            "volume": k["v"],
            "turnover": k["q"],
            "confirm": k["x"],
            "timestamp": update.event_ms,
        }
        body = {"topic": topic, "data": [row], "ts": update.event_ms, "type": "snapshot"}
        return Push(topic, json.dumps(body, ensure_ascii=False).encode())

    def tables(self, now_ms: int) -> list[Push]:
        return []


def _answer(operation: str, req_id: str, *, ret_msg: str = "", success: bool = True) -> bytes:
    return json.dumps(
        {"success": success, "ret_msg": ret_msg, "conn_id": "sim", "req_id": req_id, "op": operation},
        ensure_ascii=False,
    ).encode()


# ---


class BybitBodies:
    """skew_ms: how far its clock is ahead."""

    def __init__(self, market: Market, *, skew_ms: Callable[[], int]) -> None:
        self._market = market
        self._skew_ms = skew_ms
        self._pool = RequestPool(600, window_ms=5_000)

    def answers(self) -> dict[str, Answer]:
        return {
            "/v5/market/time": self.time,
            "/v5/market/instruments-info": self.instruments,
            "/v5/market/tickers": self.tickers,
            "/v5/market/kline": self.klines,
        }

    def time(self, params: Params, now_ms: int) -> object:
        at_ms = now_ms + self._skew_ms()
        return self._body({"timeSecond": str(at_ms // 1000), "timeNano": str(at_ms * 1_000_000)}, now_ms)

    def instruments(self, params: Params, now_ms: int) -> object:
        """In pages, so that whoever reads only the first is noticed."""
        self._charge(now_ms)
        rows = []
        for contract in self._market.contracts():
            status = contract.status_at(now_ms)
            if status not in ("TRADING", "PENDING_TRADING") or contract.quote_asset != "USDT":
                continue
            is_dated = contract.contract_type not in ("PERPETUAL", "TRADIFI_PERPETUAL")
            rows.append(
                {
                    "symbol": contract.symbol,
                    "contractType": "LinearFutures" if is_dated else "LinearPerpetual",
                    "status": "Trading" if status == "TRADING" else "PreLaunch",
                    "baseCoin": contract.base_asset,
                    "quoteCoin": "USDT",
                    "settleCoin": "USDT",
                    "launchTime": str(contract.onboard_ms),
                    "deliveryTime": "0",
                    "deliveryFeeRate": "",
                    "fundingInterval": 60 * (funding_hours(contract) or 8),
                    "symbolType": self._type_of(contract),
                }
            )
        size = min(200, max(1, int(params.get("limit", "500"))))
        first = int(params.get("cursor") or 0)
        cursor = str(first + size) if first + size < len(rows) else ""
        result = {"category": "linear", "list": rows[first : first + size], "nextPageCursor": cursor}
        return self._body(result, now_ms)

    @staticmethod
    def _type_of(contract: SimContract) -> str:
        if contract.contract_type != "TRADIFI_PERPETUAL":
            return "innovation" if key_of("bybit", contract.symbol) % 7 == 0 else ""
        return _TRADFI[key_of("bybit", contract.symbol) % len(_TRADFI)]

    def tickers(self, params: Params, now_ms: int) -> object:
        self._charge(now_ms)
        symbols = listed(self._market, now_ms)
        prices = self._market.prices(symbols, now_ms)
        moods = self._market.moods(symbols, 0, now_ms // 300_000)
        days = self._market.days(symbols, now_ms // 60_000 * 60_000)
        rows = []
        for symbol, price, mood, day in zip(symbols, prices, moods, days, strict=True):
            contract = self._market.contract(symbol)
            if contract is None:
                continue
            premium = premium_row(contract, price, mood, now_ms)
            held = self._market.open_interest(symbol, now_ms) * 0.4
            rows.append(
                {
                    "symbol": symbol,
                    "lastPrice": f"{price:.8f}",
                    "indexPrice": premium["indexPrice"],
                    "markPrice": premium["markPrice"],
                    "prevPrice24h": f"{day.open:.8f}",
                    "price24hPcnt": f"{day.last / day.open - 1:.6f}",
                    "highPrice24h": f"{day.high:.8f}",
                    "lowPrice24h": f"{day.low:.8f}",
                    "openInterest": f"{2 * held:.4f}",
                    "openInterestValue": f"{2 * held * price:.2f}",
                    "singleOpenInterest": f"{held:.4f}",
                    "singleOpenInterestValue": f"{held * price:.2f}",
                    "turnover24h": f"{day.quote * 0.4:.4f}",
                    "volume24h": f"{day.quote * 0.4 / price:.4f}",
                    "fundingRate": str(premium["lastFundingRate"]),
                    "nextFundingTime": str(premium["nextFundingTime"]),
                    "fundingIntervalHour": str(funding_hours(contract) or ""),
                    "predictedDeliveryPrice": "",
                    "deliveryTime": "0",
                }
            )
        return self._body({"category": "linear", "list": rows}, now_ms)

    def klines(self, params: Params, now_ms: int) -> object:
        self._charge(now_ms)
        if params.get("symbol", "") not in listed(self._market, now_ms):
            return self._body({}, now_ms, code=10001, message="params error: symbol invalid")
        limit = min(1_000, int(params.get("limit", "200")))
        end_ms = min(int(params.get("end", now_ms)), now_ms)
        start_ms = max(int(params.get("start", 0)), end_ms - (limit - 1) * MINUTE_MS)
        found = self._market.kline_rows(params["symbol"], start_ms=start_ms, end_ms=end_ms, at_ms=now_ms)
        rows = [_row(row) for row in reversed(found)]
        return self._body({"category": "linear", "symbol": params["symbol"], "list": rows}, now_ms)

    def _charge(self, now_ms: int) -> None:
        try:
            self._pool.charge(now_ms)
        except ApiError:
            raise ApiError(403, 10006, "access too frequent", retry_after_s=BAN_S) from None

    def _body(self, result: object, now_ms: int, *, code: int = 0, message: str = "OK") -> dict[str, object]:
        at_ms = now_ms + self._skew_ms()
        return {"retCode": code, "retMsg": message, "result": result, "retExtInfo": {}, "time": at_ms}


def _row(row: KlineRow) -> list[str]:
    return [str(row[0]), *(str(row[at]) for at in (1, 2, 3, 4, 5, 7))]
